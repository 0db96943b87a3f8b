//! What is known of pointers, and advice about memory, which the simulator needs none of.

use std::ffi::{c_int, c_uint, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUdevice, CUdeviceptr, CUmem_range_attribute, CUpointer_attribute};
use ptx_sim::AllocationKind;

use super::argument::{Handle, In, Out};
use super::device::{DEVICE, check};
use super::refusal::{Answer, Refusal};
use super::session::Session;
use crate::header::Location;

/// `CU_MEMORYTYPE_*`
const HOST: u32 = 1;
const DEVICE_MEMORY: u32 = 2;

/// The device that is no device: the host.
const CPU: CUdevice = -1;

/// A device that memory has no preference for.
const NO_DEVICE: CUdevice = -2;

/// Writes a value to a place that has no type.
///
/// # Safety
///
/// The place is valid for a write of the value.
unsafe fn write<T>(place: *mut c_void, value: T) {
    // SAFETY: The caller's duty is the same.
    unsafe { place.cast::<T>().write_unaligned(value) }
}

/// Writes a value of the attribute's type where the caller wants it.
macro_rules! store {
    ($to:expr, $value:expr) => {{
        // SAFETY: The caller gives a place for a value of the attribute's type.
        unsafe { write($to.as_ptr(), $value) };
        Ok(())
    }};
}

