//! What a kernel tells of its panic.

/// What a kernel that panics tells before it traps. The more it tells, the larger the PTX; what does
/// not panic runs the same instructions.
///
/// The level holds for a whole build: `cuda_std` is compiled with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Panics {
    /// Nothing is printed. A host that uses `cuda_launch` still learns the kernel, the block and the
    /// thread.
    Silent,
    /// The block, the thread, and the file, line and column.
    Location,
    /// The message too. It is formatted by the code of `core::fmt`, which is then in the PTX.
    #[default]
    Message,
}

impl Panics {
    /// The environment variable by which `cuda_std` is told.
    pub(crate) const VARIABLE: &str = "CUDA_STD_PANICS";

    /// The variable's value.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Panics::Silent => "silent",
            Panics::Location => "location",
            Panics::Message => "message",
        }
    }
}
