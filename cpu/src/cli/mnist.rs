//! `mnist`: trains a network on handwritten digits and reports its accuracy.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use cpu::backend::Backend;
use cpu::data::Splits;
use cpu::nn::Sequential;
use cpu::train::{Evaluation, Evaluator, Recipe, Trainer};
use cpu::{Error, Result};

use super::arguments::{self, DATA_HELP, at_least_one, name};
use super::device::{self, Chosen, Task};
use super::metrics::{Epoch, Metrics, Summary};
use super::output::{epoch_bar, print};

/// Images per batch of the evaluation.
const EVALUATION_BATCH: usize = 1000;

/// What `mnist` takes.
#[derive(Debug, Args)]
#[command(after_help = DATA_HELP)]
pub struct Arguments {
    /// How often to train on all images
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = at_least_one)]
    epochs: usize,

    #[command(flatten)]
    training: arguments::Training,

    #[command(flatten)]
    data: arguments::Data,

    /// Test with this many images only
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    test_limit: Option<usize>,

    #[command(flatten)]
    device: arguments::Device,

    /// Write what was measured to this file, a JSON object per line
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
}

/// Trains, tests, reports.
pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let metrics = arguments
        .metrics
        .as_deref()
        .map(Metrics::create)
        .transpose()?;
    let run = Run {
        arguments,
        metrics,
        start,
    };
    device::run(&arguments.device, run)
}

struct Run<'a> {
    arguments: &'a Arguments,
    metrics: Option<Metrics>,
    start: Instant,
}

impl Task for Run<'_> {
    fn run<B: Backend + 'static>(mut self, backend: &B, device: &Chosen) -> Result<()> {
        let arguments = self.arguments;
        let training = &arguments.training;
        let splits = arguments.data.load(arguments.test_limit)?;
        let n_train = splits.train.n_images();
        let batch_size = training.batch_size.min(n_train);
        let max_rows = batch_size.max(EVALUATION_BATCH.min(splits.test.n_images()));
        let mut model = training.model(backend, &splits.train, max_rows)?;
        describe(&splits, &model, training, device)?;

        let Splits {
            train,
            test,
            name: dataset,
            ..
        } = splits;
        let mut trainer = Trainer::new(
            backend,
            Recipe::new(training.optimizer()?, batch_size, training.seed),
            &train,
        )?;
        let mut evaluator = Evaluator::new(backend, &test, max_rows)?;
        // The device has its own copy.
        drop(train);

        let result = self.epochs(backend, &mut model, &mut trainer, &mut evaluator, n_train);
        let (evaluation, train_duration) = result.map_err(|error| self.mention_partial(error))?;
        report(&evaluation, arguments.epochs, train_duration)?;

        if let Some(mut metrics) = self.metrics {
            metrics.write(&Summary {
                done: true,
                command: "mnist",
                dataset,
                device: device.name,
                model: "mlp",
                parameters: model.n_parameters(),
                epochs: arguments.epochs,
                test_accuracy: evaluation.accuracy(),
                train_seconds: train_duration.as_secs_f64(),
                total_seconds: self.start.elapsed().as_secs_f64(),
                seed: training.seed,
                threads: device.threads,
                train_images: n_train,
                test_images: test.n_images(),
                hidden: training.hidden.clone(),
                activation: name(training.activation),
                init: name(training.initializer()),
                batch_size,
                optimizer: name(training.optimizer),
                learning_rate: training.learning_rate,
                momentum: training.momentum,
                weight_decay: training.weight_decay,
            })?;
            metrics.finish()?;
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Trains and tests, epoch by epoch; returns the last evaluation and the time that training
    /// took.
    fn epochs<B: Backend>(
        &mut self,
        backend: &B,
        model: &mut Sequential<B>,
        trainer: &mut Trainer<B>,
        evaluator: &mut Evaluator<B>,
        n_train: usize,
    ) -> Result<(Evaluation, Duration)> {
        let n_epochs = self.arguments.epochs;
        let mut train_duration = Duration::ZERO;
        let mut loss = None;
        print("\n  epoch  train loss  test loss  test accuracy  seconds  images/s")?;
        let mut epoch = 0;
        loop {
            epoch += 1;
            let bar = epoch_bar(epoch, n_epochs, n_train, loss);
            let trained = trainer.epoch_until(backend, model, |n_images| {
                bar.set_position(n_images as u64);
                ControlFlow::Continue(())
            });
            bar.finish_and_clear();
            let trained = trained?.expect("nobody breaks off");
            let evaluation = evaluator.evaluate(backend, model)?;
            if !evaluation.mean_loss.is_finite() {
                return Err(Error::Training(format!(
                    "the loss on the test images is {} after epoch {epoch}; try a smaller learning \
                     rate or momentum",
                    evaluation.mean_loss
                )));
            }

            let seconds = trained.duration.as_secs_f64();
            print(format_args!(
                "{:>7}  {:>10.4}  {:>9.4}  {:>11.2} %  {:>7.2}  {:>8.0}",
                format!("{epoch}/{n_epochs}"),
                trained.mean_loss,
                evaluation.mean_loss,
                100.0 * evaluation.accuracy(),
                seconds,
                n_train as f64 / seconds,
            ))?;
            if let Some(metrics) = &mut self.metrics {
                metrics.write(&Epoch {
                    epoch,
                    train_loss: trained.mean_loss,
                    test_loss: evaluation.mean_loss,
                    test_accuracy: evaluation.accuracy(),
                    seconds,
                    train_accuracy: trained.accuracy,
                })?;
            }
            train_duration += trained.duration;
            loss = Some(trained.mean_loss);
            if epoch == n_epochs {
                return Ok((evaluation, train_duration));
            }
        }
    }

    /// Says where the metrics of the epochs before the failure are.
    fn mention_partial(&self, error: Error) -> Error {
        match (error, self.metrics.as_ref().and_then(Metrics::partial)) {
            (Error::Training(text), Some(path)) => Error::Training(format!(
                "{text} (the metrics of the epochs before are in {})",
                path.display()
            )),
            (error, _) => error,
        }
    }
}

