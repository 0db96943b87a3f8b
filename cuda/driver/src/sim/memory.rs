//! Memory: allocated, freed, and told about.

use std::ffi::{c_uint, c_void};
use std::ptr::NonNull;

use cust_raw::CUdeviceptr;
use cust_raw::cudaError_enum::*;
use ptx_sim::{AllocationKind, Kind, MemoryError, Report};

use super::argument::{Handle, Out};
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;

/// Of an allocation, what the device does not know.
#[derive(Clone, Copy)]
pub(crate) struct Allocation {
    /// The context that it belongs to.
    pub(crate) context: Handle,
    pub(crate) kind: AllocationKind,
    pub(crate) size: u64,
    /// `CU_MEMHOSTALLOC_*`, `CU_MEMHOSTREGISTER_*` or `CU_MEM_ATTACH_*`.
    pub(crate) flags: c_uint,
    /// `CU_POINTER_ATTRIBUTE_BUFFER_ID`
    pub(crate) number: u64,
    /// The pool that it is from.
    pub(crate) pool: Option<Handle>,
}

/// What addresses are multiples of.
const ALIGNMENT: u64 = 256;

/// What the rows of pitched memory are multiples of.
const PITCH: usize = 512;

/// The mapping of host memory for the device, which it always has.
pub(crate) const HOST_DEVICEMAP: c_uint = 2;

impl From<MemoryError> for Refusal {
    fn from(error: MemoryError) -> Self {
        let code = match error {
            MemoryError::OutOfMemory { .. } => CUDA_ERROR_OUT_OF_MEMORY,
            MemoryError::Registration { .. } => CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED,
            _ => CUDA_ERROR_INVALID_VALUE,
        };
        refuse(code, error.to_string())
    }
}

impl Session {
    /// Allocates memory that belongs to the current context.
    pub(crate) fn allocate(
        &mut self,
        size: u64,
        kind: AllocationKind,
        flags: c_uint,
        pool: Option<Handle>,
    ) -> Result<u64, Refusal> {
        let context = self.current()?;
        if pool.is_none() {
            self.refuse_in_capture(context)?;
        }
        if size == 0 {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        let address = self.device().memory().allocate(size, ALIGNMENT, kind)?;
        self.own(address, context, kind, size, flags, pool);
        Ok(address)
    }

    /// As [`Session::allocate`] of device memory, at an address of 32 bits.
    pub(crate) fn allocate_low(&mut self, context: Handle, size: u64) -> Result<u64, Refusal> {
        self.refuse_in_capture(context)?;
        let address = self.device().memory().allocate_low(size, ALIGNMENT)?;
        self.own(address, context, AllocationKind::Device, size, 0, None);
        Ok(address)
    }

    /// Notes whose an allocation is.
    fn own(
        &mut self,
        address: u64,
        context: Handle,
        kind: AllocationKind,
        size: u64,
        flags: c_uint,
        pool: Option<Handle>,
    ) {
        let number = self.new_handle().0 as u64;
        self.allocations.insert(
            address,
            Allocation {
                context,
                kind,
                size,
                flags,
                number,
                pool,
            },
        );
    }

    /// The allocation that an address lies in, with its start.
    pub(crate) fn allocation_at(&self, address: u64) -> Option<(u64, Allocation)> {
        let (&start, &allocation) = self.allocations.range(..=address).next_back()?;
        (address - start < allocation.size).then_some((start, allocation))
    }

    /// Frees the allocation that starts at an address, if it is of one of these kinds.
    pub(crate) fn free(&mut self, address: u64, kinds: &[AllocationKind]) -> Answer {
        match self.allocations.get(&address) {
            Some(allocation) if kinds.contains(&allocation.kind) => {
                self.device().memory().free(address)?;
                self.forget(address);
                Ok(())
            }
            Some(allocation) => Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!(
                    "{address:#x} is {}, which another function frees",
                    allocation.kind
                ),
            )),
            // The device knows best what is wrong with it, but it also has allocations that are
            // not the caller's: variables of modules.
            None => match self.device().memory().describe(address) {
                Some(place) if place.allocation.address == address && place.allocation.live => {
                    Err(refuse(
                        CUDA_ERROR_INVALID_VALUE,
                        format!(
                            "{address:#x} is {}, which belongs to its module",
                            place.allocation
                        ),
                    ))
                }
                _ => match self.device().memory().free(address) {
                    Err(error) => Err(error.into()),
                    Ok(_) => Ok(()),
                },
            },
        }
    }

    /// Takes an allocation from its context and its pool.
    fn forget(&mut self, address: u64) {
        if let Some(allocation) = self.allocations.remove(&address)
            && let Some(pool) = allocation.pool
        {
            self.pools.give_back(pool, allocation.size);
        }
    }

    /// Frees everything that a context has; each allocation that it still has is a leak.
    pub(crate) fn free_allocations(&mut self, context: Handle) {
        let is_broken = self.intact(context).is_err();
        let left: Vec<(u64, Allocation)> = self
            .allocations
            .iter()
            .filter(|(_, allocation)| allocation.context == context)
            .map(|(&address, &allocation)| (address, allocation))
            .collect();
        for (address, allocation) in left {
            // What a fault broke could not be freed.
            if !is_broken {
                let Allocation { size, kind, .. } = allocation;
                self.report_leak(
                    address,
                    format!(
                        "{size} bytes of {kind} at {address:#x} were not freed before their context \
                         was destroyed"
                    ),
                );
            }
            self.forget(address);
            if let Err(error) = self.device().memory().free(address) {
                self.note(error.to_string());
            }
        }
    }

    /// Frees what kernels allocated, whose contexts are gone.
    pub(crate) fn free_heap(&mut self) {
        for leak in self.device().memory().leaks() {
            if leak.kind == AllocationKind::Heap {
                self.report_leak(leak.address, format!("{leak} was not freed by a kernel"));
                if let Err(error) = self.device().memory().free(leak.address) {
                    self.note(error.to_string());
                }
            }
        }
    }

    /// Reports a leak, if that is checked.
    fn report_leak(&mut self, address: u64, message: String) {
        let options = self.device().options();
        if options.checks.heap {
            self.keep_report(Report {
                kind: Kind::Leak,
                kernel: String::new(),
                party: None,
                message,
                address: Some(address),
                whereabouts: None,
                other: None,
                seed: options.seed,
                count: 1,
            });
        }
    }
}

