//! What programs are for: simulations, images, transforms, graphs, networks.

mod rows;

use std::collections::VecDeque;

use fastrand::Rng;
use producers::{arguments, grid, line, program};
use ptx_sim::Kind;

use rows::{layer_norm, random, wide};

#[test]
fn nbody() {
    program(
        "nvcc/nbody",
        Kind::UninitializedShared,
        "that the launch adds",
        |run| {
            for n in [20_usize, 75] {
                let mut rng = Rng::with_seed(1);
                let body = |_| std::array::from_fn(|_| rng.f32());
                let bodies: Vec<[f32; 4]> = (0..n).map(body).collect();
                let (input, output) = (run.upload(&bodies), run.allocate::<[f32; 3]>(n));
                let shape = line((n as u32).div_ceil(32), 32).shared(32 * 16);
                run.launch("accelerate", shape, arguments![input, output, n as i32])?;
                let sum = |own: &[f32; 4]| {
                    let mut sum = [0.0_f64; 3];
                    for body in &bodies {
                        let d: [f64; 3] =
                            std::array::from_fn(|k| f64::from(body[k]) - f64::from(own[k]));
                        let square = d.iter().map(|d| d * d).sum::<f64>() + f64::from(0.01_f32);
                        let scale = f64::from(body[3]) / (square * square.sqrt());
                        sum = std::array::from_fn(|k| sum[k] + d[k] * scale);
                    }
                    sum
                };
                let expected: Vec<f64> = bodies.iter().flat_map(sum).collect();
                // 75 terms of up to 1000, whose signs differ, each within 8 roundings of 2^-24.
                run.expect_near::<f32>(output, &expected, 1e-4);
            }
            Ok(())
        },
    );
}

#[test]
fn mandelbrot() {
    let part = "right behind the end of the 814-byte allocation";
    program("nvcc/mandelbrot", Kind::OutOfBounds, part, |run| {
        let (width, height) = (37, 22);
        let steps = run.allocate::<u8>((width * height) as usize);
        let arguments = arguments![steps, width as u64, width, height];
        run.launch("mandelbrot", grid([3, 3, 1], [16, 8, 1]), arguments)?;
        let escape = |at: i32| {
            let (x, y) = (f64::from(at % width), f64::from(at / width));
            let cr = 3.0f64.mul_add(x / f64::from(width), -2.25);
            let ci = 2.5f64.mul_add(y / f64::from(height), -1.25);
            (cr, ci)
        };
        run.results(|| {
            let found: Vec<u8> = run.download(steps, (width * height) as usize);
            let mut same = 0;
            for (at, &found) in found.iter().enumerate() {
                let (cr, ci) = escape(at as i32);
                let (mut r, mut i, mut step) = (0.0_f64, 0.0_f64, 0_u8);
                while step < 100 && r * r + i * i <= 4.0 {
                    (r, i) = (r * r - i * i + cr, 2.0 * r * i + ci);
                    step += 1;
                }
                same += usize::from(step == found);
            }
            // nvcc fuses where the host does not: points at the very edge may escape a step apart.
            assert!(
                same + 5 >= found.len(),
                "{same} of {} are the same",
                found.len()
            );
        });
        Ok(())
    });
}

