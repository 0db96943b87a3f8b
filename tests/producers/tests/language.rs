//! What C++ brings along: calls through pointers, objects, templates, printing, tables.

use producers::{arguments, line, program};
use ptx_sim::Kind;

#[test]
fn recursion() {
    program("nvcc/recursion", Kind::StackOverflow, "quicksort", |run| {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut rows: Vec<i16> = (0..40 * 24).map(|_| rng.i16(-50..50)).collect();
        let (results, memory) = (run.allocate::<i32>(3 * 40), run.upload(&rows));
        run.launch("recursions", line(1, 40), arguments![results, memory])?;
        rows.chunks_mut(24).for_each(<[i16]>::sort_unstable);
        run.expect(memory, &rows);
        let fibonacci = |n: i32| (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0;
        let expected: Vec<[i32; 3]> = (0..40)
            .map(|i| {
                let parities = i32::from(i % 2 == 0) + 2 * i32::from(i / 3 % 2 == 1);
                [fibonacci(i % 12), 2 * (i % 6) + 3, parities]
            })
            .collect();
        run.expect(results, &expected);
        Ok(())
    });
}

#[test]
fn function_pointers() {
    let part = "thread (3, 0, 0)";
    program("nvcc/function_pointers", Kind::InvalidCall, part, |run| {
        let values = [2.0_f32, -3.0, 0.5, 8.0, 1.5];
        let (input, results) = (run.upload(&values), run.allocate::<f32>(6));
        run.launch("folds", line(1, 6), arguments![input, 5, results])?;
        run.expect(results, &[9.0_f32, -36.0, 8.0].repeat(2));
        let expected: Vec<f32> = (0..6).map(|i| 2.0 + 0.5 * i as f32 * 7.0).collect();
        run.launch(
            "closures",
            line(1, 6),
            arguments![input, 5, 0.5_f32, results],
        )?;
        run.expect(results, &expected);
        Ok(())
    });
}

#[test]
fn virtual_functions() {
    let part = "the heap of kernels";
    program("nvcc/virtual_functions", Kind::UseAfterFree, part, |run| {
        let (areas, corners) = (run.allocate::<f32>(50), run.allocate::<i32>(50));
        run.launch("shapes", line(1, 50), arguments![areas, corners])?;
        let area = |i: i32| [3 * i * i, 2 * i, i * i + 1][i as usize % 3] as f32;
        run.expect(areas, &(0..50).map(area).collect::<Vec<_>>());
        run.expect(
            corners,
            &(0..50).map(|i| [0, 4, 4][i % 3]).collect::<Vec<i32>>(),
        );
        Ok(())
    });
}

#[test]
fn printing() {
    program(
        "nvcc/printing",
        Kind::UninitializedLocal,
        "4 bytes",
        |run| {
            let values: Vec<f32> = (0..5).map(|i| 0.375 * i as f32).collect();
            let input = run.upload(&values);
            run.launch("print", line(1, 32), arguments![input, 5])?;
            run.results(|| {
                let printed = run.printed();
                let mut lines: Vec<&str> = printed.lines().collect();
                lines.sort_unstable();
                let expected = [
                    "0: small |+0.000e+00|  0.0%|0|1|a",
                    "1: small |+3.750e-01|  0.4%|0x11|2|b",
                    "2: small |+7.500e-01|  0.8%|0x22|4|c",
                    "3: large |+1.125e+00|  1.1%|0x33|8|d",
                    "4: large |+1.500e+00|  0.0%|0x44|16|e",
                    "end",
                ];
                assert_eq!(lines, expected);
            });
            Ok(())
        },
    );
}

#[test]
fn assertions() {
    let part = "root * root == square && root % 7 != 3";
    program("nvcc/assertions", Kind::Assertion, part, |run| {
        let squares: Vec<i32> = (0..40).map(|i| i * i).collect();
        let (input, out) = (run.upload(&squares), run.allocate::<i32>(40));
        run.launch("roots", line(1, 40), arguments![input, out])?;
        run.expect(out, &(0..40).collect::<Vec<i32>>());
        Ok(())
    });
}

#[test]
fn structs() {
    program("nvcc/structs", Kind::OutOfBounds, "", |run| {
        let p = [1.0_f64, -2.0, 0.5, 0.0, 3.0, -1.0];
        let x: Vec<f64> = (0..9).map(|i| f64::from(i) * 0.5).collect();
        let (input, output) = (run.upload(&x), run.allocate::<f64>(9));
        run.launch("doubles", line(1, 9), arguments![p, input, output])?;
        let value = |x: &f64| p.iter().rev().fold(0.0, |sum, c| sum * x + c) + 1.0;
        run.expect(output, &x.iter().map(value).collect::<Vec<_>>());

        let (input, output) = (run.upload(&[0.0_f32, 1.0, 4.0]), run.allocate::<f32>(3));
        run.launch(
            "floats",
            line(1, 3),
            arguments![input, [2.0_f32, 0.5], output],
        )?;
        run.expect(output, &[2.0_f32, 2.5, 4.0]);

        // kind and scale, columns, polynomial; the struct ends at a multiple of 16 bytes.
        let mut task = [0_u8; 48];
        task[8..16].copy_from_slice(&1.5_f64.to_le_bytes());
        for (k, column) in [3_i16, -1, 4, -1, 5].into_iter().enumerate() {
            task[16 + 2 * k..][..2].copy_from_slice(&column.to_le_bytes());
        }
        for (k, coefficient) in [1.0_f32, 0.5, 0.25].into_iter().enumerate() {
            task[28 + 4 * k..][..4].copy_from_slice(&coefficient.to_le_bytes());
        }
        let output = run.allocate::<f32>(32);
        for (kind, expected) in [
            (b's', [4.5_f32, -1.5, 6.0, -1.5, 7.5]),
            (b'p', [4.75, 0.75, 7.0, 0.75, 9.75]),
        ] {
            task[0] = kind;
            run.launch("tasks", line(1, 32), arguments![task, 5, output])?;
            run.expect(output, &expected.repeat(7)[..32]);
        }
        Ok(())
    });
}

#[test]
fn constants() {
    program(
        "nvcc/constants",
        Kind::ConstantWrite,
        "32-byte allocation",
        |run| {
            let weights: Vec<f32> = (0..9).map(|k| (k % 4) as f32 - 1.0).collect();
            run.write(run.variable("weights"), &weights);
            let values: Vec<f32> = (0..100).map(|i| (i * i % 23) as f32).collect();
            let (input, output) = (run.upload(&values), run.allocate::<f32>(100));
            run.launch("filter", line(4, 32), arguments![input, output, 100])?;
            let value = |i: usize| {
                let near = weights
                    .iter()
                    .enumerate()
                    .filter(|(k, _)| (4..104).contains(&(i + k)));
                near.map(|(k, weight)| weight * values[i + k - 4]).sum()
            };
            run.expect(output, &(0..100).map(value).collect::<Vec<f32>>());
            run.launch("factor", line(1, 8), arguments![2 * 3 * 5 * 13 * 17])?;
            run.expect(run.variable("factors"), &[5]);
            Ok(())
        },
    );
}

#[test]
fn device_heap() {
    let part = "the heap of kernels";
    program("nvcc/device_heap", Kind::Leak, part, |run| {
        let (rows, sums) = (run.allocate::<u64>(40), run.allocate::<i32>(40));
        run.launch("make", line(1, 40), arguments![rows])?;
        run.launch("sum", line(1, 40), arguments![rows, sums])?;
        let sum = |i: i32| i * (i * (i + 1) / 2);
        run.expect(sums, &(0..40).map(sum).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn free_list() {
    let part = "freed 16-byte allocation";
    program("nvcc/free_list", Kind::InvalidFree, part, |run| {
        let (head, values) = (run.upload(&[0_u64]), run.allocate::<i32>(70));
        run.launch("push", line(3, 32), arguments![head, 70])?;
        run.launch("pop_all", line(1, 1), arguments![head, values])?;
        run.expect(head, &[0_u64]);
        run.results(|| {
            let mut found: Vec<i32> = run.download(values, 70);
            found.sort_unstable();
            assert_eq!(found, (0..70).collect::<Vec<_>>());
        });
        Ok(())
    });
}

/// What the machine of `interpreter.cu` leaves.
fn interpret(program: &[u8], input: i32, thread: i32) -> i32 {
    let mut stack: Vec<i32> = Vec::new();
    let mut codes = program.iter();
    while let Some(&code) = codes.next() {
        let value = stack.last().copied().unwrap_or(0);
        let operand = i32::from(code >> 4);
        let mut replace = |f: &dyn Fn(i32) -> i32| {
            let top = stack.last_mut().expect("a value");
            *top = f(*top);
        };
        match code & 15 {
            0 => return value,
            1 => stack.push(input),
            2 => stack.push(operand),
            3..=5 => {
                stack.pop();
                let top = stack.last_mut().expect("a second value");
                *top = match code & 15 {
                    3 => top.wrapping_add(value),
                    4 => top.wrapping_mul(value),
                    _ => *top ^ value << 2,
                };
            }
            6 => replace(&|value| -value),
            7 => replace(&|value| value.count_ones() as i32),
            8 => stack.push(value),
            9 if value > 0 => drop(codes.nth(operand as usize - 1)),
            10 => replace(&|value| value % 7),
            11 => replace(&|value| value / 3 + thread),
            _ => {}
        }
    }
    -1
}

#[test]
fn interpreter() {
    program(
        "nvcc/interpreter",
        Kind::UninitializedLocal,
        "4 bytes",
        |run| {
            let programs: [[u8; 12]; 5] = [
                [1, 0x52, 3, 8, 4, 10, 0x19, 6, 0, 0, 0, 0],
                [1, 8, 8, 4, 3, 0x72, 5, 7, 12, 0x29, 6, 6],
                [0x92, 1, 4, 0x31, 3, 11, 15, 0, 0, 0, 0, 0],
                [1, 6, 0x29, 8, 3, 8, 4, 11, 0, 0, 0, 0],
                [1, 1, 1, 1, 1, 3, 5, 4, 3, 7, 6, 0],
            ];
            let own: Vec<[u8; 12]> = (0..70).map(|i| programs[i * i % 5]).collect();
            let inputs: Vec<i32> = (0..70).map(|i| i * 17 % 41 - 20).collect();
            let (code, input) = (run.upload(&own), run.upload(&inputs));
            let results = run.allocate::<i32>(70);
            run.launch("run", line(2, 35), arguments![code, 12, input, results])?;
            let result = |i: usize| interpret(&own[i], inputs[i], i as i32 % 35);
            run.expect(results, &(0..70).map(result).collect::<Vec<_>>());
            Ok(())
        },
    );
}

#[test]
fn inline_assembly() {
    program(
        "nvcc/inline_assembly",
        Kind::OutOfBounds,
        "16 bytes",
        |run| {
            let mut rng = fastrand::Rng::with_seed(8);
            let pairs: Vec<[u64; 2]> = (0..40).map(|_| [rng.u64(..), rng.u64(..)]).collect();
            let input = run.upload(&pairs);
            let (sums, steps) = (run.allocate::<u64>(40), run.allocate::<i32>(40));
            run.launch("assembly", line(1, 40), arguments![input, sums, steps])?;
            run.expect(
                sums,
                &pairs
                    .iter()
                    .map(|[a, b]| a.wrapping_add(*b))
                    .collect::<Vec<_>>(),
            );
            let collatz = |i: i32| {
                let next = |&n: &i32| (n != 1).then(|| if n % 2 == 0 { n / 2 } else { 3 * n + 1 });
                let steps = std::iter::successors(Some(i + 1), next).count() as i32 - 1;
                // Lanes with an odd number have an even one of lanes up to them.
                if i % 2 == 1 { -steps } else { steps }
            };
            run.expect(steps, &(0..40).map(collatz).collect::<Vec<_>>());
            Ok(())
        },
    );
}

#[test]
fn debug_build() {
    program(
        "nvcc/debug_build",
        Kind::OutOfBounds,
        "local memory",
        |run| {
            let results = run.allocate::<i32>(64);
            run.launch("count_down", line(2, 64), arguments![results])?;
            let count_down = |i: i32| {
                let mut queue = std::collections::VecDeque::from([i + 3]);
                let mut sum = 0;
                while let Some(n) = queue.pop_front() {
                    sum += n;
                    if n > 2 {
                        queue.push_back(n / 2);
                        if n % 3 == 0 && queue.len() < 5 {
                            queue.push_back(n / 3);
                        }
                    }
                }
                sum
            };
            run.expect(results, &(0..64).map(count_down).collect::<Vec<_>>());
            Ok(())
        },
    );
}

#[test]
fn unoptimized() {
    program(
        "nvcc/unoptimized",
        Kind::UninitializedLocal,
        "8 bytes",
        |run| {
            let (results, sums) = (run.allocate::<f64>(40), run.allocate::<i32>(40));
            run.launch("fibonacci", line(1, 40), arguments![results, sums])?;
            let numbers = std::iter::successors(Some((0.0, 1.0)), |&(a, b)| Some((b, a + b)));
            let expected: Vec<f64> = numbers.map(|(a, _)| a + 1.0).take(40).collect();
            run.expect(results, &expected);
            let sum = |i: i32| 1 + 2 + i32::from(b'c') + i;
            run.expect(sums, &(0..40).map(sum).collect::<Vec<_>>());
            run.expect(run.variable("launches"), &[1]);
            Ok(())
        },
    );
}
