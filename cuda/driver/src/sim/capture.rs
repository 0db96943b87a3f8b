//! Stream capture: work for a stream becomes nodes of a graph and is not done.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::c_uint;
use std::thread::{self, ThreadId};

use cust_raw::cudaError_enum::*;
use cust_raw::{
    CUgraph, CUgraphNode, CUstreamCaptureMode, CUstreamCaptureStatus, CUstreamCaptureStatus_enum,
    cuuint64_t,
};

use super::argument::{Handle, In, Out};
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::{find, find_mut};
use super::stream::{StreamKind, StreamRef};

/// `CU_STREAM_CAPTURE_MODE_*`
const GLOBAL: u32 = 0;
const RELAXED: u32 = 2;

thread_local! {
    /// What this thread may do while streams are captured, as one of the modes.
    static MODE: Cell<u32> = const { Cell::new(GLOBAL) };
}

/// A capture, from its beginning to its end.
pub(crate) struct Capture {
    pub(crate) context: Handle,
    /// The stream that it began in, and has to end in.
    origin: Handle,
    /// The thread that began it.
    thread: ThreadId,
    mode: u32,
    /// What is captured so far.
    graph: Handle,
    /// Whether the graph goes if the capture fails; else it is the caller's.
    owns_graph: bool,
    /// Whether an error spoiled it.
    is_invalid: bool,
}

impl Session {
    /// What a stream's next work depends on, if the stream is captured.
    fn capture_of(&self, stream: &StreamRef) -> Option<(Handle, &[Handle])> {
        let StreamKind::Own(stream) = stream.kind else {
            return None;
        };
        let (capture, before) = self.streams.get(&stream)?.capture.as_ref()?;
        Some((*capture, before))
    }

    /// Whether work for a stream is captured.
    ///
    /// # Errors
    ///
    /// It would be, but an error spoiled the capture.
    pub(crate) fn is_capturing(&self, stream: &StreamRef) -> Result<bool, Refusal> {
        let Some((capture, _)) = self.capture_of(stream) else {
            return Ok(false);
        };
        if find(&self.captures, capture)?.is_invalid {
            return Err(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED.into());
        }
        Ok(true)
    }

    /// Adds work to the graph that a stream's work is captured into.
    pub(crate) fn capture(&mut self, stream: &StreamRef, operation: Operation) -> Answer {
        let Some((capture, before)) = self.capture_of(stream) else {
            return Err(CUDA_ERROR_ILLEGAL_STATE.into());
        };
        let before = before.to_vec();
        let graph = find(&self.captures, capture)?.graph;
        let node = self.add_node(graph, operation, before)?;
        if let StreamKind::Own(stream) = stream.kind {
            find_mut(&mut self.streams, stream)?.capture = Some((capture, vec![node]));
        }
        Ok(())
    }

    /// Lets a stream wait for an event that was recorded in a capture, which it then takes part in.
    pub(crate) fn join_capture(
        &mut self,
        stream: &StreamRef,
        capture: Handle,
        before: &[Handle],
    ) -> Answer {
        let is_open = self.captures.get(&capture);
        if is_open.is_none_or(|capture| capture.is_invalid) {
            return Err(CUDA_ERROR_CAPTURED_EVENT.into());
        }
        let StreamKind::Own(handle) = stream.kind else {
            self.invalidate(capture);
            return Err(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT.into());
        };
        let joined = self.capture_of(stream).map(|(joined, _)| joined);
        if let Some(other) = joined.filter(|&joined| joined != capture) {
            self.invalidate(other);
            self.invalidate(capture);
            return Err(CUDA_ERROR_STREAM_CAPTURE_MERGE.into());
        }
        let stream = find_mut(&mut self.streams, handle)?;
        let (_, after) = stream.capture.get_or_insert_with(|| (capture, Vec::new()));
        for node in before {
            if !after.contains(node) {
                after.push(*node);
            }
        }
        Ok(())
    }

    /// Spoils a capture.
    pub(crate) fn invalidate(&mut self, capture: Handle) {
        if let Some(capture) = self.captures.get_mut(&capture) {
            capture.is_invalid = true;
        }
    }

    /// Forgets a capture that can no longer end, with what it captured.
    fn abandon_capture(&mut self, capture: Handle) {
        for stream in self.streams.values_mut() {
            stream.capture.take_if(|(other, _)| *other == capture);
        }
        if let Some(capture) = self.captures.remove(&capture)
            && capture.owns_graph
        {
            self.remove_graph(capture.graph);
        }
    }

    /// Spoils the captures that a stream, which is being destroyed, takes part in; forgets those
    /// that began in it.
    pub(crate) fn end_captures_of(&mut self, stream: Handle) {
        let member = self
            .streams
            .get(&stream)
            .and_then(|stream| stream.capture.as_ref());
        if let Some(capture) = member.map(|(capture, _)| *capture) {
            self.invalidate(capture);
        }
        let mut begun = self
            .captures
            .iter()
            .filter(|(_, capture)| capture.origin == stream);
        if let Some(capture) = begun.next().map(|(&capture, _)| capture) {
            self.abandon_capture(capture);
        }
    }