/// Prints what is about to be done.
pub fn describe<B: Backend>(
    splits: &Splits,
    model: &Sequential<B>,
    training: &arguments::Training,
    device: &Chosen,
) -> Result<()> {
    print(format_args!(
        "data      {}: {} training and {} test images of {} pixels",
        splits.origin,
        splits.train.n_images(),
        splits.test.n_images(),
        splits.train.n_pixels()
    ))?;
    print(format_args!(
        "model     {} parameters",
        model.n_parameters()
    ))?;
    for layer in model.to_string().lines() {
        print(format_args!("          {layer}"))?;
    }
    print(format_args!("training  {}", training.describe()))?;
    print(format_args!(
        "device    {}: {}",
        device.name, device.description
    ))
}

/// Prints how good the model has become.
fn report(evaluation: &Evaluation, n_epochs: usize, train_duration: Duration) -> Result<()> {
    print(format_args!(
        "\ntest accuracy {:.2} % after {n_epochs} {}, {:.2} s of training",
        100.0 * evaluation.accuracy(),
        if n_epochs == 1 { "epoch" } else { "epochs" },
        train_duration.as_secs_f64(),
    ))?;
    print("\nconfusion matrix: a row per label, a column per prediction")?;
    let row = |head: &str, cells: &mut dyn Iterator<Item = usize>| {
        cells.fold(format!("{head:>4}"), |row, cell| {
            row + &format!("{cell:>6}")
        })
    };
    print(row("", &mut (0..evaluation.confusion.len())))?;
    for (label, counts) in evaluation.confusion.iter().enumerate() {
        print(row(&label.to_string(), &mut counts.iter().copied()))?;
    }
    Ok(())
}
