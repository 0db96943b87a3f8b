//! `cuda_std::mma` in the simulator, against sums in double precision.

use bytemuck::Pod;
use cuda_std::{bf16, f16};
use cuda_std_tests::Run;
use ptx_sim::Kind;

/// Numbers with few bits, so that all types have them and all sums are exact; none of the rows and
/// columns are alike.
fn small_numbers(n: usize, seed: usize) -> Vec<f64> {
    (0..n)
        .map(|i| (((i * 37 + seed * 11) * (i + 3) / 5) % 17) as f64 * 0.25 - 2.0)
        .collect()
}

/// `2 (a · b) + c`, by rows.
fn products([m, n, k]: [usize; 3], a: &[f64], b: &[f64], c: &[f64]) -> Vec<f64> {
    (0..m * n)
        .map(|i| {
            let (row, column) = (i / n, i % n);
            let product: f64 = (0..k).map(|j| a[row * k + j] * b[j * n + column]).sum();
            2.0 * product + c[i]
        })
        .collect()
}

#[track_caller]
fn check<T: Pod, U: Pod>(
    name: &str,
    k: usize,
    from_f64: impl Fn(f64) -> T,
    added_from_f64: impl Fn(f64) -> U,
    to_f64: impl Fn(U) -> f64,
) {
    let (m, n) = (16, 8);
    for seed in 0..3 {
        let a = small_numbers(m * k, seed);
        let b = small_numbers(k * n, seed + 10);
        let c = small_numbers(m * n, seed + 20);
        let expected = products([m, n, k], &a, &b, &c);
        Run::new(name, 1, 32)
            .pointer(&a.iter().map(|x| from_f64(*x)).collect::<Vec<T>>())
            .pointer(&b.iter().map(|x| from_f64(*x)).collect::<Vec<T>>())
            .pointer(&c.iter().map(|x| added_from_f64(*x)).collect::<Vec<U>>())
            .uninitialized::<U>(m * n)
            .check(|output| {
                let d: Vec<f64> = output.buffer::<U>(3).into_iter().map(&to_f64).collect();
                assert_eq!(d, expected, "{name}");
            });
    }
}

#[test]
fn products_of_every_shape() {
    let f16_bits = |x| f16::from_f64(x).to_bits();
    let bf16_bits = |x| bf16::from_f64(x).to_bits();
    let f16_value = |bits| f16::from_bits(bits).to_f64();
    let single = |x: f64| x as f32;
    check("mma_f16_k8", 8, f16_bits, single, f64::from);
    check("mma_f16_k16", 16, f16_bits, single, f64::from);
    check("mma_f16_k8_f16", 8, f16_bits, f16_bits, f16_value);
    check("mma_f16_k16_f16", 16, f16_bits, f16_bits, f16_value);
    check("mma_bf16_k8", 8, bf16_bits, single, f64::from);
    check("mma_bf16_k16", 16, bf16_bits, single, f64::from);
    check("mma_tf32_k4", 4, single, single, f64::from);
    check("mma_tf32_k8", 8, single, single, f64::from);
}

#[test]
fn operands_from_shared_memory() {
    let x: Vec<u16> = (0..32 * 32).map(|i| 0x3c00 + i).collect();
    for (name, n_rows, n_columns) in [
        ("mma_load_a_8", 16, 8),
        ("mma_load_a_16", 16, 16),
        ("mma_load_a_16_bf16", 16, 16),
        ("mma_load_b_8", 8, 8),
        ("mma_load_b_16", 16, 8),
        ("mma_load_b_16_bf16", 16, 8),
    ] {
        for (row, column) in [(0, 0), (3, 8), (16, 16)] {
            Run::new(name, 1, 32)
                .value(row as u32)
                .value(column as u32)
                .pointer(&x)
                .uninitialized::<u16>(2 * n_rows * n_columns)
                .check(|output| {
                    let found = output.buffer::<u16>(1);
                    let (plain, transposed) = found.split_at(n_rows * n_columns);
                    for i in 0..n_rows * n_columns {
                        let (r, c) = (i / n_columns, i % n_columns);
                        assert_eq!(plain[i], x[32 * (row + r) + column + c], "{name}, {r}, {c}");
                        assert_eq!(
                            transposed[i],
                            x[32 * (row + c) + column + r],
                            "{name}, {r}, {c}"
                        );
                    }
                });
        }
    }
}

#[test]
fn an_operand_that_is_not_in_the_tile_or_not_aligned_traps() {
    for (row, column) in [(17u32, 0u32), (0, 24), (0, 4)] {
        Run::new("mma_load_a_16", 1, 32)
            .value(row)
            .value(column)
            .pointer(&[0u16; 32 * 32])
            .uninitialized::<u16>(512)
            .fails(|reports, _| {
                assert!(
                    reports.iter().any(|report| report.kind == Kind::Trap),
                    "{reports:?}"
                );
            });
    }
}

#[test]
fn elements_are_mapped_one_by_one() {
    let x: Vec<f32> = (0..128).map(|i| i as f32 * 0.5).collect();
    Run::new("mma_map", 1, 32)
        .pointer(&x)
        .uninitialized::<f32>(128)
        .check(|output| {
            let expected: Vec<f32> = x.iter().map(|x| 2.0 * x).collect();
            assert_eq!(output.buffer::<f32>(1), expected);
        });
}

/// What the types cannot stop, the simulator reports.
#[test]
fn a_product_by_half_a_warp_is_found() {
    Run::new("mma_half_a_warp", 1, 32)
        .uninitialized::<f32>(128)
        .fails(|reports, _| {
            assert!(
                reports
                    .iter()
                    .any(|report| matches!(report.kind, Kind::WarpMask | Kind::Deadlock)),
                "{reports:?}"
            );
        });
}
