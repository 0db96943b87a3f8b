//! Memory pools: allocations in the order of a stream, which here is that of the calls.

use std::ffi::{c_int, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{
    CUdevice, CUdeviceptr, CUmemAccess_flags, CUmemAccessDesc, CUmemLocation, CUmemPoolProps,
    CUmemoryPool,
};
use ptx_sim::AllocationKind;

use super::argument::{Handle, In, Out};
use super::device::{DEVICE, check};
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use crate::header::Location;

/// The default pool's handle, which is below those of all other objects.
pub(crate) const DEFAULT: Handle = Handle(0x100);

/// `CU_MEM_ALLOCATION_TYPE_PINNED`, the one type that pools have.
const PINNED: u32 = 1;

/// `CU_MEM_LOCATION_TYPE_DEVICE`
const ON_DEVICE: u32 = 1;

/// `CU_MEM_ACCESS_FLAGS_PROT_READWRITE`
const READ_AND_WRITE: u32 = 3;

/// What a pool's user set and measured. It keeps no freed memory, so what is reserved is used.
#[derive(Default)]
pub(crate) struct Pool {
    /// `CU_MEMPOOL_ATTR_REUSE_*`, by attribute number less one.
    reuse: [i32; 3],
    release_threshold: u64,
    used: u64,
    highest: u64,
    /// The most bytes that it may have; zero for all of the device's.
    limit: u64,
    /// Whether it was destroyed, and goes with the last of its allocations.
    is_destroyed: bool,
}

/// The pools, and the one that allocations without a name come from.
pub(crate) struct Pools {
    table: std::collections::BTreeMap<Handle, Pool>,
    current: Handle,
}

impl Default for Pools {
    fn default() -> Self {
        let default = Pool {
            reuse: [1; 3],
            ..Pool::default()
        };
        Self {
            table: [(DEFAULT, default)].into(),
            current: DEFAULT,
        }
    }
}

impl Pools {
    /// A pool that was not destroyed.
    fn get(&mut self, pool: Handle) -> Result<&mut Pool, Refusal> {
        let found = self.table.get_mut(&pool).filter(|pool| !pool.is_destroyed);
        found.ok_or_else(|| refuse(CUDA_ERROR_INVALID_VALUE, "there is no such memory pool"))
    }

    /// An allocation of a pool was freed.
    pub(crate) fn give_back(&mut self, pool: Handle, bytes: u64) {
        if let Some(found) = self.table.get_mut(&pool) {
            found.used -= bytes;
            if found.is_destroyed && found.used == 0 {
                self.table.remove(&pool);
            }
        }
    }
}

/// Checks that a place is the device's memory.
fn check_location(location: Location) -> Answer {
    if location.kind != ON_DEVICE {
        return Err(refuse(
            CUDA_ERROR_NOT_SUPPORTED,
            "memory pools are of the device's memory",
        ));
    }
    check(location.id)
}

/// The device whose memory a place is, of an allocation of this kind.
fn device_of(location: &In<Location>, kind: u32) -> Result<CUdevice, Refusal> {
    check_kind(kind)?;
    // SAFETY: The caller gives a place, which is two numbers.
    let location = unsafe { location.as_ptr().read_unaligned() };
    check_location(location)?;
    Ok(location.id)
}

/// `cuDeviceGetDefaultMemPool`
pub(crate) fn get_default(_: &mut Session, pool: Out<CUmemoryPool>, device: CUdevice) -> Answer {
    check(device)?;
    pool.set(DEFAULT.pointer());
    Ok(())
}

/// `cuDeviceGetMemPool`
pub(crate) fn get(session: &mut Session, pool: Out<CUmemoryPool>, device: CUdevice) -> Answer {
    check(device)?;
    pool.set(session.pools.current.pointer());
    Ok(())
}

/// `cuDeviceSetMemPool`
pub(crate) fn set(session: &mut Session, device: CUdevice, pool: Handle) -> Answer {
    check(device)?;
    session.pools.get(pool)?;
    session.pools.current = pool;
    Ok(())
}

/// `cuMemGetDefaultMemPool`
pub(crate) fn get_default_of(
    session: &mut Session,
    pool: Out<CUmemoryPool>,
    location: In<Location>,
    kind: u32,
) -> Answer {
    get_default(session, pool, device_of(&location, kind)?)
}

/// `cuMemGetMemPool`
pub(crate) fn get_of(
    session: &mut Session,
    pool: Out<CUmemoryPool>,
    location: In<Location>,
    kind: u32,
) -> Answer {
    get(session, pool, device_of(&location, kind)?)
}

/// `cuMemSetMemPool`
pub(crate) fn set_of(
    session: &mut Session,
    location: In<Location>,
    kind: u32,
    pool: Handle,
) -> Answer {
    set(session, device_of(&location, kind)?, pool)
}

fn check_kind(kind: u32) -> Answer {
    if kind == PINNED {
        Ok(())
    } else {
        Err(CUDA_ERROR_INVALID_VALUE.into())
    }
}

/// The beginning of `CUmemPoolProps`, as numbers.
#[derive(Clone, Copy)]
#[repr(C)]
struct Properties {
    kind: u32,
    handle_types: u32,
    location: Location,
    security: *mut c_void,
    limit: usize,
}

/// `cuMemPoolCreate`
pub(crate) fn create(
    session: &mut Session,
    pool: Out<CUmemoryPool>,
    properties: In<CUmemPoolProps>,
) -> Answer {
    // SAFETY: The caller gives properties, which begin with these.
    let properties = unsafe { properties.as_ptr().cast::<Properties>().read_unaligned() };
    check_kind(properties.kind)?;
    check_location(properties.location)?;
    if properties.handle_types != 0 {
        return Err(refuse(
            CUDA_ERROR_NOT_SUPPORTED,
            "the simulator shares no memory with other processes",
        ));
    }
    let handle = session.new_handle();
    let new = Pool {
        reuse: [1; 3],
        limit: properties.limit as u64,
        ..Pool::default()
    };
    session.pools.table.insert(handle, new);
    pool.set(handle.pointer());
    Ok(())
}

/// `cuMemPoolDestroy`: what was allocated from it stays.
pub(crate) fn destroy(session: &mut Session, pool: Handle) -> Answer {
    let pools = &mut session.pools;
    let found = pools.get(pool)?;
    if pool == DEFAULT {
        return Err(refuse(
            CUDA_ERROR_INVALID_VALUE,
            "the device's default pool stays",
        ));
    }
    found.is_destroyed = true;
    if found.used == 0 {
        pools.table.remove(&pool);
    }
    if pools.current == pool {
        pools.current = DEFAULT;
    }
    Ok(())
}

/// `cuMemPoolSetAccess`: the device has all access, and there is no other.
pub(crate) fn set_access(
    session: &mut Session,
    pool: Handle,
    access: In<CUmemAccessDesc>,
    count: usize,
) -> Answer {
    session.pools.get(pool)?;
    // SAFETY: The caller gives as many descriptions as it says: a place and a number.
    for (location, flags) in unsafe { access.array::<(Location, u32)>(count)? } {
        check_location(location)?;
        // The device that has the memory cannot be kept from it.
        if flags != READ_AND_WRITE {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
    }
    Ok(())
}

/// `cuMemPoolGetAccess`
pub(crate) fn get_access(
    session: &mut Session,
    flags: Out<CUmemAccess_flags>,
    pool: Handle,
    location: In<CUmemLocation>,
) -> Answer {
    session.pools.get(pool)?;
    // SAFETY: The caller gives a place, which is two numbers.
    check_location(unsafe { location.as_ptr().cast::<Location>().read_unaligned() })?;
    // SAFETY: An enum is as large as its number.
    unsafe { flags.as_ptr().cast::<u32>().write_unaligned(READ_AND_WRITE) };
    Ok(())
}

/// `cuMemAllocAsync`
pub(crate) fn allocate(
    session: &mut Session,
    address: Out<CUdeviceptr>,
    bytes: usize,
    stream: Handle,
) -> Answer {
    let pool = session.pools.current;
    allocate_from(session, address, bytes, pool, stream)
}

/// `cuMemAllocFromPoolAsync`
pub(crate) fn allocate_from(
    session: &mut Session,
    address: Out<CUdeviceptr>,
    bytes: usize,
    pool: Handle,
    stream: Handle,
) -> Answer {
    let found = session.pools.get(pool)?;
    let used = found.used.saturating_add(bytes as u64);
    if found.limit > 0 && used > found.limit {
        return Err(refuse(
            CUDA_ERROR_OUT_OF_MEMORY,
            format!("the pool's {} bytes are too few for {used}", found.limit),
        ));
    }
    session.refuse_capturing(stream, "allocating from a pool")?;
    address.set(session.allocate(bytes as u64, AllocationKind::Device, 0, Some(pool))?);
    let pool = session.pools.get(pool)?;
    pool.used += bytes as u64;
    pool.highest = pool.highest.max(pool.used);
    Ok(())
}

/// `cuMemFreeAsync`
pub(crate) fn free(session: &mut Session, address: CUdeviceptr, stream: Handle) -> Answer {
    session.refuse_capturing(stream, "freeing memory")?;
    let stream = session.stream(stream)?;
    session.in_stream(stream, |session| {
        session.free(address, &[AllocationKind::Device])
    })
}

/// `cuMemPoolTrimTo`: the pool keeps nothing that it could give back.
pub(crate) fn trim(session: &mut Session, pool: Handle, _keep: usize) -> Answer {
    session.pools.get(pool)?;
    Ok(())
}

/// `cuMemPoolGetAttribute`
pub(crate) fn get_attribute(
    session: &mut Session,
    pool: Handle,
    attribute: u32,
    value: Out<c_void>,
) -> Answer {
    let pool = session.pools.get(pool)?;
    let number = |number: c_int| {
        // SAFETY: The caller gives a place for the integer that each of these is.
        unsafe { value.as_ptr().cast::<c_int>().write_unaligned(number) };
        Ok(())
    };
    let bytes = match attribute {
        1..=3 => return number(pool.reuse[attribute as usize - 1]),
        4 => pool.release_threshold,
        5 | 7 => pool.used,
        6 | 8 => pool.highest,
        // Type, what it is shared as, and where it is.
        9 => return number(PINNED as c_int),
        10 | 14 | 15 => return number(0),
        11 => return number(DEVICE),
        12 => return number(ON_DEVICE as c_int),
        13 => pool.limit,
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
    let pool = session.pools.get(pool)?;
    if let 1..=3 = attribute {
        // SAFETY: The caller gives the integer that each of these is.
        let reuse = unsafe { value.as_ptr().cast::<i32>().read_unaligned() };
        pool.reuse[attribute as usize - 1] = reuse;
        return Ok(());
    }
    if !matches!(attribute, 4 | 6 | 8) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    // SAFETY: The caller gives the 64-bit number that each of these is.
    let bytes = unsafe { value.as_ptr().cast::<u64>().read_unaligned() };
    match (attribute, bytes) {
        (4, _) => pool.release_threshold = bytes,
        // The high marks may be set to zero only, which means to the present use.
        (_, 0) => pool.highest = pool.used,
        _ => return Err(CUDA_ERROR_INVALID_VALUE.into()),
    }
    Ok(())
}
