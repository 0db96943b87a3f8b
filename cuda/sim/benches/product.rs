//! How fast kernels run: lane-instructions per second on one thread of the host, for two tiled
//! matrix products of this repository, without and with checks, and with counters.
//!
//! `cargo bench -p ptx_sim --bench product`. An instruction that a warp takes counts once for each
//! of the warp's lanes that are at it. Each product is compared with one of the host before it is
//! timed.

use ptx_sim::{AllocationKind, Arguments, Checks, Device, Launch, Options};

const PTX: &str = include_str!("../../../gpu/ptx/gpu.sm_80.ptx");
/// Rows and columns of all three matrices.
const SIZE: usize = 256;
const N_RUNS: usize = 7;

/// The kernels, and the side of the output's tile that one of their blocks computes.
const KERNELS: [(&str, usize); 2] = [("dense_forward_small", 32), ("dense_forward_large", 128)];

fn main() {
    // Small whole numbers: the sums are exact, in whatever order they are added.
    let element = |index: usize, step: usize| (index * step % 17) as f32 - 8.0;
    let first: Vec<_> = (0..SIZE * SIZE).map(|index| element(index, 7)).collect();
    let second: Vec<_> = (0..SIZE * SIZE).map(|index| element(index, 11)).collect();
    let mut expected = vec![0.0; SIZE * SIZE];
    for row in 0..SIZE {
        for depth in 0..SIZE {
            for column in 0..SIZE {
                expected[row * SIZE + column] +=
                    first[row * SIZE + depth] * second[depth * SIZE + column];
            }
        }
    }
    println!(
        "{:20} {:14} {:>28} {:>14}",
        "kernel", "checks", "lane-instructions a second", "a launch"
    );
    for (name, side) in KERNELS {
        for (label, checks, profile) in [
            ("none", Checks::NONE, false),
            ("all", Checks::ALL, false),
            ("none, counters", Checks::NONE, true),
        ] {
            let device = Device::new(Options {
                checks,
                seed: 1,
                step_limit: 20_000_000,
                workers: 1,
                profile,
                ..Options::default()
            });
            let memory = device.memory();
            let bytes = |values: &[f32]| -> Vec<u8> {
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect()
            };
            let size = (SIZE * SIZE * 4) as u64;
            let [a, b, c] =
                [(); 3].map(|()| memory.allocate(size, 256, AllocationKind::Device).unwrap());
            memory.write(a, &bytes(&first)).unwrap();
            memory.write(b, &bytes(&second)).unwrap();
            let program = device.load(PTX).unwrap();
            let kernel = program.kernel(name).unwrap();
            let length = ((SIZE * SIZE) as u64).to_le_bytes();
            let side_length = (SIZE as u32).to_le_bytes();
            let null = 0_u64.to_le_bytes();
            let no_activation = 0_u32.to_le_bytes();
            let n_blocks = (SIZE / side).pow(2) as u32;
            let arguments: [&[u8]; 12] = [
                &a.to_le_bytes(),
                &length,
                &b.to_le_bytes(),
                &length,
                &16_u64.to_le_bytes(),
                &null,
                &no_activation,
                &c.to_le_bytes(),
                &length,
                &side_length,
                &side_length,
                &side_length,
            ];
            let launch = Launch {
                grid: [n_blocks, 1, 1],
                block: [256, 1, 1],
                arguments: Arguments::Values(&arguments),
                ..Launch::default()
            };
            let mut rates = Vec::new();
            let mut times = Vec::new();
            for _ in 0..N_RUNS {
                let summary = device.launch(kernel, &launch).unwrap();
                rates.push(summary.lane_instructions as f64 / summary.time.as_secs_f64());
                times.push(summary.time.as_secs_f64());
            }
            assert_eq!(device.reports(), [], "{name}");
            let mut result = vec![0; size as usize];
            memory.read(c, &mut result).unwrap();
            assert!(
                result == bytes(&expected),
                "{name} computes another product"
            );
            rates.sort_by(f64::total_cmp);
            times.sort_by(f64::total_cmp);
            println!(
                "{name:20} {label:14} {:>20.0} million {:>11.1} ms",
                rates[N_RUNS / 2] / 1e6,
                times[N_RUNS / 2] * 1e3
            );
        }
    }
}
