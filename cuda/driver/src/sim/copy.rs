//! Copies of memory, all of them boxes of rows: from the host, to it, and on the device.

use std::ffi::c_void;

use cust_raw::cudaError_enum::*;
use cust_raw::{CUDA_MEMCPY2D, CUDA_MEMCPY3D, CUDA_MEMCPY3D_PEER, CUdeviceptr};

use super::argument::{Handle, In, Out};
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::stream::StreamKind;

/// Where one end of a copy is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Host,
    Device,
    /// Whichever has the address.
    Unified,
}

/// One end of a copy.
#[derive(Clone, Copy)]
struct End {
    space: Space,
    address: u64,
    /// From row to row, in bytes.
    pitch: u64,
    /// From slice to slice, in bytes.
    slice: u64,
}

/// A copy.
#[derive(Clone, Copy)]
pub(crate) struct Copy {
    source: End,
    target: End,
    /// Bytes of a row.
    width: u64,
    /// Rows of a slice.
    height: u64,
    /// Slices.
    depth: u64,
}

/// Programs of the hosts that we know live below; the device's memory lies above.
const HOST_END: u64 = 1 << 47;

impl End {
    fn line(space: Space, address: u64) -> Self {
        Self {
            space,
            address,
            pitch: 0,
            slice: 0,
        }
    }

    /// The address of a row.
    fn row(&self, y: u64, z: u64) -> Option<u64> {
        let rows = y.checked_mul(self.pitch)?;
        let slices = z.checked_mul(self.slice)?;
        self.address.checked_add(rows)?.checked_add(slices)
    }

    /// Whether the host's own instructions copy this end, which starts at `address`.
    fn is_host(&self, session: &Session, address: u64) -> Result<bool, Refusal> {
        match self.space {
            Space::Device => return Ok(false),
            Space::Unified => {
                let place = session.device().memory().describe(address);
                if place.is_some_and(|place| place.is_inside() && place.allocation.live) {
                    return Ok(false);
                }
            }
            Space::Host => {}
        }
        if address == 0 || address >= HOST_END {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!("{address:#x} is neither memory of the host nor allocated on the device"),
            ));
        }
        Ok(true)
    }
}

impl Copy {
    fn line(target: End, source: End, bytes: usize) -> Self {
        Self {
            source,
            target,
            width: bytes as u64,
            height: 1,
            depth: 1,
        }
    }

