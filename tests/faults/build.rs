//! Build script of `faults`: compiles the faulty kernels to PTX.

use cuda_builder::{Arch, CudaBuilder};

fn main() -> Result<(), cuda_builder::Error> {
    faulty_kernels().build()?;
    Ok(())
}

/// The kernels and the level that they are built for.
pub fn faulty_kernels() -> CudaBuilder {
    CudaBuilder::new("tests/faults/kernels").arch(Arch::Sm80)
}
