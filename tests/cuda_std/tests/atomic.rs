//! `cuda_std::atomic` in the simulator.

use std::fmt::Debug;

use bytemuck::Pod;
use cuda_std_tests::Run;
use half::{bf16, f16};
use ptx_sim::Kind;

/// What the kernels are tested with: values of one type, and what the host makes of them.
trait Value: Pod + Debug {
    /// Some values, the ends of the range among them.
    const VALUES: &'static [Self];
    /// What an update makes of the old value.
    fn update(op: &str, old: Self, first: Self, second: Self) -> Self;
    /// A small whole number, of which sums do not round.
    fn small(number: u8) -> Self;

    fn is_nan(self) -> bool;

    fn same(self, other: Self) -> bool {
        bytemuck::bytes_of(&self) == bytemuck::bytes_of(&other)
    }
}

macro_rules! integers {
    ($($ty:ident)*) => {$(
        impl Value for $ty {
            const VALUES: &'static [$ty] = &[0, 1, 77, $ty::MAX, $ty::MIN, $ty::MAX - 5, $ty::MAX / 3];

            fn update(op: &str, old: $ty, first: $ty, second: $ty) -> $ty {
                match op {
                    "add" => old.wrapping_add(first),
                    "sub" => old.wrapping_sub(first),
                    "min" => old.min(first),
                    "max" => old.max(first),
                    "and" => old & first,
                    "or" => old | first,
                    "xor" => old ^ first,
                    "exch" => first,
                    "inc" => old.wrapping_add(1),
                    "dec" => old.wrapping_sub(1),
                    "cas" => if old == first { second } else { old },
                    _ => panic!("{op} is no update"),
                }
            }

            fn small(number: u8) -> $ty {
                number as $ty
            }

            fn is_nan(self) -> bool {
                false
            }
        }
    )*};
}

integers!(u32 i32 u64 i64);

macro_rules! floats {
    ($($ty:ident: $($value:expr),*;)*) => {$(
        impl Value for $ty {
            const VALUES: &'static [$ty] = &[$($value),*, $ty::INFINITY, $ty::NEG_INFINITY, $ty::MAX];

            fn update(op: &str, old: $ty, first: $ty, second: $ty) -> $ty {
                let bits = $ty::from_bits;
                match op {
                    "add" => old + first,
                    "sub" => old - first,
                    "min" => old.min(first),
                    "max" => old.max(first),
                    "and" => bits(old.to_bits() & first.to_bits()),
                    "or" => bits(old.to_bits() | first.to_bits()),
                    "xor" => bits(old.to_bits() ^ first.to_bits()),
                    "exch" => first,
                    "cas" => if old.to_bits() == first.to_bits() { second } else { old },
                    _ => panic!("{op} is no update"),
                }
            }

            fn small(number: u8) -> $ty {
                number.into()
            }

            fn is_nan(self) -> bool {
                $ty::is_nan(self)
            }
        }
    )*};
}

floats! {
    f16: f16::from_f32_const(0.0), f16::from_f32_const(-1.5), f16::from_f32_const(0.1), f16::from_f32_const(2049.0);
    bf16: bf16::from_f32_const(0.0), bf16::from_f32_const(-1.5), bf16::from_f32_const(0.1), bf16::from_f32_const(257.0);
    f32: 0.0, -1.5, 0.1, 16_777_217.0, 1e-30;
    f64: 0.0, -1.5, 0.1, 1e17, 1e-300;
}

/// The same value, or both NaN, whatever its bits.
#[track_caller]
fn assert_same<T: Value>(actual: T, expected: T, what: &dyn Debug) {
    assert!(
        actual.same(expected) || actual.is_nan() && expected.is_nan(),
        "{actual:?} instead of {expected:?}: {what:?}"
    );
}

/// Every pair of values, with the next one as a third.
fn cases<T: Value>() -> Vec<[T; 3]> {
    let values = T::VALUES;
    let pairs = (0..values.len()).flat_map(|a| (0..values.len()).map(move |b| (a, b)));
    pairs
        .map(|(a, b)| [values[a], values[b], values[(a + b + 1) % values.len()]])
        .collect()
}

