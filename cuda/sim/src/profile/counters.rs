//! What is counted, and what follows from it.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::Serialize;

use crate::instructions::InstructionClass;

/// Adds the fields of a struct of counters one by one.
macro_rules! add_fields {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl AddAssign<&$type> for $type {
            fn add_assign(&mut self, other: &Self) {
                $(self.$field += &other.$field;)*
            }
        }
    };
}

/// Instructions, as warps and as their lanes take them.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Instructions {
    /// Instructions that warps took: once for each group of lanes that took it together.
    pub warps: u64,
    /// The same, each counted by the lanes that were at it.
    pub lanes: u64,
    /// Of these lanes, those whose guard held, or all without a guard.
    pub guarded_lanes: u64,
}

add_fields!(Instructions {
    warps,
    lanes,
    guarded_lanes
});

impl Instructions {
    /// The lanes that were at an instruction on average; of the 32 that there are. 0 of no
    /// instructions.
    pub fn average_lanes(&self) -> f64 {
        ratio(self.lanes, self.warps)
    }
}

/// Accesses to global memory, by requests: what the lanes of a warp ask for by one instruction.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Traffic {
    /// Requests.
    pub requests: u64,
    /// Lanes that took part in them.
    pub lanes: u64,
    /// Bytes that the lanes asked for together.
    pub bytes: u64,
    /// Sectors, pieces of 32 bytes, that the requests touched.
    pub sectors: u64,
    /// The fewest sectors that the bytes of each request fit in, equal ones counted once.
    pub ideal_sectors: u64,
    /// Lines of 128 bytes that the requests touched.
    pub lines: u64,
}

add_fields!(Traffic {
    requests,
    lanes,
    bytes,
    sectors,
    ideal_sectors,
    lines
});

impl Traffic {
    /// Sectors that a request touches on average; 0 without a request.
    pub fn sectors_per_request(&self) -> f64 {
        ratio(self.sectors, self.requests)
    }

    /// The bytes of the sectors that were touched.
    pub fn bytes_moved(&self) -> u64 {
        self.sectors * SECTOR
    }
}

/// Accesses to shared memory, by requests.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Banked {
    /// Requests.
    pub requests: u64,
    /// Lanes that took part in them.
    pub lanes: u64,
    /// Bytes that the lanes asked for together.
    pub bytes: u64,
    /// Passes through the 32 banks that the requests took.
    pub wavefronts: u64,
    /// The passes that they would take without a conflict.
    pub ideal_wavefronts: u64,
}

add_fields!(Banked {
    requests,
    lanes,
    bytes,
    wavefronts,
    ideal_wavefronts
});

impl Banked {
    /// The passes that bank conflicts cost.
    pub fn conflicts(&self) -> u64 {
        self.wavefronts - self.ideal_wavefronts
    }
}

/// Accesses of which only their size is counted.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Bytes {
    /// Requests; of copies in bulk and of tensors, runs of bytes.
    pub requests: u64,
    /// Bytes.
    pub bytes: u64,
}

add_fields!(Bytes { requests, bytes });

/// Accesses to a memory by what they do there.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(bound = "T: Serialize + Default + PartialEq")]
pub struct Accesses<T> {
    /// Loads.
    #[serde(skip_serializing_if = "is_zero")]
    pub load: T,
    /// Stores.
    #[serde(skip_serializing_if = "is_zero")]
    pub store: T,
    /// Atomic updates.
    #[serde(skip_serializing_if = "is_zero")]
    pub atomic: T,
    /// The ends of copies by `cp.async`: reads of global memory, writes of shared memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub copy: T,
}

impl<T: for<'a> AddAssign<&'a T> + Default> Accesses<T> {
    /// All of them together.
    pub fn total(&self) -> T {
        let mut total = T::default();
        for part in [&self.load, &self.store, &self.atomic, &self.copy] {
            total += part;
        }
        total
    }
}

