//! How fast products of matrices by warps and by warpgroups run: multiply-adds per second on one thread of
//! the host, without and with checks.
//!
//! `cargo bench -p ptx_sim --bench matrix`. First single instructions in a loop, those of warpgroups with
//! factors in shared memory, then the tiled product of `tests/ptx/tensor.cu`, with its asynchronous copies
//! and `ldmatrix`. Each result is compared with one of the host before it is timed.

use half::f16;
use ptx_sim::{AllocationKind, Arguments, Checks, Device, Launch, Options};

const PTX: &str = include_str!("../tests/ptx/tensor.ptx");
const N_RUNS: usize = 7;
/// Rows, columns and depth of the tiled product.
const SIZE: usize = 256;
/// How often a warp runs the instruction.
const N_STEPS: u32 = 2000;
const N_WARPS: u32 = 8;

/// An instruction whose registers have 32 bits.
struct Instruction {
    name: &'static str,
    /// Multiply-adds.
    work: u64,
    /// The registers of the sum, and of the two factors.
    counts: [usize; 3],
    /// A register of ones.
    ones: u32,
    /// What one step adds to each element, if all factors are one.
    step: u32,
}

const fn instruction(
    name: &'static str,
    work: u64,
    counts: [usize; 3],
    ones: u32,
    step: u32,
) -> Instruction {
    Instruction {
        name,
        work,
        counts,
        ones,
        step,
    }
}

const INSTRUCTIONS: [Instruction; 5] = [
    instruction(
        "m16n8k16.row.col.f32.f16.f16.f32",
        2048,
        [4, 4, 2],
        0x3c00_3c00,
        16,
    ),
    instruction(
        "m16n8k16.row.col.f16.f16.f16.f16",
        2048,
        [2, 4, 2],
        0x3c00_3c00,
        16,
    ),
    instruction(
        "m16n8k16.row.col.f32.bf16.bf16.f32",
        2048,
        [4, 4, 2],
        0x3f80_3f80,
        16,
    ),
    instruction(
        "m16n8k8.row.col.f32.tf32.tf32.f32",
        1024,
        [4, 4, 2],
        0x3f80_0000,
        8,
    ),
    instruction(
        "m16n8k32.row.col.s32.s8.s8.s32",
        4096,
        [4, 4, 2],
        0x0101_0101,
        32,
    ),
];

/// A product by a warpgroup, both of whose factors are in shared memory with a swizzle of 128 bytes.
struct WarpgroupProduct {
    name: &'static str,
    n: u64,
    k: u64,
    ones: u32,
    /// What comes behind the descriptors.
    tail: &'static str,
}

const WARPGROUP_PRODUCTS: [WarpgroupProduct; 5] = [
    WarpgroupProduct {
        name: "m64n128k16.f32.f16.f16",
        n: 128,
        k: 16,
        ones: 0x3c00_3c00,
        tail: "1, 1, 1, 0, 0",
    },
    WarpgroupProduct {
        name: "m64n256k16.f32.f16.f16",
        n: 256,
        k: 16,
        ones: 0x3c00_3c00,
        tail: "1, 1, 1, 0, 0",
    },
    WarpgroupProduct {
        name: "m64n256k16.f32.bf16.bf16",
        n: 256,
        k: 16,
        ones: 0x3f80_3f80,
        tail: "1, 1, 1, 0, 0",
    },
    WarpgroupProduct {
        name: "m64n128k8.f32.tf32.tf32",
        n: 128,
        k: 8,
        ones: 0x3f80_0000,
        tail: "1, 1, 1",
    },
    WarpgroupProduct {
        name: "m64n128k32.s32.s8.s8",
        n: 128,
        k: 32,
        ones: 0x0101_0101,
        tail: "1",
    },
];

/// How often a warpgroup multiplies.
const N_PRODUCTS: u32 = 200;

