//! `cuda_std::misc`, `cuda_std::cfg`, and what is re-exported, in the simulator.

use cuda_std_tests::Run;
use half::{bf16, f16};
use ptx_sim::Kind;

#[test]
fn clock_and_profiler_counter() {
    let run = |events: u32| {
        Run::new("misc_clock", 1, 4)
            .value(events)
            .uninitialized::<u64>(4)
    };
    run(8).check(|output| {
        for cycles in output.buffer::<u64>(0) {
            assert!(cycles > 0 && cycles < 1 << 32, "{cycles} cycles");
        }
    });
    run(9).fails(|reports, _| assert_eq!(reports[0].kind, Kind::Trap, "{}", reports[0]));
}

#[test]
fn breakpoint() {
    Run::new("misc_breakpoint", 1, 4).fails(|reports, _| {
        assert_eq!(reports[0].kind, Kind::Trap, "{}", reports[0]);
        let party = reports[0].party.as_ref().expect("a thread");
        assert_eq!(party.thread, [1, 0, 0]);
    });
}

#[test]
fn compute_capability() {
    let run = Run::new("misc_capability", 1, 1).uninitialized::<u32>(4);
    run.check(|output| assert_eq!(output.buffer::<u32>(0), [1, 1, 0, 1]));
}

#[test]
fn glam_and_vek() {
    let run = Run::new("misc_vectors", 1, 1)
        .pointer(&[[1.0_f32, 2.0, 3.0]])
        .pointer(&[[4.0_f32, 0.0, 3.0]])
        .uninitialized::<[f32; 3]>(3);
    run.check(|output| {
        let expected = [[6.0, 9.0, -8.0], [7.0, 5.0, 0.0], [5.0, 2.0, 6.0]];
        assert_eq!(output.buffer::<[f32; 3]>(2), expected);
    });
}

#[test]
fn halves() {
    let x: Vec<f32> = (0..64).map(|i| 1.37 * (i as f32 - 20.0).powi(5)).collect();
    let run = Run::new("misc_halves", 1, 64)
        .pointer(&x)
        .uninitialized::<[u16; 2]>(64);
    run.check(|output| {
        for (actual, &x) in output.buffer::<[u16; 2]>(1).into_iter().zip(&x) {
            let expected = [f16::from_f32(x).to_bits(), bf16::from_f32(x).to_bits()];
            assert_eq!(actual, expected, "{x}");
        }
    });
}