impl<T: for<'a> AddAssign<&'a T>> AddAssign<&Self> for Accesses<T> {
    fn add_assign(&mut self, other: &Self) {
        self.load += &other.load;
        self.store += &other.store;
        self.atomic += &other.atomic;
        self.copy += &other.copy;
    }
}

/// What was done to memory. JSON leaves out what was not touched.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct MemoryCounters {
    /// Global memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub global: Accesses<Traffic>,
    /// Shared memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub shared: Accesses<Banked>,
    /// Loads of local memory: arrays and spilled registers of a thread, as the PTX has them.
    #[serde(skip_serializing_if = "is_zero")]
    pub local_load: Bytes,
    /// Stores to local memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub local_store: Bytes,
    /// What copies in bulk and of tensors read from global memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub bulk_read: Bytes,
    /// What they wrote to global memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub bulk_write: Bytes,
}

add_fields!(MemoryCounters {
    global,
    shared,
    local_load,
    local_store,
    bulk_read,
    bulk_write
});

/// Operations on numbers, a fused multiply-add as two.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Operations {
    /// Of `f16` and `bf16`.
    pub half: u64,
    /// Of `f32`.
    pub single: u64,
    /// Of `f64`.
    pub double: u64,
    /// In products of matrices of floating-point numbers: 2 m n k each.
    pub matrix: u64,
    /// In products of matrices of whole numbers, which are no floating-point operations.
    pub integer_matrix: u64,
}

add_fields!(Operations {
    half,
    single,
    double,
    matrix,
    integer_matrix
});

impl Operations {
    /// All floating-point operations.
    pub fn flops(&self) -> u64 {
        self.half + self.single + self.double + self.matrix
    }
}

/// What a kernel, or a line of it, has done.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counters {
    /// All instructions.
    pub instructions: Instructions,
    /// The same by their class; those that did not occur are left out.
    pub classes: BTreeMap<InstructionClass, Instructions>,
    /// Branches that warps took: `bra` and `brx`.
    pub branches: u64,
    /// Of these, those that sent lanes of the group different ways.
    pub divergent_branches: u64,
    /// Arrivals of warps at barriers of their block: `bar` and `barrier`.
    pub barriers: u64,
    /// Operations on numbers.
    pub operations: Operations,
    /// Accesses to memory.
    #[serde(flatten)]
    pub memory: MemoryCounters,
}

impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        self.instructions += &other.instructions;
        for (&class, instructions) in &other.classes {
            *self.classes.entry(class).or_default() += instructions;
        }
        self.branches += other.branches;
        self.divergent_branches += other.divergent_branches;
        self.barriers += other.barriers;
        self.operations += &other.operations;
        self.memory += &other.memory;
    }
}

impl Counters {
    /// The instructions of a class.
    pub fn class(&self, class: InstructionClass) -> Instructions {
        self.classes.get(&class).cloned().unwrap_or_default()
    }

    /// The bytes that went between global memory and the multiprocessors if no cache kept any: whole
    /// sectors, and what was copied in bulk.
    pub fn global_bytes(&self) -> u64 {
        let memory = &self.memory;
        memory.global.total().bytes_moved() + memory.bulk_read.bytes + memory.bulk_write.bytes
    }

    /// Floating-point operations per byte of [`Counters::global_bytes`]; `None` without such bytes.
    pub fn arithmetic_intensity(&self) -> Option<f64> {
        let bytes = self.global_bytes();
        (bytes > 0).then(|| ratio(self.operations.flops(), bytes))
    }
}

fn is_zero<T: Default + PartialEq>(counters: &T) -> bool {
    *counters == T::default()
}

/// The bytes of a sector.
pub(crate) const SECTOR: u64 = 32;
/// The sectors of a line.
pub(crate) const SECTORS_PER_LINE: u64 = 4;

pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        _ => part as f64 / whole as f64,
    }
}
