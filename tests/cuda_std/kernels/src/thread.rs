//! `cuda_std::thread`.

use cuda_std::prelude::*;

/// Each thread's index, in the place of that index.
#[kernel]
pub unsafe fn thread_index(indices: *mut u32) {
    let idx = thread::index();
    *indices.add(idx as usize) = idx;
}
