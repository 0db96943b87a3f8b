//! What `--arg`, `--print` and `--out` take.

use std::fmt;
use std::path::PathBuf;

use cpu::{Error, Result, files};
use rand::Rng;

use super::element::Element;

/// The most bytes of an array: more than any test of a kernel needs, less than a typing error asks for.
const MOST_BYTES: usize = 1 << 34;

/// An argument of a kernel.
#[derive(Clone, Debug)]
pub struct Argument {
    /// As it was written.
    pub text: String,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    /// A value that is passed itself.
    Scalar { element: Element, bytes: Vec<u8> },
    /// A struct that is passed itself.
    Bytes(Vec<u8>),
    /// An array in the device's memory, whose address is passed.
    Array(Array),
}

#[derive(Clone, Debug)]
pub struct Array {
    pub element: Element,
    pub count: usize,
    fill: Fill,
}

/// What an array holds at first.
#[derive(Clone, Debug)]
enum Fill {
    Nothing,
    /// Each element the same bytes.
    Value(Vec<u8>),
    Random,
    /// 0, 1, 2, ...
    Iota,
    File(PathBuf),
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Argument {
    /// Reads `u32:7`, `f32[1024]:random`, `bytes:00ff`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((ty, value)) = text.split_once(':') else {
            return Err("expected TYPE:VALUE or TYPE[N]:CONTENTS, such as u32:7 or \
                        f32[1024]:random"
                .to_owned());
        };
        let value = if ty == "bytes" {
            Value::Bytes(parse_bytes(value)?)
        } else if let Some((ty, count)) = ty.split_once('[') {
            let element = Element::by_name(ty)?;
            let count = count
                .strip_suffix(']')
                .and_then(|count| count.replace('_', "").parse().ok());
            let count =
                count.filter(|&count: &usize| count > 0 && count <= MOST_BYTES / element.size());
            let count = count.ok_or_else(|| {
                format!(
                    "expected the number of elements in brackets, from 1 to {}",
                    MOST_BYTES / element.size()
                )
            })?;
            let fill = match value {
                "none" => Fill::Nothing,
                "zeros" => Fill::Value(vec![0; element.size()]),
                "ones" => Fill::Value(element.whole(1)),
                "random" => Fill::Random,
                "iota" => Fill::Iota,
                _ => match value.strip_prefix('@') {
                    Some(file) => Fill::File(file.into()),
                    None => Fill::Value(element.parse(value).map_err(|error| {
                        format!("{error}; expected that, or zeros, ones, random, iota, none, @FILE")
                    })?),
                },
            };
            Value::Array(Array {
                element,
                count,
                fill,
            })
        } else {
            let element = Element::by_name(ty)?;
            let bytes = element.parse(value)?;
            Value::Scalar { element, bytes }
        };
        Ok(Self {
            text: text.to_owned(),
            value,
        })
    }
}

impl Array {
    pub fn bytes(&self) -> usize {
        self.count * self.element.size()
    }

    /// What it holds at first; `None` if nothing.
    pub fn contents(&self, random: &mut impl Rng) -> Result<Option<Vec<u8>>> {
        Ok(Some(match &self.fill {
            Fill::Nothing => return Ok(None),
            Fill::Value(bytes) => bytes.repeat(self.count),
            Fill::Random => (0..self.count)
                .flat_map(|_| self.element.random(random))
                .collect(),
            Fill::Iota => (0..self.count as u64)
                .flat_map(|index| self.element.whole(index))
                .collect(),
            Fill::File(path) => {
                let refuse = |what: String| {
                    Error::Input(format!(
                        "{} {what}, {} elements of type {} take {}",
                        path.display(),
                        self.count,
                        self.element,
                        self.bytes()
                    ))
                };
                let contents = files::read(path, self.bytes() as u64)
                    .map_err(|error| refuse(format!("cannot be read: {error}")))?;
                if contents.len() < self.bytes() {
                    return Err(refuse(format!("has {} bytes", contents.len())));
                }
                contents
            }
        }))
    }
}

/// Reads pairs of hexadecimal digits, the first byte first.
fn parse_bytes(text: &str) -> Result<Vec<u8>, String> {
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<_>> = pairs.collect();
    bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| {
        "expected two hexadecimal digits for each byte of a struct, the first byte first".to_owned()
    })
}

/// `--print INDEX[:COUNT]`
#[derive(Clone, Copy, Debug)]
pub struct Print {
    pub index: usize,
    pub count: usize,
}

/// How many elements are printed if nobody says it.
const PRINTED: usize = 16;

impl Print {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (index, count) = match text.split_once(':') {
            Some((index, count)) => (index, count.parse().ok()),
            None => (text, Some(PRINTED)),
        };
        let index = index.parse().ok();
        index
            .zip(count)
            .map(|(index, count)| Self { index, count })
            .ok_or_else(|| {
                "expected the number of an argument, from 0, and after a colon how many elements"
                    .to_owned()
            })
    }
}

/// `--out INDEX=FILE`
#[derive(Clone, Debug)]
pub struct Out {
    pub index: usize,
    pub file: PathBuf,
}

impl Out {
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').filter(|(_, file)| !file.is_empty());
        let index = parts.and_then(|(index, _)| index.parse().ok());
        parts
            .zip(index)
            .map(|((_, file), index)| Self {
                index,
                file: file.into(),
            })
            .ok_or_else(|| "expected the number of an argument, from 0, and =FILE".to_owned())
    }
}
