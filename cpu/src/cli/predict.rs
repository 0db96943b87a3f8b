//! `predict`: what a model takes images for.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use cpu::backend::Backend;
use cpu::checkpoint::Checkpoint;
use cpu::data::idx;
use cpu::image::Picture;
use cpu::predict::{logits, probabilities};
use cpu::{Error, Result};
use serde_json::json;

use super::arguments::{self, at_least_one};
use super::device::{self, Chosen, Task};
use super::output::print;
use super::picture::{Style, draw};
use super::saving::in_file;

/// Images per pass of the model.
const BATCH: usize = 256;
/// More images than these are not drawn: nobody would look at them.
const MAX_DRAWN: usize = 10;

/// What `predict` takes.
#[derive(Debug, Args)]
#[command(after_help = PREPARATION)]
pub struct Arguments {
    /// A file that `mnist --save` has written
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Pictures (PNG, JPEG, PGM) or IDX files, plain or gzip
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,

    /// Show this many classes of each image
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = at_least_one)]
    top: usize,

    /// Which images of the IDX files, from 0, such as 3 or 0-9,20 [default: all]
    #[arg(long, value_name = "I,...", value_delimiter = ',')]
    index: Vec<Indices>,

    /// Scale pictures to the model's size as they are: light is ink, nothing is cropped or centred
    #[arg(long)]
    as_is: bool,

    /// Do not draw what the model sees
    #[arg(long)]
    no_picture: bool,

    /// Print a JSON object per image
    #[arg(long)]
    json: bool,

    /// Print the model's outputs, too, which the probabilities are the softmax of
    #[arg(long, requires = "json")]
    logits: bool,

    #[command(flatten)]
    device: arguments::Device,
}

const PREPARATION: &str = "\
A picture may be of any size, dark on light or light on dark: the drawing is cropped, scaled and \
centred as the digits of MNIST were. The images of an IDX file are taken as they are. What the model \
sees is drawn if there are at most 10 images.";

/// From the first to the last, both included.
#[derive(Debug, Clone, Copy)]
struct Indices {
    first: usize,
    last: usize,
}

impl FromStr for Indices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Indices { first, last }),
            _ => Err("expected a number such as 3 or a range such as 0-9".to_owned()),
        }
    }
}

/// An image that the model is to see.
struct Seen {
    file: PathBuf,
    /// Which of an IDX file's images.
    index: Option<usize>,
}

/// Prints what the model takes each image for.
pub fn run(arguments: &Arguments) -> Result<()> {
    let checkpoint = Checkpoint::read(&arguments.model)?;
    let size = checkpoint
        .description
        .image_size()
        .map_err(|error| in_file(&arguments.model, error))?;
    let mut seen = Vec::new();
    let mut pixels = Vec::new();
    for path in &arguments.images {
        arguments.read(path, size, &mut seen, &mut pixels)?;
    }
    let run = Run {
        arguments,
        checkpoint,
        width: size[1],
        seen,
        pixels,
    };
    device::run(&arguments.device, run)
}

impl Arguments {
    /// Adds what is in a file.
    fn read(
        &self,
        path: &Path,
        size: [usize; 2],
        seen: &mut Vec<Seen>,
        pixels: &mut Vec<u8>,
    ) -> Result<()> {
        let refuse = |reason: String| Error::Input(format!("{}: {reason}", path.display()));
        let mut add = |index, image: &[u8]| {
            seen.push(Seen {
                file: path.to_owned(),
                index,
            });
            pixels.extend_from_slice(image);
        };
        if !is_idx(path) {
            if !self.index.is_empty() {
                return Err(refuse(
                    "--index chooses among the images of IDX files, and this is none".to_owned(),
                ));
            }
            let picture = Picture::read(path)?;
            let image = match self.as_is {
                true => picture.scaled(size),
                false => picture
                    .prepared(size)
                    .map_err(|error| refuse(error.to_string()))?,
            };
            add(None, &image);
            return Ok(());
        }
        let images = idx::read_images(path)?;
        let ([height, width], n_pixels) = (size, size[0] * size[1]);
        if [images.n_rows, images.n_columns] != size {
            return Err(refuse(format!(
                "the images are {} x {} pixels, the model takes {height} x {width}",
                images.n_rows, images.n_columns
            )));
        }
        let all = [Indices {
            first: 0,
            last: images.n_images - 1,
        }];
        let chosen = match self.index.as_slice() {
            [] => &all,
            chosen => chosen,
        };
        for &Indices { first, last } in chosen {
            if last >= images.n_images {
                return Err(refuse(format!(
                    "--index {last}: the file has {} images, expected 0 to {}",
                    images.n_images,
                    images.n_images - 1
                )));
            }
            for index in first..=last {
                add(Some(index), &images.pixels[index * n_pixels..][..n_pixels]);
            }
        }
        Ok(())
    }
}

/// Whether a file begins as an IDX file does, or gzip, in which only those come. What comes through a
/// pipe, and could not be read again, is taken for a picture.
fn is_idx(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    let mut start = [0; 2];
    let result = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    // What cannot be read is no picture either, which is then said.
    result.is_ok() && matches!(start, [0, 0] | [0x1f, 0x8b])
}

struct Run<'a> {
    arguments: &'a Arguments,
    checkpoint: Checkpoint,
    /// Of an image.
    width: usize,
    seen: Vec<Seen>,
    /// Of all images.
    pixels: Vec<u8>,
}

impl Task for Run<'_> {
    fn run<B: Backend + 'static>(self, backend: &B, _: &Chosen) -> Result<()> {
        let max_rows = self.seen.len().min(BATCH);
        let mut model = self
            .checkpoint
            .build(backend, max_rows)
            .map_err(|error| in_file(&self.arguments.model, error))?;
        let classes = &self.checkpoint.description.classes;
        let logits = logits(backend, &mut model, &self.pixels)?;
        let probabilities = probabilities(&logits, classes.len());
        let style =
            (!self.arguments.no_picture && self.seen.len() <= MAX_DRAWN).then(Style::detect);
        let images = self.pixels.chunks_exact(model.n_inputs());
        let rows = probabilities.chunks_exact(classes.len());
        let logits = logits.chunks_exact(classes.len());
        for (((seen, image), probabilities), logits) in
            self.seen.iter().zip(images).zip(rows).zip(logits)
        {
            let mut order: Vec<usize> = (0..classes.len()).collect();
            order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
            order.truncate(self.arguments.top);
            let top = || {
                order
                    .iter()
                    .map(|&class| (&classes[class], probabilities[class]))
            };
            if self.arguments.json {
                let top: Vec<_> = top()
                    .map(|(class, probability)| json!({"class": class, "probability": probability}))
                    .collect();
                let mut line = json!({
                    "file": seen.file.display().to_string(),
                    "index": seen.index,
                    "predictions": top,
                });
                if self.arguments.logits {
                    line["logits"] = json!(logits);
                }
                print(line)?;
                continue;
            }
            let file = seen.file.display();
            match seen.index {
                Some(index) => print(format_args!("{file}, image {index}"))?,
                None => print(file)?,
            }
            if let Some(style) = style {
                print(draw(image, self.width, style).trim_end())?;
            }
            let name_width = top().map(|(class, _)| class.chars().count()).max();
            let name_width = name_width.unwrap_or(0);
            for (class, probability) in top() {
                print(format_args!(
                    "  {class:<name_width$}  {:>6.2} %",
                    100.0 * probability
                ))?;
            }
        }
        Ok(())
    }
}
