//! Folders in MNIST's layout: four IDX files and, if there is one, a file with the names of the classes.
//!
//! Fashion-MNIST and KMNIST come as such, and EMNIST, whose files begin with the name of one of its
//! parts:
//!
//! ```text
//! [emnist-letters-]train-images-idx3-ubyte            (or with .idx3-ubyte, or compressed, with .gz)
//! [emnist-letters-]train-labels-idx1-ubyte
//! [emnist-letters-]t10k-images-idx3-ubyte             (or with test- in place of t10k-)
//! [emnist-letters-]t10k-labels-idx1-ubyte
//! [emnist-letters-]classes.txt                        a name per line, from the first class on
//! [emnist-letters-]mapping.txt                        EMNIST's: label, code point, code point, ...
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::classes::Classes;
use super::{Dataset, Splits, idx};
use crate::{Error, Result};

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";

/// Loads the data set in a folder, or the one of several there whose files begin with the path's last
/// part: `emnist/emnist-letters` takes `emnist-letters-...` from the folder `emnist`.
///
/// The lowest label is the first class. There are as many classes as names in the folder's file of
/// classes or, without one, as lie between the lowest and the highest label.
///
/// # Errors
///
/// [`Error::Input`] if a file is missing or damaged, or files do not fit together.
pub fn load(path: &Path) -> Result<Splits> {
    let found = Found::search(path)
        .map_err(|reason| Error::Input(format!("--dataset {}: {reason}", path.display())))?;
    let paths = found.files()?;
    let [mut train, mut test] = read(&paths, 0..=u8::MAX)?;
    let classes = match found.class_file() {
        Some((file, Format::Names)) => Classes::named(&file, &train.labels)?,
        Some((file, Format::Mapping)) => Classes::mapped(&file)?,
        None => Classes::of_labels(&train.labels),
    };
    for (data, path) in [(&mut train, &paths[1]), (&mut test, &paths[3])] {
        idx::check_labels(path, &data.labels, classes.labels())?;
        for label in &mut data.labels {
            *label -= classes.first;
        }
        data.n_classes = classes.names.len();
    }
    let name = found.name();
    Ok(Splits {
        train,
        test,
        origin: format!("{name} from {}", found.folder.display()),
        name,
        classes: classes.names,
    })
}

/// A file in a folder, plain or compressed. Some copies have a dot in place of the last hyphen but
/// one: `train-images.idx3-ubyte`.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let dotted = name.replace("-idx", ".idx");
    [name, &dotted]
        .iter()
        .flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))])
        .find(|path| path.exists())
}

/// Images to train on and to test with, from the paths of images, labels, images and labels.
pub(super) fn read(paths: &[PathBuf; 4], labels: RangeInclusive<u8>) -> Result<[Dataset; 2]> {
    let [train_images, train_labels, test_images, test_labels] = paths;
    let (train, test) = rayon::join(
        || read_part(train_images, train_labels, labels.clone()),
        || read_part(test_images, test_labels, labels.clone()),
    );
    let (train, test) = (train?, test?);
    if train.size != test.size {
        let [train, test] =
            [train.size, test.size].map(|[rows, columns]| format!("{rows} x {columns}"));
        return Err(Error::Input(format!(
            "{} has images of {train} pixels and {} of {test}: they must be of one size",
            train_images.display(),
            test_images.display()
        )));
    }
    Ok([train, test])
}

fn read_part(
    images_path: &Path,
    labels_path: &Path,
    expected: RangeInclusive<u8>,
) -> Result<Dataset> {
    let images = idx::read_images(images_path)?;
    let labels = idx::read_labels(labels_path)?;
    idx::check_labels(labels_path, &labels, expected.clone())?;
    if images.n_images != labels.len() {
        return Err(Error::Input(format!(
            "{} holds {} images and {} holds {} labels: they do not belong together",
            images_path.display(),
            images.n_images,
            labels_path.display(),
            labels.len()
        )));
    }
    Ok(Dataset {
        size: [images.n_rows, images.n_columns],
        n_classes: usize::from(*expected.end()) + 1,
        images: images.pixels,
        labels,
    })
}

/// A data set in a folder.
struct Found {
    folder: PathBuf,
    /// What the names of its files begin with.
    prefix: String,
}

/// What a file of classes holds.
enum Format {
    Names,
    Mapping,
}

impl Found {
    /// The data set that a path means, or why there is none.
    fn search(path: &Path) -> Result<Found, String> {
        if path.is_dir() {
            let mut prefixes = prefixes(path)?;
            return match prefixes.len() {
                0 => Err(format!(
                    "the folder has no {TRAIN_IMAGES} (or {TRAIN_IMAGES}.gz), and no file whose name \
                     ends so"
                )),
                1 => Ok(Found {
                    folder: path.to_owned(),
                    prefix: prefixes.pop_first().unwrap_or_default(),
                }),
                _ => {
                    let names = prefixes
                        .iter()
                        .map(|prefix| match prefix.trim_end_matches('-') {
                            "" => format!("{TRAIN_IMAGES} without a name before it"),
                            name => path.join(name).display().to_string(),
                        });
                    Err(format!(
                        "the folder holds several data sets, name one of them: {}",
                        names.collect::<Vec<_>>().join(", ")
                    ))
                }
            };
        }
        if path.exists() {
            return Err("this is a file, expected a folder with IDX files".to_owned());
        }
        let missing = || "there is no such folder; expected auto, mnist, digits or a folder";
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let prefix = format!("{}-", name.ok_or_else(missing)?);
        if !folder.is_dir() || !prefixes(folder)?.contains(&prefix) {
            return Err(missing().to_owned());
        }
        Ok(Found {
            folder: folder.to_owned(),
            prefix,
        })
    }

