//! Training and evaluation of a classifier on a data set.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::backend::{Augment, Backend, Distortion, GatherBatch, StepStatistics};
use crate::data::{Dataset, Shuffle, batches};
use crate::metrics;
use crate::nn::{
    Augmentation, Clipping, LossPass, Mode, Optimizer, Schedule, Sequential, SoftmaxCrossEntropy,
    Step, Update,
};
use crate::{Error, Result};

/// What an image's bytes are multiplied by: 0 to 1.
pub const SCALE: f32 = 1.0 / 255.0;

/// Trains a model, an epoch at a time.
///
/// ```
/// use cpu::backend::{Activation, HostBackend};
/// use cpu::data::Dataset;
/// use cpu::nn::{Initializer, Sgd, models, random_generator};
/// use cpu::train::{Evaluator, Recipe, Trainer};
///
/// # fn main() -> cpu::Result<()> {
/// // Class 1 is where the second pixel is the brighter one.
/// let data = Dataset {
///     images: vec![200, 10, 10, 200, 90, 30, 0, 80],
///     labels: vec![0, 1, 0, 1],
///     size: [1, 2],
///     n_classes: 2,
/// };
/// let backend = HostBackend::new(None)?;
/// let architecture = models::mlp(&[2], &[8], 2, Activation::Relu, Initializer::HeNormal);
/// let mut model = architecture.build(&backend, 2, &mut random_generator(1))?;
/// let mut trainer = Trainer::new(&backend, Recipe::new(Sgd::new(0.5)?, 2, 1), &data)?;
/// for _ in 0..100 {
///     trainer.epoch(&backend, &mut model)?;
/// }
/// let evaluation = Evaluator::new(&backend, &data, 2)?.evaluate(&backend, &mut model)?;
/// assert_eq!(evaluation.accuracy(), 1.0);
/// # Ok(())
/// # }
/// ```
pub struct Trainer<B: Backend> {
    data: DeviceData<B>,
    augmented: Option<Augmented<B>>,
    shuffle: Shuffle,
    recipe: Recipe,
    progress: Progress,
    /// Of the gradients, where they are clipped by their norm.
    sum_of_squares: B::Floats,
}

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What updates the parameters.
    pub optimizer: Optimizer,
    /// How the learning rate goes, over [`Recipe::n_epochs`].
    #[serde(default)]
    pub schedule: Schedule,
    /// Epochs that the schedule is laid out for; a constant rate does not depend on it.
    #[serde(default)]
    pub n_epochs: usize,
    /// What becomes of the gradients before each update.
    #[serde(default)]
    pub clipping: Option<Clipping>,
    /// Label smoothing of the loss, see [`SoftmaxCrossEntropy::label_smoothing`].
    #[serde(default)]
    pub label_smoothing: f32,
    /// Images per step, at least 1.
    pub batch_size: usize,
    /// Where everything that is drawn begins: the order of the images, what layers drop.
    pub seed: u64,
    /// How images are distorted before the model sees them, if they are.
    #[serde(default)]
    pub augmentation: Option<Augmentation>,
}

impl Recipe {
    /// Without anything that can be left out.
    pub fn new(optimizer: impl Into<Optimizer>, batch_size: usize, seed: u64) -> Self {
        Recipe {
            optimizer: optimizer.into(),
            schedule: Schedule::constant(),
            n_epochs: 0,
            clipping: None,
            label_smoothing: 0.0,
            batch_size,
            seed,
            augmentation: None,
        }
    }

    /// Checks what a file may hold and the optimizers' own functions would not have made.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if a setting is out of its range.
    pub fn check(&self) -> Result<()> {
        self.optimizer.check()?;
        self.schedule.check()?;
        if let Some(clipping) = self.clipping {
            clipping.check()?;
        }
        if let Some(augmentation) = self.augmentation {
            augmentation.check()?;
        }
        SoftmaxCrossEntropy::new(1).label_smoothing(self.label_smoothing)?;
        if self.batch_size == 0 {
            return Err(Error::Input(
                "the batch size is 0, it must be at least 1".to_owned(),
            ));
        }
        Ok(())
    }
}

/// How far training has come.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs that are complete.
    pub n_epochs: usize,
    /// Steps of the epoch that is under way.
    pub n_steps: usize,
    /// Seconds that these steps took.
    pub seconds: f64,
}

/// What an epoch of training measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochSummary {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean loss of all images, each at the step that trained on it.
    pub mean_loss: f64,
    /// Share of the images that were classified correctly, each before the step that trained on it.
    pub accuracy: f64,
    /// How long it took, with shuffling and without evaluation.
    pub duration: Duration,
}