    /// Copies all rows.
    pub(crate) fn run(&self, session: &Session) -> Answer {
        if self.width == 0 {
            return Ok(());
        }
        if isize::try_from(self.width).is_err() {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        for z in 0..self.depth {
            for y in 0..self.height {
                let (source, target) = (self.source.row(y, z), self.target.row(y, z));
                let (Some(source), Some(target)) = (source, target) else {
                    return Err(CUDA_ERROR_INVALID_VALUE.into());
                };
                self.copy_row(session, target, source)?;
            }
        }
        Ok(())
    }

    fn copy_row(&self, session: &Session, target: u64, source: u64) -> Answer {
        let memory = session.device().memory();
        let length = self.width as usize;
        let source_host = std::ptr::with_exposed_provenance::<u8>(source as usize);
        let target_host = std::ptr::with_exposed_provenance_mut::<u8>(target as usize);
        match (
            self.source.is_host(session, source)?,
            self.target.is_host(session, target)?,
        ) {
            (false, false) => memory.copy(target, source, self.width)?,
            (true, false) => {
                memory.check(target, self.width)?;
                // SAFETY: The caller of the copy vouches for as many bytes of the host.
                let bytes = unsafe { std::slice::from_raw_parts(source_host, length) };
                memory.write(target, bytes)?;
            }
            (false, true) => {
                // Before as many bytes are asked of the host.
                memory.check(source, self.width)?;
                let mut bytes = vec![0; length];
                memory.read(source, &mut bytes)?;
                // SAFETY: The caller of the copy vouches for as many bytes of the host.
                unsafe { target_host.copy_from(bytes.as_ptr(), length) };
            }
            // SAFETY: The caller of the copy vouches for as many bytes at both ends.
            (true, true) => unsafe { target_host.copy_from(source_host, length) },
        }
        Ok(())
    }

    /// The size of the box, and the parts of the description that a graph's node gives back.
    pub(crate) fn description(&self) -> CUDA_MEMCPY3D {
        let unified = cust_raw::CUmemorytype_enum::CU_MEMORYTYPE_UNIFIED;
        let kind = |space| match space {
            Space::Host => cust_raw::CUmemorytype_enum::CU_MEMORYTYPE_HOST,
            Space::Device => cust_raw::CUmemorytype_enum::CU_MEMORYTYPE_DEVICE,
            Space::Unified => unified,
        };
        let rows = |end: End| end.slice.checked_div(end.pitch).unwrap_or(0) as usize;
        let host = |end: End| std::ptr::with_exposed_provenance_mut::<c_void>(end.address as usize);
        CUDA_MEMCPY3D {
            srcXInBytes: 0,
            srcY: 0,
            srcZ: 0,
            srcLOD: 0,
            srcMemoryType: kind(self.source.space),
            srcHost: host(self.source),
            srcDevice: self.source.address,
            srcArray: std::ptr::null_mut(),
            reserved0: std::ptr::null_mut(),
            srcPitch: self.source.pitch as usize,
            srcHeight: rows(self.source),
            dstXInBytes: 0,
            dstY: 0,
            dstZ: 0,
            dstLOD: 0,
            dstMemoryType: kind(self.target.space),
            dstHost: host(self.target),
            dstDevice: self.target.address,
            dstArray: std::ptr::null_mut(),
            reserved1: std::ptr::null_mut(),
            dstPitch: self.target.pitch as usize,
            dstHeight: rows(self.target),
            WidthInBytes: self.width as usize,
            Height: self.height as usize,
            Depth: self.depth as usize,
        }
    }
}

/// One end as the caller describes it.
struct Described {
    memory_type: u32,
    host: u64,
    device: u64,
    /// x in bytes, y, z.
    origin: [usize; 3],
    pitch: usize,
    height: usize,
}

impl Described {
    /// Checks one end of a box of this size.
    fn end(&self, [width, height, depth]: [usize; 3]) -> Result<End, Refusal> {
        let (space, base) = match self.memory_type {
            1 => (Space::Host, self.host),
            2 => (Space::Device, self.device),
            3 => {
                return Err(refuse(
                    CUDA_ERROR_NOT_SUPPORTED,
                    "a copy from or to an array, which the simulator does not have",
                ));
            }
            4 => (Space::Unified, self.device),
            _ => return Err(CUDA_ERROR_INVALID_VALUE.into()),
        };
        let [x, y, z] = self.origin;
        // Without a pitch the rows follow each other.
        let pitch = if self.pitch == 0 { width } else { self.pitch };
        let rows = if self.height == 0 {
            height
        } else {
            self.height
        };
        let too_narrow = (height > 1 || depth > 1) && pitch < width.saturating_add(x);
        let too_low = depth > 1 && rows < height.saturating_add(y);
        if too_narrow || too_low {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!(
                    "a box of {width} bytes times {height} rows at ({x}, {y}) is larger than its \
                     memory, which has rows of {pitch} bytes, {rows} to a slice"
                ),
            ));
        }
        let slice = pitch.checked_mul(rows).ok_or(CUDA_ERROR_INVALID_VALUE)? as u64;
        let end = End {
            space,
            address: base,
            pitch: pitch as u64,
            slice,
        };
        let address = end.row(y as u64, z as u64);
        let address = address.and_then(|address| address.checked_add(x as u64));
        let address = address.ok_or(CUDA_ERROR_INVALID_VALUE)?;
        Ok(End { address, ..end })
    }
}

/// Reads one end of a description: the fields are named alike in all of them.
///
/// A memory type is read as its number, for the caller may be of another language.
macro_rules! described {
    ($from:expr, $x:ident $y:ident $memory_type:ident $host:ident $device:ident $pitch:ident) => {
        Described {
            memory_type: (&raw const (*$from).$memory_type).cast::<u32>().read(),
            host: (*$from).$host.expose_provenance() as u64,
            device: (*$from).$device,
            origin: [(*$from).$x, (*$from).$y, 0],
            pitch: (*$from).$pitch,
            height: 0,
        }
    };
}

