//! Where a build's results go: `OUT_DIR`, and where the build script asks for copies.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{Arch, Built, Error};

/// Which build of this build script has written which list of PTX.
static WRITTEN: Mutex<Option<HashMap<PathBuf, String>>> = Mutex::new(None);

/// Where one build writes.
pub struct Output<'a> {
    /// Begins the files' names.
    pub name: &'a str,
    pub out_dir: &'a Path,
    /// Differs between builds that give other results.
    pub key: String,
    /// As `CudaBuilder::copy_to` has it.
    pub copy_to: Option<&'a Path>,
}

impl Output<'_> {
    /// `NAME.sm_80.END`
    pub fn file(&self, arch: Arch, end: &str) -> String {
        format!("{}.{arch}.{end}", self.name)
    }

    /// Writes each level's PTX and the Rust file that includes them, and the copies.
    pub fn write_ptx(&self, mut built: Built) -> Result<Built, Error> {
        let copy = self.copies(&built)?;
        if self.may_write_list(copy.is_some())? {
            let mut list = String::from("&[\n");
            for ptx in &built.ptx {
                let path = self.out_dir.join(self.file(ptx.arch, "ptx"));
                write_file(&path, &ptx.text)?;
                let shown = path.display().to_string();
                writeln!(list, "    ({}, include_str!({shown:?})),", ptx.arch.level())
                    .expect("a String takes everything");
                built.files.push(path);
            }
            list.push_str("]\n");
            write_file(&self.out_dir.join(format!("{}_ptx.rs", self.name)), &list)?;
        }
        if let Some(copies) = copy {
            for (path, ptx) in copies.iter().zip(&built.ptx) {
                write_file(path, &ptx.text)?;
            }
            built.files = copies;
        }
        Ok(built)
    }

    /// The file for each level, if copies are asked for.
    fn copies(&self, built: &Built) -> Result<Option<Vec<PathBuf>>, Error> {
        let Some(copy_to) = self.copy_to else {
            return Ok(None);
        };
        let is_file = copy_to.extension().is_some_and(|end| end == "ptx");
        match built.ptx.len() {
            0 if is_file => Err(Error::NothingToCopy {
                path: copy_to.to_path_buf(),
                reason: built.origin.clone(),
            }),
            1 if is_file => Ok(Some(vec![copy_to.to_path_buf()])),
            count if is_file => Err(Error::ManyLevels {
                path: copy_to.to_path_buf(),
                count,
            }),
            _ => {
                let levels = built.ptx.iter();
                let path = |arch| copy_to.join(self.file(arch, "ptx"));
                Ok(Some(levels.map(|ptx| path(ptx.arch)).collect()))
            }
        }
    }

    /// The first of several builds has the list; the others must not change under it.
    fn may_write_list(&self, has_copy: bool) -> Result<bool, Error> {
        let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        let key = written
            .get_or_insert_default()
            .entry(self.out_dir.join(self.name))
            .or_insert_with(|| self.key.clone());
        if *key == self.key {
            Ok(true)
        } else if has_copy {
            Ok(false)
        } else {
            Err(Error::NameTaken {
                name: self.name.to_owned(),
            })
        }
    }
}

/// Writes under a temporary name first, and not at all if that is what the file holds: a file's
/// time says when it changed.
pub fn write_file(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Error> {
    let contents = contents.as_ref();
    if fs::read(path).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    let failed = |source| Error::Write {
        path: path.to_path_buf(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    fs::write(&temporary, contents).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)
}

/// Copies a file, as [`write_file`] writes.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let contents = fs::read(from).map_err(|source| Error::Read {
        path: from.to_path_buf(),
        source,
    })?;
    write_file(to, contents)
}

/// A folder that all builds of a workspace share: beside the profiles' in cargo's target folder,
/// which bears a tag; failing that, in `OUT_DIR` itself.
pub fn build_folder(out_dir: &Path) -> PathBuf {
    out_dir
        .ancestors()
        .filter(|folder| folder.join("CACHEDIR.TAG").is_file())
        .last()
        .unwrap_or(out_dir)
        .join("cuda_builder")
}
