//! `#[kernel]`: what a parameter can be, instances, launch bounds.

use core::ops::{AddAssign, Mul};

use cuda_std::glam::Vec3;
use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;

/// By value, with another crate's type in it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct View {
    /// Elements along x and y.
    pub bounds: [usize; 2],
    /// Added to each.
    pub origin: Vec3,
}

// SAFETY: `#[repr(C)]`, and no addresses.
unsafe impl DeviceValue for View {}

/// With a lifetime that a parameter's type need not name.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// One for each element.
    pub heights: &'a [f32],
}

/// Of rustc's own layout.
#[derive(Clone, Copy)]
pub struct Mixed {
    /// A byte first.
    pub a: u8,
    /// Then something wider.
    pub b: (f64, u16),
}

/// `points[i] += view.origin` and `scale`, for as many as the view has.
#[kernel]
pub unsafe fn parameters_of_structs(
    view: View,
    points: *mut Vec3,
    scale: &f32,
    hashes: *mut [u8; 4],
) {
    let i = thread::index_1d() as usize;
    if i < view.bounds[0] * view.bounds[1] {
        *points.add(i) = *points.add(i) * *scale + view.origin;
        (*hashes.add(i))[3] = i as u8;
    }
}

/// Launched with `launch!` alone: what it takes has no layout that a host could rely on.
#[kernel]
#[allow(improper_ctypes_definitions)]
/// Documentation behind the attributes.
#[inline]
pub unsafe fn parameters_without_a_layout(scene: &Scene, mixed: Mixed, height: *mut f32) {
    *height = scene.heights[usize::from(mixed.a)] + mixed.b.0 as f32;
}

/// Patterns in the place of names.
#[kernel(grid_dim = 2d, block_dim = 1d)]
pub unsafe fn parameters_of_patterns(
    mut n: u32,
    _: f64,
    [x, y]: [u32; 2],
    negative: bool,
    letter: char,
    _unused: cuda_std::bf16,
    out: *mut [i64],
) {
    n += x * y;
    let sign = if negative { -1 } else { 1 };
    (&mut *out)[0] = sign * i64::from(n);
    (&mut *out)[1] = i64::from(u32::from(letter));
}

/// A parameter of the kernel's own name.
#[kernel]
pub fn parameter_named_alike(parameter_named_alike: u32, text: &str, mut out: PerThread<u32>) {
    if let Some(out) = out.get_mut() {
        *out = parameter_named_alike + text.chars().count() as u32;
    }
}

/// What `axpy` computes with.
pub trait Number: Copy + AddAssign + Mul<Output = Self> {
    /// What it is scaled by.
    type Factor;
    /// The number scaled.
    fn scaled(self, factor: Self::Factor) -> Self;
}

macro_rules! numbers {
    ($($number:ty, $factor:ty;)*) => {$(
        impl Number for $number {
            type Factor = $factor;
            fn scaled(self, factor: $factor) -> $number {
                self * factor as $number
            }
        }
    )*};
}

numbers! { f32, i32; f64, i32; u64, u8; }

/// `y[i] += Σ scale(a, factor) · x[i][k]`, over rows of `N`.
#[kernel(
    axpy_f32_1 = axpy::<f32, 1>,
    axpy_f64_3 = axpy::<f64, 3>,
    axpy_u64_2 = axpy::<u64, { 1 + 1 }>,
)]
pub fn axpy<'a, T: Number, const N: usize>(
    a: T,
    factor: <T as Number>::Factor,
    x: &'a [[T; N]],
    mut y: PerThread<T>,
) {
    let row = x.get(thread::index_1d() as usize);
    if let (Some(y), Some(row)) = (y.get_mut(), row) {
        let a = a.scaled(factor);
        for &x in row {
            *y += a * x;
        }
    }
}

/// Threads of a block of [`bounded`](struct@bounded).
pub const BOUND: u32 = 64;

/// `y[i] = i`, by blocks of 64 threads at most.
#[kernel(launch_bounds(BOUND, 2))]
pub fn bounded(mut y: PerThread<u32>) {
    if let Some(y) = y.get_mut() {
        *y = thread::index_1d();
    }
}

/// Reaches no panic.
#[kernel(launch_bounds(2 * BOUND))]
pub unsafe fn without_a_panic(y: *mut u32) {
    *y = 1;
}