/// Reads a description of a three-dimensional copy, of which there are two with the same fields.
macro_rules! describe_box {
    ($from:expr) => {{
        let from = $from.as_ptr();
        // SAFETY: The caller gives a description whose fields are set, but for those that the
        // memory types make unused, which are numbers too.
        let (size, source, target) = unsafe {
            let source = described!(from, srcXInBytes srcY srcMemoryType srcHost srcDevice srcPitch);
            let target = described!(from, dstXInBytes dstY dstMemoryType dstHost dstDevice dstPitch);
            let [source_x, source_y, _] = source.origin;
            let [target_x, target_y, _] = target.origin;
            (
                [(*from).WidthInBytes, (*from).Height, (*from).Depth],
                Described {
                    origin: [source_x, source_y, (*from).srcZ],
                    height: (*from).srcHeight,
                    ..source
                },
                Described {
                    origin: [target_x, target_y, (*from).dstZ],
                    height: (*from).dstHeight,
                    ..target
                },
            )
        };
        described_copy(size, source, target)
    }};
}

fn described_copy(size: [usize; 3], source: Described, target: Described) -> Result<Copy, Refusal> {
    let [width, height, depth] = size.map(|size| size as u64);
    Ok(Copy {
        source: source.end(size)?,
        target: target.end(size)?,
        width,
        height,
        depth,
    })
}

/// Reads the description of a two-dimensional copy.
fn rectangle(from: In<CUDA_MEMCPY2D>) -> Result<Copy, Refusal> {
    let from = from.as_ptr();
    // SAFETY: The caller gives a description whose fields are set, but for those that the memory
    // types make unused, which are numbers too.
    let (size, source, target) = unsafe {
        (
            [(*from).WidthInBytes, (*from).Height, 1],
            described!(from, srcXInBytes srcY srcMemoryType srcHost srcDevice srcPitch),
            described!(from, dstXInBytes dstY dstMemoryType dstHost dstDevice dstPitch),
        )
    };
    described_copy(size, source, target)
}

/// Reads the description of a three-dimensional copy.
pub(crate) fn cuboid(from: In<CUDA_MEMCPY3D>) -> Result<Copy, Refusal> {
    describe_box!(from)
}

/// Reads the description of a copy between contexts, all of which are of one device.
fn peer_cuboid(from: In<CUDA_MEMCPY3D_PEER>) -> Result<Copy, Refusal> {
    describe_box!(from)
}

fn host(pointer: *const c_void) -> End {
    End::line(Space::Host, pointer.expose_provenance() as u64)
}

fn device(address: CUdeviceptr) -> End {
    End::line(Space::Device, address)
}

fn unified(address: CUdeviceptr) -> End {
    End::line(Space::Unified, address)
}

