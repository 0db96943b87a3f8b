//! Clipping of gradients.

use cpu::backend::{ClipNorm, SumOfSquares};

use crate::activation::LENGTHS;
use crate::buffers::*;
use crate::compare::*;
use crate::devices::devices;

/// Sums over several arrays, as over a model's parameters.
#[test]
fn sum_of_squares() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        let random = &mut generator(1);
        let mut sum = output(backend, &[f32::NAN])?;
        let mut expected = 0.0;
        // The last is more than a launch has threads, and no multiple of four.
        for (idx, n) in LENGTHS[1..].iter().copied().chain([262_147]).enumerate() {
            let values = uniform(random, n, 3.0);
            // The second overwrites again what the first left.
            let adds = idx > 1;
            backend.sum_of_squares(SumOfSquares {
                values: &input(backend, &values)?,
                n,
                sum: &mut sum,
                adds,
            })?;
            let own: f64 = wide(&values).iter().map(|value| value * value).sum();
            expected = if adds { expected + own } else { own };
            let name = format!("sum_of_squares, {n}");
            let actual = read(backend, &name, &sum)?;
            // All terms are positive: a thread adds up few, then come log2 of the threads, the blocks,
            // and the arrays before.
            let limit = vec![64.0 * UNIT * expected];
            outputs.push(Output::new(name, actual, vec![expected], limit));
        }
        for (values, expected) in [
            (vec![], 0.0),
            (vec![3e38, 1.0], f64::INFINITY),
            (vec![f32::NAN, 1.0], f64::NAN),
        ] {
            backend.sum_of_squares(SumOfSquares {
                values: &input(backend, &values)?,
                n: values.len(),
                sum: &mut sum,
                adds: false,
            })?;
            let name = format!("sum_of_squares of {values:?}");
            let actual = read(backend, &name, &sum)?;
            outputs.push(Output::exact(name, actual, vec![expected]));
        }
        Ok(outputs)
    });
}

#[test]
fn clip_norm() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            for sum_of_squares in [0.0, 0.25, 100.0, f32::INFINITY, f32::NAN] {
                let name = format!("clip_norm, {n}, {sum_of_squares}");
                let max_norm = 2.0;
                let values = uniform(&mut generator(idx as u64), n, 3.0);
                let mut buffer = output(backend, &values)?;
                backend.clip_norm(ClipNorm {
                    values: &mut buffer,
                    n,
                    sum_of_squares: &input(backend, &[sum_of_squares])?,
                    max_norm,
                })?;
                let scale = f64::from(max_norm) / (f64::from(sum_of_squares).sqrt() + 1e-6);
                let scale = if scale > 1.0 { 1.0 } else { scale };
                let expected: Vec<f64> = wide(&values).iter().map(|value| scale * value).collect();
                // A root, two sums, a division and a product.
                let limit = expected
                    .iter()
                    .map(|value| 5.0 * UNIT * value.abs())
                    .collect();
                let actual = read(backend, &name, &buffer)?;
                outputs.push(Output::new(name, actual, expected, limit));
            }
        }
        Ok(outputs)
    });
}

#[test]
fn clip_value() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            let name = format!("clip_value, {n}");
            let mut values = uniform(&mut generator(idx as u64), n, 3.0);
            for (value, special) in values.iter_mut().skip(1).zip([
                f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                1.5,
                -1.5,
            ]) {
                *value = special;
            }
            let mut buffer = output(backend, &values)?;
            backend.clip_value(&mut buffer, n, 1.5)?;
            let actual = read(backend, &name, &buffer)?;
            let clamp = |value: &f64| value.clamp(-1.5, 1.5);
            let expected = wide(&values).iter().map(clamp).collect();
            outputs.push(Output::exact(name, actual, expected));
        }
        Ok(outputs)
    });
}
