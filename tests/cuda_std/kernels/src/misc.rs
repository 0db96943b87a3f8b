//! `cuda_std::misc`, `cuda_std::cfg`, and what is re-exported.

use cuda_std::cfg::ComputeCapability;
use cuda_std::glam::{Vec3, Vec4};
use cuda_std::misc;
use cuda_std::prelude::*;

/// Cycles that pass, and the events of a profiler, which nothing shows.
#[kernel]
pub unsafe fn misc_clock(events: u32, cycles: *mut u64) {
    let start = misc::clock();
    for event in 0..events {
        misc::profiler_counter(event);
    }
    let end = misc::clock();
    *cycles.add(thread::index() as usize) = end - start;
}

/// The second thread stops.
#[kernel]
pub unsafe fn misc_breakpoint() {
    if thread::thread_idx_x() == 1 {
        misc::breakpoint();
    }
}

/// What the kernel is compiled for.
#[kernel]
pub unsafe fn misc_capability(results: *mut u32) {
    use ComputeCapability::*;
    let capability = ComputeCapability::from_cuda_arch_env();
    *results = (capability == Compute80).into();
    *results.add(1) = (capability >= Compute35).into();
    *results.add(2) = (capability > Compute80).into();
    *results.add(3) = (capability < Compute121).into();
}

/// Vectors of `glam` and of `vek`.
#[kernel]
pub unsafe fn misc_vectors(a: *const [f32; 3], b: *const [f32; 3], results: *mut [f32; 3]) {
    let (a, b) = (*a, *b);
    *results = Vec3::from(a).cross(Vec3::from(b)).to_array();
    *results.add(1) = [
        Vec4::new(a[0], a[1], a[2], 1.0).dot(Vec4::ONE),
        Vec3::from(b).length(),
        0.0,
    ];
    #[allow(deprecated, reason = "that it is still there is what is tested")]
    let sum = cuda_std::vek::Vec3::from(a) + cuda_std::vek::Vec3::from(b);
    *results.add(2) = sum.into_array();
}

/// Halves as values.
#[kernel]
pub unsafe fn misc_halves(x: *const f32, results: *mut [u16; 2]) {
    let i = thread::index() as usize;
    *results.add(i) = [
        cuda_std::f16::from_f32(*x.add(i)).to_bits(),
        cuda_std::half::bf16::from_f32(*x.add(i)).to_bits(),
    ];
}
