//! The functions of `cuda_std::intrinsics` in Rust-CUDA: NVIDIA's libdevice, under the names that it
//! has there, without its prefix `__nv_`.
//!
//! Here they are Rust, on the host as on the device; libdevice is not used. They give the same bits
//! on both, except for the names that begin with `fast_` (see [`FastFloat`](crate::float::FastFloat))
//! and for which NaN is given. Where PTX has an instruction for a function, it is that. The errors of
//! the others are those of [`float`](crate::float), and named there.
//!
//! The types are libdevice's: what is unsigned is an `i32` or `i64` with the same bits. A name
//! without a suffix is the function of `f64`, one with `f` that of `f32`.

mod classes;
mod conversions;
mod integers;
mod math;
mod rounding;

pub use classes::*;
pub use conversions::*;
pub use integers::*;
pub use math::*;
pub use rounding::*;

/// A function that is one instruction of PTX between registers on the device, and an expression on
/// the host.
macro_rules! instruction {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty = $in:ident),*) -> $result:ty = $out:ident,
            $instruction:literal else $host:expr;
    )*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name($($argument: $type),*) -> $result {
            #[cfg(target_arch = "nvptx64")]
            {
                let result: $result;
                // SAFETY: one instruction between registers.
                unsafe {
                    core::arch::asm!(
                        $instruction,
                        out($out) result,
                        $(in($in) $argument,)*
                        options(pure, nomem, nostack),
                    );
                }
                result
            }
            #[cfg(not(target_arch = "nvptx64"))]
            {
                $host
            }
        }
    )*};
}
use instruction;
