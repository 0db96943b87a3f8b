//! `evaluate`: how well a model does on a data set.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cpu::backend::Backend;
use cpu::checkpoint::Checkpoint;
use cpu::data::Dataset;
use cpu::metrics::{ClassMetrics, per_class};
use cpu::train::{Evaluation, Evaluator};
use cpu::{Error, Result};
use serde_json::{Value, json};

use super::arguments::{self, DATA_HELP, at_least_one, name};
use super::device::{self, Chosen, Task};
use super::output::{print, print_confusion};
use super::report::{Report, Results};
use super::saving::in_file;

/// Images per pass of the model.
const BATCH: usize = 1000;

/// What `evaluate` takes.
#[derive(Debug, Args)]
#[command(after_help = DATA_HELP)]
pub struct Arguments {
    /// A file that `mnist --save` has written
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    data: arguments::Data,

    /// Test with this many images only
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    test_limit: Option<usize>,

    /// Which images of the data set
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,

    /// Count as found what is among the K most likely classes, too
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = at_least_one)]
    top: usize,

    #[command(flatten)]
    device: arguments::Device,

    /// Write pictures of how the model does to this folder, and report.html with all of them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--split` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Split {
    /// Those to test with
    Test,
    /// Those to train on
    Train,
}

/// Evaluates and reports.
pub fn run(arguments: &Arguments) -> Result<()> {
    let checkpoint = Checkpoint::read(&arguments.model)?;
    let report = arguments.out.as_deref().map(Report::create).transpose()?;
    let run = Run {
        arguments,
        checkpoint,
        report,
    };
    device::run(&arguments.device, run)
}

struct Run<'a> {
    arguments: &'a Arguments,
    checkpoint: Checkpoint,
    report: Option<Report>,
}

impl Task for Run<'_> {
    fn run<B: Backend + 'static>(self, backend: &B, device: &Chosen) -> Result<()> {
        let Run {
            arguments,
            checkpoint,
            report,
        } = self;
        let of_model = |error| in_file(&arguments.model, error);
        let splits = arguments.data.load(arguments.test_limit)?;
        let data = match arguments.split {
            Split::Test => splits.test,
            Split::Train => splits.train,
        };
        check_data(&checkpoint, &data, &splits.origin).map_err(of_model)?;
        check_names(&checkpoint, &splits.classes, &splits.origin).map_err(of_model)?;
        let max_rows = BATCH.min(data.n_images());
        let mut model = checkpoint.build(backend, max_rows).map_err(of_model)?;
        let evaluation = Evaluator::new(backend, &data, max_rows)?.evaluate(backend, &mut model)?;
        let classes = &checkpoint.description.classes;
        let metrics = per_class(&evaluation.confusion);
        let numbers = numbers(arguments, classes, &splits.name, &evaluation, &metrics);
        if let Some(report) = report {
            let description = &checkpoint.description;
            let training = description.training.as_ref();
            let setting = [
                ("file", arguments.model.display().to_string()),
                (
                    "model",
                    format!("{} parameters\n{model}", model.n_parameters()),
                ),
                (
                    "data",
                    format!("{}: {} images", splits.origin, data.n_images()),
                ),
                ("device", format!("{}: {}", device.name, device.description)),
                ("classes", lines(classes, &metrics)),
            ];
            // The page draws the one, and has a line for each of the other.
            let is_shown =
                |(name, _): &(&String, &Value)| *name != "confusion" && *name != "classes";
            let summary: BTreeMap<_, _> = numbers
                .as_object()
                .into_iter()
                .flatten()
                .filter(is_shown)
                .collect();
            let results = Results {
                command: "evaluate",
                setting: &setting,
                summary: &summary,
                history: training.map_or(&[], |training| &training.history),
                evaluation: &evaluation,
                test: &data,
                class_names: classes,
            };
            let page = report.write(backend, &mut model, &results)?;
            if !arguments.json {
                print(format_args!("report    {}", page.display()))?;
            }
        }
        if arguments.json {
            return print(numbers);
        }
        print(format_args!(
            "model     {}: {} parameters, from {}",
            checkpoint.description.name,
            model.n_parameters(),
            arguments.model.display()
        ))?;
        print(format_args!(
            "data      {}: {} {} images",
            splits.origin,
            data.n_images(),
            name(arguments.split)
        ))?;
        print(format_args!(
            "device    {}: {}",
            device.name, device.description
        ))?;
        print(format_args!("\nloss      {:.4}", evaluation.mean_loss))?;
        print(format_args!(
            "accuracy  {:.2} %",
            100.0 * evaluation.accuracy()
        ))?;
        // That a class is among all of them says nothing.
        if arguments.top > 1 && arguments.top < classes.len() {
            print(format_args!(
                "top {:<5} {:.2} %",
                arguments.top,
                100.0 * evaluation.top_k(arguments.top)
            ))?;
        }
        print_classes(classes, &metrics)?;
        print_confusion(classes, &evaluation.confusion)
    }
}

