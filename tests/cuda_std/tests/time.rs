//! `cuda_std::time` in the simulator, whose clocks count instructions.

use cuda_std_tests::Run;

#[test]
fn clocks_run_as_long_as_the_work_between() {
    const N_THREADS: usize = 64;
    let elapsed = |n: u32| {
        let x: Vec<u32> = (0..n).collect();
        let times = std::cell::RefCell::new(Vec::new());
        Run::new("time_clocks", 1, N_THREADS as u32)
            .slice(&x)
            .uninitialized::<u64>(8 * N_THREADS)
            .uninitialized::<u32>(N_THREADS)
            .check(|output| {
                let sum = x.iter().sum::<u32>();
                assert_eq!(output.buffer::<u32>(2), [sum; N_THREADS]);
                times.borrow_mut().extend(output.buffer::<u64>(1));
            });
        times.into_inner()
    };
    let (short, long) = (elapsed(10), elapsed(1000));
    for (short, long) in short.chunks(8).zip(long.chunks(8)) {
        for (name, short, long) in [
            ("clock", short[0], long[0]),
            ("clock64", short[1], long[1]),
            ("globaltimer", short[2], long[2]),
            ("CycleTimer", short[3], long[3]),
            ("NanosecondTimer", short[4], long[4]),
        ] {
            // At least a load and an addition for each of the 990 more.
            assert!(long > short + 2 * 990, "{name}: {short} and {long}");
        }
        // A lap begins anew: the time between two of them does not grow with the work before.
        assert!(long[5] < long[3] / 2, "cycles of a lap: {}", long[5]);
        assert!(long[6] < long[4] / 2, "nanoseconds of a lap: {}", long[6]);
        assert!(
            long[7] > long[1],
            "the clock is older than what it measured"
        );
    }
}
