//! Room for what an operation needs while it runs, kept from one call to the next.

use std::sync::{Mutex, PoisonError};

use super::buffer::Floats;
use crate::Result;

/// Buffers of floats, one for each part of an operation that runs at the same time.
#[derive(Default)]
pub(super) struct Scratch {
    buffers: Mutex<Vec<Floats>>,
}

impl Scratch {
    /// Makes room for `n_parts` parts of `n` floats each. What was large enough before stays as it is, so
    /// that only the first of many calls allocates, whichever thread then takes which buffer.
    pub(super) fn reserve(&self, n_parts: usize, n: usize) -> Result<()> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.retain(|buffer| buffer.len() >= n);
        buffers.reserve(n_parts);
        while buffers.len() < n_parts {
            buffers.push(Floats::zeros(n)?);
        }
        Ok(())
    }

    /// Runs `f` with one of the buffers, which holds anything.
    ///
    /// # Panics
    ///
    /// If there is none: [`Self::reserve`] has to come first.
    pub(super) fn with<R>(&self, n: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
        let buffer = || self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = buffer().pop().expect("a buffer for each part");
        let result = f(&mut taken[..n]);
        buffer().push(taken);
        result
    }
}
