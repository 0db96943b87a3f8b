//! Counters: what kernels did, by instruction class, memory access and line of their source.

mod counters;
mod listing;
mod output;
mod ptxas;
mod recorder;
mod table;
mod tally;

use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use counters::{
    Accesses, Banked, Bytes, Counters, Instructions, MemoryCounters, Operations, Traffic,
};
pub use output::{ProfileFormat, ProfileOutput};
pub(crate) use recorder::Recorder;
pub(crate) use tally::{AccessKind, Tallies, Tally};

use crate::device::{Occupancy, Properties};
use crate::program::Source;

/// What the launches of a device have counted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    /// The device that was simulated.
    #[serde(serialize_with = "name")]
    pub device: Properties,
    /// The kernels, in the order of their first launches; one that two modules have is two.
    pub kernels: Vec<KernelProfile>,
}

fn name<S: Serializer>(device: &Properties, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&device.name)
}

impl Profile {
    /// All of it as JSON, on one line: the public fields by their names, and of each memory what was
    /// done to it; the classes of instructions by their names, without those that did not occur.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("no map has keys that are no text")
    }
}

/// What the launches of one kernel have counted.
#[derive(Clone, Debug, Serialize)]
pub struct KernelProfile {
    /// The kernel's name.
    pub name: String,
    /// How often it was launched.
    pub launches: u64,
    /// The blocks of all launches.
    pub blocks: u64,
    /// The threads of all launches.
    pub threads: u64,
    /// How long the simulator took for them, which says nothing of a GPU.
    pub host_seconds: f64,
    /// Bytes of shared memory that the kernel's own variables take.
    pub static_shared: u32,
    /// What ptxas makes of the kernel; `None` until [`Profile::ask_ptxas`] has found one.
    pub resources: Option<Resources>,
    /// The shapes that it was launched in.
    pub shapes: Vec<LaunchShape>,
    /// All that it did.
    pub counters: Counters,
    /// What each line did, by file and line.
    pub lines: Vec<LineProfile>,
    /// The text of its module.
    #[serde(skip)]
    source: Arc<Source>,
}

/// What a kernel needs of a multiprocessor, as `ptxas -v` says it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Resources {
    /// 32-bit registers of a thread.
    pub registers: u32,
    /// Bytes of the stack of a thread, in local memory.
    pub stack_bytes: u32,
    /// Bytes of the stores of a thread that spill registers to local memory, in the code.
    pub spill_store_bytes: u32,
    /// The same of loads.
    pub spill_load_bytes: u32,
    /// Bytes of static shared memory.
    pub static_shared: u32,
}

/// A shape of blocks that a kernel was launched in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LaunchShape {
    /// Threads along x, y, z.
    pub block: [u32; 3],
    /// Bytes of shared memory beyond the kernel's own variables.
    pub dynamic_shared: u32,
    /// How often it was launched like this.
    pub launches: u64,
    /// How much of it a multiprocessor holds at a time; `None` where the registers are not known.
    pub occupancy: Option<Occupancy>,
}

/// What a line of a kernel's source did.
#[derive(Clone, Debug, Serialize)]
pub struct LineProfile {
    /// The file, as the PTX names it; empty for the PTX itself, where it names none.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The instructions of this line alone, without those that were inlined into it.
    pub own_instructions: Instructions,
    /// What the line did together with all that was inlined into it.
    pub counters: Counters,
}
