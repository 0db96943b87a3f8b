//! A module that is ready to run: names resolved, instructions decoded, registers allocated.

mod allocate;
mod frame;
mod function;
mod inlined;
mod link;
mod operation;
mod shared;
mod special;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use frame::{Constant, Fate, Symbol};
pub use link::LoadError;
pub(crate) use link::{function_address, load};
pub(crate) use operation::{Operation, PredicateSource};
pub(crate) use shared::SharedLayout;
pub(crate) use special::Special;

use crate::check::{Place, SourceLine};
use crate::exec::{Actual, PredicateSlot, Slot, Step};
use crate::instructions::Work;
use crate::ptx::{Limits, Location, Position};

/// The address of the first function. A call through any other address than that of a function is
/// found.
pub(crate) const FUNCTION_WINDOW: u64 = 4 << 40;
/// The bytes from one function's address to the next one's.
pub(crate) const FUNCTION_STRIDE: u64 = 16;

/// A module that was loaded.
#[derive(Debug)]
pub struct Program {
    kernels: BTreeMap<String, Arc<Kernel>>,
    /// Address and size of each variable.
    variables: BTreeMap<String, (u64, u64)>,
}

impl Program {
    /// The kernel of this name.
    pub fn kernel(&self, name: &str) -> Option<&Arc<Kernel>> {
        self.kernels.get(name)
    }

    /// All kernels, by their names.
    pub fn kernels(&self) -> impl Iterator<Item = &Arc<Kernel>> {
        self.kernels.values()
    }

    /// The address and size in bytes of a variable in global or constant memory.
    pub fn variable(&self, name: &str) -> Option<(u64, u64)> {
        self.variables.get(name).copied()
    }

    /// Where the module's variables are, to free them.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        self.variables.values().map(|&(address, _)| address)
    }
}

/// A parameter of a kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parameter {
    /// Where it begins in the packed parameters, in bytes.
    pub offset: usize,
    /// Its bytes.
    pub size: usize,
    /// What its offset is a multiple of.
    pub alignment: usize,
}

/// The text that a program was loaded from, for reports.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) lines: Vec<String>,
    pub(crate) files: BTreeMap<u32, String>,
}

/// What is known of a step beside what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepInfo {
    pub(crate) position: Position,
    pub(crate) location: Option<Location>,
    pub(crate) work: Work,
}

impl Source {
    /// Where a step comes from.
    pub(crate) fn place(&self, step: &StepInfo) -> Place {
        let lines = &self.lines;
        let line_number = step.position.line as usize;
        let line = lines.get(line_number.saturating_sub(1));
        let file_name = |number: u32| {
            let file = self.files.get(&number);
            file.cloned().unwrap_or_else(|| format!("file {number}"))
        };
        let location = step.location.filter(|location| location.line > 0);
        let source = location.map(|location| SourceLine {
            file: file_name(location.file),
            line: location.line,
            column: location.column,
        });
        // The directive that holds for an instruction is the last one before it in its function.
        let before = lines.iter().take(line_number).rev();
        let locs = before
            .map(|line| line.trim_start())
            .take_while(|line| !line.contains(".entry") && !line.contains(".func"))
            .filter(|line| line.starts_with(".loc"));
        let calls = match source {
            Some(_) => inlined::calls(locs, file_name),
            None => Vec::new(),
        };
        Place {
            ptx_line: step.position.line,
            ptx: line.map_or_else(String::new, |line| line.trim().to_owned()),
            source,
            calls,
        }
    }
}

/// A function, decoded for one kernel.
#[derive(Debug)]
pub(crate) struct FunctionCode {
    pub(crate) name: String,
    /// Its first step.
    pub(crate) start: u32,
    /// The rows of registers that it needs.
    pub(crate) rows: u32,
    /// Where its rows begin among those of all functions that the kernel may call.
    pub(crate) first_row: u32,
    /// The predicates that it needs.
    pub(crate) predicates: u32,
    /// What its constant rows hold: the constant, its slot and its rows.
    pub(crate) constants: Vec<(Constant, Slot, u32)>,
    pub(crate) false_predicate: Option<PredicateSlot>,
    /// `%is_explicit_cluster`
    pub(crate) cluster_predicate: Option<PredicateSlot>,
    /// Its frame of local memory, in bytes.
    pub(crate) local_bytes: u32,
    pub(crate) parameters: Vec<Actual>,
    pub(crate) returns: Vec<Actual>,
}

