//! `cuda_std::time` in the simulator, whose cycles are instructions and whose nanoseconds are the
//! host's: what is asked of nanoseconds holds however long the host lets the simulator wait.

use cuda_std_tests::Run;
use std::time::Instant;

const N_THREADS: usize = 64;

/// What each thread of `time_clocks` says of a sum over `n` words, under each seed.
fn elapsed(n: u32) -> Vec<[u64; 9]> {
    let x: Vec<u32> = (0..n).collect();
    let times = std::cell::RefCell::new(Vec::new());
    Run::new("time_clocks", 1, N_THREADS as u32)
        .slice(&x)
        .uninitialized::<u64>(9 * N_THREADS)
        .uninitialized::<u32>(N_THREADS)
        .check(|output| {
            let sum = x.iter().sum::<u32>();
            assert_eq!(output.buffer::<u32>(2), [sum; N_THREADS]);
            times
                .borrow_mut()
                .extend_from_slice(output.buffer::<u64>(1).as_chunks().0);
        });
    times.into_inner()
}

#[test]
fn cycles_grow_with_the_work_between() {
    let (short, long) = (elapsed(10), elapsed(1000));
    for (short, long) in short.iter().zip(&long) {
        for (name, short, long) in [
            ("clock", short[0], long[0]),
            ("clock64", short[1], long[1]),
            ("CycleTimer", short[3], long[3]),
        ] {
            // At least a load and an addition for each of the 990 more.
            assert!(long > short + 2 * 990, "{name}: {short} and {long}");
        }
        // A lap begins anew: the time between two of them does not grow with the work before.
        assert!(long[5] < long[3] / 2, "cycles of a lap: {}", long[5]);
        assert!(
            long[8] > long[1],
            "the clock is older than what it measured"
        );
    }
}

#[test]
fn nanoseconds_are_the_hosts() {
    let start = Instant::now();
    let times = elapsed(1000);
    let host = start.elapsed().as_nanos() as u64;
    for [_, _, globaltimer, _, timer, _, lap, around_lap, _] in times {
        // No host executes two instructions of 64 threads a thousand times in less.
        assert!(globaltimer > 1000, "globaltimer: {globaltimer}");
        assert!(timer >= globaltimer, "{timer} lies around {globaltimer}");
        assert!(timer <= host, "{timer} on the device, {host} on the host");
        assert!(lap <= around_lap, "{around_lap} lies around a lap, {lap}");
    }
}
