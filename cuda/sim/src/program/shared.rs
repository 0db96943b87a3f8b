//! Where a kernel's variables lie in shared memory.

use crate::ptx::Variable;

/// The bytes that are left free behind each variable, so that running past its end is found.
const GAP: u64 = 64;

/// A variable in shared memory.
#[derive(Clone, Debug)]
pub(crate) struct SharedVariable {
    pub(crate) name: String,
    pub(crate) offset: u32,
    pub(crate) size: u32,
}

/// The shared memory of a kernel: its variables, then what the launch adds.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedLayout {
    /// In ascending order of their offsets.
    pub(crate) variables: Vec<SharedVariable>,
    /// The bytes that the variables take on a GPU, where they lie without gaps.
    static_bytes: u64,
    end: u64,
    /// Where the memory begins whose size the launch states.
    dynamic_alignment: u64,
    /// The name of the array that it is declared as.
    pub(crate) dynamic_name: Option<String>,
}

/// The bytes that a kernel's own variables may take; a launch may add more.
pub(crate) const MOST_STATIC: u64 = 48 << 10;

impl SharedLayout {
    /// Gives a variable its place; `None` if it does not fit.
    pub(crate) fn place(&mut self, variable: &Variable) -> Option<u32> {
        let size = variable.size()?;
        let alignment = u64::from(variable.alignment).max(16);
        let offset = self.end.next_multiple_of(alignment);
        // Alignments leave room, too; this keeps all offsets within 32 bits.
        if offset > 1 << 24 {
            return None;
        }
        let static_bytes = self
            .static_bytes
            .next_multiple_of(u64::from(variable.alignment.max(1)))
            .checked_add(size)
            .filter(|&bytes| bytes <= MOST_STATIC)?;
        self.static_bytes = static_bytes;
        self.end = offset + size + GAP;
        self.variables.push(SharedVariable {
            name: variable.name.clone(),
            offset: offset as u32,
            size: size as u32,
        });
        Some(offset as u32)
    }

    /// Notes the array without a size. All of them begin at the same place, which is known once
    /// all variables have theirs.
    pub(crate) fn place_dynamic(&mut self, variable: &Variable) {
        self.dynamic_alignment = self.dynamic_alignment.max(u64::from(variable.alignment));
        self.dynamic_name
            .get_or_insert_with(|| variable.name.clone());
    }

    /// Where the memory begins whose size the launch states.
    pub(crate) fn dynamic_offset(&self) -> u32 {
        // Tensor copies want their tiles at multiples of 1024, and a kernel that aligns its array
        // by hand assumes that it begins at one of 16 at least.
        self.end.next_multiple_of(self.dynamic_alignment.max(1024)) as u32
    }

    /// The bytes that the variables take.
    pub(crate) fn static_bytes(&self) -> u32 {
        self.static_bytes as u32
    }

    /// The variable that lies at an offset, or the one before it.
    pub(crate) fn nearest(&self, offset: u32) -> Option<&SharedVariable> {
        let behind = self
            .variables
            .partition_point(|variable| variable.offset <= offset);
        self.variables.get(behind.saturating_sub(1))
    }
}
