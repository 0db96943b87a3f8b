//! Losses with their gradients, and predictions.

use super::clipping::clamp;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{
    ElementwiseLoss, LossFunction, LossOperations, SoftmaxCrossEntropy, StepStatistics,
};
use crate::simd::{exp, largest};

impl LossOperations for HostBackend {
    fn softmax_cross_entropy(&self, op: SoftmaxCrossEntropy<'_, Self>) -> Result<()> {
        softmax_cross_entropy(self, op)
    }

    fn elementwise_loss(&self, op: ElementwiseLoss<'_, Self>) -> Result<()> {
        elementwise_loss(self, op)
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

    // Of the target: what every class gets, and what the label gets besides.
    let target_of_any = op.label_smoothing / n_classes as f32;
    let target_of_label = 1.0 - op.label_smoothing;
    let logits = || logits.chunks_exact(n_classes);
    let mut sum = 0.0_f64;
    *n_correct = 0;
    vectorized!(backend, {
        // Without smoothing, a difference that is infinite does not count.
        if op.label_smoothing > 0.0 {
            for logits in logits() {
                let largest = largest(logits);
                let differences: f32 = logits.iter().map(|logit| logit - largest).sum();
                sum -= f64::from(target_of_any) * f64::from(differences);
            }
        }
        match dlogits {
            None => {
                for (logits, &label) in logits().zip(labels) {
                    let label = usize::from(label);
                    let largest = largest(logits);
                    let exponentials: f32 = logits.iter().map(|logit| exp(logit - largest)).sum();
                    sum += f64::from(exponentials.ln());
                    sum -= f64::from(target_of_label) * f64::from(logits[label] - largest);
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
                    sum -= f64::from(target_of_label) * f64::from(d[label]);
                    *n_correct += u32::from(prediction(logits) == label);
                }
                for d in &mut *dlogits {
                    *d = exp(*d);
                }
                let scale = 1.0 / n_rows as f32;
                let (of_any, of_label) = (scale * target_of_any, scale * target_of_label);
                for (d, &label) in dlogits.chunks_exact_mut(n_classes).zip(labels) {
                    let exponentials: f32 = d.iter().sum();
                    sum += f64::from(exponentials.ln());
                    let factor = scale / exponentials;
                    d.iter_mut().for_each(|d| *d = *d * factor - of_any);
                    d[usize::from(label)] -= of_label;
                }
            }
        }
    });
    *loss = sum as f32;
    Ok(())
}

fn elementwise_loss(backend: &HostBackend, op: ElementwiseLoss<'_, HostBackend>) -> Result<()> {
    let check = Operation("elementwise_loss");
    check.at_least_one("n", op.n)?;
    let y = check.read("y", op.y, &[op.n])?;
    let target = check.read("target", op.target, &[op.n])?;
    let dy = match op.dy {
        Some(dy) => check.write("dy", dy, &[op.n])?,
        None => &mut [],
    };
    let (loss, n_correct) = slot(check, op.statistics, op.step)?;

    let pass = Elementwise { y, target, dy };
    vectorized!(backend, {
        *loss = match op.function {
            LossFunction::SquaredError => pass.mean(
                #[inline(always)]
                |y, target| (y - target) * (y - target),
                #[inline(always)]
                |y, target| 2.0 * (y - target),
            ),
            LossFunction::AbsoluteError => pass.mean(
                #[inline(always)]
                |y, target| (y - target).abs(),
                #[inline(always)]
                |y, target| {
                    let difference = y - target;
                    // A difference that is not a number is its own sign.
                    let sign = if difference < 0.0 { -1.0 } else { difference };
                    if difference > 0.0 { 1.0 } else { sign }
                },
            ),
            LossFunction::Huber(delta) => pass.mean(
                #[inline(always)]
                |y, target| {
                    let slope = clamp(y - target, delta);
                    slope * ((y - target) - 0.5 * slope)
                },
                #[inline(always)]
                |y, target| clamp(y - target, delta),
            ),
            LossFunction::BinaryCrossEntropy => pass.mean(
                #[inline(always)]
                |y, target| {
                    let of_y = if y > 0.0 { 1.0 - target } else { -target };
                    y * of_y + exp(-y.abs()).ln_1p()
                },
                #[inline(always)]
                |y, target| {
                    // No larger than 1, so nothing overflows.
                    let exponential = exp(-y.abs());
                    let numerator = if y > 0.0 { 1.0 } else { exponential };
                    numerator / (1.0 + exponential) - target
                },
            ),
        };
    });
    *n_correct = 0;
    Ok(())
}

/// What a loss of single elements reads and writes.
struct Elementwise<'a> {
    y: &'a [f32],
    target: &'a [f32],
    /// Empty, if there is to be no gradient.
    dy: &'a mut [f32],
}

impl Elementwise<'_> {
    /// The mean of `loss(y, target)`; its gradient is made of the `slope`s.
    #[inline(always)]
    fn mean(self, loss: impl Fn(f32, f32) -> f32, slope: impl Fn(f32, f32) -> f32) -> f32 {
        let pairs = || self.y.iter().zip(self.target);
        let sum: f64 = pairs()
            .map(|(&y, &target)| f64::from(loss(y, target)))
            .sum();
        let scale = 1.0 / self.y.len() as f32;
        for (dy, (&y, &target)) in self.dy.iter_mut().zip(pairs()) {
            *dy = scale * slope(y, target);
        }
        (sum / self.y.len() as f64) as f32
    }
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
