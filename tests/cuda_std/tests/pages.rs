//! The pages in `docs/` show the kernels that run here.

use std::fs;
use std::path::Path;

use bytemuck::Pod;
use cuda_std::f16;
use cuda_std_tests::Run;

/// The page has the file as its Rust.
#[track_caller]
fn assert_shown(page: &str, file: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| {
        let path = root.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let page_text = read(&format!("../../docs/{page}.md"));
    let shown: Vec<&str> = page_text
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let file = read(&format!("kernels/src/pages/{file}.rs"));
    assert_eq!(shown, [file], "docs/{page}.md shows something else");
}

fn zeros_and_ones(n: u32) -> Vec<u32> {
    (0..n).map(|i| i * i % 7 % 2).collect()
}

fn numbers(n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| ((i * 37 + i / 11) % 101) as f32 - 50.0)
        .collect()
}

#[track_caller]
fn assert_close<T: Pod + Into<f64>>(found: &[T], expected: &[f64], limit: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let found: f64 = (*found).into();
        assert!(
            (found - expected).abs() <= limit,
            "{found} for {expected} at {i}"
        );
    }
}

#[test]
fn groups() {
    assert_shown("groups", "groups");

    for n_columns in [1, 7, 8, 9, 30] {
        let x = numbers(8 * n_columns);
        let expected: Vec<f64> = x
            .chunks(n_columns)
            .flat_map(|row| {
                let squares: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
                row.iter().map(move |x| f64::from(*x) / squares.sqrt())
            })
            .collect();
        Run::new("normalize_rows", 2, 32)
            .value(n_columns as u32)
            .slice(&x)
            .uninitialized_slice::<f32>(x.len())
            // A root and a quotient of numbers up to 1: a few roundings of 2^-24.
            .check(|output| assert_close(&output.buffer::<f32>(1), &expected, 3e-7));
    }

    for n in [32, 96, 1024] {
        let x = zeros_and_ones(n);
        let expected: Vec<u32> = (0..n as usize).map(|i| x[..i].iter().sum()).collect();
        Run::new("places", 1, n)
            .slice(&x)
            .uninitialized_slice::<u32>(n as usize)
            .check(|output| assert_eq!(output.buffer::<u32>(1), expected));
    }

    let mut x: Vec<f64> = numbers(128).iter().map(|x| f64::from(*x)).collect();
    let run = Run::new("spread", 4, 32)
        .cooperative()
        .value(3u32)
        .pointer(&x.iter().map(|x| *x as f32).collect::<Vec<_>>())
        .uninitialized::<f32>(128);
    for _ in 0..3 {
        x = (0..128)
            .map(|i| match i {
                0 | 127 => x[i],
                _ => 0.25 * (x[i - 1] + x[i + 1]) + 0.5 * x[i],
            })
            .collect();
    }
    // Quarters of small integers, three times: exact.
    run.check(|output| assert_close(&output.buffer::<f32>(1), &x, 0.0));
}

#[test]
fn shared_memory() {
    assert_shown("shared-memory", "shared_memory");

    for n in [1, 256, 257, 600] {
        let x = numbers(n);
        let n_blocks = n.div_ceil(256);
        Run::new("sum_blocks", n_blocks as u32, 256)
            .slice(&x)
            .uninitialized_slice::<f32>(n_blocks)
            .check(|output| {
                let sums: Vec<f32> = x.chunks(256).map(|x| x.iter().sum()).collect();
                assert_eq!(output.buffer::<f32>(1), sums);
            });
    }

    for [n_rows, n_columns] in [[32usize, 32], [1, 70], [45, 33]] {
        let x = numbers(n_rows * n_columns);
        let grid = [n_columns.div_ceil(32) as u32, n_rows.div_ceil(32) as u32];
        Run::new("transpose", grid, [32, 8])
            .value(n_rows as u32)
            .value(n_columns as u32)
            .slice(&x)
            .uninitialized_slice::<f32>(x.len())
            .check(|output| {
                let y = output.buffer::<f32>(1);
                for (i, y) in y.into_iter().enumerate() {
                    assert_eq!(y, x[i % n_rows * n_columns + i / n_rows]);
                }
            });
    }

    for n in [1usize, 256, 300] {
        let x = numbers(n);
        let expected: Vec<f64> = (0..n)
            .map(|i| {
                let sum: f32 = x[i.saturating_sub(3)..(i + 4).min(n)].iter().sum();
                f64::from(sum) / 7.0
            })
            .collect();
        Run::new("smooth", n.div_ceil(256) as u32, 256)
            .slice(&x)
            .uninitialized_slice::<f32>(n)
            // One rounding of a number up to 51.
            .check(|output| assert_close(&output.buffer::<f32>(1), &expected, 4e-6));
    }
}

