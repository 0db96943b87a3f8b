//! What the 32 threads of a warp do together.
//!
//! The instructions behind these functions come from LLVM's intrinsics: LLVM knows those to be
//! convergent, and neither duplicates such a call nor moves it into or out of a branch.
//!
//! All of them take a mask of the lanes that take part: bit `i` is lane `i`, [`FULL_MASK`] is all.
//! The lanes wait for each other, and so their duties are the same everywhere; the functions refer to
//! them as *the duties of a mask*:
//!
//! - The calling lane is in `mask`.
//! - Every lane of `mask` makes the same call with the same `mask`, and none of them has exited.
//!
//! The simulator reports a lane that is missing or that no mask has named.

use half::{bf16, f16};

use crate::halves;

/// Threads of a warp.
pub const WARP_SIZE: u32 = 32;

/// A mask of all lanes.
pub const FULL_MASK: u32 = u32::MAX;

#[cfg(target_arch = "nvptx64")]
mod intrinsics {
    unsafe extern "C" {
        #[link_name = "llvm.nvvm.read.ptx.sreg.laneid"]
        pub safe fn laneid() -> u32;
        #[link_name = "llvm.nvvm.activemask"]
        pub safe fn activemask() -> u32;
        #[link_name = "llvm.nvvm.bar.warp.sync"]
        pub fn bar_warp_sync(mask: u32);

        #[link_name = "llvm.nvvm.vote.all.sync"]
        pub fn vote_all(mask: u32, predicate: bool) -> bool;
        #[link_name = "llvm.nvvm.vote.any.sync"]
        pub fn vote_any(mask: u32, predicate: bool) -> bool;
        #[link_name = "llvm.nvvm.vote.ballot.sync"]
        pub fn vote_ballot(mask: u32, predicate: bool) -> u32;

        #[link_name = "llvm.nvvm.match.any.sync.i32"]
        pub fn match_any_32(mask: u32, value: u32) -> u32;
        #[link_name = "llvm.nvvm.match.any.sync.i64"]
        pub fn match_any_64(mask: u32, value: u64) -> u32;
    }

    #[cfg(target_feature = "sm_80")]
    unsafe extern "C" {
        #[link_name = "llvm.nvvm.redux.sync.add"]
        pub fn redux_add(value: u32, mask: u32) -> u32;
        #[link_name = "llvm.nvvm.redux.sync.umin"]
        pub fn redux_min_unsigned(value: u32, mask: u32) -> u32;
        #[link_name = "llvm.nvvm.redux.sync.umax"]
        pub fn redux_max_unsigned(value: u32, mask: u32) -> u32;
        #[link_name = "llvm.nvvm.redux.sync.min"]
        pub fn redux_min_signed(value: i32, mask: u32) -> i32;
        #[link_name = "llvm.nvvm.redux.sync.max"]
        pub fn redux_max_signed(value: i32, mask: u32) -> i32;
        #[link_name = "llvm.nvvm.redux.sync.and"]
        pub fn redux_and(value: u32, mask: u32) -> u32;
        #[link_name = "llvm.nvvm.redux.sync.or"]
        pub fn redux_or(value: u32, mask: u32) -> u32;
        #[link_name = "llvm.nvvm.redux.sync.xor"]
        pub fn redux_xor(value: u32, mask: u32) -> u32;
    }

    // These return a value and a predicate: a pair of LLVM, which only this ABI passes as one.
    #[allow(improper_ctypes, reason = "LLVM is told, not another language")]
    unsafe extern "unadjusted" {
        #[link_name = "llvm.nvvm.match.all.sync.i32p"]
        pub fn match_all_32(mask: u32, value: u32) -> (u32, bool);
        #[link_name = "llvm.nvvm.match.all.sync.i64p"]
        pub fn match_all_64(mask: u32, value: u64) -> (u32, bool);

        #[link_name = "llvm.nvvm.shfl.sync.idx.i32p"]
        pub fn shfl_idx(mask: u32, value: u32, lane: u32, clamp: u32) -> (u32, bool);
        #[link_name = "llvm.nvvm.shfl.sync.up.i32p"]
        pub fn shfl_up(mask: u32, value: u32, delta: u32, clamp: u32) -> (u32, bool);
        #[link_name = "llvm.nvvm.shfl.sync.down.i32p"]
        pub fn shfl_down(mask: u32, value: u32, delta: u32, clamp: u32) -> (u32, bool);
        #[link_name = "llvm.nvvm.shfl.sync.bfly.i32p"]
        pub fn shfl_xor(mask: u32, value: u32, lane_mask: u32, clamp: u32) -> (u32, bool);
    }
}