#[test]
fn fft() {
    program("nvcc/fft", Kind::OutOfBounds, "4096-byte variable", |run| {
        let n = 256;
        let turn = |k: usize| {
            let angle = -std::f64::consts::TAU * k as f64 / n as f64;
            [angle.cos(), angle.sin()]
        };
        let twiddles: Vec<[f32; 2]> = (0..n / 2).map(|k| turn(k).map(|x| x as f32)).collect();
        run.write(run.variable("twiddles"), &twiddles);
        let mut rng = Rng::with_seed(2);
        let values: Vec<[f32; 2]> = (0..2 * n).map(|_| [rng.f32() - 0.5, rng.f32()]).collect();
        let data = run.upload(&values);
        run.launch("fft", line(2, 128), arguments![data])?;
        let frequency = |at: usize| {
            let signal = &values[at / n * n..][..n];
            let mut sum = [0.0; 2];
            for (k, &[re, im]) in signal.iter().enumerate() {
                let [c, s] = turn(k * at % n);
                let (re, im) = (f64::from(re), f64::from(im));
                sum = [sum[0] + re * c - im * s, sum[1] + re * s + im * c];
            }
            sum
        };
        let expected: Vec<f64> = (0..2 * n).flat_map(frequency).collect();
        // Eight levels of sums of up to 256 values below 1, each rounded.
        run.expect_near::<f32>(data, &expected, 256.0 * 8.0 * 6e-8);
        Ok(())
    });
}

