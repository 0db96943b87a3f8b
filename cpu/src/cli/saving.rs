//! `--save`, `--keep` and `--resume`: checkpoints that `mnist` writes and goes on from.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use cpu::checkpoint::{Checkpoint, Data};
use cpu::files::Target;
use cpu::{Error, Result};

use super::arguments::at_least_one;

/// Where checkpoints go, and where training goes on from.
#[derive(Debug, Args)]
pub struct Saving {
    /// Write the model to this file after every epoch, and the best so far to FILE.best, both with the
    /// extension of FILE at their end
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// Keep the files of the last N epochs as well
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub keep: Option<usize>,

    /// Go on with the training that this file was saved from, with its settings; saves to it unless
    /// --save names another file
    #[arg(long, value_name = "FILE", conflicts_with = "Training")]
    pub resume: Option<PathBuf>,
}

/// Writes checkpoints.
pub struct Saver {
    path: PathBuf,
    last: Target,
    best: Target,
    best_accuracy: f64,
    /// How many files of single epochs stay.
    n_kept: usize,
    /// The files of single epochs that this run has written.
    kept: VecDeque<PathBuf>,
}

impl Saving {
    /// The checkpoint to go on from, if one was asked for.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        let Some(path) = &self.resume else {
            return Ok(None);
        };
        let checkpoint = Checkpoint::read(path)?;
        checkpoint
            .training()
            .map_err(|error| in_file(path, error))?;
        Ok(Some(checkpoint))
    }

    /// What writes checkpoints, if they were asked for; what training goes on from has had its best
    /// epoch so far.
    pub fn saver(&self, resumed: Option<&Checkpoint>) -> Result<Option<Saver>> {
        let Some(path) = self.save.as_ref().or(self.resume.as_ref()) else {
            return match self.keep {
                Some(_) => Err(Error::Input(
                    "--keep says how many files of single epochs stay, and --save into which file \
                     they go: give --save FILE as well"
                        .to_owned(),
                )),
                None => Ok(None),
            };
        };
        let training = resumed.and_then(|checkpoint| checkpoint.description.training.as_ref());
        let history = training.map_or(&[][..], |training| &training.history);
        let accuracies = history.iter().map(|epoch| epoch.test_accuracy);
        Ok(Some(Saver {
            last: Target::new("--save", path)?,
            best: Target::new("--save", &with_mark(path, "best"))?,
            path: path.clone(),
            best_accuracy: accuracies.fold(0.0, f64::max),
            n_kept: self.keep.unwrap_or(0),
            kept: VecDeque::new(),
        }))
    }
}

impl Saver {
    /// Where the last checkpoint is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what an epoch that was broken off has come to.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.write(&self.last)
    }

    /// Writes what an epoch has come to.
    pub fn save_epoch(
        &mut self,
        checkpoint: &Checkpoint,
        epoch: usize,
        accuracy: f64,
    ) -> Result<()> {
        checkpoint.write(&self.last)?;
        if accuracy > self.best_accuracy {
            checkpoint.write(&self.best)?;
            self.best_accuracy = accuracy;
        }
        if self.n_kept > 0 {
            let path = with_mark(&self.path, &format!("epoch-{epoch}"));
            checkpoint.write(&Target::new("--save", &path)?)?;
            self.kept.push_back(path);
        }
        while self.kept.len() > self.n_kept {
            if let Some(path) = self.kept.pop_front() {
                // One that somebody has already taken away is gone as it should be.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }
}

/// `model.safetensors` and `best` to `model.best.safetensors`.
fn with_mark(path: &Path, mark: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(mark);
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// An error of a checkpoint, with the file that it is in.
pub fn in_file(path: &Path, error: Error) -> Error {
    match error {
        Error::Input(reason) => Error::Input(format!("{}: {reason}", path.display())),
        error => error,
    }
}

/// The data set has to be the one that the checkpoint's model was trained on.
pub fn check_data(path: &Path, expected: &Data, actual: &Data) -> Result<()> {
    if (expected.n_images, expected.crc32) == (actual.n_images, actual.crc32) {
        return Ok(());
    }
    Err(Error::Input(format!(
        "{}: the model was trained on {} ({} images, checksum {:08x}), this is {} ({} images, checksum \
         {:08x}); give the data set that it was trained on, with --data or --dataset",
        path.display(),
        expected.name,
        expected.n_images,
        expected.crc32,
        actual.name,
        actual.n_images,
        actual.crc32,
    )))
}

static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks training to stop; once more ends the program at once.
pub fn catch_interrupts() -> Result<()> {
    let handler = || {
        if IS_INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(Error::INTERRUPTED.into());
        }
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Error::Io(format!("Ctrl-C cannot be waited for: {error}")))
}

/// Whether somebody has pressed Ctrl-C.
pub fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_before_the_extension() {
        for (path, expected) in [
            ("a.safetensors", "a.best.safetensors"),
            ("b/a", "b/a.best"),
            ("b.c/a.b.c", "b.c/a.b.best.c"),
        ] {
            assert_eq!(with_mark(Path::new(path), "best"), Path::new(expected));
        }
    }
}