/// Calls an intrinsic; there is none on the host.
macro_rules! device_only {
    ($name:literal, ($($argument:ident),*), $call:expr) => {{
        #[cfg(target_arch = "nvptx64")]
        {
            $call
        }
        #[cfg(not(target_arch = "nvptx64"))]
        {
            $(let _ = $argument;)*
            crate::only_on_device(concat!("warp::", $name))
        }
    }};
}

/// The thread's lane in its warp, below [`WARP_SIZE`].
#[inline(always)]
pub fn lane_id() -> u32 {
    device_only!("lane_id", (), intrinsics::laneid())
}

/// The lanes that run this instruction together at this moment. It is no promise about the next
/// instruction, and no mask to synchronize with: lanes that took the same branch may still come here
/// one after the other.
#[inline(always)]
pub fn activemask() -> u32 {
    device_only!("activemask", (), intrinsics::activemask())
}

/// Waits until every lane of `mask` is here; what each wrote before is then visible to the others.
///
/// # Safety
///
/// - The [duties of a mask](self).
#[inline(always)]
pub unsafe fn sync_warp(mask: u32) {
    // SAFETY: the caller's promise is the barrier's precondition.
    device_only!("sync_warp", (mask), unsafe {
        intrinsics::bar_warp_sync(mask)
    })
}

/// Whether `predicate` is true in every lane of `mask`.
///
/// # Safety
///
/// - The [duties of a mask](self).
#[inline(always)]
pub unsafe fn warp_vote_all(mask: u32, predicate: bool) -> bool {
    // SAFETY: the caller's promise is the vote's precondition.
    device_only!("warp_vote_all", (mask, predicate), unsafe {
        intrinsics::vote_all(mask, predicate)
    })
}

/// Whether `predicate` is true in at least one lane of `mask`.
///
/// # Safety
///
/// - The [duties of a mask](self).
#[inline(always)]
pub unsafe fn warp_vote_any(mask: u32, predicate: bool) -> bool {
    // SAFETY: the caller's promise is the vote's precondition.
    device_only!("warp_vote_any", (mask, predicate), unsafe {
        intrinsics::vote_any(mask, predicate)
    })
}

/// The lanes of `mask` in which `predicate` is true.
///
/// # Safety
///
/// - The [duties of a mask](self).
#[inline(always)]
pub unsafe fn warp_vote_ballot(mask: u32, predicate: bool) -> u32 {
    // SAFETY: the caller's promise is the vote's precondition.
    device_only!("warp_vote_ballot", (mask, predicate), unsafe {
        intrinsics::vote_ballot(mask, predicate)
    })
}

/// The lanes of `mask` whose value has the same bits as this lane's.
///
/// # Safety
///
/// - The [duties of a mask](self).
#[inline(always)]
pub unsafe fn warp_match_any<T: WarpMatchValue>(mask: u32, value: T) -> u32 {
    // SAFETY: the caller's promise is that of the trait's function.
    unsafe { T::match_any(mask, value) }
}

/// `mask` if the values of all its lanes have the same bits, `None` in all of them if not.
///
/// # Safety
///
/// - The [duties of a mask](self).
#[inline(always)]
pub unsafe fn warp_match_all<T: WarpMatchValue>(mask: u32, value: T) -> Option<u32> {
    // SAFETY: the caller's promise is that of the trait's function.
    unsafe { T::match_all(mask, value) }
}

/// A value that lanes can compare.
pub trait WarpMatchValue: Sized {
    /// As [`warp_match_any`].
    ///
    /// # Safety
    ///
    /// - The [duties of a mask](self).
    unsafe fn match_any(mask: u32, value: Self) -> u32;

    /// As [`warp_match_all`].
    ///
    /// # Safety
    ///
    /// - The [duties of a mask](self).
    unsafe fn match_all(mask: u32, value: Self) -> Option<u32>;
}

