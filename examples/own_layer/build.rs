//! Build script of `own_layer`: compiles its kernels to PTX.

use cuda_builder::CudaBuilder;

fn main() -> Result<(), cuda_builder::Error> {
    own_layer_kernels().build()?;
    Ok(())
}

/// The kernels and the levels that they are built for.
pub fn own_layer_kernels() -> CudaBuilder {
    CudaBuilder::new("examples/own_layer/kernels")
}
