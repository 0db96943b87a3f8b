//! Build script of `cuda_std_tests`: compiles its kernels to PTX.

use cuda_builder::{Arch, CudaBuilder, DebugInfo};

fn main() -> Result<(), cuda_builder::Error> {
    cuda_std_kernels().build()?;
    Ok(())
}

/// The kernels and the level that they are built for.
pub fn cuda_std_kernels() -> CudaBuilder {
    // No test looks at source lines, and without them the PTX is half as long.
    CudaBuilder::new("tests/cuda_std/kernels")
        .arch(Arch::Sm80)
        .debug(DebugInfo::None)
}
