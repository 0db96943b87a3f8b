//! Counters of kernels whose counts are known by hand.

use ptx_sim::{
    AllocationKind, Arguments, Counters, Device, InstructionClass, Instructions, KernelProfile,
    Launch, Options, Properties,
};

/// What every body may use: a buffer in global memory in `%base`, the thread's number in `%thread`, and
/// `%address`, which is `%base` plus four times that; 16 KiB of shared memory in `tile`.
fn kernel(body: &str) -> String {
    format!(
        ".version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 buffer)
{{
    .shared .align 128 .b8 tile[16384];
    .reg .pred %p<4>;
    .reg .b16 %h<4>;
    .reg .b32 %thread, %lane, %r<32>;
    .reg .f32 %f<16>;
    .reg .f64 %d<4>;
    .reg .b64 %base, %address, %offset, %rd<8>;
    ld.param.u64 %base, [buffer];
    mov.u32 %thread, %tid.x;
    mul.wide.u32 %offset, %thread, 4;
    add.u64 %address, %base, %offset;
{body}
    ret;
}}
"
    )
}

fn profile_of(options: Options, body: &str, grid: u32, block: u32) -> KernelProfile {
    let device = Device::new(Options {
        profile: true,
        ..options
    });
    let program = device.load(&kernel(body)).unwrap();
    let memory = device.memory();
    let buffer = memory
        .allocate(1 << 20, 256, AllocationKind::Device)
        .unwrap();
    memory.fill(buffer, &[0], 1 << 20).unwrap();
    let launch = Launch {
        grid: [grid, 1, 1],
        block: [block, 1, 1],
        arguments: Arguments::Values(&[&buffer.to_le_bytes()]),
        ..Launch::default()
    };
    device
        .launch(program.kernel("k").unwrap(), &launch)
        .unwrap();
    let mut kernels = device.profile().kernels;
    assert_eq!(kernels.len(), 1);
    kernels.remove(0)
}

/// What a block does; the checks, which other tests are about, are off where a body reads what
/// nobody wrote.
fn run(body: &str, block: u32) -> Counters {
    let options = Options {
        checks: ptx_sim::Checks::from_list("bounds,alignment").unwrap(),
        ..Options::default()
    };
    profile_of(options, body, 1, block).counters
}

/// Sectors, ideal sectors and lines of one warp's loads.
fn sectors(body: &str) -> (u64, u64, u64) {
    let load = run(body, 32).memory.global.load;
    assert_eq!(load.requests, 1);
    (load.sectors, load.ideal_sectors, load.lines)
}

/// Wavefronts, ideal wavefronts of all that a warp does in shared memory by one instruction.
fn wavefronts(body: &str) -> (u64, u64) {
    let shared = run(body, 32).memory.shared.total();
    assert_eq!(shared.requests, 1);
    (shared.wavefronts, shared.ideal_wavefronts)
}

#[test]
fn sectors_are_those_of_the_addresses() {
    // 32 singles side by side are 128 bytes: 4 sectors, 1 line.
    assert_eq!(sectors("ld.global.f32 %f1, [%address];"), (4, 4, 1));
    // One sector further they lie in two lines; four bytes further, in a fifth sector.
    assert_eq!(sectors("ld.global.f32 %f1, [%address+32];"), (4, 4, 2));
    assert_eq!(sectors("ld.global.f32 %f1, [%address+4];"), (5, 4, 2));
    // Every second one: 8 sectors, of which half is asked for.
    let strided = |stride: u32| {
        format!(
            "mul.wide.u32 %rd1, %thread, {}; add.u64 %rd1, %rd1, %base; ld.global.f32 %f1, [%rd1];",
            4 * stride
        )
    };
    assert_eq!(sectors(&strided(2)), (8, 4, 2));
    assert_eq!(sectors(&strided(8)), (32, 4, 8));
    assert_eq!(sectors(&strided(32)), (32, 4, 32));
    // All read the same word.
    assert_eq!(sectors("ld.global.f32 %f1, [%base];"), (1, 1, 1));
    // Vectors of 16 bytes: 512 bytes.
    assert_eq!(
        sectors(
            "mul.wide.u32 %rd1, %thread, 16; add.u64 %rd1, %rd1, %base;
             ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1];"
        ),
        (16, 16, 4)
    );
    // A byte each: 32 bytes.
    assert_eq!(
        sectors("cvt.u64.u32 %rd1, %thread; add.u64 %rd1, %rd1, %base; ld.global.u8 %r1, [%rd1];"),
        (1, 1, 1)
    );
    // The addresses backwards.
    assert_eq!(
        sectors(
            "sub.u32 %r1, 31, %thread; mul.wide.u32 %rd1, %r1, 4; add.u64 %rd1, %rd1, %base;
             ld.global.f32 %f1, [%rd1];"
        ),
        (4, 4, 1)
    );
    // A load that names no space counts where its address lies.
    assert_eq!(sectors("ld.f32 %f1, [%address];"), (4, 4, 1));
}

