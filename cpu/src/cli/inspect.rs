//! `inspect`: what is in a model's file.

use std::path::PathBuf;

use clap::Args;
use cpu::checkpoint::{Checkpoint, Description, METADATA_KEY, Training, read_bytes};
use cpu::{Error, Result};
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::output::print;

/// What `inspect` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file that `mnist --save` has written, or another safetensors file
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A tensor as it lies in the file.
#[derive(Serialize)]
struct Row {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    elements: usize,
    bytes: usize,
    #[serde(flatten)]
    values: Option<Values>,
}

/// What can be said of the values of a tensor, if their type is known here.
#[derive(Serialize)]
struct Values {
    /// Of the finite ones; `None` if there are none.
    min: Option<f64>,
    max: Option<f64>,
    mean: Option<f64>,
    /// NaN and infinite values.
    not_finite: usize,
}

/// Prints what is in the file.
pub fn run(arguments: &Arguments) -> Result<()> {
    let path = &arguments.model;
    let refuse = |reason: String| Error::Input(format!("{}: {reason}", path.display()));
    let bytes =
        read_bytes(path).map_err(|error| refuse(format!("the file cannot be read: {error}")))?;
    let damaged = |error| {
        refuse(format!(
            "this is no safetensors file, or it is damaged: {error}"
        ))
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let description = match metadata.contains_key(METADATA_KEY) {
        true => {
            let checkpoint =
                Checkpoint::parse(&bytes).map_err(|error| refuse(error.to_string()))?;
            Some(checkpoint.description)
        }
        false => None,
    };
    let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let mut rows: Vec<Row> = file
        .iter()
        .map(|(name, view)| Row::of(name, &view))
        .collect();
    rows.sort_by_cached_key(|row| natural(&row.name));

    if arguments.json {
        let mut other: Map<String, Value> = metadata
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        other.remove(METADATA_KEY);
        return print(json!({
            "file": path.display().to_string(),
            "bytes": bytes.len(),
            "description": description,
            "metadata": other,
            "tensors": rows,
        }));
    }
    print(format_args!(
        "file      {}: {} bytes",
        path.display(),
        bytes.len()
    ))?;
    match &description {
        Some(description) => describe(description)?,
        None => {
            print("model     not described: another program has written the file")?;
            let mut entries: Vec<_> = metadata.iter().collect();
            entries.sort();
            for (key, value) in entries {
                print(format_args!(
                    "metadata  {}: {}",
                    visible(key),
                    visible(value)
                ))?;
            }
        }
    }
    table(&rows)
}

fn describe(description: &Description) -> Result<()> {
    let Description {
        name,
        architecture,
        classes,
        training,
    } = description;
    print(format_args!(
        "model     {}: {:?} -> {} classes: {}",
        visible(name),
        architecture.input,
        classes.len(),
        visible(&classes.join(", "))
    ))?;
    for (index, (layer, shape)) in architecture
        .layers
        .iter()
        .zip(architecture.shapes()?)
        .enumerate()
    {
        let settings = settings(&json!(layer));
        print(format_args!("          {index:<3} {settings} -> {shape:?}"))?;
    }
    match training {
        Some(training) => describe_training(training),
        None => print("training  none that this file knows of"),
    }
}

fn describe_training(training: &Training) -> Result<()> {
    let Training {
        recipe,
        n_epochs,
        progress,
        history,
        data,
        device,
        settings: command,
    } = training;
    print(format_args!(
        "data      {}: {} training images, CRC-32 {:08x}",
        visible(&data.name),
        data.n_images,
        data.crc32
    ))?;
    let steps = match progress.n_steps {
        0 => String::new(),
        n => format!(" and {n} steps"),
    };
    print(format_args!(
        "training  {} of {n_epochs} epochs{steps} on {}; {}",
        progress.n_epochs,
        visible(&device.to_string()),
        settings(&json!(recipe))
    ))?;
    print(format_args!("settings  {}", settings(&json!(command))))?;
    if let Some(last) = history.last() {
        let best = history
            .iter()
            .max_by(|a, b| a.test_accuracy.total_cmp(&b.test_accuracy));
        let best = best.unwrap_or(last);
        print(format_args!(
            "accuracy  {:.2} % after epoch {}, the best {:.2} % after epoch {}",
            100.0 * last.test_accuracy,
            last.epoch,
            100.0 * best.test_accuracy,
            best.epoch
        ))?;
    }
    Ok(())
}

/// Settings as a line of text: the kind, then each with its name.
fn settings(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return match value {
            Value::String(text) => visible(text),
            // What was an `f32` is shown as one.
            Value::Number(number) => match number.as_f64() {
                Some(real) if !number.is_u64() && !number.is_i64() => (real as f32).to_string(),
                _ => number.to_string(),
            },
            value => value.to_string(),
        };
    };
    let named = fields.iter().filter(|(key, _)| *key != "kind");
    let named: Vec<String> = named
        .map(|(key, value)| format!("{} {}", key.replace('_', " "), settings(value)))
        .collect();
    let kind = fields.get("kind").map(settings).unwrap_or_default();
    match (kind.is_empty(), named.is_empty()) {
        (true, _) => named.join(", "),
        (false, true) => kind,
        (false, false) => format!("{kind} ({})", named.join(", ")),
    }
}

