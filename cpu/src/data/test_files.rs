//! What tests of files that are read have in common.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// Writes a file, and gives its path.
pub fn path_of(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The sentence by which bad input is refused.
#[track_caller]
pub fn message<T: Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}