#[test]
fn bytes_asked_for_and_moved() {
    let counters = run(
        "mul.wide.u32 %rd1, %thread, 8; add.u64 %rd1, %rd1, %base;
         ld.global.f32 %f1, [%rd1]; st.global.f32 [%address], %f1;",
        128,
    );
    let (load, store) = (&counters.memory.global.load, &counters.memory.global.store);
    assert_eq!((load.requests, load.lanes, load.bytes), (4, 128, 512));
    assert_eq!(
        (load.sectors_per_request(), load.bytes_moved()),
        (8.0, 1024)
    );
    assert_eq!(
        (store.requests, store.bytes, store.bytes_moved()),
        (4, 512, 512)
    );
    assert_eq!(counters.global_bytes(), 1536);
}

#[test]
fn banks_conflict_where_words_differ() {
    let shared = |access: &str, address: &str| {
        format!("mov.u32 %r1, tile; {address} add.u32 %r2, %r2, %r1; {access}")
    };
    let load = |address: &str| wavefronts(&shared("ld.shared.f32 %f1, [%r2];", address));
    assert_eq!(load("mul.lo.u32 %r2, %thread, 4;"), (1, 1));
    // One word for all.
    assert_eq!(load("mov.u32 %r2, 64;"), (1, 1));
    // A column of a tile of 32 by 32, and of one with a padded row.
    assert_eq!(load("mul.lo.u32 %r2, %thread, 128;"), (32, 1));
    assert_eq!(load("mul.lo.u32 %r2, %thread, 132;"), (1, 1));
    // Every second word.
    assert_eq!(load("mul.lo.u32 %r2, %thread, 8;"), (2, 1));
    // Two words of a bank, each for half of the lanes.
    assert_eq!(
        load("and.b32 %r2, %thread, 1; mul.lo.u32 %r2, %r2, 128;"),
        (2, 1)
    );
    // Bytes of the same words.
    let bytes = shared("ld.shared.u8 %r3, [%r2];", "mov.u32 %r2, %thread;");
    assert_eq!(wavefronts(&bytes), (1, 1));
    // 8 bytes by half warps, 16 by quarters.
    let wide = |stride: u32| {
        let address = format!("mul.lo.u32 %r2, %thread, {stride};");
        wavefronts(&shared("ld.shared.v2.f32 {%f1, %f2}, [%r2];", &address))
    };
    assert_eq!(wide(8), (2, 2));
    assert_eq!(wide(16), (4, 2));
    assert_eq!(wide(128), (32, 2));
    let wider = |stride: u32| {
        let address = format!("mul.lo.u32 %r2, %thread, {stride};");
        wavefronts(&shared(
            "st.shared.v4.f32 [%r2], {%f1, %f2, %f3, %f4};",
            &address,
        ))
    };
    assert_eq!(wider(16), (4, 4));
    assert_eq!(wider(32), (8, 4));
    assert_eq!(wider(128), (32, 4));
    assert_eq!(wider(144), (4, 4));
}

