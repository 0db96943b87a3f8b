//! Models in files: safetensors, with the model's description and the state of its training.
//!
//! The tensors have PyTorch's names, shapes and order of elements (`1.weight`, `[128, 784]`), so that
//! `torch.load_state_dict` takes them. What training needs besides is kept as tensors, too
//! (`optimizer.1.weight.exp_avg`, `training.loss`); everything else is JSON in the file's metadata, under
//! [`METADATA_KEY`].
//!
//! Format: <https://github.com/huggingface/safetensors>.

mod format;

use std::collections::BTreeMap;
use std::fmt;

pub use format::read_bytes;
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, StepStatistics};
use crate::data::Dataset;
use crate::nn::{Architecture, Parameter, Sequential, random_generator};
use crate::train::{Progress, Recipe, Trainer};
use crate::{Error, Result};

/// Where in the metadata of the file the description is.
pub const METADATA_KEY: &str = "model";
/// The losses of the steps of the epoch that is under way, `[steps of an epoch]`.
const LOSS: &str = "training.loss";
/// Their correct predictions, `[steps of an epoch]`.
const N_CORRECT: &str = "training.n_correct";

/// A model outside of any device, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What the numbers mean.
    pub description: Description,
    /// By name.
    pub tensors: BTreeMap<String, Tensor>,
}

/// An array, its slowest dimension first.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Elements, row-major.
    pub values: Vec<f32>,
}

/// What a checkpoint knows besides numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// What the model is called: `mlp`, `lenet`.
    pub name: String,
    /// What it is made of.
    pub architecture: Architecture,
    /// Names of the classes, in order.
    pub classes: Vec<String>,
    /// How it came about; `None` if it was not trained by this program.
    pub training: Option<Training>,
}

/// How far the training of a model has come, and how it goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// How it is trained.
    pub recipe: Recipe,
    /// How many epochs it is to have in all.
    pub n_epochs: usize,
    /// How far it has come.
    pub progress: Progress,
    /// What the epochs so far measured.
    pub history: Vec<Epoch>,
    /// What it is trained on.
    pub data: Data,
    /// What computes: with another device, or another number of threads, the bits of what follows
    /// differ.
    pub device: Device,
    /// What the command that began it was told, by name.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// What computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `cpu`, `cuda` or `sim`.
    pub name: String,
    /// Threads, on the CPU.
    pub threads: Option<usize>,
}

/// What an epoch measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean loss over the training images, each at the step that trained on it.
    pub train_loss: f64,
    /// Mean loss over the test images.
    pub test_loss: f64,
    /// Share of the test images that were classified correctly.
    pub test_accuracy: f64,
    /// Training alone.
    pub seconds: f64,
    /// Share of the training images that were classified correctly, each before its step.
    pub train_accuracy: f64,
}

/// By which a data set is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// `mnist`, `digits` or the name of a folder.
    pub name: String,
    /// Images to train on.
    pub n_images: usize,
    /// CRC-32 of the images to train on, then of their labels.
    pub crc32: u32,
}

impl Data {
    /// Of what a model is trained on.
    pub fn of(name: &str, data: &Dataset) -> Self {
        let mut crc32 = crc32fast::Hasher::new();
        crc32.update(&data.images);
        crc32.update(&data.labels);
        Data {
            name: name.to_owned(),
            n_images: data.n_images(),
            crc32: crc32.finalize(),
        }
    }
}

/// `cpu with 2 threads`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.threads {
            Some(1) => f.write_str(" with 1 thread"),
            Some(n_threads) => write!(f, " with {n_threads} threads"),
            None => Ok(()),
        }
    }
}

impl Description {
    /// Height and width of the images that the model takes.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it takes something else.
    pub fn image_size(&self) -> Result<[usize; 2]> {
        match self.architecture.input[..] {
            [1, height, width] => Ok([height, width]),
            _ => Err(Error::Input(format!(
                "the model takes inputs of shape {:?}, which are no grey images, [1, height, width]",
                self.architecture.input
            ))),
        }
    }
}

