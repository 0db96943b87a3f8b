//! Data sets: what one is, where it comes from and how it is put into batches.

mod batches;
mod classes;
pub mod digits;
mod download;
mod folder;
pub mod idx;
pub mod mnist;
#[cfg(test)]
mod test_files;

use std::fmt;
use std::path::{Path, PathBuf};

pub use batches::{Shuffle, batches};
pub use folder::load as load_folder;

use crate::{Error, Result};

/// Images with their classes, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Grey values, one row of bytes per image, `[n_images, n_pixels]`; 0 is the
    /// background, 255 the ink.
    pub images: Vec<u8>,
    /// The class of each image, below `n_classes`, `[n_images]`.
    pub labels: Vec<u8>,
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Number of classes.
    pub n_classes: usize,
}

impl Dataset {
    /// Pixels of one image.
    pub fn n_pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Number of images.
    pub fn n_images(&self) -> usize {
        self.labels.len()
    }

    /// The grey values of one image, `[n_pixels]`.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.n_pixels()..][..self.n_pixels()]
    }

    /// Keeps the first `n_images` images; all of them if there are no more than that.
    pub fn truncate(&mut self, n_images: usize) {
        let n_pixels = self.n_pixels();
        self.images.truncate(n_images.saturating_mul(n_pixels));
        self.labels.truncate(n_images);
    }
}

/// Which data set to train on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// MNIST if it is there or can be fetched, else the built-in digits.
    Auto,
    /// MNIST.
    Mnist,
    /// The digits that this crate draws.
    Digits,
    /// What lies in a folder in MNIST's layout, see [`load_folder`].
    Folder(PathBuf),
}

/// As the command line has it.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Choice::Auto => f.write_str("auto"),
            Choice::Mnist => f.write_str("mnist"),
            Choice::Digits => f.write_str("digits"),
            Choice::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// What to load.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Which data set.
    pub choice: Choice,
    /// The folder of MNIST that the user named; no other is looked at then.
    pub folder: Option<&'a Path>,
    /// Training images to keep, all if `None`.
    pub train_limit: Option<usize>,
    /// Test images to keep, all if `None`.
    pub test_limit: Option<usize>,
}

/// Images to train on and images to test with, of the same size.
#[derive(Debug, Clone)]
pub struct Splits {
    /// What to train on.
    pub train: Dataset,
    /// What to test with.
    pub test: Dataset,
    /// `mnist`, `digits`, or what the files or their folder are called.
    pub name: String,
    /// The names of the classes, `[n_classes]`.
    pub classes: Vec<String>,
    /// What it is and where it comes from, for a person.
    pub origin: String,
}

/// Loads a data set; `report` gets a line about what takes long or is not as was asked for.
///
/// # Errors
///
/// [`Error::Input`] if a file is damaged or a limit cannot be met, [`Error::Io`] if MNIST was asked
/// for and neither found nor fetched.
pub fn load(request: &Request, report: &mut dyn FnMut(&str)) -> Result<Splits> {
    let mut splits = match (&request.choice, request.folder) {
        (Choice::Digits, Some(folder)) => {
            return Err(Error::Input(format!(
                "--data {} names a folder to read and --dataset digits reads none: leave one of \
                 them out",
                folder.display()
            )));
        }
        (Choice::Folder(dataset), Some(folder)) => {
            return Err(Error::Input(format!(
                "--data {} and --dataset {} both name a folder to read: leave one of them out",
                folder.display(),
                dataset.display()
            )));
        }
        (Choice::Digits, None) => builtin(request)?,
        (Choice::Folder(folder), None) => load_folder(folder)?,
        (Choice::Auto | Choice::Mnist, Some(folder)) => mnist::load_folder(folder)?,
        (choice, None) => match mnist::find_or_download(report) {
            Ok(folder) => mnist::load_folder(&folder)?,
            Err(search) if *choice == Choice::Auto => {
                report(&format!(
                    "{}: training on built-in digits instead",
                    search.in_one_line()
                ));
                builtin(request)?
            }
            Err(search) => return Err(Error::Io(search.in_full())),
        },
    };
    for (flag, limit, data) in [
        ("--train-limit", request.train_limit, &mut splits.train),
        ("--test-limit", request.test_limit, &mut splits.test),
    ] {
        if let Some(limit) = limit {
            check_limit(flag, limit, data.n_images())?;
            data.truncate(limit);
        }
    }
    Ok(splits)
}

fn check_limit(flag: &str, limit: usize, n_images: usize) -> Result<()> {
    if (1..=n_images).contains(&limit) {
        return Ok(());
    }
    Err(Error::Input(format!(
        "{flag} {limit}: the data set has {n_images} such images, expected 1 to {n_images}"
    )))
}

/// The built-in digits, no more of them than are needed.
fn builtin(request: &Request) -> Result<Splits> {
    let n_train = request.train_limit.unwrap_or(digits::N_TRAIN);
    let n_test = request.test_limit.unwrap_or(digits::N_TEST);
    check_limit("--train-limit", n_train, digits::N_TRAIN)?;
    check_limit("--test-limit", n_test, digits::N_TEST)?;
    let test_begin = digits::N_TRAIN;
    Ok(Splits {
        train: digits::generate(digits::SEED, 0..n_train),
        test: digits::generate(digits::SEED, test_begin..test_begin + n_test),
        name: "digits".to_owned(),
        classes: (0..10).map(|digit| digit.to_string()).collect(),
        origin: "built-in digits".to_owned(),
    })
}