#[test]
fn async_copy() {
    assert_shown("async-copy", "async_copy");

    for n_rows in [0, 1, 3, 4, 11] {
        let x = numbers(128 * n_rows);
        let sums: Vec<f32> = (0..128)
            .map(|column| x.iter().skip(column).step_by(128).sum())
            .collect();
        for (kernel, n_threads) in [("sum_columns", 128), ("sum_columns_by_roles", 160)] {
            Run::new(kernel, 1, n_threads)
                .slice(&x)
                .uninitialized_slice::<f32>(128)
                .check(|output| assert_eq!(output.buffer::<f32>(1), sums, "{kernel}"));
        }
    }
}

#[test]
fn mma() {
    assert_shown("mma", "mma");

    for [m, n, k] in [[16usize, 8, 16], [32, 24, 48], [16, 16, 0]] {
        let a: Vec<f64> = (0..m * k)
            .map(|i| f64::from((i * 7 % 23) as u32) - 11.0)
            .collect();
        let b: Vec<f64> = (0..k * n)
            .map(|i| f64::from((i * 5 % 19) as u32) - 9.0)
            .collect();
        let expected: Vec<f64> = (0..m * n)
            .map(|i| (0..k).map(|j| a[i / n * k + j] * b[j * n + i % n]).sum())
            .collect();
        let halves =
            |x: &[f64]| -> Vec<u16> { x.iter().map(|x| f16::from_f64(*x).to_bits()).collect() };
        Run::new("product", [(n / 8) as u32, (m / 16) as u32], 32)
            .value(n as u32)
            .value(k as u32)
            .slice(&halves(&a))
            .slice(&halves(&b))
            .uninitialized_slice::<f32>(m * n)
            // Sums of small integers: exact.
            .check(|output| assert_close(&output.buffer::<f32>(2), &expected, 0.0));
    }
}

#[test]
fn random() {
    use cuda_std::random::Philox;
    assert_shown("random", "random");

    let hits: Vec<u32> = (0..64)
        .map(|thread| {
            let mut random = Philox::new(7, thread);
            let mut is_hit = || {
                let (x, y) = (random.uniform_f32(), random.uniform_f32());
                x * x + y * y < 1.0
            };
            (0..200).map(|_| u32::from(is_hit())).sum()
        })
        .collect();
    Run::new("count_hits", 2, 32)
        .value(7u64)
        .value(200u32)
        .uninitialized_slice::<u32>(64)
        .check(|output| assert_eq!(output.buffer::<u32>(0), hits));
    // 12,800 points: a deviation of 0.015 for π.
    let pi = 4.0 * f64::from(hits.iter().sum::<u32>()) / 12_800.0;
    assert!((pi - std::f64::consts::PI).abs() <= 4.0 * 0.015, "{pi}");
}

#[test]
fn timing() {
    assert_shown("timing", "timing");

    let squares: Vec<u32> = (0..64).map(|i| i * 1_000_003).collect();
    Run::new("search", 1, 64)
        .slice(&squares)
        .uninitialized_slice::<u32>(64)
        .uninitialized_slice::<u64>(64)
        .uninitialized_slice::<u64>(64)
        .check(|output| {
            let roots: Vec<u32> = squares.iter().map(|square| square.isqrt()).collect();
            assert_eq!(output.buffer::<u32>(1), roots);
            // Sixteen rounds of at least five instructions.
            for elapsed in [output.buffer::<u64>(2), output.buffer::<u64>(3)].concat() {
                assert!(elapsed >= 16 * 5, "{elapsed}");
            }
        });
}

#[test]
fn pitfalls() {
    for (kernel, is_in_memory) in [
        ("four_sums_in_memory", true),
        ("four_sums_in_registers", false),
    ] {
        for n in [0, 1, 3, 4, 103] {
            let x = numbers(n);
            // Whole numbers, so that every sum is exact.
            let expected: Vec<f32> = (0..4)
                .map(|lane| x.iter().skip(lane).step_by(4).sum())
                .collect();
            Run::new(kernel, 1, 1)
                .slice(&x)
                .uninitialized_slice::<[f32; 4]>(1)
                .check(|output| assert_eq!(output.buffer::<[f32; 4]>(1).concat(), expected));
        }
        let text = cuda_std_tests::only(cuda_std_tests::ptx(), kernel);
        let entry = text.split(".visible .entry").nth(1).unwrap();
        let entry = entry.split("\n}").next().unwrap();
        assert_eq!(entry.contains(".local"), is_in_memory, "{kernel}: {entry}");
    }
}
