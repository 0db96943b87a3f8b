//! What the driver knows: contexts and what belongs to them, each object in a table by its handle.

use std::collections::BTreeMap;

use cust_raw::CUresult;
use cust_raw::cudaError_enum::*;

use super::argument::Handle;
use super::capture::Capture;
use super::event::Event;
use super::function::Function;
use super::graph::{Graph, Node};
use super::graph_exec::Executable;
use super::library::{Library, LibraryKernel};
use super::link::Link;
use super::memory::Allocation;
use super::module::Module;
use super::pool::Pools;
use super::refusal::Refusal;
use super::stream::{Stream, StreamRef};
use super::user_object::UserObject;

/// Objects by handle. A handle is of one table only and is never used again.
pub(crate) type Table<T> = BTreeMap<Handle, T>;

/// Everything that calls share.
#[derive(Default)]
pub(crate) struct State {
    /// Whether `cuInit` was called.
    pub(crate) initialized: bool,
    last_handle: usize,
    pub(crate) contexts: Table<Context>,
    pub(crate) primary: Primary,
    pub(crate) allocations: BTreeMap<u64, Allocation>,
    pub(crate) modules: Table<Module>,
    pub(crate) functions: Table<Function>,
    pub(crate) libraries: Table<Library>,
    pub(crate) library_kernels: Table<LibraryKernel>,
    pub(crate) links: Table<Link>,
    pub(crate) streams: Table<Stream>,
    pub(crate) events: Table<Event>,
    pub(crate) captures: Table<Capture>,
    pub(crate) graphs: Table<Graph>,
    pub(crate) nodes: Table<Node>,
    pub(crate) executables: Table<Executable>,
    pub(crate) user_objects: Table<UserObject>,
    pub(crate) pools: Pools,
    /// The streams that are at work.
    pub(crate) running: Vec<StreamRef>,
    /// Entries of the log that wait for the end of the call.
    pub(crate) notes: Vec<String>,
}

/// A context.
#[derive(Default)]
pub(crate) struct Context {
    /// `CU_CTX_*`
    pub(crate) flags: u32,
    /// Whether it is one of CUDA 2, with addresses of 32 bits.
    pub(crate) is_old: bool,
    /// How often `cuCtxAttach` was called and not `cuCtxDetach`.
    pub(crate) attached: usize,
    /// The code of the fault that broke it.
    pub(crate) fault: Option<CUresult>,
    /// `CUfunc_cache`
    pub(crate) cache_config: u32,
    /// `CUsharedconfig`
    pub(crate) shared_config: u32,
    /// By `CUlimit`, those that were set.
    pub(crate) limits: BTreeMap<u32, usize>,
}

/// The primary context of the device.
#[derive(Default)]
pub(crate) struct Primary {
    /// Its handle, the same whenever it is there; null before the first time.
    pub(crate) handle: Handle,
    /// How often it was retained and not released.
    pub(crate) users: usize,
    /// The flags for when it is made.
    pub(crate) flags: u32,
}

impl State {
    /// A handle that was never used.
    pub(crate) fn new_handle(&mut self) -> Handle {
        // Small numbers are special streams, and handles look like aligned pointers.
        self.last_handle = self.last_handle.max(0xff0) + 16;
        Handle(self.last_handle)
    }

    /// Adds a line to the log.
    pub(crate) fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    /// A context by its handle.
    pub(crate) fn context(&self, handle: Handle) -> Result<&Context, Refusal> {
        let context = self.contexts.get(&handle);
        context.ok_or_else(|| CUDA_ERROR_INVALID_CONTEXT.into())
    }

    /// A context by its handle.
    pub(crate) fn context_mut(&mut self, handle: Handle) -> Result<&mut Context, Refusal> {
        let context = self.contexts.get_mut(&handle);
        context.ok_or_else(|| CUDA_ERROR_INVALID_CONTEXT.into())
    }
}

/// An object by its handle.
///
/// # Errors
///
/// There is none: `CUDA_ERROR_INVALID_HANDLE`.
pub(crate) fn find<T>(table: &Table<T>, handle: Handle) -> Result<&T, Refusal> {
    let object = table.get(&handle);
    object.ok_or_else(|| CUDA_ERROR_INVALID_HANDLE.into())
}

/// As [`find`], to change it.
pub(crate) fn find_mut<T>(table: &mut Table<T>, handle: Handle) -> Result<&mut T, Refusal> {
    let object = table.get_mut(&handle);
    object.ok_or_else(|| CUDA_ERROR_INVALID_HANDLE.into())
}