/// `cuMemGetInfo`
pub(crate) fn info(session: &mut Session, free: Out<usize>, total: Out<usize>) -> Answer {
    session.current()?;
    let memory = session.device().memory();
    free.set(memory.free_bytes() as usize);
    total.set(memory.capacity() as usize);
    Ok(())
}

/// `cuMemAlloc`
pub(crate) fn allocate(session: &mut Session, address: Out<CUdeviceptr>, bytes: usize) -> Answer {
    address.set(session.allocate(bytes as u64, AllocationKind::Device, 0, None)?);
    Ok(())
}

/// The bytes of a row of pitched memory, and of all rows.
pub(crate) fn pitched(
    width: usize,
    height: usize,
    element: c_uint,
) -> Result<(usize, usize), Refusal> {
    if !matches!(element, 4 | 8 | 16) {
        return Err(refuse(
            CUDA_ERROR_INVALID_VALUE,
            format!("elements have 4, 8 or 16 bytes, not {element}"),
        ));
    }
    let row = width.checked_next_multiple_of(PITCH);
    let bytes = row.and_then(|row| row.checked_mul(height));
    row.zip(bytes)
        .ok_or_else(|| CUDA_ERROR_OUT_OF_MEMORY.into())
}

/// `cuMemAllocPitch`
pub(crate) fn allocate_pitch(
    session: &mut Session,
    address: Out<CUdeviceptr>,
    pitch: Out<usize>,
    width: usize,
    height: usize,
    element: c_uint,
) -> Answer {
    let (row, bytes) = pitched(width, height, element)?;
    address.set(session.allocate(bytes as u64, AllocationKind::Device, 0, None)?);
    pitch.set(row);
    Ok(())
}

/// `cuMemFree`
pub(crate) fn free(session: &mut Session, address: CUdeviceptr) -> Answer {
    let context = session.current()?;
    session.refuse_in_capture(context)?;
    // Nothing to free is no error.
    if address == 0 {
        return Ok(());
    }
    session.wait_for_context(context);
    session.free(address, &[AllocationKind::Device, AllocationKind::Managed])
}

