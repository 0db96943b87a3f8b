//! Programs that nvcc has compiled, run with all checks: their results are those of the host, and
//! there is nothing to report.

mod machine;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use half::{bf16, f16};
use ptx_sim::{Kind, LaunchError};

use machine::{Machine, arguments, line};

const PROGRAMS: &str = include_str!("ptx/programs.ptx");

/// Runs a test with several orders of warps and blocks.
fn with_seeds(test: impl Fn(&Machine)) {
    for seed in 1..=4 {
        test(&Machine::new("b200", PROGRAMS, seed));
    }
}

#[test]
fn a_histogram_is_counted() {
    with_seeds(|machine| {
        let n = 10_007_i32;
        let values: Vec<u8> = (0..n).map(|i| (i * i % 251) as u8).collect();
        let mut expected = [0_u32; 256];
        for &value in &values {
            expected[usize::from(value)] += 1;
        }
        let (input, counts) = (machine.upload(&values), machine.upload(&[0_u32; 256]));
        machine.launch("histogram", line(7, 96), arguments![input, n, counts]);
        assert_eq!(machine.download::<u32>(counts, 256), expected);
    });
}

#[test]
fn a_sum_is_reduced() {
    with_seeds(|machine| {
        for (n, blocks, threads) in [(1_i32, 1, 32), (5000, 9, 128), (4096, 40, 64)] {
            let values: Vec<i32> = (0..n).map(|i| i * 7 - 1000).collect();
            let input = machine.upload(&values);
            let partial = machine.allocate::<i32>(blocks as usize);
            let (ticket, sum) = (machine.upload(&[0_u32]), machine.allocate::<i32>(1));
            machine.launch(
                "reduce",
                line(blocks, threads),
                arguments![input, n, partial, ticket, sum],
            );
            assert_eq!(
                machine.download::<i32>(sum, 1),
                [values.iter().sum::<i32>()]
            );
        }
    });
}

#[test]
fn sums_run() {
    with_seeds(|machine| {
        for (n, threads) in [(1_i32, 1), (64, 32), (1000, 512), (777, 512)] {
            let values: Vec<i32> = (0..n).map(|i| i % 17 - 5).collect();
            let expected: Vec<i32> = values
                .iter()
                .scan(0, |sum, value| {
                    let before = *sum;
                    *sum += value;
                    Some(before)
                })
                .collect();
            let memory = machine.upload(&values);
            let shape = ([1, 1, 1], [threads, 1, 1], threads * 8);
            machine.launch("scan", shape, arguments![memory, n]);
            assert_eq!(machine.download::<i32>(memory, n as usize), expected);
        }
    });
}

#[test]
fn a_matrix_is_transposed() {
    with_seeds(|machine| {
        let (rows, columns) = (37_i32, 50_i32);
        let values: Vec<f64> = (0..rows * columns).map(f64::from).collect();
        let (input, output) = (
            machine.upload(&values),
            machine.allocate::<f64>(values.len()),
        );
        let shape = ([4, 3, 1], [16, 16, 1], 0);
        machine.launch("transpose", shape, arguments![input, output, rows, columns]);
        let found: Vec<f64> = machine.download(output, values.len());
        for (at, value) in found.iter().enumerate() {
            let (column, row) = (at as i32 / rows, at as i32 % rows);
            assert_eq!(*value, f64::from(row * columns + column));
        }
    });
}

#[test]
fn keys_are_sorted() {
    with_seeds(|machine| {
        let mut rng = Rng::with_seed(1);
        let mut keys: Vec<i64> = (0..3 * 256)
            .map(|_| rng.i64(-1000..1000) << rng.u32(..40))
            .collect();
        let memory = machine.upload(&keys);
        machine.launch("sort", ([3, 1, 1], [128, 1, 1], 2048), arguments![memory]);
        keys.chunks_mut(256).for_each(<[i64]>::sort_unstable);
        assert_eq!(machine.download::<i64>(memory, keys.len()), keys);

        let length = 48;
        let mut rows: Vec<i16> = (0..70 * length).map(|_| rng.i16(-300..300)).collect();
        let memory = machine.upload(&rows);
        machine.launch("quicksorts", line(2, 35), arguments![memory, length as i32]);
        rows.chunks_mut(length).for_each(<[i16]>::sort_unstable);
        assert_eq!(machine.download::<i16>(memory, rows.len()), rows);
    });
}

