//! Build script of `cpu`: compiles the kernels in `gpu/` to PTX.

use cuda_builder::{Arch, CudaBuilder};

fn main() -> Result<(), cuda_builder::Error> {
    kernels().build()?;
    Ok(())
}

/// The kernels and the levels that they are built for.
pub fn kernels() -> CudaBuilder {
    CudaBuilder::new("gpu").arch(Arch::Sm75).arch(Arch::Sm80)
}
