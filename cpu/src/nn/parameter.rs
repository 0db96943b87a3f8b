//! What is trained: a value, its gradient and what the optimizer remembers of it.

use crate::Result;
use crate::backend::Backend;

/// An array that an optimizer updates.
pub struct Parameter<B: Backend> {
    /// What it is to its layer: `weight`, `bias`.
    pub name: &'static str,
    /// Dimensions, the slowest first, as PyTorch has them and files keep them.
    pub shape: Vec<usize>,
    /// Whether `value` holds the transpose: `[product of the other dimensions, shape[0]]`. Products
    /// read weights so.
    pub is_transposed: bool,
    /// The numbers themselves.
    pub value: B::Floats,
    /// Gradient of the loss by `value`, from the last backward pass.
    pub gradient: B::Floats,
    /// Arrays of the same shape that the optimizer keeps from step to step; it makes them at its
    /// first step.
    pub optimizer_state: Vec<B::Floats>,
}

impl<B: Backend> Parameter<B> {
    /// A parameter that begins as `values`, with a gradient of zeros.
    ///
    /// # Panics
    ///
    /// If `values` has another number of elements than `shape`.
    pub fn new(backend: &B, name: &'static str, shape: &[usize], values: &[f32]) -> Result<Self> {
        assert_eq!(
            values.len(),
            shape.iter().product::<usize>(),
            "{name} of shape {shape:?}"
        );
        Ok(Parameter {
            name,
            shape: shape.to_vec(),
            is_transposed: false,
            value: backend.upload_floats(values)?,
            gradient: backend.zeros(values.len())?,
            optimizer_state: Vec::new(),
        })
    }

    /// The same, with `values` in the order of the transpose, see [`Parameter::is_transposed`].
    ///
    /// # Panics
    ///
    /// If `values` has another number of elements than `shape`.
    pub fn transposed(
        backend: &B,
        name: &'static str,
        shape: &[usize],
        values: &[f32],
    ) -> Result<Self> {
        let parameter = Self::new(backend, name, shape, values)?;
        Ok(Parameter {
            is_transposed: true,
            ..parameter
        })
    }

    /// Rows and columns of the matrix in `value`.
    pub(super) fn matrix(&self) -> [usize; 2] {
        let n_first = self.shape.first().copied().unwrap_or(1);
        let n_others = self.shape.iter().skip(1).product();
        match self.is_transposed {
            true => [n_others, n_first],
            false => [n_first, n_others],
        }
    }

    /// Sees to it that an optimizer finds `n_arrays` of its own: at its first step they are made, full
    /// of `initial`.
    pub(super) fn keep_state(&mut self, backend: &B, n_arrays: usize, initial: f32) -> Result<()> {
        if self.optimizer_state.len() != n_arrays {
            let n = self.n();
            let array = |_| backend.upload_floats(&vec![initial; n]);
            self.optimizer_state = (0..n_arrays).map(array).collect::<Result<_>>()?;
        }
        Ok(())
    }

    /// Number of elements.
    pub fn n(&self) -> usize {
        self.shape.iter().product()
    }
}

/// An array that a layer keeps with its parameters and that no optimizer updates.
pub struct NamedBuffer<B: Backend> {
    /// What it is to its layer: `running_mean`.
    pub name: &'static str,
    /// Dimensions, the slowest first.
    pub shape: Vec<usize>,
    /// The numbers themselves.
    pub value: B::Floats,
}
