//! MNIST: where its files are looked for, how they are read and how one knows them.

use std::env;
use std::fmt::Write;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::download::{Tried, download};
use super::{Dataset, Splits, folder, idx};
use crate::{Error, Result};

/// The environment variable that names a folder with the files.
pub const FOLDER_VARIABLE: &str = "MNIST_DIR";
/// The environment variable that names a mirror to take in place of the known ones: what comes
/// before `/train-images-idx3-ubyte.gz`.
pub const MIRROR_VARIABLE: &str = "MNIST_MIRROR";
/// The folder that is looked at below the current one.
pub const LOCAL_FOLDER: &str = "data/mnist";

/// The digits.
const LABELS: RangeInclusive<u8> = 0..=9;

/// Who serves the files to the public.
const MIRRORS: [&str; 2] = [
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
];

/// What one of the four files holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Images,
    Labels,
}

/// One of the four files.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownFile {
    /// Its name when it is not compressed.
    pub name: &'static str,
    pub kind: Kind,
    /// Of the uncompressed file, in hexadecimal digits.
    pub sha256: &'static str,
}

/// Images and labels to train on, images and labels to test with.
const FILES: [KnownFile; 4] = [
    KnownFile {
        name: "train-images-idx3-ubyte",
        kind: Kind::Images,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    KnownFile {
        name: "train-labels-idx1-ubyte",
        kind: Kind::Labels,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    KnownFile {
        name: "t10k-images-idx3-ubyte",
        kind: Kind::Images,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    KnownFile {
        name: "t10k-labels-idx1-ubyte",
        kind: Kind::Labels,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

impl KnownFile {
    /// The SHA-256 of the uncompressed file, after all checks on its structure.
    pub fn checksum(&self, path: &Path) -> Result<String> {
        Ok(match self.kind {
            Kind::Images => {
                let images = idx::read_images(path)?;
                let dimensions = [images.n_images, images.n_rows, images.n_columns];
                sha256(&dimensions, &images.pixels)
            }
            Kind::Labels => {
                let labels = idx::read_labels(path)?;
                idx::check_labels(path, &labels, LABELS)?;
                sha256(&[labels.len()], &labels)
            }
        })
    }
}

/// Those of the files that images and labels come from.
fn checksums(data: &Dataset) -> [String; 2] {
    let dimensions = [data.n_images(), data.size[0], data.size[1]];
    [
        sha256(&dimensions, &data.images),
        sha256(&[data.n_images()], &data.labels),
    ]
}

/// The SHA-256 of an IDX file with these contents, in hexadecimal digits.
fn sha256(dimensions: &[usize], data: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(idx::header(dimensions));
    hasher.update(data);
    let mut digits = String::with_capacity(64);
    for byte in hasher.finalize() {
        write!(digits, "{byte:02x}").expect("a string takes all that is written to it");
    }
    digits
}

/// Loads the four files in `folder`. They need not be those of MNIST: any images of one size with
/// labels 0 to 9 will do, and [`Splits::origin`] says whether these are the known ones.
///
/// # Errors
///
/// [`Error::Input`] if a file is missing or damaged, or files do not fit together.
pub fn load_folder(path: &Path) -> Result<Splits> {
    let paths =
        find_all(path).map_err(|reason| Error::Input(format!("{}: {reason}", path.display())))?;
    let [train, test] = folder::read(&paths, LABELS)?;
    let (of_train, of_test) = rayon::join(|| checksums(&train), || checksums(&test));
    let is_mnist = [of_train, of_test]
        .iter()
        .flatten()
        .eq(FILES.iter().map(|file| file.sha256));
    let path = path.display();
    Ok(Splits {
        train,
        test,
        name: "mnist".to_owned(),
        classes: LABELS.map(|label| label.to_string()).collect(),
        origin: if is_mnist {
            format!("MNIST from {path}")
        } else {
            format!("IDX files from {path} (their checksums are not those of MNIST)")
        },
    })
}

/// The paths of the four files, or why they are not all there.
fn find_all(place: &Path) -> Result<[PathBuf; 4], String> {
    match fs::metadata(place) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err("there is no such folder".to_owned());
        }
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if !metadata.is_dir() => {
            return Err("this is a file, expected a folder with the files of MNIST".to_owned());
        }
        Ok(_) => (),
    }
    let mut paths = FILES.map(|_| PathBuf::new());
    for (path, file) in paths.iter_mut().zip(&FILES) {
        *path = folder::find(place, file.name)
            .ok_or_else(|| format!("the folder has no {} (or {0}.gz)", file.name))?;
    }
    Ok(paths)
}

/// A search that found nothing.
#[derive(Debug)]
pub struct Search {
    folders: Vec<Tried>,
    mirrors: Vec<Tried>,
}

impl Search {
    /// The gist, one line.
    pub fn in_one_line(&self) -> String {
        let reason = self.mirrors.last().map_or("", |mirror| &mirror.reason);
        format!("MNIST is not on this machine and could not be downloaded ({reason})")
    }

    /// All places and reasons, one line each, and what to do.
    pub fn in_full(&self) -> String {
        let lines = |tried: &[Tried]| -> String {
            tried
                .iter()
                .map(|Tried { place, reason }| format!("\n  {place}: {reason}"))
                .collect()
        };
        format!(
            "MNIST is in none of the places where it is looked for:{}\nand it could not be \
             downloaded:{}\nName a folder with its four files by --data, or train on the built-in \
             digits with --dataset digits.",
            lines(&self.folders),
            lines(&self.mirrors)
        )
    }
}

/// A folder that has all four files: `$MNIST_DIR`, `data/mnist`, or the user's cache, into which
/// they are downloaded if they are nowhere.
///
/// # Errors
///
/// All places that were tried, each with the reason why it would not do.
pub fn find_or_download(report: &mut dyn FnMut(&str)) -> Result<PathBuf, Search> {
    let mut folders = Vec::new();
    let cache = dirs::cache_dir().map(|cache| cache.join("mnist"));
    let named = env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    if named.is_none() {
        folders.push(Tried {
            place: format!("${FOLDER_VARIABLE}"),
            reason: "not set".to_owned(),
        });
    }
    let candidates = named
        .map(PathBuf::from)
        .into_iter()
        .chain([PathBuf::from(LOCAL_FOLDER)])
        .chain(cache.clone());
    for folder in candidates {
        match find_all(&folder) {
            Ok(_) => return Ok(folder),
            Err(reason) => folders.push(Tried {
                place: folder.display().to_string(),
                reason,
            }),
        }
    }

    let Some(cache) = cache else {
        let mirrors = vec![Tried {
            place: "the user's cache folder".to_owned(),
            reason: "there is none: $HOME is not set".to_owned(),
        }];
        return Err(Search { folders, mirrors });
    };
    let mirrors = match env::var(MIRROR_VARIABLE) {
        Ok(mirror) if !mirror.is_empty() => vec![mirror],
        _ => MIRRORS.map(str::to_owned).to_vec(),
    };
    let missing: Vec<KnownFile> = FILES
        .into_iter()
        .filter(|file| folder::find(&cache, file.name).is_none())
        .collect();
    match download(&mirrors, &missing, &cache, report) {
        Ok(()) => Ok(cache),
        Err(mirrors) => Err(Search { folders, mirrors }),
    }
}