/// `cuMemGetAddressRange`
pub(crate) fn address_range(
    session: &mut Session,
    base: Option<Out<CUdeviceptr>>,
    size: Option<Out<usize>>,
    address: CUdeviceptr,
) -> Answer {
    session.current()?;
    let place = session.device().memory().describe(address);
    let allocation = place
        .filter(|place| place.is_inside() && place.allocation.live)
        .ok_or(CUDA_ERROR_NOT_FOUND)?
        .allocation;
    if let Some(base) = base {
        base.set(allocation.address);
    }
    if let Some(size) = size {
        size.set(allocation.size as usize);
    }
    Ok(())
}

/// `cuMemAllocHost`
pub(crate) fn allocate_host(
    session: &mut Session,
    pointer: Out<*mut c_void>,
    bytes: usize,
) -> Answer {
    host_allocate(session, pointer, bytes, 0)
}

/// `cuMemHostAlloc`
pub(crate) fn host_allocate(
    session: &mut Session,
    pointer: Out<*mut c_void>,
    bytes: usize,
    flags: c_uint,
) -> Answer {
    if flags & !7 != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let address = session.allocate(bytes as u64, AllocationKind::Pinned, flags, None)?;
    pointer.set(std::ptr::with_exposed_provenance_mut(address as usize));
    Ok(())
}

/// `cuMemFreeHost`
pub(crate) fn free_host(session: &mut Session, pointer: Handle) -> Answer {
    let context = session.current()?;
    session.refuse_in_capture(context)?;
    session.wait_for_context(context);
    session.free(pointer.0 as u64, &[AllocationKind::Pinned])
}

/// `cuMemHostGetDevicePointer`
pub(crate) fn host_device_pointer(
    session: &mut Session,
    address: Out<CUdeviceptr>,
    pointer: Handle,
    flags: c_uint,
) -> Answer {
    session.current()?;
    if flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    host_allocation(session, pointer)?;
    address.set(pointer.0 as u64);
    Ok(())
}

/// `cuMemHostGetFlags`
pub(crate) fn host_flags(session: &mut Session, flags: Out<c_uint>, pointer: Handle) -> Answer {
    session.current()?;
    flags.set(host_allocation(session, pointer)?.flags | HOST_DEVICEMAP);
    Ok(())
}

/// The pinned or registered memory that a pointer is in.
fn host_allocation(session: &Session, pointer: Handle) -> Result<Allocation, Refusal> {
    session
        .allocation_at(pointer.0 as u64)
        .map(|(_, allocation)| allocation)
        .filter(|allocation| {
            matches!(
                allocation.kind,
                AllocationKind::Pinned | AllocationKind::Registered
            )
        })
        .ok_or_else(|| CUDA_ERROR_INVALID_VALUE.into())
}

/// `cuMemHostRegister`
pub(crate) fn register(
    session: &mut Session,
    pointer: *mut c_void,
    bytes: usize,
    flags: c_uint,
) -> Answer {
    let context = session.current()?;
    session.refuse_in_capture(context)?;
    let Some(start) = NonNull::new(pointer.cast::<u8>()) else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    if bytes == 0 || flags & !0xf != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    // SAFETY: The contract of the driver's function is that the memory stays until it is
    // unregistered, and that host and kernels take turns at it.
    let address = unsafe { session.device().memory().register(start, bytes as u64) }?;
    let kind = AllocationKind::Registered;
    session.own(address, context, kind, bytes as u64, flags, None);
    Ok(())
}

/// `cuMemHostUnregister`
pub(crate) fn unregister(session: &mut Session, pointer: Handle) -> Answer {
    let context = session.current()?;
    session.wait_for_context(context);
    let address = pointer.0 as u64;
    let allocation = session.allocations.get(&address);
    if allocation.is_none_or(|allocation| allocation.kind != AllocationKind::Registered) {
        return Err(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED.into());
    }
    session.free(address, &[AllocationKind::Registered])
}

/// `cuMemAllocManaged`
pub(crate) fn allocate_managed(
    session: &mut Session,
    address: Out<CUdeviceptr>,
    bytes: usize,
    flags: c_uint,
) -> Answer {
    // Attached to all streams, or to the host first.
    if !matches!(flags, 1 | 2) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    address.set(session.allocate(bytes as u64, AllocationKind::Managed, flags, None)?);
    Ok(())
}