/// A model can only be asked about images of its size, in its classes.
fn check_data(checkpoint: &Checkpoint, data: &Dataset, origin: &str) -> Result<()> {
    let description = &checkpoint.description;
    let [height, width] = description.image_size()?;
    let n_classes = description.classes.len();
    if data.size == [height, width] && data.n_classes == n_classes {
        return Ok(());
    }
    Err(Error::Input(format!(
        "the model takes images of {height} x {width} pixels in {n_classes} classes, and those of \
         {origin} are of {} x {} pixels in {} classes; name another data set by --dataset or --data",
        data.size[0], data.size[1], data.n_classes
    )))
}

/// Classes are the same where both have names for them: a data set without a file of names has numbers.
fn check_names(checkpoint: &Checkpoint, names: &[String], origin: &str) -> Result<()> {
    let classes = &checkpoint.description.classes;
    let are_numbers = |names: &[String]| names.iter().all(|name| name.parse::<u8>().is_ok());
    if are_numbers(classes) || are_numbers(names) {
        return Ok(());
    }
    let mut pairs = classes.iter().zip(names).enumerate();
    match pairs.find(|(_, (class, name))| class != name) {
        None => Ok(()),
        Some((index, (class, name))) => Err(Error::Input(format!(
            "class {index} of the model is `{class}`, that of {origin} is `{name}`; name another data \
             set by --dataset or --data"
        ))),
    }
}

/// A line for each class.
fn lines(classes: &[String], metrics: &[ClassMetrics]) -> String {
    let line = |(class, metrics): (&String, &ClassMetrics)| {
        let [precision, recall, f1] =
            [metrics.precision, metrics.recall, metrics.f1].map(|share| 100.0 * share);
        format!(
            "{class}: {} images, precision {precision:.2} %, recall {recall:.2} %, F1 {f1:.2} %",
            metrics.n_images
        )
    };
    let lines: Vec<String> = classes.iter().zip(metrics).map(line).collect();
    lines.join("\n")
}

fn print_classes(classes: &[String], metrics: &[ClassMetrics]) -> Result<()> {
    let lengths = classes.iter().map(|class| class.chars().count());
    let width = lengths.max().unwrap_or(0).max("class".len());
    print(format_args!(
        "\n{:<width$}  images  precision   recall       F1",
        "class"
    ))?;
    for (class, metrics) in classes.iter().zip(metrics) {
        let [precision, recall, f1] =
            [metrics.precision, metrics.recall, metrics.f1].map(|share| 100.0 * share);
        print(format_args!(
            "{class:<width$}  {:>6}  {precision:>7.2} %  {recall:>5.2} %  {f1:>5.2} %",
            metrics.n_images
        ))?;
    }
    Ok(())
}

/// All of it as an object.
fn numbers(
    arguments: &Arguments,
    classes: &[String],
    dataset: &dyn Display,
    evaluation: &Evaluation,
    metrics: &[ClassMetrics],
) -> Value {
    let of_classes: Vec<_> = classes
        .iter()
        .zip(metrics)
        .map(|(class, metrics)| {
            json!({
                "class": class,
                "images": metrics.n_images,
                "precision": metrics.precision,
                "recall": metrics.recall,
                "f1": metrics.f1,
            })
        })
        .collect();
    json!({
        "model": arguments.model.display().to_string(),
        "dataset": dataset.to_string(),
        "split": name(arguments.split),
        "images": evaluation.predictions.len(),
        "loss": evaluation.mean_loss,
        "accuracy": evaluation.accuracy(),
        "top": {"k": arguments.top, "accuracy": evaluation.top_k(arguments.top)},
        "classes": of_classes,
        "confusion": evaluation.confusion,
    })
}
