//! `cuda_std::shared`, `#[address_space]` and `#[externally_visible]` in the simulator.

use cuda_std_tests::{Run, ptx};
use ptx_sim::{AllocationKind, Arguments, Device, Launch, Options};

/// Each block has its own: what another one wrote or counted is nowhere.
#[test]
fn statics_are_shared_by_a_block() {
    let values: Vec<u64> = (0..32).map(|i| i * i + 5).collect();
    let run = Run::new("shared_statics", 3, 32)
        .slice(&values)
        .uninitialized::<u64>(3 * 32);
    run.check(|output| {
        let expected: Vec<u64> = (0..3 * 32)
            .map(|thread| thread % 32)
            .map(|idx| values[31 - idx] * 1000 + values[31 - idx] + 1 + 3 + (0..32).sum::<u64>())
            .collect();
        assert_eq!(output.buffer::<u64>(1), expected);
    });
}

#[test]
fn a_reference_may_be_to_any_memory() {
    let values: Vec<u64> = (1..=8).collect();
    for (pick, expected) in [(0, 36), (1, 72)] {
        Run::new("shared_by_reference", 1, 1)
            .slice(&values)
            .value(pick)
            .uninitialized::<u64>(3)
            .check(|output| assert_eq!(output.buffer::<u64>(1), [72, 36, expected]));
    }
}

#[test]
fn constants_and_globals() {
    let device = Device::new(Options::default());
    let program = device.load(ptx()).unwrap_or_else(|error| panic!("{error}"));
    let (weights, bytes) = program
        .variable("SHARED_WEIGHTS")
        .expect("it has the name that Rust gives it");
    assert_eq!(bytes, 16);
    let memory = device.memory();
    let out = memory
        .allocate(12, 256, AllocationKind::Device)
        .expect("there is room");
    let kernel = program.kernel("shared_constants").expect("it is there");
    let launch = |idx: u32| {
        let (idx, address) = (idx.to_le_bytes(), out.to_le_bytes());
        let launch = Launch {
            arguments: Arguments::Values(&[&idx, &address]),
            ..Launch::default()
        };
        device
            .launch(kernel, &launch)
            .unwrap_or_else(|error| panic!("{error}"));
        let mut bytes = [0; 12];
        memory.read(out, &mut bytes).expect("it is there");
        bytemuck::cast::<_, [f32; 3]>(bytes)
    };
    assert_eq!(launch(2), [4.0, 5.0, 0.0]);
    assert_eq!(launch(7), [8.0, 19.0, 1.0]);
    memory
        .write(weights, bytemuck::bytes_of(&[0.5f32, 0.25, 0.125, 0.0625]))
        .expect("it is writable to the host");
    assert_eq!(launch(2), [0.125, 5.0, 2.0]);
    assert!(device.reports().is_empty());
}

#[test]
fn arrays_are_one_for_each_place() {
    Run::new("shared_arrays", 1, 1)
        .uninitialized::<u32>(5)
        .check(|output| assert_eq!(output.buffer::<u32>(0), [42, 42, 42, 1, 0]));
}

#[test]
fn dynamic_memory_is_the_launchs() {
    Run::new("shared_dynamic", 1, 64)
        .dynamic_shared(256)
        .uninitialized::<u32>(64)
        .check(|output| {
            let expected: Vec<u32> = (0..64).map(|idx| (63 - idx) * 3).collect();
            assert_eq!(output.buffer::<u32>(0), expected);
        });
    Run::new("shared_dynamic", 1, 64)
        .dynamic_shared(128)
        .uninitialized::<u32>(64)
        .fails(|reports, _| {
            let text = reports[0].to_string();
            assert!(text.contains("out of bounds"), "{text}");
        });
}

#[test]
fn tiles_hold_what_was_written() {
    // Bits in both words, so that none of them may be lost.
    let doubles: Vec<f64> = (0..32).map(|i| 1.0 / f64::from(i + 3)).collect();
    Run::new("shared_tiles", 1, 32)
        .slice(&doubles)
        .uninitialized::<f64>(64)
        .uninitialized::<f32>(32)
        .check(|output| {
            let of_others = (0..32).rev().map(|i| doubles[i] - i as f64);
            let expected: Vec<f64> = of_others.chain([doubles[3]; 32]).collect();
            assert_eq!(output.buffer::<f64>(1), expected);
            let sums = (0..32_u32).rev().map(|i| {
                let (of_four, of_two) = (i / 4 * 4, i / 2 * 2);
                (10 * of_four + 20 + 300 * of_two + 200) as f32
            });
            assert!(output.buffer::<f32>(2).into_iter().eq(sums));
        });
}

#[test]
fn functions_for_the_device_alone() {
    Run::new("shared_gpu_only", 1, 32)
        .uninitialized::<u32>(32)
        .check(|output| assert!(output.buffer::<u32>(0).into_iter().eq(0..32)));
}

#[test]
fn what_is_externally_visible_stays() {
    assert!(
        ptx().contains(".visible .func  (.param .b32 func_retval0) shared_called_from_elsewhere(")
    );
}
