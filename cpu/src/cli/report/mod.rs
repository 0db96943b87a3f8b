//! `--out DIR`: what a run came to, as pictures and as one page, `report.html`, that holds them all.

mod confusion;
mod curves;
mod mistakes;
mod page;
pub mod raster;
mod weights;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cpu::backend::Backend;
use cpu::checkpoint::Epoch;
use cpu::data::Dataset;
use cpu::files::Target;
use cpu::nn::Sequential;
use cpu::train::Evaluation;
use cpu::{Error, Result};
use serde::Serialize;

use self::weights::FirstWeights;

/// A folder that a report goes to.
pub struct Report {
    folder: PathBuf,
}

/// What a report tells.
pub struct Results<'a, S> {
    /// What ran: `mnist`.
    pub command: &'a str,
    /// What measured what, in lines for a person: name and text.
    pub setting: &'a [(&'a str, String)],
    /// Every number of the run, as in a file of metrics: an object.
    pub summary: &'a S,
    /// The epochs of training; without any there are no curves.
    pub history: &'a [Epoch],
    /// Of the images in `test`.
    pub evaluation: &'a Evaluation,
    /// The images that were evaluated.
    pub test: &'a Dataset,
    /// The names of the classes.
    pub class_names: &'a [String],
}

impl Report {
    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if nothing can be written there: better now than after the training.
    pub fn create(folder: &Path) -> Result<Self> {
        make_folder(folder)?;
        Ok(Report {
            folder: folder.to_owned(),
        })
    }

    /// Writes the pictures and the page; returns the page's path.
    pub fn write<B: Backend, S: Serialize>(
        &self,
        backend: &B,
        model: &mut Sequential<B>,
        results: &Results<'_, S>,
    ) -> Result<PathBuf> {
        let Results {
            history,
            evaluation,
            test,
            class_names,
            ..
        } = *results;
        let mut pictures = Vec::new();
        if !history.is_empty() {
            pictures.extend([curves::loss(history)?, curves::accuracy(history)?]);
        }
        pictures.push(confusion::picture(&evaluation.confusion, class_names)?);
        let mistakes = mistakes::find(backend, model, test, evaluation)?;
        pictures.push(mistakes::picture(&mistakes, test, class_names)?);
        if let Some(weights) = FirstWeights::of(backend, model, test.size)? {
            pictures.push(weights.picture());
        }
        for picture in &pictures {
            self.write_file(picture.file, &picture.bytes())?;
        }
        self.write_file("report.html", page::page(results, &pictures)?.as_bytes())
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.folder.join(name);
        Target::new("--out", &path)?.replace(bytes)?;
        Ok(path)
    }
}

/// Makes the folder of `--out`.
///
/// # Errors
///
/// [`Error::Input`] if nothing can be written there.
pub fn make_folder(folder: &Path) -> Result<()> {
    let refuse = |error: io::Error| {
        Error::Input(format!(
            "--out {}: cannot be written: {error}; expected a folder, or a place for one",
            folder.display()
        ))
    };
    fs::create_dir_all(folder).map_err(refuse)?;
    // Only writing tells whether one may.
    tempfile::tempfile_in(folder).map_err(refuse)?;
    Ok(())
}
