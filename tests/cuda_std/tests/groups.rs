//! `cuda_std::groups` in the simulator, against the same on the host.

use std::fmt::Debug;

use bytemuck::Pod;
use cuda_std::groups::ReduceValue;
use cuda_std::warp::WarpReductionOp;
use cuda_std::{bf16, f16};
use cuda_std_tests::Run;
use ptx_sim::Kind;

const N_BLOCKS: u32 = 2;
const N_THREADS: u32 = 96;

/// Words that repeat here and there.
fn words(seed: u32) -> Vec<u32> {
    (0..N_BLOCKS * N_THREADS)
        .map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) % 37 / (seed % 3 + 1))
        .collect()
}

/// What thread `rank` of the tile `x` finds, as `tile_words` of the kernels writes it.
fn expected_words(x: &[u32], rank: usize, of: u32, meta_rank: u32) -> [u32; 24] {
    let n = x.len();
    let of = of as usize;
    let bits = |is_set: &dyn Fn(u32) -> bool| {
        x.iter()
            .enumerate()
            .filter(|(_, x)| is_set(**x))
            .map(|(i, _)| 1 << i)
            .sum::<u32>()
    };
    let is_above = |x: u32| x > of as u32;
    let product = |x: &[u32]| x.iter().fold(1u32, |a, b| a.wrapping_mul(*b));
    [
        n as u32,
        rank as u32,
        meta_rank,
        N_THREADS.div_ceil(n as u32),
        x[(of + rank) % n],
        x[of % n],
        rank.checked_sub(of).map_or(u32::MAX, |below| x[below]),
        x.get(rank + of).copied().unwrap_or(u32::MAX),
        x[rank ^ (of % n)],
        x.iter().all(|x| is_above(*x)).into(),
        x.iter().any(|x| is_above(*x)).into(),
        bits(&is_above),
        bits(&|other| other / 4 == x[rank] / 4),
        x.iter().all(|other| other / 4 == x[0] / 4).into(),
        x.iter().sum(),
        *x.iter().min().expect("a tile has threads"),
        *x.iter().max().expect("a tile has threads"),
        x.iter().fold(u32::MAX, |a, b| a & b),
        x.iter().fold(0, |a, b| a | b),
        x.iter().fold(0, |a, b| a ^ b),
        product(x),
        x[..=rank].iter().sum(),
        product(&x[..rank]),
        n as u32,
    ]
}

#[test]
fn tiles_of_every_size() {
    for n in [1u32, 2, 4, 8, 16, 32] {
        for (seed, of) in [(0, 0), (1, 1), (2, 3), (3, 7), (5, 17), (7, 31)] {
            let x = words(seed);
            Run::new(&format!("groups_tile_{n}"), N_BLOCKS, N_THREADS)
                .slice(&x)
                .value(of)
                .uninitialized::<u32>(24 * x.len())
                .check(|output| {
                    let found = output.buffer::<u32>(1);
                    for (t, found) in found.chunks(24).enumerate() {
                        let start = t - t % n as usize;
                        let tile = &x[start..start + n as usize];
                        let meta_rank = t as u32 % N_THREADS / n;
                        let expected = expected_words(tile, t % n as usize, of, meta_rank);
                        assert_eq!(found, expected, "thread {t}, tiles of {n}, with {of}");
                    }
                });
        }
    }
}

/// The tree of neighbours that `Tile::reduce` is.
fn reduced<T: ReduceValue>(x: &[T], op: WarpReductionOp) -> T {
    match x {
        [x] => *x,
        _ => {
            let pairs: Vec<T> = x
                .chunks(2)
                .map(|pair| pair[0].combine(pair[1], op))
                .collect();
            reduced(&pairs, op)
        }
    }
}

