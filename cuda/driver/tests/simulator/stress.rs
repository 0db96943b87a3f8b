//! Calls at random, from several threads, with handles of all kinds that may be alive or not.

use std::ptr;

use cust::sys::CUresult::*;
use cust::sys::{CUresult, CUstreamCaptureMode};

use super::common::*;

/// A linear congruential generator (Knuth's constants), of which the upper bits are used.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = (self.0)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Makes `n_calls` random calls and returns how many succeeded.
fn call_at_random(seed: u64, n_calls: usize) -> usize {
    let mut random = Random(seed);
    let (_, function) = load(PTX, "scale");
    // Null, a small number, and one that was never a handle.
    let mut handles = vec![0, 2, 0xdead_beef];
    let mut addresses = vec![0, 0xdead_beef];
    let mut n_succeeded = 0;
    for _ in 0..n_calls {
        let handle = handles[random.below(handles.len())];
        let other = handles[random.below(handles.len())];
        let address = addresses[random.below(addresses.len())];
        let mut new = ptr::null_mut::<()>();
        let mut allocated = 0;
        let one = ptr::without_provenance_mut::<()>(handle);
        let two = ptr::without_provenance_mut::<()>(other);
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        let (factor, n) = (1.0f32, 4u32);
        let result: CUresult = match random.below(20) {
            0 => call!(cuStreamCreate((&raw mut new).cast(), 1)),
            1 => call!(cuStreamDestroy_v2(one.cast())),
            2 => call!(cuEventCreate((&raw mut new).cast(), 0)),
            3 => call!(cuEventDestroy_v2(one.cast())),
            4 => call!(cuEventRecord(one.cast(), two.cast())),
            5 => call!(cuStreamWaitEvent(one.cast(), two.cast(), 0)),
            6 => call!(cuStreamBeginCapture_v2(one.cast(), mode)),
            7 => call!(cuStreamEndCapture(one.cast(), (&raw mut new).cast())),
            8 => call!(cuGraphCreate((&raw mut new).cast(), 0)),
            9 => call!(cuGraphDestroy(one.cast())),
            10 => call!(cuGraphInstantiateWithFlags(
                (&raw mut new).cast(),
                one.cast(),
                0
            )),
            11 => call!(cuGraphLaunch(one.cast(), two.cast())),
            12 => call!(cuGraphExecDestroy(one.cast())),
            13 => call!(cuMemAlloc_v2(&mut allocated, 16)),
            14 => call!(cuMemFree_v2(address)),
            15 => call!(cuMemsetD8Async(address, 0, 16, one.cast())),
            16 => call!(cuMemcpyDtoDAsync_v2(address, address, 8, one.cast())),
            17 => call!(cuStreamSynchronize(one.cast())),
            18 => call!(cuGraphAddEmptyNode(
                (&raw mut new).cast(),
                one.cast(),
                ptr::null(),
                0
            )),
            // Only what is allocated by this thread, for a fault would end the test.
            _ if addresses.len() > 2 && address > 0xdead_beef => {
                let arguments = &mut [pointer(&address), pointer(&factor), pointer(&n)];
                // It fails for freed memory, and while another thread captures.
                match call!(cuMemsetD8_v2(address, 0, 16)) {
                    CUDA_SUCCESS => launch(function, 1, 4, 0, ptr::null_mut(), arguments),
                    error => error,
                }
            }
            _ => call!(cuStreamQuery(one.cast())),
        };
        assert_ne!(result, CUDA_ERROR_UNKNOWN);
        n_succeeded += usize::from(result == CUDA_SUCCESS);
        if !new.is_null() {
            handles.push(new.addr());
        }
        if allocated != 0 {
            addresses.push(allocated);
        }
    }
    for address in addresses {
        call!(cuMemFree_v2(address));
    }
    n_succeeded
}

#[test]
fn random_calls_are_answered() {
    let _turn = simulator();
    let context = context();
    let n_succeeded: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                let context = &context;
                scope.spawn(move || {
                    cust::context::CurrentContext::set_current(context).expect("it is alive");
                    call_at_random(seed, 5000)
                })
            })
            .collect();
        let counts = threads.into_iter().map(|thread| thread.join());
        counts.map(|count| count.expect("no panic")).sum()
    });
    // Many calls are about what is not there, but not all.
    assert!(n_succeeded > 2000, "{n_succeeded}");
    let log = take_log();
    assert!(
        log.iter().all(|entry| !entry.contains("panicked")),
        "{log:?}"
    );
    drop(context);
    // Each thread freed what it allocated.
    assert_eq!(cuda_driver::sim::reports(), []);
}
