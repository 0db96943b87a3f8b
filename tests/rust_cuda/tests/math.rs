//! Functions of floats, half types and vectors, on the device and on the host.

use glam::{DVec3, Vec3, Vec4};
use half::{bf16, f16};
use rust_cuda::run;
use rust_cuda_kernels::math::{compute_doubles, compute_floats, compute_halves, compute_vectors};

/// Numbers of both signs and all sizes up to 12.
fn numbers() -> impl Iterator<Item = f64> {
    (0..96).map(|i| f64::from(i - 48) * 0.25 + 1.0 / f64::from(i + 3))
}

#[track_caller]
fn close(actual: f64, expected: f64, relative: f64) {
    let error = (actual - expected).abs();
    let limit = relative * expected.abs().max(1.0);
    assert!(error <= limit, "{actual} instead of {expected}");
}

#[test]
fn floats() {
    let values: Vec<f32> = numbers().map(|x| x as f32).collect();
    let run = run("floats", 3, 32)
        .slice(&values)
        .uninitialized::<[f32; 11]>(96);
    run.check(|output| {
        for (&x, actual) in values.iter().zip(output.buffer::<[f32; 11]>(1)) {
            // Three functions of at most 2 ulp each on both sides, and the sums of them.
            for (actual, expected) in actual.into_iter().zip(compute_floats(x)) {
                close(actual.into(), expected.into(), 1e-6);
            }
        }
    });
}

#[test]
fn doubles() {
    let values: Vec<f64> = numbers().collect();
    let run = run("doubles", 3, 32)
        .slice(&values)
        .uninitialized::<[f64; 4]>(96);
    run.check(|output| {
        for (&x, actual) in values.iter().zip(output.buffer::<[f64; 4]>(1)) {
            // Three functions of at most 4 ulp each on both sides; a tangent of up to 30.
            for (actual, expected) in actual.into_iter().zip(compute_doubles(x)) {
                close(actual, expected, 1e-14);
            }
        }
    });
}

#[test]
fn halves() {
    let a: Vec<f16> = numbers().map(f16::from_f64).collect();
    let b: Vec<bf16> = numbers().map(|x| bf16::from_f64(x * x * 1e5)).collect();
    let run = run("halves", 3, 32)
        .slice(&a)
        .slice(&b)
        .uninitialized::<f16>(96)
        .uninitialized::<bf16>(96);
    run.check(|output| {
        let expected: (Vec<f16>, Vec<bf16>) = a
            .iter()
            .zip(&b)
            .map(|(&a, &b)| compute_halves(a, b))
            .unzip();
        assert_eq!(output.buffer::<f16>(2), expected.0);
        assert_eq!(output.buffer::<bf16>(3), expected.1);
    });
}

#[test]
fn vectors() {
    let points: Vec<Vec3> = numbers()
        .map(|x| Vec3::new(x as f32, 1.0 - x as f32, 0.5))
        .collect();
    let run = run("turns", 3, 32)
        .slice(&points)
        .uninitialized::<Vec4>(96)
        .uninitialized::<DVec3>(96);
    run.check(|output| {
        let moved = output.buffer::<Vec4>(1);
        let normals = output.buffer::<DVec3>(2);
        for (idx, &point) in points.iter().enumerate() {
            let (expected, normal) = compute_vectors(point, 0.5 + idx as f32);
            // A dozen roundings of numbers up to 40.
            let error = moved[idx].distance(expected);
            assert!(error <= 5e-5, "{} instead of {expected}", moved[idx]);
            let error = normals[idx].distance(normal);
            assert!(error <= 1e-15, "{} instead of {normal}", normals[idx]);
        }
    });
}
