//! `cuda_std::shared`, `#[address_space]` and `#[externally_visible]`.

use core::sync::atomic::{AtomicU32, Ordering};

use cuda_std::prelude::*;
use cuda_std::shared::dynamic_shared_mem;
use cuda_std::vector::{F32x4, U32x2, Vec2, Vec4};
use cuda_std::{address_space, externally_visible, gpu_only, shared_array, shared_tile};

/// A static of the module in shared memory, of more than one field.
#[address_space(shared)]
static mut PAIR: (u8, [u64; 32]) = (0, [0; 32]);

/// One that begins with a value, which shared memory does not.
#[address_space(shared)]
static mut COUNT: u32 = 7;

/// Constant memory that the host may write before the launch.
#[address_space(constant)]
#[unsafe(no_mangle)]
static mut SHARED_WEIGHTS: [f32; 4] = [1.0, 2.0, 4.0, 8.0];

/// Constant memory that keeps its values.
#[address_space(constant)]
static PRIMES: [u32; 8] = [2, 3, 5, 7, 11, 13, 17, 19];

/// Global memory, which lives from launch to launch.
#[address_space(global)]
static LAUNCHED: AtomicU32 = AtomicU32::new(0);

/// Each thread writes to statics in shared memory of the module and of the function, and reads what
/// another wrote. Launch: blocks of 32 threads.
#[kernel]
pub unsafe fn shared_statics(values: &[u64], out: *mut u64) {
    #[address_space(shared)]
    static mut TILE: [u64; 32] = [0; 32];
    let idx = thread::thread_idx_x() as usize;
    TILE[idx] = values[idx];
    PAIR.1[idx] = values[idx] + 1;
    if idx == 0 {
        COUNT = 0;
        PAIR.0 = 3;
    }
    // All of it is there for all.
    thread::sync_threads();
    AtomicU32::from_ptr(&raw mut COUNT).fetch_add(idx as u32, Ordering::Relaxed);
    thread::sync_threads();
    let other = 31 - idx;
    *out.add(thread::index_1d() as usize) =
        TILE[other] * 1000 + PAIR.1[other] + u64::from(PAIR.0) + u64::from(COUNT);
}

#[inline(never)]
fn sum(values: &[u64]) -> u64 {
    values.iter().sum()
}

/// Statics by reference, through a function that takes any memory; and a pointer that is to one
/// memory or to another. Launch: one thread.
#[kernel]
pub unsafe fn shared_by_reference(values: &[u64], pick: u32, out: *mut u64) {
    #[address_space(shared)]
    static mut TILE: [u64; 8] = [0; 8];
    let tile = &mut *(&raw mut TILE);
    for (own, value) in tile.iter_mut().zip(values) {
        *own = 2 * value;
    }
    let picked = if pick == 0 { values } else { &tile[..] };
    *out = sum(tile);
    *out.add(1) = sum(values);
    let mut sum = 0;
    for value in picked {
        sum += value;
    }
    *out.add(2) = sum;
}

/// Constant memory, at an index that the compiler does not know; a count over launches.
#[kernel]
pub unsafe fn shared_constants(idx: u32, out: *mut f32) {
    *out = SHARED_WEIGHTS[idx as usize % 4];
    *out.add(1) = PRIMES[idx as usize % 8] as f32;
    *out.add(2) = LAUNCHED.fetch_add(1, Ordering::Relaxed) as f32;
}

/// The same array at each turn of a loop, other arrays at other places, all aligned to 16 bytes.
/// Launch: one thread.
#[kernel]
pub unsafe fn shared_arrays(out: *mut u32) {
    struct Local(u32);
    const N: usize = 5;
    for turn in 0..3 {
        let kept = shared_array![Local; N];
        if turn == 0 {
            (*kept.add(4)).0 = 42;
        }
        *out.add(turn) = (*kept.add(4)).0;
    }
    let (a, b) = (shared_array![u8; 3], shared_array![u64; 2]);
    *out.add(3) = u32::from(a.cast::<u8>() != b.cast::<u8>());
    *out.add(4) = ((a as usize | b as usize) % 16) as u32;
}

/// Dynamic shared memory: the same at every call. Launch: 64 threads, 256 bytes.
#[kernel]
pub unsafe fn shared_dynamic(out: *mut u32) {
    let idx = thread::thread_idx_x() as usize;
    *dynamic_shared_mem::<u32>().add(idx) = idx as u32 * 3;
    thread::sync_threads();
    *out.add(idx) = *dynamic_shared_mem::<u32>().add(63 - idx)
        + (dynamic_shared_mem::<u8>() as usize % 16) as u32;
}

/// Tiles of each element: each thread writes its own, and reads what another wrote; one by one, and as
/// vectors. Launch: 32 threads.
#[kernel]
pub unsafe fn shared_tiles(doubles: &[f64], out: *mut f64, vectors: *mut f32) {
    let s_double = shared_tile![f64; 32];
    let s_float = shared_tile![f32; 32];
    let s_signed = shared_tile![i32; 32];
    let s_unsigned = shared_tile![u32; 32];
    let idx = thread::thread_idx_x() as usize;
    s_double.write(idx, doubles[idx]);
    s_float.write(idx, idx as f32);
    s_signed.place(idx).write(0, -(idx as i32));
    s_unsigned.write(idx, 100 * idx as u32);
    // All of it is there for all.
    thread::sync_threads();
    let other = 31 - idx;
    *out.add(idx) = s_double.read::<f64>(other) + f64::from(s_signed.read::<i32>(other));
    *out.add(32 + idx) = s_double.place(0).read(3);
    let Vec4([a, b, c, d]) = s_float.read::<F32x4>(other / 4 * 4);
    let Vec2([e, f]): U32x2 = s_unsigned.read(other / 2 * 2);
    *vectors.add(idx) = a + 2.0 * b + 3.0 * c + 4.0 * d + (e + 2 * f) as f32;
}

/// There on the device alone.
#[gpu_only]
fn lane_on_device() -> u32 {
    cuda_std::warp::lane_id()
}

/// Launch: 32 threads.
#[kernel]
pub unsafe fn shared_gpu_only(out: *mut u32) {
    *out.add(thread::thread_idx_x() as usize) = lane_on_device();
}

/// Called by nothing here, and in the PTX all the same.
#[externally_visible]
#[unsafe(no_mangle)]
pub extern "C" fn shared_called_from_elsewhere(x: u32) -> u32 {
    x.rotate_left(3)
}
