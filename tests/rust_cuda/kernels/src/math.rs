//! Functions of floats by `GpuFloat`, half types, and `glam`. What a kernel computes is a function
//! beside it, which the host calls too.

use cuda_std::bf16;
use cuda_std::glam::{Affine3A, DVec3, Mat4, Quat, Vec3, Vec3Swizzles, Vec4};
use cuda_std::prelude::*;

/// Formulas that use most of what floats have.
pub fn compute_floats(x: f32) -> [f32; 11] {
    [
        x.sin() * x.cos(),
        x.abs().sqrt() + x.abs().cbrt(),
        (-x * x).exp(),
        (1.0 + x.abs()).ln() + (1.0 + x.abs()).log2() + (1.0 + x.abs()).log10(),
        x.abs().powf(0.3) + x.powi(3),
        x.tanh() + x.atan2(2.0) + x.hypot(1.0),
        x.floor() + x.ceil() + x.round() + x.trunc() + x.fract(),
        x.mul_add(2.0, 1.0).max(x).min(100.0).clamp(-5.0, 50.0),
        x.signum() + x.copysign(-1.0) + x.rem_euclid(0.7),
        (x / (1.0 + x.abs())).asin() + (x / (1.0 + x.abs())).acos(),
        x.exp_m1().min(1e6) + x.abs().ln_1p(),
    ]
}

#[kernel]
pub unsafe fn floats(values: &[f32], out: *mut [f32; 11]) {
    let t = thread::index_1d() as usize;
    *out.add(t) = compute_floats(values[t]);
}

/// The same of wide floats.
pub fn compute_doubles(x: f64) -> [f64; 4] {
    let (sine, cosine) = x.sin_cos();
    [
        sine + 2.0 * cosine + x.tan(),
        x.abs().sqrt() + x.exp().ln() + x.abs().powf(1.3),
        x.sinh() / x.cosh() + x.atan(),
        x.to_degrees().to_radians() + x.recip().abs().min(9.0),
    ]
}

#[kernel]
pub unsafe fn doubles(values: &[f64], out: *mut [f64; 4]) {
    let t = thread::index_1d() as usize;
    *out.add(t) = compute_doubles(values[t]);
}

/// Arithmetic of half types, which is that of `f32` with rounding.
pub fn compute_halves(a: f16, b: bf16) -> (f16, bf16) {
    let quotient = bf16::from_f32(b.to_f32() / a.to_f32());
    (a * a + f16::from_f32(0.1), quotient)
}

#[kernel]
pub unsafe fn halves(a: &[f16], b: &[bf16], out: *mut f16, out_wide: *mut bf16) {
    let t = thread::index_1d() as usize;
    (*out.add(t), *out_wide.add(t)) = compute_halves(a[t], b[t]);
}

/// Rotations, matrices and swizzles.
pub fn compute_vectors(point: Vec3, angle: f32) -> (Vec4, DVec3) {
    let turn = Quat::from_axis_angle(Vec3::new(1.0, 2.0, 2.0) / 3.0, angle);
    let view = Mat4::look_at_rh(Vec3::new(3.0, 4.0, 5.0), Vec3::ZERO, Vec3::Y);
    let affine = Affine3A::from_scale_rotation_translation(Vec3::splat(2.0), turn, point.zxy());
    let moved = view * affine.transform_point3(point).extend(1.0);
    let normal = point.as_dvec3().cross(DVec3::new(1.0, -1.0, 0.5));
    (moved, normal.normalize_or_zero())
}

#[kernel]
pub unsafe fn turns(points: &[Vec3], out: *mut Vec4, out_double: *mut DVec3) {
    let t = thread::index_1d() as usize;
    (*out.add(t), *out_double.add(t)) = compute_vectors(points[t], 0.5 + t as f32);
}
