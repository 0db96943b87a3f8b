//! What the threads of a block do together: sums, scans, counts, tiles, sorts.

use fastrand::Rng;
use producers::{arguments, grid, line, program};
use ptx_sim::Kind;

/// Numbers whose sums are exact in any order.
fn whole(rng: &mut Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.i32(-500..500) as f32).collect()
}

#[test]
fn block_sum() {
    let part = "nothing orders";
    program("nvcc/block_sum", Kind::SharedRace, part, |run| {
        for (n, blocks, threads) in [(1000, 3, 128), (4097, 7, 64), (1, 1, 96)] {
            let values = whole(&mut Rng::with_seed(1), n);
            let input = run.upload(&values);
            let partial = run.allocate::<f32>(blocks as usize);
            let (arrived, total) = (run.upload(&[0_u32]), run.allocate::<f32>(1));
            let arguments = arguments![input, n as i32, partial, arrived, total];
            run.launch("sum", line(blocks, threads), arguments)?;
            run.expect(total, &[values.iter().sum::<f32>()]);
        }
        Ok(())
    });
}

/// The sum of all values before each one.
fn running<T: Copy + Default + std::ops::Add<Output = T>>(values: &[T]) -> Vec<T> {
    let sums = values.iter().scan(T::default(), |sum, &value| {
        let before = *sum;
        *sum = before + value;
        Some(before)
    });
    sums.collect()
}

#[test]
fn blelloch_scan() {
    let part = "at byte 256 of the 256 bytes that the launch adds";
    program("nvcc/blelloch_scan", Kind::OutOfBounds, part, |run| {
        let values: Vec<i32> = (0..64).map(|i| i * 37 % 101 - 50).collect();
        let memory = run.upload(&values);
        run.launch("scan_int", line(1, 32).shared(256), arguments![memory])?;
        run.expect(memory, &running(&values));
        let values: Vec<f64> = (0..256).map(|i| f64::from(i % 19) * 0.25).collect();
        let memory = run.upload(&values);
        run.launch("scan_double", line(1, 128).shared(2048), arguments![memory])?;
        run.expect(memory, &running(&values));
        let values: Vec<i16> = (0..128).map(|i| i % 7 - 2).collect();
        let memory = run.upload(&values);
        run.launch("scan_short", line(1, 64).shared(256), arguments![memory])?;
        run.expect(memory, &running(&values));
        Ok(())
    });
}

#[test]
fn lookback_scan() {
    let part = "nothing orders";
    program("nvcc/lookback_scan", Kind::GlobalRace, part, |run| {
        let n = 1500_i32;
        let values: Vec<i32> = (0..n).map(|i| i * i % 251 - 100).collect();
        let (input, sums) = (run.upload(&values), run.allocate::<i32>(n as usize));
        let tiles = (n as u32).div_ceil(128);
        let (states, next) = (
            run.upload(&vec![0_i32; 3 * tiles as usize]),
            run.upload(&[0]),
        );
        let arguments = arguments![input, sums, n, states, next];
        run.launch("scan", line(tiles, 128), arguments)?;
        let before = running(&values);
        let expected: Vec<i32> = before.iter().zip(&values).map(|(a, b)| a + b).collect();
        run.expect(sums, &expected);
        Ok(())
    });
}

#[test]
fn histogram() {
    let part = "1024-byte variable";
    program("nvcc/histogram", Kind::SharedRace, part, |run| {
        let values: Vec<u8> = (0..4004_u32).map(|i| (i * i % 251) as u8).collect();
        let mut expected = [0_u32; 256];
        for &value in &values {
            expected[usize::from(value)] += 1;
        }
        let (input, counts) = (run.upload(&values), run.upload(&[0_u32; 256]));
        run.launch("histogram", line(4, 96), arguments![input, 1001, counts])?;
        run.expect(counts, &expected);
        Ok(())
    });
}