/// The tree of each thread that `Tile::inclusive_scan` is.
fn scanned<T: ReduceValue>(x: &[T], op: WarpReductionOp) -> Vec<T> {
    let mut result = x.to_vec();
    let mut distance = 1;
    while distance < x.len() {
        result = (0..x.len())
            .map(|i| match i.checked_sub(distance) {
                Some(below) => result[below].combine(result[i], op),
                None => result[i],
            })
            .collect();
        distance *= 2;
    }
    result
}

/// Runs both kernels of a type, and compares bits.
#[track_caller]
fn check_type<T: ReduceValue + Debug, B: Pod + PartialEq + Debug>(
    name: &str,
    x: &[T],
    to_bits: impl Fn(T) -> B,
) {
    use WarpReductionOp::*;
    let bits: Vec<B> = x.iter().map(|x| to_bits(*x)).collect();
    for n in [8usize, 32] {
        Run::new(&format!("groups_{name}_{n}"), 1, x.len() as u32)
            .slice(&bits)
            .uninitialized::<B>(11 * x.len())
            .check(|output| {
                let found = output.buffer::<B>(1);
                for (t, found) in found.chunks(11).enumerate() {
                    let (start, rank) = (t - t % n, t % n);
                    let tile = &x[start..start + n];
                    let expected = [
                        reduced(tile, Add),
                        reduced(tile, Min),
                        reduced(tile, Max),
                        reduced(tile, And),
                        reduced(tile, Or),
                        reduced(tile, Xor),
                        scanned(tile, Add)[rank],
                        rank.checked_sub(1)
                            .map_or(tile[0], |below| scanned(tile, Max)[below]),
                        tile[rank ^ 1],
                        *tile.get(rank + 1).unwrap_or(&tile[rank]),
                        tile[n - 1],
                    ]
                    .map(&to_bits);
                    assert_eq!(
                        found, expected,
                        "{name}, thread {t}, tiles of {n}: {tile:?}"
                    );
                }
            });
    }
}

#[test]
fn integers_of_every_width() {
    let words: Vec<u64> = (0..64u64)
        .map(|i| {
            (i + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(i as u32)
        })
        .collect();
    macro_rules! check {
        ($($ty:ident)*) => {$({
            let x: Vec<$ty> = words.iter().map(|word| *word as $ty).collect();
            check_type(stringify!($ty), &x, |x| x);
        })*};
    }
    check!(u8 i8 u16 i16 u32 i32 u64 i64);
}

#[test]
fn floats_of_every_width() {
    // Sums of these round, and so depend on their order; the last are beyond a half float's range.
    let mut x: Vec<f64> = (0..64)
        .map(|i| f64::from(i * i % 23) * 0.37 - 3.1)
        .collect();
    x[17] = f64::INFINITY;
    x[40] = 1e5;
    x[41] = -0.0;
    check_type(
        "f16",
        &x.iter().map(|x| f16::from_f64(*x)).collect::<Vec<_>>(),
        f16::to_bits,
    );
    check_type(
        "bf16",
        &x.iter().map(|x| bf16::from_f64(*x)).collect::<Vec<_>>(),
        bf16::to_bits,
    );
    check_type(
        "f32",
        &x.iter().map(|x| *x as f32).collect::<Vec<_>>(),
        f32::to_bits,
    );
    check_type("f64", &x, f64::to_bits);
}

#[test]
fn blocks() {
    let (grid, block) = ([2u32, 3, 2], [5u32, 3, 4]);
    let n_threads: u32 = block.iter().product();
    let n_blocks: u32 = grid.iter().product();
    // No thread of block 1 sees more than 3, all of block 2 do.
    let x: Vec<u32> = (0..n_blocks * n_threads)
        .map(|i| match i / n_threads {
            1 => i % 4,
            2 => 4 + i % 3,
            _ => i % 9,
        })
        .collect();
    Run::new("groups_block", grid, block)
        .slice(&x)
        .uninitialized::<u32>(12 * x.len())
        .check(|output| {
            for (t, found) in output.buffer::<u32>(1).chunks(12).enumerate() {
                let (block_idx, rank) = (t as u32 / n_threads, t as u32 % n_threads);
                let of_block = &x[(block_idx * n_threads) as usize..][..n_threads as usize];
                let count = of_block.iter().filter(|x| **x > 3).count() as u32;
                let expected = [
                    n_threads,
                    rank,
                    block[0],
                    block[1],
                    block[2],
                    rank % block[0],
                    rank / block[0] % block[1],
                    rank / (block[0] * block[1]),
                    (count == n_threads).into(),
                    (count > 0).into(),
                    count,
                    block_idx,
                ];
                assert_eq!(found, expected, "thread {rank} of block {block_idx}");
            }
        });
}

#[test]
fn tiles_of_a_warp_in_different_branches() {
    let x = words(4);
    Run::new("groups_diverged", N_BLOCKS, N_THREADS)
        .slice(&x)
        .uninitialized::<u32>(x.len())
        .check(|output| {
            for (t, found) in output.buffer::<u32>(1).into_iter().enumerate() {
                let tile = &x[t - t % 4..][..4];
                let expected = match t % N_THREADS as usize / 4 % 2 {
                    1 => tile.iter().sum(),
                    _ => *tile.iter().max().expect("a tile has threads"),
                };
                assert_eq!(found, expected, "thread {t}");
            }
        });
}

#[test]
fn active_lanes_share_an_addition() {
    for limit in [0, 5, 20, 1000] {
        let x = words(2);
        Run::new("groups_active", N_BLOCKS, N_THREADS)
            .slice(&x)
            .value(limit)
            .pointer(&[0u32])
            .pointer(&vec![u32::MAX; x.len()])
            .check(|output| {
                let mut expected: Vec<u32> = x.iter().copied().filter(|x| *x > limit).collect();
                let count = output.buffer::<u32>(1)[0] as usize;
                assert_eq!(count, expected.len());
                let mut found = output.buffer::<u32>(2);
                assert!(found[count..].iter().all(|x| *x == u32::MAX));
                found.truncate(count);
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected);
            });
    }
}

