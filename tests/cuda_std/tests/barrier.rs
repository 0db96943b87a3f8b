//! `cuda_std::barrier` in the simulator.

use bytemuck::Pod;
use cuda_std_tests::Run;
use ptx_sim::Kind;

#[test]
fn phases_follow_each_other() {
    for (n, steps) in [(1u32, 3u32), (2, 5), (32, 4), (64, 1), (100, 6), (128, 0)] {
        let x: Vec<u32> = (0..n).map(|i| i * i + 1).collect();
        let mut expected = x.clone();
        for _ in 0..steps {
            let n = n as usize;
            expected = (0..n)
                .map(|t| {
                    expected[t]
                        .wrapping_mul(3)
                        .wrapping_add(expected[(t + 1) % n])
                })
                .collect();
        }
        Run::new("barrier_steps", 1, n)
            .value(steps)
            .pointer(&x)
            .uninitialized::<u32>(n as usize)
            .check(|output| assert_eq!(output.buffer::<u32>(1), expected, "{n} threads"));
    }
}

#[test]
fn copies_arrive_for_their_threads() {
    let x: Vec<u32> = (0..32).map(|i| 1000 + i).collect();
    Run::new("barrier_copies", 1, 64)
        .pointer(&x)
        .uninitialized::<u32>(32)
        .check(|output| {
            let expected: Vec<u32> = x.iter().rev().copied().collect();
            assert_eq!(output.buffer::<u32>(1), expected);
        });
}

#[track_caller]
fn check_channel<T: Pod + PartialEq + std::fmt::Debug>(
    stages: u32,
    n: usize,
    element: impl Fn(usize) -> T,
) {
    for (n_tiles, n_producers, n_threads) in [
        (0, 1, 32),
        (1, 1, 2),
        (2, 32, 64),
        (3, 32, 96),
        (5, 7, 40),
        (9, 64, 96),
        (8, 1, 128),
    ] {
        let x: Vec<T> = (0..n_tiles * n).map(&element).collect();
        let mut expected = x.clone();
        for tile in expected.chunks_mut(n) {
            tile.reverse();
        }
        for kind in ["", "_copies"] {
            Run::new(&format!("barrier_channel{kind}_{stages}"), 1, n_threads)
                .value(n_producers)
                .value(n_tiles as u32)
                .slice(&x)
                .uninitialized::<T>(n_tiles * n)
                .check(|output| {
                    assert_eq!(
                        output.buffer::<T>(1),
                        expected,
                        "{n_tiles} tiles, {n_producers} of {n_threads} threads send{kind}"
                    );
                });
        }
    }
    // The last tile is only half there.
    let x: Vec<T> = (0..3 * n - n / 2).map(&element).collect();
    Run::new(&format!("barrier_channel_copies_{stages}"), 1, 64)
        .value(32u32)
        .value(3u32)
        .slice(&x)
        .uninitialized::<T>(3 * n)
        .check(|output| {
            let mut expected = x.clone();
            expected.resize(3 * n, T::zeroed());
            for tile in expected.chunks_mut(n) {
                tile.reverse();
            }
            assert_eq!(output.buffer::<T>(1), expected);
        });
}

#[test]
fn channels() {
    check_channel(1, 32, |i| i as f32 + 0.5);
    check_channel(2, 45, |i| (i as u64) << 30);
    check_channel(3, 64, |i| -(i as f32));
}

/// What the types cannot stop, the simulator reports.
#[test]
fn a_phase_in_which_a_thread_is_missing_is_found() {
    Run::new("barrier_thread_missing", 1, 64)
        .step_limit(200_000)
        .uninitialized::<u32>(64)
        .fails(|reports, _| {
            assert!(
                reports
                    .iter()
                    .any(|report| matches!(report.kind, Kind::Deadlock | Kind::StepLimit)),
                "{reports:?}"
            );
        });
}

#[test]
fn a_phase_that_is_not_waited_for_is_found() {
    Run::new("barrier_not_waited_for", 1, 64)
        .uninitialized::<u32>(64)
        .fails(|reports, _| {
            assert!(
                reports.iter().all(|report| matches!(
                    report.kind,
                    Kind::SharedRace | Kind::UninitializedShared
                )),
                "{reports:?}"
            );
        });
}