    /// Spoils the capture that a stream takes part in.
    pub(crate) fn invalidate_stream(&mut self, stream: &StreamRef) {
        if let Some((capture, _)) = self.capture_of(stream) {
            self.invalidate(capture);
        }
    }

    /// Refuses what cannot be captured, if the stream is captured.
    pub(crate) fn refuse_capturing(&mut self, stream: Handle, what: &str) -> Answer {
        let stream = self.stream(stream)?;
        if self.is_capturing(&stream)? {
            self.invalidate_stream(&stream);
            return Err(refuse(
                CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                format!("{what} cannot be captured"),
            ));
        }
        Ok(())
    }

    /// Refuses a call that waits for the whole context, or may, while one of its captures forbids
    /// that to this thread.
    pub(crate) fn refuse_in_capture(&mut self, context: Handle) -> Answer {
        let (mode, thread) = (MODE.get(), thread::current().id());
        let forbids = |capture: &Capture| {
            let is_mine = capture.thread == thread && capture.mode != RELAXED;
            let is_global = capture.mode == GLOBAL && mode == GLOBAL;
            capture.context == context
                && !capture.is_invalid
                && mode != RELAXED
                && (is_mine || is_global)
        };
        let found = self.captures.iter().find(|(_, capture)| forbids(capture));
        if let Some((&capture, _)) = found {
            self.invalidate(capture);
            return Err(refuse(
                CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                "the call is not permitted while a stream of the context is captured",
            ));
        }
        Ok(())
    }

    /// Refuses work for the default stream while a stream that it would wait for is captured.
    pub(crate) fn refuse_legacy_in_capture(&mut self, context: Handle) -> Answer {
        let captured = self.streams.values().find_map(|stream| {
            let (capture, _) = stream.capture.as_ref()?;
            let is_valid = !self.captures.get(capture)?.is_invalid;
            (stream.context == context && stream.is_blocking() && is_valid).then_some(*capture)
        });
        if let Some(capture) = captured {
            self.invalidate(capture);
            return Err(refuse(
                CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                "the default stream would wait for a stream that is captured",
            ));
        }
        Ok(())
    }

    /// All nodes that some nodes come after, and those nodes.
    fn all_before(&self, nodes: &[Handle]) -> BTreeSet<Handle> {
        let mut before = BTreeSet::new();
        let mut next = nodes.to_vec();
        while let Some(node) = next.pop() {
            if before.insert(node)
                && let Some(node) = self.nodes.get(&node)
            {
                next.extend(&node.dependencies);
            }
        }
        before
    }

    /// Ends a capture: no stream takes part in it any more.
    fn finish_capture(&mut self, capture: Handle) -> Result<Handle, Refusal> {
        let origin = find(&self.captures, capture)?.origin;
        let last = match &find(&self.streams, origin)?.capture {
            Some((_, last)) => last.clone(),
            None => Vec::new(),
        };
        let joined = self.all_before(&last);
        let mut is_joined = true;
        for stream in self.streams.values_mut() {
            if let Some((_, last)) = stream.capture.take_if(|(other, _)| *other == capture) {
                is_joined &= last.iter().all(|node| joined.contains(node));
            }
        }
        let Some(capture) = self.captures.remove(&capture) else {
            return Err(CUDA_ERROR_ILLEGAL_STATE.into());
        };
        if capture.is_invalid || !is_joined {
            if capture.owns_graph {
                self.remove_graph(capture.graph);
            }
            return Err(if capture.is_invalid {
                CUDA_ERROR_STREAM_CAPTURE_INVALIDATED.into()
            } else {
                refuse(
                    CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
                    "work of another stream was captured, and the first stream waits for no event \
                     after it",
                )
            });
        }
        Ok(capture.graph)
    }
}

/// `cuStreamBeginCapture` of CUDA 10.0, which had one mode.
pub(crate) fn begin_global(session: &mut Session, stream: Handle) -> Answer {
    begin(session, stream, GLOBAL)
}

/// `cuStreamBeginCapture`
pub(crate) fn begin(session: &mut Session, stream: Handle, mode: u32) -> Answer {
    begin_in(session, stream, mode, None)
}

