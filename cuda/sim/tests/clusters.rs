//! Clusters of blocks: programs that nvcc has compiled, whose results are those of the host in every
//! order of the threads; what launches ask for; and kernels with one fault each, beside their right
//! twins.

mod machine;

use ptx_sim::{AllocationKind, Arguments, Device, Kind, Launch, LaunchError, Options, Report};

use machine::{Machine, arguments, line};

/// Runs a test with several orders of warps and blocks.
fn with_seeds(test: impl Fn(&Machine)) {
    for seed in 1..=4 {
        test(&Machine::new(
            "h100",
            include_str!("ptx/clusters.ptx"),
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

/// What a kernel of this body does in a cluster of two blocks.
///
/// It finds `%out`, the address of 4 KiB that hold zeros; `%i`, the number of its thread; `%rank` and
/// `%next`, the ranks of its block and of the other one; `%own`, the address of its thread's 4 bytes in
/// shared memory, and `%there`, that of the same thread's in the other block.
fn run(body: &str, threads: u32, seed: u64) -> (Result<(), LaunchError>, Vec<Report>) {
    let ptx = format!(
        ".version 8.6\n.target sm_90a\n.address_size 64\n\
         .visible .entry test(.param .u64 out)\n{{\n\
         .shared .align 16 .b8 tile[1024]; .shared .align 8 .b64 bars[2];\n\
         .reg .pred %p<8>; .reg .b32 %w<32>, %i, %rank, %next, %own, %there, %bars; .reg .b64 %l<16>, %out;\n\
         ld.param.u64 %out, [out]; mov.u32 %i, %tid.x; mov.u32 %rank, %cluster_ctarank;\n\
         xor.b32 %next, %rank, 1; mov.u32 %own, tile; mad.lo.u32 %own, %i, 4, %own;\n\
         mapa.shared::cluster.u32 %there, %own, %next; mapa.shared::cluster.u32 %bars, bars, %next;\n\
         {}\nret;\n}}\n",
        // A line each: reports name the line.
        body.replace("; ", ";\n")
    );
    let device = Device::new(Options {
        seed,
        workers: 1,
        step_limit: 5_000_000,
        ..Options::default()
    });
    let out = device
        .memory()
        .allocate(4096, 256, AllocationKind::Device)
        .unwrap();
    device.memory().fill(out, &[0], 4096).unwrap();
    let program = device
        .load(&ptx)
        .unwrap_or_else(|error| panic!("{error}\n{ptx}"));
    let launch = Launch {
        grid: [2, 1, 1],
        block: [threads, 1, 1],
        cluster: Some([2, 1, 1]),
        arguments: Arguments::Packed(&out.to_le_bytes()),
        ..Launch::default()
    };
    let launched = device.launch(program.kernel("test").unwrap(), &launch);
    let mut reports = device.reports();
    if let Err(LaunchError::Fault(report)) = &launched {
        reports.push(*report.clone());
    }
    (launched.map(drop), reports)
}

const SEEDS: u64 = 8;
const SYNC: &str = "barrier.cluster.arrive; barrier.cluster.wait;";

/// A kernel of this body and so many threads is right: nothing is found, in no order.
#[track_caller]
fn is_right(body: &str, threads: u32) {
    let body = body.replace("SYNC;", SYNC);
    for seed in 0..SEEDS {
        let (launched, reports) = run(&body, threads, seed);
        let reports: Vec<_> = reports.iter().map(Report::to_string).collect();
        assert!(
            launched.is_ok() && reports.is_empty(),
            "seed {seed}, {launched:?} of\n{body}\n{}",
            reports.join("\n")
        );
    }
}

/// It is wrong: this is found, with these words, in every order.
#[track_caller]
fn is_wrong(body: &str, threads: u32, kind: Kind, words: &[&str]) {
    let body = body.replace("SYNC;", SYNC);
    for seed in 0..SEEDS {
        let (launched, reports) = run(&body, threads, seed);
        let texts: Vec<_> = reports.iter().map(Report::to_string).collect();
        let found = reports.iter().zip(&texts).any(|(report, text)| {
            report.kind == kind && words.iter().all(|word| text.contains(word))
        });
        assert!(
            found && launched.is_err() == kind.is_fault(),
            "seed {seed}, expected {kind:?} with {words:?}, {launched:?} of\n{body}\n{}",
            texts.join("\n")
        );
    }
}

#[test]
fn a_block_may_not_end_while_others_use_its_memory() {
    let right = "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_right(right, 64);
    let words = [
        "may have ended",
        "ld.shared::cluster.u32 %w1, [%there]",
        "variable `tile`",
        "ends it",
        "of the shared memory of block (",
    ];
    let wrong = "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there];";
    is_wrong(wrong, 64, Kind::EndedBlock, &words);
    // The other block alone waits: that is enough for its own memory.
    let half = "st.shared.u32 [%own], %i; SYNC; setp.eq.u32 %p0, %rank, 0;\
                @%p0 ld.shared::cluster.u32 %w1, [%there]; barrier.cluster.arrive;\
                @%p0 bra END; barrier.cluster.wait; END:";
    is_right(half, 64);
    let atomic = "st.shared.u32 [%own], %i; SYNC; red.shared::cluster.add.u32 [%there], 1;";
    is_wrong(
        atomic,
        64,
        Kind::EndedBlock,
        &["updates", "red.shared::cluster"],
    );
    // A relaxed arrival tells nothing of the read before it.
    let relaxed = "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there];\
                   barrier.cluster.arrive.relaxed; barrier.cluster.wait;";
    is_wrong(relaxed, 64, Kind::EndedBlock, &["reads"]);
}

#[test]
fn a_read_of_other_blocks_memory_needs_order() {
    let wrong = "st.shared.u32 [%own], %i; bar.sync 0; ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    let words = [
        "thread (",
        "of block (0, 0, 0)",
        "of block (1, 0, 0)",
        "st.shared.u32 [%own], %i",
        "ld.shared::cluster.u32 %w1, [%there]",
    ];
    is_wrong(wrong, 32, Kind::SharedRace, &words);
    // A barrier of each block orders nothing between them, that of the cluster does both.
    is_right(
        "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there]; SYNC;",
        96,
    );
    let split = "st.shared.u32 [%own], %i; barrier.cluster.arrive; st.shared.u32 [%own+512], %i; \
                 barrier.cluster.wait; ld.shared::cluster.u32 %w1, [%there+512]; SYNC;";
    is_wrong(split, 64, Kind::SharedRace, &["%own+512"]);
    let relaxed = "st.shared.u32 [%own], %i; barrier.cluster.arrive.relaxed; barrier.cluster.wait; \
                   ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_wrong(relaxed, 64, Kind::SharedRace, &["reads", "writes it"]);
    let fenced = "st.shared.u32 [%own], %i; fence.acq_rel.cluster; barrier.cluster.arrive.relaxed; \
                  barrier.cluster.wait; ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_right(fenced, 64);
    // The same at an mbarrier of the other block, whose waits are relaxed as well.
    let mbarrier = "setp.ne.u32 %p0, %i, 0; @%p0 bra READY; mbarrier.init.shared.b64 [bars], 32; \
                    fence.mbarrier_init.release.cluster; READY: SYNC; \
                    st.shared::cluster.u32 [%there], %i; RELEASE; \
                    mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%bars]; \
                    MORE: mbarrier.try_wait.parity.relaxed.cluster.shared::cta.b64 %p1, [bars], 0; \
                    @!%p1 bra MORE; ACQUIRE; ld.shared.u32 %w1, [%own]; SYNC;";
    let [fence, nothing] = ["fence.acq_rel.cluster", "mov.u32 %w9, 0"];
    let with = |release, acquire| {
        mbarrier
            .replace("RELEASE", release)
            .replace("ACQUIRE", acquire)
    };
    is_right(&with(fence, fence), 32);
    for body in [with(nothing, fence), with(fence, nothing)] {
        is_wrong(&body, 32, Kind::SharedRace, &["ld.shared.u32 %w1"]);
    }
}

#[test]
fn threads_arrive_once_and_wait_once() {
    let words = ["without having arrived"];
    is_wrong(
        "SYNC; barrier.cluster.wait;",
        64,
        Kind::BarrierMismatch,
        &words,
    );
    let twice = "barrier.cluster.arrive; barrier.cluster.arrive; barrier.cluster.wait; SYNC;";
    is_wrong(
        twice,
        64,
        Kind::BarrierMismatch,
        &["again without having waited"],
    );
    is_right("SYNC; SYNC; SYNC;", 48);
    // What has ended is not waited for.
    is_right("setp.eq.u32 %p0, %i, 3; @%p0 exit; SYNC;", 64);
    is_right("setp.eq.u32 %p0, %rank, 1; @%p0 exit; SYNC; SYNC;", 64);
    let apart = "setp.lt.u32 %p0, %i, 5; @%p0 bra ONE; barrier.cluster.arrive.aligned; bra WAIT; \
                 ONE: barrier.cluster.arrive.release.aligned; WAIT: barrier.cluster.wait.aligned;";
    is_wrong(
        apart,
        32,
        Kind::BarrierMismatch,
        &["in different instructions"],
    );
    is_right(&apart.replace(".aligned", ""), 32);
    let stuck = "setp.eq.u32 %p0, %rank, 0; @%p0 bra LAST; mbarrier.init.shared.b64 [bars], 1; \
                 MORE: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra MORE; LAST: SYNC;";
    let words = [
        "all threads of the cluster wait",
        "at the barrier of the cluster",
        "of block (1, 0, 0)",
    ];
    is_wrong(stuck, 1, Kind::Deadlock, &words);
}

#[test]
fn addresses_say_which_block_they_are_of() {
    let far = "mov.u32 %w1, 2; mapa.shared::cluster.u32 %w2, %own, %w1; st.shared::cluster.u32 [%w2], %i; SYNC;";
    is_wrong(
        far,
        32,
        Kind::OutOfBounds,
        &["a block of rank 2", "has 2 blocks"],
    );
    // It matters only if it is used.
    is_right(
        "mov.u32 %w1, 2; mapa.shared::cluster.u32 %w2, %own, %w1;",
        32,
    );
    let foreign = "st.shared.u32 [%there], %i; SYNC;";
    is_wrong(
        foreign,
        32,
        Kind::WrongSpace,
        &["`.shared::cta`", "st.shared.u32 [%there]"],
    );
    is_right("st.shared::cluster.u32 [%there], %i; SYNC;", 32);
    is_right("st.shared::cluster.u32 [%own], %i; SYNC;", 32);
    let beyond = "st.shared::cluster.u32 [%there+1024], %i; SYNC;";
    is_wrong(
        beyond,
        32,
        Kind::OutOfBounds,
        &["of the shared memory of block (", "right behind the end"],
    );
    let empty = "ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_wrong(
        empty,
        32,
        Kind::UninitializedShared,
        &["of the shared memory of block ("],
    );
    let global = "mapa.u64 %l1, %out, 1;";
    is_wrong(global, 32, Kind::WrongSpace, &["mapa.u64", "global memory"]);
    // Generic addresses, and what is asked of them.
    let generic = "cvt.u64.u32 %l1, %own; cvta.shared.u64 %l1, %l1; mapa.u64 %l2, %l1, %next; \
                   cvt.u64.u32 %l3, %there; cvta.shared::cluster.u64 %l3, %l3; \
                   setp.ne.u64 %p0, %l2, %l3; @%p0 trap; \
                   isspacep.shared %p1, %l1; @!%p1 trap; isspacep.shared::cta %p1, %l2; @%p1 trap; \
                   isspacep.shared::cluster %p1, %l1; @!%p1 trap; \
                   isspacep.shared::cluster %p1, %l2; @!%p1 trap; \
                   isspacep.shared::cluster %p1, %out; @%p1 trap; \
                   getctarank.u64 %w1, %l2; setp.ne.u32 %p2, %w1, %next; @%p2 trap; \
                   getctarank.shared::cluster.u32 %w1, tile; setp.ne.u32 %p2, %w1, %rank; @%p2 trap; \
                   getctarank.shared::cluster.u32 %w1, %there; setp.ne.u32 %p2, %w1, %next; @%p2 trap; \
                   mapa.shared::cluster.u64 %l4, tile+4, %next; cvt.u32.u64 %w2, %l4; \
                   mapa.shared::cluster.u32 %w3, tile, %next; add.u32 %w3, %w3, 4; \
                   setp.ne.u32 %p2, %w2, %w3; @%p2 trap; \
                   cvta.to.shared::cluster.u64 %l5, %l2; cvt.u32.u64 %w4, %l5; \
                   setp.ne.u32 %p2, %w4, %there; @%p2 trap; \
                   atom.exch.b32 %w5, [%l2], %rank; SYNC; ld.u32 %w6, [%l1]; \
                   setp.ne.u32 %p2, %w6, %next; @%p2 trap;";
    is_right(&generic.replace("atom.exch.b32 %w5,", "st.u32"), 32);
}
