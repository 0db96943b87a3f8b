//! Losses with their gradients, and predictions.
//!
//! B rows, C classes.

use cpu::backend::LossFunction;

/// What softmax with cross-entropy gives.
pub struct CrossEntropy {
    /// `-Σ_j t[j] ln softmax(logits)[j]` of each row.
    pub losses: Vec<f64>,
    /// Gradient of the rows' mean by the logits, `[B, C]`.
    pub dlogits: Vec<f64>,
}

/// Softmax with cross-entropy of `logits[B, C]`, against the targets
/// `t[j] = (1 - label_smoothing) [j = label] + label_smoothing / C`.
pub fn softmax_cross_entropy(
    logits: &[f64],
    labels: &[u8],
    n_classes: usize,
    label_smoothing: f64,
) -> CrossEntropy {
    let mut losses = Vec::new();
    let mut dlogits = Vec::new();
    for (row, &label) in logits.chunks_exact(n_classes).zip(labels) {
        // `f64::max` would pass over a NaN.
        let largest = row.iter().fold(f64::NEG_INFINITY, |largest, &logit| {
            if logit > largest || logit.is_nan() {
                logit
            } else {
                largest
            }
        });
        let sum: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
        let mut loss = 0.0;
        for (class, logit) in row.iter().enumerate() {
            let is_label = f64::from(u8::from(class == usize::from(label)));
            let target = (1.0 - label_smoothing) * is_label + label_smoothing / n_classes as f64;
            // What is no target does not count, however unlikely it is.
            if target > 0.0 {
                loss += target * (sum.ln() - (logit - largest));
            }
            let probability = (logit - largest).exp() / sum;
            dlogits.push((probability - target) / labels.len() as f64);
        }
        losses.push(loss);
    }
    CrossEntropy { losses, dlogits }
}

/// The first of the largest logits of each row, NaN being larger than any number.
pub fn predictions(logits: &[f64], n_classes: usize) -> Vec<u8> {
    let is_larger = |a: f64, b: f64| a > b || (a.is_nan() && !b.is_nan());
    logits
        .chunks_exact(n_classes)
        .map(|row| {
            let is_best = |&class: &usize| {
                let beats_earlier = row[..class]
                    .iter()
                    .all(|&other| is_larger(row[class], other));
                let beaten = row[class..]
                    .iter()
                    .any(|&other| is_larger(other, row[class]));
                beats_earlier && !beaten
            };
            (0..n_classes).find(is_best).unwrap() as u8
        })
        .collect()
}

/// Mean of the losses of all elements, and its gradient by `y`.
pub fn elementwise_loss(function: LossFunction, y: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    let n = y.len() as f64;
    let mut loss = 0.0;
    let mut gradient = Vec::new();
    for (&y, &target) in y.iter().zip(target) {
        let difference = y - target;
        // 0 at 0, which `f64::signum` is not.
        let sign = if difference == 0.0 {
            0.0
        } else {
            difference.signum()
        };
        let (value, slope) = match function {
            LossFunction::SquaredError => (difference.powi(2), 2.0 * difference),
            LossFunction::AbsoluteError => (difference.abs(), sign),
            LossFunction::Huber(delta) if difference.abs() <= delta.into() => {
                (difference.powi(2) / 2.0, difference)
            }
            LossFunction::Huber(delta) => {
                let delta = f64::from(delta);
                (delta * (difference.abs() - delta / 2.0), delta * sign)
            }
            // `-ln σ(y)` is softplus(-y), and `-ln(1 - σ(y))` is softplus(y).
            LossFunction::BinaryCrossEntropy => (
                target * softplus(-y) + (1.0 - target) * softplus(y),
                1.0 / (1.0 + (-y).exp()) - target,
            ),
        };
        loss += value;
        gradient.push(slope / n);
    }
    (loss / n, gradient)
}

/// `ln(1 + e^x)`
fn softplus(x: f64) -> f64 {
    if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    }
}
