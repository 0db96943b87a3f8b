//! Arithmetic beyond that of singles.

use half::{bf16, f16};
use producers::{arguments, line, program};
use ptx_sim::Kind;

#[test]
fn half_precision() {
    let part = "multiple of 4";
    program("half_precision", Kind::Misaligned, part, |run| {
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
    program("dp4a", Kind::Misaligned, "multiple of 4", |run| {
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
