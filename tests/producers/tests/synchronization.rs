//! Threads that wait for each other: groups, locks, barriers.

use producers::{arguments, line, program};
use ptx_sim::Kind;

#[test]
fn cooperative() {
    let part = "nothing orders";
    program("cooperative", Kind::GlobalRace, part, |run| {
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
    program("spin_lock", Kind::GlobalRace, "nothing orders", |run| {
        // A lock and a count, and a sum.
        let accounts = run.upload(&[[0_i32; 4]; 3]);
        run.launch("deposit", line(3, 40), arguments![accounts, 3])?;
        let sums = [0, 1, 2].map(|k| (k..120).step_by(3).map(|i| f64::from(i) / 4.0).sum::<f64>());
        let account = |sum: f64| {
            let bits = sum.to_bits();
            [0, 40, bits as i32, (bits >> 32) as i32]
        };
        run.expect(accounts, &sums.map(account));
        Ok(())
    });
}

#[test]
fn ticket_lock() {
    program("ticket_lock", Kind::StepLimit, "steps", |run| {
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
