//! Training from the first epoch to the last: what is shown, saved and answered in between.

use std::ops::ControlFlow;

use cpu::backend::Backend;
use cpu::checkpoint::{Checkpoint, Description, Epoch, Training};
use cpu::nn::Sequential;
use cpu::train::{Evaluation, Evaluator, Trainer};
use cpu::{Error, Result};

use super::{Arguments, Begin};
use crate::cli::metrics::Metrics;
use crate::cli::output::{epoch_bar, print};
use crate::cli::saving::{Saver, is_interrupted};
use crate::cli::serve::Live;

/// What is done from the first epoch to the last.
pub(super) struct Session<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) begin: Begin,
    pub(super) metrics: Option<Metrics>,
    pub(super) saver: Option<Saver>,
    pub(super) live: Option<Live>,
    pub(super) n_train: usize,
}

impl Session<'_> {
    /// Trains, tests and saves, epoch by epoch; returns the last evaluation.
    pub(super) fn epochs<B: Backend>(
        &mut self,
        backend: &B,
        model: &mut Sequential<B>,
        trainer: &mut Trainer<B>,
        evaluator: &mut Evaluator<B>,
    ) -> Result<Evaluation> {
        let n_epochs = self.begin.training.n_epochs;
        print("\n  epoch  train loss  test loss  test accuracy  seconds  images/s")?;
        for epoch in self.begin.training.history.clone() {
            self.show(&epoch)?;
        }
        loop {
            let number = trainer.progress().n_epochs + 1;
            let before = self.begin.training.history.last();
            let loss = before.map(|epoch| epoch.train_loss);
            let bar = epoch_bar(number, n_epochs, self.n_train, loss);
            let trained = loop {
                let trained = trainer.epoch_until(backend, model, |n_images| {
                    bar.set_position(n_images as u64);
                    let asked = self.live.as_mut().map(|live| live.step(n_images));
                    match is_interrupted() {
                        true => ControlFlow::Break(()),
                        false => asked.unwrap_or(ControlFlow::Continue(())),
                    }
                });
                match (&trained, &mut self.live) {
                    (Ok(None), Some(live)) if !is_interrupted() => live.answer(backend, model)?,
                    _ => break trained,
                }
            };
            bar.finish_and_clear();
            let Some(trained) = trained? else {
                return Err(self.interrupted(backend, model, trainer)?);
            };
            let evaluation = evaluator.evaluate(backend, model)?;
            if !evaluation.mean_loss.is_finite() {
                return Err(Error::Training(format!(
                    "the loss on the test images is {} after epoch {number}; try a smaller learning \
                     rate or momentum",
                    evaluation.mean_loss
                )));
            }
            let epoch = Epoch {
                epoch: number,
                train_loss: trained.mean_loss,
                test_loss: evaluation.mean_loss,
                test_accuracy: evaluation.accuracy(),
                seconds: trained.duration.as_secs_f64(),
                train_accuracy: trained.accuracy,
            };
            self.show(&epoch)?;
            if let Some(live) = &mut self.live {
                live.epoch(&epoch);
                live.answer(backend, model)?;
            }
            self.begin.training.history.push(epoch);
            if self.saver.is_some() {
                let checkpoint = self.checkpoint(backend, model, trainer)?;
                if let Some(saver) = &mut self.saver {
                    saver.save_epoch(&checkpoint, number, evaluation.accuracy())?;
                }
            }
            if number == n_epochs {
                return Ok(evaluation);
            }
            if is_interrupted() {
                return Err(self.interrupted(backend, model, trainer)?);
            }
        }
    }

    /// Prints what an epoch measured, and writes it to the metrics.
    fn show(&mut self, epoch: &Epoch) -> Result<()> {
        print(format_args!(
            "{:>7}  {:>10.4}  {:>9.4}  {:>11.2} %  {:>7.2}  {:>8.0}",
            format!("{}/{}", epoch.epoch, self.begin.training.n_epochs),
            epoch.train_loss,
            epoch.test_loss,
            100.0 * epoch.test_accuracy,
            epoch.seconds,
            self.n_train as f64 / epoch.seconds,
        ))?;
        match &mut self.metrics {
            Some(metrics) => metrics.write(epoch),
            None => Ok(()),
        }
    }

    /// Where training stands now.
    fn checkpoint<B: Backend>(
        &self,
        backend: &B,
        model: &Sequential<B>,
        trainer: &Trainer<B>,
    ) -> Result<Checkpoint> {
        let begin = &self.begin;
        let training = Training {
            progress: trainer.progress(),
            ..begin.training.clone()
        };
        let description = Description {
            name: begin.name.clone(),
            architecture: begin.architecture.clone(),
            classes: begin.classes.clone(),
            training: Some(training),
        };
        let mut checkpoint = Checkpoint::of(backend, model, description)?;
        checkpoint.add_training(backend, model, trainer)?;
        Ok(checkpoint)
    }

    /// Saves, and says how to go on.
    fn interrupted<B: Backend>(
        &self,
        backend: &B,
        model: &Sequential<B>,
        trainer: &Trainer<B>,
    ) -> Result<Error> {
        let progress = trainer.progress();
        let place = match progress.n_steps {
            0 => format!("after epoch {}", progress.n_epochs),
            n_steps => format!(
                "after step {n_steps} of {} in epoch {}",
                trainer.steps_per_epoch(),
                progress.n_epochs + 1
            ),
        };
        let Some(saver) = &self.saver else {
            return Ok(Error::Interrupted(format!(
                "stopped {place}; nothing was saved, which --save FILE would have done"
            )));
        };
        saver.save(&self.checkpoint(backend, model, trainer)?)?;
        Ok(Error::Interrupted(format!(
            "stopped {place} and saved; to go on:\n  {}",
            self.arguments.command_to_go_on(saver.path())
        )))
    }

    /// Says where the metrics of the epochs before the failure are.
    pub(super) fn mention_partial(&self, error: Error) -> Error {
        match (error, self.metrics.as_ref().and_then(Metrics::partial)) {
            (Error::Training(text), Some(path)) => Error::Training(format!(
                "{text} (the metrics of the epochs before are in {})",
                path.display()
            )),
            (error, _) => error,
        }
    }
}
