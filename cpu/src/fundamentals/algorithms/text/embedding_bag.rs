//! The embedding bag: a network over the mean of the words' embeddings, on any device.

use super::corpus::{Bag, shares};
use super::plain::Samples;
use crate::backend::{Activation, Backend};
use crate::fundamentals::harness;
use crate::nn::{
    Adam, Dense, Initializer, LossPass, Mode, Optimizer, Sequential, SoftmaxCrossEntropy, Step,
    Update, random_generator,
};
use crate::{Error, Result};

/// Texts of a step.
const BATCH_SIZE: usize = 64;
const LEARNING_RATE: f32 = 0.01;
/// Most numbers of all texts, a share for each word of the vocabulary.
const MAX_NUMBERS: usize = 1 << 29;

/// Some texts on a device.
struct Batch<B: Backend> {
    /// Shares of words, `[B, V]`.
    x: B::Floats,
    n_rows: usize,
}

fn batches<B: Backend>(backend: &B, bags: &[Bag], n_words: usize) -> Result<Vec<Batch<B>>> {
    if bags.len().saturating_mul(n_words) > MAX_NUMBERS {
        return Err(Error::Input(format!(
            "{} texts with {n_words} words to count: at most 2^29 counts are taken; lower --vocabulary",
            bags.len()
        )));
    }
    let batch = |bags: &[Bag]| {
        let mut x = vec![0.0; bags.len() * n_words];
        for (x, bag) in x.chunks_mut(n_words).zip(bags) {
            shares(bag).for_each(|(word, share)| x[word] = share);
        }
        Ok(Batch {
            x: backend.upload_floats(&x)?,
            n_rows: bags.len(),
        })
    };
    bags.chunks(BATCH_SIZE).map(batch).collect()
}

/// `softmax((x E + a) W + b)`, with the words' embeddings as the rows of `E`, `[V, D]`.
///
/// `x E` is the mean of the embeddings of a text's words, if `x` are their shares; so a dense layer
/// computes what a table of embeddings and a mean would. Its bias `a` adds nothing that `b` has not.
pub struct EmbeddingBag<B: Backend> {
    model: Sequential<B>,
    optimizer: Optimizer,
    loss: SoftmaxCrossEntropy,
    /// Each with its classes.
    batches: Vec<(Batch<B>, B::Bytes)>,
    statistics: B::Statistics,
    n_words: usize,
    n_classes: usize,
    n_texts: usize,
    seed: u64,
    n_steps: u64,
}