#[test]
fn tiled_product() {
    program(
        "nvcc/tiled_product",
        Kind::SharedRace,
        "nothing orders",
        |run| {
            let (m, n, k) = (33_usize, 20_usize, 50_usize);
            let mut rng = Rng::with_seed(2);
            let (a, b) = (whole(&mut rng, m * k), whole(&mut rng, k * n));
            let (x, y, z) = (run.upload(&a), run.upload(&b), run.allocate::<f32>(m * n));
            let arguments = arguments![x, y, z, m as i32, n as i32, k as i32];
            run.launch("product", grid([2, 3, 1], [16, 4, 1]), arguments)?;
            let element = |at| (0..k).map(|j| a[at / n * k + j] * b[j * n + at % n]).sum();
            let expected: Vec<f32> = (0..m * n).map(element).collect();
            run.expect(z, &expected);
            Ok(())
        },
    );
}

#[test]
fn transpose() {
    let part = "behind the end of the 14800-byte allocation";
    program("nvcc/transpose", Kind::OutOfBounds, part, |run| {
        let (rows, columns) = (50_usize, 74_usize);
        let values: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
        let at = |i: usize| values[i % rows * columns + i / rows];
        let expected: Vec<f32> = (0..rows * columns).map(at).collect();
        for kernel in ["padded", "swizzled"] {
            let (input, output) = (run.upload(&values), run.allocate::<f32>(values.len()));
            let arguments = arguments![input, output, rows as i32, columns as i32];
            run.launch(kernel, grid([3, 2, 1], [32, 4, 1]), arguments)?;
            run.expect(output, &expected);
        }
        Ok(())
    });
}

