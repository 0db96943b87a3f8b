//! Data from CSV files.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{Error, Result, files};

/// Bytes of the largest file that is read.
const MAX_FILE: u64 = 1 << 30;

/// Parses a number of things of which there must be one, and not more than memory has.
pub(super) fn count(text: &str) -> Result<usize, String> {
    within(text, 1 << 32)
}

/// Parses the side of a matrix.
pub(super) fn size(text: &str) -> Result<usize, String> {
    within(text, 1 << 13)
}

fn within(text: &str, most: usize) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| format!("expected a whole number from 1 to {most}"))
}

/// Numbers that an algorithm adds up in one way or another.
pub struct Floats {
    /// The numbers.
    pub values: Vec<f32>,
    /// By how much the errors of additions grow at most, each of which is rounded.
    pub growth: fn(f64) -> f64,
}

/// The numbers of a table row after row, from its columns, all of one length.
pub(super) fn rows(columns: &[Vec<f64>]) -> impl Iterator<Item = f64> {
    let n_rows = columns.first().map_or(0, Vec::len);
    (0..n_rows).flat_map(|row| columns.iter().map(move |column| column[row]))
}

/// The options that name columns of a CSV file.
#[derive(Debug, Clone, Default, Args)]
pub struct Columns {
    /// Take the data from this CSV file instead; names may be in its first line
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Columns of the CSV file, by name or by number from 1 [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "csv")]
    columns: Option<Vec<String>>,
}

impl Columns {
    /// All numbers of these columns as `f32`, or `n` that `draw` makes if no file was named.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn floats_or(&self, n: usize, mut draw: impl FnMut() -> f32) -> Result<Floats> {
        Ok(match self.read()? {
            Some(columns) => Floats {
                values: columns.into_iter().flatten().map(|x| x as f32).collect(),
                growth: |n| n,
            },
            // Of numbers drawn at random the errors are random, too, and grow by `√n`: beyond eight times
            // that is one of 10¹³ sums (Higham and Mary, "A new approach to probabilistic rounding error
            // analysis", 2019).
            None => Floats {
                values: (0..n).map(|_| draw()).collect(),
                growth: |n| n.min(8.0 * n.sqrt()),
            },
        })
    }

    /// The numbers of these columns, a list for each, all of one length; nothing if no file was named.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] that names the file, and the line and the column of what is not a finite number.
    pub fn read(&self) -> Result<Option<Vec<Vec<f64>>>> {
        self.read_as(&NUMBERS)
    }

    /// The texts of these columns, as [`Columns::read`] has numbers. The first line has the columns' names.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] that names the file, and the line of what is not text.
    pub fn read_texts(&self) -> Result<Option<Vec<Vec<String>>>> {
        self.read_as(&TEXTS)
    }

    fn read_as<T>(&self, kind: &Kind<T>) -> Result<Option<Vec<Vec<T>>>> {
        let Some(path) = &self.csv else {
            return Ok(None);
        };
        let bytes = files::read(path, MAX_FILE).map_err(|error| {
            Error::Input(format!("{}: it cannot be read: {error}", path.display()))
        })?;
        read(path, &bytes, self.columns.as_deref(), kind).map(Some)
    }
}

/// What the fields of a column are.
struct Kind<T> {
    name: &'static str,
    parse: fn(&str) -> Option<T>,
    /// Whether a first line has the columns' names.
    is_names: fn(&csv::StringRecord) -> bool,
}

const NUMBERS: Kind<f64> = Kind {
    name: "number",
    parse: |field| field.parse().ok().filter(|number: &f64| number.is_finite()),
    // A line of names is one in which nothing is a number.
    is_names: |line| line.iter().all(|field| field.parse::<f64>().is_err()),
};

const TEXTS: Kind<String> = Kind {
    name: "text",
    parse: |field| Some(field.to_owned()),
    is_names: |_| true,
};

