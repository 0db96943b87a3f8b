//! `cuda_std::async_copy` in the simulator.

use bytemuck::Pod;
use cuda_std_tests::Run;
use ptx_sim::Kind;

#[test]
fn copies_of_every_size() {
    let a: Vec<u32> = (0..64).map(|i| i * i).collect();
    let b: Vec<u64> = (0..64).map(|i| (i << 33) + 7 * i).collect();
    let c: Vec<[f32; 4]> = (0..64)
        .map(|i| [0.5, 1.5, -2.0, 3.0].map(|x| x * i as f32))
        .collect();
    Run::new("async_copy_sizes", 1, 64)
        .pointer(&a)
        .pointer(&b)
        .pointer(&c)
        .uninitialized::<u32>(64)
        .uninitialized::<u64>(64)
        .uninitialized::<[f32; 4]>(128)
        .check(|output| {
            assert_eq!(output.buffer::<u32>(3), a);
            assert_eq!(output.buffer::<u64>(4), b);
            let twice: Vec<[f32; 4]> = c.iter().flat_map(|x| [*x, *x]).collect();
            assert_eq!(output.buffer::<[f32; 4]>(5), twice);
        });
}

#[test]
fn what_is_not_copied_is_zero() {
    let x: Vec<[u8; 16]> = (0..64u8)
        .map(|i| std::array::from_fn(|k| i + 1 + k as u8))
        .collect();
    Run::new("async_copy_zfill", 1, 64)
        .pointer(&x)
        .uninitialized::<[u8; 16]>(128)
        .check(|output| {
            let y = output.buffer::<[u8; 16]>(1);
            for (t, pair) in y.chunks(2).enumerate() {
                let mut expected = x[t];
                expected[2 * (t % 9)..].fill(0);
                assert_eq!(pair, [expected; 2], "thread {t}");
            }
        });
}

#[track_caller]
fn check_pipeline<T: Pod + PartialEq + std::fmt::Debug>(
    stages: u32,
    n: usize,
    element: impl Fn(usize) -> T,
) {
    for (n_tiles, n_missing, n_threads) in [
        (0, 0, 32),
        (1, 0, 32),
        (2, 5, 64),
        (3, n, 96),
        (4, 1, 7),
        (7, 0, 128),
        (12, n / 2, 33),
    ] {
        let x: Vec<T> = (0..(n_tiles * n).saturating_sub(n_missing))
            .map(&element)
            .collect();
        Run::new(&format!("async_copy_pipeline_{stages}"), 1, n_threads)
            .value(n_tiles as u32)
            .slice(&x)
            .uninitialized::<T>(n_tiles * n)
            .check(|output| {
                let mut expected = x.clone();
                expected.resize(n_tiles * n, T::zeroed());
                for tile in expected.chunks_mut(n) {
                    tile.reverse();
                }
                assert_eq!(
                    output.buffer::<T>(1),
                    expected,
                    "{n_tiles} tiles, {n_threads} threads"
                );
            });
    }
}

#[test]
fn pipelines() {
    check_pipeline(2, 64, |i| i as f32 + 0.5);
    check_pipeline(3, 40, |i| [i as f32, -1.0, i as f32 * 0.25, 3.0]);
    check_pipeline(5, 33, |i| (i as u64) << 30);
}

/// What the types cannot stop, the simulator reports.
#[test]
fn a_thread_that_does_not_wait_with_the_others_is_found() {
    Run::new("async_copy_thread_missing", 1, 64)
        .slice(&[1.0f32; 128])
        .uninitialized::<f32>(128)
        .fails(|reports, _| {
            assert!(
                reports
                    .iter()
                    .any(|report| report.kind == Kind::BarrierNotReached),
                "{reports:?}"
            );
        });
}

#[test]
fn a_copy_that_is_not_waited_for_is_found() {
    Run::new("async_copy_not_waited_for", 1, 64)
        .pointer(&[7u32; 64])
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
