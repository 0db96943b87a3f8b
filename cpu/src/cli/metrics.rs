//! `--metrics FILE`: what was measured, a JSON object per line.
//!
//! Lines go to `FILE.part` as they come, and it takes the name of `FILE` when the run is complete.
//! A run that fails or is stopped leaves an older `FILE` as it was and its own lines in `FILE.part`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use cpu::{Error, Result};
use serde::Serialize;

/// What an epoch measured.
#[derive(Serialize)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean loss over the training images, each at the step that trained on it.
    pub train_loss: f64,
    /// Mean loss over the test images.
    pub test_loss: f64,
    /// Share of the test images that were classified correctly.
    pub test_accuracy: f64,
    /// Training alone.
    pub seconds: f64,
    /// Share of the training images that were classified correctly, each before its step.
    pub train_accuracy: f64,
}

/// What a run came to, with all that is needed to do it again.
#[derive(Serialize)]
pub struct Summary {
    /// True: this line is the last of a complete run.
    pub done: bool,
    pub command: &'static str,
    pub dataset: &'static str,
    pub device: &'static str,
    pub model: &'static str,
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
    pub hidden: Vec<usize>,
    pub activation: String,
    pub init: String,
    pub batch_size: usize,
    pub optimizer: String,
    pub learning_rate: f32,
    pub momentum: f32,
    pub weight_decay: f32,
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
    from: PathBuf,
    to: PathBuf,
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
        let refuse =
            |reason: String| Error::Input(format!("--metrics {}: {reason}", path.display()));
        let cannot_write = |error: std::io::Error| refuse(format!("cannot be written: {error}"));
        // A link is followed, so that what it points to is replaced and not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let existing = fs::metadata(&target).ok();
        if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(refuse(
                "this is a folder, expected a file to write".to_owned(),
            ));
        }
        if existing.is_some() {
            let file = OpenOptions::new()
                .append(true)
                .open(&target)
                .map_err(cannot_write)?;
            if !existing.is_some_and(|metadata| metadata.is_file()) {
                return Ok(Metrics {
                    file,
                    shown: path.to_owned(),
                    rename: None,
                });
            }
        }
        let folder = match target.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(refuse(format!("there is no folder {}", folder.display())));
        }
        let name = target
            .file_name()
            .ok_or_else(|| refuse("this is no name for a file".to_owned()))?;
        let mut part = name.to_owned();
        part.push(".part");
        let from = folder.join(part);
        Ok(Metrics {
            file: File::create(&from).map_err(cannot_write)?,
            shown: path.to_owned(),
            rename: Some(Rename {
                from,
                to: target,
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
        if let Some(Rename { from, to, .. }) = &self.rename {
            self.file.sync_all().map_err(|error| self.failed(&error))?;
            fs::rename(from, to).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// The lines of a run that did not come to its end, if there are any to look at.
    pub fn partial(&self) -> Option<&Path> {
        let rename = self.rename.as_ref()?;
        (!rename.is_empty).then_some(&rename.from)
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
            from,
            is_empty: true,
            ..
        }) = &self.rename
        {
            // A file without a line that stays behind does no harm.
            let _ = fs::remove_file(from);
        }
    }
}
