//! The fundamentals on a device, a file each; `cpu/src/fundamentals/` has the same files, with the
//! mathematics and the versions for the CPU.

pub mod machine;
pub mod sums;
