//! Embeddings: rows of a table, chosen by index.
//!
//! P positions (B rows of T indices), a table of V rows with D values each.

use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// `y[p, d] = table[x[p], d]`: overwrites `y`. Indices are whole numbers below V, as floats.
///
/// Shapes: `x` `[P]`, `table` `[V, D]`, `y` `[P, D]`.
/// Launch: along x, a thread per element of `y`, or per four if D is a multiple of 4.
/// Cost: `8 P D` bytes.
///
/// # Panics
///
/// If an index is no whole number below V.
#[kernel]
pub fn embedding_forward(x: &[f32], table: &[f32], n_values: u32, y: PerThread<f32>) {
    let i = thread::index_1d();
    let n_entries = table.len() / n_values as usize;
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { y.into_vectors::<F32x4>() };
    match (as_vectors::<F32x4>(table), vectors) {
        (Some(table), Ok(mut y)) if n_values.is_multiple_of(4) => {
            if let Some(y) = y.get_mut() {
                let n_values = n_values / 4;
                let entry_idx = entry_idx(x[(i / n_values) as usize], n_entries);
                let Vec4(values) = table[entry_idx * n_values as usize + (i % n_values) as usize];
                *y = Vec4(values);
            }
        }
        (_, y) => {
            // SAFETY: as above.
            let mut y = unsafe { elements(y) };
            if let Some(y) = y.get_mut() {
                let entry_idx = entry_idx(x[(i / n_values) as usize], n_entries);
                *y = table[entry_idx * n_values as usize + (i % n_values) as usize];
            }
        }
    }
}

/// The row of the table that an index stands for.
#[inline(always)]
fn entry_idx(index: f32, n_entries: usize) -> usize {
    // Rounded towards 0; what no `u32` holds, and NaN, becomes another number.
    let entry_idx = index as u32;
    assert!(
        entry_idx as f32 == index && (entry_idx as usize) < n_entries,
        "an index is no whole number below the number of entries"
    );
    entry_idx as usize
}

/// `dtable[v, d] = Σ dy[p, d]` over the positions whose index is `v`: overwrites `dtable`.
///
/// Each element looks through all positions, so that no two threads add to the same one.
///
/// Shapes: `x` `[P]`, `dy` `[P, D]`, `dtable` `[V, D]` with V at most 2^24.
/// Launch: along x, a thread per element of `dtable`.
/// Cost: `4 (P D + V D)` bytes, and `4 P V D` from the cache.
///
/// # Panics
///
/// If `dy` is shorter than its shape.
#[kernel]
pub fn embedding_backward(x: &[f32], dy: &[f32], n_values: u32, mut dtable: PerThread<f32>) {
    let Some(dtable) = dtable.get_mut() else {
        return;
    };
    let i = thread::index_1d();
    let own_index = (i / n_values) as f32;
    let value_idx = (i % n_values) as usize;
    let mut sum = 0.0;
    for (position, index) in x.iter().enumerate() {
        if *index == own_index {
            sum += dy[position * n_values as usize + value_idx];
        }
    }
    *dtable = sum;
}
