//! Programs that nvcc has compiled: asynchronous copies, barriers in shared memory, and products of
//! matrices by warps and by warpgroups. Their results are those of the host, and there is nothing to report.

mod machine;

use fastrand::Rng;
use half::{bf16, f16};

use machine::{Machine, arguments, line};

/// Runs a test with several orders of warps and blocks, compiled for two architectures: the later one
/// has other instructions for copies.
fn with_seeds(test: impl Fn(&Machine)) {
    let builds = [
        include_str!("ptx/tensor.ptx"),
        include_str!("ptx/tensor_hopper.ptx"),
    ];
    for ptx in builds {
        for seed in 1..=4 {
            test(&Machine::new("b200", ptx, seed));
        }
    }
}

/// A product of halves, and what must come out: the factors are such that all sums are exact.
fn product(m: usize, n: usize, k: usize) -> (Vec<f16>, Vec<f16>, Vec<f32>) {
    let mut rng = Rng::with_seed((m * n * k) as u64);
    let mut draw = |count: usize| -> Vec<f16> {
        let value = |_| f16::from_f32(rng.i32(-64..=64) as f32 / 16.0);
        (0..count).map(value).collect()
    };
    let (a, b) = (draw(m * k), draw(k * n));
    let mut c = vec![0.0; m * n];
    for row in 0..m {
        for depth in 0..k {
            for column in 0..n {
                c[row * n + column] +=
                    f32::from(a[row * k + depth]) * f32::from(b[depth * n + column]);
            }
        }
    }
    (a, b, c)
}

#[test]
fn halves_are_multiplied_in_stages() {
    for (m, n, k) in [(64, 64, 32), (128, 64, 96), (64, 192, 160)] {
        let (a, b, c) = product(m, n, k);
        with_seeds(|machine| {
            let [first, second] = [&a, &b].map(|matrix| machine.upload(bits(matrix)));
            let result = machine.allocate::<f32>(m * n);
            let shape = ([n as u32 / 64, m as u32 / 64, 1], [128, 1, 1], 0);
            let (n, k) = (n as i32, k as i32);
            machine.launch("halves", shape, arguments![first, second, result, n, k]);
            assert!(
                machine.download::<f32>(result, c.len()) == c,
                "another product"
            );
        });
    }
}

/// Halves as their bits.
fn bits(values: &[f16]) -> &[u16] {
    use half::slice::HalfFloatSliceExt;
    values.reinterpret_cast()
}

#[test]
fn a_barrier_tells_of_copies() {
    let (blocks, tiles) = (3, 5_i32);
    let values: Vec<i32> = (0..blocks * tiles * 256).map(|at| at * at).collect();
    let expected: Vec<i32> = values
        .chunks(256)
        .flat_map(|tile| tile.iter().rev().copied())
        .collect();
    with_seeds(|machine| {
        let input = machine.upload(&values);
        let output = machine.allocate::<i32>(values.len());
        for threads in [32, 64, 96] {
            machine.launch(
                "turned",
                line(blocks as u32, threads),
                arguments![input, output, tiles],
            );
            assert_eq!(machine.download::<i32>(output, values.len()), expected);
        }
    });
}

#[test]
fn barriers_hand_a_buffer_over() {
    let count = 20_i32;
    let values: Vec<i32> = (0..count * 32).map(|at| at * 3 - 7).collect();
    let expected: Vec<i32> = values
        .chunks(32)
        .flat_map(|part| part.iter().rev().map(|value| value * value))
        .collect();
    with_seeds(|machine| {
        let input = machine.upload(&values);
        let output = machine.allocate::<i32>(values.len());
        machine.launch("handed", line(1, 64), arguments![input, output, count]);
        assert_eq!(machine.download::<i32>(output, values.len()), expected);
    });
}

#[test]
fn fragments_are_multiplied() {
    let (m, n, k) = (32, 48, 80);
    let (a, b, c) = product(m, n, k);
    with_seeds(|machine| {
        let [first, second] = [&a, &b].map(|matrix| machine.upload(bits(matrix)));
        let result = machine.allocate::<f32>(m * n);
        let shape = ([n as u32 / 16, m as u32 / 16, 1], [32, 1, 1], 0);
        let (n, k) = (n as i32, k as i32);
        machine.launch("fragments", shape, arguments![first, second, result, n, k]);
        assert!(
            machine.download::<f32>(result, c.len()) == c,
            "another product"
        );
    });
}

#[test]
fn bytes_are_multiplied() {
    let (m, n, k) = (64, 16, 48);
    let mut rng = Rng::with_seed(5);
    let a: Vec<i8> = (0..m * k).map(|_| rng.i8(..)).collect();
    let b: Vec<i8> = (0..n * k).map(|_| rng.i8(..)).collect();
    let expected: Vec<i32> = (0..m * n)
        .map(|at| {
            let (column, row) = (at / m, at % m);
            let product =
                |depth: usize| i32::from(a[row * k + depth]) * i32::from(b[column * k + depth]);
            7 + (0..k).map(product).sum::<i32>()
        })
        .collect();
    with_seeds(|machine| {
        let (first, second) = (machine.upload(&a), machine.upload(&b));
        let result = machine.allocate::<i32>(m * n);
        let shape = ([n as u32 / 8, m as u32 / 32, 1], [32, 1, 1], 0);
        let (m, k) = (m as i32, k as i32);
        machine.launch("bytes", shape, arguments![first, second, result, m, k]);
        assert_eq!(machine.download::<i32>(result, expected.len()), expected);
    });
}

