//! Files that are replaced as a whole: whoever reads one finds what it held before or what it holds
//! now, even if the program is killed or the power fails in between. And files that are read, whatever a
//! path leads to.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Opens a file to read it from its beginning to its end. A pipe that is open already, such as
/// `/dev/stdin` or a shell's `<(command)`, is taken; one with a name is refused, since whoever opens it
/// waits until somebody writes into it.
///
/// # Errors
///
/// If it is a folder or a named pipe, or the operating system refuses it.
pub fn open(path: &Path) -> io::Result<File> {
    let refuse = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return refuse("this is a folder, expected a file");
    }
    // What is open already is reached through a link that leads to no name.
    if is_pipe(kind) && fs::canonicalize(path).is_ok() {
        return refuse("this is a named pipe, expected a file");
    }
    File::open(path)
}

/// Reads a file of at most so many bytes.
///
/// # Errors
///
/// As [`open`], and if there are more.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        let what = format!("it has more than {max_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn is_pipe(kind: fs::FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: fs::FileType) -> bool {
    false
}

/// A file that is to be written, and where its content is until it is complete.
#[derive(Debug, Clone)]
pub struct Target {
    /// As the user wrote it, for errors.
    shown: String,
    file: PathBuf,
    part: PathBuf,
}

impl Target {
    /// Checks that a file can be written before work begins whose result it is to hold. `what` begins
    /// the errors, such as a flag.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it is a folder, or there is no folder to put it into.
    pub fn new(what: &str, path: &Path) -> Result<Target> {
        let shown = format!("{what} {}", path.display());
        let refuse = |reason: String| Error::Input(format!("{shown}: {reason}"));
        // A link is followed, so that what it points to is replaced and not the link.
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if file.is_dir() {
            let reason = "this is a folder, expected a file to write";
            return Err(refuse(reason.to_owned()));
        }
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(refuse(format!("there is no folder {}", folder.display())));
        }
        let Some(name) = file.file_name() else {
            return Err(refuse("this is no name for a file".to_owned()));
        };
        let mut part = name.to_owned();
        part.push(".part");
        let part = folder.join(part);
        Ok(Target { shown, file, part })
    }

    /// Where the content is until the file is complete.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Gives what lies at [`Self::part`] the name of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the operating system refuses it.
    pub fn complete(&self, part: &File) -> Result<()> {
        let result = part.sync_all().and_then(|()| {
            fs::rename(&self.part, &self.file)?;
            sync_folder(&self.file)
        });
        result.map_err(|error| self.failed(&error))
    }

    /// Replaces the file by `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written; what it held before is then still there.
    pub fn replace(&self, bytes: &[u8]) -> Result<()> {
        let part = File::create(&self.part).and_then(|mut part| {
            part.write_all(bytes)?;
            Ok(part)
        });
        let result = part
            .map_err(|error| self.failed(&error))
            .and_then(|part| self.complete(&part));
        if result.is_err() {
            // There may be nothing, or half a file of no use.
            let _ = fs::remove_file(&self.part);
        }
        result
    }

    /// The error for what the operating system refused.
    pub fn failed(&self, error: &dyn std::error::Error) -> Error {
        Error::Io(format!("{}: cannot be written: {error}", self.shown))
    }
}

/// A rename lasts when the folder is on the disk.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let target = Target::new("--save", &path).unwrap();
        for content in ["first", "second"] {
            target.replace(content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_cannot_be_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| Target::new("--save", path).unwrap_err().to_string();
        assert!(message(folder.path()).ends_with("this is a folder, expected a file to write"));
        let missing = folder.path().join("none").join("a.txt");
        assert!(message(&missing).contains("there is no folder"));
        assert!(message(Path::new("/..")).contains("--save /..: "));
    }
}
