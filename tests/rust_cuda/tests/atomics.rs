//! Atomics.

use rust_cuda::run;

#[test]
fn a_histogram() {
    let values: Vec<u8> = (0..300).map(|i: u32| (i * i % 113) as u8).collect();
    let run = run("histogram", 5, 64)
        .slice(&values)
        .pointer(&[0_u32; 8])
        .pointer(&[i32::MIN])
        .pointer(&[0_u8]);
    run.check(|output| {
        let mut bins = [0_u32; 8];
        values
            .iter()
            .for_each(|value| bins[*value as usize % 8] += 1);
        assert_eq!(output.buffer::<u32>(1), bins);
        let largest = values.iter().copied().max().map(i32::from);
        assert_eq!(
            output.buffer::<i32>(2),
            [largest.expect("there are values")]
        );
        assert_eq!(output.buffer::<u8>(3), [u8::from(values.contains(&77))]);
    });
}

#[test]
fn tickets_and_compare_and_swap() {
    let run = run("tickets", 3, 32)
        .uninitialized::<u32>(96)
        .pointer(&[1_u64]);
    run.check(|output| {
        let mut tickets = output.buffer::<u32>(0);
        tickets.sort_unstable();
        assert_eq!(tickets, (100..196).collect::<Vec<_>>());
        let slot = (0..96).fold(1_u64, |slot, _| slot.wrapping_mul(3).wrapping_add(1));
        assert_eq!(output.buffer::<u64>(1), [slot]);
    });
}

#[test]
fn sums_of_floats() {
    let run = run("sums", 4, 32)
        .pointer(&[0.5_f32])
        .pointer(&[1000.0_f32])
        .pointer(&[0.0_f64])
        .pointer(&[-1.0_f64])
        .pointer(&[0_u32, 3]);
    run.check(|output| {
        // All sums on the way are exact.
        assert_eq!(output.buffer::<f32>(0), [0.5 + 127.0 * 64.0]);
        assert_eq!(output.buffer::<f32>(1), [1000.0 - 31.0 * 16.0]);
        assert_eq!(output.buffer::<f64>(2), [127.0 * 64.0 / 4.0]);
        assert_eq!(output.buffer::<f64>(3), [-1.0 + 1.5 * 128.0]);
        // 128 steps of ten values upwards, and of seven downwards from 3.
        assert_eq!(output.buffer::<u32>(4), [128 % 10, (3 + 7 * 20 - 128) % 7]);
    });
}
