//! Streams, events, and functions of the host in streams.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cust::sys::CUresult::*;
use cust::sys::{self, CUresult};

use super::common::*;

fn event(flags: u32) -> sys::CUevent {
    let mut event = ptr::null_mut();
    ok(call!(cuEventCreate(&mut event, flags)));
    event
}

fn elapsed(start: sys::CUevent, end: sys::CUevent) -> Result<f32, CUresult> {
    let mut milliseconds = f32::NAN;
    match call!(cuEventElapsedTime(&mut milliseconds, start, end)) {
        CUDA_SUCCESS => Ok(milliseconds),
        error => Err(error),
    }
}

#[test]
fn events_measure_time() {
    let _turn = simulator();
    let _context = context();
    let stream = stream(0);
    let (start, end) = (event(0), event(1));
    // Nothing was recorded, so there is nothing to wait for, and no time between.
    ok(call!(cuEventQuery(start)));
    ok(call!(cuEventSynchronize(start)));
    assert_eq!(elapsed(start, end), Err(CUDA_ERROR_INVALID_HANDLE));
    let began = Instant::now();
    ok(call!(cuEventRecord(start, stream)));
    assert_eq!(elapsed(start, end), Err(CUDA_ERROR_INVALID_HANDLE));
    std::thread::sleep(Duration::from_millis(5));
    ok(call!(cuEventRecord(end, stream)));
    let most = began.elapsed().as_secs_f32() * 1e3;
    ok(call!(cuEventSynchronize(end)));
    let time = elapsed(start, end).expect("both are recorded");
    // The events lie within what was measured around them; a float rounds to 2⁻²⁴ of it.
    assert!((5.0..=most * 1.000_001).contains(&time), "{time} of {most}");
    assert_eq!(elapsed(end, start), Ok(-time));

    let untimed = event(2);
    ok(call!(cuEventRecord(untimed, stream)));
    assert_eq!(elapsed(start, untimed), Err(CUDA_ERROR_INVALID_HANDLE));
    let mut none = ptr::null_mut();
    // One that other processes see cannot be timed.
    assert_eq!(call!(cuEventCreate(&mut none, 4)), CUDA_ERROR_INVALID_VALUE);
    assert_eq!(call!(cuEventCreate(&mut none, 8)), CUDA_ERROR_INVALID_VALUE);
    for event in [start, end, untimed] {
        ok(call!(cuEventDestroy_v2(event)));
    }
    ok(call!(cuStreamDestroy_v2(stream)));
}

#[test]
fn events_and_streams_are_of_one_context() {
    let _turn = simulator();
    let mut contexts = [ptr::null_mut(); 2];
    ok(call!(cuCtxCreate_v2(&mut contexts[0], 0, 0)));
    let event = event(0);
    ok(call!(cuCtxCreate_v2(&mut contexts[1], 0, 0)));
    let other = stream(0);
    assert_eq!(
        call!(cuEventRecord(event, other)),
        CUDA_ERROR_INVALID_HANDLE
    );
    // But any stream may wait for any event.
    ok(call!(cuStreamWaitEvent(other, event, 0)));
    let mut context = ptr::null_mut();
    ok(call!(cuStreamGetCtx(other, &mut context)));
    assert_eq!(context, contexts[1]);
    for context in contexts {
        ok(call!(cuCtxDestroy_v2(context)));
    }
    assert_eq!(call!(cuStreamQuery(other)), CUDA_ERROR_INVALID_HANDLE);
}

#[test]
fn streams_tell_what_they_were_made_with() {
    let _turn = simulator();
    let _context = context();
    let (mut lowest, mut highest) = (1, 1);
    ok(call!(cuCtxGetStreamPriorityRange(
        &mut lowest,
        &mut highest
    )));
    assert_eq!((lowest, highest), (0, -5));
    let mut stream = ptr::null_mut();
    ok(call!(cuStreamCreateWithPriority(&mut stream, 1, -99)));
    let (mut flags, mut priority) = (0, 0);
    ok(call!(cuStreamGetFlags(stream, &mut flags)));
    ok(call!(cuStreamGetPriority(stream, &mut priority)));
    assert_eq!((flags, priority), (1, highest));
    assert_eq!(
        call!(cuStreamCreate(&mut stream, 2)),
        CUDA_ERROR_INVALID_VALUE
    );
    ok(call!(cuStreamDestroy_v2(stream)));
    // The default streams: none, the legacy one, and the thread's own, which no one destroys.
    for default in 0..3 {
        let default = ptr::without_provenance_mut(default);
        ok(call!(cuStreamSynchronize(default)));
        ok(call!(cuStreamGetFlags(default, &mut flags)));
        assert_eq!(flags, 0);
        assert_eq!(
            call!(cuStreamDestroy_v2(default)),
            CUDA_ERROR_INVALID_HANDLE
        );
    }
}

/// Counts its calls in tens, and in ones when the driver refuses to be called from there.
unsafe extern "C" fn count(data: *mut c_void) {
    // SAFETY: The test below gives a counter.
    let counter = unsafe { &*data.cast::<AtomicU32>() };
    let refused = call!(cuCtxSynchronize()) == CUDA_ERROR_NOT_PERMITTED;
    counter.fetch_add(10 + u32::from(refused), Ordering::Relaxed);
}

unsafe extern "C" fn call_back(_: sys::CUstream, status: CUresult, data: *mut c_void) {
    if status == CUDA_SUCCESS {
        // SAFETY: The test below gives a counter.
        unsafe { count(data) };
    }
}

#[test]
fn host_functions_run_in_their_streams() {
    let _turn = simulator();
    let _context = context();
    let stream = stream(1);
    let counter = AtomicU32::new(0);
    let data = pointer(&counter);
    ok(call!(cuLaunchHostFunc(stream, Some(count), data)));
    ok(call!(cuStreamAddCallback(stream, Some(call_back), data, 0)));
    ok(call!(cuStreamSynchronize(stream)));
    assert_eq!(counter.load(Ordering::Relaxed), 22);
    assert_eq!(
        call!(cuStreamAddCallback(stream, Some(call_back), data, 1)),
        CUDA_ERROR_INVALID_VALUE
    );
    ok(call!(cuStreamDestroy_v2(stream)));
}
