//! Two values in one register.

/// `f` of the lower halves, and of the upper halves.
#[inline(always)]
pub(super) fn pair(a: u32, b: u32, f: impl Fn(u16, u16) -> u16) -> u32 {
    join(f(a as u16, b as u16), f((a >> 16) as u16, (b >> 16) as u16))
}

/// Two halves as a word.
#[inline(always)]
pub(super) fn join(low: u16, high: u16) -> u32 {
    u32::from(low) | u32::from(high) << 16
}

/// The halves of a word, the lower one first.
#[inline(always)]
pub(super) fn halves(word: u32) -> [u16; 2] {
    [word as u16, (word >> 16) as u16]
}

/// The singles of an `.f32x2`, the lower one first.
#[inline(always)]
pub(super) fn singles(bits: u64) -> [f32; 2] {
    [
        f32::from_bits(bits as u32),
        f32::from_bits((bits >> 32) as u32),
    ]
}

/// Two singles as an `.f32x2`.
#[inline(always)]
pub(super) fn join_singles([low, high]: [f32; 2]) -> u64 {
    u64::from(low.to_bits()) | u64::from(high.to_bits()) << 32
}
