//! Losses and predictions.

use cpu::Result;
use cpu::backend::{Backend, ElementwiseLoss, LossFunction, SoftmaxCrossEntropy};
use rand::RngExt;

use crate::activation::LENGTHS;
use crate::buffers::*;
use crate::compare::*;
use crate::devices::devices;
use crate::reference;

/// Loss, count of correct predictions and gradient of logits, computed with and without a gradient.
fn cross_entropy<B: Backend>(
    backend: &B,
    name: String,
    logits: &[f32],
    labels: &[u8],
    n_classes: usize,
    label_smoothing: f32,
) -> Result<Vec<Output>> {
    let n_rows = labels.len();
    let logits_buffer = input(backend, logits)?;
    let labels_buffer = backend.upload_bytes(&[labels, &[255; N_BEYOND]].concat())?;
    let mut statistics = backend.statistics(4)?;
    let mut dlogits = output(backend, &vec![f32::NAN; logits.len()])?;
    for (step, dlogits) in [(1, Some(&mut dlogits)), (2, None)] {
        backend.softmax_cross_entropy(SoftmaxCrossEntropy {
            logits: &logits_buffer,
            labels: &labels_buffer,
            dlogits,
            statistics: &mut statistics,
            step,
            n_rows,
            n_classes,
            label_smoothing,
        })?;
    }

    let logits = wide(logits);
    let expected =
        reference::softmax_cross_entropy(&logits, labels, n_classes, label_smoothing.into());
    let predictions = reference::predictions(&logits, n_classes);
    let n_correct = predictions
        .iter()
        .zip(labels)
        .filter(|(a, b)| a == b)
        .count() as u32;
    let actual = backend.read_statistics(&statistics)?;
    assert_eq!(actual.n_correct, [0, n_correct, n_correct, 0], "{name}");
    assert_eq!([actual.loss[0], actual.loss[3]], [0.0; 2], "{name}");
    assert!(
        actual.loss[1].to_bits() == actual.loss[2].to_bits() || actual.loss[1].is_nan(),
        "{name}: the loss is {} with a gradient, {} without",
        actual.loss[1],
        actual.loss[2]
    );

    // Of a row's loss: the sum of C exponentials, each with a few roundings, and the differences
    // from the largest logit, which are as large as the loss at most, or 1; with smoothing there are
    // C of these, whose weighted sum is as large as the loss at most. Then the rows are added.
    let n_differences = if label_smoothing > 0.0 { n_classes } else { 0 };
    let row_limit =
        |loss: &f64| UNIT * ((n_classes + 16) as f64 + (4 + n_differences) as f64 * loss.abs());
    let sum: f64 = expected.losses.iter().sum();
    let limit =
        expected.losses.iter().map(row_limit).sum::<f64>() + n_rows as f64 * UNIT * sum.abs();
    let loss = Output::new(
        format!("{name}, loss"),
        vec![actual.loss[1]],
        vec![sum],
        vec![limit],
    );
    // Of a probability: an exponential, whose argument's rounding matters less the smaller it is, the
    // sum, and a few roundings; then the difference from the target.
    let limit = expected
        .dlogits
        .iter()
        .map(|gradient| {
            (n_classes + 16) as f64 * UNIT * (gradient.abs() + UNIT / n_rows as f64)
                + 4.0 * UNIT / n_rows as f64
        })
        .collect();
    let gradient = read(backend, &name, &dlogits)?;
    let name = format!("{name}, gradient");
    Ok(vec![
        loss,
        Output::new(name, gradient, expected.dlogits, limit),
    ])
}

#[test]
fn softmax_cross_entropy() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        let random = &mut generator(1);
        let warp = 32;
        let mut shapes = Vec::new();
        for n_classes in [1, 2, 3, 10, warp - 1, warp, warp + 1, 97, 256] {
            shapes.push((7, n_classes));
        }
        for n_rows in [1, 2, 8, 9, 61, 64, 65] {
            shapes.push((n_rows, 10));
        }
        // More rows than the blocks of a launch have warps.
        shapes.push((8200, 3));
        for (idx, (n_rows, n_classes)) in shapes.into_iter().enumerate() {
            let scale = [1.0, 30.0, 1e4][idx % 3];
            let mut logits = uniform(random, n_rows * n_classes, scale);
            if idx % 2 == 0 {
                // Many logits of a row are then equal.
                logits
                    .iter_mut()
                    .for_each(|logit| *logit = (*logit / scale * 2.0).round());
            }
            let labels: Vec<u8> = (0..n_rows)
                .map(|_| random.random_range(0..n_classes) as u8)
                .collect();
            for smoothing in [0.0, 0.1] {
                let name = format!(
                    "softmax_cross_entropy, {n_rows} rows, {n_classes} classes, {smoothing}"
                );
                outputs.extend(cross_entropy(
                    backend, name, &logits, &labels, n_classes, smoothing,
                )?);
            }
        }
        Ok(outputs)
    });
}

/// Rows whose logits are not all finite, one at a time: the loss is a sum over all rows.
const SPECIAL_LOGITS: [[f32; 4]; 9] = [
    [1.0, f32::NAN, 3.0, f32::NAN],
    [f32::NAN, 1.0, 2.0, 3.0],
    [1.0, f32::INFINITY, 3.0, 2.0],
    [1.0, f32::NEG_INFINITY, 0.0, 0.5],
    [f32::NEG_INFINITY; 4],
    [f32::INFINITY, f32::NAN, 0.0, 0.0],
    [-0.0, 0.0, -0.0, 0.0],
    [1e4, -1e4, 9999.0, 1e4],
    [3e38, -3e38, 1.0, 2.0],
];

