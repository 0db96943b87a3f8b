//! Buffers of floats that begin on a cache line, and the checks of their lengths.

use std::ops::{Deref, DerefMut};

use crate::{Error, Result};

const FLOATS_PER_LINE: usize = 16;

/// Wide vector loads that straddle cache lines cost twice.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([f32; FLOATS_PER_LINE]);

// SAFETY: all zero bits are 16 zeros.
unsafe impl bytemuck::Zeroable for CacheLine {}
// SAFETY: 16 floats fill the 64 bytes without padding, and any bits are floats.
unsafe impl bytemuck::Pod for CacheLine {}

/// A buffer of `f32` in main memory, aligned to 64 bytes.
pub struct Floats {
    lines: Vec<CacheLine>,
    n: usize,
}

impl Floats {
    /// `n` zeros, or an error if there is no memory for them.
    pub(super) fn zeros(n: usize) -> Result<Self> {
        let n_lines = n.div_ceil(FLOATS_PER_LINE);
        let mut lines = Vec::new();
        lines.try_reserve_exact(n_lines).map_err(|_| {
            Error::Device(format!(
                "cpu: no memory for a buffer of {n} floats; take a smaller network or batch"
            ))
        })?;
        lines.resize(n_lines, CacheLine([0.0; FLOATS_PER_LINE]));
        Ok(Floats { lines, n })
    }
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.n]
    }
}

impl DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.n]
    }
}

/// Names an operation in the errors of its checks.
#[derive(Clone, Copy)]
pub(super) struct Operation(pub(super) &'static str);

impl Operation {
    /// The elements that an operation reads: the first of `values`, as many as `shape` has.
    pub(super) fn read<'a, T>(
        self,
        buffer: &'static str,
        values: &'a [T],
        shape: &[usize],
    ) -> Result<&'a [T]> {
        let n = self.n_elements(buffer, values.len(), shape)?;
        Ok(&values[..n])
    }

    /// The elements that an operation writes: the first of `values`, as many as `shape` has.
    pub(super) fn write<'a, T>(
        self,
        buffer: &'static str,
        values: &'a mut [T],
        shape: &[usize],
    ) -> Result<&'a mut [T]> {
        let n = self.n_elements(buffer, values.len(), shape)?;
        Ok(&mut values[..n])
    }

    fn n_elements(self, buffer: &'static str, actual: usize, shape: &[usize]) -> Result<usize> {
        // A product that overflows saturates, and is then larger than any buffer.
        let expected = shape.iter().fold(1_usize, |n, &d| n.saturating_mul(d));
        if actual < expected {
            return Err(Error::Shape {
                operation: self.0,
                buffer,
                expected,
                actual,
            });
        }
        Ok(expected)
    }

    /// Checks that there is something to take a mean over.
    pub(super) fn at_least_one(self, dimension: &'static str, n: usize) -> Result<()> {
        if n == 0 {
            return Err(Error::Empty {
                operation: self.0,
                dimension,
            });
        }
        Ok(())
    }

    /// Checks that every one of `indices` is below `limit`.
    pub(super) fn below<I: Copy + Into<u32>>(
        self,
        buffer: &'static str,
        indices: &[I],
        limit: usize,
    ) -> Result<()> {
        let outside = |&index: &I| index.into() as usize >= limit;
        match indices.iter().position(outside) {
            None => Ok(()),
            Some(position) => Err(Error::Index {
                operation: self.0,
                buffer,
                position,
                value: indices[position].into() as usize,
                limit,
            }),
        }
    }
}
