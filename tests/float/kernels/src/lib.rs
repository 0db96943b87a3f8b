//! Kernels that map arrays by each of `cuda_std`'s functions of numbers: a kernel per family, whose
//! first argument says which of its functions.
//!
//! The same lists are functions of the host: the tests hold one against the other.
#![no_std]

pub mod conversions;
pub mod double;
pub mod fast;
pub mod integers;
pub mod rounding;
pub mod single;

/// A number as the bits of a word.
pub trait Word {
    /// The number in the lower bits.
    fn of(word: u64) -> Self;
    /// The bits; of a NaN always the same ones.
    fn word(self) -> u64;
}

macro_rules! words {
    ($($number:ident $unsigned:ident;)*) => {$(
        impl Word for $number {
            fn of(word: u64) -> $number {
                word as $number
            }
            fn word(self) -> u64 {
                self as $unsigned as u64
            }
        }
    )*};
}

words! { i16 u16; i32 u32; i64 u64; }

macro_rules! float_words {
    ($($float:ident $bits:ident;)*) => {$(
        impl Word for $float {
            fn of(word: u64) -> $float {
                $float::from_bits(word as $bits)
            }
            fn word(self) -> u64 {
                // By the bits: a compiler takes one NaN for another.
                let bits = self.to_bits();
                let is_nan = bits << 1 > $float::INFINITY.to_bits() << 1;
                if is_nan { $float::NAN.to_bits().into() } else { bits.into() }
            }
        }
    )*};
}

float_words! { f32 u32; f64 u64; }

/// What a function gives: one number or two.
pub trait Words {
    /// The bits of both; 0 for the second of one.
    fn words(self) -> [u64; 2];
}

impl<T: Word> Words for T {
    fn words(self) -> [u64; 2] {
        [self.word(), 0]
    }
}

impl<T: Word, U: Word> Words for (T, U) {
    fn words(self) -> [u64; 2] {
        [self.0.word(), self.1.word()]
    }
}

/// A result, and what the function wrote to a pointer.
pub fn written<T: Word, U: Word + Default>(function: impl FnOnce(*mut U) -> T) -> (T, U) {
    let mut value = U::default();
    let result = function(&mut value);
    (result, value)
}

/// What the function wrote to its two pointers.
pub fn both_written<T: Word + Default>(function: impl FnOnce(*mut T, *mut T)) -> (T, T) {
    let (mut first, mut second) = (T::default(), T::default());
    function(&mut first, &mut second);
    (first, second)
}

/// An order of a Bessel function, which takes a step for each.
pub fn order(word: u64) -> i32 {
    (word % 9) as i32 - 2
}

/// A family: the names of its functions, the functions on the host, and the kernel.
///
/// The functions are listed by how many arguments they have; of `with` the expression is written out.
#[macro_export]
macro_rules! family {
    (
        $kernel:ident,
        1: {$($path1:expr;)*}
        2: {$($path2:expr;)*}
        3: {$($path3:expr;)*}
        with $x:ident $y:ident: {$($name:literal => $call:expr;)*}
    ) => {
        /// The functions' names, in the order of their numbers.
        pub const NAMES: &[&str] = &[
            $(stringify!($path1),)*
            $(stringify!($path2),)*
            $(stringify!($path3),)*
            $($name,)*
        ];

        /// Calls a function by its number.
        #[inline(always)]
        #[allow(clippy::allow_attributes, unused_assignments, unused_mut, unused_unsafe)]
        pub fn call(number: u32, $x: u64, $y: u64, z: u64) -> [u64; 2] {
            use $crate::{Word, Words};
            let mut at = 0;
            $(
                if number == at {
                    return Words::words(($path1)(Word::of($x)));
                }
                at += 1;
            )*
            $(
                if number == at {
                    return Words::words(($path2)(Word::of($x), Word::of($y)));
                }
                at += 1;
            )*
            $(
                if number == at {
                    return Words::words(($path3)(Word::of($x), Word::of($y), Word::of(z)));
                }
                at += 1;
            )*
            $(
                if number == at {
                    return Words::words($call);
                }
                at += 1;
            )*
            let _ = ($y, z);
            [0; 2]
        }

        /// `results[i]` is the function of `x[i]`, `y[i]` and `z[i]`. Launch: a thread for each.
        #[kernel]
        pub fn $kernel(
            number: u32,
            x: &[u64],
            y: &[u64],
            z: &[u64],
            mut results: PerThread<[u64; 2]>,
        ) {
            let i = thread::index_1d() as usize;
            if let Some(result) = results.get_mut() {
                *result = call(number, x[i], y[i], z[i]);
            }
        }
    };
}
