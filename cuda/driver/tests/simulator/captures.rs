//! Stream capture.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use cust::sys::CUresult::*;
use cust::sys::CUstreamCaptureMode::*;
use cust::sys::CUstreamCaptureStatus::*;
use cust::sys::{CUdeviceptr, CUfunction, CUgraph, CUresult, CUstream};

use super::common::*;
use super::graphs::{count_nodes, instantiate};
use cuda_driver::sim;

fn begin(stream: CUstream) {
    ok(call!(cuStreamBeginCapture_v2(
        stream,
        CU_STREAM_CAPTURE_MODE_GLOBAL
    )));
}

fn end(stream: CUstream) -> Result<CUgraph, CUresult> {
    let mut graph = ptr::without_provenance_mut(1);
    match call!(cuStreamEndCapture(stream, &mut graph)) {
        CUDA_SUCCESS => Ok(graph),
        error => {
            assert!(graph.is_null());
            Err(error)
        }
    }
}

fn scale(function: CUfunction, stream: CUstream, memory: CUdeviceptr, factor: f32) -> CUresult {
    let n = 4u32;
    let arguments = &mut [pointer(&memory), pointer(&factor), pointer(&n)];
    launch(function, 1, 32, 0, stream, arguments)
}

#[test]
fn captured_work_is_done_when_the_graph_is_launched() {
    let _turn = simulator();
    let _context = context();
    let (_, function) = load(PTX, "scale");
    let stream = stream(1);
    let (a, b) = (allocate(16), allocate(16));
    write(a, &[1.0f32; 4]);
    write(b, &[0.0f32; 4]);

    begin(stream);
    let mut status = CU_STREAM_CAPTURE_STATUS_NONE;
    ok(call!(cuStreamIsCapturing(stream, &mut status)));
    assert_eq!(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    ok(scale(function, stream, a, 3.0));
    ok(call!(cuMemcpyDtoDAsync_v2(b, a, 16, stream)));
    ok(call!(cuMemsetD32Async(a, 0x3f80_0000, 1, stream)));
    let graph = end(stream).expect("everything was captured");
    assert_eq!(count_nodes(graph), 3);
    assert_eq!(read::<f32>(a, 4), [1.0; 4]);

    let executable = instantiate(graph);
    ok(call!(cuGraphDestroy(graph)));
    for expected in [[3.0, 3.0, 3.0, 3.0], [3.0, 9.0, 9.0, 9.0]] {
        ok(call!(cuGraphLaunch(executable, stream)));
        ok(call!(cuStreamSynchronize(stream)));
        assert_eq!(read::<f32>(b, 4), expected);
    }
    ok(call!(cuGraphExecDestroy(executable)));
    assert_eq!(
        call!(cuGraphLaunch(executable, stream)),
        CUDA_ERROR_INVALID_HANDLE
    );
    free(a);
    free(b);
    assert_eq!(sim::reports(), []);
}

#[test]
fn a_capture_takes_in_other_streams_by_events() {
    let _turn = simulator();
    let _context = context();
    let (_, function) = load(PTX, "scale");
    let (first, second) = (stream(1), stream(1));
    let memory = allocate(16);
    let (mut fork, mut join) = (ptr::null_mut(), ptr::null_mut());
    ok(call!(cuEventCreate(&mut fork, 2)));
    ok(call!(cuEventCreate(&mut join, 2)));

    let capture = |is_joined| {
        begin(first);
        ok(scale(function, first, memory, 2.0));
        ok(call!(cuEventRecord(fork, first)));
        ok(call!(cuStreamWaitEvent(second, fork, 0)));
        ok(scale(function, second, memory, 2.0));
        ok(scale(function, first, memory, 2.0));
        if is_joined {
            ok(call!(cuEventRecord(join, second)));
            ok(call!(cuStreamWaitEvent(first, join, 0)));
            ok(scale(function, first, memory, 2.0));
        }
        assert_eq!(call!(cuEventQuery(fork)), CUDA_ERROR_CAPTURED_EVENT);
        end(first)
    };
    // Asking about a captured event spoils the capture, as does a branch that is left open.
    assert_eq!(capture(true), Err(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
    ok(call!(cuStreamQuery(second)));

    begin(first);
    ok(call!(cuEventRecord(fork, first)));
    ok(call!(cuStreamWaitEvent(second, fork, 0)));
    ok(scale(function, second, memory, 2.0));
    assert_eq!(end(second), Err(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED));
    assert_eq!(end(first), Err(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));

    begin(first);
    ok(call!(cuEventRecord(fork, first)));
    ok(call!(cuStreamWaitEvent(second, fork, 0)));
    ok(scale(function, second, memory, 2.0));
    assert_eq!(end(first), Err(CUDA_ERROR_STREAM_CAPTURE_UNJOINED));

    begin(first);
    ok(scale(function, first, memory, 2.0));
    ok(call!(cuEventRecord(fork, first)));
    ok(call!(cuStreamWaitEvent(second, fork, 0)));
    ok(scale(function, second, memory, 2.0));
    ok(scale(function, first, memory, 2.0));
    ok(call!(cuEventRecord(join, second)));
    ok(call!(cuStreamWaitEvent(first, join, 0)));
    ok(scale(function, first, memory, 2.0));
    let graph = end(first).expect("the second stream was joined");
    // A diamond: one node, two after it, one after both.
    let (mut n_roots, mut n_edges) = (0, 0);
    ok(call!(cuGraphGetRootNodes(
        graph,
        ptr::null_mut(),
        &mut n_roots
    )));
    ok(call!(cuGraphGetEdges(
        graph,
        ptr::null_mut(),
        ptr::null_mut(),
        &mut n_edges
    )));
    assert_eq!((count_nodes(graph), n_roots, n_edges), (4, 1, 4));
    ok(call!(cuGraphDestroy(graph)));
    free(memory);
}

#[test]
fn what_cannot_be_captured_spoils_the_capture() {
    let _turn = simulator();
    let _context = context();
    let (blocking, other) = (stream(0), stream(1));
    let memory = allocate(16);
    let mut event = ptr::null_mut();
    ok(call!(cuEventCreate(&mut event, 0)));
    ok(call!(cuEventRecord(event, other)));
    let mut address = 0;
    let mut host = [0u8; 16];
    let spoils = |what: &mut dyn FnMut() -> CUresult, expected| {
        begin(blocking);
        assert_eq!(what(), expected);
        let later = call!(cuMemsetD8Async(memory, 0, 16, blocking));
        assert_eq!(later, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        assert_eq!(end(blocking), Err(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
    };
    let unsupported = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    spoils(&mut || call!(cuStreamSynchronize(blocking)), unsupported);
    spoils(&mut || call!(cuCtxSynchronize()), unsupported);
    spoils(&mut || call!(cuMemAlloc_v2(&mut address, 4)), unsupported);
    let implicit = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    spoils(
        &mut || call!(cuMemcpyDtoH_v2(host.as_mut_ptr().cast(), memory, 16)),
        implicit,
    );
    spoils(
        &mut || call!(cuMemsetD8Async(memory, 0, 16, ptr::null_mut())),
        implicit,
    );
    let isolation = CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    spoils(
        &mut || call!(cuStreamWaitEvent(blocking, event, 0)),
        isolation,
    );

    // What another stream does has nothing to do with it.
    begin(blocking);
    ok(call!(cuMemsetD8Async(memory, 7, 16, other)));
    ok(call!(cuStreamSynchronize(other)));
    let graph = end(blocking).expect("nothing was wrong");
    assert_eq!(count_nodes(graph), 0);
    assert_eq!(end(blocking), Err(CUDA_ERROR_ILLEGAL_STATE));
    let legacy = call!(cuStreamBeginCapture_v2(
        ptr::null_mut(),
        CU_STREAM_CAPTURE_MODE_GLOBAL
    ));
    assert_eq!(legacy, unsupported);

    // A relaxed capture lets its thread allocate, and another thread end it.
    ok(call!(cuStreamBeginCapture_v2(
        other,
        CU_STREAM_CAPTURE_MODE_RELAXED
    )));
    ok(call!(cuMemAlloc_v2(&mut address, 4)));
    free(address);
    let address = other as usize;
    let ended = std::thread::spawn(move || end(ptr::without_provenance_mut(address)).is_ok());
    assert!(ended.join().expect("no panic"));
    begin(other);
    let ended = std::thread::spawn(move || end(ptr::without_provenance_mut(address)).err());
    let wrong_thread = ended.join().expect("no panic");
    assert_eq!(wrong_thread, Some(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD));
    assert!(end(other).is_ok());
    assert_eq!(read::<u8>(memory, 16), [7; 16]);
    free(memory);
}

#[test]
fn a_graph_launched_in_a_capture_becomes_a_node() {
    let _turn = simulator();
    let _context = context();
    let (_, function) = load(PTX, "scale");
    let stream = stream(1);
    let memory = allocate(16);
    write(memory, &[1.0f32; 4]);
    begin(stream);
    ok(scale(function, stream, memory, 2.0));
    let inner = instantiate(end(stream).expect("a graph"));
    begin(stream);
    ok(call!(cuGraphLaunch(inner, stream)));
    ok(call!(cuGraphLaunch(inner, stream)));
    let outer = end(stream).expect("a graph");
    assert_eq!(count_nodes(outer), 2);
    assert_eq!(read::<f32>(memory, 4), [1.0; 4]);
    ok(call!(cuGraphLaunch(instantiate(outer), stream)));
    assert_eq!(read::<f32>(memory, 4), [4.0; 4]);
    free(memory);
}

#[test]
fn a_fault_in_a_graph_breaks_the_context() {
    let _turn = simulator();
    let mut context = ptr::null_mut();
    ok(call!(cuCtxCreate_v2(&mut context, 0, 0)));
    let (_, poke) = load(PTX, "poke");
    let stream = stream(1);
    begin(stream);
    ok(launch(poke, 1, 1, 0, stream, &mut [pointer(&0u64)]));
    let executable = instantiate(end(stream).expect("a graph"));
    ok(call!(cuGraphLaunch(executable, stream)));
    assert_eq!(
        call!(cuStreamSynchronize(stream)),
        CUDA_ERROR_ILLEGAL_ADDRESS
    );
    assert_eq!(sim::reports().len(), 1);
    ok(call!(cuCtxDestroy_v2(context)));
}

#[test]
fn a_capture_ends_with_its_stream() {
    let _turn = simulator();
    let _context = context();
    let (_, function) = load(PTX, "scale");
    let (first, second) = (stream(1), stream(1));
    let memory = allocate(16);
    let mut fork = ptr::null_mut();
    ok(call!(cuEventCreate(&mut fork, 2)));
    let fork_second = || {
        begin(first);
        ok(call!(cuEventRecord(fork, first)));
        ok(call!(cuStreamWaitEvent(second, fork, 0)));
        ok(scale(function, second, memory, 2.0));
    };
    fork_second();
    ok(call!(cuStreamDestroy_v2(first)));
    // The second stream is free again, and nothing is captured any more.
    ok(call!(cuStreamSynchronize(second)));
    ok(call!(cuCtxSynchronize()));
    begin(second);
    ok(call!(cuStreamDestroy_v2(second)));
    ok(call!(cuCtxSynchronize()));
    free(memory);
}

/// What the host saw in memory between two kernels.
struct Seen {
    memory: *const f32,
    values: [AtomicU32; 2],
    count: AtomicU32,
}

unsafe extern "C" fn look(data: *mut c_void) {
    // SAFETY: The test below gives this, with managed memory that no kernel writes meanwhile.
    unsafe {
        let seen = &*data.cast::<Seen>();
        let index = seen.count.fetch_add(1, Ordering::Relaxed) as usize;
        seen.values[index].store((*seen.memory).to_bits(), Ordering::Relaxed);
    }
}

#[test]
fn host_functions_keep_their_place_in_a_graph() {
    let _turn = simulator();
    let _context = context();
    let (_, function) = load(PTX, "scale");
    let stream = stream(1);
    let mut memory = 0;
    ok(call!(cuMemAllocManaged(&mut memory, 16, 1)));
    write(memory, &[1.0f32; 4]);
    let seen = Seen {
        memory: ptr::with_exposed_provenance(memory as usize),
        values: Default::default(),
        count: AtomicU32::new(0),
    };
    begin(stream);
    for _ in 0..2 {
        ok(scale(function, stream, memory, 5.0));
        ok(call!(cuLaunchHostFunc(stream, Some(look), pointer(&seen))));
    }
    let executable = instantiate(end(stream).expect("a graph"));
    assert_eq!(seen.count.load(Ordering::Relaxed), 0);
    ok(call!(cuGraphLaunch(executable, stream)));
    ok(call!(cuStreamSynchronize(stream)));
    let values = seen.values.map(|value| f32::from_bits(value.into_inner()));
    assert_eq!(values, [5.0, 25.0]);
    free(memory);
    assert_eq!(sim::reports(), []);
}
