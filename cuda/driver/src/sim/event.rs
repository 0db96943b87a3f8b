//! Events, with the time at which they were recorded.

use std::ffi::c_uint;
use std::time::Instant;

use cust_raw::CUevent;
use cust_raw::cudaError_enum::*;

use super::argument::{Handle, Out};
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::{find, find_mut};
use super::stream::StreamKind;

/// `CU_EVENT_*`
const DISABLE_TIMING: c_uint = 2;
const INTERPROCESS: c_uint = 4;

/// `CU_EVENT_RECORD_EXTERNAL` and `CU_EVENT_WAIT_EXTERNAL`
const EXTERNAL: c_uint = 1;

/// An event.
pub(crate) struct Event {
    pub(crate) context: Handle,
    flags: c_uint,
    state: Recorded,
}

/// What an event was recorded at.
#[derive(Clone)]
enum Recorded {
    Never,
    At(Instant),
    /// A capture and the nodes before the event.
    Captured(Handle, Vec<Handle>),
}

impl Session {
    /// Records an event now.
    pub(crate) fn record(&mut self, event: Handle) -> Answer {
        find_mut(&mut self.events, event)?.state = Recorded::At(Instant::now());
        Ok(())
    }

    /// Records an event of a context now.
    pub(crate) fn record_in(&mut self, event: Handle, context: Handle) -> Answer {
        if self.event(event)?.context != context {
            return Err(refuse(
                CUDA_ERROR_INVALID_HANDLE,
                "the event is of another context",
            ));
        }
        self.record(event)
    }

    /// An event of a context that works.
    fn event(&self, event: Handle) -> Result<&Event, Refusal> {
        let found = find(&self.events, event)?;
        self.intact(found.context)?;
        Ok(found)
    }
}

/// `cuEventCreate`
pub(crate) fn create(session: &mut Session, event: Out<CUevent>, flags: c_uint) -> Answer {
    let context = session.current()?;
    let is_timed = flags & DISABLE_TIMING == 0;
    if flags & !7 != 0 || (flags & INTERPROCESS != 0 && is_timed) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let handle = session.new_handle();
    let new = Event {
        context,
        flags,
        state: Recorded::Never,
    };
    session.events.insert(handle, new);
    event.set(handle.pointer());
    Ok(())
}

/// `cuEventDestroy`
pub(crate) fn destroy(session: &mut Session, event: Handle) -> Answer {
    find(&session.events, event)?;
    session.events.remove(&event);
    Ok(())
}

/// `cuEventRecord`
pub(crate) fn record(session: &mut Session, event: Handle, stream: Handle) -> Answer {
    record_with_flags(session, event, stream, 0)
}

/// `cuEventRecordWithFlags`
pub(crate) fn record_with_flags(
    session: &mut Session,
    event: Handle,
    stream: Handle,
    flags: c_uint,
) -> Answer {
    if flags & !EXTERNAL != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let event_context = session.event(event)?.context;
    let found = session.stream(stream)?;
    if found.context != event_context {
        return Err(refuse(
            CUDA_ERROR_INVALID_HANDLE,
            "the event and the stream are of different contexts",
        ));
    }
    if flags & EXTERNAL == 0
        && session.is_capturing(&found)?
        && let StreamKind::Own(stream) = found.kind
        && let Some((capture, before)) = find(&session.streams, stream)?.capture.clone()
    {
        find_mut(&mut session.events, event)?.state = Recorded::Captured(capture, before);
        return Ok(());
    }
    session.submit(stream, Operation::Record(event))
}

/// `cuStreamWaitEvent`
pub(crate) fn wait(session: &mut Session, stream: Handle, event: Handle, flags: c_uint) -> Answer {
    if flags & !EXTERNAL != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let found = session.stream(stream)?;
    let state = session.event(event)?.state.clone();
    let is_capturing = session.is_capturing(&found)?;
    match state {
        Recorded::Captured(capture, before) => session.join_capture(&found, capture, &before),
        _ if is_capturing && flags & EXTERNAL != 0 => {
            session.submit(stream, Operation::Wait(event))
        }
        // What was recorded outside of a capture cannot be waited for inside.
        Recorded::At(_) if is_capturing => {
            session.invalidate_stream(&found);
            Err(CUDA_ERROR_STREAM_CAPTURE_ISOLATION.into())
        }
        _ => Ok(()),
    }
}

/// `cuEventQuery` and `cuEventSynchronize`: what was recorded is done, and what was not is no
/// reason to wait.
pub(crate) fn synchronize(session: &mut Session, event: Handle) -> Answer {
    match session.event(event)?.state {
        Recorded::Captured(capture, _) => {
            session.invalidate(capture);
            Err(CUDA_ERROR_CAPTURED_EVENT.into())
        }
        _ => Ok(()),
    }
}

/// `cuEventElapsedTime`, in milliseconds.
pub(crate) fn elapsed(
    session: &mut Session,
    milliseconds: Out<f32>,
    start: Handle,
    end: Handle,
) -> Answer {
    let (start, end) = (session.event(start)?, session.event(end)?);
    if start.context != end.context {
        return Err(refuse(
            CUDA_ERROR_INVALID_HANDLE,
            "the events are of different contexts",
        ));
    }
    if (start.flags | end.flags) & DISABLE_TIMING != 0 {
        return Err(refuse(
            CUDA_ERROR_INVALID_HANDLE,
            "an event was created without timing",
        ));
    }
    let (start, end) = match (&start.state, &end.state) {
        (&Recorded::At(start), &Recorded::At(end)) => (start, end),
        (Recorded::Captured(..), _) | (_, Recorded::Captured(..)) => {
            return Err(CUDA_ERROR_CAPTURED_EVENT.into());
        }
        _ => {
            return Err(refuse(
                CUDA_ERROR_INVALID_HANDLE,
                "an event was not recorded",
            ));
        }
    };
    let forward = end.saturating_duration_since(start).as_secs_f64();
    let backward = start.saturating_duration_since(end).as_secs_f64();
    milliseconds.set(((forward - backward) * 1e3) as f32);
    Ok(())
}
