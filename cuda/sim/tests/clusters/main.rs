//! Clusters of blocks: programs that nvcc has compiled, whose results are those of the host in every
//! order of the threads; what launches ask for; and kernels with one fault each, beside their right
//! twins.

mod faults;
#[path = "../findings/mod.rs"]
mod findings;
mod launches;
#[path = "../machine/mod.rs"]
mod machine;

use ptx_sim::{Arguments, Launch};

use machine::{Machine, arguments, line};

/// Runs a test with several orders of warps and blocks.
fn with_seeds(test: impl Fn(&Machine)) {
    for seed in 1..=4 {
        test(&Machine::new(
            "h100",
            include_str!("../ptx/clusters.ptx"),
            seed,
        ));
    }
}

/// Runs a kernel in clusters; nothing may be found.
#[track_caller]
fn launch(
    machine: &Machine,
    name: &str,
    [grid, block, cluster]: [[u32; 3]; 3],
    dynamic_shared: u32,
    arguments: &[&[u8]],
) {
    let launch = Launch {
        grid,
        block,
        cluster: Some(cluster),
        dynamic_shared,
        arguments: Arguments::Values(arguments),
        ..Launch::default()
    };
    let kernel = machine.program.kernel(name).unwrap();
    if let Err(error) = machine.device.launch(kernel, &launch) {
        panic!("{error}");
    }
    assert_eq!(machine.device.reports(), []);
}

#[test]
fn blocks_know_their_place_in_the_cluster() {
    let pack = |[x, y, z]: [u32; 3]| x | y << 8 | z << 16;
    with_seeds(|machine| {
        for cluster in [[1, 1, 1], [2, 1, 1], [3, 2, 1], [1, 2, 2], [2, 2, 2]] {
            let grid = [cluster[0] * 2, cluster[1] * 3, cluster[2]];
            let n_blocks = grid.iter().product::<u32>() as usize;
            let out = machine.allocate::<u32>(8 * n_blocks);
            launch(
                machine,
                "who",
                [grid, [40, 1, 1], cluster],
                0,
                arguments![out],
            );
            let mut expected = Vec::new();
            for z in 0..grid[2] {
                for y in 0..grid[1] {
                    for x in 0..grid[0] {
                        let index = [x % cluster[0], y % cluster[1], z % cluster[2]];
                        let rank = index[0] + cluster[0] * (index[1] + cluster[1] * index[2]);
                        let size = cluster.iter().product::<u32>();
                        expected.extend([
                            rank,
                            size,
                            pack(index),
                            pack(cluster),
                            40 * size,
                            40 * rank,
                            40 * rank + 33,
                            rank | (size - 1) << 8,
                        ]);
                    }
                }
            }
            assert_eq!(machine.download::<u32>(out, 8 * n_blocks), expected);
        }
    });
}

#[test]
fn a_histogram_is_spread_over_the_blocks() {
    let input: Vec<i32> = (0..3000_i32).map(|at| at * at % 257 - 20).collect();
    with_seeds(|machine| {
        for (n_bins, blocks) in [(64, 2), (200, 4), (97, 8)] {
            let values = machine.upload(&input);
            let bins = machine.upload(&vec![0_u32; n_bins]);
            let each = n_bins.div_ceil(blocks);
            let shape = [[2 * blocks as u32, 1, 1], [64, 1, 1], [blocks as u32, 1, 1]];
            let [n_bins_i, each_i, n] = [n_bins, each, input.len()].map(|count| count as i32);
            let values: &[&[u8]] = &[
                &bins.to_le_bytes(),
                &n_bins_i.to_le_bytes(),
                &each_i.to_le_bytes(),
                &values.to_le_bytes(),
                &n.to_le_bytes(),
            ];
            launch(machine, "histogram", shape, 4 * each as u32, values);
            let mut expected = vec![0; n_bins];
            for &value in &input {
                expected[value.clamp(0, n_bins as i32 - 1) as usize] += 1_u32;
            }
            assert_eq!(machine.download::<u32>(bins, n_bins), expected);
        }
    });
}

#[test]
fn a_kernel_may_ask_for_its_clusters() {
    let (rows, columns) = (3, 700);
    let input: Vec<f32> = (0..rows * columns).map(|at| (at % 37) as f32).collect();
    let expected: Vec<f32> = input.chunks(columns).map(|row| row.iter().sum()).collect();
    with_seeds(|machine| {
        let (values, sums) = (machine.upload(&input), machine.allocate::<f32>(rows));
        let shape = line(4 * rows as u32, 128);
        machine.launch("row_sums", shape, arguments![values, sums, columns as i32]);
        assert_eq!(machine.download::<f32>(sums, rows), expected);
    });
}

#[test]
fn numbers_go_round_a_ring_of_blocks() {
    with_seeds(|machine| {
        for (blocks, rounds) in [(2_usize, 5_usize), (4, 7), (8, 3)] {
            let input: Vec<u32> = (0..128 * blocks as u32).map(|at| at * 1000).collect();
            let (values, result) = (machine.upload(&input), machine.allocate::<u32>(input.len()));
            let shape = [[2 * blocks as u32, 1, 1], [64, 1, 1], [blocks as u32, 1, 1]];
            launch(
                machine,
                "ring",
                shape,
                0,
                arguments![values, result, rounds as i32],
            );
            let expected: Vec<u32> = (0..input.len())
                .map(|at| {
                    let (block, i) = (at / 64, at % 64);
                    let (cluster, rank) = (block / blocks, block % blocks);
                    let from = (rank + rounds * blocks - rounds) % blocks;
                    let i = if rounds % 2 == 1 { 63 - i } else { i };
                    input[(cluster * blocks + from) * 64 + i] + rounds as u32
                })
                .collect();
            assert_eq!(machine.download::<u32>(result, input.len()), expected);
        }
    });
}

#[test]
fn neighbours_exchange_the_edges_of_a_stencil() {
    with_seeds(|machine| {
        let (blocks, steps) = (4_usize, 5_i32);
        let mut cells: Vec<f32> = (0..64 * blocks).map(|at| (at * 7 % 64) as f32).collect();
        let (values, result) = (machine.upload(&cells), machine.allocate::<f32>(cells.len()));
        let shape = [[blocks as u32, 1, 1], [64, 1, 1], [blocks as u32, 1, 1]];
        launch(
            machine,
            "stencil",
            shape,
            0,
            arguments![values, result, steps],
        );
        for _ in 0..steps {
            let at = |index: Option<usize>| {
                index
                    .and_then(|index| cells.get(index))
                    .copied()
                    .unwrap_or(0.0)
            };
            cells = (0..cells.len())
                .map(|i| (at(i.checked_sub(1)) + 2.0 * cells[i] + at(Some(i + 1))) / 4.0)
                .collect();
        }
        assert_eq!(machine.download::<f32>(result, cells.len()), cells);
    });
}
