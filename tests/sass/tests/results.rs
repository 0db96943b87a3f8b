//! The kernels in Rust and their twins in CUDA C++ compute the same, and what they should. They take
//! the same parameters: a slice in Rust is a pointer and a `size_t` in C++.

use bytemuck::Pod;
use cuda_std_tests::{Output, Run, Shape};

/// Launches a kernel in both languages.
struct Twins {
    rust: Run,
    cuda: Run,
}

impl Twins {
    fn new(kernel: &str, grid: impl Into<Shape> + Copy, block: impl Into<Shape> + Copy) -> Twins {
        let [(_, rust)] = sass::RUST else {
            panic!("this build has no PTX of the kernels: `cargo xtask ptx` makes it");
        };
        let run = Run::new(kernel, grid, block);
        Twins {
            rust: run.clone().with_ptx(rust),
            cuda: run.with_ptx(sass::CUDA),
        }
    }

    /// The same for both.
    fn both(self, add: impl Fn(Run) -> Run) -> Twins {
        Twins {
            rust: add(self.rust),
            cuda: add(self.cuda),
        }
    }

    fn value<T: Pod>(self, value: T) -> Twins {
        self.both(|run| run.value(value))
    }

    fn pointer<T: Pod>(self, elements: &[T]) -> Twins {
        self.both(|run| run.pointer(elements))
    }

    fn output<T: Pod>(self, len: usize) -> Twins {
        self.both(|run| run.uninitialized::<T>(len))
    }

    fn slice<T: Pod>(self, elements: &[T]) -> Twins {
        self.both(|run| run.slice(elements))
    }

    fn output_slice<T: Pod>(self, len: usize) -> Twins {
        self.both(|run| run.uninitialized_slice::<T>(len))
    }

    fn check(&self, check: impl Fn(&Output)) {
        self.rust.check(&check);
        self.cuda.check(&check);
    }
}

/// Numbers in -1..1 that look random.
fn numbers(n: usize) -> Vec<f32> {
    (0..n as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect()
}

/// Fails if a result is off by more than `limit` of what may cancel in it, `scale`.
#[track_caller]
fn assert_close(actual: &[f32], expected: &[f64], scale: f64, limit: f64) {
    assert_eq!(actual.len(), expected.len());
    for (idx, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(actual) - expected).abs() / scale;
        assert!(
            error <= limit,
            "element {idx}: {actual} instead of {expected}"
        );
    }
}

#[test]
fn saxpy() {
    let (x, y) = (numbers(1000), numbers(1003));
    Twins::new("saxpy", 4, 256)
        .value(0.75f32)
        .slice(&x)
        .slice(&y)
        .check(|output| {
            let mut expected = y.clone();
            for (y, x) in expected.iter_mut().zip(&x) {
                *y = 0.75f32.mul_add(*x, *y);
            }
            assert_eq!(output.buffer::<f32>(1), expected);
        });
}

#[test]
fn add_vectors() {
    let (a, b) = (numbers(4 * 300), numbers(4 * 300 + 1)[1..].to_vec());
    Twins::new("add_vectors", 2, 256)
        .pointer(&a)
        .pointer(&b)
        .output::<f32>(4 * 300)
        .value(300u32)
        .check(|output| {
            let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
            assert_eq!(output.buffer::<f32>(2), expected);
        });
}

#[test]
fn block_sums() {
    let x: Vec<f32> = (0..3000).map(|i| (i % 17) as f32).collect();
    Twins::new("block_sums", 4, 256)
        .slice(&x)
        .output_slice::<f32>(4)
        .check(|output| {
            // Small integers: every order of adding gives the same.
            let mut expected = [0.0; 4];
            for (i, x) in x.iter().enumerate() {
                expected[i / 256 % 4] += x;
            }
            assert_eq!(output.buffer::<f32>(1), expected);
        });
}

#[test]
fn transpose() {
    let (n_rows, n_columns) = (45, 70);
    let x = numbers(n_rows * n_columns);
    Twins::new("transpose", [3, 2], [32, 8])
        .pointer(&x)
        .output::<f32>(n_rows * n_columns)
        .value(n_rows as u32)
        .value(n_columns as u32)
        .check(|output| {
            let expected: Vec<f32> = (0..n_columns)
                .flat_map(|column| (0..n_rows).map(move |row| row * n_columns + column))
                .map(|i| x[i])
                .collect();
            assert_eq!(output.buffer::<f32>(1), expected);
        });
}

#[test]
fn product() {
    let (m, n, k) = (20, 33, 41);
    let (a, b) = (numbers(m * k), numbers(k * n));
    let expected: Vec<f64> = (0..m * n)
        .map(|i| {
            (0..k)
                .map(|j| f64::from(a[i / n * k + j]) * f64::from(b[j * n + i % n]))
                .sum()
        })
        .collect();
    Twins::new("product", [3, 2], [16, 16])
        .pointer(&a)
        .pointer(&b)
        .output::<f32>(m * n)
        .value(m as u32)
        .value(n as u32)
        .value(k as u32)
        // 41 roundings, each of at most 2^-24 of a sum below 41.
        .check(|output| assert_close(&output.buffer(2), &expected, 41.0, 41.0 * 6e-8));
}