impl<B: Backend> Trainer<B> {
    /// Brings the data set to the device. The batches of all epochs follow from the recipe's seed.
    ///
    /// # Errors
    ///
    /// If the data set is empty or contradicts itself, the batch size is 0, or the augmentation has a
    /// setting that it cannot have.
    pub fn new(backend: &B, recipe: Recipe, data: &Dataset) -> Result<Self> {
        let mut device_data = DeviceData::new(backend, data, recipe.batch_size)?;
        device_data.loss = device_data.loss.label_smoothing(recipe.label_smoothing)?;
        let augmented = |augmentation: Augmentation| {
            Augmented::new(backend, augmentation, data.size, device_data.batch_size)
        };
        Ok(Trainer {
            augmented: recipe.augmentation.map(augmented).transpose()?,
            data: device_data,
            shuffle: Shuffle::new(data.n_images(), recipe.seed),
            recipe,
            progress: Progress::default(),
            sum_of_squares: backend.zeros(1)?,
        })
    }

    /// How far training has come.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// How the model is trained.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What the steps of the epoch that is under way have measured; the slots of the others are 0.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn statistics(&self, backend: &B) -> Result<StepStatistics> {
        let mut statistics = backend.read_statistics(&self.data.statistics)?;
        // The steps of the epoch before are in the other slots.
        statistics.loss[self.progress.n_steps..].fill(0.0);
        statistics.n_correct[self.progress.n_steps..].fill(0);
        Ok(statistics)
    }

    /// Goes on from where another trainer with the same recipe and data had come.
    ///
    /// # Errors
    ///
    /// If there is not a slot for each step of an epoch, or the epoch has no such step.
    pub fn resume(
        &mut self,
        backend: &B,
        progress: Progress,
        statistics: &StepStatistics,
    ) -> Result<()> {
        let n_steps = self.steps_per_epoch();
        let n_slots = [statistics.loss.len(), statistics.n_correct.len()];
        if n_slots != [n_steps; 2] || progress.n_steps >= n_steps {
            return Err(Error::Input(format!(
                "training had come to step {} with {} losses, an epoch of this data set has {n_steps} \
                 steps",
                progress.n_steps, n_slots[0]
            )));
        }
        if !(progress.seconds >= 0.0 && progress.seconds < 1e9) {
            return Err(Error::Input(format!(
                "training had taken {} seconds of its epoch, which cannot be",
                progress.seconds
            )));
        }
        self.data.statistics = backend.upload_statistics(statistics)?;
        self.progress = progress;
        Ok(())
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        batches(self.data.n_images, self.data.batch_size).len()
    }

    /// Trains on every image once, in a new order.
    ///
    /// # Errors
    ///
    /// See [`Self::epoch_until`].
    pub fn epoch(&mut self, backend: &B, model: &mut Sequential<B>) -> Result<EpochSummary> {
        let summary = self.epoch_until(backend, model, |_| ControlFlow::Continue(()))?;
        Ok(summary.expect("nobody breaks off"))
    }

    /// Trains on every image once, in a new order, or on what is left of the epoch that was broken off
    /// before; calls `progress` after every step with the number of images that the steps of the epoch
    /// so far have taken. If that breaks off, there is no summary yet.
    ///
    /// # Errors
    ///
    /// [`Error::Training`] if the loss of a step was not a finite number. The model is then of no
    /// further use.
    pub fn epoch_until(
        &mut self,
        backend: &B,
        model: &mut Sequential<B>,
        mut progress: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Option<EpochSummary>> {
        let start = Instant::now();
        let seconds_before = self.progress.seconds;
        let data = &mut self.data;
        data.check_model(model)?;
        let order = self.shuffle.epoch(self.progress.n_epochs);
        backend.write_indices(&mut data.order, order)?;
        let steps = batches(data.n_images, data.batch_size);
        let n_steps = steps.len();
        let n_steps_before = self.progress.n_epochs * n_steps;
        let n_steps_in_all = (self.recipe.n_epochs as u64).saturating_mul(n_steps as u64);
        for (step_idx, rows) in steps.enumerate().skip(self.progress.n_steps) {
            let n_rows = rows.len();
            let index = (n_steps_before + step_idx) as u64;
            let step = Step {
                seed: self.recipe.seed,
                index,
            };
            data.gather(backend, rows.start, n_rows)?;
            let x = match &mut self.augmented {
                Some(augmented) => augmented.distort(backend, &data.x, n_rows, step)?,
                None => &data.x,
            };
            model.forward(backend, x, n_rows, Mode::Training(step))?;
            let (y, dy) = model.output_and_gradient();
            let pass = LossPass {
                y,
                dy: Some(dy),
                statistics: &mut data.statistics,
                step: step_idx,
                n_rows,
            };
            data.loss.compute(backend, &data.batch_labels, pass)?;
            let optimizer = &self.recipe.optimizer;
            let learning_rate = optimizer.learning_rate();
            let update = Update {
                learning_rate: self
                    .recipe
                    .schedule
                    .rate(learning_rate, index, n_steps_in_all),
                step: index + 1,
            };
            match self.recipe.clipping {
                None => model.backward_and_step(backend, x, n_rows, step, optimizer, update)?,
                Some(clipping) => {
                    model.backward(backend, x, n_rows, step)?;
                    clipping.clip(backend, model, &mut self.sum_of_squares)?;
                    model.step(backend, optimizer, update)?;
                }
            }
            self.progress.n_steps = step_idx + 1;
            let is_last = step_idx + 1 == n_steps;
            if progress(rows.end).is_break() && !is_last {
                backend.synchronize()?;
                self.progress.seconds = seconds_before + start.elapsed().as_secs_f64();
                return Ok(None);
            }
        }
        let statistics = backend.read_statistics(&data.statistics)?;
        let duration = Duration::from_secs_f64(seconds_before) + start.elapsed();
        let epoch = self.progress.n_epochs + 1;
        if let Some(step) = statistics.loss.iter().position(|loss| !loss.is_finite()) {
            return Err(Error::Training(format!(
                "the loss became {} at step {} of {n_steps} in epoch {epoch}; try a smaller learning \
                 rate or momentum",
                statistics.loss[step],
                step + 1,
            )));
        }
        self.progress = Progress {
            n_epochs: epoch,
            n_steps: 0,
            seconds: 0.0,
        };
        let (mean_loss, accuracy) = means(&statistics, data.n_images);
        Ok(Some(EpochSummary {
            epoch,
            mean_loss,
            accuracy,
            duration,
        }))
    }
}