#[test]
fn lists_in_the_heap_are_pushed_to() {
    with_seeds(|machine| {
        let heads = machine.upload(&[0_u64; 3]);
        let sums = machine.allocate::<i32>(3);
        machine.launch("lists", line(3, 80), arguments![heads, sums]);
        let expected = [0, 1, 2].map(|block| (0..80).sum::<i32>() + 80 * 1000 * block);
        assert_eq!(machine.download::<i32>(sums, 3), expected);
        assert_eq!(machine.download::<u64>(heads, 3), [0; 3]);
    });
}

#[test]
fn halves_are_multiplied() {
    with_seeds(|machine| {
        let (threads, pairs) = (40, 9);
        let mut rng = Rng::with_seed(2);
        let mut halves = || -> Vec<u16> {
            let value = |_| f16::from_f32(rng.f32() * 4.0 - 2.0).to_bits();
            (0..2 * threads * pairs).map(value).collect()
        };
        let (a, b) = (halves(), halves());
        let c: Vec<u16> = (0..threads * pairs)
            .map(|at| bf16::from_f32(at as f32 / 8.0).to_bits())
            .collect();
        let [x, y, z] = [&a, &b, &c].map(|values| machine.upload(values));
        let out = machine.allocate::<f32>(3 * threads);
        machine.launch(
            "dots",
            line(1, threads as u32),
            arguments![x, y, z, out, pairs as i32],
        );
        let found: Vec<f32> = machine.download(out, 3 * threads);
        let single = |bits: u16| f64::from(f16::from_bits(bits));
        // Products and sums of halves are exact in 64 bits, so each is rounded once.
        let product = |at: usize| f16::from_f64(single(a[at]) * single(b[at])).to_f32();
        for thread in 0..threads {
            let (mut sum, mut packed, mut brain) = (0.0_f32, [f16::ZERO; 2], 0.0_f32);
            for (pair, &bits) in c.iter().enumerate().skip(thread * pairs).take(pairs) {
                sum += product(2 * pair) + product(2 * pair + 1);
                for (half, packed) in packed.iter_mut().enumerate() {
                    let at = 2 * pair + half;
                    *packed = f16::from_f64(single(a[at]).mul_add(single(b[at]), packed.to_f64()));
                }
                brain += bf16::from_bits(bits).to_f32();
            }
            let packed = packed[0].to_f32() + packed[1].to_f32();
            assert_eq!(
                found[3 * thread..][..3],
                [sum, packed, brain],
                "thread {thread}"
            );
        }
    });
}

/// What a device has printed.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_printed() {
    with_seeds(|machine| {
        let output = Output::default();
        machine.device.set_output(Box::new(output.clone()));
        let n = 50_i32;
        machine.launch("prints", line(2, 40), arguments![n]);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_by_key(|line| line.split(' ').next().unwrap().parse::<i32>().unwrap());
        let expected: Vec<String> = (0..n)
            .map(|i| {
                let (parity, letter) = (["even", "odd"][i as usize % 2], b'a' + (i % 26) as u8);
                let (half, wide) = (f64::from(i) * 0.5, u64::from(i as u32) << 33);
                let letter = char::from(letter);
                format!("{i} of {n}: {parity} {half:5.2} {letter} {wide:x}")
            })
            .collect();
        assert_eq!(lines, expected);
    });
}

#[test]
fn cells_live_on_a_torus() {
    with_seeds(|machine| {
        let (width, height) = (23_usize, 19_usize);
        let mut rng = Rng::with_seed(3);
        let mut cells: Vec<u8> = (0..width * height)
            .map(|_| u8::from(rng.u32(..3) == 0))
            .collect();
        let mut buffers = [machine.upload(&cells), machine.allocate::<u8>(cells.len())];
        for _ in 0..10 {
            let [from, to] = buffers;
            let sizes = [width as i32, height as i32];
            machine.launch(
                "life",
                line(7, 64),
                arguments![from, to, sizes[0], sizes[1]],
            );
            buffers.reverse();
            let count = |i: usize| -> u8 {
                let (x, y) = (i % width, i / width);
                let near = |dx, dy| {
                    cells[(y + dy + height - 1) % height * width + (x + dx + width - 1) % width]
                };
                (0..9)
                    .filter(|&at| at != 4)
                    .map(|at| near(at % 3, at / 3))
                    .sum()
            };
            cells = (0..cells.len())
                .map(|i| u8::from(count(i) == 3 || count(i) == 2 && cells[i] == 1))
                .collect();
            assert_eq!(machine.download::<u8>(buffers[0], cells.len()), cells);
        }
    });
}