/// A kernel that has a cell for each of `ops`, and hands back what was there.
fn updates<T: Value, const N: usize>(kernel: &str, ops: [&str; N]) {
    let cases = cases::<T>();
    let cells: Vec<[T; 1]> = cases.iter().flat_map(|&[old, ..]| [[old]; N]).collect();
    let operands: Vec<[T; 2]> = cases
        .iter()
        .map(|&[_, first, second]| [first, second])
        .collect();
    let run = Run::new(kernel, cases.len() as u32, 1)
        .pointer(&cells)
        .pointer(&operands)
        .uninitialized::<T>(cells.len())
        .order_does_not_matter();
    run.check(|output| {
        let (after, olds) = (output.buffer::<T>(0), output.buffer::<T>(2));
        for (case, &[old, first, second]) in cases.iter().enumerate() {
            for (idx, op) in ops.into_iter().enumerate() {
                let what = (op, idx, old, first, second);
                assert_same(olds[N * case + idx], old, &what);
                let expected = T::update(op, old, first, second);
                assert_same(after[N * case + idx], expected, &what);
            }
        }
    });
}

macro_rules! instruction_tests {
    ($($ty:ident: $($op:literal $kernel:ident)*;)*) => {$($(
        #[test]
        fn $kernel() {
            updates::<$ty, 15>(stringify!($kernel), [$op; 15]);
        }
    )*)*};
}

instruction_tests! {
    u32:
        "add" atomic_instruction_add_u32 "sub" atomic_instruction_sub_u32
        "min" atomic_instruction_min_u32 "max" atomic_instruction_max_u32
        "and" atomic_instruction_and_u32 "or" atomic_instruction_or_u32
        "xor" atomic_instruction_xor_u32 "exch" atomic_instruction_exch_u32
        "inc" atomic_instruction_inc_u32 "dec" atomic_instruction_dec_u32
        "cas" atomic_instruction_cas_u32;
    i32:
        "add" atomic_instruction_add_i32 "sub" atomic_instruction_sub_i32
        "min" atomic_instruction_min_i32 "max" atomic_instruction_max_i32
        "and" atomic_instruction_and_i32 "or" atomic_instruction_or_i32
        "xor" atomic_instruction_xor_i32 "exch" atomic_instruction_exch_i32
        "inc" atomic_instruction_inc_i32 "dec" atomic_instruction_dec_i32
        "cas" atomic_instruction_cas_i32;
    u64:
        "add" atomic_instruction_add_u64 "sub" atomic_instruction_sub_u64
        "min" atomic_instruction_min_u64 "max" atomic_instruction_max_u64
        "and" atomic_instruction_and_u64 "or" atomic_instruction_or_u64
        "xor" atomic_instruction_xor_u64 "exch" atomic_instruction_exch_u64
        "inc" atomic_instruction_inc_u64 "dec" atomic_instruction_dec_u64
        "cas" atomic_instruction_cas_u64;
    i64:
        "add" atomic_instruction_add_i64 "sub" atomic_instruction_sub_i64
        "min" atomic_instruction_min_i64 "max" atomic_instruction_max_i64
        "and" atomic_instruction_and_i64 "or" atomic_instruction_or_i64
        "xor" atomic_instruction_xor_i64 "exch" atomic_instruction_exch_i64
        "inc" atomic_instruction_inc_i64 "dec" atomic_instruction_dec_i64
        "cas" atomic_instruction_cas_i64;
    f32:
        "add" atomic_instruction_add_f32 "sub" atomic_instruction_sub_f32
        "and" atomic_instruction_and_f32 "or" atomic_instruction_or_f32
        "xor" atomic_instruction_xor_f32 "exch" atomic_instruction_exch_f32
        "cas" atomic_instruction_cas_f32;
    f64:
        "add" atomic_instruction_add_f64 "sub" atomic_instruction_sub_f64
        "and" atomic_instruction_and_f64 "or" atomic_instruction_or_f64
        "xor" atomic_instruction_xor_f64 "exch" atomic_instruction_exch_f64
        "cas" atomic_instruction_cas_f64;
    f16: "add" atomic_instruction_add_f16;
}

