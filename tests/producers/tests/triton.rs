//! Kernels of Triton, which are launched as its runtime does.

mod rows;

use fastrand::Rng;
use half::f16;
use producers::{Fault, Outcome, Run, arguments, finds, grid, passes, text};
use ptx_sim::Kind;

use rows::{layer_norm, random, softmax};

/// The architectures that each kernel was compiled for.
const ARCHITECTURES: [&str; 2] = ["sm_80", "sm_90"];

/// Launches programs of a kernel: behind its arguments come two pointers to scratch memory, which is
/// none here, and all of its shared memory is dynamic.
fn launch(run: &Run, kernel: &str, programs: [u32; 2], arguments: &[Vec<u8>]) -> Outcome {
    let architecture = run
        .program
        .kernel(kernel)
        .expect("the kernel")
        .architecture();
    let list = text("triton/kernels.txt");
    let name = format!("{kernel}.sm_{architecture}");
    let words = list.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = words.into_iter().find(|words| words[0] == name);
    let words = found.unwrap_or_else(|| panic!("kernels.txt has no {name}"));
    let [threads, shared] = [1, 2].map(|at| words[at].parse::<u32>().expect("a number"));
    let scratch = [0_u64; 2].map(|address| address.to_le_bytes().to_vec());
    let arguments: Vec<Vec<u8>> = arguments.iter().cloned().chain(scratch).collect();
    let [x, y] = programs;
    let shape = grid([x, y, 1], [threads, 1, 1]).shared(shared as usize);
    run.launch(kernel, shape, &arguments)
}

#[track_caller]
fn kernel(name: &str, host: impl Fn(&Run) -> Outcome) {
    for architecture in ARCHITECTURES {
        passes(&text(&format!("triton/{name}.{architecture}.ptx")), &host);
    }
}

#[track_caller]
fn fault(name: &str, kind: Kind, part: &str, host: impl Fn(&Run) -> Outcome) {
    for architecture in ARCHITECTURES {
        let fault = Fault {
            source: "triton/compile.py",
            mark: &format!("# FAULT: {name}"),
            kind,
            part,
        };
        finds(
            &text(&format!("triton/{name}.{architecture}.ptx")),
            &fault,
            &host,
        );
    }
}

fn add(run: &Run, kernel: &str, block: usize) -> Outcome {
    let n = 1200_usize;
    let x: Vec<f32> = (0..n).map(|i| i as f32 * 0.5).collect();
    let y: Vec<f32> = (0..n).map(|i| (i % 7) as f32).collect();
    let (a, b, out) = (run.upload(&x), run.upload(&y), run.allocate::<f32>(n));
    let programs = [n.div_ceil(block) as u32, 1];
    launch(run, kernel, programs, arguments![a, b, out, n as i32])?;
    run.expect(
        out,
        &x.iter().zip(&y).map(|(x, y)| x + y).collect::<Vec<_>>(),
    );
    Ok(())
}

#[test]
fn vectors_are_added() {
    kernel("add", |run| add(run, "add", 512));
    let part = "the 4800-byte allocation";
    fault("add_unmasked", Kind::OutOfBounds, part, |run| {
        add(run, "add_unmasked", 256)
    });
}

#[test]
fn weights_add_up() {
    let mut rng = Rng::with_seed(1);
    let (rows, columns) = (5, 117);
    let x = random(&mut rng, rows * columns);
    kernel("softmax", |run| {
        let (input, out) = (run.upload(&x), run.allocate::<f32>(x.len()));
        launch(
            run,
            "softmax",
            [rows as u32, 1],
            arguments![input, out, columns as i32],
        )?;
        let expected = softmax(&x, columns);
        // Results below 0.1, from ex2.approx and div.full, which are within 2 units each.
        run.expect_near::<f32>(out, &expected, 1e-7);
        Ok(())
    });
}

/// Normalizes rows, each in a block.
fn normalize(run: &Run) -> Outcome {
    let mut rng = Rng::with_seed(1);
    let (rows, columns) = (5, 117);
    let x = random(&mut rng, rows * columns);
    let (scale, shift) = (random(&mut rng, columns), random(&mut rng, columns));
    let [input, a, b] = [&x, &scale, &shift].map(|values| run.upload(values));
    let out = run.allocate::<f32>(x.len());
    let arguments = arguments![input, a, b, out, columns as i32];
    launch(run, "layer_norm", [rows as u32, 1], arguments)?;
    let expected = layer_norm(&x, columns, &scale, &shift);
    run.expect_near::<f32>(out, &expected, 2e-6);
    Ok(())
}

/// Where Triton fuses, it adds the square of a lane to that of another as `fma(a, a, b * b)` in the one
/// and `fma(b, b, a * a)` in the other. The sums then differ in their last bits, and all lanes store
/// theirs into one word: which one it keeps is open.
#[test]
fn rows_are_normalized() {
    kernel("layer_norm", normalize);
    fault(
        "layer_norm_fused",
        Kind::SharedRace,
        "nothing orders",
        normalize,
    );
}

