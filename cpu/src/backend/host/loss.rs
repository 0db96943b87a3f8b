//! Losses with their gradients, and predictions.

use super::activation::exp;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{LossOperations, MeanSquaredError, SoftmaxCrossEntropy, StepStatistics};

impl LossOperations for HostBackend {
    fn softmax_cross_entropy(&self, op: SoftmaxCrossEntropy<'_, Self>) -> Result<()> {
        softmax_cross_entropy(self, op)
    }

    fn mean_squared_error(&self, op: MeanSquaredError<'_, Self>) -> Result<()> {
        mean_squared_error(self, op)
    }

    fn predictions(&self, logits: &Floats, n_rows: usize, n_classes: usize) -> Result<Vec<u8>> {
        predictions(logits, n_rows, n_classes)
    }
}

pub(super) fn softmax_cross_entropy(
    backend: &HostBackend,
    op: SoftmaxCrossEntropy<'_, HostBackend>,
) -> Result<()> {
    let check = Operation("softmax_cross_entropy");
    let [n_rows, n_classes] = [op.n_rows, op.n_classes];
    check.at_least_one("n_rows", n_rows)?;
    check.at_least_one("n_classes", n_classes)?;
    let logits = check.read("logits", op.logits, &[n_rows, n_classes])?;
    let labels = check.read("labels", op.labels, &[n_rows])?;
    check.below("labels", labels, n_classes)?;
    let dlogits = match op.dlogits {
        Some(dlogits) => Some(check.write("dlogits", dlogits, &[n_rows, n_classes])?),
        None => None,
    };
    let (loss, n_correct) = slot(check, op.statistics, op.step)?;

    let logits = || logits.chunks_exact(n_classes);
    let mut sum = 0.0_f64;
    *n_correct = 0;
    vectorized!(backend, {
        match dlogits {
            None => {
                for (logits, &label) in logits().zip(labels) {
                    let label = usize::from(label);
                    let largest = largest(logits);
                    let exponentials: f32 = logits.iter().map(|logit| exp(logit - largest)).sum();
                    sum += f64::from(exponentials.ln()) - f64::from(logits[label] - largest);
                    *n_correct += u32::from(prediction(logits) == label);
                }
            }
            // The same in three passes: rows are short, so exponentials are faster in one go.
            Some(dlogits) => {
                for ((logits, &label), d) in logits()
                    .zip(labels)
                    .zip(dlogits.chunks_exact_mut(n_classes))
                {
                    let label = usize::from(label);
                    let largest = largest(logits);
                    for (d, logit) in d.iter_mut().zip(logits) {
                        *d = logit - largest;
                    }
                    sum -= f64::from(d[label]);
                    *n_correct += u32::from(prediction(logits) == label);
                }
                for d in &mut *dlogits {
                    *d = exp(*d);
                }
                let scale = 1.0 / n_rows as f32;
                for (d, &label) in dlogits.chunks_exact_mut(n_classes).zip(labels) {
                    let exponentials: f32 = d.iter().sum();
                    sum += f64::from(exponentials.ln());
                    let factor = scale / exponentials;
                    d.iter_mut().for_each(|d| *d *= factor);
                    d[usize::from(label)] -= scale;
                }
            }
        }
    });
    *loss = sum as f32;
    Ok(())
}

#[inline(always)]
fn largest(logits: &[f32]) -> f32 {
    logits
        .iter()
        .fold(f32::NEG_INFINITY, |largest, &logit| largest.max(logit))
}

pub(super) fn mean_squared_error(
    backend: &HostBackend,
    op: MeanSquaredError<'_, HostBackend>,
) -> Result<()> {
    let check = Operation("mean_squared_error");
    check.at_least_one("n", op.n)?;
    let y = check.read("y", op.y, &[op.n])?;
    let target = check.read("target", op.target, &[op.n])?;
    let dy = match op.dy {
        Some(dy) => check.write("dy", dy, &[op.n])?,
        None => &mut [],
    };
    let (loss, n_correct) = slot(check, op.statistics, op.step)?;

    let scale = 1.0 / op.n as f32;
    let mut sum = 0.0_f64;
    vectorized!(backend, {
        for (y, target) in y.iter().zip(target) {
            let difference = f64::from(y - target);
            sum += difference * difference;
        }
        for ((dy, y), target) in dy.iter_mut().zip(y).zip(target) {
            *dy = 2.0 * (y - target) * scale;
        }
    });
    *loss = (sum / op.n as f64) as f32;
    *n_correct = 0;
    Ok(())
}

pub(super) fn predictions(logits: &Floats, n_rows: usize, n_classes: usize) -> Result<Vec<u8>> {
    let check = Operation("predictions");
    check.at_least_one("n_classes", n_classes)?;
    let logits = check.read("logits", logits, &[n_rows, n_classes])?;
    let classes: Vec<u32> = logits
        .chunks_exact(n_classes)
        .map(|logits| prediction(logits) as u32)
        .collect();
    check.below("predictions", &classes, 256)?;
    Ok(classes.into_iter().map(|class| class as u8).collect())
}

/// Where the first largest logit lies; NaN is larger than any number.
#[inline(always)]
fn prediction(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, &logit) in logits.iter().enumerate() {
        let is_larger = logit > logits[best] || (logit.is_nan() && !logits[best].is_nan());
        if is_larger {
            best = class;
        }
    }
    best
}

fn slot(
    check: Operation,
    statistics: &mut StepStatistics,
    step: usize,
) -> Result<(&mut f32, &mut u32)> {
    check.read("statistics", &statistics.loss, &[step.saturating_add(1)])?;
    check.read(
        "statistics",
        &statistics.n_correct,
        &[step.saturating_add(1)],
    )?;
    Ok((&mut statistics.loss[step], &mut statistics.n_correct[step]))
}
