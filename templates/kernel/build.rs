//! Compiles the kernels to PTX.

use cuda_builder::{Arch, CudaBuilder};

fn main() -> Result<(), cuda_builder::Error> {
    CudaBuilder::new("kernels")
        .arch(Arch::Sm75)
        .arch(Arch::Sm80)
        .build()?;
    Ok(())
}