/// Small whole numbers, whose products and sums are exact.
fn small(rng: &mut Rng, count: usize) -> Vec<f16> {
    (0..count)
        .map(|_| f16::from_f32(rng.i32(-4..5) as f32))
        .collect()
}

#[test]
fn matrices_are_multiplied() {
    let (m, n, k) = (80, 48, 96);
    let mut rng = Rng::with_seed(2);
    let (a, b) = (small(&mut rng, m * k), small(&mut rng, k * n));
    kernel("product", |run| {
        let (x, y, z) = (run.upload(&a), run.upload(&b), run.allocate::<f32>(m * n));
        let arguments = arguments![x, y, z, m as i32, n as i32, k as i32];
        launch(run, "product", [2, 2], arguments)?;
        let element = |at: usize| {
            let row = &a[at / n * k..][..k];
            let column = b[at % n..].iter().step_by(n);
            row.iter()
                .zip(column)
                .map(|(a, b)| a.to_f32() * b.to_f32())
                .sum()
        };
        run.expect(z, &(0..m * n).map(element).collect::<Vec<f32>>());
        Ok(())
    });
}

#[test]
fn queries_attend() {
    let (n, depth, scale) = (72, 32, 0.25_f32);
    let mut rng = Rng::with_seed(3);
    let [q, k, v] = [(); 3].map(|()| {
        let values = random(&mut rng, n * depth);
        values.into_iter().map(f16::from_f32).collect::<Vec<_>>()
    });
    kernel("attention", |run| {
        let [a, b, c] = [&q, &k, &v].map(|values| run.upload(values));
        let out = run.allocate::<f32>(n * depth);
        launch(
            run,
            "attention",
            [2, 1],
            arguments![a, b, c, out, n as i32, scale],
        )?;
        let [q, k, v] = [&q, &k, &v].map(|x| x.iter().map(|x| x.to_f64()).collect::<Vec<_>>());
        let attend = |query: &[f64]| {
            let weight = |key: &[f64]| {
                let dot: f64 = query.iter().zip(key).map(|(a, b)| a * b).sum();
                (dot * f64::from(scale)).exp()
            };
            let weights: Vec<f64> = k.chunks(depth).map(weight).collect();
            let total: f64 = weights.iter().sum();
            let element = |i: usize| -> f64 {
                let terms = weights.iter().zip(v.chunks(depth));
                terms.map(|(weight, value)| weight * value[i]).sum()
            };
            (0..depth).map(|i| element(i) / total).collect::<Vec<_>>()
        };
        let expected: Vec<f64> = q.chunks(depth).flat_map(attend).collect();
        // The weights are rounded to halves, of 11 bits.
        run.expect_near::<f32>(out, &expected, 1.0 / 2048.0);
        Ok(())
    });
}

/// Bins that all blocks add to twice.
fn histogram(run: &Run, kernel: &str, counts: usize) -> Outcome {
    let values: Vec<i32> = (0..1000).map(|i| i * i % 31).collect();
    let mut expected = vec![0; counts];
    for bin in (0..counts).step_by(32) {
        for &value in &values {
            expected[bin + value as usize] += 1;
        }
    }
    let (input, out) = (run.upload(&values), run.upload(&vec![0; counts]));
    launch(run, kernel, [4, 1], arguments![input, out, 1000])?;
    run.expect(out, &expected);
    Ok(())
}

#[test]
fn values_are_counted() {
    kernel("histogram", |run| histogram(run, "histogram", 64));
    let name = "histogram_without_atomics";
    fault(name, Kind::GlobalRace, "nothing orders", |run| {
        histogram(run, name, 32)
    });
}

#[test]
fn blocks_are_scanned_and_sorted() {
    kernel("scan_and_sort", |run| {
        let values: Vec<i32> = (0..384).map(|i| i * 7919 % 1009 - 500).collect();
        let input = run.upload(&values);
        let (sums, ordered) = (run.allocate::<i32>(384), run.allocate::<i32>(384));
        launch(
            run,
            "scan_and_sort",
            [3, 1],
            arguments![input, sums, ordered],
        )?;
        let mut expected = values.clone();
        expected.chunks_mut(128).for_each(<[i32]>::sort_unstable);
        run.expect(ordered, &expected);
        let running = |block: &[i32]| {
            let sums = block.iter().scan(0, |sum, value| {
                *sum += value;
                Some(*sum)
            });
            sums.collect::<Vec<_>>()
        };
        run.expect(
            sums,
            &values.chunks(128).flat_map(running).collect::<Vec<_>>(),
        );
        Ok(())
    });
}
