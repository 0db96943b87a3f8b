//! The values that instructions are tried on: what is at an edge, and what is random.

use crate::case::Kind;

/// The tuples of values that a case is run on.
pub struct Sample {
    kinds: Vec<Kind>,
    tuples: Vec<Vec<u64>>,
}

/// How many tuples of random values and edges follow the edges.
const RANDOM: usize = 2048;

impl Sample {
    pub fn new(kinds: &[Kind], seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let edges: Vec<Vec<u64>> = kinds.iter().map(|&kind| edges(kind)).collect();
        let mut tuples = Vec::new();
        // All pairs of edges; of three operands, each edge with random others.
        if let [first] = &edges[..] {
            tuples.extend(first.iter().map(|&a| vec![a]));
        } else if let [first, second] = &edges[..] {
            for &a in first {
                tuples.extend(second.iter().map(|&b| vec![a, b]));
            }
        }
        for _ in 0..RANDOM {
            let pick = |(&kind, edges): (&Kind, &Vec<u64>)| match random.u32(..4) {
                0 | 1 => edges[random.usize(..edges.len())],
                _ => any(kind, &mut random),
            };
            let mut tuple: Vec<u64> = kinds.iter().zip(&edges).map(pick).collect();
            // Values that nearly cancel, and equal ones, are rare by chance.
            if kinds.len() > 1 && random.u32(..8) == 0 {
                let last = kinds.len() - 1;
                if kinds[last] == kinds[0] && !matches!(kinds[0], Kind::Bit | Kind::Small) {
                    let sign = 1 << (kinds[0].size() * 8 - 1);
                    tuple[last] = (tuple[0] ^ if random.bool() { sign } else { 0 })
                        .wrapping_add(random.u64(..3))
                        & mask(kinds[0]);
                }
            }
            tuples.push(tuple);
        }
        Self {
            kinds: kinds.to_vec(),
            tuples,
        }
    }

    pub fn count(&self) -> usize {
        self.tuples.len()
    }

    pub fn values(&self, at: usize) -> Vec<u64> {
        self.tuples[at].clone()
    }

    /// The bytes of each input.
    pub fn bytes(&self) -> Vec<Vec<u8>> {
        self.kinds
            .iter()
            .enumerate()
            .map(|(operand, kind)| {
                let values = self.tuples.iter().map(|tuple| tuple[operand]);
                values
                    .flat_map(|value| value.to_le_bytes().into_iter().take(kind.size()))
                    .collect()
            })
            .collect()
    }
}

fn mask(kind: Kind) -> u64 {
    u64::MAX >> (64 - 8 * kind.size())
}

fn any(kind: Kind, random: &mut fastrand::Rng) -> u64 {
    let bits = random.u64(..);
    match kind {
        Kind::Small => random.u64(..70),
        Kind::Bit => random.u64(..2),
        // Half of the numbers are near 1, where sums and products are neither 0 nor infinite.
        Kind::F16 if random.bool() => bits & 0x83ff | random.u64(10..20) << 10,
        Kind::BF16 if random.bool() => bits & 0x807f | random.u64(118..136) << 7,
        Kind::F32 if random.bool() => bits & 0x807f_ffff | random.u64(110..145) << 23,
        Kind::F64 if random.bool() => bits & 0x800f_ffff_ffff_ffff | random.u64(990..1060) << 52,
        Kind::F16x2 => join(Kind::F16, 16, random),
        Kind::BF16x2 => join(Kind::BF16, 16, random),
        Kind::F32x2 => join(Kind::F32, 32, random),
        Kind::I64 if random.bool() => bits >> random.u32(..64),
        _ => bits & mask(kind),
    }
}

fn join(kind: Kind, bits: u32, random: &mut fastrand::Rng) -> u64 {
    let mut half = || match random.bool() {
        true => random.choice(edges(kind)).unwrap_or(0),
        false => any(kind, random),
    };
    half() | half() << bits
}

