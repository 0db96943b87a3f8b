//! `cuda_std::warp` in the simulator.

use std::fmt::Debug;
use std::ops::{BitAnd, BitOr, BitXor};

use bytemuck::Pod;
use cuda_std_tests::Run;
use half::{bf16, f16};

const ALL: u32 = u32::MAX;
/// All lanes, one lane at each end, some, and none of them neighbours.
const MASKS: [u32; 5] = [ALL, 1, 1 << 31, 0x0ff0_0c01, 0x5555_5555];

fn lanes(mask: u32) -> impl Iterator<Item = usize> {
    (0..32).filter(move |lane| mask >> lane & 1 == 1)
}

#[test]
fn lane_ids_and_active_lanes() {
    let run = Run::new("warp_lanes", 2, 40)
        .uninitialized::<u32>(80)
        .uninitialized::<u32>(80);
    run.check(|output| {
        let active = output.buffer::<u32>(1);
        for (thread, lane) in output.buffer::<u32>(0).into_iter().enumerate() {
            let expected = (thread % 40 % 32) as u32;
            assert_eq!(lane, expected);
            assert_eq!(active[thread] >> lane & 1, 1, "a lane is active itself");
        }
    });
}

#[test]
fn sync() {
    for mask in MASKS {
        let run = Run::new("warp_sync", 1, 32)
            .value(mask)
            .uninitialized::<u32>(32)
            .pointer(&[0_u32; 32]);
        run.check(|output| {
            let y = output.buffer::<u32>(1);
            for (lane, &actual) in y.iter().enumerate() {
                let next = lanes(mask).find(|&other| other > lane);
                let next = next.or_else(|| lanes(mask).next()).unwrap();
                let expected = if lanes(mask).any(|other| other == lane) {
                    100 + next
                } else {
                    0
                };
                assert_eq!(actual, expected as u32, "lane {lane} of {mask:#x}");
            }
        });
    }
}

#[test]
fn votes() {
    for mask in MASKS {
        for predicates in [0, ALL, 1, 1 << 31, 0x1234_5678, mask] {
            let words: Vec<u32> = (0..32).map(|lane| predicates >> lane & 1).collect();
            let run = Run::new("warp_votes", 1, 32)
                .value(mask)
                .slice(&words)
                .pointer(&[[9_u32; 3]; 32]);
            let ballot = predicates & mask;
            let expected = [u32::from(ballot == mask), u32::from(ballot != 0), ballot];
            run.check(|output| {
                let votes = output.buffer::<[u32; 3]>(1);
                for lane in lanes(mask) {
                    assert_eq!(votes[lane], expected, "lane {lane} of {mask:#x}");
                }
            });
        }
    }
}

/// What the kernels are tested with: values of one type, and what the host makes of them.
trait Value: Pod + PartialEq + Debug {
    /// A different value for each lane; some are extreme.
    fn of_lane(lane: usize) -> Self;
    /// Whether the bits are equal.
    fn same(self, other: Self) -> bool {
        bytemuck::bytes_of(&self) == bytemuck::bytes_of(&other)
    }
    fn add(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn bitwise(self, other: Self, f: fn(u128, u128) -> u128) -> Self {
        let bits = |value: &Self| {
            let mut bytes = [0; 16];
            bytes[..size_of::<Self>()].copy_from_slice(bytemuck::bytes_of(value));
            u128::from_le_bytes(bytes)
        };
        let result = f(bits(&self), bits(&other)).to_le_bytes();
        bytemuck::pod_read_unaligned(&result[..size_of::<Self>()])
    }
}

macro_rules! integers {
    ($($ty:ty)*) => {$(
        impl Value for $ty {
            fn of_lane(lane: usize) -> $ty {
                match lane {
                    7 => <$ty>::MAX,
                    21 => <$ty>::MIN,
                    // A multiplicative hash, so that all bytes vary.
                    _ => (0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128.wrapping_mul(lane as u128 + 1) >> 7) as $ty,
                }
            }
            fn add(self, other: $ty) -> $ty {
                self.wrapping_add(other)
            }
            fn min(self, other: $ty) -> $ty {
                Ord::min(self, other)
            }
            fn max(self, other: $ty) -> $ty {
                Ord::max(self, other)
            }
        }
    )*};
}

integers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128);

