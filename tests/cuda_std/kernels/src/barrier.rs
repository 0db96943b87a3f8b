//! `cuda_std::barrier`.

use cuda_std::async_copy::cp_async_ca;
use cuda_std::barrier::Role;
use cuda_std::prelude::*;
use cuda_std::{channel, shared_array, shared_barrier};

/// `steps` times: each thread's number becomes the sum of it and its neighbour's, with a barrier of its
/// own for each half of a step. Blocks of at most 128 threads.
#[kernel]
pub unsafe fn barrier_steps(steps: u32, x: *const u32, y: *mut u32) {
    let (t, n) = (
        thread::thread_idx_x() as usize,
        thread::block_dim_x() as usize,
    );
    let s = shared_array![u32; 128];
    let written = shared_barrier!(n as u32);
    let read = shared_barrier!(n as u32);
    let mut value = *x.add(t);
    for step in 0..steps {
        *s.add(t) = value;
        let token = written.arrive();
        let own = value.wrapping_mul(3);
        written.wait(token);
        value = own.wrapping_add(*s.add((t + 1) % n));
        let _ = read.arrive();
        read.wait_parity(step);
    }
    *y.add(t) = value;
}

/// Copies through shared memory; the copies arrive on behalf of their threads. The other half of the
/// block reads, having never arrived.
#[kernel]
pub unsafe fn barrier_copies(x: *const u32, y: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let s = shared_array![u32; 32];
    let copied = shared_barrier!(32);
    if t < 32 {
        cp_async_ca(s.add(t), x.add(t));
        copied.arrive_with_copies();
    } else {
        copied.wait_parity(0);
        *y.add(t - 32) = *s.add(63 - t);
    }
}

macro_rules! channels {
    ($($name:ident, $copies:ident: $ty:ty, $n:literal, $stages:literal;)*) => {$(
        /// The first `n_producers` threads send the tiles of `x`, the others write each reversed.
        #[kernel]
        pub unsafe fn $name(n_producers: u32, n_tiles: u32, x: &[$ty], y: *mut $ty) {
            match channel![$ty; $n; stages $stages].split(n_producers) {
                Role::Producer(mut tiles) => {
                    for tile in 0..n_tiles as usize {
                        tiles.send(|i| x[$n * tile + i]);
                    }
                }
                Role::Consumer(mut tiles) => {
                    for k in 0..n_tiles as usize {
                        let (first, step) = (tiles.rank() as usize, tiles.n_consumers() as usize);
                        tiles.receive(|tile| {
                            let mut i = first;
                            while i < $n {
                                *y.add($n * k + i) = tile[$n - 1 - i];
                                i += step;
                            }
                        });
                    }
                }
            }
        }

        /// The same by asynchronous copies, with zeros past the end of `x`.
        #[kernel]
        pub unsafe fn $copies(n_producers: u32, n_tiles: u32, x: &[$ty], y: *mut $ty) {
            match channel![$ty; $n; stages $stages].split(n_producers) {
                Role::Producer(mut tiles) => {
                    for tile in 0..n_tiles as usize {
                        tiles.send_copies(|i| x.get($n * tile + i));
                    }
                    tiles.finish();
                }
                Role::Consumer(mut tiles) => {
                    for k in 0..n_tiles as usize {
                        let (first, step) = (tiles.rank() as usize, tiles.n_consumers() as usize);
                        tiles.receive(|tile| {
                            let mut i = first;
                            while i < $n {
                                *y.add($n * k + i) = tile[$n - 1 - i];
                                i += step;
                            }
                        });
                    }
                }
            }
        }
    )*};
}

channels! {
    barrier_channel_1, barrier_channel_copies_1: f32, 32, 1;
    barrier_channel_2, barrier_channel_copies_2: u64, 45, 2;
    barrier_channel_3, barrier_channel_copies_3: f32, 64, 3;
}

/// A thread waits for a phase in which a thread is missing.
#[kernel]
pub unsafe fn barrier_thread_missing(y: *mut u32) {
    let t = thread::thread_idx_x();
    let barrier = shared_barrier!(64);
    if t != 3 {
        barrier.wait(barrier.arrive());
    }
    *y.add(t as usize) = t;
}

/// A thread reads what another one wrote before it arrived, and does not wait.
#[kernel]
pub unsafe fn barrier_not_waited_for(y: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let s = shared_array![u32; 64];
    let barrier = shared_barrier!(64);
    *s.add(t) = t as u32;
    let _ = barrier.arrive();
    *y.add(t) = *s.add(t ^ 32);
}
