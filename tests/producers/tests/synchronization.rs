//! Threads that wait for each other: groups, locks, barriers.

use half::f16;
use producers::{arguments, line, program};
use ptx_sim::Kind;

#[test]
fn cooperative() {
    let part = "nothing orders";
    program("nvcc/cooperative", Kind::GlobalRace, part, |run| {
        let n = 200_usize;
        let mut values: Vec<i32> = (0..n as i32).map(|i| i * i % 31).collect();
        let (from, to) = (run.upload(&values), run.upload(&vec![0; n]));
        let shape = line(3, 64).cooperative();
        run.launch("ring", shape, arguments![from, to, n as i32, 6])?;
        for _ in 0..6 {
            let new = |i| values[(i + n - 1) % n] - values[i] + values[(i + 1) % n];
            values = (0..n).map(new).collect();
        }
        run.expect(from, &values);

        let values: Vec<i32> = (0..128).map(|i| i * 7 % 19 - 6).collect();
        let (input, results) = (run.upload(&values), run.allocate::<i32>(128));
        let odd = run.upload(&[0_u32; 2]);
        run.launch("tiles", line(2, 64), arguments![input, results, odd])?;
        let expected = (0..128).map(|i| {
            let tile = &values[i / 8 * 8..][..8];
            let (sum, most) = (tile.iter().sum::<i32>(), tile.iter().max().unwrap());
            let before: i32 = tile[..i % 8].iter().sum();
            sum * 1000 + most * 10 + before + tile[7] * (i as i32 % 64 / 8)
        });
        run.expect(results, &expected.collect::<Vec<_>>());
        // Each odd value has taken a number of its own.
        let count = values.iter().filter(|&value| value % 2 != 0).count() as u32;
        run.expect(odd, &[count, count * (count - 1) / 2]);
        Ok(())
    });
}

#[test]
fn spin_lock() {
    program(
        "nvcc/spin_lock",
        Kind::GlobalRace,
        "nothing orders",
        |run| {
            // A lock and a count, and a sum.
            let accounts = run.upload(&[[0_i32; 4]; 3]);
            run.launch("deposit", line(3, 40), arguments![accounts, 3])?;
            let sums =
                [0, 1, 2].map(|k| (k..120).step_by(3).map(|i| f64::from(i) / 4.0).sum::<f64>());
            let account = |sum: f64| {
                let bits = sum.to_bits();
                [0, 40, bits as i32, (bits >> 32) as i32]
            };
            run.expect(accounts, &sums.map(account));
            Ok(())
        },
    );
}

#[test]
fn ticket_lock() {
    program("nvcc/ticket_lock", Kind::StepLimit, "steps", |run| {
        let (lock, list, length) = (
            run.upload(&[0; 2]),
            run.allocate::<i32>(20),
            run.upload(&[0]),
        );
        run.launch("append", line(20, 32), arguments![lock, list, length])?;
        run.expect(lock, &[20, 20]);
        run.expect(length, &[20]);
        run.results(|| {
            let mut blocks: Vec<i32> = run.download(list, 20);
            blocks.sort_unstable();
            assert_eq!(blocks, (0..20).collect::<Vec<_>>());
        });
        Ok(())
    });
}

#[test]
fn mbarrier_pipeline() {
    program(
        "nvcc/mbarrier_pipeline",
        Kind::SharedRace,
        "asynchronous copy",
        |run| {
            let (blocks, chunks) = (2, 7);
            let values: Vec<f32> = (0..blocks * chunks * 64)
                .map(|i| (i % 29) as f32 - 9.0)
                .collect();
            let (input, sums) = (run.upload(&values), run.allocate::<f32>(blocks * 64));
            let arguments = arguments![input, sums, chunks as i32];
            run.launch("squares", line(blocks as u32, 96), arguments)?;
            let sum = |i: usize| {
                let chunks = values[i / 64 * chunks * 64..].chunks(64).take(chunks);
                chunks.map(|chunk| chunk[i % 64] * chunk[i % 64]).sum()
            };
            run.expect(sums, &(0..blocks * 64).map(sum).collect::<Vec<f32>>());
            Ok(())
        },
    );
}