#[test]
fn atomic_updates_of_one_word_come_one_by_one() {
    let counters = run(
        "mov.u32 %r1, tile; st.shared.u32 [%r1], 0; bar.sync 0;
         atom.shared.add.u32 %r2, [%r1], 1;
         red.global.add.u32 [%address], 1; red.global.add.u32 [%base], 1;",
        32,
    );
    let atomic = &counters.memory.shared.atomic;
    assert_eq!(
        (atomic.requests, atomic.lanes, atomic.wavefronts),
        (1, 32, 32)
    );
    assert_eq!(atomic.conflicts(), 31);
    let global = &counters.memory.global.atomic;
    assert_eq!((global.requests, global.sectors, global.bytes), (2, 5, 256));
    assert_eq!(counters.class(InstructionClass::Atomic).warps, 3);
    // Each lane its own word: no conflict.
    let spread = run(
        "mul.lo.u32 %r1, %thread, 4; mov.u32 %r2, tile; add.u32 %r1, %r1, %r2;
         atom.shared.add.u32 %r2, [%r1], 1;",
        32,
    );
    assert_eq!(spread.memory.shared.atomic.conflicts(), 0);
}

#[test]
fn instructions_of_a_straight_line() {
    // The five before the body, four in it, the return; a second warp of 8 lanes.
    let counters = run(
        "ld.global.f32 %f1, [%address]; fma.rn.f32 %f2, %f1, %f1, %f1;
         cvt.rzi.s32.f32 %r1, %f2; st.global.f32 [%address], %f2;",
        40,
    );
    assert_eq!(
        counters.instructions,
        Instructions {
            warps: 2 * 9,
            lanes: 40 * 9,
            guarded_lanes: 40 * 9
        }
    );
    assert_eq!(counters.instructions.average_lanes(), 20.0);
    let warps = |class| counters.class(class).warps;
    use InstructionClass::*;
    let classes = [
        Parameter, Move, Integer, Global, Single, Conversion, Control,
    ];
    assert_eq!(classes.map(warps), [2, 2, 4, 4, 2, 2, 2]);
    let sum = InstructionClass::ALL.map(warps).iter().sum::<u64>();
    assert_eq!(sum, counters.instructions.warps);
    assert_eq!(counters.operations.single, 2 * 40);
    assert_eq!(counters.operations.flops(), 80);
    // 40 words are loaded from 5 sectors and stored to as many: 320 bytes.
    assert_eq!(counters.arithmetic_intensity(), Some(80.0 / 320.0));
}

#[test]
fn a_guard_leaves_lanes_out() {
    let counters = run(
        "setp.lt.u32 %p1, %thread, 8; @%p1 ld.global.f32 %f1, [%address];
         setp.lt.u32 %p2, %thread, 0; @%p2 fma.rn.f32 %f1, %f1, %f1, %f1;",
        32,
    );
    let loads = counters.class(InstructionClass::Global);
    assert_eq!((loads.warps, loads.lanes, loads.guarded_lanes), (1, 32, 8));
    assert_eq!(counters.memory.global.load.sectors, 1);
    // An instruction that no lane's guard lets run is taken nevertheless, and does nothing.
    let fma = counters.class(InstructionClass::Single);
    assert_eq!((fma.warps, fma.guarded_lanes), (1, 0));
    assert_eq!(counters.operations.single, 0);
    assert_eq!(counters.branches, 0);
}

