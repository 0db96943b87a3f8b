//! Shared, constant and global memory.

use rust_cuda::run;

#[test]
fn a_static_and_a_safe_barrier() {
    let values: Vec<u32> = (0..192).map(|i| i * i).collect();
    let run = run("reverse", 3, 64)
        .slice(&values)
        .uninitialized::<u32>(192);
    run.check(|output| {
        let expected: Vec<u32> = values
            .chunks(64)
            .flat_map(|block| block.iter().rev().copied())
            .collect();
        assert_eq!(output.buffer::<u32>(1), expected);
    });
}

#[test]
fn a_product_through_tiles() {
    const N: usize = 24;
    // Small whole numbers: every order of adding gives the same sum.
    let a: Vec<f32> = (0..N * N).map(|i| (i % 7) as f32 - 3.0).collect();
    let b: Vec<f32> = (0..N * N).map(|i| (i * i % 11) as f32 - 5.0).collect();
    let run = run("product", [3, 3], [8, 8])
        .slice(&a)
        .slice(&b)
        .uninitialized::<f32>(N * N)
        .value(N);
    run.check(|output| {
        let sum = |row: usize, column: usize| -> f32 {
            (0..N).map(|k| a[row * N + k] * b[k * N + column]).sum()
        };
        let expected: Vec<f32> = (0..N * N).map(|i| sum(i / N, i % N)).collect();
        assert_eq!(output.buffer::<f32>(2), expected);
    });
}

#[test]
fn two_arrays() {
    run("arrays", 2, 32)
        .uninitialized::<u32>(32)
        .check(|output| {
            let expected: Vec<u32> = (0..32).rev().map(|t| t * 1000 + 6 * t).collect();
            assert_eq!(output.buffer::<u32>(0), expected);
        });
}

#[test]
fn dynamic_memory_in_two_parts() {
    let values: Vec<f64> = (0..128).map(f64::from).collect();
    let run = run("dynamic", 1, 128)
        .dynamic_shared(128 * 9)
        .slice(&values)
        .uninitialized::<f64>(1)
        .uninitialized::<u8>(128);
    run.check(|output| {
        assert_eq!(output.buffer::<f64>(1), [127.0 * 64.0]);
        let expected: Vec<u8> = (0..128).rev().map(|t| t ^ 0x55).collect();
        assert_eq!(output.buffer::<u8>(2), expected);
    });
}

#[test]
fn a_slice_of_shared_memory() {
    run("passed_on", 1, 32)
        .uninitialized::<u32>(32)
        .check(|output| {
            let expected: Vec<u32> = (0..32).map(|t| (0..t).map(|i| i * i).sum()).collect();
            assert_eq!(output.buffer::<u32>(0), expected);
        });
}

#[test]
fn constant_memory() {
    run("constants", 1, 40)
        .uninitialized::<u32>(40)
        .check(|output| {
            let table = [3, 1, 4, 1, 5];
            let expected: Vec<u32> = (0..40).map(|t| table[table[t % 5] as usize % 5]).collect();
            assert_eq!(output.buffer::<u32>(0), expected);
        });
}

#[test]
fn global_memory() {
    let run = run("globals", 1, 1).uninitialized::<u32>(2);
    run.check(|output| assert_eq!(output.buffer::<u32>(0), [7, 8]));
}
