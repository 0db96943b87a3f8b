//! Shuffles, votes and reductions of warps.

use rust_cuda::run;

#[test]
fn shuffles() {
    let values: Vec<i32> = (0..32).map(|i| i * 3 - 40).collect();
    let wide: Vec<f64> = (0..32).map(|i| f64::from(i) * 0.25 + 1e10).collect();
    let run = run("shuffles", 1, 32)
        .slice(&values)
        .slice(&wide)
        .uninitialized::<[i32; 3]>(32)
        .uninitialized::<f64>(32);
    run.check(|output| {
        let sum: i32 = values.iter().sum();
        for (lane, actual) in output.buffer::<[i32; 3]>(2).into_iter().enumerate() {
            let of_third = (lane / 8 * 8 + 3) * 7;
            let next = (lane + 1).min(31);
            assert_eq!(actual, [sum, of_third as i32, next as i32]);
        }
        for (lane, actual) in output.buffer::<f64>(3).into_iter().enumerate() {
            // Quarters below 2^39: exact.
            assert_eq!(actual, wide[..=lane].iter().sum::<f64>());
        }
    });
}

#[test]
fn votes_and_reductions() {
    let values: Vec<u32> = (0..32).map(|i| i * 5 % 33 + 8).collect();
    let run = run("votes", 1, 32)
        .slice(&values)
        .uninitialized::<[u32; 7]>(32);
    run.check(|output| {
        let lanes = |holds: &dyn Fn(u32) -> bool| -> u32 {
            let set = (0..32).filter(|&lane| holds(values[lane]));
            set.map(|lane| 1 << lane).sum()
        };
        for (lane, actual) in output.buffer::<[u32; 7]>(1).into_iter().enumerate() {
            let expected = [
                1,
                u32::from(values.contains(&13)),
                lanes(&|value| value % 2 == 1),
                lanes(&|value| value % 4 == values[lane] % 4),
                values.iter().sum(),
                values.iter().copied().max().expect("there are values"),
                u32::MAX,
            ];
            assert_eq!(actual, expected);
        }
    });
}
