//! What kernels take.

use bytemuck::{Pod, Zeroable};
use glam::{Mat3, UVec2, Vec2, Vec3};
use rust_cuda::run;

#[test]
fn slices_and_a_pointer() {
    let a: Vec<f32> = (0..100).map(|i| i as f32 * 0.5).collect();
    let b: Vec<f32> = (0..100).map(|i| 3.0 - i as f32).collect();
    let run = run("add", 2, 64)
        .slice(&a)
        .slice(&b)
        .uninitialized::<f32>(100);
    run.check(|output| {
        let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        assert_eq!(output.buffer::<f32>(2), expected);
    });
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Camera {
    origin: Vec3,
    corner: Vec3,
    axes: [Vec3; 2],
    bounds: UVec2,
}

#[test]
fn structs_by_value_and_by_reference() {
    let by_value = Camera {
        origin: Vec3::new(0.5, 1.0, -2.0),
        corner: Vec3::new(-2.0, -1.0, 1.0),
        axes: [Vec3::new(4.0, 0.0, 0.1), Vec3::new(0.0, 2.0, -0.2)],
        bounds: UVec2::new(13, 6),
    };
    let by_reference = Camera {
        origin: Vec3::ZERO,
        ..by_value
    };
    let run = run("rays", [4, 2], [4, 4])
        .value(by_value)
        .pointer(&[by_reference])
        .uninitialized::<Vec3>(2 * 13 * 6);
    run.check(|output| {
        let rays = output.buffer::<Vec3>(1);
        for (idx, &actual) in rays.iter().enumerate() {
            let camera = [by_value, by_reference][idx % 2];
            let (x, y) = (idx / 2 % 13, idx / 2 / 13);
            let place = Vec2::new(x as f32 / 13.0, y as f32 / 6.0);
            let expected = (camera.corner + place.x * camera.axes[0] + place.y * camera.axes[1]
                - camera.origin)
                .normalize();
            // Five roundings, of sums of numbers up to 4.
            assert!(
                actual.distance(expected) <= 4e-6,
                "{actual} instead of {expected}"
            );
        }
    });
}

#[test]
fn a_matrix_by_value() {
    let matrix = Mat3::from_cols_array(&[1.0, 2.0, 3.0, -4.0, 5.0, 0.5, 7.0, -8.0, 9.0]);
    let points: Vec<Vec3> = (0..40)
        .map(|i| Vec3::new(i as f32, 2.0, -0.5 * i as f32))
        .collect();
    let run = run("transform", 2, 32)
        .value(matrix)
        .slice(&points)
        .uninitialized::<Vec3>(40);
    run.check(|output| {
        let expected: Vec<Vec3> = points.iter().map(|&point| matrix * point).collect();
        assert_eq!(output.buffer::<Vec3>(1), expected);
    });
}

#[test]
fn values_of_every_width() {
    let run = run("widths", 1, 1)
        .value(200_u8)
        .value(-5_i64)
        .value(1_u8)
        .value(60_000_u16)
        .value(-0.1_f64)
        .value(u32::from('é'))
        .value(-7_i8)
        .value([1_u16, 2, 3])
        .value(half::f16::from_f32(1.5))
        .value(1_u64 << 40)
        .uninitialized::<u64>(10);
    run.check(|output| {
        let expected = [
            200,
            (-5_i64) as u64,
            1,
            60_000,
            (-0.1_f64).to_bits(),
            0xe9,
            (-7_i64) as u64,
            1 | 2 << 16 | 3 << 32,
            0x3e00,
            1 << 40,
        ];
        assert_eq!(output.buffer::<u64>(0), expected);
    });
}

#[test]
fn slices_of_slices() {
    let numbers: Vec<u32> = (1..=10).collect();
    let weights = [10, 20, 30, 40];
    let run = run("weigh", 1, 32)
        .slice(&numbers)
        .slice(&weights)
        .uninitialized::<[u64; 2]>(4)
        .uninitialized::<[u64; 4]>(1)
        .uninitialized::<u32>(4);
    run.check(|output| {
        let rows = [&[1][..], &[2, 3], &[4, 5, 6], &[7, 8, 9, 10]];
        let sums = rows.iter().map(|row| row.iter().sum::<u32>());
        let expected: Vec<u32> = weights.iter().zip(sums).map(|(w, s)| w * s).collect();
        assert_eq!(output.buffer::<u32>(4), expected);
    });
}

#[test]
fn two_dimensions() {
    let run = run("plane", [3, 2], [8, 4])
        .value(19_u32)
        .value(7_u32)
        .uninitialized::<u8>(19 * 7);
    run.check(|output| {
        let expected: Vec<u8> = (0..7_u8)
            .flat_map(|y| (0..19).map(move |x| x ^ y))
            .collect();
        assert_eq!(output.buffer::<u8>(0), expected);
    });
}