macro_rules! floats {
    ($($ty:ident)*) => {$(
        impl Value for $ty {
            fn of_lane(lane: usize) -> $ty {
                match lane {
                    7 => $ty::MAX,
                    13 => $ty::NAN,
                    21 => $ty::MIN,
                    22 => $ty::from_bits(1),
                    // No two neighbours are alike, and sums round.
                    _ => $ty::from_bits($ty::MIN_POSITIVE.to_bits() * 5 + 1237 * lane as Bits<$ty>),
                }
            }
            fn add(self, other: $ty) -> $ty {
                self + other
            }
            fn min(self, other: $ty) -> $ty {
                $ty::min(self, other)
            }
            fn max(self, other: $ty) -> $ty {
                $ty::max(self, other)
            }
        }
    )*};
}

type Bits<T> = <T as HasBits>::Bits;

trait HasBits {
    type Bits;
}

impl HasBits for f16 {
    type Bits = u16;
}
impl HasBits for bf16 {
    type Bits = u16;
}
impl HasBits for f32 {
    type Bits = u32;
}
impl HasBits for f64 {
    type Bits = u64;
}

floats!(f16 bf16 f32 f64);

/// The lane that a shuffle reads, if it is in the segment of `width` lanes.
fn source(mode: usize, lane: usize, argument: usize, width: usize) -> Option<usize> {
    let first = lane / width * width;
    match mode {
        // Of a lane's number the bits within the segment count.
        0 => Some(first + argument % width),
        1 => (lane - first)
            .checked_sub(argument)
            .map(|lane| first + lane),
        2 => Some(lane + argument).filter(|lane| lane - first < width),
        // A lane below the segment may be read, one above may not.
        _ => Some(lane ^ argument).filter(|&other| other < first + width),
    }
}

/// Every width with some distances, a block for each.
fn shuffles<T: Value>(kernel: &str) {
    let values: Vec<T> = (0..32).map(T::of_lane).collect();
    let cases = [32_u32, 16, 8, 4, 2, 1]
        .into_iter()
        .flat_map(|width| [0_u32, 1, 3, 5, 16, 31].map(|distance| (width, distance)));
    let (widths, distances): (Vec<u32>, Vec<u32>) = cases.unzip();
    let run = Run::new(kernel, widths.len() as u32, 32)
        .pointer(&values)
        .pointer(&widths)
        .pointer(&distances)
        .uninitialized::<[T; 4]>(32 * widths.len())
        .uninitialized::<[u32; 4]>(32 * widths.len());
    run.check(|output| {
        let results = output.buffer::<[T; 4]>(3);
        let is_there = output.buffer::<[u32; 4]>(4);
        for (thread, results) in results.iter().enumerate() {
            let (case, lane) = (thread / 32, thread % 32);
            let (width, distance) = (widths[case] as usize, distances[case] as usize);
            for (mode, &actual) in results.iter().enumerate() {
                let argument = if mode == 0 { (7 * lane + distance) % 32 } else { distance };
                let source = source(mode, lane, argument, width);
                let expected = values[source.unwrap_or(lane)];
                assert!(
                    actual.same(expected),
                    "{actual:?} instead of {expected:?} in lane {lane}, mode {mode} by {argument} in {width}"
                );
                assert_eq!(is_there[thread][mode], u32::from(source.is_some()));
            }
        }
    });
}

/// Every mask with values that are in one, two, five and 32 groups, a block for each.
fn matches<T: Value>(kernel: &str) {
    let cases = MASKS
        .into_iter()
        .flat_map(|mask| [1_usize, 2, 5, 32].map(|n_groups| (mask, n_groups)));
    let (masks, n_groups): (Vec<u32>, Vec<usize>) = cases.unzip();
    let values = n_groups
        .iter()
        .flat_map(|n_groups| (0..32).map(move |lane| T::of_lane(lane % n_groups)));
    let values: Vec<T> = values.collect();
    let run = Run::new(kernel, masks.len() as u32, 32)
        .pointer(&masks)
        .pointer(&values)
        .pointer(&vec![[9_u32; 3]; values.len()]);
    run.check(|output| {
        let results = output.buffer::<[u32; 3]>(2);
        for (case, &mask) in masks.iter().enumerate() {
            let of_lane = |lane: usize| values[32 * case + lane];
            for lane in lanes(mask) {
                let equal = lanes(mask).filter(|&other| of_lane(other).same(of_lane(lane)));
                let equal = equal.fold(0, |lanes, lane| lanes | 1 << lane);
                let all = if equal == mask { [1, mask] } else { [0, 0] };
                let expected = [equal, all[0], all[1]];
                assert_eq!(
                    results[32 * case + lane],
                    expected,
                    "lane {lane} of {mask:#x}"
                );
            }
        }
    });
}

