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
pub use device::{Arguments, Device, Launch, LaunchError, LaunchSummary, Options};
pub use memory::{Allocation, AllocationKind, MemoryError};
pub use program::{Kernel, Parameter, Program};
