//! `--metrics FILE`: what was measured, a JSON object per line.
//!
//! Lines go to `FILE.part` as they come, and it takes the name of `FILE` when the run is complete.
//! A run that fails or is stopped leaves an older `FILE` as it was and its own lines in `FILE.part`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use cpu::files::Target;
use cpu::{Error, Result};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a run came to, with all that is needed to do it again.
#[derive(Serialize)]
pub struct Summary<'a> {
    /// True: this line is the last of a complete run.
    pub done: bool,
    pub command: &'static str,
    pub dataset: &'a str,
    pub device: &'a str,
    pub model: &'a str,
    pub parameters: usize,
    pub epochs: usize,
    pub test_accuracy: f64,
    /// Training alone, all epochs.
    pub train_seconds: f64,
    /// From the start of the program to this line.
    pub total_seconds: f64,
    pub seed: u64,
    /// Threads on the CPU; null on other devices.
    pub threads: Option<usize>,
    pub train_images: usize,
    pub test_images: usize,
    /// How it was trained.
    #[serde(flatten)]
    pub settings: &'a Map<String, Value>,
}

/// A file of metrics that is being written.
pub struct Metrics {
    file: File,
    /// As the user wrote it.
    shown: PathBuf,
    /// Where the lines are until the run is complete, and what becomes of it then; `None` if the
    /// lines go straight to a pipe or a device.
    rename: Option<Rename>,
}

struct Rename {
    target: Target,
    /// Neither complete nor worth keeping.
    is_empty: bool,
}

impl Metrics {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it cannot be written: better now than after the training.
    pub fn create(path: &Path) -> Result<Self> {
        let cannot_write = |error: std::io::Error| {
            let path = path.display();
            Error::Input(format!("--metrics {path}: cannot be written: {error}"))
        };
        // A pipe or a device takes lines as they come; a file that cannot be written is refused now.
        if let Ok(metadata) = fs::metadata(path)
            && !metadata.is_dir()
        {
            let file = OpenOptions::new().append(true).open(path);
            let file = file.map_err(cannot_write)?;
            if !metadata.is_file() {
                return Ok(Metrics {
                    file,
                    shown: path.to_owned(),
                    rename: None,
                });
            }
        }
        let target = Target::new("--metrics", path)?;
        Ok(Metrics {
            file: File::create(target.part()).map_err(cannot_write)?,
            shown: path.to_owned(),
            rename: Some(Rename {
                target,
                is_empty: true,
            }),
        })
    }

    /// Adds a line.
    pub fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(line).map_err(|error| self.failed(&error))?;
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .map_err(|error| self.failed(&error))?;
        if let Some(rename) = &mut self.rename {
            rename.is_empty = false;
        }
        Ok(())
    }

    /// Gives the file its name: the run is complete.
    pub fn finish(self) -> Result<()> {
        match &self.rename {
            Some(Rename { target, .. }) => target.complete(&self.file),
            None => Ok(()),
        }
    }

    /// The lines of a run that did not come to its end, if there are any to look at.
    pub fn partial(&self) -> Option<&Path> {
        let rename = self.rename.as_ref()?;
        (!rename.is_empty).then_some(rename.target.part())
    }

    fn failed(&self, error: &dyn std::error::Error) -> Error {
        Error::Io(format!(
            "--metrics {}: cannot be written: {error}",
            self.shown.display()
        ))
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        if let Some(Rename {
            target,
            is_empty: true,
        }) = &self.rename
        {
            // A file without a line that stays behind does no harm.
            let _ = fs::remove_file(target.part());
        }
    }
}