#[test]
fn arrive_wait() {
    program("nvcc/arrive_wait", Kind::Deadlock, "1 of 65", |run| {
        let n = 64;
        let values: Vec<i32> = (0..n).map(|i| i * i % 47).collect();
        let (input, output) = (run.upload(&values), run.allocate::<i32>(n as usize));
        run.launch("steps", line(1, n as u32), arguments![input, output, 5])?;
        let result = |i: i32| values[((i + n - 5) % n) as usize] + 5 + 10 * i;
        run.expect(output, &(0..n).map(result).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn named_barriers() {
    let part = "96 threads";
    program("nvcc/named_barriers", Kind::BarrierMismatch, part, |run| {
        let rounds = 5;
        let values: Vec<i32> = (0..rounds * 64).map(|i| i * 13 % 101).collect();
        let (input, output) = (run.upload(&values), run.allocate::<i32>(values.len()));
        run.launch("relay", line(1, 128), arguments![input, output, rounds])?;
        let result = |i: i32| values[((i / 64 * 64) + ((i % 64) ^ 21)) as usize] * 3 + i / 64;
        run.expect(output, &(0..rounds * 64).map(result).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn warp_aggregated() {
    let part = "which does not name it";
    program("nvcc/warp_aggregated", Kind::WarpMask, part, |run| {
        let values: Vec<i32> = (0..500).map(|i| i * i % 1009).collect();
        let (input, output) = (run.upload(&values), run.allocate::<i32>(500));
        let count = run.upload(&[0]);
        run.launch("filter", line(3, 64), arguments![input, 500, output, count])?;
        let mut expected: Vec<i32> = values.into_iter().filter(|value| value % 3 == 0).collect();
        run.expect(count, &[expected.len() as i32]);
        run.results(|| {
            let mut found: Vec<i32> = run.download(output, expected.len());
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
        });
        Ok(())
    });
}

#[test]
fn atomic_updates() {
    let part = "nothing orders";
    program("nvcc/atomic_updates", Kind::GlobalRace, part, |run| {
        let n = 97_usize;
        let values: Vec<f64> = (0..n).map(|i| (i * 31 % n) as f64).collect();
        let best = run.upload(&[(-1.0_f64).to_bits(), -1_i64 as u64]);
        let (input, product) = (run.upload(&values), run.upload(&[1.0_f64]));
        let halves = run.upload(&[f16::ZERO; 2]);
        let counters = run.upload(&[0, u32::MAX, 0, 0, 0, 0, 0]);
        let arguments = arguments![input, n as i32, best, product, halves, counters];
        run.launch("update", line(2, 64), arguments)?;
        let largest = (0..n).find(|i| i * 31 % n == n - 1).expect("one") as u64;
        run.expect(best, &[((n - 1) as f64).to_bits(), largest]);
        // Of each eight, one doubles and one halves.
        run.expect(product, &[1.0_f64]);
        let sums = [n, (0..n).map(|i| i % 4).sum()];
        run.expect(halves, &sums.map(|sum| f16::from_f32(sum as f32)));
        let bits = (0..n).fold(0, |bits, i| bits ^ 1 << (i % 32));
        let half = (n as f32 * 0.5).to_bits();
        let sum = (0..n as u32).sum();
        run.expect(counters, &[n as u32 - 1, 5, 7, 3, bits, sum, half]);
        Ok(())
    });
}

#[test]
fn copy_pipeline() {
    let part = "asynchronous copy";
    program("nvcc/copy_pipeline", Kind::SharedRace, part, |run| {
        let (blocks, chunks) = (2, 5);
        let n = blocks * chunks * 64;
        let values: Vec<i32> = (0..n as i32).map(|i| i * i % 83).collect();
        let (input, output) = (run.upload(&values), run.allocate::<i32>(n));
        let arguments = arguments![input, output, chunks as i32];
        run.launch("scale", line(blocks as u32, 64), arguments)?;
        let scaled = |i: usize| 3 * values[i / 64 * 64 + 63 - i % 64] - (i / 64 % chunks) as i32;
        run.expect(output, &(0..n).map(scaled).collect::<Vec<_>>());
        Ok(())
    });
}