#[test]
fn softmax() {
    let (n_rows, n_columns) = (11, 75);
    let x = numbers(n_rows * n_columns);
    let expected: Vec<f64> = x
        .chunks(n_columns)
        .flat_map(|row| {
            let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
            row.iter().map(move |&x| f64::from(x).exp() / sum)
        })
        .collect();
    Twins::new("softmax", 3, 128)
        .pointer(&x)
        .output::<f32>(n_rows * n_columns)
        .value(n_rows as u32)
        .value(n_columns as u32)
        // Of a probability below 0.1: `ex2.approx` is good to 2 ulp, its argument to 2^-23.
        .check(|output| assert_close(&output.buffer(1), &expected, 0.1, 2e-6));
}

#[test]
fn stencil() {
    let (n_rows, n_columns) = (19, 40);
    let x = numbers(n_rows * n_columns);
    let inside = |i: usize| {
        let (row, column) = (i / n_columns, i % n_columns);
        row > 0 && column > 0 && row + 1 < n_rows && column + 1 < n_columns
    };
    let expected: Vec<f64> = (0..x.len())
        .map(|i| {
            let x = |i: usize| f64::from(x[i]);
            if inside(i) {
                let around = x(i - 1) + x(i + 1) + x(i - n_columns) + x(i + n_columns);
                0.5 * x(i) + 0.125 * around
            } else {
                0.0
            }
        })
        .collect();
    Twins::new("stencil", [2, 3], [32, 8])
        .pointer(&x)
        .pointer(&vec![0.0f32; x.len()])
        .value(n_rows as u32)
        .value(n_columns as u32)
        .check(|output| assert_close(&output.buffer(1), &expected, 1.0, 2.4e-7));
}

#[test]
fn histogram() {
    let x: Vec<u8> = (0..2000u32).map(|i| (i * i % 251) as u8).collect();
    Twins::new("histogram", 3, 256)
        .slice(&x)
        .pointer(&[1u32; 256])
        .check(|output| {
            let mut expected = vec![1u32; 256];
            for &x in &x {
                expected[usize::from(x)] += 1;
            }
            assert_eq!(output.buffer::<u32>(1), expected);
        });
}

#[test]
fn scan() {
    let x: Vec<u32> = (0..1000).map(|i| i % 7 + 1).collect();
    Twins::new("scan", 4, 256)
        .slice(&x)
        .output_slice::<u32>(1000)
        .check(|output| {
            let expected: Vec<u32> = x
                .chunks(256)
                .flat_map(|block| {
                    block.iter().scan(0, |sum, x| {
                        *sum += x;
                        Some(*sum)
                    })
                })
                .collect();
            assert_eq!(output.buffer::<u32>(1), expected);
        });
}

#[test]
fn convolution() {
    let n = 1000;
    let x = numbers(n + 6);
    let weights = [
        0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125,
    ];
    let expected: Vec<f64> = (0..n)
        .map(|i| (0..7).map(|j| weights[j] * f64::from(x[i + j])).sum())
        .collect();
    Twins::new("convolution", 4, 256)
        .pointer(&x)
        .output::<f32>(n)
        .value(n as u32)
        .check(|output| assert_close(&output.buffer(1), &expected, 1.0, 7.0 * 6e-8));
}

#[test]
fn adam() {
    let n = 500;
    let (weights, gradients, means) = (numbers(n), numbers(n + 3)[3..].to_vec(), numbers(n));
    let squares: Vec<f32> = numbers(n).iter().map(|x| x * x + 0.1).collect();
    let expected: Vec<f64> = (0..n)
        .map(|i| {
            let gradient = f64::from(gradients[i]);
            let mean = 0.9 * f64::from(means[i]) + 0.1 * gradient;
            let square = 0.999 * f64::from(squares[i]) + 0.001 * gradient * gradient;
            f64::from(weights[i]) - 0.01 * mean / (square.sqrt() + 1e-8)
        })
        .collect();
    Twins::new("adam", 2, 256)
        .pointer(&weights)
        .pointer(&gradients)
        .pointer(&means)
        .pointer(&squares)
        .value(0.01f32)
        .value(n as u32)
        .check(|output| assert_close(&output.buffer(0), &expected, 1.0, 2.4e-7));
}

#[test]
fn mandelbrot() {
    let (width, height, limit) = (40u32, 30u32, 100u32);
    let (left, top, step) = (-2.0f32, -1.125f32, 0.075f32);
    Twins::new("mandelbrot", [2, 4], [32, 8])
        .output::<u32>((width * height) as usize)
        .value(width)
        .value(height)
        .value(left)
        .value(top)
        .value(step)
        .value(limit)
        .check(|output| {
            // A point at the edge may leave a step earlier or later by the rounding.
            let counts = output.buffer::<u32>(0);
            let mut n_others = 0;
            for (i, &count) in counts.iter().enumerate() {
                let c_re = f64::from(left) + f64::from(step) * (i as u32 % width) as f64;
                let c_im = f64::from(top) + f64::from(step) * (i as u32 / width) as f64;
                let (mut re, mut im, mut expected) = (0.0, 0.0, 0);
                while expected < limit && re * re + im * im <= 4.0 {
                    (re, im) = (re * re - im * im + c_re, 2.0 * re * im + c_im);
                    expected += 1;
                }
                n_others += u32::from(count != expected);
            }
            assert!(n_others <= width * height / 100, "{n_others} points differ");
        });
}
