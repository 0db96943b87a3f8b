//! Build script of `float_tests`: compiles the kernels that call each function to PTX.

use cuda_builder::{Arch, CudaBuilder, DebugInfo};

fn main() -> Result<(), cuda_builder::Error> {
    float_kernels().build()?;
    Ok(())
}

/// The kernels and the level that they are built for; without lines, since they are large.
pub fn float_kernels() -> CudaBuilder {
    CudaBuilder::new("tests/float/kernels")
        .arch(Arch::Sm80)
        .debug(DebugInfo::None)
        // The same bits as on the host, which fuses nothing.
        .fma_contraction(false)
}
