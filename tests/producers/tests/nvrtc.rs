//! Programs that NVRTC compiled, as libraries do while they run.

use producers::{arguments, line, passes, program, text};
use ptx_sim::Kind;

#[test]
fn templates() {
    program(
        "nvrtc/jit",
        Kind::OutOfBounds,
        "right behind the end",
        |run| {
            let x: Vec<f64> = (0..101).map(|i| f64::from(i) * 0.25).collect();
            let (input, output) = (run.upload(&x), run.allocate::<f64>(101));
            run.launch(
                "map_double",
                line(1, 32),
                arguments![3.0_f64, input, output, 101],
            )?;
            run.expect(output, &x.iter().map(|x| 3.0 * x).collect::<Vec<_>>());

            let x: Vec<u16> = (0..100).map(|i| i * 601).collect();
            let (input, output) = (run.upload(&x), run.allocate::<u16>(100));
            run.launch(
                "map_short",
                line(2, 32),
                arguments![7_u16, input, output, 100],
            )?;
            run.expect(
                output,
                &x.iter().map(|x| x.wrapping_mul(7)).collect::<Vec<_>>(),
            );

            let x: Vec<f32> = (0..150).map(|i| (i * i % 17) as f32).collect();
            let (input, output) = (run.upload(&x), run.allocate::<f32>(150));
            run.launch("chain", line(3, 64), arguments![input, output, 150])?;
            let at = |i: usize| x.get(i).copied().unwrap_or(0.0);
            let value = |i: usize| (at(i.wrapping_sub(1)) + at(i + 1)) * 0.25 + at(i);
            run.expect(output, &(0..150).map(value).collect::<Vec<_>>());
            Ok(())
        },
    );
}

#[test]
fn pasted_types() {
    let (rows, columns) = (7_u64, 90_u64);
    program(
        "nvrtc/reduction",
        Kind::SharedRace,
        "nothing orders",
        |run| {
            let values: Vec<i8> = (0..630_u32).map(|i| (i * 57 % 251) as u8 as i8).collect();
            let (input, output) = (run.upload(&values), run.allocate::<i64>(7));
            let shape = line(3, 64).shared(64 * 8);
            run.launch("reduce", shape, arguments![input, output, rows, columns])?;
            let sum = |row: &[i8]| row.iter().map(|&value| i64::from(value)).sum();
            run.expect(output, &values.chunks(90).map(sum).collect::<Vec<i64>>());
            Ok(())
        },
    );
    passes(&text("nvrtc/reduction_float.ptx"), |run| {
        let values: Vec<f32> = (0..630).map(|i| (i * 57 % 251) as f32).collect();
        let (input, output) = (run.upload(&values), run.allocate::<f32>(7));
        let shape = line(2, 128).shared(128 * 4);
        run.launch("reduce", shape, arguments![input, output, rows, columns])?;
        let most = |row: &[f32]| row.iter().copied().fold(0.0, f32::max);
        run.expect(output, &values.chunks(90).map(most).collect::<Vec<_>>());
        Ok(())
    });
}