/// `cuPointerGetAttribute`
pub(crate) fn attribute(
    session: &mut Session,
    value: Out<c_void>,
    attribute: u32,
    address: CUdeviceptr,
) -> Answer {
    use cust_raw::CUpointer_attribute_enum::*;

    let place = session.device().memory().describe(address);
    let allocation = place
        .filter(|place| place.is_inside() && place.allocation.live)
        .ok_or(CUDA_ERROR_INVALID_VALUE)?
        .allocation;
    let owned = session.allocation_at(address).map(|(_, owned)| owned);
    let is_host = matches!(
        allocation.kind,
        AllocationKind::Pinned | AllocationKind::Registered
    );
    let is_managed = allocation.kind == AllocationKind::Managed;
    let is = |variant: CUpointer_attribute| attribute == variant as u32;

    if is(CU_POINTER_ATTRIBUTE_CONTEXT) {
        let context = owned.map_or(Handle::NULL, |owned| owned.context);
        store!(value, context.pointer::<c_void>())
    } else if is(CU_POINTER_ATTRIBUTE_MEMORY_TYPE) {
        store!(value, if is_host { HOST } else { DEVICE_MEMORY })
    } else if is(CU_POINTER_ATTRIBUTE_DEVICE_POINTER) {
        store!(value, address)
    } else if is(CU_POINTER_ATTRIBUTE_HOST_POINTER) {
        if !is_host && !is_managed {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        store!(value, address)
    } else if is(CU_POINTER_ATTRIBUTE_SYNC_MEMOPS) || is(CU_POINTER_ATTRIBUTE_IS_MANAGED) {
        let answer = is_managed && is(CU_POINTER_ATTRIBUTE_IS_MANAGED);
        store!(value, c_uint::from(answer))
    } else if is(CU_POINTER_ATTRIBUTE_BUFFER_ID) {
        let number = owned.map_or(allocation.number, |owned| owned.number);
        store!(value, number)
    } else if is(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) {
        store!(value, DEVICE)
    } else if is(CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE)
        || is(CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE)
    {
        store!(value, 0u8)
    } else if is(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR) {
        store!(value, allocation.address)
    } else if is(CU_POINTER_ATTRIBUTE_RANGE_SIZE) {
        store!(value, allocation.size as usize)
    } else if is(CU_POINTER_ATTRIBUTE_MAPPED) {
        store!(value, 1u8)
    } else if is(CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES) {
        store!(value, 0u64)
    } else if is(CU_POINTER_ATTRIBUTE_ACCESS_FLAGS) {
        // Reads and writes.
        store!(value, 3u32)
    } else if is(CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE) {
        let pool = owned.and_then(|owned| owned.pool).unwrap_or_default();
        store!(value, pool.pointer::<c_void>())
    } else {
        Err(CUDA_ERROR_INVALID_VALUE.into())
    }
}

/// `cuPointerGetAttributes`: for memory that is not the device's, all are zero.
pub(crate) fn attributes(
    session: &mut Session,
    count: c_uint,
    attributes: In<CUpointer_attribute>,
    values: In<*mut c_void>,
    address: CUdeviceptr,
) -> Answer {
    // SAFETY: The caller gives as many of both as it says; an enum is read as its number.
    let (attributes, values) = unsafe {
        (
            attributes.array::<u32>(count as usize)?,
            values.array::<*mut c_void>(count as usize)?,
        )
    };
    for (number, value) in attributes.into_iter().zip(values) {
        // SAFETY: The caller gives a place for each attribute.
        let value: Out<c_void> = unsafe { super::Argument::take(value) }?;
        let zero = zero_bytes(number).ok_or(CUDA_ERROR_INVALID_VALUE)?;
        // SAFETY: As above: there are as many bytes as the attribute has.
        unsafe { value.as_ptr().cast::<u8>().write_bytes(0, zero) };
        if number == CUpointer_attribute::CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL as u32 {
            // SAFETY: As above.
            unsafe { value.as_ptr().cast::<c_int>().write_unaligned(NO_DEVICE) };
        }
        match attribute(session, value, number, address) {
            Err(Refusal { code, .. }) if code == CUDA_ERROR_INVALID_VALUE as u32 => {}
            other => other?,
        }
    }
    Ok(())
}

/// The bytes of an attribute's type.
fn zero_bytes(attribute: u32) -> Option<usize> {
    Some(match attribute {
        1 | 3 | 4 | 7 | 11 | 12 | 14 | 17 => 8,
        2 | 6 | 8 | 9 | 16 => 4,
        10 | 13 | 15 => 1,
        _ => return None,
    })
}

/// `cuPointerSetAttribute`: `SYNC_MEMOPS` is the one that can be set, and is always so here.
pub(crate) fn set_attribute(
    session: &mut Session,
    _value: In<c_void>,
    attribute: u32,
    address: CUdeviceptr,
) -> Answer {
    session.current()?;
    let settable = CUpointer_attribute::CU_POINTER_ATTRIBUTE_SYNC_MEMOPS as u32;
    if attribute != settable || session.allocation_at(address).is_none() {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// Checks that bytes are managed memory.
fn check_managed(session: &Session, address: CUdeviceptr, bytes: usize) -> Answer {
    let found = session.allocation_at(address);
    let is_managed = found.is_some_and(|(start, allocation)| {
        allocation.kind == AllocationKind::Managed
            && bytes as u64 <= allocation.size - (address - start)
    });
    if bytes == 0 || !is_managed {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuMemPrefetchAsync`
pub(crate) fn prefetch(
    session: &mut Session,
    address: CUdeviceptr,
    bytes: usize,
    device: CUdevice,
    stream: Handle,
) -> Answer {
    session.stream(stream)?;
    if device != CPU {
        check(device)?;
    }
    check_managed(session, address, bytes)
}

/// `cuMemAdvise`
pub(crate) fn advise(
    session: &mut Session,
    address: CUdeviceptr,
    bytes: usize,
    advice: u32,
    device: CUdevice,
) -> Answer {
    session.current()?;
    if !(1..=6).contains(&advice) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    // Whether mostly read is not about a device.
    if advice > 2 && device != CPU {
        check(device)?;
    }
    check_managed(session, address, bytes)
}

/// `cuMemPrefetchAsync_v2`
pub(crate) fn prefetch_to(
    session: &mut Session,
    address: CUdeviceptr,
    bytes: usize,
    location: Location,
    flags: c_uint,
    stream: Handle,
) -> Answer {
    if flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    prefetch(session, address, bytes, device_of(location)?, stream)
}

/// `cuMemAdvise_v2`
pub(crate) fn advise_about(
    session: &mut Session,
    address: CUdeviceptr,
    bytes: usize,
    advice: u32,
    location: Location,
) -> Answer {
    // Whether mostly read, and that there is no preference, is not about a place.
    let device = if (3..=6).contains(&advice) && advice != 4 {
        device_of(location)?
    } else {
        CPU
    };
    advise(session, address, bytes, advice, device)
}

/// The device of a place; that of all the host's nodes is the host.
fn device_of(location: Location) -> Result<CUdevice, Refusal> {
    match location.kind {
        // On the device.
        1 => Ok(location.id),
        // On the host, on one of its nodes, on the thread's node.
        2..=4 => Ok(CPU),
        _ => Err(CUDA_ERROR_INVALID_VALUE.into()),
    }
}

/// `cuMemRangeGetAttribute`: advice is not kept, so the answers are those of fresh memory.
pub(crate) fn range_attribute(
    session: &mut Session,
    value: Out<c_void>,
    size: usize,
    attribute: u32,
    address: CUdeviceptr,
    bytes: usize,
) -> Answer {
    session.current()?;
    check_managed(session, address, bytes)?;
    let answer = match attribute {
        // Mostly read; the types of the places, which are none; their numbers.
        1 | 5 | 7 => 0,
        2..=4 | 6 | 8 => NO_DEVICE,
        _ => return Err(CUDA_ERROR_INVALID_VALUE.into()),
    };
    let many = attribute == 3;
    if size == 0 || !size.is_multiple_of(4) || (!many && size != 4) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    for index in 0..size / 4 {
        // SAFETY: The caller gives a place of as many bytes as it says.
        unsafe {
            value
                .as_ptr()
                .cast::<c_int>()
                .add(index)
                .write_unaligned(answer)
        };
    }
    Ok(())
}

/// `cuMemRangeGetAttributes`
pub(crate) fn range_attributes(
    session: &mut Session,
    values: In<*mut c_void>,
    sizes: In<usize>,
    attributes: In<CUmem_range_attribute>,
    count: usize,
    address: CUdeviceptr,
    bytes: usize,
) -> Answer {
    // SAFETY: The caller gives as many of each as it says; an enum is read as its number.
    let (values, sizes, attributes) = unsafe {
        (
            values.array::<*mut c_void>(count)?,
            sizes.array::<usize>(count)?,
            attributes.array::<u32>(count)?,
        )
    };
    for ((value, size), attribute) in values.into_iter().zip(sizes).zip(attributes) {
        // SAFETY: The caller gives a place for each attribute.
        let value: Out<c_void> = unsafe { super::Argument::take(value) }?;
        range_attribute(session, value, size, attribute, address, bytes)?;
    }
    Ok(())
}
