//! `mnist`: trains a network on handwritten digits and reports its accuracy.

mod session;

use std::iter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use cpu::backend::Backend;
use cpu::checkpoint::{Checkpoint, Data, Training};
use cpu::data::Splits;
use cpu::nn::{Architecture, Sequential, random_generator};
use cpu::train::{Evaluation, Evaluator, Progress, Trainer};
use cpu::{Error, Result};
use serde_json::{Map, Value};

use self::session::Session;
use super::arguments::{self, DATA_HELP, at_least_one, name};
use super::device::{self, Chosen, Task};
use super::metrics::{Metrics, Summary};
use super::output::{print, print_confusion};
use super::report::{Report, Results};
use super::saving::{Saver, Saving, catch_interrupts, check_data, in_file};
use super::serve::{self, HOST, PORT, Place};
use super::training;

/// Images per batch of the evaluation.
const EVALUATION_BATCH: usize = 1000;

/// What `mnist` takes.
#[derive(Debug, Args)]
#[command(after_help = DATA_HELP)]
pub struct Arguments {
    /// How often to train on all images [default: 15, for a lenet 5, for a cnn 20]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,

    #[command(flatten)]
    training: training::Training,

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

    #[command(flatten)]
    saving: Saving,

    /// Write pictures of the training and of the model to this folder, and report.html with all of
    /// them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Open a page that shows the training and on which one can draw, also when the training is over
    /// [default: 8000 if no port is given; 0 takes a free one]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = PORT)]
    serve: Option<u16>,
}

/// Trains, tests, reports.
pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let checkpoint = arguments.saving.checkpoint()?;
    // What cannot be written is known before the first epoch.
    let saver = arguments.saving.saver(checkpoint.as_ref())?;
    let metrics = arguments
        .metrics
        .as_deref()
        .map(Metrics::create)
        .transpose()?;
    let report = arguments.out.as_deref().map(Report::create).transpose()?;
    let place = arguments
        .serve
        .map(|port| Place::new(HOST, port, "--serve"))
        .transpose()?;
    let run = Run {
        arguments,
        metrics,
        checkpoint,
        saver,
        report,
        place,
        start,
    };
    device::run(&arguments.device, run)
}

struct Run<'a> {
    arguments: &'a Arguments,
    metrics: Option<Metrics>,
    checkpoint: Option<Checkpoint>,
    saver: Option<Saver>,
    report: Option<Report>,
    place: Option<Place>,
    start: Instant,
}

