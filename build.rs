//! Build script of `cpu`: compiles the kernels in `gpu/` to PTX.

use cuda_builder::{Arch, CudaBuilder};

fn main() -> Result<(), cuda_builder::Error> {
    CudaBuilder::new("gpu")
        .arch(Arch::Sm75)
        .arch(Arch::Sm80)
        .build()?;
    Ok(())
}
