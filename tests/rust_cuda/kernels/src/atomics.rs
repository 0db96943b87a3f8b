//! Atomics of `core` and of `cuda_std`.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

use cuda_std::atomic::{mid, AtomicF32, AtomicF64, BlockAtomicF32, SystemAtomicF64};
use cuda_std::prelude::*;

static TICKETS: AtomicU32 = AtomicU32::new(100);

/// A histogram by `core`'s atomics, in memory that was a slice of plain numbers.
#[kernel]
pub unsafe fn histogram(values: &[u8], bins: *mut u32, largest: &AtomicI32, seen: &AtomicBool) {
    let idx = thread::index_1d() as usize;
    let Some(&value) = values.get(idx) else {
        return;
    };
    AtomicU32::from_ptr(bins.add(value as usize % 8)).fetch_add(1, Ordering::Relaxed);
    largest.fetch_max(i32::from(value), Ordering::Relaxed);
    if value == 77 {
        seen.store(true, Ordering::Relaxed);
    }
}

/// Everybody gets another ticket, and another slot by compare-and-swap.
#[kernel]
pub unsafe fn tickets(out: *mut u32, slot: *mut u64) {
    let ticket = TICKETS.fetch_add(1, Ordering::Relaxed);
    *out.add(thread::index_1d() as usize) = ticket;
    let slot = AtomicU64::from_ptr(slot);
    let mut old = slot.load(Ordering::Relaxed);
    while let Err(now) =
        slot.compare_exchange_weak(old, old * 3 + 1, Ordering::Relaxed, Ordering::Relaxed)
    {
        old = now;
    }
}

/// Sums of floats of three scopes, and counters that wrap at a bound.
#[kernel]
pub unsafe fn sums(
    device: &AtomicF32,
    block: &BlockAtomicF32,
    wide: &AtomicF64,
    system: &SystemAtomicF64,
    counters: *mut u32,
) {
    let value = thread::index_1d() as f32;
    device.fetch_add(value, Ordering::Relaxed);
    if thread::block_idx_x() == 0 {
        block.fetch_sub(value, Ordering::Relaxed);
    }
    wide.fetch_add(f64::from(value) / 4.0, Ordering::Relaxed);
    system.fetch_add(1.5, Ordering::Relaxed);
    mid::atomic_inc_bounded_relaxed_u32_device(counters, 9);
    mid::atomic_dec_bounded_relaxed_u32_device(counters.add(1), 6);
}
