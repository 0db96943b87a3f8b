//! The classes of a data set: what they are called, and which label is the first.

use std::ops::RangeInclusive;
use std::path::Path;

use crate::{Error, Result, files};

/// Labels are bytes.
const MAX_CLASSES: usize = 256;
/// Longer names would not fit into a table.
const MAX_NAME: usize = 40;
/// What a file of names may have: more is taken for damage.
const MAX_BYTES: u64 = 1 << 16;

/// The classes of a data set.
#[derive(Debug, PartialEq)]
pub(super) struct Classes {
    /// The label of the first.
    pub first: u8,
    /// Of all, one after the other; at least one.
    pub names: Vec<String>,
}

impl Classes {
    /// The labels that there are.
    pub fn labels(&self) -> RangeInclusive<u8> {
        // There are no more names than labels from the first on.
        self.first..=(usize::from(self.first) + self.names.len() - 1) as u8
    }

    /// Named by their labels.
    pub fn of_labels(labels: &[u8]) -> Self {
        let first = labels.iter().copied().min().unwrap_or(0);
        let last = labels.iter().copied().max().unwrap_or(0);
        Classes {
            first,
            names: (first..=last).map(|label| label.to_string()).collect(),
        }
    }

    /// The names in a file, a line each.
    pub fn named(path: &Path, labels: &[u8]) -> Result<Self> {
        let text = read_text(path)?;
        let mut names = Names::new(path);
        for (line_idx, line) in text.lines().enumerate() {
            names.add(line_idx, line.trim().to_owned())?;
        }
        let names = names.finish()?;
        // Names that are as many as the labels, which begin with 1: then the first is that of 1.
        let last = labels.iter().copied().max().unwrap_or(0);
        let begins_with_0 = usize::from(last) < names.len();
        let first = match begins_with_0 {
            true => 0,
            false => labels.iter().copied().min().unwrap_or(0),
        };
        if usize::from(first) + names.len() > MAX_CLASSES {
            return Err(Error::Input(format!(
                "{}: the file has {} names, and the lowest label is {first}: no label is above 255",
                path.display(),
                names.len()
            )));
        }
        Ok(Classes { first, names })
    }

    /// The characters that EMNIST's file gives each label: `1 65 97` for A and a.
    pub fn mapped(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let mut names = Names::new(path);
        let mut first = 0;
        for (line_idx, line) in text.lines().enumerate() {
            let refuse = || {
                names.refuse(
                    line_idx,
                    "expected a label and code points such as `1 65 97`, the labels one after the other",
                )
            };
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            let label = match numbers.next() {
                Some(Ok(label)) => u8::try_from(label).map_err(|_| refuse())?,
                _ => return Err(refuse()),
            };
            if line_idx == 0 {
                first = label;
            }
            if usize::from(label) != usize::from(first) + line_idx {
                return Err(refuse());
            }
            let characters: Option<Vec<String>> = numbers
                .map(|code| Some(char::from_u32(code.ok()?)?.to_string()))
                .collect();
            let name = characters.ok_or_else(refuse)?.join("/");
            names.add(line_idx, name)?;
        }
        Ok(Classes {
            first,
            names: names.finish()?,
        })
    }
}

fn read_text(path: &Path) -> Result<String> {
    let refuse = |reason: String| Error::Input(format!("{}: {reason}", path.display()));
    let bytes = files::read(path, MAX_BYTES)
        .map_err(|error| refuse(format!("the names of classes cannot be read: {error}")))?;
    let end = |error: std::string::FromUtf8Error| error.utf8_error().valid_up_to();
    String::from_utf8(bytes)
        .map_err(|error| refuse(format!("offset {}: this is no UTF-8", end(error))))
}

/// The names of classes as they are read from a file.
struct Names<'a> {
    path: &'a Path,
    names: Vec<String>,
}

impl<'a> Names<'a> {
    fn new(path: &'a Path) -> Self {
        Names {
            path,
            names: Vec::new(),
        }
    }

    fn add(&mut self, line_idx: usize, name: String) -> Result<()> {
        let fault = if name.is_empty() {
            "there is no name; expected one on every line"
        } else if name.chars().count() > MAX_NAME {
            "the name has more than 40 characters"
        } else if name.chars().any(char::is_control) {
            "the name has a control character"
        } else if self.names.contains(&name) {
            "another class has this name already"
        } else if self.names.len() == MAX_CLASSES {
            "there are more than 256 names, and labels are bytes"
        } else {
            self.names.push(name);
            return Ok(());
        };
        Err(self.refuse(line_idx, fault))
    }

    fn finish(self) -> Result<Vec<String>> {
        match self.names.is_empty() {
            true => Err(self.refuse(0, "there is no name; expected one on every line")),
            false => Ok(self.names),
        }
    }

    fn refuse(&self, line_idx: usize, what: &str) -> Error {
        Error::Input(format!(
            "{}: line {}: {what}",
            self.path.display(),
            line_idx + 1
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::test_files::{message, path_of};
    use super::*;

    #[test]
    fn names_are_those_of_the_labels_from_0_or_from_the_lowest() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), "classes.txt", "a\r\n b \nc");
        let names = |labels: &[u8]| Classes::named(&path, labels).unwrap();
        assert_eq!(names(&[2, 1]).first, 0);
        assert_eq!(names(&[3, 1]).first, 1);
        assert_eq!(names(&[3, 1]).labels(), 1..=3);
        assert_eq!(names(&[3, 1]).names, ["a", "b", "c"]);
        assert_eq!(names(&[253, 255]).labels(), 253..=255);
        assert!(message(Classes::named(&path, &[254, 255])).contains("3 names"));
    }

    #[test]
    fn files_of_names_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let many: String = (0..257).map(|n| format!("{n}\n")).collect();
        for (text, expected) in [
            ("", "line 1: there is no name"),
            ("a\n\nb\n", "line 2: there is no name"),
            ("a\nb\na\n", "line 3: another class has this name"),
            ("a\n\u{1b}[2J", "line 2: the name has a control character"),
            (&"x".repeat(41), "line 1: the name has more than 40"),
            (&many, "line 257: there are more than 256"),
            (&"x".repeat(MAX_BYTES as usize + 1), "more than 65536 bytes"),
        ] {
            let path = path_of(folder.path(), "classes.txt", text);
            let text = message(Classes::named(&path, &[0]));
            assert!(text.contains(expected), "{text}");
        }
        for text in [
            "a",
            "1 65 x",
            "1 55296",
            "256 65",
            "1 65\n3 66",
            "1 65\n1 66",
            "-1 65",
        ] {
            let path = path_of(folder.path(), "mapping.txt", text);
            assert!(
                message(Classes::mapped(&path)).contains("code points such as"),
                "{text}"
            );
        }
        let path = path_of(folder.path(), "mapping.txt", "1\n");
        assert!(message(Classes::mapped(&path)).contains("line 1: there is no name"));
        fs::write(&path, b"ok\n\xff").unwrap();
        assert!(message(Classes::mapped(&path)).contains("offset 3"));
    }
}
