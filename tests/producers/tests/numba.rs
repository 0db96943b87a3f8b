//! Kernels in Python, which numba-cuda compiled.

use producers::{Fault, Outcome, Run, arguments, finds, line, passes, text};
use ptx_sim::Kind;

/// The parameters that a whole array with rows one after the other is.
fn array<const N: usize>(address: u64, shape: [u64; N], item: u64) -> Vec<Vec<u8>> {
    let mut words = vec![0, 0, shape.iter().product(), item, address];
    words.extend(shape);
    words.extend((1..=N).map(|at| item * shape[at..].iter().product::<u64>()));
    words
        .into_iter()
        .map(|word| word.to_le_bytes().to_vec())
        .collect()
}

#[test]
fn axpy() {
    passes(&text("numba/axpy.ptx"), |run| {
        let x: Vec<f32> = (0..100).map(|i| i as f32 * 0.5).collect();
        let y: Vec<f32> = (0..100).map(|i| (i % 7) as f32).collect();
        let (a, b) = (run.upload(&x), run.upload(&y));
        let mut arguments = arguments![3.0_f32].to_vec();
        arguments.extend(array(a, [100], 4));
        arguments.extend(array(b, [100], 4));
        run.launch("axpy", line(4, 32), &arguments)?;
        let expected: Vec<f32> = x.iter().zip(&y).map(|(x, y)| 3.0 * x + y).collect();
        run.expect(b, &expected);
        Ok(())
    });
}

/// The sum of an array, by trees in shared memory.
fn sums(run: &Run, kernel: &str) -> Outcome {
    let x: Vec<f64> = (0..300).map(|i| f64::from(i * i % 37)).collect();
    let (input, out) = (run.upload(&x), run.upload(&[0.5_f64]));
    let arguments = [array(input, [300], 8), array(out, [1], 8)].concat();
    run.launch(kernel, line(3, 64), &arguments)?;
    run.expect(out, &[0.5 + x.iter().sum::<f64>()]);
    Ok(())
}

#[test]
fn shared_arrays() {
    passes(&text("numba/sums.ptx"), |run| sums(run, "sums"));
    let name = "sums_without_barriers";
    let fault = Fault {
        source: "numba/compile.py",
        mark: "# FAULT",
        kind: Kind::SharedRace,
        part: "nothing orders",
    };
    finds(&text(&format!("numba/{name}.ptx")), &fault, |run| {
        sums(run, name)
    });
}

#[test]
fn arrays_of_two_dimensions() {
    passes(&text("numba/collatz.ptx"), |run| {
        let numbers: Vec<i64> = (1..50).collect();
        let (input, out) = (run.upload(&numbers), run.allocate::<[i32; 2]>(49));
        let arguments = [array(input, [49], 8), array(out, [49, 2], 4)].concat();
        run.launch("collatz", line(2, 32), &arguments)?;
        let row = |&number: &i64| {
            let next = |&n: &i64| (n != 1).then(|| if n % 2 == 0 { n / 2 } else { 3 * n + 1 });
            let steps = std::iter::successors(Some(number), next).count() as i32 - 1;
            [(number * number % 1000) as i32, steps]
        };
        run.expect(out, &numbers.iter().map(row).collect::<Vec<_>>());
        Ok(())
    });
}