impl Task for Run<'_> {
    fn run<B: Backend + 'static>(self, backend: &B, device: &Chosen) -> Result<()> {
        let Run {
            arguments,
            metrics,
            checkpoint,
            saver,
            report: report_folder,
            place,
            start,
        } = self;
        let mut splits = arguments.data.load(arguments.test_limit)?;
        let begin = match &checkpoint {
            Some(checkpoint) => arguments.resumed(checkpoint, &mut splits, device)?,
            None => arguments.begun(&splits, device)?,
        };
        let n_train = splits.train.n_images();
        let recipe = begin.training.recipe.clone();
        let max_rows = recipe
            .batch_size
            .max(EVALUATION_BATCH.min(splits.test.n_images()));
        let mut model = match &checkpoint {
            Some(checkpoint) => checkpoint
                .build(backend, max_rows)
                .map_err(|error| arguments.in_resumed(error))?,
            None => {
                begin
                    .architecture
                    .build(backend, max_rows, &mut random_generator(recipe.seed))?
            }
        };
        let setting = setting(&splits, &model, &begin.settings, device);
        describe(&setting)?;

        let mut trainer = Trainer::new(backend, recipe, &splits.train)?;
        if let Some(checkpoint) = &checkpoint {
            checkpoint
                .restore_training(backend, &mut model, &mut trainer)
                .map_err(|error| arguments.in_resumed(error))?;
        }
        let mut evaluator = Evaluator::new(backend, &splits.test, max_rows)?;
        catch_interrupts()?;
        // The device has its own copy.
        splits.train.truncate(0);

        let live = match place {
            Some(place) => {
                let told = serve::Model {
                    name: begin.name.clone(),
                    classes: begin.classes.clone(),
                    n_parameters: model.n_parameters(),
                    size: splits.test.size,
                    device: format!("{}: {}", device.name, device.description),
                };
                let training = serve::Training {
                    is_running: true,
                    n_epochs: begin.training.n_epochs,
                    n_images: n_train,
                    n_images_done: 0,
                    history: begin.training.history.clone(),
                };
                Some(place.open(told, &begin.architecture, training)?)
            }
            None => None,
        };

        let mut session = Session {
            arguments,
            begin,
            metrics,
            saver,
            live,
            n_train,
        };
        let result = session.epochs(backend, &mut model, &mut trainer, &mut evaluator);
        let evaluation = result.map_err(|error| session.mention_partial(error))?;
        let Session {
            begin,
            metrics,
            saver,
            live,
            ..
        } = session;
        let training = begin.training;
        let train_seconds = training.history.iter().map(|epoch| epoch.seconds).sum();
        report(
            &evaluation,
            &begin.classes,
            training.n_epochs,
            train_seconds,
        )?;
        if let Some(saver) = saver {
            print(format_args!("\nsaved to {}", saver.path().display()))?;
        }
        let summary = Summary {
            done: true,
            command: "mnist",
            dataset: &splits.name,
            device: device.name,
            model: &begin.name,
            parameters: model.n_parameters(),
            epochs: training.n_epochs,
            test_accuracy: evaluation.accuracy(),
            train_seconds,
            total_seconds: start.elapsed().as_secs_f64(),
            seed: training.recipe.seed,
            threads: device.threads,
            train_images: n_train,
            test_images: splits.test.n_images(),
            settings: &training.settings,
        };
        if let Some(report) = report_folder {
            let results = Results {
                command: "mnist",
                setting: &setting,
                summary: &summary,
                history: &training.history,
                evaluation: &evaluation,
                test: &splits.test,
                class_names: &begin.classes,
            };
            let page = report.write(backend, &mut model, &results)?;
            print(format_args!("\nreport in {}", page.display()))?;
        }
        if let Some(mut metrics) = metrics {
            metrics.write(&summary)?;
            metrics.finish()?;
        }
        if let Some(mut live) = live {
            live.until_interrupted(backend, &mut model)?;
        }
        Ok(())
    }
}

/// What is trained, and how far that has come.
struct Begin {
    name: String,
    architecture: Architecture,
    classes: Vec<String>,
    training: Training,
    /// In one line.
    settings: String,
}

impl Arguments {
    /// A model that is to be trained from the start.
    fn begun(&self, splits: &Splits, device: &Chosen) -> Result<Begin> {
        let n_epochs = self.epochs.unwrap_or(self.training.default_epochs());
        let recipe = self.training.recipe(splits.train.n_images(), n_epochs)?;
        Ok(Begin {
            name: name(self.training.model),
            architecture: self.training.architecture(&splits.train)?,
            classes: splits.classes.clone(),
            training: Training {
                recipe,
                n_epochs,
                progress: Progress::default(),
                history: Vec::new(),
                data: Data::of(&splits.name, &splits.train),
                device: device.of_checkpoint(),
                settings: self.training.settings(splits.train.n_images()),
            },
            settings: self.training.describe(splits.train.n_images()),
        })
    }

