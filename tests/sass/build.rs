//! Build script of `sass`: compiles the kernels to PTX.

use cuda_builder::{Arch, CudaBuilder};

fn main() -> Result<(), cuda_builder::Error> {
    kernels().build()?;
    Ok(())
}

/// The kernels and the level that they are built for.
pub fn kernels() -> CudaBuilder {
    CudaBuilder::new("tests/sass/kernels").arch(Arch::Sm80)
}