#[test]
fn halves_of_a_warp_go_different_ways() {
    let body = "mov.u32 %lane, %laneid; setp.lt.u32 %p1, %thread, 32; @%p1 bra LOW;
        mul.f32 %f1, %f1, %f1; mul.f32 %f1, %f1, %f1; bra JOIN;
        LOW: add.f32 %f1, %f1, %f1;
        JOIN: max.f32 %f1, %f1, %f1;";
    for seed in 0..20 {
        let options = Options {
            seed,
            ..Options::default()
        };
        let counters = profile_of(options, body, 1, 64).counters;
        // Warp 0 takes the first way whole, warp 1 the second.
        assert_eq!((counters.branches, counters.divergent_branches), (3, 0));
        let options = Options {
            seed,
            ..Options::default()
        };
        let body = body.replace("%thread, 32", "%lane, 16");
        let counters = profile_of(options, &body, 1, 64).counters;
        // Both warps part, and meet again.
        assert_eq!((counters.branches, counters.divergent_branches), (4, 2));
        let single = counters.class(InstructionClass::Single);
        assert_eq!((single.warps, single.lanes), (2 * 4, 2 * (3 * 16 + 32)));
    }
}

#[test]
fn lanes_meet_behind_loops_of_different_lengths() {
    // Lane n goes round n + 1 times; behind the loop all are together.
    let body = "mov.u32 %r1, 0;
        LOOP: add.u32 %r1, %r1, 1; setp.le.u32 %p1, %r1, %thread; @%p1 bra LOOP;
        mul.f32 %f1, %f1, %f1;";
    for seed in 0..10 {
        let options = Options {
            seed,
            ..Options::default()
        };
        let counters = profile_of(options, body, 1, 32).counters;
        assert_eq!(counters.class(InstructionClass::Single).warps, 1);
        assert_eq!((counters.branches, counters.divergent_branches), (32, 31));
        // Two instructions a round, and two before the body.
        let integer = counters.class(InstructionClass::Integer);
        assert_eq!(
            (integer.warps, integer.lanes),
            (2 + 64, 64 + 2 * 32 * 33 / 2)
        );
    }
}

#[test]
fn a_loop_of_known_length() {
    let counters = run(
        "mov.u32 %r1, 0;
         LOOP: fma.rn.f32 %f1, %f1, %f1, %f1; fma.rn.f64 %d1, %d1, %d1, %d1;
         add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 100; @%p1 bra LOOP;
         bar.sync 0; bar.warp.sync -1;",
        64,
    );
    assert_eq!(counters.operations.single, 2 * 100 * 64);
    assert_eq!(counters.operations.double, 2 * 100 * 64);
    assert_eq!((counters.branches, counters.divergent_branches), (200, 0));
    assert_eq!(counters.barriers, 2);
    assert_eq!(counters.class(InstructionClass::Barrier).warps, 4);
}

#[test]
fn an_indexed_branch_diverges_where_its_indices_differ() {
    let body = |index: &str| {
        format!(
            "{index} TABLE: .branchtargets A, B; brx.idx %r1, TABLE;
             A: add.f32 %f1, %f1, %f1; B: add.f32 %f1, %f1, %f1;"
        )
    };
    let counters = run(&body("and.b32 %r1, %thread, 1;"), 32);
    assert_eq!((counters.branches, counters.divergent_branches), (1, 1));
    let counters = run(&body("mov.u32 %r1, 1;"), 32);
    assert_eq!((counters.branches, counters.divergent_branches), (1, 0));
}

#[test]
fn products_of_matrices_are_two_operations_for_each_pair() {
    let counters = run(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4},
            {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};
         mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r10, %r11, %r12, %r13},
            {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%r10, %r11, %r12, %r13};",
        64,
    );
    assert_eq!(counters.operations.matrix, 2 * 2 * 16 * 8 * 16);
    assert_eq!(counters.operations.integer_matrix, 2 * 2 * 16 * 8 * 32);
    assert_eq!(counters.operations.flops(), 2 * 2 * 16 * 8 * 16);
    assert_eq!(counters.class(InstructionClass::Matrix).warps, 4);
}

#[test]
fn rows_of_matrices_go_through_the_banks_eight_at_a_time() {
    let rows = |stride: u32| {
        wavefronts(&format!(
            "mul.lo.u32 %r1, %thread, {stride}; mov.u32 %r2, tile; add.u32 %r1, %r1, %r2;
             ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{%r3, %r4, %r5, %r6}}, [%r1];"
        ))
    };
    assert_eq!(rows(16), (4, 4));
    assert_eq!(rows(128), (32, 4));
    assert_eq!(rows(144), (4, 4));
}