#[test]
fn grids_wait_for_all_their_blocks() {
    for (n_blocks, n_threads, steps) in [(1u32, 64u32, 3u32), (2, 32, 4), (5, 48, 7), (16, 32, 2)] {
        for own_barrier in [0u32, 1] {
            let n = n_blocks * n_threads;
            let mut expected: Vec<u32> = (0..n).map(|i| i * i + 1).collect();
            let run = Run::new("groups_grid", n_blocks, n_threads)
                .cooperative()
                .value(steps)
                .value(own_barrier)
                .pointer(&expected)
                .uninitialized::<u32>(n as usize);
            for _ in 0..steps {
                let n = n as usize;
                expected = (0..n)
                    .map(|i| expected[i].wrapping_add(expected[(i + n / 2) % n]))
                    .collect();
            }
            run.check(|output| {
                let found = output.buffer::<u32>((steps % 2) as usize);
                assert_eq!(found, expected, "{n_blocks} blocks");
            });
        }
    }
}

/// What the types cannot stop, the simulator reports.
#[test]
fn a_collective_call_of_half_a_warp_is_found() {
    Run::new("groups_half_a_warp", 1, 32)
        .uninitialized::<u32>(32)
        .fails(|reports, _| {
            assert!(
                reports
                    .iter()
                    .any(|report| matches!(report.kind, Kind::WarpMask | Kind::Deadlock)),
                "{reports:?}"
            );
        });
}

#[test]
fn a_block_that_does_not_come_to_the_grids_barrier_is_found() {
    Run::new("groups_missing_block", 4, 32)
        .cooperative()
        .step_limit(200_000)
        .uninitialized::<u32>(128)
        .fails(|reports, _| {
            assert!(
                reports
                    .iter()
                    .any(|report| matches!(report.kind, Kind::StepLimit | Kind::Deadlock)),
                "{reports:?}"
            );
        });
}
