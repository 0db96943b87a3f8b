//! A CUDA device in software: parses, runs and checks PTX.
//!
//! A [`Device`] has memory and runs kernels, as a GPU does, from the PTX that the GPU would get. The
//! threads run as warps of 32 lanes, of which each has its own program counter, in an order that is
//! drawn from a seed. What a GPU does not notice is found: [`Kind`] names it all, [`Checks`] has the
//! switches.
//!
//! ```
//! use ptx_sim::{AllocationKind, Arguments, Device, Kind, Launch, LaunchError, Options};
//!
//! let device = Device::new(Options::default());
//! let program = device.load(
//!     ".version 8.0
//!     .target sm_80
//!     .address_size 64
//!     .visible .entry fill(.param .u64 target)
//!     {
//!         .reg .b32 %index;
//!         .reg .b64 %address, %offset;
//!         ld.param.u64 %address, [target];
//!         mov.u32 %index, %tid.x;
//!         mul.wide.u32 %offset, %index, 4;
//!         add.u64 %address, %address, %offset;
//!         st.global.u32 [%address], %index;
//!         ret;
//!     }",
//! )?;
//! let kernel = program.kernel("fill").unwrap();
//! let target = device.memory().allocate(32 * 4, 256, AllocationKind::Device)?;
//! let arguments = target.to_le_bytes();
//! let mut launch = Launch {
//!     block: [32, 1, 1],
//!     arguments: Arguments::Packed(&arguments),
//!     ..Launch::default()
//! };
//! device.launch(kernel, &launch)?;
//! let mut last = [0; 4];
//! device.memory().read(target + 31 * 4, &mut last)?;
//! assert_eq!(u32::from_le_bytes(last), 31);
//!
//! // One thread more than there are elements.
//! launch.block = [33, 1, 1];
//! let Err(LaunchError::Fault(report)) = device.launch(kernel, &launch) else {
//!     panic!("it writes behind the end");
//! };
//! assert_eq!(report.kind, Kind::OutOfBounds);
//! assert_eq!(report.party.unwrap().thread, [32, 0, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate knows nothing of CUDA's host side: contexts, streams and events are `cuda_driver`'s
//! business. What it does not simulate is an error when the module is loaded: textures and surfaces,
//! launches by kernels, and linking of several modules.
//!
//! # What it promises
//!
//! - **The arithmetic is the GPU's**, bit for bit where the PTX manual defines the bits; what it calls
//!   approximate is within the error that it states, and not the bits of any GPU.
//! - **The same seed repeats**, with one worker: [`Options::seed`].
//! - **A kernel reaches no memory of the host** but what was lent to the device: its addresses are
//!   numbers that are looked up in a table of allocations.
//! - **Memory is ordered as the program says, and runs in order.** Races are found by what the program
//!   orders (barriers, fences, releases and acquires), not by what happened to come first; but values
//!   that only a weakly ordered machine could show are not shown.

mod check;
mod device;
mod exec;
mod instructions;
mod memory;
mod numeric;
mod profile;
mod program;
pub mod ptx;
mod tensor;

pub use check::{Checks, Kind, Party, Place, Report, SourceLine};
pub use device::{
    Arguments, Device, Launch, LaunchError, LaunchSummary, Limit, Occupancy, Options, Properties,
};
pub use instructions::InstructionClass;
pub use memory::{Allocation, AllocationKind, Memory, MemoryError, Whereabouts};
pub use profile::{
    Accesses, Banked, Bytes, Counters, Instructions, KernelProfile, LaunchShape, LineProfile,
    MemoryCounters, Operations, Profile, ProfileFormat, ProfileOutput, Resources, Traffic,
};
pub use program::{Kernel, LoadError, Parameter, Program};
pub use tensor::{
    Fill, Interleave, Swizzle, TENSOR_MAP_BYTES, TensorBox, TensorElement, TensorMap,
};