#[test]
fn asynchronous_copies_count_on_both_sides() {
    let counters = run(
        "mul.lo.u32 %r1, %thread, 16; mov.u32 %r2, tile; add.u32 %r1, %r1, %r2;
         mul.wide.u32 %rd1, %thread, 16; add.u64 %rd1, %rd1, %base;
         cp.async.cg.shared.global [%r1], [%rd1], 16; cp.async.wait_all;",
        32,
    );
    let memory = &counters.memory;
    assert_eq!(
        (memory.global.copy.requests, memory.global.copy.sectors),
        (1, 16)
    );
    assert_eq!(
        (memory.shared.copy.requests, memory.shared.copy.wavefronts),
        (1, 4)
    );
    assert_eq!(counters.class(InstructionClass::Copy).warps, 2);
    assert_eq!(counters.global_bytes(), 512);
}

#[test]
fn local_memory_counts_bytes() {
    let counters = run(
        ".local .align 8 .b8 stack[16]; st.local.u32 [stack], %thread; ld.local.u32 %r1, [stack];
         ld.local.u32 %r2, [stack];",
        32,
    );
    let memory = &counters.memory;
    assert_eq!(
        (memory.local_store.requests, memory.local_store.bytes),
        (1, 128)
    );
    assert_eq!(
        (memory.local_load.requests, memory.local_load.bytes),
        (2, 256)
    );
    assert_eq!(counters.class(InstructionClass::Local).warps, 3);
}

#[test]
fn launches_add_up() {
    let device = Device::new(Options {
        profile: true,
        properties: Properties::h100(),
        workers: 3,
        ..Options::default()
    });
    let program = device
        .load(&kernel("ld.global.f32 %f1, [%address];"))
        .unwrap();
    let memory = device.memory();
    let buffer = memory.allocate(4096, 256, AllocationKind::Device).unwrap();
    memory.fill(buffer, &[0], 4096).unwrap();
    for (grid, block) in [(20, 64), (30, 64), (1, 1024)] {
        let launch = Launch {
            grid: [grid, 1, 1],
            block: [block, 1, 1],
            arguments: Arguments::Values(&[&buffer.to_le_bytes()]),
            ..Launch::default()
        };
        let kernel = program.kernel("k").unwrap();
        let summary = device.launch(kernel, &launch).unwrap();
        assert_eq!(summary.steps, u64::from(grid) * u64::from(block) / 32 * 6);
    }
    let profile = device.profile();
    let [kernel] = &profile.kernels[..] else {
        panic!("{profile:?}");
    };
    assert_eq!(
        (kernel.launches, kernel.blocks, kernel.threads),
        (3, 51, 4224)
    );
    assert_eq!(kernel.counters.instructions.warps, 4224 / 32 * 6);
    assert_eq!(kernel.counters.memory.global.load.requests, 4224 / 32);
    let shapes: Vec<_> = kernel
        .shapes
        .iter()
        .map(|shape| (shape.block, shape.launches))
        .collect();
    assert_eq!(shapes, [([64, 1, 1], 2), ([1024, 1, 1], 1)]);
    // Without the switch nothing is counted.
    let device = Device::new(Options::default());
    let program = device.load(&kernel_without_memory()).unwrap();
    device
        .launch(program.kernel("k").unwrap(), &Launch::default())
        .unwrap();
    assert!(device.profile().kernels.is_empty());
}

fn kernel_without_memory() -> String {
    ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k() { ret; }".to_owned()
}