#[test]
fn matrices_are_multiplied() {
    with_seeds(|machine| {
        let (m, n, k) = (33_usize, 40_usize, 50_usize);
        let a: Vec<f32> = (0..m * k).map(|i| (i % 13) as f32 - 6.0).collect();
        let b: Vec<f32> = (0..k * n).map(|i| (i % 7) as f32 * 0.5).collect();
        let (x, y, z) = (
            machine.upload(&a),
            machine.upload(&b),
            machine.allocate::<f32>(m * n),
        );
        let shape = ([3, 3, 1], [16, 16, 1], 0);
        machine.launch(
            "product",
            shape,
            arguments![x, y, z, m as i32, n as i32, k as i32],
        );
        let found: Vec<f32> = machine.download(z, m * n);
        for (at, &value) in found.iter().enumerate() {
            let (row, column) = (at / n, at % n);
            // All products and sums are small multiples of a half, which are exact.
            let expected: f32 = (0..k).map(|j| a[row * k + j] * b[j * n + column]).sum();
            assert_eq!(value, expected, "row {row}, column {column}");
        }
    });
}

/// What the program takes for the area of a circle of radius 1.
#[allow(clippy::approx_constant)]
const CIRCLE: f32 = 3.14159;

#[test]
fn functions_are_called() {
    let machine = Machine::new("b200", include_str!("ptx/calls.ptx"), 1);
    // A float, and three doubles behind a gap.
    let pair: Vec<u8> = [0.0_f64, 4.0, 5.0, 6.0].map(f64::to_le_bytes).concat();
    let mut pair = pair;
    pair[..4].copy_from_slice(&1.5_f32.to_le_bytes());
    for (which, first) in [(0_i32, 3.5_f32), (2, -0.5)] {
        let out = machine.upload(&[0.0_f32, 0.0, 0.0, 3.0, 2.0, 0.0]);
        machine.launch(
            "calls",
            line(1, 1),
            &[&out.to_le_bytes(), &pair, &which.to_le_bytes()],
        );
        let found: Vec<f32> = machine.download(out, 6);
        assert_eq!(
            found,
            [first, which as f32 + 1.0, 5.5, 3.0, 2.0, CIRCLE * 4.0]
        );
    }
    let out = machine.upload(&[0.0_f32; 6]);
    let outcome = machine.try_launch(
        "calls",
        line(1, 1),
        &[&out.to_le_bytes(), &pair, &1_i32.to_le_bytes()],
    );
    match outcome {
        Err(LaunchError::Fault(report)) => assert_eq!(report.kind, Kind::InvalidCall),
        other => panic!("a call through a null pointer: {other:?}"),
    }
}

#[test]
fn a_switch_has_many_targets() {
    let machine = Machine::new("b200", include_str!("ptx/control.ptx"), 1);
    let values: Vec<i32> = (0..64).map(|i| i * 37 % 11).collect();
    let warp = |i: usize| i / 32 * 32..i / 32 * 32 + 32;
    let cases: [(i32, &dyn Fn(usize) -> i32); 6] = [
        (2, &|i| values[i].count_ones() as i32),
        (3, &|i| values[i ^ 1]),
        (4, &|i| {
            warp(i).fold(0, |bits, at| bits | i32::from(values[at] > 3) << (at % 32))
        }),
        (9, &|i| {
            values[i] + warp(i).map(|at| values[at]).sum::<i32>()
        }),
        (11, &|i| values[i] << 11),
        (12, &|i| values[i]),
    ];
    for (n, expected) in cases {
        let memory = machine.upload(&values);
        machine.launch("switches", line(2, 32), arguments![memory, n]);
        let expected: Vec<i32> = (0..64)
            .map(|i| match n {
                // The bits that come in from above are those of n.
                11 => ((i64::from(values[i]) | i64::from(n) << 32) << 3 >> 32) as i32,
                _ => expected(i),
            })
            .collect();
        assert_eq!(machine.download::<i32>(memory, 64), expected, "case {n}");
    }
}

#[test]
fn builds_for_debugging_run() {
    for ptx in [include_str!("ptx/lines.ptx"), include_str!("ptx/debug.ptx")] {
        let machine = Machine::new("b200", ptx, 1);
        let values: Vec<f32> = (0..40).map(|i| i as f32 / 32.0 - 0.3).collect();
        let memory = machine.upload(&values);
        machine.launch("debug", line(1, 64), arguments![memory, 40_i32]);
        let scaled = |x: f32, factor: f32| (x * factor).min(1.0);
        let expected: Vec<f32> = values
            .iter()
            .map(|&x| scaled(scaled(x, 2.0), 0.5))
            .collect();
        assert_eq!(machine.download::<f32>(memory, 40), expected);
    }
}
