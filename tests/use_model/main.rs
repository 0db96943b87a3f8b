//! What is done with a model that is trained: `predict`, `evaluate`, `inspect`, `export`; and what these read, damaged
//! in every way.

mod evaluate;
mod export;
mod inspect;
mod mutations;
mod pictures;
mod predict;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cpu::checkpoint::{Checkpoint, Description, Tensor};
use cpu::image::Picture;
use cpu::nn::{Architecture, Initializer};
use serde_json::Value;
use tempfile::TempDir;

/// Height and width of the images that the test's model takes.
const SIZE: [usize; 2] = [20, 16];
const CLASSES: [&str; 3] = ["bar", "dash", "ring"];

/// What a run of the program came to.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    #[track_caller]
    fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stderr, "");
        self
    }

    /// Ends with exit code 2 and a sentence that has all of `parts`.
    #[track_caller]
    fn refused(self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "no {part:?} in: {}",
                self.stderr
            );
        }
    }

    /// The objects that were printed, one in each line.
    fn lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A folder in which the program runs.
struct Place(TempDir);

impl Place {
    /// With the test's model, `model.safetensors`.
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        place.write("model.safetensors", &model().to_bytes());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpu"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("CUDA_DRIVER")
            .env_remove("MNIST_DIR");
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        let run = Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }
}

/// A drawing, `[height, width]`, black on white; the stroke is a tenth of the height.
fn drawing(class: usize, [height, width]: [usize; 2]) -> Picture {
    let stroke = height as f64 / 10.0;
    let pixels = (0..height * width).map(|index| {
        // Distances from the centre, in strokes.
        let row = ((index / width) as f64 + 0.5 - height as f64 / 2.0) / stroke;
        let column = ((index % width) as f64 + 0.5 - width as f64 / 2.0) / stroke;
        let radius = row.hypot(column);
        let is_ink = match class {
            0 => row.abs() < 3.0 && column.abs() < 0.5,
            1 => column.abs() < 3.0 && row.abs() < 0.5,
            _ => (2.0..3.0).contains(&radius),
        };
        if is_ink { 0 } else { 255 }
    });
    Picture::new([height, width], pixels.collect()).unwrap()
}

/// A model without training: the class is the drawing that an image is nearest to. Its logits are
/// `t·x - |t|²/2` for the drawing `t` of each class, which is what is not the same for all classes of
/// `-|t - x|²/2`.
fn model() -> Checkpoint {
    let (mut weight, mut bias) = (Vec::new(), Vec::new());
    for class in 0..CLASSES.len() {
        let seen = drawing(class, [200, 200]).prepared(SIZE).unwrap();
        let row: Vec<f32> = seen.iter().map(|&grey| f32::from(grey) / 255.0).collect();
        bias.push(-0.5 * row.iter().map(|x| x * x).sum::<f32>());
        weight.extend(row);
    }
    let [height, width] = SIZE;
    Checkpoint {
        description: Description {
            name: "nearest".to_owned(),
            architecture: Architecture::new(&[1, height, width], Initializer::HeNormal)
                .flatten()
                .dense(CLASSES.len()),
            classes: CLASSES.map(str::to_owned).to_vec(),
            training: None,
        },
        tensors: BTreeMap::from([
            (
                "1.weight".to_owned(),
                Tensor::new(&[CLASSES.len(), height * width], weight),
            ),
            ("1.bias".to_owned(), Tensor::new(&[CLASSES.len()], bias)),
        ]),
    }
}

/// The bytes of an IDX file of images.
fn idx_file(size: [usize; 2], images: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = cpu::data::idx::header(&[images.len(), size[0], size[1]]);
    bytes.extend(images.concat());
    bytes
}