fn table(rows: &[Row]) -> Result<()> {
    let n_elements: usize = rows.iter().map(|row| row.elements).sum();
    let n_bytes: usize = rows.iter().map(|row| row.bytes).sum();
    print(format_args!(
        "tensors   {}: {n_elements} elements, {n_bytes} bytes\n",
        rows.len()
    ))?;
    let head = [
        "name", "type", "shape", "elements", "bytes", "min", "max", "mean",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    let mut notes = Vec::new();
    for row in rows {
        let number =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4e}"));
        let values = row.values.as_ref();
        lines.push([
            visible(&row.name),
            row.dtype.clone(),
            format!("{:?}", row.shape),
            row.elements.to_string(),
            row.bytes.to_string(),
            number(values.and_then(|values| values.min)),
            number(values.and_then(|values| values.max)),
            number(values.and_then(|values| values.mean)),
        ]);
        if let Some(n) = values.map(|values| values.not_finite).filter(|&n| n > 0) {
            notes.push(format!(
                "`{}` has {n} values that are NaN or infinite",
                visible(&row.name)
            ));
        }
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate();
        // Words to the left, numbers to the right.
        let cells = cells.map(|(column, (cell, &width))| match column {
            0..3 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let cells: Vec<String> = cells.collect();
        print(cells.join("  ").trim_end())?;
    }
    notes.iter().try_for_each(print)
}

impl Row {
    fn of(name: &str, view: &TensorView<'_>) -> Self {
        Row {
            name: name.to_owned(),
            dtype: format!("{:?}", view.dtype()),
            shape: view.shape().to_vec(),
            elements: view.shape().iter().product(),
            bytes: view.data().len(),
            values: Values::of(view.dtype(), view.data()),
        }
    }
}

impl Values {
    /// `None` if nobody here knows what the bytes mean.
    fn of(dtype: Dtype, data: &[u8]) -> Option<Self> {
        /// The values of a type, of which each has `N` bytes.
        fn values<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f64) -> Values {
            let chunks = data.as_chunks::<N>().0;
            Values::from(chunks.iter().map(|&bytes| read(bytes)))
        }
        Some(match dtype {
            Dtype::F64 => values(data, f64::from_le_bytes),
            Dtype::F32 => values(data, |b| f64::from(f32::from_le_bytes(b))),
            Dtype::F16 => values(data, |b| f64::from(f16::from_le_bytes(b))),
            Dtype::BF16 => values(data, |b| f64::from(bf16::from_le_bytes(b))),
            Dtype::I64 => values(data, |b| i64::from_le_bytes(b) as f64),
            Dtype::I32 => values(data, |b| f64::from(i32::from_le_bytes(b))),
            Dtype::I16 => values(data, |b| f64::from(i16::from_le_bytes(b))),
            Dtype::I8 => values(data, |b| f64::from(i8::from_le_bytes(b))),
            Dtype::U64 => values(data, |b| u64::from_le_bytes(b) as f64),
            Dtype::U32 => values(data, |b| f64::from(u32::from_le_bytes(b))),
            Dtype::U16 => values(data, |b| f64::from(u16::from_le_bytes(b))),
            Dtype::U8 | Dtype::BOOL => values(data, |b| f64::from(u8::from_le_bytes(b))),
            _ => return None,
        })
    }

    fn from(values: impl Iterator<Item = f64>) -> Self {
        let (mut n, mut sum, mut not_finite) = (0_usize, 0.0, 0);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            if value.is_finite() {
                (min, max) = (min.min(value), max.max(value));
                sum += value;
                n += 1;
            } else {
                not_finite += 1;
            }
        }
        let of_some = |value: f64| (n > 0).then_some(value);
        Values {
            min: of_some(min),
            max: of_some(max),
            mean: of_some(sum / n as f64),
            not_finite,
        }
    }
}

/// So that layer 10 comes after layer 9: numbers by their value, the rest as text.
fn natural(name: &str) -> Vec<(usize, String)> {
    name.split('.')
        .map(|part| (part.parse().unwrap_or(usize::MAX), part.to_owned()))
        .collect()
}

/// Text of a foreign file cannot steer the terminal.
fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c.is_control() {
            true => c.escape_default().collect::<Vec<char>>(),
            false => vec![c],
        })
        .collect()
}
