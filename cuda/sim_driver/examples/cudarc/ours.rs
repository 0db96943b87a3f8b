//! A product of matrices by a kernel that NVRTC compiled, against the host's.

use cudarc::driver::{CudaContext, DriverError, LaunchConfig, PushKernelArg};
use cudarc::nvrtc::Ptx;

pub fn run() {
    multiply().expect("the device multiplies");
    println!("product: right");
}

fn multiply() -> Result<(), DriverError> {
    const N: usize = 21;
    let context = CudaContext::new(0)?;
    let stream = context.new_stream()?;
    let path = std::env::var("KERNELS").expect("KERNELS has the path of kernels.ptx");
    let module = context.load_module(Ptx::from_file(path))?;
    let product = module.load_function("product")?;
    // Whole numbers: their sums are exact in any order.
    let a: Vec<f32> = (0..N * N).map(|i| (i * 7 % 19) as f32 - 9.0).collect();
    let b: Vec<f32> = (0..N * N).map(|i| (i * 5 % 23) as f32 - 11.0).collect();
    let (d_a, d_b) = (stream.clone_htod(&a)?, stream.clone_htod(&b)?);
    let mut d_c = stream.alloc_zeros::<f32>(N * N)?;
    let config = LaunchConfig {
        grid_dim: (N.div_ceil(8) as u32, N.div_ceil(8) as u32, 1),
        block_dim: (8, 8, 1),
        shared_mem_bytes: 0,
    };
    let n = N as u32;
    let mut launch = stream.launch_builder(&product);
    launch.arg(&mut d_c).arg(&d_a).arg(&d_b).arg(&n);
    // SAFETY: The arguments are the kernel's parameters, and the arrays are as long as it takes them.
    unsafe { launch.launch(config) }?;
    let c = stream.clone_dtoh(&d_c)?;
    for row in 0..N {
        for column in 0..N {
            let total: f32 = (0..N).map(|k| a[row * N + k] * b[k * N + column]).sum();
            assert_eq!(c[row * N + column], total, "row {row}, column {column}");
        }
    }
    Ok(())
}
