//! What a CUDA kernel in Rust imports.
//!
//! The names and paths are those of Rust-CUDA's `cuda_std` 0.2, so that kernels written for it
//! find what they know; what goes beyond it says so. It builds with a stock rustc for
//! `nvptx64-nvidia-cuda`; `cuda_builder` drives that from a build script.
//!
//! On the host the crate builds too: there kernels are type-checked and become the typed
//! signatures of their launches (see [`kernel`](mod@kernel)). A device function that is *called*
//! on the host panics and says so; the functions of [`float`] compute the same on both sides.
//!
//! ```
//! use cuda_std::prelude::*;
//!
//! /// `c[i] = a[i] + b[i]`, one thread per element.
//! #[kernel]
//! pub fn add(a: &[f32], b: &[f32], mut c: PerThread<f32>) {
//!     let i = thread::index_1d() as usize;
//!     if let Some(c) = c.get_mut() {
//!         *c = a[i] + b[i];
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A crate of kernels needs no attribute: `cuda_builder` makes it `no_std`, and the macros may use what
//! is unstable. One that uses `asm!` itself begins with
//! `#![cfg_attr(target_arch = "nvptx64", feature(asm_experimental_arch))]`.
#![no_std]
#![cfg_attr(target_arch = "nvptx64", allow(internal_features))]
#![cfg_attr(
    target_arch = "nvptx64",
    feature(
        abi_unadjusted,
        asm_experimental_arch,
        f16,
        link_llvm_intrinsics,
        stdarch_nvptx
    )
)]

extern crate alloc;
// So that the macros' paths hold inside this crate too.
extern crate self as cuda_std;
#[cfg(not(target_arch = "nvptx64"))]
extern crate std;

pub mod async_copy;
pub mod atomic;
pub mod barrier;
pub mod cfg;
pub mod float;
mod float_ext;
pub mod groups;
mod halves;
pub mod intrinsics;
pub mod io;
pub mod kernel;
pub mod mem;
pub mod misc;
pub mod mma;
pub mod output;
pub mod panic;
pub mod phased;
pub mod ptr;
pub mod random;
pub mod shared;
pub mod thread;
pub mod time;
pub mod vector;
pub mod warp;

pub use cuda_std_macros::*;
pub use float::GpuFloat;
pub use float_ext::FloatExt;
#[cfg(feature = "glam")]
pub use glam;
pub use half;
pub use half::{bf16, f16};
#[cfg(feature = "vek")]
#[deprecated(note = "use `glam`, which took the place of `vek` in Rust-CUDA too")]
pub use vek;

/// What nearly every kernel needs.
///
/// Rust-CUDA's also has `assert_eq` and `assert_ne`. A macro of a name that `core` has too cannot be
/// used when it comes by `prelude::*`: the compiler takes the two for ambiguous. Here `assert_eq!` is
/// therefore `core`'s, which panics; [`cuda_std::assert_eq`](crate::assert_eq) is imported by name.
pub mod prelude {
    pub use alloc::{
        borrow::ToOwned,
        boxed::Box,
        format,
        rc::Rc,
        string::{String, ToString},
        vec::Vec,
    };

    pub use crate::output::{DisjointSlice, PerThread};
    pub use crate::{GpuFloat, f16, kernel, thread};
    #[cfg(target_arch = "nvptx64")]
    pub use crate::{print, println};
    // A crate of kernels that is no `no_std` has these in its own prelude on the host: a glob import of
    // any others would make their names ambiguous there.
    #[cfg(not(target_arch = "nvptx64"))]
    pub use std::{print, println};
}

/// What a device function does when the host calls it.
#[cfg(not(target_arch = "nvptx64"))]
#[cold]
#[track_caller]
fn only_on_device(function: &str) -> ! {
    panic!("cuda_std::{function} works in a kernel on a CUDA device, not on the host")
}
