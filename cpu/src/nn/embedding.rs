//! Embeddings.

use rand::rngs::ChaCha8Rng;

use super::initializer::normal;
use super::{Backward, Forward, Layer, Parameter};
use crate::backend::{Backend, EmbeddingBackward, EmbeddingForward, EmbeddingShape};
use crate::{Error, Result};

/// `y[b, t] = weight[x[b, t]]`: a row of the table for each index.
///
/// Backward: `dweight[v] = Σ dy[b, t]` over the places where the index is `v`. There is no gradient by
/// the indices, so this is a first layer.
///
/// | array    | shape                                      |
/// |----------|--------------------------------------------|
/// | `x`      | `[B, T]`, whole numbers below V, as floats |
/// | `weight` | `[V, D]`                                   |
/// | `y`      | `[B, T, D]`                                |
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Embedding, Forward, Layer, Mode};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let table = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]; // [3, 2]
/// let mut layer = Embedding::with_values(&backend, 2, 3, 2, &table)?;
/// let x = backend.upload_floats(&[2.0, 0.0])?;
/// let mut y = backend.zeros(4)?;
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode: Mode::Evaluation })?;
/// assert_eq!(backend.download_floats(&y)?, [2.0, 2.5, 0.0, 0.5]);
/// # Ok(())
/// # }
/// ```
pub struct Embedding<B: Backend> {
    n_indices: usize,
    n_entries: usize,
    n_values: usize,
    /// The table.
    parameters: [Parameter<B>; 1],
}

impl<B: Backend> Embedding<B> {
    /// A layer for rows of `n_indices` indices, with a table of `n_entries` rows of `n_values` that are
    /// drawn from the standard normal distribution, as PyTorch does it.
    ///
    /// # Errors
    ///
    /// If the table would be empty, or larger than indices can tell.
    pub fn new(
        backend: &B,
        n_indices: usize,
        n_entries: usize,
        n_values: usize,
        random: &mut ChaCha8Rng,
    ) -> Result<Self> {
        shape(0, n_entries, n_values).check()?;
        let draw = || normal(random) as f32;
        let table: Vec<f32> = std::iter::repeat_with(draw)
            .take(n_entries * n_values)
            .collect();
        Self::with_values(backend, n_indices, n_entries, n_values, &table)
    }

    /// A layer with a given `table`, `[n_entries, n_values]`.
    ///
    /// # Errors
    ///
    /// If the table is empty, larger than indices can tell, or does not have its shape.
    pub fn with_values(
        backend: &B,
        n_indices: usize,
        n_entries: usize,
        n_values: usize,
        table: &[f32],
    ) -> Result<Self> {
        shape(0, n_entries, n_values).check()?;
        if table.len() != n_entries * n_values {
            return Err(Error::Input(format!(
                "an embedding with {n_entries} entries of {n_values} values needs a table of {} \
                 values, there are {}",
                n_entries * n_values,
                table.len()
            )));
        }
        let weight = Parameter::new(backend, "weight", &[n_entries, n_values], table)?;
        Ok(Embedding {
            n_indices,
            n_entries,
            n_values,
            parameters: [weight],
        })
    }

    fn shape(&self, n_rows: usize) -> EmbeddingShape {
        shape(n_rows * self.n_indices, self.n_entries, self.n_values)
    }
}

fn shape(n_positions: usize, n_entries: usize, n_values: usize) -> EmbeddingShape {
    EmbeddingShape {
        n_positions,
        n_entries,
        n_values,
    }
}

impl<B: Backend> Layer<B> for Embedding<B> {
    fn describe(&self) -> String {
        format!("embedding {} -> {}", self.n_entries, self.n_values)
    }

    fn n_inputs(&self) -> usize {
        self.n_indices
    }

    fn n_outputs(&self) -> usize {
        self.n_indices * self.n_values
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        backend.embedding_forward(EmbeddingForward {
            x: pass.x,
            table: &self.parameters[0].value,
            y: pass.y,
            shape: self.shape(pass.n_rows),
        })
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        if pass.dx.is_some() {
            return Err(Error::Input(
                "an embedding has no gradient by its indices; make it the model's first layer"
                    .to_owned(),
            ));
        }
        let shape = self.shape(pass.n_rows);
        backend.embedding_backward(EmbeddingBackward {
            x: pass.x,
            dy: pass.dy,
            dtable: &mut self.parameters[0].gradient,
            shape,
        })
    }

    fn parameters(&self) -> &[Parameter<B>] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [Parameter<B>] {
        &mut self.parameters
    }
}
