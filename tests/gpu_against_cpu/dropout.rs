//! Dropout.

use cpu::backend::Mask;
use cuda_std::random::philox4x32_10;

use crate::activation::LENGTHS;
use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, wide};
use crate::devices::devices;

const SEED: u64 = 0x0123_4567_89ab_cdef;
const STREAM: u64 = 0x0000_0003_0000_0011;

/// What value `i` is multiplied by: word `i` of the stream, 2³² times the probability of which leave
/// it out.
fn factor(probability: f32, i: usize) -> f32 {
    let counter = [i as u32 / 4, 0, STREAM as u32, (STREAM >> 32) as u32];
    let word = philox4x32_10(counter, [SEED as u32, (SEED >> 32) as u32])[i % 4];
    let is_kept = f64::from(word) >= (f64::from(probability) * 2.0_f64.powi(32)).floor();
    if is_kept {
        1.0 / (1.0 - probability)
    } else {
        0.0
    }
}

#[test]
fn dropout() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            for probability in [0.0, 0.2, 0.5, 1.0] {
                let name = format!("dropout, {probability}, {n}");
                let mut x = uniform(&mut generator(idx as u64), n, 3.0);
                let special = [f32::NAN, f32::INFINITY, -0.0, f32::NEG_INFINITY];
                x.iter_mut()
                    .zip(special)
                    .for_each(|(x, special)| *x = special);
                let mut y = output(backend, &vec![f32::NAN; n])?;
                let mask = Mask::new(probability, SEED, STREAM);
                backend.dropout(mask, &input(backend, &x)?, &mut y, n)?;
                let expected: Vec<f32> = (0..n).map(|i| x[i] * factor(probability, i)).collect();
                let actual = read(backend, &name, &y)?;
                outputs.push(Output::exact(name, actual, wide(&expected)));
            }
        }
        Ok(outputs)
    });
}

#[test]
fn as_many_are_left_out_as_were_asked_for() {
    const N: usize = 100_000;
    for probability in [0.1, 0.5, 0.9] {
        let mask = Mask::new(probability, 7, 5);
        let n_left_out = (0..N as u64 / 4)
            .flat_map(|quad_idx| mask.factors(quad_idx))
            .filter(|&factor| factor == 0.0)
            .count();
        let p = f64::from(probability);
        // Four standard deviations.
        let limit = 4.0 * (N as f64 * p * (1.0 - p)).sqrt();
        assert!(
            (n_left_out as f64 - N as f64 * p).abs() <= limit,
            "{n_left_out}"
        );
    }
}
