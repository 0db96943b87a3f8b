//! The fully connected layer.

use rand::rngs::ChaCha8Rng;

use super::{Backward, Forward, Initializer, Layer, Optimizer, Parameter, Update};
use crate::backend::{
    Activation, Backend, DenseBackwardInput, DenseBackwardWeight, DenseForward, DenseSgdStep,
};
use crate::{Error, Result};

/// `y = activation(x · weight + bias)`.
///
/// Backward, with `ds = dy ∘ activation'`: `dx = ds · weightᵀ`, `dweight = xᵀ · ds`,
/// `dbias = Σ_rows ds`.
///
/// | array    | shape    |
/// |----------|----------|
/// | `x`      | `[B, K]` |
/// | `weight` | `[K, N]` |
/// | `bias`   | `[N]`    |
/// | `y`      | `[B, N]` |
///
/// ```
/// use cpu::backend::{Activation, HostBackend, Memory};
/// use cpu::nn::{Dense, Forward, Layer, Mode};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let weight = [1.0, -1.0, 2.0, 0.5]; // [2, 2]
/// let bias = [0.5, 0.25];
/// let mut layer = Dense::with_values(&backend, 2, 2, Activation::Relu, &weight, &bias)?;
/// let x = backend.upload_floats(&[3.0, 2.0])?;
/// let mut y = backend.zeros(2)?;
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode: Mode::Evaluation })?;
/// assert_eq!(backend.download_floats(&y)?, [7.5, 0.0]);
/// # Ok(())
/// # }
/// ```
pub struct Dense<B: Backend> {
    n_inputs: usize,
    n_outputs: usize,
    activation: Activation,
    /// Weight and bias.
    parameters: [Parameter<B>; 2],
}

impl<B: Backend> Dense<B> {
    /// A layer with a weight that is drawn and a bias of zeros.
    ///
    /// # Errors
    ///
    /// If a dimension is 0, the weight does not fit into memory, or the output does not tell the
    /// activation's derivative ([`Activation::is_known_from_output`]).
    pub fn new(
        backend: &B,
        n_inputs: usize,
        n_outputs: usize,
        activation: Activation,
        initializer: Initializer,
        random: &mut ChaCha8Rng,
    ) -> Result<Self> {
        check_dimensions(n_inputs, n_outputs)?;
        let weight = initializer.draw(n_inputs, n_outputs, random);
        Self::with_values(
            backend,
            n_inputs,
            n_outputs,
            activation,
            &weight,
            &vec![0.0; n_outputs],
        )
    }

    /// A layer with a given `weight`, `[n_inputs, n_outputs]`, and `bias`, `[n_outputs]`.
    ///
    /// # Errors
    ///
    /// If a dimension is 0, an array does not have its shape, or the output does not tell the
    /// activation's derivative ([`Activation::is_known_from_output`]).
    pub fn with_values(
        backend: &B,
        n_inputs: usize,
        n_outputs: usize,
        activation: Activation,
        weight: &[f32],
        bias: &[f32],
    ) -> Result<Self> {
        super::activation::check_fused("dense", activation)?;
        check_dimensions(n_inputs, n_outputs)?;
        for (name, actual, expected) in [
            ("weight", weight.len(), n_inputs * n_outputs),
            ("bias", bias.len(), n_outputs),
        ] {
            if actual != expected {
                return Err(Error::Input(format!(
                    "a dense layer with {n_inputs} inputs and {n_outputs} outputs needs a {name} \
                     of {expected} values, there are {actual}"
                )));
            }
        }
        Ok(Dense {
            n_inputs,
            n_outputs,
            activation,
            parameters: [
                Parameter::transposed(backend, "weight", &[n_outputs, n_inputs], weight)?,
                Parameter::new(backend, "bias", &[n_outputs], bias)?,
            ],
        })
    }
}

impl<B: Backend> Dense<B> {
    /// Turns `dy` into the gradient by the sum, and computes the gradient by the input.
    fn backward_input(&self, backend: &B, pass: &mut Backward<'_, B::Floats>) -> Result<()> {
        let Backward {
            y, dy, dx, n_rows, ..
        } = pass;
        if self.activation != Activation::Identity {
            backend.activation_backward(self.activation, y, dy, *n_rows * self.n_outputs)?;
        }
        let Some(dx) = dx else { return Ok(()) };
        backend.dense_backward_input(DenseBackwardInput {
            dy,
            weight: &self.parameters[0].value,
            dx,
            n_rows: *n_rows,
            n_inputs: self.n_inputs,
            n_outputs: self.n_outputs,
        })
    }
}

fn check_dimensions(n_inputs: usize, n_outputs: usize) -> Result<()> {
    const LARGEST_WEIGHT: usize = 1 << 31;
    match n_inputs.checked_mul(n_outputs) {
        Some(1..=LARGEST_WEIGHT) => Ok(()),
        _ => Err(Error::Input(format!(
            "a dense layer with {n_inputs} inputs and {n_outputs} outputs cannot be made: it needs \
             at least one of each, and a weight of at most {LARGEST_WEIGHT} values"
        ))),
    }
}

impl<B: Backend> Layer<B> for Dense<B> {
    fn describe(&self) -> String {
        let Dense {
            n_inputs,
            n_outputs,
            ..
        } = self;
        match self.activation {
            Activation::Identity => format!("dense {n_inputs} -> {n_outputs}"),
            activation => format!(
                "dense {n_inputs} -> {n_outputs}, {}",
                super::activation::name_and_slope(activation)
            ),
        }
    }

    fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        let [weight, bias] = &self.parameters;
        backend.dense_forward(DenseForward {
            x: pass.x,
            weight: &weight.value,
            bias: &bias.value,
            activation: self.activation,
            y: pass.y,
            n_rows: pass.n_rows,
            n_inputs: self.n_inputs,
            n_outputs: self.n_outputs,
        })
    }

    fn backward(&mut self, backend: &B, mut pass: Backward<'_, B::Floats>) -> Result<()> {
        self.backward_input(backend, &mut pass)?;
        let [weight, bias] = &mut self.parameters;
        backend.dense_backward_weight(DenseBackwardWeight {
            x: pass.x,
            dy: pass.dy,
            dweight: &mut weight.gradient,
            dbias: &mut bias.gradient,
            n_rows: pass.n_rows,
            n_inputs: self.n_inputs,
            n_outputs: self.n_outputs,
        })
    }

    fn backward_and_step(
        &mut self,
        backend: &B,
        mut pass: Backward<'_, B::Floats>,
        optimizer: &Optimizer,
        update: Update,
    ) -> Result<()> {
        let Some(weight_decay) = optimizer.plain() else {
            self.backward(backend, pass)?;
            return self
                .parameters
                .iter_mut()
                .try_for_each(|p| optimizer.step(backend, p, update));
        };
        self.backward_input(backend, &mut pass)?;
        let [weight, bias] = &mut self.parameters;
        backend.dense_sgd_step(DenseSgdStep {
            x: pass.x,
            dy: pass.dy,
            weight: &mut weight.value,
            bias: &mut bias.value,
            dweight: &mut weight.gradient,
            dbias: &mut bias.gradient,
            n_rows: pass.n_rows,
            n_inputs: self.n_inputs,
            n_outputs: self.n_outputs,
            learning_rate: update.learning_rate,
            weight_decay,
        })
    }

    fn parameters(&self) -> &[Parameter<B>] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [Parameter<B>] {
        &mut self.parameters
    }
}