/// The images of a batch after their augmentation.
struct Augmented<B: Backend> {
    distortion: Distortion,
    /// Rows and columns of an image.
    size: [usize; 2],
    x: B::Floats,
}

impl<B: Backend> Augmented<B> {
    fn new(
        backend: &B,
        augmentation: Augmentation,
        size: [usize; 2],
        batch_size: usize,
    ) -> Result<Self> {
        Ok(Augmented {
            distortion: augmentation.distortion()?,
            size,
            x: backend.zeros(batch_size * size[0] * size[1])?,
        })
    }

    fn distort(
        &mut self,
        backend: &B,
        images: &B::Floats,
        n_rows: usize,
        step: Step,
    ) -> Result<&B::Floats> {
        backend.augment(Augment {
            images,
            distorted: &mut self.x,
            n_rows,
            size: self.size,
            distortion: self.distortion,
            seed: step.seed,
            step: step.index,
        })?;
        Ok(&self.x)
    }
}

/// Measures a model on a data set that lies on the device.
pub struct Evaluator<B: Backend> {
    data: DeviceData<B>,
    labels: Vec<u8>,
    n_classes: usize,
}

/// What a model makes of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean loss of all images.
    pub mean_loss: f64,
    /// The class that the model gives each image.
    pub predictions: Vec<u8>,
    /// How many classes the model finds more likely than the label, for each image.
    pub label_ranks: Vec<usize>,
    /// `confusion[label][prediction]` images, `[C][C]`; see [`metrics::per_class`].
    pub confusion: Vec<Vec<usize>>,
}

impl Evaluation {
    /// Share of the images that were classified correctly.
    pub fn accuracy(&self) -> f64 {
        metrics::accuracy(&self.confusion)
    }

    /// Share of the images whose label is among the `k` classes that the model finds most likely.
    pub fn top_k(&self, k: usize) -> f64 {
        metrics::top_k(&self.label_ranks, k)
    }
}

impl<B: Backend> Evaluator<B> {
    /// Brings the data set to the device; it will be evaluated in batches of `batch_size`.
    ///
    /// # Errors
    ///
    /// If the data set is empty or contradicts itself, or `batch_size` is 0.
    pub fn new(backend: &B, data: &Dataset, batch_size: usize) -> Result<Self> {
        Ok(Evaluator {
            data: DeviceData::new(backend, data, batch_size)?,
            labels: data.labels.clone(),
            n_classes: data.n_classes,
        })
    }