#[test]
fn softmax_cross_entropy_of_special_logits() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for logits in SPECIAL_LOGITS {
            for label in 0..4 {
                for smoothing in [0.0, 0.1] {
                    // Differences that overflow, of classes that count then.
                    if smoothing > 0.0 && logits.contains(&3e38) {
                        continue;
                    }
                    let name =
                        format!("softmax_cross_entropy of {logits:?}, label {label}, {smoothing}");
                    outputs.extend(cross_entropy(
                        backend,
                        name,
                        &logits,
                        &[label],
                        4,
                        smoothing,
                    )?);
                }
            }
        }
        Ok(outputs)
    });
}

const FUNCTIONS: [LossFunction; 4] = [
    LossFunction::SquaredError,
    LossFunction::AbsoluteError,
    LossFunction::Huber(0.7),
    LossFunction::BinaryCrossEntropy,
];

/// Mean and gradient, computed with and without a gradient.
fn elementwise<B: Backend>(
    backend: &B,
    function: LossFunction,
    name: String,
    y: &[f32],
    target: &[f32],
) -> Result<[Output; 2]> {
    let n = y.len();
    let mut statistics = backend.statistics(2)?;
    let mut dy = output(backend, &vec![f32::NAN; n])?;
    for (step, dy) in [(0, None), (1, Some(&mut dy))] {
        backend.elementwise_loss(ElementwiseLoss {
            function,
            y: &input(backend, y)?,
            target: &input(backend, target)?,
            dy,
            statistics: &mut statistics,
            step,
            n,
        })?;
    }
    let (loss, gradient) = reference::elementwise_loss(function, &wide(y), &wide(target));
    let actual = backend.read_statistics(&statistics)?;
    assert_eq!(actual.n_correct, [0, 0], "{name}");
    // A thread adds up at most this many, then come log2 of the threads, and the blocks.
    let n_roundings = (n / 262_144 + 1 + 40) as f64;
    let loss_limit = n_roundings * UNIT * loss + SMALLEST_NORMAL;
    // The difference and the products; a sigmoid has a few roundings and is 1 at most.
    let limit = gradient
        .iter()
        .map(|gradient| match function {
            LossFunction::BinaryCrossEntropy => 12.0 * UNIT / n as f64,
            _ => 4.0 * UNIT * gradient.abs(),
        })
        .collect();
    let actual_gradient = read(backend, &name, &dy)?;
    Ok([
        Output::new(
            format!("{name}, loss"),
            actual.loss,
            vec![loss; 2],
            vec![loss_limit; 2],
        ),
        Output::new(
            format!("{name}, gradient"),
            actual_gradient,
            gradient,
            limit,
        ),
    ])
}

#[test]
fn elementwise_loss() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for function in FUNCTIONS {
            let mut lengths = LENGTHS[1..].to_vec();
            if function == LossFunction::SquaredError {
                // More than a launch has threads.
                lengths.push(262_147);
            }
            for (idx, n) in lengths.into_iter().enumerate() {
                let random = &mut generator(idx as u64);
                let y = uniform(random, n, 3.0);
                let mut target = uniform(random, n, 3.0);
                if function == LossFunction::BinaryCrossEntropy {
                    target
                        .iter_mut()
                        .for_each(|target| *target = target.abs() / 3.0);
                }
                let name = format!("elementwise_loss, {function:?}, {n}");
                outputs.extend(elementwise(backend, function, name, &y, &target)?);
            }
        }
        Ok(outputs)
    });
}

#[test]
fn elementwise_loss_of_special_values() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for function in FUNCTIONS {
            for y in [
                0.0,
                -0.0,
                1.0,
                1e-30,
                120.0,
                -120.0,
                3e38,
                f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
            ] {
                for target in [0.0, 0.25, 1.0, f32::NAN] {
                    let name = format!("elementwise_loss, {function:?} of {y} and {target}");
                    outputs.extend(elementwise(backend, function, name, &[y], &[target])?);
                }
            }
        }
        Ok(outputs)
    });
}

#[test]
fn predictions() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        let random = &mut generator(1);
        let mut check = |logits: &[f32], n_rows: usize, n_classes: usize| -> Result<()> {
            let actual = backend.predictions(&input(backend, logits)?, n_rows, n_classes)?;
            outputs.push(Output::exact(
                format!("predictions, {n_rows} rows, {n_classes} classes"),
                actual.into_iter().map(f32::from).collect(),
                reference::predictions(&wide(logits), n_classes)
                    .into_iter()
                    .map(f64::from)
                    .collect(),
            ));
            Ok(())
        };
        check(SPECIAL_LOGITS.as_flattened(), SPECIAL_LOGITS.len(), 4)?;
        for (n_rows, n_classes) in [
            (0, 3),
            (1, 1),
            (7, 2),
            (9, 31),
            (5, 32),
            (8, 33),
            (64, 10),
            (3, 256),
            (8200, 3),
        ] {
            let mut logits = uniform(random, n_rows * n_classes, 5.0);
            check(&logits, n_rows, n_classes)?;
            logits
                .iter_mut()
                .for_each(|logit| *logit = (*logit / 3.0).round());
            check(&logits, n_rows, n_classes)?;
        }
        Ok(outputs)
    });
}
