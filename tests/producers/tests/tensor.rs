//! Asynchronous copies and products of matrices.

use fastrand::Rng;
use half::{bf16, f16};
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

#[test]
fn matrix_types() {
    let part = "here 31 do";
    program("nvcc/matrix_types", Kind::WarpMask, part, |run| {
        let mut rng = Rng::with_seed(4);
        // 16 x 32 by 32 x 8, whose columns lie side by side; sums begin at 1 to 4.
        let mut bytes = |count| -> Vec<i8> { (0..count).map(|_| rng.i8(..)).collect() };
        let (a, b) = (bytes(16 * 32), bytes(32 * 8));
        let (x, y, d) = (run.upload(&a), run.upload(&b), run.allocate::<i32>(16 * 8));
        run.launch("bytes", line(1, 32), arguments![x, y, d])?;
        let element = |at: usize| {
            let (row, column) = (at / 8, at % 8);
            let pairs = a[row * 32..][..32].iter().zip(&b[column * 32..][..32]);
            let sum: i32 = pairs.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
            sum + 1 + (row / 8 * 2 + column % 2) as i32
        };
        run.expect(d, &(0..16 * 8).map(element).collect::<Vec<_>>());

        let (a, b) = (small(&mut rng, 8 * 8), small(&mut rng, 8 * 8));
        let (x, y, d) = (run.upload(&a), run.upload(&b), run.allocate::<f64>(8 * 8));
        run.launch("doubles", line(1, 32), arguments![x, y, d])?;
        let sums = product(&a, &b, 8, 8);
        let turned = |at: usize| sums[at % 8 * 8 + at / 8] + 0.5;
        run.expect(d, &(0..64).map(turned).collect::<Vec<_>>());

        // The columns of the first factor lie side by side.
        let (a, b) = (small(&mut rng, 16 * 8), small(&mut rng, 8 * 16));
        let columns: Vec<f64> = (0..8 * 16).map(|at| a[at % 16 * 8 + at / 16]).collect();
        let (x, y) = (run.upload(&singles(&columns)), run.upload(&singles(&b)));
        let d = run.allocate::<f32>(16 * 16);
        run.launch("tf32", line(1, 32), arguments![x, y, d])?;
        run.expect(d, &singles(&product(&a, &b, 16, 8)));

        let brains = |values: &[f64]| -> Vec<bf16> {
            values.iter().map(|&value| bf16::from_f64(value)).collect()
        };
        let (a, b) = (small(&mut rng, 8 * 16), small(&mut rng, 16 * 32));
        let columns: Vec<f64> = (0..32 * 16).map(|at| b[at % 16 * 32 + at / 16]).collect();
        let (x, y) = (run.upload(&brains(&a)), run.upload(&brains(&columns)));
        let d = run.allocate::<f32>(8 * 32);
        run.launch("brains", line(1, 32), arguments![x, y, d])?;
        let sums: Vec<f64> = product(&a, &b, 32, 16)
            .iter()
            .map(|sum| sum - 1.0)
            .collect();
        run.expect(d, &singles(&sums));
        Ok(())
    });
}
