//! `cuda_std::phased` in the simulator.

use cuda_std::vector::Vec4;
use cuda_std_tests::Run;
use ptx_sim::Kind;

/// Numbers whose sums are exact, in any order.
fn small_integers(n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| ((i * 7 + i / 13) % 97) as f32 - 30.0)
        .collect()
}

#[test]
fn sum_of_a_block_as_a_tree() {
    for n_threads in [1, 7, 32, 64, 100, 128, 256, 300] {
        let x = small_integers(256 * 2 + 31);
        Run::new("phased_sum", 3, n_threads)
            .slice(&x)
            .uninitialized::<f32>(3)
            .check(|output| {
                let sums: Vec<f32> = x.chunks(256).map(|x| x.iter().sum()).collect();
                assert_eq!(output.buffer::<f32>(1), sums, "{n_threads} threads");
            });
    }
}

#[test]
fn sum_of_a_block_by_warps() {
    for n in [1, 255, 256, 257, 1000] {
        let x = small_integers(n);
        let n_blocks = n.div_ceil(256);
        Run::new("phased_block_sum", n_blocks as u32, 256)
            .slice(&x)
            .uninitialized_slice::<f32>(n_blocks)
            .check(|output| {
                let sums: Vec<f32> = x.chunks(256).map(|x| x.iter().sum()).collect();
                assert_eq!(output.buffer::<f32>(1), sums, "{n} numbers");
            });
    }
}

#[test]
fn transpose() {
    for ([n_rows, n_columns], block) in [
        ([1u32, 1], [32u32, 1]),
        ([32, 32], [32, 8]),
        ([31, 33], [16, 16]),
        ([64, 40], [8, 32]),
        ([5, 70], [7, 3]),
    ] {
        let x: Vec<f32> = (0..n_rows * n_columns).map(|i| i as f32).collect();
        let grid = [n_columns.div_ceil(32), n_rows.div_ceil(32)];
        Run::new("phased_transpose", grid, block)
            .value(n_rows)
            .value(n_columns)
            .slice(&x)
            .uninitialized_slice::<f32>(x.len())
            .check(|output| {
                let y = output.buffer::<f32>(1);
                for row in 0..n_rows {
                    for column in 0..n_columns {
                        let expected = x[(row * n_columns + column) as usize];
                        assert_eq!(y[(column * n_rows + row) as usize], expected);
                    }
                }
            });
    }
}

#[test]
fn stencil() {
    for (steps, n_threads) in [(0, 64), (1, 66), (1, 32), (5, 64), (8, 128), (3, 1)] {
        let x: Vec<i32> = (0..128).map(|i| i * i - 40 * i).collect();
        let mut expected = x.clone();
        for _ in 0..steps {
            expected = expected
                .chunks(64)
                .flat_map(|x| {
                    let at = |i: usize| x.get(i).copied().unwrap_or(0);
                    (0..64usize).map(move |i| {
                        at(i.wrapping_sub(1))
                            .wrapping_add(at(i).wrapping_mul(2))
                            .wrapping_add(at(i + 1))
                    })
                })
                .collect();
        }
        Run::new("phased_stencil", 2, n_threads)
            .value(steps)
            .slice(&x)
            .uninitialized::<i32>(128)
            .check(|output| {
                assert_eq!(
                    output.buffer::<i32>(1),
                    expected,
                    "{steps} steps, {n_threads} threads"
                );
            });
    }
}

#[test]
fn two_tiles_share_their_barriers() {
    let a: Vec<f32> = (0..64).map(|i| i as f32).collect();
    let b: Vec<f32> = (0..64).map(|i| 1000.0 + (i * i) as f32).collect();
    let vectors: Vec<[f32; 4]> = b.as_chunks().0.to_vec();
    assert_eq!(size_of::<Vec4<f32>>(), size_of::<[f32; 4]>());
    Run::new("phased_pair", 1, 64)
        .slice(&a)
        .slice(&vectors)
        .uninitialized::<f32>(64)
        .check(|output| {
            let step = |a: &[f32]| -> Vec<f32> { (0..64).map(|t| a[63 - t] + b[t ^ 1]).collect() };
            assert_eq!(output.buffer::<f32>(2), step(&step(&a)));
        });
}

#[test]
fn rows_are_arrays() {
    let x: Vec<u16> = (0..40).map(|i| 60_000 + 13 * i).collect();
    for n_threads in [1, 3, 32, 64] {
        Run::new("phased_rows", 1, n_threads)
            .slice(&x)
            .uninitialized::<u32>(9)
            .check(|output| {
                let mut expected: Vec<u32> = x
                    .chunks(5)
                    .map(|row| row.iter().map(|&x| u32::from(x)).sum())
                    .collect();
                expected.push(1);
                assert_eq!(output.buffer::<u32>(1), expected);
            });
    }
}

#[test]
fn an_index_past_the_end_traps() {
    let run = |i: u32| {
        Run::new("phased_past_the_end", 1, 32)
            .value(i)
            .uninitialized::<u32>(32)
    };
    run(63).check(|output| assert_eq!(output.buffer::<u32>(0), [63; 32]));
    run(64).fails(|reports, _| {
        assert!(
            reports.iter().any(|report| report.kind == Kind::Trap),
            "{reports:?}"
        );
    });
}

/// What the types cannot stop, the simulator reports.
#[test]
fn a_thread_that_does_not_publish_is_found() {
    Run::new("phased_thread_missing", 1, 64)
        .uninitialized::<u32>(64)
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
fn a_place_that_is_evaluated_twice_is_found() {
    Run::new("phased_evaluated_twice", 1, 64)
        .uninitialized::<u32>(64)
        .fails(|reports, _| {
            assert!(
                reports.iter().all(|report| report.kind == Kind::SharedRace),
                "{reports:?}"
            );
        });
}