    /// What the data set is called: what its files begin with, or the folder.
    fn name(&self) -> String {
        if !self.prefix.is_empty() {
            return self.prefix.trim_end_matches('-').to_owned();
        }
        let folder = fs::canonicalize(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let name = folder.file_name().map(|name| name.to_string_lossy());
        name.map_or_else(|| "idx".to_owned(), |name| name.into_owned())
    }

    fn files(&self) -> Result<[PathBuf; 4]> {
        let find = |names: &[&str]| {
            let names: Vec<String> = names
                .iter()
                .map(|name| format!("{}{name}", self.prefix))
                .collect();
            let found = names.iter().find_map(|name| find(&self.folder, name));
            found.ok_or_else(|| {
                Error::Input(format!(
                    "{}: the folder has no {} (or with .gz)",
                    self.folder.display(),
                    names.join(" or ")
                ))
            })
        };
        Ok([
            find(&[TRAIN_IMAGES])?,
            find(&["train-labels-idx1-ubyte"])?,
            find(&["t10k-images-idx3-ubyte", "test-images-idx3-ubyte"])?,
            find(&["t10k-labels-idx1-ubyte", "test-labels-idx1-ubyte"])?,
        ])
    }

    fn class_file(&self) -> Option<(PathBuf, Format)> {
        let prefix = &self.prefix;
        [
            (format!("{prefix}classes.txt"), Format::Names),
            ("classes.txt".to_owned(), Format::Names),
            (format!("{prefix}mapping.txt"), Format::Mapping),
        ]
        .into_iter()
        .map(|(name, format)| (self.folder.join(name), format))
        .find(|(path, _)| path.exists())
    }
}

/// What stands before `train-images...` in the names of a folder's files.
fn prefixes(folder: &Path) -> Result<BTreeSet<String>, String> {
    let mut prefixes = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        let Some(name) = name.to_str() else { continue };
        let name = name
            .strip_suffix(".gz")
            .unwrap_or(name)
            .replace(".idx", "-idx");
        if let Some(prefix) = name.strip_suffix(TRAIN_IMAGES)
            && (prefix.is_empty() || prefix.ends_with('-'))
        {
            prefixes.insert(prefix.to_owned());
        }
    }
    Ok(prefixes)
}

#[cfg(test)]
mod tests {
    use super::super::test_files::{message, path_of};
    use super::*;

    #[test]
    fn a_folder_is_searched_for_one_data_set() {
        let folder = tempfile::tempdir().unwrap();
        let search = |path: &Path| Found::search(path).map(|found| found.name());
        assert!(
            search(folder.path())
                .unwrap_err()
                .contains("the folder has no train-images")
        );
        assert!(
            search(&folder.path().join("b"))
                .unwrap_err()
                .contains("no such folder")
        );
        path_of(folder.path(), "b-train-images.idx3-ubyte", "");
        assert_eq!(search(folder.path()).unwrap(), "b");
        path_of(folder.path(), "c-d-train-images-idx3-ubyte.gz", "");
        path_of(folder.path(), "another-train-labels-idx1-ubyte.gz", "");
        let text = search(folder.path()).unwrap_err();
        assert!(
            text.contains("several") && text.contains("/b, ") && text.ends_with("/c-d"),
            "{text}"
        );
        assert_eq!(search(&folder.path().join("c-d")).unwrap(), "c-d");
        assert!(
            search(&folder.path().join("d"))
                .unwrap_err()
                .contains("no such folder")
        );
        let file = folder.path().join("b-train-images.idx3-ubyte");
        assert!(search(&file).unwrap_err().contains("this is a file"));
        let missing = message(load(&folder.path().join("b")));
        assert!(
            missing.contains("no b-train-labels-idx1-ubyte"),
            "{missing}"
        );
    }

    #[test]
    fn emnist_is_turned() {
        let folder = tempfile::tempdir().unwrap();
        let file = [idx::header(&[1, 2, 3]), vec![1, 2, 3, 4, 5, 6]].concat();
        for (name, size, expected) in [
            ("mnist-images", (2, 3), [1, 2, 3, 4, 5, 6]),
            ("emnist-images", (3, 2), [1, 4, 2, 5, 3, 6]),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, &file).unwrap();
            let images = idx::read_images(&path).unwrap();
            assert_eq!((images.n_rows, images.n_columns), size);
            assert_eq!(images.pixels, expected);
        }
    }
}
