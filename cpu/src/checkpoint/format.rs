//! A checkpoint as the bytes of a file.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::{self, TensorView};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::{Checkpoint, Description, METADATA_KEY, Tensor};
use crate::files::{self, Target};
use crate::{Error, Result};

/// What this program writes; it reads no other.
const VERSION: u32 = 1;
/// The length of the header is what a file begins with.
const N_LENGTH_BYTES: u64 = 8;
/// A header of more bytes is refused by the crate that reads it, too.
const MAX_HEADER: u64 = 100_000_000;

/// The metadata as it is written.
#[derive(Serialize, Deserialize)]
struct Metadata {
    version: u32,
    #[serde(flatten)]
    description: Description,
    /// Of each tensor's bytes.
    crc32: BTreeMap<String, u32>,
}

/// The bytes of a safetensors file: no more of them than its header promises and one, which tells that
/// there are more. What begins as no such file does is left where that is seen.
///
/// # Errors
///
/// If it cannot be read.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = files::open(path)?;
    let mut bytes = Vec::new();
    let mut read = |bytes: &mut Vec<u8>, n| (&mut file).take(n).read_to_end(bytes);
    read(&mut bytes, N_LENGTH_BYTES)?;
    let length = bytes.as_slice().try_into().map(u64::from_le_bytes);
    if let Some(length) = length.ok().filter(|&length| length <= MAX_HEADER) {
        let start = bytes.len();
        read(&mut bytes, length)?;
        if let Ok(header) = serde_json::from_slice::<tensor::Metadata>(&bytes[start..]) {
            read(&mut bytes, (header.data_len() as u64).saturating_add(1))?;
        }
    }
    Ok(bytes)
}

impl Checkpoint {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if there is no such file, or it is damaged, or of another program; the error
    /// names the file.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::Input(format!("{}: {reason}", path.display()));
        let bytes = read_bytes(path)
            .map_err(|error| refuse(format!("the model cannot be read: {error}")))?;
        Self::parse(&bytes).map_err(|error| refuse(error.to_string()))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if they are damaged, or of another program.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let refuse = Error::Input;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| {
            refuse(format!(
                "this is no safetensors file, or it is damaged: {error}"
            ))
        })?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(METADATA_KEY));
        let Some(text) = text else {
            return Err(refuse(format!(
                "this is a safetensors file of another program: its metadata has no `{METADATA_KEY}`; \
                 expected a file that `mnist --save` has written"
            )));
        };
        let metadata: Metadata = serde_json::from_str(text)
            .map_err(|error| refuse(format!("the description of the model is damaged: {error}")))?;
        if metadata.version != VERSION {
            return Err(refuse(format!(
                "this is version {} of the format, this program reads version {VERSION}",
                metadata.version
            )));
        }
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| refuse(format!("the file is damaged: {error}")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(refuse(format!(
                    "the tensor `{name}` is of {:?}, expected F32",
                    view.dtype()
                )));
            }
            match metadata.crc32.get(name) {
                None => {
                    return Err(refuse(format!(
                        "the tensor `{name}` is not in the description of the model: another program \
                         has changed the file"
                    )));
                }
                Some(&expected) if crc32fast::hash(view.data()) != expected => {
                    return Err(refuse(format!(
                        "the tensor `{name}` is damaged: its checksum is {:08x}, expected \
                         {expected:08x}; take an older checkpoint",
                        crc32fast::hash(view.data())
                    )));
                }
                Some(_) => {}
            }
            let values = view.data().chunks_exact(4);
            let values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            tensors.insert(name.to_owned(), Tensor::new(view.shape(), values.collect()));
        }
        if let Some(name) = metadata.crc32.keys().find(|&n| !tensors.contains_key(n)) {
            return Err(refuse(format!(
                "the tensor `{name}` is missing, which the description of the model lists"
            )));
        }
        let checkpoint = Checkpoint {
            description: metadata.description,
            tensors,
        };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// What the description says of itself has to be possible.
    fn check(&self) -> Result<()> {
        let output = self.description.architecture.output()?;
        let n_classes = self.description.classes.len();
        if output != [n_classes] {
            return Err(Error::Input(format!(
                "the model gives {output:?} and has the names of {n_classes} classes"
            )));
        }
        if let Some(training) = &self.description.training {
            training.recipe.check()?;
        }
        Ok(())
    }

    /// The bytes of a file. The same checkpoint always has the same.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes: BTreeMap<&str, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, tensor)| {
                let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes());
                (name.as_str(), bytes.collect())
            })
            .collect();
        let metadata = Metadata {
            version: VERSION,
            description: self.description.clone(),
            crc32: bytes
                .iter()
                .map(|(&name, bytes)| (name.to_owned(), crc32fast::hash(bytes)))
                .collect(),
        };
        let text = serde_json::to_string(&metadata).expect("maps have text as keys");
        let views = bytes.iter().map(|(&name, bytes)| {
            let shape = self.tensors[name].shape.clone();
            let view = TensorView::new(Dtype::F32, shape, bytes);
            (
                name,
                view.expect("a tensor has as many values as its shape"),
            )
        });
        // One entry: the order of several would be left to chance.
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), text)]);
        safetensors::serialize(views, Some(metadata)).expect("names and shapes are small")
    }

    /// Replaces a file as a whole.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written; what it held before is then still there.
    pub fn write(&self, target: &Target) -> Result<()> {
        target.replace(&self.to_bytes())
    }
}