impl<B: Backend + 'static> EmbeddingBag<B> {
    /// Brings the samples to the device; embeddings of `n_dimensions` numbers are drawn.
    ///
    /// # Errors
    ///
    /// If there are too many words for the samples, or the device fails.
    pub fn new(backend: &B, samples: Samples, n_dimensions: usize, seed: u64) -> Result<Self> {
        let Samples {
            bags,
            labels,
            n_words,
            n_classes,
        } = samples;
        let mut random = random_generator(seed);
        let mut dense = |n_inputs, n_outputs| {
            let initializer = Initializer::XavierNormal;
            Dense::new(
                backend,
                n_inputs,
                n_outputs,
                Activation::Identity,
                initializer,
                &mut random,
            )
        };
        let embedding = dense(n_words, n_dimensions)?;
        let classes = dense(n_dimensions, n_classes)?;
        let labels = labels
            .chunks(BATCH_SIZE)
            .map(|labels| backend.upload_bytes(labels));
        let batches: Vec<_> = batches(backend, bags, n_words)?
            .into_iter()
            .zip(labels.collect::<Result<Vec<_>>>()?)
            .collect();
        Ok(EmbeddingBag {
            model: Sequential::new(
                backend,
                BATCH_SIZE,
                vec![Box::new(embedding), Box::new(classes)],
            )?,
            optimizer: Adam::new(LEARNING_RATE)?.into(),
            loss: SoftmaxCrossEntropy::new(n_classes),
            statistics: backend.statistics(batches.len())?,
            batches,
            n_words,
            n_classes,
            n_texts: bags.len(),
            seed,
            n_steps: 0,
        })
    }

    /// Goes through the samples once. It does not wait for the device.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn epoch(&mut self, backend: &B) -> Result<()> {
        for (slot, (batch, labels)) in self.batches.iter().enumerate() {
            let &Batch { ref x, n_rows } = batch;
            let step = Step {
                seed: self.seed,
                index: self.n_steps,
            };
            self.n_steps += 1;
            self.model
                .forward(backend, x, n_rows, Mode::Training(step))?;
            let (y, dy) = self.model.output_and_gradient();
            let pass = LossPass {
                y,
                dy: Some(dy),
                statistics: &mut self.statistics,
                step: slot,
                n_rows,
            };
            self.loss.compute(backend, labels, pass)?;
            let update = Update {
                learning_rate: self.optimizer.learning_rate(),
                step: self.n_steps,
            };
            self.model
                .backward_and_step(backend, x, n_rows, step, &self.optimizer, update)?;
        }
        Ok(())
    }

    /// The mean of `-ln P(label)` in the last epoch.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn loss(&self, backend: &B) -> Result<f64> {
        let losses = backend.read_statistics(&self.statistics)?.loss;
        Ok(losses.into_iter().map(f64::from).sum::<f64>() / self.n_texts as f64)
    }

    /// The most likely class of each text, the first of those that are as likely.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn predict(&mut self, backend: &B, bags: &[Bag]) -> Result<Vec<u8>> {
        let mut predictions = Vec::with_capacity(bags.len());
        for Batch { x, n_rows } in batches(backend, bags, self.n_words)? {
            let y = self.model.forward(backend, &x, n_rows, Mode::Evaluation)?;
            predictions.extend(backend.predictions(y, n_rows, self.n_classes)?);
        }
        Ok(predictions)
    }

    /// The words' embeddings, `[V, D]`.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn embeddings(&self, backend: &B) -> Result<Vec<f32>> {
        let [embeddings, ..] = self.parameters(backend)?;
        Ok(embeddings)
    }

    /// E `[V, D]`, a `[D]`, W `[D, C]` and b `[C]`.
    fn parameters(&self, backend: &B) -> Result<[Vec<f32>; 4]> {
        let parameters = self.model.parameters();
        let values: Result<Vec<_>> = parameters
            .map(|parameter| backend.download_floats(&parameter.value))
            .collect();
        Ok(values?
            .try_into()
            .expect("two dense layers have a weight and a bias each"))
    }

    /// The largest error of the outputs for some texts, compared with embeddings that are looked up, averaged
    /// and multiplied in `f64`, as a share of the sizes of what is added up.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn error(&mut self, backend: &B, bags: &[Bag]) -> Result<f64> {
        let [embeddings, bias, weight, biases] = self
            .parameters(backend)?
            .map(|values| values.into_iter().map(f64::from).collect::<Vec<f64>>());
        let mut errors = Vec::new();
        for (batch, bags) in batches(backend, bags, self.n_words)?
            .iter()
            .zip(bags.chunks(BATCH_SIZE))
        {
            let y = self
                .model
                .forward(backend, &batch.x, batch.n_rows, Mode::Evaluation)?;
            let y = backend.download_floats(y)?;
            for (bag, y) in bags.iter().zip(y.chunks(self.n_classes)) {
                // A mean, and the same of sizes.
                let mut mean: Vec<[f64; 2]> = bias.iter().map(|a| [*a, a.abs()]).collect();
                let n_words: f64 = bag.iter().map(|(_, count)| f64::from(*count)).sum();
                for &(word, count) in bag {
                    let embedding = &embeddings[word as usize * mean.len()..];
                    for ([mean, size], x) in mean.iter_mut().zip(embedding) {
                        *mean += f64::from(count) / n_words * x;
                        *size += f64::from(count) / n_words * x.abs();
                    }
                }
                for (class, &y) in y.iter().enumerate() {
                    let weights = weight.iter().skip(class).step_by(self.n_classes);
                    let begin = [biases[class], biases[class].abs()];
                    let [sum, size] = mean
                        .iter()
                        .zip(weights)
                        .fold(begin, |[sum, size], (mean, w)| {
                            [sum + mean[0] * w, size + mean[1] * w.abs()]
                        });
                    let error = (f64::from(y) - sum).abs();
                    errors.push(if error == 0.0 { 0.0 } else { error / size });
                }
            }
        }
        Ok(harness::largest(errors))
    }
}
