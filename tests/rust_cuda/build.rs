//! Build script of `rust_cuda`: compiles its kernels to PTX.

use cuda_builder::{Arch, CudaBuilder, DebugInfo};

fn main() -> Result<(), cuda_builder::Error> {
    rust_cuda_kernels().build()?;
    Ok(())
}

/// The kernels and the level that they are built for.
pub fn rust_cuda_kernels() -> CudaBuilder {
    CudaBuilder::new("tests/rust_cuda/kernels")
        .arch(Arch::Sm80)
        // Half of the PTX would be lines, which no test asks for.
        .debug(DebugInfo::None)
}
