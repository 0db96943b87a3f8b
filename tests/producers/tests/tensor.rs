//! Asynchronous copies and products of matrices.

use fastrand::Rng;
use half::f16;
use producers::{arguments, grid, line, program};
use ptx_sim::Kind;

/// The product of an m x k and a k x n matrix.
fn product(a: &[f64], b: &[f64], n: usize, k: usize) -> Vec<f64> {
    let element = |row: &[f64], column| (0..k).map(|j| row[j] * b[j * n + column]).sum();
    a.chunks(k)
        .flat_map(|row| (0..n).map(move |column| element(row, column)))
        .collect()
}

/// Small whole numbers, whose products and sums are exact.
fn small(rng: &mut Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| f64::from(rng.i32(-8..9))).collect()
}

fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn halves(values: &[f64]) -> Vec<f16> {
    values.iter().map(|&value| f16::from_f64(value)).collect()
}

#[test]
fn async_product() {
    let part = "asynchronous copy";
    program("nvcc/async_product", Kind::SharedRace, part, |run| {
        let n = 48;
        let mut rng = Rng::with_seed(1);
        let (a, b) = (small(&mut rng, n * n), small(&mut rng, n * n));
        let (x, y) = (run.upload(&singles(&a)), run.upload(&singles(&b)));
        let z = run.allocate::<f32>(n * n);
        run.launch(
            "product",
            grid([3, 3, 1], [16, 16, 1]),
            arguments![x, y, z, n as i32],
        )?;
        run.expect(z, &singles(&product(&a, &b, n, n)));
        Ok(())
    });
}

#[test]
fn mma_product() {
    program(
        "nvcc/mma_product",
        Kind::SharedRace,
        "nothing orders",
        |run| {
            let k = 64;
            let mut rng = Rng::with_seed(2);
            let (a, b) = (small(&mut rng, 16 * k), small(&mut rng, k * 8));
            let (x, y) = (run.upload(&halves(&a)), run.upload(&halves(&b)));
            let d = run.allocate::<f32>(16 * 8);
            run.launch("product", line(1, 32), arguments![x, y, d, k as i32])?;
            run.expect(d, &singles(&product(&a, &b, 8, k)));
            Ok(())
        },
    );
}

#[test]
fn wmma_product() {
    let part = "behind the end of the 4096-byte allocation";
    program("nvcc/wmma_product", Kind::OutOfBounds, part, |run| {
        let (m, n, k) = (32, 64, 32);
        let mut rng = Rng::with_seed(3);
        let (a, b, c) = (
            small(&mut rng, m * k),
            small(&mut rng, k * n),
            small(&mut rng, m * n),
        );
        let columns: Vec<f64> = (0..n * k).map(|at| b[at % k * n + at / k]).collect();
        let (x, y) = (run.upload(&halves(&a)), run.upload(&halves(&columns)));
        let z = run.upload(&singles(&c));
        let arguments = arguments![x, y, z, n as i32, k as i32];
        run.launch("product", grid([2, 2, 1], [32, 2, 1]), arguments)?;
        let sums = product(&a, &b, n, k);
        let expected: Vec<f64> = sums
            .iter()
            .zip(&c)
            .map(|(sum, c)| (sum + c) / 2.0)
            .collect();
        run.expect(z, &singles(&expected));
        Ok(())
    });
}