    /// Runs the model over all images.
    pub fn evaluate(&mut self, backend: &B, model: &mut Sequential<B>) -> Result<Evaluation> {
        let data = &mut self.data;
        data.check_model(model)?;
        let mut predictions = Vec::with_capacity(data.n_images);
        let mut label_ranks = Vec::with_capacity(data.n_images);
        for (step, rows) in batches(data.n_images, data.batch_size).enumerate() {
            let n_rows = rows.len();
            data.gather(backend, rows.start, n_rows)?;
            let y = model.forward(backend, &data.x, n_rows, Mode::Evaluation)?;
            let pass = LossPass {
                y,
                dy: None,
                statistics: &mut data.statistics,
                step,
                n_rows,
            };
            data.loss.compute(backend, &data.batch_labels, pass)?;
            predictions.extend(backend.predictions(y, n_rows, self.n_classes)?);
            let scores = &backend.download_floats(y)?[..n_rows * self.n_classes];
            let labels = &self.labels[rows];
            label_ranks.extend(metrics::label_ranks(scores, labels, self.n_classes));
        }
        let (mean_loss, _) = means(&backend.read_statistics(&data.statistics)?, data.n_images);
        let confusion = metrics::confusion(&self.labels, &predictions, self.n_classes);
        Ok(Evaluation {
            mean_loss,
            predictions,
            label_ranks,
            confusion,
        })
    }
}

/// A data set on the device, with the buffers of one batch.
struct DeviceData<B: Backend> {
    images: B::Bytes,
    labels: B::Bytes,
    /// The order in which the images are visited; their own to begin with.
    order: B::Indices,
    x: B::Floats,
    batch_labels: B::Bytes,
    statistics: B::Statistics,
    loss: SoftmaxCrossEntropy,
    n_images: usize,
    n_pixels: usize,
    n_classes: usize,
    batch_size: usize,
}

impl<B: Backend> DeviceData<B> {
    fn new(backend: &B, data: &Dataset, batch_size: usize) -> Result<Self> {
        let Dataset {
            images,
            labels,
            n_classes,
            ..
        } = data;
        let (n_pixels, n_classes, n_images) = (data.n_pixels(), *n_classes, labels.len());
        if n_images == 0 {
            return Err(Error::Input("the data set has no images".to_owned()));
        }
        if batch_size == 0 {
            return Err(Error::Input(
                "the batch size is 0, it must be at least 1".to_owned(),
            ));
        }
        if images.len() != n_images * n_pixels {
            return Err(Error::Input(format!(
                "the data set has {} bytes of images, {n_images} labels and {n_pixels} pixels per \
                 image: one of them is wrong",
                images.len()
            )));
        }
        if let Some(index) = labels
            .iter()
            .position(|&label| usize::from(label) >= n_classes)
        {
            return Err(Error::Input(format!(
                "label {index} of the data set is {}, it must be below {n_classes}",
                labels[index]
            )));
        }
        let batch_size = batch_size.min(n_images);
        let order: Vec<u32> = (0..n_images as u32).collect();
        Ok(DeviceData {
            images: backend.upload_bytes(images)?,
            labels: backend.upload_bytes(labels)?,
            order: backend.upload_indices(&order)?,
            x: backend.zeros(batch_size * n_pixels)?,
            batch_labels: backend.upload_bytes(&vec![0; batch_size])?,
            statistics: backend.statistics(batches(n_images, batch_size).len())?,
            loss: SoftmaxCrossEntropy::new(n_classes),
            n_images,
            n_pixels,
            n_classes,
            batch_size,
        })
    }

    fn check_model(&self, model: &Sequential<B>) -> Result<()> {
        for (what, actual, expected) in [
            ("takes", model.n_inputs(), self.n_pixels),
            ("gives", model.n_outputs(), self.n_classes),
        ] {
            if actual != expected {
                return Err(Error::Input(format!(
                    "the model {what} {actual} values per image, the data set has {} pixels and {} \
                     classes",
                    self.n_pixels, self.n_classes
                )));
            }
        }
        Ok(())
    }

    fn gather(&mut self, backend: &B, first_row: usize, n_rows: usize) -> Result<()> {
        backend.gather_batch(GatherBatch {
            images: &self.images,
            labels: &self.labels,
            order: &self.order,
            first_row,
            n_rows,
            n_pixels: self.n_pixels,
            scale: SCALE,
            x: &mut self.x,
            batch_labels: &mut self.batch_labels,
        })
    }
}

/// Mean loss and accuracy.
fn means(statistics: &StepStatistics, n_images: usize) -> (f64, f64) {
    let loss: f64 = statistics.loss.iter().map(|&loss| f64::from(loss)).sum();
    let n_correct: f64 = statistics.n_correct.iter().map(|&n| f64::from(n)).sum();
    (loss / n_images as f64, n_correct / n_images as f64)
}
