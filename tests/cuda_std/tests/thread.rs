//! `cuda_std::thread` in the simulator.

use cuda_std_tests::Run;

const GRID: [u32; 3] = [2, 3, 2];
const BLOCK: [u32; 3] = [4, 2, 3];

/// The threads of the grid in the order of `thread::index`, each with its indices.
fn threads() -> Vec<([u32; 3], [u32; 3])> {
    let indices = |[x, y, z]: [u32; 3]| -> Vec<[u32; 3]> {
        let rows = (0..z).flat_map(move |z| (0..y).map(move |y| (y, z)));
        rows.flat_map(|(y, z)| (0..x).map(move |x| [x, y, z]))
            .collect()
    };
    let (blocks, threads) = (indices(GRID), indices(BLOCK));
    let all = blocks
        .iter()
        .flat_map(|&block| threads.iter().map(move |&thread| (block, thread)));
    all.collect()
}

/// The index of a thread in the whole grid, along each dimension.
fn place(block: [u32; 3], thread: [u32; 3]) -> [u32; 3] {
    std::array::from_fn(|axis| block[axis] * BLOCK[axis] + thread[axis])
}

#[test]
fn indices_and_sizes() {
    let run = Run::new("thread_scalars", GRID, BLOCK).uninitialized::<[u32; 14]>(12 * 24);
    run.check(|output| {
        let places = output.buffer::<[u32; 14]>(0);
        for (actual, (block, thread)) in places.iter().zip(threads()) {
            let index_1d = place(block, thread)[0];
            let is_first = u32::from((block, thread) == ([0; 3], [0; 3]));
            let expected = [thread, block, BLOCK, GRID].concat();
            assert_eq!(actual[..12], expected);
            assert_eq!(actual[12..], [index_1d, is_first]);
        }
    });
}

#[test]
fn vectors() {
    let run = Run::new("thread_vectors", GRID, BLOCK).uninitialized::<[[u32; 3]; 6]>(12 * 24);
    run.check(|output| {
        let places = output.buffer::<[[u32; 3]; 6]>(0);
        for (actual, (block, thread)) in places.into_iter().zip(threads()) {
            let [x, y, z] = place(block, thread);
            let expected = [thread, block, BLOCK, GRID, [x, y, 32], [x, y, z]];
            assert_eq!(actual, expected);
        }
    });
}

#[test]
fn sync_threads() {
    let values: Vec<u32> = (0..64).map(|i| 3 * i + 1).collect();
    let run = Run::new("thread_sync", 1, 64)
        .slice(&values)
        .uninitialized::<u32>(64);
    run.check(|output| {
        let reversed: Vec<u32> = values.iter().copied().rev().collect();
        assert_eq!(output.buffer::<u32>(1), reversed);
    });
}

#[test]
fn sync_threads_with_predicates() {
    type Case<'a> = (&'a dyn Fn(u32) -> u32, [u32; 3]);
    let cases: [Case<'_>; 4] = [
        (&|_| 0, [0, 0, 0]),
        (&|i| i + 1, [96, 1, 1]),
        (&|i| u32::from(i == 50) << 31, [1, 0, 1]),
        (&|i| i % 3, [64, 0, 1]),
    ];
    for (predicate, expected) in cases {
        let predicates: Vec<u32> = (0..96).map(predicate).collect();
        let run = Run::new("thread_sync_reduce", 1, 96)
            .slice(&predicates)
            .uninitialized::<[u32; 4]>(96);
        run.check(|output| {
            for (idx, actual) in output.buffer::<[u32; 4]>(1).into_iter().enumerate() {
                assert_eq!(actual[..3], expected);
                assert_eq!(actual[3], predicates[(idx + 2) % 96]);
            }
        });
    }
}

#[test]
fn fences_and_nanosleep() {
    let run = Run::new("thread_fences", 2, 1)
        .cooperative()
        .uninitialized::<[u32; 3]>(1)
        .pointer(&[0_u32])
        .uninitialized::<u32>(1);
    run.check(|output| assert_eq!(output.buffer::<u32>(2), [101_112]));
}
