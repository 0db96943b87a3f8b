//! Functions of integers.

use super::instruction;

/// The absolute value; of `i32::MIN` itself.
#[inline(always)]
pub fn abs(x: i32) -> i32 {
    x.wrapping_abs()
}

/// The absolute value; of `i64::MIN` itself.
#[inline(always)]
pub fn llabs(x: i64) -> i64 {
    x.wrapping_abs()
}

/// The bits in reversed order.
#[inline(always)]
pub fn brev(x: i32) -> i32 {
    x.reverse_bits()
}

/// The bits in reversed order.
#[inline(always)]
pub fn brevll(x: i64) -> i64 {
    x.reverse_bits()
}

/// How many bits are zero before the first that is not.
#[inline(always)]
pub fn clz(x: i32) -> i32 {
    x.leading_zeros() as i32
}

/// How many bits are zero before the first that is not.
#[inline(always)]
pub fn clzll(x: i64) -> i32 {
    x.leading_zeros() as i32
}

/// How many bits are set.
#[inline(always)]
pub fn popc(x: i32) -> i32 {
    x.count_ones() as i32
}

/// How many bits are set.
#[inline(always)]
pub fn popcll(x: i64) -> i32 {
    x.count_ones() as i32
}

/// The place of the lowest bit that is set, from 1; 0 if none is.
#[inline(always)]
pub fn ffs(x: i32) -> i32 {
    if x == 0 {
        0
    } else {
        x.trailing_zeros() as i32 + 1
    }
}

/// The place of the lowest bit that is set, from 1; 0 if none is.
#[inline(always)]
pub fn ffsll(x: i64) -> i32 {
    if x == 0 {
        0
    } else {
        x.trailing_zeros() as i32 + 1
    }
}

/// `(x + y) >> 1`, without overflow on the way.
#[inline(always)]
pub fn hadd(x: i32, y: i32) -> i32 {
    (x & y) + ((x ^ y) >> 1)
}

/// `(x + y + 1) >> 1`, without overflow on the way.
#[inline(always)]
pub fn rhadd(x: i32, y: i32) -> i32 {
    (x | y) - ((x ^ y) >> 1)
}

/// `(x + y) >> 1` of unsigned numbers, without overflow on the way.
#[inline(always)]
pub fn uhadd(x: i32, y: i32) -> i32 {
    let (x, y) = (x as u32, y as u32);
    ((x & y) + ((x ^ y) >> 1)) as i32
}

/// `(x + y + 1) >> 1` of unsigned numbers, without overflow on the way.
#[inline(always)]
pub fn urhadd(x: i32, y: i32) -> i32 {
    let (x, y) = (x as u32, y as u32);
    ((x | y) - ((x ^ y) >> 1)) as i32
}

/// The larger number.
#[inline(always)]
pub fn max(x: i32, y: i32) -> i32 {
    x.max(y)
}

/// The smaller number.
#[inline(always)]
pub fn min(x: i32, y: i32) -> i32 {
    x.min(y)
}

/// The larger number.
#[inline(always)]
pub fn llmax(x: i64, y: i64) -> i64 {
    x.max(y)
}

/// The smaller number.
#[inline(always)]
pub fn llmin(x: i64, y: i64) -> i64 {
    x.min(y)
}

/// The larger of two unsigned numbers.
#[inline(always)]
pub fn umax(x: i32, y: i32) -> i32 {
    (x as u32).max(y as u32) as i32
}

/// The smaller of two unsigned numbers.
#[inline(always)]
pub fn umin(x: i32, y: i32) -> i32 {
    (x as u32).min(y as u32) as i32
}

/// The larger of two unsigned numbers.
#[inline(always)]
pub fn ullmax(x: i64, y: i64) -> i64 {
    (x as u64).max(y as u64) as i64
}

/// The smaller of two unsigned numbers.
#[inline(always)]
pub fn ullmin(x: i64, y: i64) -> i64 {
    (x as u64).min(y as u64) as i64
}

/// The upper 32 bits of the product.
#[inline(always)]
pub fn mulhi(x: i32, y: i32) -> i32 {
    ((i64::from(x) * i64::from(y)) >> 32) as i32
}

/// The upper 32 bits of the product of unsigned numbers.
#[inline(always)]
pub fn umulhi(x: i32, y: i32) -> i32 {
    ((u64::from(x as u32) * u64::from(y as u32)) >> 32) as i32
}

/// The upper 64 bits of the product.
#[inline(always)]
pub fn mul64hi(x: i64, y: i64) -> i64 {
    ((i128::from(x) * i128::from(y)) >> 64) as i64
}

/// The upper 64 bits of the product of unsigned numbers.
#[inline(always)]
pub fn umul64hi(x: i64, y: i64) -> i64 {
    ((u128::from(x as u64) * u128::from(y as u64)) >> 64) as i64
}

instruction! {
    /// Four of the eight bytes of `y:x`; the lower three bits of each of the lower four nibbles of
    /// `z` say which. The fourth bit replicates the byte's sign, as in PTX's `prmt`.
    fn byte_perm(x: i32 = reg32, y: i32 = reg32, z: i32 = reg32) -> i32 = reg32,
        "prmt.b32 {}, {}, {}, {};" else permuted_bytes(x as u32, y as u32, z as u32);
    /// The lower 32 bits of the product of the lower 24, with signs.
    fn mul24(x: i32 = reg32, y: i32 = reg32) -> i32 = reg32,
        "mul24.lo.s32 {}, {}, {};" else ((x << 8) >> 8).wrapping_mul((y << 8) >> 8);
    /// The lower 32 bits of the product of the lower 24.
    fn umul24(x: i32 = reg32, y: i32 = reg32) -> i32 = reg32,
        "mul24.lo.u32 {}, {}, {};" else (x & 0xff_ffff).wrapping_mul(y & 0xff_ffff);
    /// `|x - y| + z`, where `z` is unsigned.
    fn sad(x: i32 = reg32, y: i32 = reg32, z: i32 = reg32) -> i32 = reg32,
        "sad.s32 {}, {}, {}, {};" else (x.abs_diff(y) as i32).wrapping_add(z);
    /// `|x - y| + z` of unsigned numbers.
    fn usad(x: i32 = reg32, y: i32 = reg32, z: i32 = reg32) -> i32 = reg32,
        "sad.u32 {}, {}, {}, {};" else ((x as u32).abs_diff(y as u32) as i32).wrapping_add(z);
}

/// What `prmt` does.
#[cfg(not(target_arch = "nvptx64"))]
fn permuted_bytes(x: u32, y: u32, selector: u32) -> i32 {
    let bytes = (u64::from(y) << 32 | u64::from(x)).to_le_bytes();
    let byte = |idx: u32| {
        let choice = selector >> (4 * idx);
        let byte = bytes[(choice & 7) as usize];
        if choice & 8 == 0 {
            byte
        } else {
            ((byte as i8) >> 7) as u8
        }
    };
    i32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
}