#[test]
fn lines_have_what_was_inlined_into_them() {
    let device = Device::new(Options {
        profile: true,
        ..Options::default()
    });
    let program = device
        .load(
            ".version 8.0
.target sm_80
.address_size 64
.file 1 \"src/kernel.rs\"
.file 2 \"core/ops.rs\"
.visible .entry k()
{
    .reg .f32 %f<4>;
    .loc 1 10 5
    mov.f32 %f1, 0f3f800000;
    .loc 2 7 9 // @ 1:11:20
    add.f32 %f2, %f1, %f1;
    mul.f32 %f2, %f2, %f1;
    .loc 2 7 9 // @ 1:12:3
    add.f32 %f2, %f2, %f1;
    .loc 1 13 1
    ret;
}",
        )
        .unwrap();
    let launch = Launch {
        block: [32, 1, 1],
        ..Launch::default()
    };
    device
        .launch(program.kernel("k").unwrap(), &launch)
        .unwrap();
    let profile = device.profile();
    let lines: Vec<_> = profile.kernels[0]
        .lines
        .iter()
        .map(|line| {
            let counters = &line.counters;
            let own = line.own_instructions.warps;
            let flops = counters.operations.flops();
            (
                line.file.as_str(),
                line.line,
                own,
                counters.instructions.warps,
                flops,
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("core/ops.rs", 7, 3, 3, 96),
            ("src/kernel.rs", 10, 1, 1, 0),
            ("src/kernel.rs", 11, 0, 2, 64),
            ("src/kernel.rs", 12, 0, 1, 32),
            ("src/kernel.rs", 13, 1, 1, 0),
        ]
    );
}

#[test]
fn tables_listings_and_json_say_the_same() {
    let body = "ld.global.f32 %f1, [%address+4]; fma.rn.f32 %f1, %f1, %f1, %f1;
    mov.u32 %r1, tile; mad.lo.u32 %r1, %thread, 8, %r1; st.shared.f32 [%r1], %f1;";
    let device = Device::new(Options {
        profile: true,
        ..Options::default()
    });
    let program = device.load(&kernel(body)).unwrap();
    let memory = device.memory();
    let buffer = memory.allocate(8192, 256, AllocationKind::Device).unwrap();
    memory.fill(buffer, &[0], 8192).unwrap();
    let launch = Launch {
        grid: [2, 1, 1],
        block: [64, 1, 1],
        arguments: Arguments::Values(&[&buffer.to_le_bytes()]),
        ..Launch::default()
    };
    device
        .launch(program.kernel("k").unwrap(), &launch)
        .unwrap();
    let profile = device.profile();

    let table = profile.to_string();
    let words: Vec<_> = table.split_whitespace().collect();
    let table_has = |row: &str| {
        let row: Vec<_> = row.split_whitespace().collect();
        assert!(
            words.windows(row.len()).any(|words| words == row),
            "no {row:?} in:\n{table}"
        );
    };
    table_has("kernel k: 1 launch, 2 blocks, 128 threads;");
    table_has("instructions 40 100.0 % 32.0 32.0");
    table_has("FLOP, single 256");
    table_has("loads 4 20 5.00 4.00 512 640");
    table_has("stores 4 8 2.00 1.00 512 4");

    let listing = profile.listing(std::path::Path::new("."));
    let line = |of: &str| listing.lines().find(|line| line.contains(of)).unwrap();
    let load: Vec<_> = line("ld.global").split_whitespace().take(8).collect();
    // Two instructions of ten, by four warps.
    assert_eq!(
        load,
        [
            "20.0",
            "%",
            "8",
            "32.0",
            "256",
            "5.00",
            "17",
            "ld.global.f32"
        ]
    );
    let store: Vec<_> = line("st.shared").split_whitespace().take(8).collect();
    assert_eq!(
        store,
        ["30.0", "%", "12", "32.0", "4", "18", "mov.u32", "%r1,"]
    );
    // Lines that did nothing stand beside those that did.
    assert_eq!(
        line("add.u64 %address").split_whitespace().next(),
        Some("10.0")
    );
    assert_eq!(
        line(".reg .b64 %base").split_whitespace().nth(1),
        Some(".reg")
    );

    let json: serde_json::Value = serde_json::from_str(&profile.to_json()).unwrap();
    let kernel = &json["kernels"][0];
    assert_eq!(kernel["name"], "k");
    assert_eq!(kernel["shapes"][0]["block"], serde_json::json!([64, 1, 1]));
    let counters = &kernel["counters"];
    assert_eq!(counters["instructions"]["warps"], 40);
    assert_eq!(counters["classes"]["single"]["lanes"], 128);
    assert_eq!(counters["global"]["load"]["sectors"], 20);
    assert_eq!(counters["global"].get("store"), None);
    assert_eq!(counters["shared"]["store"]["wavefronts"], 8);
    assert_eq!(counters["operations"]["single"], 256);
    assert_eq!(kernel["lines"].as_array().unwrap().len(), 7);
}

/// Lines of a file that is there are shown with their text, others by their numbers.
#[test]
fn listings_have_the_source_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/a.rs"), "fn a() {\n    work();\n}\n").unwrap();
    let device = Device::new(Options {
        profile: true,
        ..Options::default()
    });
    let program = device
        .load(
            ".version 8.0\n.target sm_80\n.address_size 64\n.file 1 \"src/a.rs\"\n\
             .file 2 \"core/b.rs\"\n.visible .entry k()\n{\n.reg .f32 %f1;\n\
             .loc 2 9 1 // @ 1:2:5\nmov.f32 %f1, 0f00000000;\n.loc 1 7 1\nret;\n}",
        )
        .unwrap();
    device
        .launch(program.kernel("k").unwrap(), &Launch::default())
        .unwrap();
    let profile = device.profile();
    // What has no end is not there either.
    #[cfg(target_os = "linux")]
    {
        std::fs::create_dir(folder.path().join("core")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("core/b.rs")).unwrap();
    }
    let listing = profile.listing(folder.path());
    for part in [
        "kernel k, src/a.rs",
        "  2      work();",
        "(the file ends before this line)",
        " 50.0 % core/b.rs",
    ] {
        assert!(listing.contains(part), "no {part:?} in:\n{listing}");
    }
    let listing = profile.listing(&folder.path().join("elsewhere"));
    assert!(listing.contains("kernel k, core/b.rs"), "{listing}");
    assert!(!listing.contains("work"), "{listing}");
}