/// A function that copies at once, and its twin that copies in a stream.
macro_rules! copies {
    ($(
        $(#[$attribute:meta])*
        $name:ident $name_async:ident($($argument:ident: $type:ty),*) $copy:expr;
    )*) => {
        $(
            $(#[$attribute])*
            pub(crate) fn $name(session: &mut Session, $($argument: $type),*) -> Answer {
                let copy: Copy = $copy;
                session.submit_synchronous(Operation::Copy(copy))
            }

            $(#[$attribute])*
            pub(crate) fn $name_async(
                session: &mut Session,
                $($argument: $type,)*
                stream: Handle,
            ) -> Answer {
                let copy: Copy = $copy;
                session.submit(stream, Operation::Copy(copy))
            }
        )*
    };
}

copies! {
    /// `cuMemcpy`
    any any_async(target: CUdeviceptr, source: CUdeviceptr, bytes: usize)
        Copy::line(unified(target), unified(source), bytes);
    /// `cuMemcpyHtoD`
    to_device to_device_async(target: CUdeviceptr, source: *const c_void, bytes: usize)
        Copy::line(device(target), host(source), bytes);
    /// `cuMemcpyDtoH`
    to_host to_host_async(target: *mut c_void, source: CUdeviceptr, bytes: usize)
        Copy::line(host(target), device(source), bytes);
    /// `cuMemcpyDtoD`
    on_device on_device_async(target: CUdeviceptr, source: CUdeviceptr, bytes: usize)
        Copy::line(device(target), device(source), bytes);
    /// `cuMemcpy2D`
    flat flat_async(from: In<CUDA_MEMCPY2D>)
        rectangle(from)?;
    /// `cuMemcpy3D`
    deep deep_async(from: In<CUDA_MEMCPY3D>)
        cuboid(from)?;
    /// `cuMemcpy3DPeer`
    deep_peer deep_peer_async(from: In<CUDA_MEMCPY3D_PEER>)
        peer_cuboid(from)?;
}

/// Checks the contexts of a copy between two.
fn check_contexts(session: &Session, contexts: [Handle; 2]) -> Answer {
    for context in contexts {
        session.intact(context)?;
    }
    Ok(())
}

/// `cuMemcpyPeer`
pub(crate) fn peer(
    session: &mut Session,
    target: CUdeviceptr,
    target_context: Handle,
    source: CUdeviceptr,
    source_context: Handle,
    bytes: usize,
) -> Answer {
    check_contexts(session, [target_context, source_context])?;
    on_device(session, target, source, bytes)
}

/// `cuMemcpyPeerAsync`
pub(crate) fn peer_async(
    session: &mut Session,
    target: CUdeviceptr,
    target_context: Handle,
    source: CUdeviceptr,
    source_context: Handle,
    bytes: usize,
    stream: Handle,
) -> Answer {
    check_contexts(session, [target_context, source_context])?;
    on_device_async(session, target, source, bytes, stream)
}

/// `cuMemcpyWithAttributesAsync`: when the source may be read, and where the memory is, are hints.
pub(crate) fn with_attributes(
    session: &mut Session,
    target: CUdeviceptr,
    source: CUdeviceptr,
    bytes: usize,
    attributes: Option<In<c_void>>,
    stream: Handle,
) -> Answer {
    attributes.ok_or(CUDA_ERROR_INVALID_VALUE)?;
    any_async(session, target, source, bytes, stream)
}

/// `cuMemcpyBatchAsync` of CUDA 13
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn batch(
    session: &mut Session,
    targets: In<CUdeviceptr>,
    sources: In<CUdeviceptr>,
    sizes: In<usize>,
    count: usize,
    attributes: In<c_void>,
    indices: In<usize>,
    n_attributes: usize,
    stream: Handle,
) -> Answer {
    batch_with_index(
        session,
        targets,
        sources,
        sizes,
        count,
        attributes,
        indices,
        n_attributes,
        None,
        stream,
    )
}

/// `cuMemcpyBatchAsync` of CUDA 12.8, which says which copy failed.
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn batch_with_index(
    session: &mut Session,
    targets: In<CUdeviceptr>,
    sources: In<CUdeviceptr>,
    sizes: In<usize>,
    count: usize,
    _attributes: In<c_void>,
    _indices: In<usize>,
    n_attributes: usize,
    failed: Option<Out<usize>>,
    stream: Handle,
) -> Answer {
    if let Some(failed) = &failed {
        // That no single copy is to blame.
        failed.set(usize::MAX);
    }
    if count == 0 || n_attributes == 0 || n_attributes > count {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let found = session.stream(stream)?;
    if found.kind == StreamKind::Legacy {
        return Err(refuse(
            CUDA_ERROR_INVALID_VALUE,
            "a batch of copies is not for the default stream",
        ));
    }
    // SAFETY: The caller gives as many of each as it says.
    let (targets, sources, sizes) = unsafe {
        (
            targets.array::<CUdeviceptr>(count)?,
            sources.array::<CUdeviceptr>(count)?,
            sizes.array::<usize>(count)?,
        )
    };
    for (index, ((target, source), size)) in targets.into_iter().zip(sources).zip(sizes).enumerate()
    {
        if let Err(refusal) = any_async(session, target, source, size, stream) {
            if let Some(failed) = &failed {
                failed.set(index);
            }
            return Err(refusal);
        }
    }
    Ok(())
}
