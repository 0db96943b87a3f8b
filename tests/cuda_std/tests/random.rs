//! `cuda_std::random` in the simulator: the same numbers as on the host, and those of Random123.

use cuda_std::random::Philox;
use cuda_std_tests::Run;

const N_THREADS: u32 = 96;

/// The known answers that come with Random123, `kat_vectors`, "philox4x32 10".
#[test]
fn known_answers() {
    for (counter, key, expected) in [
        (
            [0u32; 4],
            0u64,
            [0x6627_e8d5u32, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
        ),
        (
            [u32::MAX; 4],
            u64::MAX,
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
        ),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            0x299f_31d0_a409_3822,
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ] {
        Run::new("random_blocks", 1, 1)
            .slice(&counter)
            .value(key)
            .uninitialized::<u32>(4)
            .check(|output| assert_eq!(output.buffer::<u32>(1), expected));
    }
}

#[test]
fn streams_have_the_bits_that_they_have_on_the_host() {
    for (seed, n) in [
        (0u64, 1u32),
        (1, 6),
        (u64::MAX, 1000),
        (0x1234_5678_9abc_def0, 3 << 30),
    ] {
        Run::new("random_streams", 2, N_THREADS / 2)
            .value(seed)
            .value(n)
            .uninitialized::<u64>(4 * N_THREADS as usize)
            .uninitialized::<f32>(2 * N_THREADS as usize)
            .uninitialized::<f64>(2 * N_THREADS as usize)
            .check(|output| {
                let words = output.buffer::<u64>(0);
                let singles = output.buffer::<f32>(1);
                let doubles = output.buffer::<f64>(2);
                for t in 0..N_THREADS as usize {
                    let mut random = Philox::new(seed, t as u64);
                    assert_eq!(words[4 * t], u64::from(random.next_u32()));
                    assert_eq!(words[4 * t + 1], random.next_u64());
                    assert_eq!(words[4 * t + 2], u64::from(random.below(n)));
                    assert_eq!(words[4 * t + 3], u64::from(random.range_u32(n / 2..n)));
                    assert_eq!(singles[2 * t].to_bits(), random.uniform_f32().to_bits());
                    assert_eq!(
                        singles[2 * t + 1].to_bits(),
                        random.range_f32(-3.0..5.0).to_bits()
                    );
                    random.seek(1 << 40);
                    assert_eq!(doubles[2 * t].to_bits(), random.uniform_f64().to_bits());
                    assert_eq!(
                        doubles[2 * t + 1].to_bits(),
                        random.range_f64(-3.0..5.0).to_bits()
                    );
                }
            });
    }
}

/// The functions behind normal numbers are correct to a few units in the last place on either side;
/// an angle of up to 2π and a radius of up to 9 make that a few 1e-6, or 1e-15.
#[test]
fn normal_numbers_are_those_of_the_host() {
    for seed in 0..3u64 {
        Run::new("random_normal", 3, N_THREADS / 3)
            .value(seed)
            .uninitialized::<f32>(3 * N_THREADS as usize)
            .uninitialized::<f64>(3 * N_THREADS as usize)
            .check(|output| {
                let singles = output.buffer::<f32>(0);
                let doubles = output.buffer::<f64>(1);
                for t in 0..N_THREADS as usize {
                    let mut random = Philox::new(seed, t as u64);
                    let [a, b] = random.normal_pair_f32();
                    let expected = [a, b, random.normal_f32()];
                    for (found, expected) in singles[3 * t..].iter().zip(expected) {
                        assert!((found - expected).abs() <= 4e-6, "{found} for {expected}");
                    }
                    let [a, b] = random.normal_pair_f64();
                    let expected = [a, b, random.normal_f64()];
                    for (found, expected) in doubles[3 * t..].iter().zip(expected) {
                        assert!((found - expected).abs() <= 8e-15, "{found} for {expected}");
                    }
                }
            });
    }
}
