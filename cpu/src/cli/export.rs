//! `export`: a model for other programs.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use cpu::checkpoint::Checkpoint;
use cpu::files::Target;
use cpu::{Error, Result, onnx};

use super::output::print;
use super::saving::in_file;

/// What `export` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file that `mnist --save` has written
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// The ONNX file to write
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
}

/// Writes the file.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { model, file } = arguments;
    let checkpoint = Checkpoint::read(model)?;
    let target = Target::new("export to", file)?;
    if fs::canonicalize(model).is_ok_and(|model| model == target.file()) {
        return Err(Error::Input(format!(
            "{}: this is the model itself, name another file to write",
            file.display()
        )));
    }
    let bytes = onnx::export(&checkpoint).map_err(|error| in_file(model, error))?;
    target.replace(&bytes)?;
    let architecture = &checkpoint.description.architecture;
    let shape = |shape: &[usize]| {
        let shape = shape.iter().map(|n| format!(", {n}"));
        format!("[N{}]", shape.collect::<String>())
    };
    print(format_args!(
        "{}: {} bytes, ONNX opset {}\n  input   {} {}, pixels from 0 to 1\n  outputs {} and {} {}",
        file.display(),
        bytes.len(),
        onnx::OPSET,
        onnx::IMAGE,
        shape(&architecture.input),
        onnx::LOGITS,
        onnx::PROBABILITIES,
        shape(&architecture.output()?),
    ))
}