/// A kernel that carries a value to `n` cells; its blocks are the values, and their number has every
/// remainder by 3, which chooses the ordering.
fn moves<T: Pod + PartialEq + Debug>(kernel: &str, n: usize, values: &[T]) {
    let run = Run::new(kernel, values.len() as u32, 1)
        .pointer(values)
        .uninitialized::<T>(n * values.len())
        .order_does_not_matter();
    run.check(|output| {
        for (cells, value) in output.buffer::<T>(1).chunks(n).zip(values) {
            assert_eq!(cells, vec![*value; n]);
        }
    });
}

#[test]
fn loads_and_stores() {
    for (prefix, n) in [("instruction", 9), ("mid", 3)] {
        moves(
            &format!("atomic_{prefix}_move_16"),
            n,
            &[0x1234_u16, 0xffff, 1, 0x8000],
        );
        moves(
            &format!("atomic_{prefix}_move_32"),
            n,
            &[0x1234_5678_u32, u32::MAX, 1, 1 << 31],
        );
        moves(
            &format!("atomic_{prefix}_move_64"),
            n,
            &[0x1234_5678_9abc_def0_u64, u64::MAX, 1, 1 << 63],
        );
    }
}

#[test]
fn fences() {
    let run = Run::new("atomic_fences", 15, 64)
        .uninitialized::<u32>(16)
        .pointer(&[0_u32; 16])
        .uninitialized::<u32>(15);
    run.check(|output| {
        let expected: Vec<u32> = (100..115).collect();
        assert_eq!(output.buffer::<u32>(2), expected);
    });
}

/// The fences that order nothing leave a race. (Block 15 has no others.)
#[test]
fn relaxed_fences_are_none() {
    let run = Run::new("atomic_fences", 16, 64)
        .uninitialized::<u32>(16)
        .pointer(&[0_u32; 16])
        .uninitialized::<u32>(16);
    run.fails(|reports, _| {
        for report in reports {
            assert_eq!(report.kind, Kind::GlobalRace, "{report}");
            let party = report.party.as_ref().expect("a thread");
            assert_eq!(party.block, [15, 0, 0], "{report}");
        }
    });
}

macro_rules! mid_tests {
    ($($ty:ident: $kernel:ident;)*) => {$(
        #[test]
        fn $kernel() {
            let ops = ["add", "sub", "min", "max", "and", "or", "xor", "exch", "cas"];
            let three: Vec<&str> = [ops; 3].concat();
            updates::<$ty, 27>(stringify!($kernel), three.try_into().unwrap());
        }
    )*};
}

mid_tests! {
    u32: atomic_mid_u32;
    i32: atomic_mid_i32;
    u64: atomic_mid_u64;
    i64: atomic_mid_i64;
    f16: atomic_mid_f16;
    bf16: atomic_mid_bf16;
    f32: atomic_mid_f32;
    f64: atomic_mid_f64;
}

#[test]
fn bounded_counters() {
    let cases = [
        [0, 3],
        [2, 3],
        [3, 3],
        [4, 3],
        [5, 0],
        [u32::MAX, u32::MAX],
        [9, 100],
    ];
    let cells: Vec<[u32; 6]> = cases.iter().map(|&[old, _]| [old; 6]).collect();
    let bounds = cases.map(|[_, bound]| bound);
    let run = Run::new("atomic_bounded", cases.len() as u32, 1)
        .pointer(&cells)
        .pointer(&bounds)
        .uninitialized::<[u32; 6]>(cases.len())
        .order_does_not_matter();
    run.check(|output| {
        assert_eq!(output.buffer::<[u32; 6]>(2), cells);
        for ([old, bound], after) in cases.into_iter().zip(output.buffer::<[u32; 6]>(0)) {
            let up = if old >= bound { 0 } else { old + 1 };
            let down = if old == 0 || old > bound {
                bound
            } else {
                old - 1
            };
            assert_eq!(after, [up, up, up, down, down, down]);
        }
    });
}

