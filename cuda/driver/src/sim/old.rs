//! The functions of CUDA 2, whose sizes and addresses have 32 bits, under names that newer functions
//! took. Those that deal in addresses want a context of `cuCtxCreate`, as NVIDIA's driver has it: with
//! one of `cuCtxCreate_v2` they fail by `CUDA_ERROR_INVALID_CONTEXT`.

use std::ffi::{c_uchar, c_uint, c_ushort, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUdevice, CUdeviceptr};

use super::argument::{Handle, Out, Text};
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::{copy, device, fill, memory, module};

/// Refuses addresses of 32 bits in contexts that have others.
fn check(session: &Session) -> Result<Handle, Refusal> {
    let context = session.current()?;
    if !session.context(context)?.is_old {
        return Err(refuse(
            CUDA_ERROR_INVALID_CONTEXT,
            "this function of CUDA 2, with addresses of 32 bits, wants a context of cuCtxCreate; \
             call the one whose name ends in _v2",
        ));
    }
    Ok(context)
}

/// A number of 32 bits, or the largest.
fn narrow(number: u64) -> c_uint {
    c_uint::try_from(number).unwrap_or(c_uint::MAX)
}

/// A place for a number of 64 bits, in which a newer function leaves its result.
macro_rules! wide {
    ($variable:ident) => {{
        // SAFETY: The place is a variable.
        unsafe { super::Argument::take(&raw mut $variable) }?
    }};
}

/// `cuDeviceTotalMem`
pub(crate) fn total_memory(session: &mut Session, bytes: Out<c_uint>, device: CUdevice) -> Answer {
    let mut total = 0usize;
    device::total_memory(session, wide!(total), device)?;
    bytes.set(narrow(total as u64));
    Ok(())
}

/// `cuMemGetInfo`
pub(crate) fn info(session: &mut Session, free: Out<c_uint>, total: Out<c_uint>) -> Answer {
    check(session)?;
    let (mut wide_free, mut wide_total) = (0usize, 0usize);
    memory::info(session, wide!(wide_free), wide!(wide_total))?;
    free.set(narrow(wide_free as u64));
    total.set(narrow(wide_total as u64));
    Ok(())
}

/// `cuMemAlloc`
pub(crate) fn allocate(session: &mut Session, address: Out<c_uint>, bytes: c_uint) -> Answer {
    let context = check(session)?;
    address.set(narrow(session.allocate_low(context, bytes.into())?));
    Ok(())
}

/// `cuMemAllocPitch`
pub(crate) fn allocate_pitch(
    session: &mut Session,
    address: Out<c_uint>,
    pitch: Out<c_uint>,
    width: c_uint,
    height: c_uint,
    element: c_uint,
) -> Answer {
    let context = check(session)?;
    let (row, bytes) = memory::pitched(width as usize, height as usize, element)?;
    address.set(narrow(session.allocate_low(context, bytes as u64)?));
    pitch.set(narrow(row as u64));
    Ok(())
}

/// `cuMemFree`
pub(crate) fn free(session: &mut Session, address: c_uint) -> Answer {
    check(session)?;
    memory::free(session, address.into())
}

/// `cuMemGetAddressRange`
pub(crate) fn address_range(
    session: &mut Session,
    base: Option<Out<c_uint>>,
    size: Option<Out<c_uint>>,
    address: c_uint,
) -> Answer {
    check(session)?;
    let (mut wide_base, mut wide_size): (CUdeviceptr, usize) = (0, 0);
    memory::address_range(session, wide!(wide_base), wide!(wide_size), address.into())?;
    if let Some(base) = base {
        base.set(narrow(wide_base));
    }
    if let Some(size) = size {
        size.set(narrow(wide_size as u64));
    }
    Ok(())
}

/// `cuMemAllocHost`
pub(crate) fn allocate_host(
    session: &mut Session,
    pointer: Out<*mut c_void>,
    bytes: c_uint,
) -> Answer {
    check(session)?;
    memory::allocate_host(session, pointer, bytes as usize)
}

/// `cuModuleGetGlobal`: variables have addresses of 64 bits, which is too many.
pub(crate) fn global(
    session: &mut Session,
    address: Option<Out<c_uint>>,
    bytes: Option<Out<c_uint>>,
    module: Handle,
    name: Text,
) -> Answer {
    check(session)?;
    let (mut wide_address, mut wide_bytes): (CUdeviceptr, usize) = (0, 0);
    module::get_global(
        session,
        wide!(wide_address),
        wide!(wide_bytes),
        module,
        name,
    )?;
    if let Some(address) = address {
        address.set(c_uint::try_from(wide_address).map_err(|_| {
            refuse(
                CUDA_ERROR_NOT_SUPPORTED,
                "the simulator's modules have addresses of 64 bits; call cuModuleGetGlobal_v2",
            )
        })?);
    }
    if let Some(bytes) = bytes {
        bytes.set(narrow(wide_bytes as u64));
    }
    Ok(())
}

/// Functions that do what the newer ones of these names do, with numbers of 32 bits.
macro_rules! same {
    ($($(#[$attribute:meta])* $name:ident($($argument:ident: $type:ty),*) $newer:path;)*) => {
        $(
            $(#[$attribute])*
            pub(crate) fn $name(session: &mut Session, $($argument: $type),*) -> Answer {
                check(session)?;
                $newer(session, $($argument.into_wide()),*)
            }
        )*
    };
}

/// An argument as a newer function takes it.
trait IntoWide<T> {
    fn into_wide(self) -> T;
}

impl IntoWide<u64> for c_uint {
    fn into_wide(self) -> u64 {
        self.into()
    }
}

impl IntoWide<usize> for c_uint {
    fn into_wide(self) -> usize {
        self as usize
    }
}

impl<T> IntoWide<T> for T {
    fn into_wide(self) -> T {
        self
    }
}

same! {
    /// `cuMemcpyHtoD`
    to_device(target: c_uint, source: *const c_void, bytes: c_uint) copy::to_device;
    /// `cuMemcpyDtoH`
    to_host(target: *mut c_void, source: c_uint, bytes: c_uint) copy::to_host;
    /// `cuMemcpyDtoD`
    on_device(target: c_uint, source: c_uint, bytes: c_uint) copy::on_device;
    /// `cuMemcpyHtoDAsync`
    to_device_async(target: c_uint, source: *const c_void, bytes: c_uint, stream: Handle)
        copy::to_device_async;
    /// `cuMemcpyDtoHAsync`
    to_host_async(target: *mut c_void, source: c_uint, bytes: c_uint, stream: Handle)
        copy::to_host_async;
    /// `cuMemcpyDtoDAsync`
    on_device_async(target: c_uint, source: c_uint, bytes: c_uint, stream: Handle)
        copy::on_device_async;
    /// `cuMemsetD8`
    bytes(address: c_uint, value: c_uchar, count: c_uint) fill::bytes;
    /// `cuMemsetD16`
    halves(address: c_uint, value: c_ushort, count: c_uint) fill::halves;
    /// `cuMemsetD32`
    words(address: c_uint, value: c_uint, count: c_uint) fill::words;
    /// `cuMemsetD2D8`
    byte_rows(address: c_uint, pitch: c_uint, value: c_uchar, width: c_uint, height: c_uint)
        fill::byte_rows;
    /// `cuMemsetD2D16`
    half_rows(address: c_uint, pitch: c_uint, value: c_ushort, width: c_uint, height: c_uint)
        fill::half_rows;
    /// `cuMemsetD2D32`
    word_rows(address: c_uint, pitch: c_uint, value: c_uint, width: c_uint, height: c_uint)
        fill::word_rows;
}
