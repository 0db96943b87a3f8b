//! Random numbers by `gpu_rand`.

use std::f64::consts::TAU;

use rust_cuda::run;

/// xoroshiro128**, by Blackman and Vigna.
struct Reference([u64; 2]);

impl Reference {
    /// Seeded by splitmix64.
    fn new(mut seed: u64) -> Reference {
        Reference(std::array::from_fn(|_| {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    fn whole(&mut self) -> u64 {
        let [a, b] = self.0;
        let mixed = a ^ b;
        self.0 = [
            a.rotate_left(24) ^ mixed ^ (mixed << 16),
            mixed.rotate_left(37),
        ];
        a.wrapping_mul(5).rotate_left(7).wrapping_mul(9)
    }

    fn uniform(&mut self) -> f64 {
        (self.whole() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Two normal numbers, of uniform ones that were rounded by `round`.
    fn normal(&mut self, round: impl Fn(f64) -> f64) -> [f64; 2] {
        let (radius, angle) = (round(self.uniform()), TAU * round(self.uniform()));
        let radius = (-2.0 * radius.ln()).sqrt();
        [radius * angle.cos(), radius * angle.sin()]
    }
}

#[test]
fn draws() {
    const N: usize = 256;
    let run = run("draw", 4, 64)
        .value(0x1234_5678_9abc_u64)
        .uninitialized::<[u64; 2]>(N)
        .uninitialized::<u64>(N)
        .uninitialized::<[f32; 4]>(N)
        .uninitialized::<[f64; 2]>(N);
    run.check(|output| {
        let states = output.buffer::<[u64; 2]>(0);
        let whole = output.buffer::<u64>(1);
        let floats = output.buffer::<[f32; 4]>(2);
        let doubles = output.buffer::<[f64; 2]>(3);
        let single = |x: f64| f64::from(x as f32);
        for idx in 0..N {
            let mut reference = Reference::new(0x1234_5678_9abc + idx as u64);
            let first = reference.whole();
            assert_eq!(whole[idx], first ^ u64::from(reference.whole() as u32));
            let [a, b] = reference.normal(single);
            let uniform = reference.uniform();
            assert_eq!(floats[idx][0], uniform as f32);
            let [c, _] = reference.normal(single);
            for (actual, expected) in floats[idx][1..].iter().zip([c, a, b]) {
                // The angle is rounded: up to 6.3 · 2^-24, times a radius below 9.
                let error = (f64::from(*actual) - expected).abs();
                assert!(error <= 5e-6, "{actual} instead of {expected}");
            }
            assert_eq!(doubles[idx][0], reference.uniform());
            let [d, _] = reference.normal(|x| x);
            let error = (doubles[idx][1] - d).abs();
            // Four roundings of the angle and its cosine, two of the radius, which is below 9.
            assert!(error <= 2e-14, "{} instead of {d}", doubles[idx][1]);
            assert_eq!(states[idx], reference.0);
        }
    });
}