macro_rules! match_values {
    ($($ty:ty: $any:ident, $all:ident, $value:ident => $bits:expr;)*) => {$(
        impl WarpMatchValue for $ty {
            #[inline(always)]
            unsafe fn match_any(mask: u32, $value: $ty) -> u32 {
                // SAFETY: the caller's promise is the instruction's precondition.
                device_only!("warp_match_any", (mask, $value), unsafe {
                    intrinsics::$any(mask, $bits)
                })
            }

            #[inline(always)]
            unsafe fn match_all(mask: u32, $value: $ty) -> Option<u32> {
                // SAFETY: the caller's promise is the instruction's precondition.
                device_only!("warp_match_all", (mask, $value), unsafe {
                    let (lanes, equal) = intrinsics::$all(mask, $bits);
                    equal.then_some(lanes)
                })
            }
        }
    )*};
}

match_values! {
    u8: match_any_32, match_all_32, value => value.into();
    i8: match_any_32, match_all_32, value => value as u32;
    u16: match_any_32, match_all_32, value => value.into();
    i16: match_any_32, match_all_32, value => value as u32;
    u32: match_any_32, match_all_32, value => value;
    i32: match_any_32, match_all_32, value => value as u32;
    u64: match_any_64, match_all_64, value => value;
    i64: match_any_64, match_all_64, value => value as u64;
    f16: match_any_32, match_all_32, value => value.to_bits().into();
    bf16: match_any_32, match_all_32, value => value.to_bits().into();
    f32: match_any_32, match_all_32, value => value.to_bits();
    f64: match_any_64, match_all_64, value => value.to_bits();
}

/// One shuffle mode as a function.
macro_rules! shuffles {
    ($($(#[$doc:meta])* $name:ident($argument:ident) = $mode:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// The warp is cut into segments of `width` lanes, and lanes are counted in the segment.
        /// Returns the value and whether there is such a lane in the segment; where there is none, the
        /// value is the lane's own. A value of more than 32 bits takes a shuffle for each 32 of them.
        ///
        /// # Panics
        ///
        /// If `width` is not a power of two up to 32. Nothing is left of this check where it is a
        /// constant.
        ///
        /// # Safety
        ///
        /// - The [duties of a mask](self), and the same `width` in every lane.
        /// - The lane that is read is in `mask`.
        #[inline(always)]
        pub unsafe fn $name<T: WarpShuffleValue>(
            mask: u32,
            value: T,
            $argument: u32,
            width: u32,
        ) -> (T, bool) {
            // SAFETY: the caller's promise is that of the trait's function.
            unsafe { T::shuffle(WarpShuffleMode::$mode, mask, value, $argument, width) }
        }
    )*};
}

shuffles! {
    /// The value of lane `idx` of the segment.
    warp_shuffle_idx(idx) = Idx;
    /// The value of the lane `delta` below this one.
    warp_shuffle_up(delta) = Up;
    /// The value of the lane `delta` above this one.
    warp_shuffle_down(delta) = Down;
    /// The value of the lane whose number differs from this one's in the bits of `lane_mask`.
    warp_shuffle_xor(lane_mask) = Xor;
}

/// From which lane a shuffle takes its value.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum WarpShuffleMode {
    Idx = 0,
    Up = 1,
    Down = 2,
    Xor = 3,
}

/// A value that lanes can exchange.
pub trait WarpShuffleValue: Sized {
    /// One of the four shuffles; `mode` is a constant, `b` what the mode takes its lane from.
    ///
    /// # Safety
    ///
    /// - As for [`warp_shuffle_idx`].
    unsafe fn shuffle(
        mode: WarpShuffleMode,
        mask: u32,
        value: Self,
        b: u32,
        width: u32,
    ) -> (Self, bool);
}

/// # Safety
///
/// - As for [`warp_shuffle_idx`].
#[inline(always)]
unsafe fn shuffle_word(
    mode: WarpShuffleMode,
    mask: u32,
    word: u32,
    b: u32,
    width: u32,
) -> (u32, bool) {
    assert!(
        width.is_power_of_two() && width <= WARP_SIZE,
        "the width of a shuffle is a power of two up to 32"
    );
    device_only!("warp_shuffle", (mode, mask, word, b), {
        use WarpShuffleMode::*;
        // PTX ISA, `shfl.sync`: bits 8 to 12 say which bits of the lane's number are the segment's,
        // bits 0 to 4 the last lane that may be read, or for `up` the first.
        let last = if mode == Up { 0 } else { WARP_SIZE - 1 };
        let clamp = (WARP_SIZE - width) << 8 | last;
        // SAFETY: the caller's promise is the shuffle's precondition.
        unsafe {
            match mode {
                Idx => intrinsics::shfl_idx(mask, word, b, clamp),
                Up => intrinsics::shfl_up(mask, word, b, clamp),
                Down => intrinsics::shfl_down(mask, word, b, clamp),
                Xor => intrinsics::shfl_xor(mask, word, b, clamp),
            }
        }
    })
}

