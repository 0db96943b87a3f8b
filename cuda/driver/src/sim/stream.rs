//! Streams. Work is done when it is submitted, so that they are never behind.

use std::ffi::{c_int, c_uint, c_ulonglong, c_void};
use std::thread::{self, ThreadId};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUcontext, CUdevice, CUdeviceptr, CUstream, CUstreamAttrValue, CUstreamCallback};
use ptx_sim::AllocationKind;

use super::argument::{Handle, In, Out};
use super::context::PRIORITIES;
use super::device::DEVICE;
use super::refusal::{Answer, Refusal};
use super::session::Session;
use super::state::{find, find_mut};
use crate::header::CUgreenCtx;

/// `CU_STREAM_LEGACY` and `CU_STREAM_PER_THREAD`
pub(crate) const LEGACY: Handle = Handle(1);
pub(crate) const PER_THREAD: Handle = Handle(2);

/// `CU_STREAM_NON_BLOCKING`
const NON_BLOCKING: c_uint = 1;

/// A stream that was created, or a thread's own.
pub(crate) struct Stream {
    pub(crate) context: Handle,
    flags: c_uint,
    priority: c_int,
    /// The thread whose own stream it is.
    thread: Option<ThreadId>,
    /// The capture that it takes part in, and what its next work depends on.
    pub(crate) capture: Option<(Handle, Vec<Handle>)>,
    /// `CU_STREAM_ATTRIBUTE_SYNCHRONIZATION_POLICY`
    policy: u32,
}

impl Stream {
    /// Whether the default stream waits for it.
    pub(crate) fn is_blocking(&self) -> bool {
        self.flags & NON_BLOCKING == 0
    }
}

/// What a caller's stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// The default stream of the context.
    Legacy,
    /// One of the table.
    Own(Handle),
}

/// A stream that was found, in a context that works.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamRef {
    pub(crate) context: Handle,
    pub(crate) kind: StreamKind,
    /// Whether it and the default stream wait for each other.
    pub(crate) is_blocking: bool,
}

impl Session {
    /// Finds a stream.
    ///
    /// # Errors
    ///
    /// There is no such stream, no context is current for the default stream, or a fault broke the
    /// stream's context.
    pub(crate) fn stream(&mut self, handle: Handle) -> Result<StreamRef, Refusal> {
        let handle = if handle == Handle::NULL {
            self.default_stream
        } else {
            handle
        };
        if handle == LEGACY {
            return Ok(StreamRef {
                context: self.current()?,
                kind: StreamKind::Legacy,
                is_blocking: true,
            });
        }
        let handle = if handle == PER_THREAD {
            self.own_stream()?
        } else {
            handle
        };
        let stream = find(&self.streams, handle)?;
        let (context, is_blocking) = (stream.context, stream.is_blocking());
        self.intact(context)?;
        Ok(StreamRef {
            context,
            kind: StreamKind::Own(handle),
            is_blocking,
        })
    }

    /// This thread's own stream of the current context, made when it is first used.
    fn own_stream(&mut self) -> Result<Handle, Refusal> {
        let context = self.current()?;
        let thread = Some(thread::current().id());
        let known = self
            .streams
            .iter()
            .find(|(_, stream)| stream.context == context && stream.thread == thread);
        if let Some((&known, _)) = known {
            return Ok(known);
        }
        let handle = self.new_handle();
        let stream = Stream {
            context,
            flags: 0,
            priority: 0,
            thread,
            capture: None,
            policy: 1,
        };
        self.streams.insert(handle, stream);
        Ok(handle)
    }
}

/// `cuStreamCreate`
pub(crate) fn create(session: &mut Session, stream: Out<CUstream>, flags: c_uint) -> Answer {
    create_with_priority(session, stream, flags, 0)
}

/// `cuStreamCreateWithPriority`: priorities beyond the range are moved to its ends.
pub(crate) fn create_with_priority(
    session: &mut Session,
    stream: Out<CUstream>,
    flags: c_uint,
    priority: c_int,
) -> Answer {
    let context = session.current()?;
    if flags & !NON_BLOCKING != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let (lowest, highest) = PRIORITIES;
    let handle = session.new_handle();
    let new = Stream {
        context,
        flags,
        priority: priority.clamp(highest, lowest),
        thread: None,
        capture: None,
        policy: 1,
    };
    session.streams.insert(handle, new);
    stream.set(handle.pointer());
    Ok(())
}

/// `cuStreamDestroy`
pub(crate) fn destroy(session: &mut Session, stream: Handle) -> Answer {
    let found = find(&session.streams, stream)?;
    if found.thread.is_some() {
        return Err(CUDA_ERROR_INVALID_HANDLE.into());
    }
    session.end_captures_of(stream);
    session.streams.remove(&stream);
    Ok(())
}

/// `cuStreamGetPriority`
pub(crate) fn priority(session: &mut Session, stream: Handle, priority: Out<c_int>) -> Answer {
    priority.set(match session.stream(stream)?.kind {
        StreamKind::Legacy => 0,
        StreamKind::Own(handle) => find(&session.streams, handle)?.priority,
    });
    Ok(())
}

/// `cuStreamGetFlags`
pub(crate) fn flags(session: &mut Session, stream: Handle, flags: Out<c_uint>) -> Answer {
    flags.set(match session.stream(stream)?.kind {
        StreamKind::Legacy => 0,
        StreamKind::Own(handle) => find(&session.streams, handle)?.flags,
    });
    Ok(())
}

/// `cuStreamGetCtx`
pub(crate) fn context(session: &mut Session, stream: Handle, context: Out<CUcontext>) -> Answer {
    context.set(session.stream(stream)?.context.pointer());
    Ok(())
}