#[test]
fn a_pipeline_has_producers_and_consumers() {
    let tiles = 11_i32;
    let values: Vec<i32> = (0..tiles * 64).map(|at| at * at % 1009).collect();
    let expected: Vec<i32> = (0..32)
        .map(|lane| {
            values.chunks(64).fold(0_i32, |sum, tile| {
                sum.wrapping_mul(3)
                    .wrapping_add(tile[63 - lane] - tile[lane])
            })
        })
        .collect();
    with_seeds(|machine| {
        let input = machine.upload(&values);
        let output = machine.allocate::<i32>(32);
        machine.launch("staged", line(1, 64), arguments![input, output, tiles]);
        assert_eq!(machine.download::<i32>(output, 32), expected);
    });
}

/// What needs four warps for a product.
const WARPGROUPS: &str = include_str!("ptx/wgmma.ptx");

/// Numbers whose products and sums are exact in every format here.
fn draw(rng: &mut Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.i32(-32..=32) as f32 / 8.0).collect()
}

/// `a`, by rows or by columns.
fn stored(matrix: &[f32], columns: usize, by_columns: bool) -> Vec<f32> {
    let rows = matrix.len() / columns;
    match by_columns {
        false => matrix.to_vec(),
        true => (0..columns * rows)
            .map(|at| matrix[at % rows * columns + at / rows])
            .collect(),
    }
}

fn exact_product(a: &[f32], b: &[f32], k: usize, n: usize) -> Vec<f32> {
    let element = |row: usize, column: usize| -> f32 {
        (0..k)
            .map(|depth| a[row * k + depth] * b[depth * n + column])
            .sum()
    };
    (0..a.len() / k * n)
        .map(|at| element(at / n, at % n))
        .collect()
}

/// A kernel, the bytes of an element, and whether the factors are stored by columns.
type Case = (&'static str, fn(f32) -> u32, usize, bool, bool);

fn half(value: f32) -> u32 {
    f16::from_f32(value).to_bits().into()
}

fn bfloat(value: f32) -> u32 {
    bf16::from_f32(value).to_bits().into()
}

const CASES: [Case; 7] = [
    ("halves_tn", half, 2, false, true),
    ("halves_tt", half, 2, false, false),
    ("halves_nn", half, 2, true, true),
    ("halves_nt", half, 2, true, false),
    ("bfloats_tn", bfloat, 2, false, true),
    ("bfloats_nt", bfloat, 2, true, false),
    ("tf32s_tn", f32::to_bits, 4, false, true),
];

fn bytes_of(values: &[f32], bits: fn(f32) -> u32, size: usize) -> Vec<u8> {
    let bytes = |&value: &f32| bits(value).to_le_bytes().into_iter().take(size);
    values.iter().flat_map(bytes).collect()
}

#[test]
fn warpgroups_multiply_tiles() {
    // Rows, columns, depth, and warpgroups of a block.
    for (m, n, k, groups) in [(64, 64, 64, 1), (128, 128, 192, 2)] {
        let mut rng = Rng::with_seed(k as u64);
        let (a, b) = (draw(&mut rng, m * k), draw(&mut rng, k * n));
        let expected = exact_product(&a, &b, k, n);
        for (name, bits, size, a_by_columns, b_by_columns) in CASES {
            for seed in 1..=2 {
                let machine = Machine::new("h100", WARPGROUPS, seed);
                let first = machine.upload(&bytes_of(&stored(&a, k, a_by_columns), bits, size));
                let second = machine.upload(&bytes_of(&stored(&b, n, b_by_columns), bits, size));
                let result = machine.allocate::<f32>(m * n);
                let shared = (groups + 1) * 64 * 128;
                let shape = (
                    [n as u32 / 64, m as u32 / (64 * groups), 1],
                    [128 * groups, 1, 1],
                    shared,
                );
                let [m, n, k] = [m, n, k].map(|size| size as i32);
                machine.launch(name, shape, arguments![first, second, result, m, n, k]);
                let found = machine.download::<f32>(result, expected.len());
                assert!(found == expected, "{name} of {m} by {n} by {k}");
            }
        }
    }
}

#[test]
fn a_stage_is_filled_while_a_warpgroup_multiplies_another_one() {
    let (m, n, k) = (64, 64, 96);
    let mut rng = Rng::with_seed(1);
    let (a, b) = (draw(&mut rng, m * k), draw(&mut rng, k * n));
    let mut expected = exact_product(&a, &b, k, n);
    for sum in &mut expected {
        *sum = 0.0 - *sum;
    }
    for seed in 1..=4 {
        let machine = Machine::new("h100", WARPGROUPS, seed);
        let first = machine.upload(&bytes_of(&a, half, 2));
        let second = machine.upload(&bytes_of(&b, half, 2));
        let result = machine.allocate::<f32>(m * n);
        let shape = line(1, 128);
        machine.launch("staged", shape, arguments![first, second, result, k as i32]);
        assert!(machine.download::<f32>(result, m * n) == expected);
    }
}