fn read<T>(
    path: &Path,
    bytes: &[u8],
    wanted: Option<&[String]>,
    kind: &Kind<T>,
) -> Result<Vec<Vec<T>>> {
    let refuse = |what: String| Error::Input(format!("{}: {what}", path.display()));
    let mut records = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    // Where the columns are, and what they are called; known from the first line.
    let mut places: Vec<(usize, String)> = Vec::new();
    let mut columns: Vec<Vec<T>> = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut is_first = true;
    while records
        .read_record(&mut record)
        .map_err(|error| refuse(error.to_string()))?
    {
        if is_first {
            is_first = false;
            let has_names = (kind.is_names)(&record);
            let name = |idx: usize| match has_names {
                true => record[idx].to_owned(),
                false => (idx + 1).to_string(),
            };
            places = match wanted {
                None => (0..record.len()).map(|idx| (idx, name(idx))).collect(),
                Some(wanted) => wanted
                    .iter()
                    .map(|column| {
                        let by_name = (0..record.len()).find(|&idx| name(idx) == *column);
                        let by_number = || {
                            let number: usize = column.parse().ok()?;
                            number.checked_sub(1).filter(|&idx| idx < record.len())
                        };
                        let idx = by_name.or_else(by_number).ok_or_else(|| {
                            let names: Vec<String> = (0..record.len()).map(name).collect();
                            refuse(format!(
                                "there is no column {column}; there are {}",
                                names.join(", ")
                            ))
                        })?;
                        Ok((idx, name(idx)))
                    })
                    .collect::<Result<_>>()?,
            };
            columns.resize_with(places.len(), Vec::new);
            if has_names {
                continue;
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        for ((idx, name), column) in places.iter().zip(&mut columns) {
            let field = &record[*idx];
            column.push((kind.parse)(field).ok_or_else(|| {
                refuse(format!(
                    "line {line}, column {name}: expected a {}, not {field:?}",
                    kind.name
                ))
            })?);
        }
    }
    if columns.first().is_none_or(Vec::is_empty) {
        return Err(refuse(format!("there are no {}s in it", kind.name)));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_text(text: &str, wanted: Option<&[&str]>) -> Result<Vec<Vec<f64>>, String> {
        let wanted = wanted.map(|names| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        });
        let path = Path::new("data.csv");
        read(path, text.as_bytes(), wanted.as_deref(), &NUMBERS).map_err(|e| e.to_string())
    }

    #[test]
    fn texts_may_be_numbers_and_empty_but_their_columns_have_names() {
        let read_texts = |text: &str, wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            let path = Path::new("data.csv");
            read(path, text.as_bytes(), Some(&wanted), &TEXTS).map_err(|e| e.to_string())
        };
        let text = "about,text,1\nsea,\"Waves, \"\"and\"\" ships\",2\n7,,3\n";
        let columns = read_texts(text, &["text", "about"]).unwrap();
        assert_eq!(columns, [["Waves, \"and\" ships", ""], ["sea", "7"]]);
        for (text, complaint) in [
            ("text,about\n", "there are no texts in it"),
            (
                "text,label\nx,y\n",
                "there is no column about; there are text, label",
            ),
            ("text,about\nx,y\nz\n", "line: 3"),
        ] {
            let error = read_texts(text, &["text", "about"]).unwrap_err();
            assert!(error.contains(complaint), "{text:?}: {error}");
        }
    }

    #[test]
    fn columns_are_found_by_name_and_by_number() {
        let text = "x, y,z\n1,2,3\n4,5e1,-6\n";
        let all = vec![vec![1.0, 4.0], vec![2.0, 50.0], vec![3.0, -6.0]];
        assert_eq!(read_text(text, None).unwrap(), all);
        assert_eq!(
            read_text(text, Some(&["z", "1"])).unwrap(),
            [&*all[2], &*all[0]]
        );
        let without_names = text.split_once('\n').unwrap().1;
        assert_eq!(read_text(without_names, Some(&["2"])).unwrap(), [&*all[1]]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, wanted, complaint) in [
            (
                "x,y\n1,2\n3,four\n",
                None,
                "line 3, column y: expected a number, not \"four\"",
            ),
            (
                "1,2\nnan,4\n",
                None,
                "line 2, column 1: expected a number, not \"nan\"",
            ),
            (
                "x,y\n1,2\n",
                Some(&["w"][..]),
                "there is no column w; there are x, y",
            ),
            (
                "1,2\n",
                Some(&["0"][..]),
                "there is no column 0; there are 1, 2",
            ),
            ("1,2\n3\n", None, "line: 2"),
            ("x,y\n", None, "there are no numbers in it"),
            ("", None, "there are no numbers in it"),
        ] {
            let error = read_text(text, wanted).unwrap_err();
            assert!(
                error.starts_with("data.csv: ") && error.contains(complaint),
                "{text:?}: {error}"
            );
        }
    }

    proptest! {
        /// Whatever is in a file: it has columns of the same number of finite numbers, or is refused.
        #[test]
        fn any_file_is_read_or_refused(
            bytes in prop_oneof![
                any::<Vec<u8>>(),
                "([a-z0-9.e+-]{0,4}[,\"\r\n ]){0,40}".prop_map(String::into_bytes),
                "([0-9]{1,3},[0-9]{1,3}\n){1,9}[0-9a-z,\"]{0,3}".prop_map(String::into_bytes),
            ],
            wanted in prop_oneof![Just(None), Just(Some(vec!["2".to_owned(), "x".to_owned()]))],
        ) {
            match read(Path::new("data.csv"), &bytes, wanted.as_deref(), &NUMBERS) {
                Ok(columns) => {
                    prop_assert!(!columns.is_empty() && !columns[0].is_empty());
                    for column in &columns {
                        prop_assert_eq!(column.len(), columns[0].len());
                        prop_assert!(column.iter().all(|number| number.is_finite()));
                    }
                }
                Err(error) => prop_assert!(error.to_string().starts_with("data.csv: ")),
            }
        }
    }
}
