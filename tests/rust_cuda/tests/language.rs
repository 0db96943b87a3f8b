//! What the language has, on the device and on the host.

use bytemuck::{Pod, Zeroable};
use rust_cuda::run;
use rust_cuda_kernels::language::{
    Step, area_of_objects, call_closures, compute_wide, drop_in_order, iterate, read_word, recur,
    run_machine, shuffle_row,
};

/// Some numbers of no pattern.
fn numbers(len: u32) -> impl Iterator<Item = i32> {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as i32 % 41 - 20)
}

#[test]
fn trait_objects() {
    let sizes: Vec<f32> = (0..30).map(|i| i as f32 * 0.75 + 0.1).collect();
    let run = run("objects", 3, 10).slice(&sizes).uninitialized::<f32>(30);
    run.check(|output| {
        let expected = sizes.iter().enumerate();
        let expected: Vec<f32> = expected
            .map(|(idx, &size)| area_of_objects(idx, size))
            .collect();
        assert_eq!(output.buffer::<f32>(1), expected);
    });
}

/// A `Step` as bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct StepBytes([u32; 2]);

#[test]
fn enums_with_fields() {
    let steps = [
        Step::Push(7),
        Step::Push(-3),
        Step::Add,
        Step::Multiply { by: 12 },
        Step::Push(5),
        Step::Swap,
        Step::Push(i32::MAX),
        Step::Push(1),
        Step::Push(2),
        Step::Add,
        Step::Add,
        Step::Add,
        Step::Add,
        Step::Add,
    ];
    // With `repr(C, u32)` an enum is its number, then its fields.
    let bytes = steps.map(|step| match step {
        Step::Push(value) => StepBytes([0, value as u32]),
        Step::Add => StepBytes([1, 0]),
        Step::Multiply { by } => StepBytes([2, by as u32]),
        Step::Swap => StepBytes([3, 0]),
    });
    let run = run("machine", 1, 15).slice(&bytes).uninitialized::<i32>(15);
    run.check(|output| {
        let expected: Vec<i32> = (0..15).map(|idx| run_machine(&steps[..idx])).collect();
        assert!(expected.contains(&-104) && expected.contains(&-1));
        assert_eq!(output.buffer::<i32>(1), expected);
    });
}

#[test]
fn recursion() {
    run("recursion", 1, 32)
        .uninitialized::<u32>(32)
        .check(|output| {
            let expected: Vec<u32> = (0..32).map(recur).collect();
            assert_eq!(output.buffer::<u32>(0), expected);
        });
}

#[test]
fn closures_and_pointers_to_functions() {
    let values: Vec<u32> = numbers(17).map(|x| (x + 20) as u32).collect();
    let run = run("closures", 1, 32)
        .slice(&values)
        .uninitialized::<u32>(32);
    run.check(|output| {
        let expected: Vec<u32> = (0..32).map(|t| call_closures(&values, t)).collect();
        assert_eq!(output.buffer::<u32>(1), expected);
    });
}

#[test]
fn iterators() {
    let values: Vec<i32> = numbers(100).collect();
    let run = run("iterators", 1, 64)
        .slice(&values)
        .uninitialized::<[i32; 10]>(64);
    run.check(|output| {
        let expected: Vec<[i32; 10]> = (0..64).map(|t| iterate(&values[t..])).collect();
        assert_eq!(output.buffer::<[i32; 10]>(1), expected);
    });
}

#[test]
fn slices() {
    const WIDTH: usize = 25;
    let mut rows: Vec<i32> = numbers(32 * WIDTH as u32).collect();
    let run = run("slices", 1, 32)
        .pointer(&rows)
        .value(WIDTH)
        .uninitialized::<i32>(32);
    let expected: Vec<i32> = rows.chunks_mut(WIDTH).map(shuffle_row).collect();
    run.check(|output| {
        assert_eq!(output.buffer::<i32>(0), rows);
        assert_eq!(output.buffer::<i32>(1), expected);
    });
}

#[test]
fn wide_integers() {
    let large = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210_u128;
    let mut pairs = vec![
        (0, 0),
        (1, u128::MAX),
        (u128::MAX, 1),
        (1 << 127, 10),
        (large, 1 << 64),
    ];
    pairs.extend((1..28_u128).map(|i| (large.wrapping_mul(i * i), large >> (4 * i))));
    let (a, b): (Vec<u128>, Vec<u128>) = pairs.iter().copied().unzip();
    let run = run("wide", 1, 32)
        .slice(&a)
        .slice(&b)
        .uninitialized::<[u128; 11]>(32);
    run.check(|output| {
        let expected: Vec<_> = pairs.iter().map(|&(a, b)| compute_wide(a, b)).collect();
        assert_eq!(output.buffer::<[u128; 11]>(2), expected);
    });
}

#[test]
fn drops() {
    run("drops", 1, 4).uninitialized::<u32>(4).check(|output| {
        let expected: Vec<u32> = (0..4).map(drop_in_order).collect();
        assert_eq!(output.buffer::<u32>(0), expected);
    });
}

#[test]
fn generics_and_text() {
    let text = "12 -7000000000 minus 1e5  plus größer 007";
    let run = run("generics", 1, 9)
        .slice(text.as_bytes())
        .uninitialized::<i64>(9);
    run.check(|output| {
        let expected: Vec<i64> = (0..9).map(|t| read_word(text.as_bytes(), t)).collect();
        assert_eq!(output.buffer::<i64>(1), expected);
    });
}