impl Checkpoint {
    /// The numbers of a model on a device.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn of<B: Backend>(
        backend: &B,
        model: &Sequential<B>,
        description: Description,
    ) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (name, parameter) in model.named_parameters() {
            let values = parameter.download(backend, &parameter.value)?;
            tensors.insert(name, Tensor::new(&parameter.shape, values));
        }
        for (name, buffer) in model.named_buffers() {
            let values = backend.download_floats(&buffer.value)?;
            tensors.insert(name, Tensor::new(&buffer.shape, values));
        }
        Ok(Checkpoint {
            description,
            tensors,
        })
    }

    /// Adds what training needs to go on bit for bit: what the optimizer remembers of each parameter,
    /// and what the steps of the epoch that is under way have measured.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn add_training<B: Backend>(
        &mut self,
        backend: &B,
        model: &Sequential<B>,
        trainer: &Trainer<B>,
    ) -> Result<()> {
        let StepStatistics { loss, n_correct } = trainer.statistics(backend)?;
        // Rows of a batch: whole numbers that `f32` holds.
        let n_correct: Vec<f32> = n_correct.iter().map(|&n| n as f32).collect();
        for (name, values) in [(LOSS, loss), (N_CORRECT, n_correct)] {
            let tensor = Tensor::new(&[values.len()], values);
            self.tensors.insert(name.to_owned(), tensor);
        }
        let names = trainer.recipe().optimizer.state_names();
        for (name, parameter) in model.named_parameters() {
            for (state_name, state) in names.iter().zip(&parameter.optimizer_state) {
                let values = parameter.download(backend, state)?;
                let tensor = Tensor::new(&parameter.shape, values);
                self.tensors.insert(state_of(&name, state_name), tensor);
            }
        }
        Ok(())
    }

    /// The model on a device, for batches of up to `max_rows`.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if a tensor is missing or has another shape than the model needs; and if the
    /// device fails.
    pub fn build<B: Backend + 'static>(
        &self,
        backend: &B,
        max_rows: usize,
    ) -> Result<Sequential<B>> {
        // Before anything is allocated: a file of a few bytes can describe a model of many gigabytes.
        for (name, shape) in self.description.architecture.tensors()? {
            self.tensor(&name, &shape)?;
        }
        let mut random = random_generator(0);
        let mut model = self
            .description
            .architecture
            .build(backend, max_rows, &mut random)?;
        let names: Vec<String> = model.named_parameters().map(|(name, _)| name).collect();
        for (name, parameter) in names.iter().zip(model.parameters_mut()) {
            let values = &self.tensor(name, &parameter.shape)?.values;
            parameter.value = parameter.upload(backend, values)?;
        }
        model.share_weights(backend)?;
        let names: Vec<String> = model.named_buffers().map(|(name, _)| name).collect();
        for (name, buffer) in names.iter().zip(model.buffers_mut()) {
            let tensor = self.tensor(name, &buffer.shape)?;
            buffer.value = backend.upload_floats(&tensor.values)?;
        }
        Ok(model)
    }

    /// Brings the model that [`Self::build`] has made, and its trainer, to where training had come.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if a tensor is missing or has another shape, or the model was not trained; and
    /// if the device fails.
    pub fn restore_training<B: Backend>(
        &self,
        backend: &B,
        model: &mut Sequential<B>,
        trainer: &mut Trainer<B>,
    ) -> Result<()> {
        let training = self.training()?;
        let shape = [trainer.steps_per_epoch()];
        let n_correct = &self.tensor(N_CORRECT, &shape)?.values;
        let statistics = StepStatistics {
            loss: self.tensor(LOSS, &shape)?.values.clone(),
            n_correct: n_correct.iter().map(|&n| n as u32).collect(),
        };
        trainer.resume(backend, training.progress, &statistics)?;
        let state_names = trainer.recipe().optimizer.state_names();
        let names: Vec<String> = model.named_parameters().map(|(name, _)| name).collect();
        for (name, parameter) in names.iter().zip(model.parameters_mut()) {
            // Before the first step there is nothing to remember.
            let is_remembered = |state_name: &&&str| {
                let name = state_of(name, state_name);
                self.tensors.contains_key(&name)
            };
            let n_remembered = state_names.iter().filter(is_remembered).count();
            if n_remembered == 0 {
                continue;
            }
            parameter.optimizer_state = state_names
                .iter()
                .map(|state_name| {
                    let tensor = self.tensor(&state_of(name, state_name), &parameter.shape)?;
                    parameter.upload(backend, &tensor.values)
                })
                .collect::<Result<_>>()?;
        }
        Ok(())
    }

    /// How far training had come.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if the file does not know.
    pub fn training(&self) -> Result<&Training> {
        self.description.training.as_ref().ok_or_else(|| {
            Error::Input("the file holds a model without the state of its training".to_owned())
        })
    }

    /// A tensor of a certain shape.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it is not there, or has another shape.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor> {
        let Some(tensor) = self.tensors.get(name) else {
            return Err(Error::Input(format!(
                "there is no tensor `{name}`, which the model needs as {shape:?}"
            )));
        };
        if tensor.shape != shape {
            return Err(Error::Input(format!(
                "the tensor `{name}` is {:?}, the model needs {shape:?}",
                tensor.shape
            )));
        }
        Ok(tensor)
    }
}

impl Tensor {
    /// # Panics
    ///
    /// If there are more or fewer values than `shape` has.
    pub fn new(shape: &[usize], values: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len());
        Tensor {
            shape: shape.to_vec(),
            values,
        }
    }
}

/// What an array is called that an optimizer keeps for a parameter.
fn state_of(parameter: &str, state: &str) -> String {
    format!("optimizer.{parameter}.{state}")
}

impl<B: Backend> Parameter<B> {
    /// One of this parameter's arrays in the order that files have.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn download(&self, backend: &B, array: &B::Floats) -> Result<Vec<f32>> {
        let values = backend.download_floats(array)?;
        Ok(match self.is_transposed {
            true => transpose(&values, self.shape[0]),
            false => values,
        })
    }

    /// One of this parameter's arrays from the order that files have.
    fn upload(&self, backend: &B, values: &[f32]) -> Result<B::Floats> {
        if !self.is_transposed {
            return backend.upload_floats(values);
        }
        let n_columns = values.len() / self.shape[0].max(1);
        backend.upload_floats(&transpose(values, n_columns))
    }
}

/// `[n, n_columns]` to `[n_columns, n]`.
fn transpose(values: &[f32], n_columns: usize) -> Vec<f32> {
    let n_rows = values.len() / n_columns.max(1);
    (0..n_columns)
        .flat_map(|column| (0..n_rows).map(move |row| values[row * n_columns + column]))
        .collect()
}
