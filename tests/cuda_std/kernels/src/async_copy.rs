//! `cuda_std::async_copy`.

use cuda_std::async_copy::*;
use cuda_std::async_stages;
use cuda_std::prelude::*;
use cuda_std::shared_array;
use cuda_std::vector::F32x4;

/// Each thread copies its elements of three sizes through shared memory.
#[kernel]
pub unsafe fn async_copy_sizes(
    a: *const u32,
    b: *const u64,
    c: *const F32x4,
    a_out: *mut u32,
    b_out: *mut u64,
    c_out: *mut F32x4,
) {
    let t = thread::thread_idx_x() as usize;
    let s_a = shared_array![u32; 64].add(t);
    let s_b = shared_array![u64; 64].add(t);
    let s_c = shared_array![F32x4; 128].add(2 * t);
    cp_async_ca(s_a, a.add(t));
    cp_async_commit_group();
    cp_async_ca(s_b, b.add(t));
    cp_async_commit_group();
    cp_async_ca(s_c, c.add(t));
    cp_async_cg(s_c.add(1), c.add(t));
    cp_async_wait_group::<1>();
    *a_out.add(t) = *s_a;
    cp_async_wait_all();
    *b_out.add(t) = *s_b;
    *c_out.add(2 * t) = *s_c;
    *c_out.add(2 * t + 1) = *s_c.add(1);
}

/// Each thread copies the first bytes of 16: twice as many as its number modulo 9.
#[kernel]
pub unsafe fn async_copy_zfill(x: *const F32x4, y: *mut F32x4) {
    let t = thread::thread_idx_x() as usize;
    let n_bytes = 2 * (t as u32 % 9);
    let s = shared_array![F32x4; 128].add(2 * t);
    cp_async_ca_zfill(s, x.add(t), n_bytes);
    cp_async_cg_zfill(s.add(1), x.add(t), n_bytes);
    cp_async_wait_all();
    *y.add(2 * t) = *s;
    *y.add(2 * t + 1) = *s.add(1);
}

macro_rules! pipelines {
    ($($name:ident: $ty:ty, $n:literal, $stages:literal;)*) => {$(
        /// Reverses each tile: element `i` of a tile becomes element `n - 1 - i`. What is past the end
        /// of `x` counts as zeros.
        #[kernel]
        pub unsafe fn $name(n_tiles: u32, x: &[$ty], y: *mut $ty) {
            let mut tiles = async_stages![$ty; $n; stages $stages]
                .start(n_tiles as usize, |tile, i| x.get($n * tile + i));
            let mut start = 0;
            while let Some(tile) = tiles.next() {
                let mut i = thread::thread_idx_x() as usize;
                while i < $n {
                    *y.add(start + i) = tile[$n - 1 - i];
                    i += thread::block_dim_x() as usize;
                }
                start += $n;
            }
        }
    )*};
}

pipelines! {
    async_copy_pipeline_2: f32, 64, 2;
    async_copy_pipeline_3: F32x4, 40, 3;
    async_copy_pipeline_5: u64, 33, 5;
}

/// One thread does not wait for the last tile: what [`Pipeline::next`] forbids.
#[kernel]
pub unsafe fn async_copy_thread_missing(x: &[f32], y: *mut f32) {
    let mut tiles = async_stages![f32; 64; stages 2].start(2, |tile, i| x.get(64 * tile + i));
    let t = thread::thread_idx_x() as usize;
    if let Some(tile) = tiles.next() {
        *y.add(t) = tile[63 - t];
    }
    if t != 7
        && let Some(tile) = tiles.next()
    {
        *y.add(64 + t) = tile[63 - t];
    }
}

/// What was copied is read without waiting for it.
#[kernel]
pub unsafe fn async_copy_not_waited_for(x: *const u32, y: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let s = shared_array![u32; 64].add(t);
    cp_async_ca(s, x.add(t));
    cp_async_commit_group();
    cp_async_wait_group::<1>();
    *y.add(t) = *s;
}