#[test]
fn sparse() {
    let part = "right behind the end";
    program("nvcc/sparse", Kind::OutOfBounds, part, |run| {
        let rows = 41;
        let mut rng = Rng::with_seed(3);
        let (mut starts, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for _ in 0..rows {
            for _ in 0..rng.i32(0..50) {
                columns.push(rng.i32(0..60));
                values.push(rng.i32(-9..10) as f32);
            }
            starts.push(columns.len() as i32);
        }
        let x: Vec<f32> = (0..60).map(|i| (i % 11) as f32 - 5.0).collect();
        let dot = |row: &[i32]| {
            let elements = row[0] as usize..row[1] as usize;
            elements.map(|k| values[k] * x[columns[k] as usize]).sum()
        };
        let expected: Vec<f32> = starts.windows(2).map(dot).collect();
        let (s, c, v) = (
            run.upload(&starts),
            run.upload(&columns),
            run.upload(&values),
        );
        let (x, y) = (run.upload(&x), run.allocate::<f32>(rows));
        for (kernel, blocks) in [("by_8", 6), ("by_32", 21)] {
            run.launch(
                kernel,
                line(blocks, 64),
                arguments![s, c, v, x, y, rows as i32],
            )?;
            run.expect(y, &expected);
        }
        Ok(())
    });
}

/// A graph: where each node's edges begin, and their ends.
fn graph(nodes: usize, edges: &[[i32; 2]]) -> (Vec<i32>, Vec<i32>) {
    let (mut starts, mut ends) = (vec![0], Vec::new());
    for node in 0..nodes as i32 {
        ends.extend(
            edges
                .iter()
                .filter(|edge| edge[0] == node)
                .map(|edge| edge[1]),
        );
        ends.extend(
            edges
                .iter()
                .filter(|edge| edge[1] == node)
                .map(|edge| edge[0]),
        );
        starts.push(ends.len() as i32);
    }
    (starts, ends)
}

fn random_edges(seed: u64, nodes: usize, count: usize) -> Vec<[i32; 2]> {
    let mut rng = Rng::with_seed(seed);
    let mut node = || rng.i32(0..nodes as i32);
    (0..count).map(|_| [node(), node()]).collect()
}

#[test]
fn breadth_first() {
    program(
        "nvcc/breadth_first",
        Kind::GlobalRace,
        "nothing orders",
        |run| {
            let nodes = 120;
            let (starts, ends) = graph(nodes, &random_edges(4, nodes, 180));
            let mut expected = vec![-1; nodes];
            expected[0] = 0;
            let mut queue = VecDeque::from([0]);
            while let Some(node) = queue.pop_front() {
                for &end in &ends[starts[node] as usize..starts[node + 1] as usize] {
                    if expected[end as usize] < 0 {
                        expected[end as usize] = expected[node] + 1;
                        queue.push_back(end as usize);
                    }
                }
            }
            let (s, e) = (run.upload(&starts), run.upload(&ends));
            let mut first = vec![-1; nodes];
            first[0] = 0;
            let distances = run.upload(&first);
            // The fault lets a node into the queue several times.
            let room = 4000;
            let mut levels = [run.upload(&vec![0; room]), run.upload(&vec![0; room])];
            let (length, mut count) = (run.variable("queue_length"), 1);
            for distance in 1.. {
                run.write(length, &[0]);
                let [level, next] = levels;
                let blocks = (count as u32).div_ceil(32);
                let arguments = arguments![s, e, distances, level, count, next, distance];
                run.launch("expand", line(blocks, 32), arguments)?;
                levels.reverse();
                count = run.download::<i32>(length, 1)[0];
                if count == 0 {
                    break;
                }
            }
            run.expect(distances, &expected);
            Ok(())
        },
    );
}

#[test]
fn union_find() {
    program(
        "nvcc/union_find",
        Kind::GlobalRace,
        "nothing orders",
        |run| {
            let nodes = 150;
            let edges = random_edges(5, nodes, 110);
            let mut expected: Vec<i32> = (0..nodes as i32).collect();
            let parents = run.upload(&expected);
            // The least node of a component is its root.
            loop {
                let before = expected.clone();
                for [a, b] in &edges {
                    let least = expected[*a as usize].min(expected[*b as usize]);
                    expected[*a as usize] = least;
                    expected[*b as usize] = least;
                }
                if before == expected {
                    break;
                }
            }
            let list = run.upload(&edges);
            run.launch(
                "join",
                line(4, 32),
                arguments![parents, list, edges.len() as i32],
            )?;
            run.launch("flatten", line(5, 32), arguments![parents, nodes as i32])?;
            run.expect(parents, &expected);
            Ok(())
        },
    );
}

/// The Philox generator with 10 rounds (Salmon, Moraes, Dror and Shaw, 2011).
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = u64::from(counter[0]).wrapping_mul(0xD251_1F53);
        let second = u64::from(counter[2]).wrapping_mul(0xCD9E_8D57);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

#[test]
fn monte_carlo() {
    program(
        "nvcc/monte_carlo",
        Kind::GlobalRace,
        "nothing orders",
        |run| {
            // A vector of the generator's authors, for a counter and a key of zeros.
            assert_eq!(
                philox([0; 4], [0; 2]),
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
            );
            let (rounds, key) = (20, [12345, 678]);
            let (last, inside) = (run.allocate::<[u32; 4]>(128), run.upload(&[0_u64]));
            run.launch(
                "estimate",
                line(2, 64),
                arguments![key, rounds as i32, last, inside],
            )?;
            let numbers = |i, round| philox([i, round, 0, 0], key);
            let is_inside = |&(i, round): &(u32, u32)| {
                let [x, y, ..] =
                    numbers(i, round).map(|bits| f64::from(bits as f32) / 2.0_f64.powi(32));
                x * x + y * y < 1.0
            };
            let points = (0..128).flat_map(|i| (0..rounds).map(move |round| (i, round)));
            run.expect(inside, &[points.filter(is_inside).count() as u64]);
            run.expect(
                last,
                &(0..128).map(|i| numbers(i, rounds - 1)).collect::<Vec<_>>(),
            );

            let states: Vec<u64> = (1..=32)
                .map(|i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
                .collect();
            let memory = run.upload(&states);
            run.launch("shifts", line(1, 32), arguments![memory, 25])?;
            let shifted = |&(mut state): &u64| {
                for _ in 0..25 {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                }
                state
            };
            run.expect(memory, &states.iter().map(shifted).collect::<Vec<_>>());
            Ok(())
        },
    );
}

#[test]
fn softmax() {
    program("nvcc/softmax", Kind::SharedRace, "nothing orders", |run| {
        let (rows, columns) = (3, 200);
        let mut rng = Rng::with_seed(6);
        let x: Vec<f32> = random(&mut rng, rows * columns)
            .iter()
            .map(|x| x * 8.0)
            .collect();
        let memory = run.upload(&x);
        run.launch("softmax", line(3, 96), arguments![memory, columns as i32])?;
        let expected = rows::softmax(&x, columns);
        // expf is within 2 units, the sum of 200 within 10 roundings.
        run.expect_near::<f32>(memory, &expected, 1e-6);

        let (scale, shift) = (random(&mut rng, columns), random(&mut rng, columns));
        let [input, a, b] = [&x, &scale, &shift].map(|values| run.upload(values));
        let output = run.allocate::<f32>(rows * columns);
        let arguments = arguments![input, a, b, output, columns as i32];
        run.launch("layer_norm", line(3, 96), arguments)?;
        let expected = layer_norm(&x, columns, &scale, &shift);
        run.expect_near::<f32>(output, &expected, 2e-6);
        Ok(())
    });
}

#[test]
fn attention() {
    let part = "of the block's 128 threads";
    program("nvcc/attention", Kind::BarrierNotReached, part, |run| {
        let (n, depth, scale) = (48, 32, 0.25_f32);
        let mut rng = Rng::with_seed(7);
        let [q, k, v] = [(); 3].map(|()| random(&mut rng, n * depth));
        let [a, b, c] = [&q, &k, &v].map(|values| run.upload(values));
        let output = run.allocate::<f32>(n * depth);
        let shape = grid([n as u32 / 4, 1, 1], [32, 4, 1]);
        run.launch(
            "attend",
            shape,
            arguments![a, b, c, output, n as i32, scale],
        )?;
        let (q, k, v) = (wide(&q), wide(&k), wide(&v));
        let attend = |query: usize| {
            let own = &q[query * depth..][..depth];
            let weight = |key: usize| {
                let dot: f64 = own.iter().zip(&k[key * depth..]).map(|(a, b)| a * b).sum();
                (dot * f64::from(scale)).exp()
            };
            let weights: Vec<f64> = (0..=query).map(weight).collect();
            let total: f64 = weights.iter().sum();
            let element = |i: usize| -> f64 {
                weights
                    .iter()
                    .enumerate()
                    .map(|(key, w)| w * v[key * depth + i])
                    .sum()
            };
            (0..depth).map(|i| element(i) / total).collect::<Vec<_>>()
        };
        let expected: Vec<f64> = (0..n).flat_map(attend).collect();
        // __expf is within 2 units of its result, in each of the steps that rescale.
        run.expect_near::<f32>(output, &expected, 1e-5);
        Ok(())
    });
}

#[test]
fn convolution() {
    let part = "bytes before the";
    program("nvcc/convolution", Kind::OutOfBounds, part, |run| {
        let (channels, filters, width, height) = (2, 3, 19, 13);
        let mut rng = Rng::with_seed(8);
        let mut whole =
            |count: usize| -> Vec<f32> { (0..count).map(|_| rng.i32(-4..5) as f32).collect() };
        let image = whole(channels * width * height);
        for (kernel, size) in [("conv3", 3), ("conv5", 5)] {
            let weights = whole(filters * channels * size * size);
            let (x, w) = (run.upload(&image), run.upload(&weights));
            let y = run.allocate::<f32>(filters * width * height);
            let arguments = arguments![x, w, y, channels as i32, width as i32, height as i32];
            run.launch(
                kernel,
                grid([height as u32, filters as u32, 1], [32, 1, 1]),
                arguments,
            )?;
            let value = |at: usize| {
                let (filter, row, column) = (at / width / height, at / width % height, at % width);
                let mut sum = 0.0_f32;
                for i in 0..channels * size * size {
                    let (channel, dy, dx) = (i / size / size, i / size % size, i % size);
                    let (y, x) = (row + dy, column + dx);
                    let range = |length| size / 2..length + size / 2;
                    if range(height).contains(&y) && range(width).contains(&x) {
                        let at = (channel * height + y - size / 2) * width + x - size / 2;
                        sum += image[at] * weights[filter * channels * size * size + i];
                    }
                }
                sum.max(0.0)
            };
            run.expect(
                y,
                &(0..filters * width * height).map(value).collect::<Vec<_>>(),
            );
        }
        Ok(())
    });
}