/// The documented order: a tree of neighbours for all lanes, else one after the other.
fn reduce<T: Value>(mask: u32, values: &[T], f: impl Fn(T, T) -> T) -> T {
    let mut values: Vec<T> = lanes(mask).map(|lane| values[lane]).collect();
    if mask != ALL {
        return values.into_iter().reduce(f).unwrap();
    }
    while values.len() > 1 {
        values = values.chunks(2).map(|pair| f(pair[0], pair[1])).collect();
    }
    values[0]
}

/// Every mask and every operation, a block for each mask.
fn reductions<T: Value>(kernel: &str) {
    let values: Vec<T> = (0..32).map(T::of_lane).collect();
    let run = Run::new(kernel, MASKS.len() as u32, 32)
        .pointer(&MASKS)
        .pointer(&values)
        .pointer(&vec![[values[0]; 6]; 32 * MASKS.len()]);
    run.check(|output| {
        let results = output.buffer::<[T; 6]>(2);
        for (case, mask) in MASKS.into_iter().enumerate() {
            let expected = [
                reduce(mask, &values, T::add),
                reduce(mask, &values, T::min),
                reduce(mask, &values, T::max),
                reduce(mask, &values, |a, b| a.bitwise(b, u128::bitand)),
                reduce(mask, &values, |a, b| a.bitwise(b, u128::bitor)),
                reduce(mask, &values, |a, b| a.bitwise(b, u128::bitxor)),
            ];
            for lane in lanes(mask) {
                let pairs = results[32 * case + lane].into_iter().zip(expected);
                for (op, (actual, expected)) in pairs.enumerate() {
                    // A NaN is a NaN, whatever its bits.
                    #[allow(clippy::eq_op, reason = "NaN is not itself")]
                    let both_nan = actual != actual && expected != expected;
                    assert!(
                        actual.same(expected) || both_nan && op < 3,
                        "{actual:?} instead of {expected:?} in lane {lane} of {mask:#x}, operation {op}"
                    );
                }
            }
        }
    });
}

macro_rules! tests {
    ($($ty:ty: $shuffle:ident, $reduce:ident $(, $match:ident)?;)*) => {$(
        #[test]
        fn $shuffle() {
            shuffles::<$ty>(stringify!($shuffle));
        }

        #[test]
        fn $reduce() {
            reductions::<$ty>(stringify!($reduce));
        }

        $(
            #[test]
            fn $match() {
                matches::<$ty>(stringify!($match));
            }
        )?
    )*};
}

tests! {
    u8: warp_shuffle_u8, warp_reduce_u8, warp_match_u8;
    i8: warp_shuffle_i8, warp_reduce_i8, warp_match_i8;
    u16: warp_shuffle_u16, warp_reduce_u16, warp_match_u16;
    i16: warp_shuffle_i16, warp_reduce_i16, warp_match_i16;
    u32: warp_shuffle_u32, warp_reduce_u32, warp_match_u32;
    i32: warp_shuffle_i32, warp_reduce_i32, warp_match_i32;
    u64: warp_shuffle_u64, warp_reduce_u64, warp_match_u64;
    i64: warp_shuffle_i64, warp_reduce_i64, warp_match_i64;
    u128: warp_shuffle_u128, warp_reduce_u128;
    i128: warp_shuffle_i128, warp_reduce_i128;
    f16: warp_shuffle_f16, warp_reduce_f16, warp_match_f16;
    bf16: warp_shuffle_bf16, warp_reduce_bf16, warp_match_bf16;
    f32: warp_shuffle_f32, warp_reduce_f32, warp_match_f32;
    f64: warp_shuffle_f64, warp_reduce_f64, warp_match_f64;
}