/// The values at the edges of a kind.
fn edges(kind: Kind) -> Vec<u64> {
    match kind {
        Kind::Bit => vec![0, 1],
        Kind::Small => vec![
            0,
            1,
            2,
            7,
            8,
            15,
            16,
            17,
            31,
            32,
            33,
            63,
            64,
            65,
            127,
            255,
            256,
            0xffff_ffff,
        ],
        Kind::I8 => integers(8),
        Kind::I16 | Kind::Bytes2 => integers(16),
        Kind::I32 => integers(32),
        Kind::I64 => integers(64),
        Kind::F16 => floats(5, 10),
        Kind::BF16 => floats(8, 7),
        Kind::F32 => floats(8, 23),
        Kind::F64 => floats(11, 52),
        Kind::F16x2 => pairs(Kind::F16, 16),
        Kind::BF16x2 => pairs(Kind::BF16, 16),
        Kind::F32x2 => pairs(Kind::F32, 32),
    }
}

/// Each edge in both places, with another one beside it.
fn pairs(kind: Kind, bits: u32) -> Vec<u64> {
    let edges = edges(kind);
    let others = edges.iter().rev();
    edges
        .iter()
        .zip(others)
        .map(|(&low, &high)| low | high << bits)
        .collect()
}

fn integers(bits: u32) -> Vec<u64> {
    let mask = u64::MAX >> (64 - bits);
    let mut values = vec![0, 1, 2, 3, 5, 10, 0x55, 100, 0x1234_5678_9abc_def0 & mask];
    for power in [7, 8, 15, 16, 23, 24, 31, 32, 47, 63] {
        if power < bits {
            values.extend([(1u64 << power) - 1, 1 << power, (1 << power) + 1]);
        }
    }
    let negated: Vec<u64> = values
        .iter()
        .map(|value| value.wrapping_neg() & mask)
        .collect();
    values.extend(negated);
    values.sort_unstable();
    values.dedup();
    values
}

fn floats(exponent: u32, mantissa: u32) -> Vec<u64> {
    let bias = (1u64 << (exponent - 1)) - 1;
    let infinity = ((1u64 << exponent) - 1) << mantissa;
    let one = bias << mantissa;
    let last = (1u64 << mantissa) - 1;
    let unit = 1u64 << mantissa;
    let mut values = vec![
        // Zero, subnormals, the smallest normal number and its neighbours.
        0,
        1,
        2,
        3,
        last / 2,
        last,
        unit,
        unit + 1,
        2 * unit,
        // The largest ones, infinity, NaN with payloads, quiet and signalling.
        infinity - unit,
        infinity - 2,
        infinity - 1,
        infinity,
        infinity + 1,
        infinity + unit / 2,
        infinity + unit / 2 + 3,
        infinity + last,
        // About 1, 2, a half, and halfway between whole numbers.
        one - 1,
        one,
        one + 1,
        one + unit / 2,
        one - unit,
        one - unit + 1,
        one - unit - 1,
        one + unit,
        one + unit + unit / 4,
        one + unit + 3 * (unit / 4),
        one - 2 * unit,
        one + last / 3,
        one + 5 * unit + 5,
    ];
    // The limits of integers, and of other formats.
    for power in [
        7, 8, 14, 15, 16, 23, 24, 31, 32, 52, 53, 63, 64, 100, 126, 127,
    ] {
        if power <= bias {
            let value = one + (power << mantissa);
            values.extend([value - 1, value, value + 1, value + unit / 2]);
        }
    }
    for power in [
        9, 10, 14, 15, 24, 25, 26, 100, 126, 127, 133, 134, 148, 149, 150, 151,
    ] {
        if power < bias {
            let value = one - (power << mantissa);
            values.extend([value - 1, value, value + 1]);
        }
    }
    values.sort_unstable();
    values.dedup();
    let sign = 1u64 << (exponent + mantissa);
    values
        .iter()
        .flat_map(|&value| [value, value | sign])
        .collect()
}
