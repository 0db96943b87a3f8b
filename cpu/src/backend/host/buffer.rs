//! Buffers of floats that begin on a cache line.

use std::ops::{Deref, DerefMut};

use super::zeros::UsedColumns;
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
    /// Every way to write to the buffer but [`Self::with_used_columns`] forgets them.
    used_columns: UsedColumns,
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
        Ok(Floats {
            lines,
            n,
            used_columns: UsedColumns::default(),
        })
    }
}

impl Floats {
    /// What is known about columns of zeros.
    pub(super) fn used_columns(&self) -> &UsedColumns {
        &self.used_columns
    }

    /// All values, and what is known of them, which the caller keeps right.
    pub(super) fn with_used_columns(&mut self) -> (&mut [f32], &mut UsedColumns) {
        let values = &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.n];
        (values, &mut self.used_columns)
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
        let (values, used_columns) = self.with_used_columns();
        used_columns.forget();
        values
    }
}