/// Of a kernel whose registers and shared memory are known by its PTX.
#[test]
fn ptxas_gives_the_occupancy() {
    let Some(ptxas) = ptx_sim::Profile::find_ptxas() else {
        eprintln!("ptxas_gives_the_occupancy found no ptxas: set PTXAS");
        return;
    };
    let device = Device::new(Options {
        profile: true,
        ..Options::default()
    });
    let text = kernel("bar.sync 0; st.shared.u32 [tile], %thread;");
    let program = device.load(&text).unwrap();
    let launch = Launch {
        block: [64, 1, 1],
        dynamic_shared: 4096,
        arguments: Arguments::Values(&[&[0; 8]]),
        ..Launch::default()
    };
    device.launch(program.kernel("k").unwrap(), &launch).ok();
    let mut profile = device.profile();
    profile.ask_ptxas(&ptxas).unwrap();
    let kernel = &profile.kernels[0];
    let resources = kernel.resources.as_ref().unwrap();
    assert_eq!((resources.static_shared, resources.stack_bytes), (16384, 0));
    assert!((4..=32).contains(&resources.registers), "{resources:?}");
    // 16 KiB, 4 KiB of the launch and 1 KiB of the system's go 10 times into 228 KiB.
    let occupancy = kernel.shapes[0].occupancy.as_ref().unwrap();
    assert_eq!(
        (occupancy.blocks, occupancy.warps, occupancy.max_warps),
        (10, 20, 64)
    );
    assert_eq!(occupancy.limit, ptx_sim::Limit::SharedMemory);
    assert!(
        profile.to_string().contains("limited by the shared memory"),
        "{profile}"
    );
    let nothing = std::path::Path::new("no-such-assembler");
    assert!(
        profile
            .ask_ptxas(nothing)
            .unwrap_err()
            .contains("no-such-assembler")
    );
}
