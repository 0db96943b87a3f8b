//! Arithmetic beyond that of singles.

use half::{bf16, f16};
use producers::{arguments, line, program};
use ptx_sim::Kind;

#[test]
fn half_precision() {
    let part = "multiple of 4";
    program("nvcc/half_precision", Kind::Misaligned, part, |run| {
        let n = 75;
        let x: Vec<f16> = (0..n)
            .map(|i| f16::from_f32(i as f32 * 0.37 - 9.0))
            .collect();
        let y: Vec<f16> = (0..n)
            .map(|i| f16::from_f32(1.0 / (i + 1) as f32))
            .collect();
        let a = f16::from_f32(0.3);
        let (input, output) = (run.upload(&x), run.upload(&y));
        run.launch("axpy", line(2, 32), arguments![input, output, a, n])?;
        // A product of halves and a half are exact in 64 bits, so that the sum is rounded once.
        let sum = |(x, y): (&f16, &f16)| f16::from_f64(a.to_f64() * x.to_f64() + y.to_f64());
        let expected: Vec<f16> = x.iter().zip(&y).map(sum).collect();
        run.expect(output, &expected);

        let x: Vec<f32> = (0..n).map(|i| i as f32 * 0.083 - 3.1).collect();
        let input = run.upload(&x);
        let (brains, halves) = (run.allocate::<bf16>(75), run.allocate::<f16>(75));
        run.launch("clamp", line(3, 32), arguments![input, brains, halves, n])?;
        let clamped = |&x: &f32| bf16::from_f32(bf16::from_f32(x).to_f32().clamp(-1.5, 2.25));
        run.expect(brains, &x.iter().map(clamped).collect::<Vec<_>>());
        let half = |(i, &x): (usize, &f32)| {
            let product = f16::from_f32(f16::from_f32(x).to_f32() * 0.5);
            f16::from_f32(product.to_f32() - i as f32)
        };
        run.expect(halves, &x.iter().enumerate().map(half).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn dp4a() {
    program("nvcc/dp4a", Kind::Misaligned, "multiple of 4", |run| {
        let columns = 20;
        let a: Vec<i8> = (0..64 * columns)
            .map(|i| (i * i % 253) as u8 as i8)
            .collect();
        let x: Vec<i8> = (0..columns).map(|i| (i * 91 % 256) as u8 as i8).collect();
        let (rows, vector, y) = (run.upload(&a), run.upload(&x), run.allocate::<i32>(64));
        run.launch("rows", line(2, 32), arguments![rows, vector, y, columns])?;
        let dot = |row: &[i8]| {
            row.iter()
                .zip(&x)
                .map(|(&a, &b)| i32::from(a) * i32::from(b))
                .sum()
        };
        run.expect(
            y,
            &a.chunks(columns as usize).map(dot).collect::<Vec<i32>>(),
        );

        let a: Vec<[u8; 4]> = (0..32).map(|i| [i, 255 - i, i * 7, 200]).collect();
        let b: Vec<[u8; 4]> = (0..32).map(|i| [i ^ 0xA5, 3 * i, 251, i]).collect();
        let (x, y, sums) = (run.upload(&a), run.upload(&b), run.allocate::<u32>(32));
        run.launch("unsigned_rows", line(1, 32), arguments![x, y, sums])?;
        let value = |i: usize| {
            let wide = |bytes: [u8; 4]| bytes.map(u32::from);
            let (a, b) = (wide(a[i]), wide(b[i]));
            let four: u32 = 1 + a.iter().zip(b).map(|(a, b)| a * b).sum::<u32>();
            let (low, high) = ((a[0] * 200) & 0xFFFF, (a[3] * 100) & 0xFFFF);
            let two = low * b[0] + high * b[1] + low * b[2] + high * b[3];
            let i = i as u32;
            let by_byte = |a: u32, b: u32, f: fn(u8, u8) -> u8| {
                let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
                u32::from_le_bytes([0, 1, 2, 3].map(|k| f(a[k], b[k])))
            };
            let differences = by_byte(i.wrapping_mul(0x0102_0304), 0x4030_2010, u8::abs_diff);
            let sum = by_byte(0x80FF_7F01, i, u8::wrapping_add);
            let larger = |a: u32, b: u32| u32::from((a as i16).max(b as i16) as u16);
            let most = larger(i << 14, 0x8001) | larger(i << 14 >> 16, 2) << 16;
            (four + two).wrapping_add(differences ^ sum ^ most)
        };
        run.expect(sums, &(0..32).map(value).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn vector_loads() {
    program("nvcc/vector_loads", Kind::Misaligned, "16", |run| {
        let n = 203;
        let values: Vec<f32> = (0..n).map(|i| i as f32 * 0.5).collect();
        let (input, output) = (run.upload(&values), run.allocate::<f32>(203));
        run.launch("scale", line(2, 32), arguments![input, output, n, 3.0_f32])?;
        run.expect(output, &values.iter().map(|x| x * 3.0).collect::<Vec<_>>());

        let a: Vec<[i16; 4]> = (0..32).map(|i| [i, 7 - i, 3 * i, -i]).collect();
        let b: Vec<[f64; 2]> = (0..32)
            .map(|i| [f64::from(i) * 2.5, -1.5 * f64::from(i)])
            .collect();
        let c: Vec<[u8; 2]> = (0..32).map(|i| [255 - i, i]).collect();
        let (x, y, z) = (run.upload(&a), run.upload(&b), run.upload(&c));
        let output = run.allocate::<[i64; 2]>(32);
        run.launch("shuffle_types", line(1, 32), arguments![x, y, z, output])?;
        let value = |i: usize| {
            let (a, b, c) = (
                a[i].map(i64::from),
                b[i].map(|b| b as i64),
                c[i].map(i64::from),
            );
            [b[0] * a[1] + c[0], b[1] * a[3] - a[0] * a[2] + c[1]]
        };
        run.expect(output, &(0..32).map(value).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn bit_tricks() {
    program(
        "nvcc/bit_tricks",
        Kind::SharedRace,
        "nothing orders",
        |run| {
            let mut rng = fastrand::Rng::with_seed(1);
            let mut values: Vec<u32> = (0..32).map(|_| rng.u32(..) >> rng.u32(..32)).collect();
            values[3] = 0;
            values[4] = u32::MAX;
            let (input, results) = (run.upload(&values), run.allocate::<[u32; 22]>(32));
            run.launch("bits", line(1, 32), arguments![input, results])?;
            let first = |bits: u64| {
                if bits == 0 {
                    0
                } else {
                    bits.trailing_zeros() + 1
                }
            };
            let bits = |lane: usize| {
                let (x, y) = (values[lane], values[(lane + 1) % 32]);
                let wide = u64::from(y) << 32 | u64::from(x);
                let shift = lane as u32;
                let (sx, sy) = (i64::from(x as i32), i64::from(y as i32));
                let square = u128::from(wide) * u128::from(!wide);
                let bytes = wide.to_le_bytes();
                // From the last set bit down, the second one.
                let mut set = (0..32).rev().filter(|at| x >> at & 1 == 1);
                [
                    x.count_ones(),
                    wide.count_ones(),
                    x.leading_zeros(),
                    wide.leading_zeros(),
                    first(x.into()),
                    first(wide >> 40),
                    x.reverse_bits(),
                    (wide.reverse_bits() >> 16) as u32,
                    u32::from_le_bytes([bytes[0], bytes[6], bytes[1], bytes[5]]),
                    (wide << shift >> 32) as u32,
                    (wide >> (2 * shift).min(32)) as u32,
                    ((sx * sy) >> 32) as u32,
                    ((u64::from(x) * u64::from(y)) >> 32) as u32,
                    (square >> 96) as u32,
                    ((sx + sy) >> 1) as u32,
                    ((u64::from(x) + u64::from(y) + 1) >> 1) as u32,
                    x.abs_diff(y).wrapping_add(7),
                    (x & y) ^ (!x | y << 3),
                    values.iter().fold(0, |all, value| all ^ value),
                    values
                        .iter()
                        .map(|value| value & 0xFFFF)
                        .max()
                        .expect("32 values"),
                    (0..32)
                        .filter(|&at| values[at] % 4 == x % 4)
                        .fold(0, |all, at| all | 1 << at),
                    set.nth(1).unwrap_or(u32::MAX),
                ]
            };
            run.expect(results, &(0..32).map(bits).collect::<Vec<_>>());
            Ok(())
        },
    );
}

#[test]
fn double_math() {
    let part = "right behind the end of the 400-byte allocation";
    program("nvcc/double_math", Kind::OutOfBounds, part, |run| {
        let x: Vec<f64> = (0..50).map(|i| 0.07 + f64::from(i) * 0.113).collect();
        let (input, output) = (run.upload(&x), run.allocate::<f64>(50 * 30));
        run.launch("doubles", line(1, 64), arguments![input, output, 50])?;
        let functions = |&x: &f64| {
            [
                x.sin(),
                (3.0 * x).cos(),
                x.tan(),
                x.exp(),
                x.exp2(),
                x.exp_m1(),
                x.ln(),
                x.ln_1p(),
                x.log10(),
                x.powf(1.7),
                x.cbrt(),
                x.sqrt(),
                1.0 / x.sqrt(),
                libm::erf(x),
                libm::erfc(x),
                libm::lgamma(x),
                libm::tgamma(x),
                x.sinh(),
                x.tanh(),
                (1.0 / (1.0 + x)).asin(),
                x.atan2(2.0),
                x.hypot(3.0),
                (10.0 * x) % 3.0,
                (1e6 * x).sin(),
                libm::remainder(7.0 * x, 2.0),
                x.floor() + (3.0 * x).round_ties_even(),
                x.asinh(),
                libm::j0(x),
                0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
                1.0 / x,
            ]
        };
        let expected: Vec<f64> = x.iter().flat_map(functions).collect();
        // CUDA's functions are within 4 units in the last place, except for the gamma functions' 10
        // and the Bessel function's 5e-16.
        run.expect_near::<f64>(output, &expected, 10.0 * f64::EPSILON);

        let output = run.allocate::<f32>(50 * 12);
        run.launch("singles", line(1, 50), arguments![input, output])?;
        let functions = |&x: &f64| {
            let x = f64::from(x as f32);
            [
                x.sin(),
                f64::from(100.0 * x as f32).cos(),
                x.exp(),
                x.ln(),
                x.powf(f64::from(2.3_f32)),
                libm::erf(x),
                libm::lgamma(x),
                x.tanh(),
                x.cbrt(),
                x / f64::from(3.7_f32),
                x.sqrt(),
                x.atan(),
            ]
        };
        let expected: Vec<f64> = x.iter().flat_map(functions).collect();
        // Within 9 units in the last place, which powf is.
        run.expect_near::<f32>(output, &expected, 9.0 * f64::from(f32::EPSILON));
        Ok(())
    });
}

#[test]
fn fast_math() {
    program(
        "nvcc/fast_math",
        Kind::OutOfBounds,
        "shared memory",
        |run| {
            let x: Vec<f32> = (0..64).map(|i| 0.3 + i as f32 * 0.02).collect();
            let (input, output) = (run.upload(&x), run.allocate::<f32>(64));
            run.launch("waves", line(1, 64), arguments![input, output])?;
            let row: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
            let sum = |x: f64| {
                let waves = x.sin() * (-x).exp() + x.ln() / x.cos();
                waves + x.powf(1.5) + x.sqrt() + 1.0 / x + x.tanh()
            };
            let value = |i: usize| {
                let x = row[i];
                let clamped = x.min((x - 1.0).clamp(0.0, 1.0));
                sum(row[i ^ 5]) + clamped + 1.0 / x.sqrt() + x / 3.0 + 10.0_f64.powf(x)
            };
            // The cosine, wrong by 2^-20.5, is as small as 0.02 where it divides; tanh is off by 2^-11.
            run.expect_near::<f32>(output, &(0..64).map(value).collect::<Vec<_>>(), 1e-3);
            Ok(())
        },
    );
}

#[test]
fn division() {
    let part = "bytes before the 404-byte allocation";
    program("nvcc/division", Kind::OutOfBounds, part, |run| {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut number = || rng.i64(..) >> rng.u32(..63);
        let pairs: Vec<[i64; 2]> = (0..96).map(|_| [number(), number() | 1]).collect();
        let column = |k: usize| pairs.iter().map(|pair| pair[k]).collect::<Vec<_>>();
        let (a, b) = (run.upload(&column(0)), run.upload(&column(1)));
        let output = run.allocate::<[i64; 8]>(96);
        run.launch("divide", line(1, 96), arguments![a, b, output])?;
        let results = |&[x, y]: &[i64; 2]| {
            let (s, t) = (x as i32, y as i32);
            let (u, v) = (s as u32, t as u32);
            let by_one = t == 0 || t == -1;
            let wide = i128::from(x) * i128::from(y) + 1;
            [
                x.wrapping_div(y),
                x.wrapping_rem(y),
                (x as u64 / y as u64) as i64,
                (x as u64 % y as u64) as i64,
                if by_one { 0 } else { i64::from(s / t) },
                if by_one { 0 } else { i64::from(s % t) },
                match u.checked_div(v) {
                    Some(quotient) => i64::from(quotient) << 32 | i64::from(u % v),
                    None => 0,
                },
                (wide / i128::from(t | 1)) as i64 ^ (wide >> 61) as i64,
            ]
        };
        run.expect(output, &pairs.iter().map(results).collect::<Vec<_>>());

        let keys: Vec<i32> = (0..150).map(|i| i * i % 53 - 60).collect();
        let (slots, counts) = (run.upload(&[0; 101]), run.upload(&[0; 101]));
        let input = run.upload(&keys);
        run.launch(
            "count",
            line(3, 64),
            arguments![input, 150, slots, counts, 101],
        )?;
        run.results(|| {
            let (slots, counts): (Vec<i32>, Vec<i32>) =
                (run.download(slots, 101), run.download(counts, 101));
            for (slot, count) in slots.into_iter().zip(counts) {
                let expected = keys.iter().filter(|&&key| key == slot).count();
                assert_eq!(count, expected as i32, "key {slot}");
            }
        });
        Ok(())
    });
}
