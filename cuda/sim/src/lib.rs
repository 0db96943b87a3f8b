//! A CUDA device in software: parses, runs and checks PTX.

mod check;
mod device;
mod exec;
mod instructions;
mod memory;
mod numeric;
mod program;
pub mod ptx;

pub use check::{Checks, Kind, Party, Place, Report, SourceLine};
pub use device::{Arguments, Device, Launch, LaunchError, LaunchSummary, Options, Properties};
pub use memory::{Allocation, AllocationKind, Memory, MemoryError, Whereabouts};
pub use program::{Kernel, LoadError, Parameter, Program};