/// Every method of a type: what it returns, and what it leaves.
fn methods<T: Value>(kernel: &str) {
    let cases = cases::<T>();
    let cells: Vec<[T; 1]> = cases.iter().flat_map(|&[old, ..]| [[old]; 16]).collect();
    let operands: Vec<[T; 2]> = cases
        .iter()
        .map(|&[_, first, second]| [first, second])
        .collect();
    let run = Run::new(kernel, cases.len() as u32, 1)
        .pointer(&cells)
        .pointer(&operands)
        .uninitialized::<T>(cells.len())
        .uninitialized::<[u32; 4]>(cases.len())
        .order_does_not_matter();
    run.check(|output| {
        let (after, results) = (output.buffer::<T>(0), output.buffer::<T>(2));
        let is_ok = output.buffer::<[u32; 4]>(3);
        for (case, &[old, first, second]) in cases.iter().enumerate() {
            let [after, results] = [&after, &results].map(|all| &all[16 * case..][..16]);
            for (idx, &result) in results.iter().enumerate() {
                let expected = match idx {
                    // The one that is made, changed, converted and taken apart.
                    1 => second,
                    _ => old,
                };
                assert_same(result, expected, &("result", idx, old, first, second));
            }
            let ops = ["add", "sub", "min", "max", "and", "or", "xor"];
            for (idx, &after) in after.iter().enumerate() {
                let expected = match idx {
                    1 | 2 => first,
                    3..=9 => T::update(ops[idx - 3], old, first, second),
                    11 | 12 => T::update("cas", old, first, second),
                    13 => second,
                    _ => old,
                };
                assert_same(after, expected, &("after", idx, old, first, second));
            }
            let exchanged = u32::from(old.same(first));
            assert_eq!(is_ok[case], [exchanged, exchanged, 1, 0]);
        }
    });
}

/// 64 threads of each of two blocks at one number: no update is lost.
fn counts<T: Value>(kernel: &str) {
    let values: Vec<T> = (0..64).map(|i| T::small(3 * i % 4)).collect();
    let zero = T::small(0);
    let run = Run::new(kernel, 2, 64)
        .pointer(&values)
        .pointer(&[[zero; 3]; 2]);
    let fold = |op| {
        values
            .iter()
            .fold(zero, |sum, &value| T::update(op, sum, value, value))
    };
    let expected = [fold("add"), fold("max"), fold("add")];
    run.check(|output| {
        for sums in output.buffer::<[T; 3]>(1) {
            for (actual, expected) in sums.into_iter().zip(expected) {
                assert!(actual.same(expected), "{sums:?} instead of {expected:?}");
            }
        }
    });
}

macro_rules! type_tests {
    ($($kernel:ident, $count:ident: $ty:ident;)*) => {$(
        #[test]
        fn $kernel() {
            methods::<$ty>(stringify!($kernel));
        }

        #[test]
        fn $count() {
            counts::<$ty>(stringify!($count));
        }
    )*};
}

type_tests! {
    atomic_f16_device, atomic_f16_device_count: f16;
    atomic_f16_block, atomic_f16_block_count: f16;
    atomic_f16_system, atomic_f16_system_count: f16;
    atomic_bf16_device, atomic_bf16_device_count: bf16;
    atomic_bf16_block, atomic_bf16_block_count: bf16;
    atomic_bf16_system, atomic_bf16_system_count: bf16;
    atomic_f32_device, atomic_f32_device_count: f32;
    atomic_f32_block, atomic_f32_block_count: f32;
    atomic_f32_system, atomic_f32_system_count: f32;
    atomic_f64_device, atomic_f64_device_count: f64;
    atomic_f64_block, atomic_f64_block_count: f64;
    atomic_f64_system, atomic_f64_system_count: f64;
    atomic_u32_device, atomic_u32_device_count: u32;
    atomic_u32_block, atomic_u32_block_count: u32;
    atomic_u32_system, atomic_u32_system_count: u32;
    atomic_i32_device, atomic_i32_device_count: i32;
    atomic_i32_block, atomic_i32_block_count: i32;
    atomic_i32_system, atomic_i32_system_count: i32;
    atomic_u64_device, atomic_u64_device_count: u64;
    atomic_u64_block, atomic_u64_block_count: u64;
    atomic_u64_system, atomic_u64_system_count: u64;
    atomic_i64_device, atomic_i64_device_count: i64;
    atomic_i64_block, atomic_i64_block_count: i64;
    atomic_i64_system, atomic_i64_system_count: i64;
}
