//! Reductions and scans of a tile.

use super::Tile;
use crate::warp::{WarpReduceValue, WarpReductionOp, WarpShuffleValue, warp_reduce};
use crate::{bf16, f16};

/// A number that a [`Tile`] reduces by a named operation.
pub trait ReduceValue: WarpReduceValue + WarpShuffleValue + Copy {
    /// Whether the device has an instruction for it, which takes any lanes of a warp.
    #[doc(hidden)]
    const HAS_INSTRUCTION: bool;

    /// Of two values what `op` makes of them: integers wrap around, and the smaller or larger of a
    /// number and NaN is the number.
    fn combine(self, other: Self, op: WarpReductionOp) -> Self;
}

macro_rules! reduce_values {
    ($($ty:ty: $has_instruction:expr, $add:expr, $to_bits:expr, $from_bits:expr;)*) => {$(
        impl ReduceValue for $ty {
            const HAS_INSTRUCTION: bool = $has_instruction;

            #[inline(always)]
            fn combine(self, other: $ty, op: WarpReductionOp) -> $ty {
                let (a, b) = ($to_bits(self), $to_bits(other));
                match op {
                    WarpReductionOp::Add => $add(self, other),
                    WarpReductionOp::Min => self.min(other),
                    WarpReductionOp::Max => self.max(other),
                    WarpReductionOp::And => $from_bits(a & b),
                    WarpReductionOp::Or => $from_bits(a | b),
                    WarpReductionOp::Xor => $from_bits(a ^ b),
                }
            }
        }
    )*};
}

macro_rules! reduce_integers {
    ($($ty:ty: $has_instruction:expr;)*) => {
        reduce_values! {$(
            $ty: $has_instruction, <$ty>::wrapping_add, |a: $ty| a, |bits: $ty| bits;
        )*}
    };
}

reduce_integers! {
    u8: false; i8: false; u16: false; i16: false;
    u32: cfg!(target_feature = "sm_80"); i32: cfg!(target_feature = "sm_80");
    u64: false; i64: false; u128: false; i128: false;
}

reduce_values! {
    f16: false, |a, b| a + b, f16::to_bits, f16::from_bits;
    bf16: false, |a, b| a + b, bf16::to_bits, bf16::from_bits;
    f32: false, |a, b| a + b, f32::to_bits, f32::from_bits;
    f64: false, |a, b| a + b, f64::to_bits, f64::from_bits;
}

impl<const N: u32> Tile<N> {
    /// The values of all threads, reduced to one by `op`, which is associative and commutative: every
    /// thread gets the result. log2 `N` shuffles.
    ///
    /// The tree of neighbours is the same each time, so that a sum of floats repeats, bit by bit, and
    /// has the same bits in all threads.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn reduce<T: WarpShuffleValue + Copy>(self, value: T, op: impl Fn(T, T) -> T) -> T {
        let mut result = value;
        let mut distance = 1;
        while distance < N {
            // SAFETY: a collective call of a collective call.
            let other = unsafe { self.shuffle_xor(result, distance) };
            result = op(result, other);
            distance *= 2;
        }
        result
    }

    /// The values of all threads, reduced by a named operation: of `u32` and `i32` by one instruction
    /// on compute capability 8.0 and later, of others as by [`reduce`](Tile::reduce).
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective), with the same `op`.
    #[inline(always)]
    pub unsafe fn reduce_by<T: ReduceValue>(self, value: T, op: WarpReductionOp) -> T {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe {
            if T::HAS_INSTRUCTION {
                warp_reduce(self.mask(), value, op)
            } else {
                self.reduce(value, |a, b| a.combine(b, op))
            }
        }
    }

    /// For each thread the values of it and those below it, combined by `op`, which is associative, in
    /// the order of their ranks.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn inclusive_scan<T: WarpShuffleValue + Copy>(
        self,
        value: T,
        op: impl Fn(T, T) -> T,
    ) -> T {
        let mut result = value;
        let mut distance = 1;
        while distance < N {
            // SAFETY: a collective call of a collective call.
            if let Some(below) = unsafe { self.shuffle_up(result, distance) } {
                result = op(below, result);
            }
            distance *= 2;
        }
        result
    }

    /// For each thread the values of those below it, combined by `op`, which is associative, in the
    /// order of their ranks; `identity` for the first one.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn exclusive_scan<T: WarpShuffleValue + Copy>(
        self,
        value: T,
        identity: T,
        op: impl Fn(T, T) -> T,
    ) -> T {
        // SAFETY: a collective call of collective calls.
        unsafe {
            let inclusive = self.inclusive_scan(value, op);
            self.shuffle_up(inclusive, 1).unwrap_or(identity)
        }
    }
}

macro_rules! named_reductions {
    ($($(#[$doc:meta])* $name:ident = $op:ident;)*) => {
        impl<const N: u32> Tile<N> {$(
            $(#[$doc])*
            ///
            /// As [`reduce_by`](Tile::reduce_by).
            ///
            /// # Safety
            ///
            /// - [Collective](super#collective).
            #[inline(always)]
            pub unsafe fn $name<T: ReduceValue>(self, value: T) -> T {
                // SAFETY: the caller's promise.
                unsafe { self.reduce_by(value, WarpReductionOp::$op) }
            }
        )*}
    };
}

named_reductions! {
    /// The sum of the values; integers wrap around.
    reduce_add = Add;
    /// The smallest value; NaN only if all are.
    reduce_min = Min;
    /// The largest value; NaN only if all are.
    reduce_max = Max;
    /// The bits that are set in all values.
    reduce_and = And;
    /// The bits that are set in at least one value.
    reduce_or = Or;
    /// The bits that are set in an odd number of values.
    reduce_xor = Xor;
}