/// Begins a capture, into a graph of the caller behind some of its nodes, or into a new one.
pub(crate) fn begin_in(
    session: &mut Session,
    stream: Handle,
    mode: u32,
    given: Option<(Handle, Vec<Handle>)>,
) -> Answer {
    let found = session.stream(stream)?;
    if mode > RELAXED {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let StreamKind::Own(origin) = found.kind else {
        return Err(refuse(
            CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
            "the default stream cannot be captured",
        ));
    };
    if find(&session.streams, origin)?.capture.is_some() {
        return Err(CUDA_ERROR_ILLEGAL_STATE.into());
    }
    let owns_graph = given.is_none();
    let (graph, before) = given.unwrap_or_else(|| (session.add_graph(), Vec::new()));
    let capture = session.new_handle();
    let new = Capture {
        context: found.context,
        origin,
        thread: thread::current().id(),
        mode,
        graph,
        owns_graph,
        is_invalid: false,
    };
    session.captures.insert(capture, new);
    find_mut(&mut session.streams, origin)?.capture = Some((capture, before));
    Ok(())
}

/// `cuStreamEndCapture`
pub(crate) fn end(session: &mut Session, stream: Handle, graph: Out<CUgraph>) -> Answer {
    graph.set(std::ptr::null_mut());
    let found = session.stream(stream)?;
    let Some((capture, _)) = session.capture_of(&found) else {
        return Err(refuse(
            CUDA_ERROR_ILLEGAL_STATE,
            "the stream is not captured",
        ));
    };
    let known = find(&session.captures, capture)?;
    if found.kind != StreamKind::Own(known.origin) {
        session.invalidate(capture);
        return Err(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED.into());
    }
    if known.mode != RELAXED && known.thread != thread::current().id() {
        return Err(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD.into());
    }
    graph.set(session.finish_capture(capture)?.pointer());
    Ok(())
}

/// The state of a stream's capture.
fn status(session: &mut Session, stream: Handle) -> Result<CUstreamCaptureStatus, Refusal> {
    use CUstreamCaptureStatus_enum::*;

    let stream = session.stream(stream)?;
    if stream.kind == StreamKind::Legacy {
        session.refuse_legacy_in_capture(stream.context)?;
    }
    let Some((capture, _)) = session.capture_of(&stream) else {
        return Ok(CU_STREAM_CAPTURE_STATUS_NONE);
    };
    Ok(if find(&session.captures, capture)?.is_invalid {
        CU_STREAM_CAPTURE_STATUS_INVALIDATED
    } else {
        CU_STREAM_CAPTURE_STATUS_ACTIVE
    })
}

/// `cuStreamIsCapturing`
pub(crate) fn is_capturing(
    session: &mut Session,
    stream: Handle,
    capturing: Out<CUstreamCaptureStatus>,
) -> Answer {
    capturing.set(status(session, stream)?);
    Ok(())
}

/// `cuStreamGetCaptureInfo`
pub(crate) fn info(
    session: &mut Session,
    stream: Handle,
    capturing: Out<CUstreamCaptureStatus>,
    id: Option<Out<cuuint64_t>>,
) -> Answer {
    capturing.set(status(session, stream)?);
    let stream = session.stream(stream)?;
    if let (Some(id), Some((capture, _))) = (id, session.capture_of(&stream)) {
        id.set(capture.0 as u64);
    }
    Ok(())
}

/// `cuStreamGetCaptureInfo_v2`
pub(crate) fn info_with_graph(
    session: &mut Session,
    stream: Handle,
    capturing: Out<CUstreamCaptureStatus>,
    id: Option<Out<cuuint64_t>>,
    graph: Option<Out<CUgraph>>,
    nodes: Option<Out<*const CUgraphNode>>,
    count: Option<Out<usize>>,
) -> Answer {
    info(session, stream, capturing, id)?;
    let stream = session.stream(stream)?;
    let Some((capture, before)) = session.capture_of(&stream) else {
        return Ok(());
    };
    if let Some(graph) = graph {
        graph.set(find(&session.captures, capture)?.graph.pointer());
    }
    if let Some(count) = count {
        count.set(before.len());
    }
    if let Some(nodes) = nodes {
        // A handle is a pointer's number, so the list is an array of pointers, which stays until
        // the stream gets more work.
        nodes.set(before.as_ptr().cast());
    }
    Ok(())
}

const _: () = assert!(size_of::<Handle>() == size_of::<CUgraphNode>());

/// `cuStreamUpdateCaptureDependencies`
pub(crate) fn update_dependencies(
    session: &mut Session,
    stream: Handle,
    nodes: Option<In<CUgraphNode>>,
    count: usize,
    flags: c_uint,
) -> Answer {
    let found = session.stream(stream)?;
    if !session.is_capturing(&found)? || flags > 1 {
        return Err(CUDA_ERROR_ILLEGAL_STATE.into());
    }
    // SAFETY: The caller gives as many nodes as it says.
    let nodes = unsafe { session.read_nodes(nodes, count) }?;
    let StreamKind::Own(handle) = found.kind else {
        return Err(CUDA_ERROR_INVALID_HANDLE.into());
    };
    if let Some((_, before)) = &mut find_mut(&mut session.streams, handle)?.capture {
        if flags == 1 {
            before.clear();
        }
        before.extend(nodes);
    }
    Ok(())
}

/// `cuThreadExchangeStreamCaptureMode`
pub(crate) fn exchange_mode(_: &mut Session, mode: Out<CUstreamCaptureMode>) -> Answer {
    let place = mode.as_ptr().cast::<u32>();
    // SAFETY: The caller gives a mode, which is read as its number.
    let new = unsafe { place.read() };
    if new > RELAXED {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    // SAFETY: The number is that of a mode.
    unsafe { place.write(MODE.replace(new)) };
    Ok(())
}
