//! Sums of columns, while the next rows are on their way.

use cuda_std::barrier::Role;
use cuda_std::prelude::*;
use cuda_std::{async_stages, channel};

/// Columns of the matrices below.
pub const N_COLUMNS: usize = 128;

/// The sum of each column, with three rows under way. Launch: one block of 128 threads.
#[kernel]
pub fn sum_columns(x: &[f32], mut sums: PerThread<f32>) {
    // SAFETY: evaluated once; a parameter of a kernel lies in global memory.
    let mut rows = unsafe {
        async_stages![f32; N_COLUMNS; stages 4].start(x.len() / N_COLUMNS, |row, column| {
            x.get(N_COLUMNS * row + column)
        })
    };
    let mut sum = 0.0;
    // SAFETY: every thread of the block gets here, for each row.
    while let Some(row) = unsafe { rows.next() } {
        sum += row[thread::thread_idx_x() as usize % N_COLUMNS];
    }
    if let Some(total) = sums.get_mut() {
        *total = sum;
    }
}

/// The same by two kinds of threads: a warp that copies rows, and four that add.
/// Launch: one block of 160 threads.
#[kernel]
pub fn sum_columns_by_roles(x: &[f32], mut sums: DisjointSlice<f32>) {
    let n_rows = x.len() / N_COLUMNS;
    // SAFETY: evaluated once, by every thread of the block; it has more than 32.
    match unsafe { channel![f32; N_COLUMNS; stages 4].split(32) } {
        Role::Producer(mut rows) => {
            for row in 0..n_rows {
                // SAFETY: a parameter of a kernel lies in global memory, and no one writes to it.
                unsafe { rows.send_copies(|column| x.get(N_COLUMNS * row + column)) };
            }
            rows.finish();
        }
        Role::Consumer(mut rows) => {
            let column = rows.rank() as usize;
            let mut sum = 0.0;
            for _ in 0..n_rows {
                sum += rows.receive(|row| row[column % N_COLUMNS]);
            }
            // SAFETY: consumers have different ranks.
            if let Some(total) = unsafe { sums.get_mut(column) } {
                *total = sum;
            }
        }
    }
}