    /// A model whose training is to go on, on the images that it was trained on before.
    fn resumed(
        &self,
        checkpoint: &Checkpoint,
        splits: &mut Splits,
        device: &Chosen,
    ) -> Result<Begin> {
        let path = self.saving.resume.as_deref().unwrap_or(Path::new(""));
        let description = &checkpoint.description;
        let mut training = checkpoint.training()?.clone();
        if self.data.train_limit.is_none() {
            splits.train.truncate(training.data.n_images);
        }
        check_data(path, &training.data, &Data::of(&splits.name, &splits.train))?;
        let device = device.of_checkpoint();
        if device != training.device {
            print(format_args!(
                "note: training began on {}, and the bits of what follows depend on that",
                training.device
            ))?;
        }
        training.device = device;
        training.n_epochs = self.epochs.unwrap_or(training.n_epochs);
        if training.n_epochs <= training.progress.n_epochs {
            return Err(Error::Input(format!(
                "{}: all of its {} epochs are done; --epochs N with a larger number goes on",
                path.display(),
                training.progress.n_epochs
            )));
        }
        Ok(Begin {
            name: description.name.clone(),
            architecture: description.architecture.clone(),
            classes: description.classes.clone(),
            settings: in_one_line(&training.settings),
            training,
        })
    }

    /// An error of the checkpoint, with its file.
    fn in_resumed(&self, error: Error) -> Error {
        match &self.saving.resume {
            Some(path) => in_file(path, error),
            None => error,
        }
    }

    /// The command that takes up training again on the same images and device.
    fn command_to_go_on(&self, path: &Path) -> String {
        let shown = |path: &PathBuf| path.display().to_string();
        let number = |n: usize| n.to_string();
        let mut words = ["cpu", "mnist", "--resume"].map(str::to_owned).to_vec();
        words.push(path.display().to_string());
        for (flag, value) in [
            ("--dataset", Some(self.data.dataset.to_string())),
            ("--data", self.data.data.as_ref().map(shown)),
            ("--train-limit", self.data.train_limit.map(number)),
            ("--test-limit", self.test_limit.map(number)),
            ("--epochs", self.epochs.map(number)),
            ("--device", Some(name(self.device.choice))),
            ("--threads", self.device.threads.map(number)),
            ("--keep", self.saving.keep.map(number)),
            ("--metrics", self.metrics.as_ref().map(shown)),
            ("--out", self.out.as_ref().map(shown)),
            ("--serve", self.serve.map(|port| port.to_string())),
        ] {
            words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=".contains(c);
        let quote = |word: &String| match word.chars().all(is_plain) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        };
        words.iter().map(quote).collect::<Vec<_>>().join(" ")
    }
}

/// `batch_size 64, optimizer sgd`.
fn in_one_line(settings: &Map<String, Value>) -> String {
    let setting = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name} {text}"),
        value => format!("{name} {value}"),
    };
    let settings: Vec<String> = settings.iter().map(setting).collect();
    settings.join(", ")
}

/// What is about to be done, on what and by what: names and texts.
pub fn setting<B: Backend>(
    splits: &Splits,
    model: &Sequential<B>,
    settings: &str,
    device: &Chosen,
) -> [(&'static str, String); 4] {
    let data = format!(
        "{}: {} training and {} test images of {} pixels",
        splits.origin,
        splits.train.n_images(),
        splits.test.n_images(),
        splits.train.n_pixels()
    );
    [
        ("data", data),
        (
            "model",
            format!("{} parameters\n{model}", model.n_parameters()),
        ),
        ("training", settings.to_owned()),
        ("device", format!("{}: {}", device.name, device.description)),
    ]
}

/// Prints what is about to be done.
pub fn describe(setting: &[(&str, String)]) -> Result<()> {
    for (name, text) in setting {
        let heads = iter::once(*name).chain(iter::repeat(""));
        for (head, line) in heads.zip(text.lines()) {
            print(format_args!("{head:<10}{line}"))?;
        }
    }
    Ok(())
}

/// Prints how good the model has become.
fn report(
    evaluation: &Evaluation,
    classes: &[String],
    n_epochs: usize,
    train_seconds: f64,
) -> Result<()> {
    print(format_args!(
        "\ntest accuracy {:.2} % after {n_epochs} {}, {:.2} s of training",
        100.0 * evaluation.accuracy(),
        if n_epochs == 1 { "epoch" } else { "epochs" },
        train_seconds,
    ))?;
    print_confusion(classes, &evaluation.confusion)
}