fn main() {
    println!(
        "{:36} {:6} {:>30} {:>12}",
        "instruction", "checks", "multiply-adds a second", "one takes"
    );
    for instruction in &INSTRUCTIONS {
        let Instruction { name, work, .. } = *instruction;
        for (label, checks) in [("none", Checks::NONE), ("all", Checks::ALL)] {
            let seconds = time_instruction(instruction, checks);
            let steps = f64::from(N_STEPS * N_WARPS);
            println!(
                "{name:36} {label:6} {:>22.0} million {:>9.2} us",
                work as f64 * steps / seconds / 1e6,
                seconds / steps * 1e6
            );
        }
    }
    for product in &WARPGROUP_PRODUCTS {
        let WarpgroupProduct { name, n, k, .. } = *product;
        for (label, checks) in [("none", Checks::NONE), ("all", Checks::ALL)] {
            let seconds = time_warpgroup(product, checks);
            let steps = f64::from(N_PRODUCTS);
            println!(
                "{name:36} {label:6} {:>22.0} million {:>9.2} us",
                (64 * n * k) as f64 * steps / seconds / 1e6,
                seconds / steps * 1e6
            );
        }
    }
    for (label, checks) in [("none", Checks::NONE), ("all", Checks::ALL)] {
        let seconds = time_product(checks);
        println!(
            "{:36} {label:6} {:>22.0} million {:>9.1} ms a launch",
            "tiled product of tensor.cu",
            SIZE.pow(3) as f64 / seconds / 1e6,
            seconds * 1e3
        );
    }
}