#[test]
fn stencil() {
    let part = "1296-byte variable";
    program("nvcc/stencil", Kind::UninitializedShared, part, |run| {
        let (width, height) = (37_i32, 21_i32);
        let values = whole(&mut Rng::with_seed(3), (width * height) as usize);
        let (input, output) = (run.upload(&values), run.allocate::<f32>(values.len()));
        let arguments = arguments![input, output, width, height];
        run.launch("diffuse", grid([3, 2, 1], [16, 16, 1]), arguments)?;
        let at = |x: i32, y: i32| {
            values[(y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize]
        };
        let new = |i: i32| {
            let (x, y) = (i % width, i / width);
            let sides = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
            at(x, y) + 0.125 * (sides - 4.0 * at(x, y))
        };
        let expected: Vec<f32> = (0..width * height).map(new).collect();
        run.expect(output, &expected);
        Ok(())
    });
}

#[test]
fn stencil3d() {
    let part = "behind the end of the 8640-byte allocation";
    program("nvcc/stencil3d", Kind::OutOfBounds, part, |run| {
        let (nx, ny, nz) = (18_usize, 12_usize, 5_usize);
        let values: Vec<f64> = (0..nx * ny * nz).map(|i| (i * i % 97) as f64).collect();
        let (input, output) = (run.upload(&values), run.allocate::<f64>(values.len()));
        let arguments = arguments![input, output, nx as i32, ny as i32, nz as i32];
        run.launch("laplace", grid([2, 2, 1], [16, 8, 1]), arguments)?;
        let new = |i: usize| {
            let (x, y, z) = (i % nx, i / nx % ny, i / (nx * ny));
            let edge = |at: usize, n: usize| at == 0 || at == n - 1;
            if edge(x, nx) || edge(y, ny) || edge(z, nz) {
                return 0.0;
            }
            let pairs = [1, nx, nx * ny].map(|d| values[i - d] + values[i + d]);
            pairs.iter().sum::<f64>() - 6.0 * values[i]
        };
        let expected: Vec<f64> = (0..values.len()).map(new).collect();
        run.expect(output, &expected);
        Ok(())
    });
}

#[test]
fn bitonic_sort() {
    program(
        "nvcc/bitonic_sort",
        Kind::SharedRace,
        "nothing orders",
        |run| {
            let mut rng = Rng::with_seed(4);
            let mut keys: Vec<u32> = (0..512).map(|_| rng.u32(..)).collect();
            let memory = run.upload(&keys);
            run.launch("sort_unsigned", line(2, 128), arguments![memory])?;
            keys.chunks_mut(256).for_each(<[u32]>::sort_unstable);
            run.expect(memory, &keys);
            let mut keys: Vec<f64> = (0..256).map(|_| rng.f64() - 0.5).collect();
            let memory = run.upload(&keys);
            run.launch("sort_double", line(1, 128), arguments![memory])?;
            keys.sort_unstable_by(f64::total_cmp);
            run.expect(memory, &keys);
            Ok(())
        },
    );
}

#[test]
fn radix_sort() {
    let part = "256-byte variable";
    program("nvcc/radix_sort", Kind::OutOfBounds, part, |run| {
        let mut rng = Rng::with_seed(5);
        // Equal keys keep their order.
        let keys: Vec<u32> = (0..256).map(|_| rng.u32(..) & 0xF00F_00F3).collect();
        let values: Vec<u16> = (0..256).collect();
        let (k, v) = (run.upload(&keys), run.upload(&values));
        run.launch("sort", line(2, 128), arguments![k, v])?;
        let mut pairs: Vec<(u32, u16)> = keys.into_iter().zip(values).collect();
        pairs.chunks_mut(128).for_each(<[(u32, u16)]>::sort);
        let (keys, values): (Vec<u32>, Vec<u16>) = pairs.into_iter().unzip();
        run.expect(k, &keys);
        run.expect(v, &values);
        Ok(())
    });
}

#[test]
fn odd_even_merge() {
    let part = "of the block's 128 threads";
    program(
        "nvcc/odd_even_merge",
        Kind::BarrierNotReached,
        part,
        |run| {
            let mut rng = Rng::with_seed(6);
            // A block of random keys whose first warp is in order, and one that is in order as a whole.
            let mut keys: Vec<i16> = (0..128).map(|_| rng.i16(-999..999)).collect();
            keys[..32].sort_unstable();
            keys.extend(-64..64);
            let pairs: Vec<[i16; 2]> = keys.iter().map(|&key| [key, key.wrapping_mul(7)]).collect();
            let memory = run.upload(&pairs);
            run.launch("sort", line(2, 128), arguments![memory])?;
            keys.chunks_mut(128).for_each(<[i16]>::sort_unstable);
            let pairs: Vec<[i16; 2]> = keys.iter().map(|&key| [key, key.wrapping_mul(7)]).collect();
            run.expect(memory, &pairs);
            Ok(())
        },
    );
}

#[test]
fn cub_block() {
    program(
        "nvcc/cub_block",
        Kind::SharedRace,
        "nothing orders",
        |run| {
            let mut rng = Rng::with_seed(7);
            let keys: Vec<i32> = (0..512).map(|_| rng.i32(-40..40)).collect();
            let (input, sorted) = (run.upload(&keys), run.allocate::<i32>(512));
            let (runs, total) = (run.allocate::<i32>(512), run.allocate::<i32>(2));
            run.launch(
                "sort_and_scan",
                line(2, 64),
                arguments![input, sorted, runs, total],
            )?;
            let mut expected = keys.clone();
            expected.chunks_mut(256).for_each(<[i32]>::sort_unstable);
            run.expect(sorted, &expected);
            let numbers = |block: &[i32]| {
                let mut number = 1;
                let mut numbers = vec![1];
                for pair in block.windows(2) {
                    number += i32::from(pair[0] != pair[1]);
                    numbers.push(number);
                }
                numbers
            };
            run.expect(
                runs,
                &expected.chunks(256).flat_map(numbers).collect::<Vec<_>>(),
            );
            let sums: Vec<i32> = keys.chunks(256).map(|block| block.iter().sum()).collect();
            run.expect(total, &sums);

            let values: Vec<f64> = (0..64).map(|i| f64::from(i * 29 % 71)).collect();
            let input = run.upload(&values);
            let (sums, most) = (run.allocate::<f64>(64), run.allocate::<f64>(2));
            run.launch("warp_sums", line(1, 64), arguments![input, sums, most])?;
            let before: Vec<f64> = values.chunks(16).flat_map(running).collect();
            run.expect(sums, &before);
            let largest = |warp: &[f64]| warp.iter().copied().fold(0.0, f64::max);
            run.expect(most, &values.chunks(32).map(largest).collect::<Vec<_>>());
            Ok(())
        },
    );
}
