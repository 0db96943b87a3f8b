//! What Hopper brought: products by warpgroups, clusters, bulk copies, tensor maps.

use fastrand::Rng;
use half::f16;
use producers::{arguments, grid, line, program};
use ptx_sim::{Fill, Interleave, Kind, Swizzle, TensorBox, TensorElement, TensorMap};

#[test]
fn wgmma_product() {
    let part = "was not waited for";
    program("nvcc/wgmma_product", Kind::WgmmaMisuse, part, |run| {
        let (m, n, k) = (64, 16, 48);
        let mut rng = Rng::with_seed(1);
        let mut small = |count| -> Vec<f16> {
            (0..count)
                .map(|_| f16::from_f32(rng.i32(-8..9) as f32))
                .collect()
        };
        let (a, b) = (small(m * k), small(n * k));
        let (x, y, d) = (run.upload(&a), run.upload(&b), run.allocate::<f32>(m * n));
        run.launch("product", line(1, 128), arguments![x, y, d, k as i32])?;
        // Small whole numbers, whose products and sums are exact.
        let element = |at: usize| {
            let (row, column) = (&a[at / n * k..][..k], &b[at % n * k..][..k]);
            row.iter()
                .zip(column)
                .map(|(a, b)| a.to_f32() * b.to_f32())
                .sum()
        };
        run.expect(d, &(0..m * n).map(element).collect::<Vec<f32>>());
        Ok(())
    });
}

#[test]
fn cluster_histogram() {
    let part = "nothing orders";
    program("nvcc/cluster_histogram", Kind::SharedRace, part, |run| {
        let values: Vec<u8> = (0..1500_u32).map(|i| (i * i % 127) as u8).collect();
        let mut expected = [0_u32; 128];
        for &value in &values {
            expected[usize::from(value)] += 1;
        }
        let (input, counts) = (run.upload(&values), run.upload(&[0_u32; 128]));
        let shape = line(8, 64).cluster([4, 1, 1]);
        run.launch("histogram", shape, arguments![input, 1500, counts])?;
        run.expect(counts, &expected);

        let values: Vec<i32> = (0..512).collect();
        let memory = run.upload(&values);
        run.launch("rotate", line(8, 64), arguments![memory])?;
        let rotated = |i: i32| {
            let (block, thread) = (i / 64, i % 64);
            let neighbour = block / 4 * 4 + (block + 1 + thread / 32) % 4;
            neighbour * 64 + thread
        };
        run.expect(memory, &(0..512).map(rotated).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn bulk_store() {
    program("nvcc/bulk_store", Kind::Deadlock, "16 bytes", |run| {
        let values: Vec<i32> = (0..1024).map(|i| i * 37 % 1021).collect();
        let (input, output) = (run.upload(&values), run.allocate::<i32>(1024));
        let sums = run.upload(&[0; 256]);
        run.launch("reverse", line(4, 64), arguments![input, output, sums])?;
        let mut expected = values;
        expected.chunks_mut(256).for_each(<[i32]>::reverse);
        run.expect(output, &expected);
        let sum = |i: usize| expected.iter().skip(i).step_by(256).sum();
        run.expect(sums, &(0..256).map(sum).collect::<Vec<i32>>());
        Ok(())
    });
}

#[test]
fn tensor_tiles() {
    let part = "asynchronous copy";
    program("nvcc/tensor_tiles", Kind::SharedRace, part, |run| {
        let (rows, columns) = (40_usize, 100_usize);
        let values: Vec<i32> = (0..rows * columns).map(|i| i as i32).collect();
        let (input, output) = (run.upload(&values), run.allocate::<i32>(rows * columns));
        // Boxes at the edges are filled when they are read, and clipped when they are written.
        let map = |address, [width, height]: [usize; 2], swizzle| {
            let map = TensorMap {
                element: TensorElement::S32,
                rank: 2,
                address,
                sizes: [width as u64, height as u64, 1, 1, 1],
                strides: [width as u64 * 4, 0, 0, 0],
                part: TensorBox::Tiled([32, 32, 1, 1, 1]),
                steps: [1; 5],
                interleave: Interleave::None,
                swizzle,
                fill: Fill::Zero,
            };
            map.check().expect("a map that copies can use");
            map.encode()
        };
        let from = map(input, [columns, rows], Swizzle::Span128);
        let to = map(output, [rows, columns], Swizzle::None);
        run.launch(
            "transpose",
            grid([4, 2, 1], [128, 1, 1]),
            arguments![from, to],
        )?;
        let at = |i: usize| values[i % rows * columns + i / rows];
        run.expect(output, &(0..rows * columns).map(at).collect::<Vec<_>>());
        Ok(())
    });
}
