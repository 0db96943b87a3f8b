//! `bench`: times the program's own training.

use clap::Args;
use cpu::Result;
use cpu::backend::Backend;
use cpu::bench::epochs;
use cpu::nn::random_generator;
use cpu::train::Trainer;

use super::arguments::{self, DATA_HELP, at_least_one};
use super::device::{self, Chosen, Task};
use super::mnist::{describe, setting};
use super::output::print;
use super::training;

/// What `bench mnist` takes.
#[derive(Debug, Args)]
#[command(after_help = DATA_HELP)]
pub struct Arguments {
    /// Epochs to time, after one that is not timed
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    epochs: usize,

    #[command(flatten)]
    training: training::Training,

    #[command(flatten)]
    data: arguments::Data,

    #[command(flatten)]
    device: arguments::Device,
}

/// Times epochs and prints their median and spread.
pub fn run(arguments: &Arguments) -> Result<()> {
    device::run(&arguments.device, Run { arguments })
}

struct Run<'a> {
    arguments: &'a Arguments,
}

impl Task for Run<'_> {
    fn run<B: Backend + 'static>(self, backend: &B, device: &Chosen) -> Result<()> {
        let Arguments {
            epochs: n_epochs,
            training,
            data,
            ..
        } = self.arguments;
        let splits = data.load(None)?;
        let n_images = splits.train.n_images();
        // One more than is timed.
        let recipe = training.recipe(n_images, n_epochs.saturating_add(1))?;
        let mut model = training.architecture(&splits.train)?.build(
            backend,
            recipe.batch_size,
            &mut random_generator(training.seed),
        )?;
        let text = training.describe(n_images);
        describe(&setting(&splits, &model, &text, device))?;
        let mut trainer = Trainer::new(backend, recipe, &splits.train)?;
        drop(splits);

        let speed = |seconds: f64| n_images as f64 / seconds;
        print("\n  epoch  seconds  images/s")?;
        let mut epoch = 0;
        let mut printed = Ok(());
        let timings = epochs(backend, &mut trainer, &mut model, *n_epochs, |seconds| {
            epoch += 1;
            if printed.is_ok() {
                printed = print(format_args!(
                    "{epoch:>7}  {seconds:>7.4}  {:>8.0}",
                    speed(seconds)
                ));
            }
        })?;
        printed?;
        let median = timings.median();
        print(format_args!(
            "\nmedian {median:.4} s per epoch, {:.0} images/s; from {:.4} to {:.4} s, a spread of \
             {:.1} %",
            speed(median),
            timings.min(),
            timings.max(),
            100.0 * (timings.max() - timings.min()) / median,
        ))
    }
}
