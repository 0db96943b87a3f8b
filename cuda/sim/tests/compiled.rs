//! What nvcc makes of calls, of switches and of builds for debugging. Whole programs are in
//! `tests/producers`.

mod machine;

use ptx_sim::{Kind, LaunchError};

use machine::{Machine, arguments, line};

/// What the program takes for the area of a circle of radius 1.
#[allow(clippy::approx_constant)]
const CIRCLE: f32 = 3.14159;

#[test]
fn functions_are_called() {
    let machine = Machine::new("b200", include_str!("ptx/calls.ptx"), 1);
    // A float, and three doubles behind a gap.
    let pair: Vec<u8> = [0.0_f64, 4.0, 5.0, 6.0].map(f64::to_le_bytes).concat();
    let mut pair = pair;
    pair[..4].copy_from_slice(&1.5_f32.to_le_bytes());
    for (which, first) in [(0_i32, 3.5_f32), (2, -0.5)] {
        let out = machine.upload(&[0.0_f32, 0.0, 0.0, 3.0, 2.0, 0.0]);
        machine.launch(
            "calls",
            line(1, 1),
            &[&out.to_le_bytes(), &pair, &which.to_le_bytes()],
        );
        let found: Vec<f32> = machine.download(out, 6);
        assert_eq!(
            found,
            [first, which as f32 + 1.0, 5.5, 3.0, 2.0, CIRCLE * 4.0]
        );
    }
    let out = machine.allocate::<f32>(6);
    let outcome = machine.try_launch(
        "calls",
        line(1, 1),
        &[&out.to_le_bytes(), &pair, &1_i32.to_le_bytes()],
    );
    match outcome {
        Err(LaunchError::Fault(report)) => assert_eq!(report.kind, Kind::InvalidCall),
        other => panic!("a call through a null pointer: {other:?}"),
    }
}

#[test]
fn a_switch_has_many_targets() {
    let machine = Machine::new("b200", include_str!("ptx/control.ptx"), 1);
    let values: Vec<i32> = (0..64).map(|i| i * 37 % 11).collect();
    let warp = |i: usize| i / 32 * 32..i / 32 * 32 + 32;
    let cases: [(i32, &dyn Fn(usize) -> i32); 6] = [
        (2, &|i| values[i].count_ones() as i32),
        (3, &|i| values[i ^ 1]),
        (4, &|i| {
            warp(i).fold(0, |bits, at| bits | i32::from(values[at] > 3) << (at % 32))
        }),
        (9, &|i| {
            values[i] + warp(i).map(|at| values[at]).sum::<i32>()
        }),
        (11, &|i| values[i] << 11),
        (12, &|i| values[i]),
    ];
    for (n, expected) in cases {
        let memory = machine.upload(&values);
        machine.launch("switches", line(2, 32), arguments![memory, n]);
        let expected: Vec<i32> = (0..64)
            .map(|i| match n {
                // The bits that come in from above are those of n.
                11 => ((i64::from(values[i]) | i64::from(n) << 32) << 3 >> 32) as i32,
                _ => expected(i),
            })
            .collect();
        assert_eq!(machine.download::<i32>(memory, 64), expected, "case {n}");
    }
}

#[test]
fn builds_for_debugging_run() {
    for ptx in [include_str!("ptx/lines.ptx"), include_str!("ptx/debug.ptx")] {
        let machine = Machine::new("b200", ptx, 1);
        let values: Vec<f32> = (0..40).map(|i| i as f32 / 32.0 - 0.3).collect();
        let memory = machine.upload(&values);
        machine.launch("debug", line(1, 64), arguments![memory, 40_i32]);
        let scaled = |x: f32, factor: f32| (x * factor).min(1.0);
        let expected: Vec<f32> = values
            .iter()
            .map(|&x| scaled(scaled(x, 2.0), 0.5))
            .collect();
        assert_eq!(machine.download::<f32>(memory, 40), expected);
    }
}
