//! Activations.
use cuda_std::prelude::*;

/// An activation function, as it is passed to kernels (by its number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum Activation {
    /// `x`
    #[default]
    Identity = 0,
    /// `max(x, 0)`
    Relu = 1,
    /// `1 / (1 + e^-x)`
    Sigmoid = 2,
    /// `tanh x`
    Tanh = 3,
}

/// Test.
#[kernel]
pub fn relu_forward(x: &[f32], mut y: PerThread<f32>) {
    let s = cuda_std::shared_tile![f32; 64];
    let r = cuda_std::shared_array![f32; 64];
    let i = thread::index_1d() as usize;
    unsafe { s.write(i & 63, x[i]); *r.add(i&63)=1.0; thread::sync_threads(); }
    if let Some(y) = y.get_mut() {
        *y = x[i].max(0.0).tanh() + unsafe { s.read::<cuda_std::vector::F32x4>(i & !3).0[2] } + unsafe {*r.add(i&63)};
    }
}