/// A kernel with all functions that it may call.
pub struct Kernel {
    name: String,
    parameters: Vec<Parameter>,
    parameter_bytes: usize,
    code: Vec<Step>,
    infos: Arc<[StepInfo]>,
    entry: FunctionCode,
    /// By their numbers in the module.
    functions: BTreeMap<u32, FunctionCode>,
    /// The rows of all of them.
    function_rows: u32,
    shared: SharedLayout,
    limits: Limits,
    ptx_version: (u32, u32),
    architecture: u32,
    source: Arc<Source>,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("name", &self.name)
            .field("parameters", &self.parameters)
            .field("steps", &self.code.len())
            .finish_non_exhaustive()
    }
}

impl Kernel {
    /// The name of the entry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parameters, in their order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The bytes of all parameters, packed.
    pub fn parameter_bytes(&self) -> usize {
        self.parameter_bytes
    }

    /// The bytes of shared memory that the kernel's own variables take.
    pub fn static_shared(&self) -> u32 {
        self.shared.static_bytes()
    }

    /// The bytes of local memory that a thread needs, without those of functions that it calls.
    pub fn local_bytes(&self) -> u32 {
        self.entry.local_bytes
    }

    /// The 32-bit registers of a thread: an estimate, which a GPU's assembler may go below or above.
    pub fn registers(&self) -> u32 {
        let constants: u32 = self.entry.constants.iter().map(|(_, _, rows)| rows).sum();
        // The hardware gives registers out in eights, and has no more than 255.
        (self.entry.rows - constants.min(self.entry.rows))
            .next_multiple_of(8)
            .clamp(16, 255)
    }

    /// The most threads of a block that the kernel was compiled for.
    pub fn max_threads(&self) -> u32 {
        let most = self.limits.required_threads.or(self.limits.max_threads);
        most.map_or(1024, |size| {
            size.iter()
                .fold(1_u32, |product, &size| product.saturating_mul(size.max(1)))
                .min(1024)
        })
    }

    /// The shape that a block must have, if the kernel asks for one.
    pub fn required_block(&self) -> Option<[u32; 3]> {
        self.limits.required_threads
    }

    /// The shape that a cluster must have, if the kernel asks for one. It counts for a launch that states
    /// none.
    pub fn required_cluster(&self) -> Option<[u32; 3]> {
        self.limits.required_cluster
    }

    /// The most blocks of a cluster, if the kernel says so.
    pub fn max_cluster_blocks(&self) -> Option<u32> {
        self.limits.max_cluster_rank
    }

    /// Whether a launch of the kernel must state the shape of clusters.
    pub fn needs_cluster(&self) -> bool {
        self.limits.explicit_cluster
    }

    /// The registers that a thread begins with, if the kernel says so.
    pub(crate) fn max_registers(&self) -> Option<u32> {
        self.limits.max_registers
    }

    /// Whether the grid of a launch counts clusters instead of blocks.
    pub fn blocks_are_clusters(&self) -> bool {
        self.limits.blocks_are_clusters
    }

    /// The version of the PTX, as `80` for 8.0.
    pub fn ptx_version(&self) -> u32 {
        self.ptx_version.0 * 10 + self.ptx_version.1
    }

    /// The architecture that the PTX is for, as `80` for `sm_80`.
    pub fn architecture(&self) -> u32 {
        self.architecture
    }

    #[inline(always)]
    pub(crate) fn code(&self) -> &[Step] {
        &self.code
    }

    pub(crate) fn entry(&self) -> &FunctionCode {
        &self.entry
    }

    pub(crate) fn function(&self, number: u32) -> Option<&FunctionCode> {
        self.functions.get(&number)
    }

    /// Where the registers of a function begin that is called at this depth; 0 is the kernel's own.
    ///
    /// Each function has its rows to itself: lanes may be in several at a time, and a register of 64
    /// bits does not lie in the same columns as one of 32.
    pub(crate) fn frame(&self, function: &FunctionCode, depth: u32) -> usize {
        let below = u64::from(self.entry.rows) + u64::from(depth) * u64::from(self.function_rows);
        (below + u64::from(function.first_row)) as usize
    }

    pub(crate) fn shared(&self) -> &SharedLayout {
        &self.shared
    }

    /// What is known of a step.
    pub(crate) fn place(&self, pc: u32) -> Place {
        self.source.place(&self.infos[pc as usize])
    }

    /// What is known of each step.
    pub(crate) fn infos(&self) -> &Arc<[StepInfo]> {
        &self.infos
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }
}
