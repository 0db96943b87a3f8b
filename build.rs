//! Build script of `cpu`: compiles the kernels in `gpu/` to PTX.

use cuda_builder::{Arch, CudaBuilder, Panics};

fn main() -> Result<(), cuda_builder::Error> {
    kernels().build()?;
    Ok(())
}

/// The kernels and the levels that they are built for. Their panics are silent: one that tells its
/// place takes 32 registers, more than half of them have, and a stack. They say `mul_add` where they
/// mean one; elsewhere a product is rounded, as the reference on the host does it.
pub fn kernels() -> CudaBuilder {
    CudaBuilder::new("gpu")
        .arch(Arch::Sm75)
        .arch(Arch::Sm80)
        .panics(Panics::Silent)
        .fma_contraction(false)
}