macro_rules! shuffle_values {
    ($($ty:ty: $value:ident => $words:expr, $result:ident => $from_words:expr;)*) => {$(
        impl WarpShuffleValue for $ty {
            #[inline(always)]
            unsafe fn shuffle(
                mode: WarpShuffleMode,
                mask: u32,
                $value: $ty,
                b: u32,
                width: u32,
            ) -> ($ty, bool) {
                let mut $result = $words;
                let mut is_there = false;
                for word in &mut $result {
                    // SAFETY: the caller's promise is that of the shuffle of each word.
                    (*word, is_there) = unsafe { shuffle_word(mode, mask, *word, b, width) };
                }
                ($from_words, is_there)
            }
        }
    )*};
}

/// The 32-bit words of a value, the lowest first.
#[inline(always)]
fn words_of_u64(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[inline(always)]
fn u64_of_words([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[inline(always)]
fn words_of_u128(value: u128) -> [u32; 4] {
    let [a, b] = words_of_u64(value as u64);
    let [c, d] = words_of_u64((value >> 64) as u64);
    [a, b, c, d]
}

#[inline(always)]
fn u128_of_words([a, b, c, d]: [u32; 4]) -> u128 {
    u128::from(u64_of_words([a, b])) | u128::from(u64_of_words([c, d])) << 64
}

shuffle_values! {
    u8: value => [u32::from(value)], words => words[0] as u8;
    i8: value => [value as u32], words => words[0] as i8;
    u16: value => [u32::from(value)], words => words[0] as u16;
    i16: value => [value as u32], words => words[0] as i16;
    u32: value => [value], words => words[0];
    i32: value => [value as u32], words => words[0] as i32;
    u64: value => words_of_u64(value), words => u64_of_words(words);
    i64: value => words_of_u64(value as u64), words => u64_of_words(words) as i64;
    u128: value => words_of_u128(value), words => u128_of_words(words);
    i128: value => words_of_u128(value as u128), words => u128_of_words(words) as i128;
    f16: value => [u32::from(value.to_bits())], words => f16::from_bits(words[0] as u16);
    bf16: value => [u32::from(value.to_bits())], words => bf16::from_bits(words[0] as u16);
    f32: value => [value.to_bits()], words => f32::from_bits(words[0]);
    f64: value => words_of_u64(value.to_bits()), words => f64::from_bits(u64_of_words(words));
}

/// What [`warp_reduce`] does with the values of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum WarpReductionOp {
    /// The sum; of integers the wrapping one.
    Add,
    /// The smallest value; of floats the smallest number, and NaN only if all are NaN.
    Min,
    /// The largest value; of floats the largest number, and NaN only if all are NaN.
    Max,
    /// The bits that are set in all values.
    And,
    /// The bits that are set in at least one value.
    Or,
    /// The bits that are set in an odd number of values.
    Xor,
}

/// The values of all lanes of `mask`, reduced to one by `op`: every lane of `mask` gets the same.
///
/// For `u32` and `i32` this is one instruction on compute capability 8.0 and later. Everything else
/// takes a shuffle per lane of `mask`, or five if that is [`FULL_MASK`]. A sum of floats has the same
/// bits in all lanes, and each time: it is added up lane by lane from the lowest, or as a tree of
/// neighbours for `FULL_MASK`.
///
/// # Safety
///
/// - The [duties of a mask](self), and the same `op` in every lane.
#[inline(always)]
pub unsafe fn warp_reduce<T: WarpReduceValue>(mask: u32, value: T, op: WarpReductionOp) -> T {
    // SAFETY: the caller's promise is that of the trait's function.
    unsafe { T::reduce(mask, value, op) }
}

/// A value that lanes can reduce.
pub trait WarpReduceValue: Sized {
    /// As [`warp_reduce`].
    ///
    /// # Safety
    ///
    /// - The [duties of a mask](self), and the same `op` in every lane.
    unsafe fn reduce(mask: u32, value: Self, op: WarpReductionOp) -> Self;
}

/// # Safety
///
/// - The [duties of a mask](self).
#[inline(always)]
unsafe fn reduce_by_shuffles<T: WarpShuffleValue + Copy>(
    mask: u32,
    value: T,
    combine: impl Fn(T, T) -> T,
) -> T {
    if mask == FULL_MASK {
        let mut result = value;
        for distance in [1, 2, 4, 8, 16] {
            // SAFETY: all lanes are in the mask, and so is the one that is read.
            let (other, _) = unsafe { warp_shuffle_xor(mask, result, distance, WARP_SIZE) };
            result = combine(result, other);
        }
        return result;
    }
    let mut lane = mask.trailing_zeros();
    // SAFETY: the lanes that are read are those of the mask, here and below.
    let (mut result, _) = unsafe { warp_shuffle_idx(mask, value, lane, WARP_SIZE) };
    let mut others = mask & mask.wrapping_sub(1);
    while others != 0 {
        lane = others.trailing_zeros();
        // SAFETY: as above.
        let (other, _) = unsafe { warp_shuffle_idx(mask, value, lane, WARP_SIZE) };
        result = combine(result, other);
        others &= others - 1;
    }
    result
}

macro_rules! reduce_values {
    ($($ty:ty: $bits:ty, $add:expr, $min:expr, $max:expr, $to_bits:expr, $from_bits:expr;)*) => {$(
        impl WarpReduceValue for $ty {
            #[inline(always)]
            unsafe fn reduce(mask: u32, value: $ty, op: WarpReductionOp) -> $ty {
                let bitwise = |f: fn($bits, $bits) -> $bits| {
                    move |a: $ty, b: $ty| -> $ty { $from_bits(f($to_bits(a), $to_bits(b))) }
                };
                // SAFETY: the caller's promise is that of the shuffles.
                unsafe {
                    match op {
                        WarpReductionOp::Add => reduce_by_shuffles(mask, value, $add),
                        WarpReductionOp::Min => reduce_by_shuffles(mask, value, $min),
                        WarpReductionOp::Max => reduce_by_shuffles(mask, value, $max),
                        WarpReductionOp::And => reduce_by_shuffles(mask, value, bitwise(|a, b| a & b)),
                        WarpReductionOp::Or => reduce_by_shuffles(mask, value, bitwise(|a, b| a | b)),
                        WarpReductionOp::Xor => reduce_by_shuffles(mask, value, bitwise(|a, b| a ^ b)),
                    }
                }
            }
        }
    )*};
}

macro_rules! reduce_integers {
    ($($ty:ty)*) => {
        reduce_values! {$(
            $ty: $ty, <$ty>::wrapping_add, <$ty as Ord>::min, <$ty as Ord>::max, |a| a, |bits| bits;
        )*}
    };
}

reduce_integers!(u8 i8 u16 i16 u64 i64 u128 i128);

reduce_values! {
    f16: u16, halves::add, halves::min, halves::max, f16::to_bits, f16::from_bits;
    bf16: u16, |a, b| a + b, bf16::min, bf16::max, bf16::to_bits, bf16::from_bits;
    f32: u32, |a, b| a + b, f32::min, f32::max, f32::to_bits, f32::from_bits;
    f64: u64, |a, b| a + b, f64::min, f64::max, f64::to_bits, f64::from_bits;
}

#[cfg(not(all(target_arch = "nvptx64", target_feature = "sm_80")))]
reduce_integers!(u32 i32);

#[cfg(all(target_arch = "nvptx64", target_feature = "sm_80"))]
macro_rules! reduce_words {
    ($($ty:ident: $min:ident, $max:ident;)*) => {$(
        impl WarpReduceValue for $ty {
            #[inline(always)]
            unsafe fn reduce(mask: u32, value: $ty, op: WarpReductionOp) -> $ty {
                // SAFETY: the caller's promise is the instruction's precondition.
                unsafe {
                    match op {
                        WarpReductionOp::Add => intrinsics::redux_add(value as u32, mask) as $ty,
                        WarpReductionOp::Min => intrinsics::$min(value, mask),
                        WarpReductionOp::Max => intrinsics::$max(value, mask),
                        WarpReductionOp::And => intrinsics::redux_and(value as u32, mask) as $ty,
                        WarpReductionOp::Or => intrinsics::redux_or(value as u32, mask) as $ty,
                        WarpReductionOp::Xor => intrinsics::redux_xor(value as u32, mask) as $ty,
                    }
                }
            }
        }
    )*};
}

#[cfg(all(target_arch = "nvptx64", target_feature = "sm_80"))]
reduce_words! {
    u32: redux_min_unsigned, redux_max_unsigned;
    i32: redux_min_signed, redux_max_signed;
}
