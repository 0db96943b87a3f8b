//! Division by a number that the host knows: a multiplication and a shift, where a GPU would need
//! about twenty instructions.

use cuda_std::kernel::DeviceValue;

/// Divides numbers below 2^31.
///
/// With `2^shift` the first power of two that is not below the divisor `d`, and
/// `factor = ⌊2^32 (2^shift - d) / d⌋ + 1`, the quotient is `(⌊n factor / 2^32⌋ + n) / 2^shift`: Granlund
/// and Montgomery, "Division by invariant integers using multiplication" (1994), section 4.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Divisor {
    divisor: u32,
    factor: u32,
    shift: u32,
}

// SAFETY: numbers alone, and `repr(C)`.
unsafe impl DeviceValue for Divisor {}

impl Divisor {
    /// Divides by `divisor`, which is at least 1 and at most 2^31.
    pub const fn new(divisor: u32) -> Divisor {
        let shift = divisor.next_power_of_two().trailing_zeros();
        let rest = (1_u64 << shift) - divisor as u64;
        Divisor {
            divisor,
            factor: ((rest << 32) / divisor as u64) as u32 + 1,
            shift,
        }
    }

    /// The divisor.
    #[inline(always)]
    pub(super) fn get(self) -> u32 {
        self.divisor
    }

    /// Quotient and remainder of `n`, which is below 2^31.
    #[inline(always)]
    pub(super) fn split(self, n: u32) -> [u32; 2] {
        let high = ((u64::from(n) * u64::from(self.factor)) >> 32) as u32;
        let quotient = high.wrapping_add(n) >> self.shift;
        [
            quotient,
            n.wrapping_sub(quotient.wrapping_mul(self.divisor)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Divisor;

    #[test]
    fn quotients_and_remainders_are_right_up_to_the_largest() {
        let around = |n: u32| [n.saturating_sub(1), n, n + 1];
        let divisors = (1..200).chain((8..31).flat_map(|shift| around(1 << shift)));
        for divisor in divisors {
            let last = i32::MAX as u32;
            let numbers = (0..9)
                .chain((0..8).flat_map(|part| around(last / 8 / divisor * part * divisor)))
                .chain([last / divisor * divisor - 1, last / divisor * divisor, last]);
            for n in numbers.filter(|&n| n <= last) {
                let actual = Divisor::new(divisor).split(n);
                assert_eq!(actual, [n / divisor, n % divisor], "{n} / {divisor}");
            }
        }
    }
}