fn device(checks: Checks) -> Device {
    Device::new(Options {
        checks,
        seed: 1,
        workers: 1,
        ..Options::default()
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The seconds of a launch that runs an instruction in a loop.
fn time_instruction(instruction: &Instruction, checks: Checks) -> f64 {
    let Instruction {
        name,
        counts: [d, a, b],
        ones,
        step,
        ..
    } = *instruction;
    let fill = |name: &str, count: usize, value: u32| -> String {
        (0..count)
            .map(|at| format!("mov.b32 %{name}{at}, {value};\n"))
            .collect()
    };
    let sums = list("d", d);
    let ptx = format!(
        ".version 8.5\n.target sm_90\n.address_size 64\n\
         .visible .entry test(.param .u64 out)\n{{\n\
         .reg .pred %p; .reg .b32 %d<4>, %a<4>, %b<2>, %step, %i; .reg .b64 %out;\n\
         ld.param.u64 %out, [out]; mov.u32 %i, %tid.x; mad.wide.u32 %out, %i, 4, %out;\n\
         {}{}{}mov.u32 %step, 0;\n\
         MORE: mma.sync.aligned.{name} {sums}, {}, {}, {sums};\n\
         add.u32 %step, %step, 1; setp.lt.u32 %p, %step, {N_STEPS}; @%p bra MORE;\n\
         st.global.b32 [%out], %d1; ret;\n}}\n",
        fill("d", d, 0),
        fill("a", a, ones),
        fill("b", b, ones),
        list("a", a),
        list("b", b),
    );
    let sum = step * N_STEPS;
    // All of them are exact, also as halves.
    let expected = match name {
        name if name.contains("s32") => sum,
        name if name.contains("f32") => (sum as f32).to_bits(),
        _ => 0x1_0001 * u32::from(f16::from_f32(sum as f32).to_bits()),
    };
    time_kernel(&ptx, checks, 32 * N_WARPS, expected)
}

/// `{%d0, %d1}`
fn list(name: &str, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|at| format!("%{name}{at}")).collect();
    format!("{{{}}}", names.join(", "))
}

/// The seconds of a launch in which a warpgroup multiplies matrices of ones.
fn time_warpgroup(product: &WarpgroupProduct, checks: Checks) -> f64 {
    let WarpgroupProduct {
        name,
        n,
        k,
        ones,
        tail,
    } = *product;
    let count = n as usize / 2;
    let sums = list("d", count);
    let zeros: String = (0..count)
        .map(|at| format!("mov.b32 %d{at}, 0;\n"))
        .collect();
    // Lines of 128 bytes: those of the first factor, then those of the second one.
    let bytes = (64 + n) * 128;
    let ptx = format!(
        ".version 8.5\n.target sm_90a\n.address_size 64\n\
         .visible .entry test(.param .u64 out)\n{{\n.shared .align 1024 .b8 tile[{bytes}];\n\
         .reg .pred %p; .reg .b32 %d<{count}>, %step, %i, %w<4>; .reg .b64 %out, %da, %db;\n\
         ld.param.u64 %out, [out]; mov.u32 %i, %tid.x; mad.wide.u32 %out, %i, 4, %out;\n\
         mov.u32 %w0, tile; mad.lo.u32 %w1, %i, 16, %w0; mov.u32 %w2, 0; mov.u32 %w3, {ones};\n\
         FILL: st.shared.v4.u32 [%w1], {{%w3, %w3, %w3, %w3}}; add.u32 %w1, %w1, 2048;\n\
         add.u32 %w2, %w2, 2048; setp.lt.u32 %p, %w2, {bytes}; @%p bra FILL;\n\
         fence.proxy.async.shared::cta; bar.sync 0;\n\
         shr.u32 %w0, %w0, 4; cvt.u64.u32 %da, %w0; or.b64 %da, %da, 0x4000004000000000;\n\
         add.u64 %db, %da, 512; {zeros}mov.u32 %step, 0;\n\
         MORE: wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.{name} {sums}, %da, %db, {tail};\n\
         wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n\
         add.u32 %step, %step, 1; setp.lt.u32 %p, %step, {N_PRODUCTS}; @%p bra MORE;\n\
         st.global.b32 [%out], %d1; ret;\n}}\n"
    );
    let sum = k as u32 * N_PRODUCTS;
    let expected = match name.contains("s32") {
        true => sum,
        false => (sum as f32).to_bits(),
    };
    time_kernel(&ptx, checks, 128, expected)
}

/// The seconds of a launch of a block whose threads each give one word.
fn time_kernel(ptx: &str, checks: Checks, threads: u32, expected: u32) -> f64 {
    let device = device(checks);
    let program = device.load(ptx).unwrap();
    let memory = device.memory();
    let out = memory
        .allocate(4 * u64::from(threads), 256, AllocationKind::Device)
        .unwrap();
    let launch = Launch {
        block: [threads, 1, 1],
        grid: [1; 3],
        arguments: Arguments::Values(&[&out.to_le_bytes()]),
        ..Launch::default()
    };
    let kernel = program.kernel("test").unwrap();
    let times = (0..N_RUNS).map(|_| device.launch(kernel, &launch).unwrap().time.as_secs_f64());
    let seconds = median(times.collect());
    let mut result = vec![0; 4 * threads as usize];
    memory.read(out, &mut result).unwrap();
    assert!(
        result
            .chunks(4)
            .all(|bytes| bytes == expected.to_le_bytes()),
        "another sum: {ptx}"
    );
    assert_eq!(device.reports(), [], "{ptx}");
    seconds
}

/// The seconds of a launch of the tiled product.
fn time_product(checks: Checks) -> f64 {
    let element = |index: usize, step: usize| f16::from_f32((index * step % 17) as f32 - 8.0);
    let first: Vec<f16> = (0..SIZE * SIZE).map(|index| element(index, 7)).collect();
    let second: Vec<f16> = (0..SIZE * SIZE).map(|index| element(index, 11)).collect();
    let mut expected = vec![0.0_f32; SIZE * SIZE];
    for row in 0..SIZE {
        for depth in 0..SIZE {
            for column in 0..SIZE {
                expected[row * SIZE + column] +=
                    f32::from(first[row * SIZE + depth]) * f32::from(second[depth * SIZE + column]);
            }
        }
    }
    let device = device(checks);
    let program = device.load(PTX).unwrap();
    let memory = device.memory();
    let upload = |values: &[f16]| {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let address = memory
            .allocate(bytes.len() as u64, 256, AllocationKind::Device)
            .unwrap();
        memory.write(address, &bytes).unwrap();
        address
    };
    let (a, b) = (upload(&first), upload(&second));
    let c = memory
        .allocate((SIZE * SIZE * 4) as u64, 256, AllocationKind::Device)
        .unwrap();
    let size = (SIZE as i32).to_le_bytes();
    let launch = Launch {
        grid: [SIZE as u32 / 64, SIZE as u32 / 64, 1],
        block: [128, 1, 1],
        arguments: Arguments::Values(&[
            &a.to_le_bytes(),
            &b.to_le_bytes(),
            &c.to_le_bytes(),
            &size,
            &size,
        ]),
        ..Launch::default()
    };
    let kernel = program.kernel("halves").unwrap();
    let times = (0..N_RUNS).map(|_| device.launch(kernel, &launch).unwrap().time.as_secs_f64());
    let seconds = median(times.collect());
    let mut result = vec![0; SIZE * SIZE * 4];
    memory.read(c, &mut result).unwrap();
    let found = result
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    assert!(found.eq(expected), "another product");
    assert_eq!(device.reports(), []);
    seconds
}