/// `cuStreamGetCtx_v2`: no stream is of a green context.
pub(crate) fn context_or_green(
    session: &mut Session,
    stream: Handle,
    context: Out<CUcontext>,
    green: Out<CUgreenCtx>,
) -> Answer {
    green.set(std::ptr::null_mut());
    self::context(session, stream, context)
}

/// `cuStreamGetGreenCtx`
pub(crate) fn green_context(
    session: &mut Session,
    stream: Handle,
    green: Out<CUgreenCtx>,
) -> Answer {
    session.stream(stream)?;
    green.set(std::ptr::null_mut());
    Ok(())
}

/// `cuStreamGetId`: the default stream has its context's number, and each context has another.
pub(crate) fn id(session: &mut Session, stream: Handle, id: Out<c_ulonglong>) -> Answer {
    let found = session.stream(stream)?;
    id.set(match found.kind {
        StreamKind::Legacy => found.context.0,
        StreamKind::Own(handle) => handle.0,
    } as c_ulonglong);
    Ok(())
}

/// `cuStreamGetDevice`
pub(crate) fn device(session: &mut Session, stream: Handle, device: Out<CUdevice>) -> Answer {
    session.stream(stream)?;
    device.set(DEVICE);
    Ok(())
}

/// A stream that may be waited for.
fn waitable(session: &mut Session, stream: Handle) -> Result<StreamRef, Refusal> {
    session.refuse_capturing(stream, "waiting for the stream")?;
    let found = session.stream(stream)?;
    if found.kind == StreamKind::Legacy {
        session.refuse_legacy_in_capture(found.context)?;
    }
    Ok(found)
}

/// `cuStreamQuery`: what this thread submitted is done, what others did may not be.
pub(crate) fn query(session: &mut Session, stream: Handle) -> Answer {
    let found = waitable(session, stream)?;
    if session.is_busy(&found) {
        return Err(CUDA_ERROR_NOT_READY.into());
    }
    Ok(())
}

/// `cuStreamSynchronize`
pub(crate) fn synchronize(session: &mut Session, stream: Handle) -> Answer {
    let found = waitable(session, stream)?;
    session.wait_for_stream(&found);
    session.intact(found.context)
}

/// `cuStreamAddCallback`
pub(crate) fn add_callback(
    session: &mut Session,
    stream: Handle,
    callback: CUstreamCallback,
    data: *mut c_void,
    flags: c_uint,
) -> Answer {
    let callback = callback.ok_or(CUDA_ERROR_INVALID_VALUE)?;
    if flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    session.refuse_capturing(stream, "adding a callback")?;
    let found = session.stream(stream)?;
    session.in_stream(found, |session| {
        // SAFETY: The caller vouches that the callback can be called with this.
        session.host_function(|| unsafe { callback(stream.pointer(), CUDA_SUCCESS, data) });
        Ok(())
    })
}

/// `cuStreamAttachMemAsync`
pub(crate) fn attach(
    session: &mut Session,
    stream: Handle,
    address: CUdeviceptr,
    bytes: usize,
    flags: c_uint,
) -> Answer {
    session.refuse_capturing(stream, "attaching memory")?;
    let allocation = session.allocations.get(&address);
    let is_managed = allocation.is_some_and(|allocation| {
        allocation.kind == AllocationKind::Managed
            && (bytes == 0 || bytes as u64 == allocation.size)
    });
    if !is_managed || !matches!(flags, 1 | 2 | 4) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuStreamCopyAttributes`
pub(crate) fn copy_attributes(session: &mut Session, target: Handle, source: Handle) -> Answer {
    let kinds = (session.stream(target)?.kind, session.stream(source)?.kind);
    let (StreamKind::Own(target), StreamKind::Own(source)) = kinds else {
        return Err(CUDA_ERROR_INVALID_HANDLE.into());
    };
    let policy = find(&session.streams, source)?.policy;
    find_mut(&mut session.streams, target)?.policy = policy;
    Ok(())
}

/// `CU_STREAM_ATTRIBUTE_SYNCHRONIZATION_POLICY`; the other attribute is about the cache.
const SYNCHRONIZATION_POLICY: u32 = 3;

/// `cuStreamGetAttribute`
pub(crate) fn get_attribute(
    session: &mut Session,
    stream: Handle,
    attribute: u32,
    value: Out<CUstreamAttrValue>,
) -> Answer {
    let StreamKind::Own(stream) = session.stream(stream)?.kind else {
        return Err(CUDA_ERROR_INVALID_HANDLE.into());
    };
    let policy = find(&session.streams, stream)?.policy;
    if attribute != SYNCHRONIZATION_POLICY {
        return Err(CUDA_ERROR_NOT_SUPPORTED.into());
    }
    // SAFETY: The place is a union that this number is a member of.
    unsafe { value.as_ptr().cast::<u32>().write(policy) };
    Ok(())
}

/// `cuStreamSetAttribute`
pub(crate) fn set_attribute(
    session: &mut Session,
    stream: Handle,
    attribute: u32,
    value: In<CUstreamAttrValue>,
) -> Answer {
    let StreamKind::Own(stream) = session.stream(stream)?.kind else {
        return Err(CUDA_ERROR_INVALID_HANDLE.into());
    };
    let stream = find_mut(&mut session.streams, stream)?;
    if attribute != SYNCHRONIZATION_POLICY {
        return Err(CUDA_ERROR_NOT_SUPPORTED.into());
    }
    // SAFETY: The attribute says that this is the member of the union.
    let policy = unsafe { value.as_ptr().cast::<u32>().read() };
    if !(1..=4).contains(&policy) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    stream.policy = policy;
    Ok(())
}
