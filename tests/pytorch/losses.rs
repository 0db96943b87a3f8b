//! Losses and their gradients.

use cpu::Result;
use cpu::backend::{LossFunction, Memory};
use cpu::nn::{ElementwiseLoss, LossPass, SoftmaxCrossEntropy};

use crate::backend;
use crate::data::{Case, Family, bytes};
use crate::reference;

/// The loss of a case, unless it is cross-entropy.
fn function(case: &Case) -> Option<LossFunction> {
    match case.text("loss") {
        "cross_entropy" => None,
        "mean_squared_error" => Some(LossFunction::SquaredError),
        "l1" => Some(LossFunction::AbsoluteError),
        "huber" => Some(LossFunction::Huber(case.number("delta") as f32)),
        "binary_cross_entropy" => Some(LossFunction::BinaryCrossEntropy),
        other => panic!("{other}"),
    }
}

#[test]
fn values_and_gradients() -> Result<()> {
    let backend = backend();
    for case in Family::load("losses").cases() {
        let [n_rows, n_columns] = *case.shape("y") else {
            panic!("{}: y is no matrix", case.name())
        };
        let y = backend.upload_floats(&case.narrow("y"))?;
        let mut dy = backend.zeros(n_rows * n_columns)?;
        let mut statistics = backend.statistics(1)?;
        let pass = LossPass {
            y: &y,
            dy: Some(&mut dy),
            statistics: &mut statistics,
            step: 0,
            n_rows,
        };
        let elementwise = match function(&case) {
            None => None,
            Some(LossFunction::SquaredError) => {
                Some(ElementwiseLoss::mean_squared_error(n_columns))
            }
            Some(LossFunction::AbsoluteError) => Some(ElementwiseLoss::l1(n_columns)),
            Some(LossFunction::Huber(delta)) => Some(ElementwiseLoss::huber(n_columns, delta)?),
            Some(LossFunction::BinaryCrossEntropy) => {
                Some(ElementwiseLoss::binary_cross_entropy(n_columns))
            }
        };
        let n_losses = if let Some(loss) = elementwise {
            let target = backend.upload_floats(&case.narrow("target"))?;
            loss.compute(&backend, &target, pass)?;
            1
        } else {
            let labels = backend.upload_bytes(&bytes(case.values("labels")))?;
            SoftmaxCrossEntropy::new(n_columns)
                .label_smoothing(case.number("label_smoothing") as f32)?
                .compute(&backend, &labels, pass)?;
            // The statistics have the sum of the rows.
            n_rows
        };
        let loss = backend.read_statistics(&statistics)?.loss[0] / n_losses as f32;
        case.check_single("loss", &[loss]);
        case.check_single("dy", &backend.download_floats(&dy)?);
    }
    Ok(())
}

#[test]
fn the_reference() {
    for case in Family::load("losses").cases() {
        let y = case.values("y");
        let (loss, dy) = match function(&case) {
            Some(function) => reference::elementwise_loss(function, y, case.values("target")),
            None => {
                let labels = bytes(case.values("labels"));
                let n_classes = case.shape("y")[1];
                let smoothing = case.number("label_smoothing");
                let result = reference::softmax_cross_entropy(y, &labels, n_classes, smoothing);
                let sum: f64 = result.losses.iter().sum();
                (sum / labels.len() as f64, result.dlogits)
            }
        };
        case.check_double("loss", &[loss]);
        case.check_double("dy", &dy);
    }
}
