//! What an allocation is and where an address lies, in words; and what goes wrong with memory.

use std::fmt;

/// What an allocation was made as.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AllocationKind {
    /// Memory of the device, uninitialized.
    Device,
    /// Memory that host and device both use by one address.
    Managed,
    /// Memory of the host that was allocated for the device to use as well.
    Pinned,
    /// Memory of the host program that was lent to the device.
    Registered,
    /// A `.const` variable of a module: kernels may not write it.
    Constant,
    /// A `.global` variable of a module.
    Variable,
    /// Allocated by a kernel.
    Heap,
}

impl AllocationKind {
    /// Whether the device's own memory holds it, which has a capacity.
    pub(super) fn is_on_device(self) -> bool {
        matches!(
            self,
            Self::Device | Self::Constant | Self::Variable | Self::Heap
        )
    }
}

impl fmt::Display for AllocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "device memory",
            Self::Managed => "managed memory",
            Self::Pinned => "pinned host memory",
            Self::Registered => "registered host memory",
            Self::Constant => "constant memory",
            Self::Variable => "a variable of a module",
            Self::Heap => "the heap of kernels",
        })
    }
}

/// An allocation, live or freed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allocation {
    /// The address of its first byte.
    pub address: u64,
    /// Its size in bytes.
    pub size: u64,
    /// What it was made as.
    pub kind: AllocationKind,
    /// Counts the allocations of a device from 1.
    pub number: u64,
    /// Whether it was not freed yet.
    pub live: bool,
}

impl Allocation {
    pub(super) fn end(&self) -> u64 {
        self.address + self.size
    }
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let freed = if self.live { "" } else { "freed " };
        write!(
            f,
            "the {freed}{}-byte allocation #{} ({})",
            self.size, self.number, self.kind
        )
    }
}

/// An address, told by the allocation that it lies in or next to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Whereabouts {
    /// The address.
    pub address: u64,
    /// The nearest allocation.
    pub allocation: Allocation,
}

impl Whereabouts {
    /// How many bytes lie between the address and the allocation: zero inside of it, and for the
    /// byte right behind its end.
    pub fn distance(&self) -> u64 {
        let Allocation { address, .. } = self.allocation;
        address.saturating_sub(self.address) + self.address.saturating_sub(self.allocation.end())
    }

    /// Whether the address is one of the allocation's bytes.
    pub fn is_inside(&self) -> bool {
        (self.allocation.address..self.allocation.end()).contains(&self.address)
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allocation = self.allocation;
        let bytes = |count: u64| if count == 1 { "byte" } else { "bytes" };
        if self.is_inside() {
            let offset = self.address - allocation.address;
            write!(f, "at byte {offset} of {allocation}")
        } else if self.address < allocation.address {
            let before = self.distance();
            write!(f, "{before} {} before {allocation}", bytes(before))
        } else if self.distance() == 0 {
            write!(f, "right behind the end of {allocation}")
        } else {
            let behind = self.distance();
            write!(
                f,
                "{behind} {} behind the end of {allocation}",
                bytes(behind)
            )
        }
    }
}

/// The end of a sentence about an address, where there is something to say.
fn it_lies(nearest: &Option<Whereabouts>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(": it lies {nearest}"))
}

/// What goes wrong with the memory of a device.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// An allocation of nothing.
    #[error("cannot allocate 0 bytes: ask for at least one")]
    Empty,
    /// An alignment that is none.
    #[error("{alignment} is no alignment: expected a power of two of at most 2^31")]
    Alignment {
        /// What was asked for.
        alignment: u64,
    },
    /// More than there is.
    #[error(
        "out of memory: {requested} bytes were asked for, {free} of {capacity} are free; free \
         something first, or give the device more memory"
    )]
    OutOfMemory {
        /// The bytes that were asked for.
        requested: u64,
        /// The bytes that the device has left.
        free: u64,
        /// The bytes that the device has.
        capacity: u64,
    },
    /// Memory of the host program that the device has already, or that no device can have.
    #[error(
        "cannot register {size} bytes of the host at {address:#x}: {reason}; unregister what is \
         there, or register other memory"
    )]
    Registration {
        /// Where the memory is.
        address: u64,
        /// Its size in bytes.
        size: u64,
        /// What stands against it.
        reason: &'static str,
    },
    /// A pattern that memory cannot be filled with.
    #[error("cannot fill with a pattern of {bytes} bytes: expected 1, 2 or 4")]
    Pattern {
        /// The length of the pattern.
        bytes: usize,
    },
    /// An access to what is no live allocation, or not all of it.
    #[error("{bytes} bytes at {address:#x} are not in a live allocation{}", it_lies(.nearest))]
    OutOfBounds {
        /// The first address.
        address: u64,
        /// How many bytes were meant.
        bytes: u64,
        /// What the address lies in or next to.
        nearest: Option<Whereabouts>,
    },
    /// Freed what is no allocation.
    #[error(
        "cannot free {address:#x}, which is not the start of an allocation{}",
        it_lies(.nearest)
    )]
    NotAllocated {
        /// What was to be freed.
        address: u64,
        /// What the address lies in or next to.
        nearest: Option<Whereabouts>,
    },
    /// Freed twice.
    #[error("cannot free {address:#x} again: it is the start of {allocation}")]
    DoubleFree {
        /// What was to be freed.
        address: u64,
        /// The allocation that was there.
        allocation: Allocation,
    },
}
