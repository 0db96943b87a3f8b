//! Collections on the device's heap; the simulator reports what a kernel does not free.

use rust_cuda::run;
use rust_cuda_kernels::heap::{collect, factors, text_of};

#[test]
fn vectors() {
    run("vectors", 2, 40)
        .uninitialized::<u32>(80)
        .check(|output| {
            let expected: Vec<u32> = (2..82).map(factors).collect();
            assert_eq!(output.buffer::<u32>(0), expected);
        });
}

#[test]
fn strings() {
    const WIDTH: usize = 64;
    let run = run("strings", 2, 33)
        .pointer(&[0_u8; 66 * WIDTH])
        .value(WIDTH);
    run.check(|output| {
        for (t, row) in output.buffer::<u8>(0).chunks(WIDTH).enumerate() {
            let expected = text_of(t as u32);
            let actual = std::str::from_utf8(&row[..expected.len()]);
            assert_eq!(actual, Ok(&*expected));
            assert_eq!(row[expected.len()], 0);
        }
    });
}

#[test]
fn collections() {
    let values: Vec<u32> = (0..60_u32)
        .map(|i| i.wrapping_mul(2_654_435_761) >> 24)
        .collect();
    let run = run("collections", 1, 32)
        .slice(&values)
        .uninitialized::<[u32; 4]>(32);
    run.check(|output| {
        let expected: Vec<[u32; 4]> = (0..32).map(|t| collect(&values[t..])).collect();
        assert_eq!(output.buffer::<[u32; 4]>(1), expected);
    });
}
