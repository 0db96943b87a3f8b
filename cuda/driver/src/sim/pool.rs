//! The memory pool of the device: allocations in the order of a stream, which here is that of the
//! calls.

use std::ffi::c_void;

use cust_raw::cudaError_enum::*;
use cust_raw::{CUdevice, CUdeviceptr, CUmemoryPool};
use ptx_sim::AllocationKind;

use super::argument::{Handle, In, Out};
use super::device::check;
use super::refusal::{Answer, refuse};
use super::session::Session;

/// The one pool's handle, which is below those of all other objects.
pub(crate) const POOL: Handle = Handle(0x100);

/// What the pool's user set and measured. It keeps no freed memory, so what is reserved is used.
#[derive(Default)]
pub(crate) struct Pool {
    /// `CU_MEMPOOL_ATTR_REUSE_*`, by attribute number less one.
    reuse: [i32; 3],
    release_threshold: u64,
    used: u64,
    highest: u64,
}

impl Pool {
    /// An allocation was freed.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.used -= bytes;
    }
}

fn check_pool(pool: Handle) -> Answer {
    if pool == POOL {
        return Ok(());
    }
    Err(refuse(
        CUDA_ERROR_INVALID_VALUE,
        "the simulator has one memory pool, the device's default",
    ))
}

/// `cuDeviceGetMemPool` and `cuDeviceGetDefaultMemPool`
pub(crate) fn get(_: &mut Session, pool: Out<CUmemoryPool>, device: CUdevice) -> Answer {
    check(device)?;
    pool.set(POOL.pointer());
    Ok(())
}

/// `cuDeviceSetMemPool`
pub(crate) fn set(_: &mut Session, device: CUdevice, pool: Handle) -> Answer {
    check(device)?;
    check_pool(pool)
}

/// `cuMemAllocAsync`
pub(crate) fn allocate(
    session: &mut Session,
    address: Out<CUdeviceptr>,
    bytes: usize,
    stream: Handle,
) -> Answer {
    allocate_from(session, address, bytes, POOL, stream)
}

/// `cuMemAllocFromPoolAsync`
pub(crate) fn allocate_from(
    session: &mut Session,
    address: Out<CUdeviceptr>,
    bytes: usize,
    pool: Handle,
    stream: Handle,
) -> Answer {
    check_pool(pool)?;
    session.refuse_capturing(stream, "allocating from a pool")?;
    address.set(session.allocate(bytes as u64, AllocationKind::Device, 0, true)?);
    let pool = &mut session.pool;
    pool.used += bytes as u64;
    pool.highest = pool.highest.max(pool.used);
    Ok(())
}

/// `cuMemFreeAsync`
pub(crate) fn free(session: &mut Session, address: CUdeviceptr, stream: Handle) -> Answer {
    session.refuse_capturing(stream, "freeing memory")?;
    session.free(address, &[AllocationKind::Device])
}

/// `cuMemPoolTrimTo`: the pool keeps nothing that it could give back.
pub(crate) fn trim(_: &mut Session, pool: Handle, _keep: usize) -> Answer {
    check_pool(pool)
}

/// `cuMemPoolGetAttribute`
pub(crate) fn get_attribute(
    session: &mut Session,
    pool: Handle,
    attribute: u32,
    value: Out<c_void>,
) -> Answer {
    check_pool(pool)?;
    let pool = &session.pool;
    let bytes = match attribute {
        1..=3 => {
            let reuse = pool.reuse[attribute as usize - 1];
            // SAFETY: The caller gives a place for the integer that each of these is.
            unsafe { value.as_ptr().cast::<i32>().write_unaligned(reuse) };
            return Ok(());
        }
        4 => pool.release_threshold,
        5 | 7 => pool.used,
        6 | 8 => pool.highest,
        _ => return Err(CUDA_ERROR_INVALID_VALUE.into()),
    };
    // SAFETY: The caller gives a place for the 64-bit number that each of these is.
    unsafe { value.as_ptr().cast::<u64>().write_unaligned(bytes) };
    Ok(())
}

/// `cuMemPoolSetAttribute`
pub(crate) fn set_attribute(
    session: &mut Session,
    pool: Handle,
    attribute: u32,
    value: In<c_void>,
) -> Answer {
    check_pool(pool)?;
    if let 1..=3 = attribute {
        // SAFETY: The caller gives the integer that each of these is.
        let reuse = unsafe { value.as_ptr().cast::<i32>().read_unaligned() };
        session.pool.reuse[attribute as usize - 1] = reuse;
        return Ok(());
    }
    if !matches!(attribute, 4 | 6 | 8) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    // SAFETY: The caller gives the 64-bit number that each of these is.
    let bytes = unsafe { value.as_ptr().cast::<u64>().read_unaligned() };
    match (attribute, bytes) {
        (4, _) => session.pool.release_threshold = bytes,
        // The high marks may be set to zero only, which means to the present use.
        (_, 0) => session.pool.highest = session.pool.used,
        _ => return Err(CUDA_ERROR_INVALID_VALUE.into()),
    }
    Ok(())
}
