//! The macros of `cuda_std`; use them through that crate.

#![cfg_attr(unstable_features, allow(internal_features))]
#![cfg_attr(unstable_features, feature(allow_internal_unstable))]

mod address_space;
mod function;
mod kernel;
mod shared;
mod symbol;

use proc_macro::TokenStream;

/// Makes a function a kernel: something that the host launches on a CUDA device.
///
/// On the device there is an entry point of the function's name, which calls the function. On the
/// host there is a struct of that name, the kernel's typed signature, whose fields are what a launch
/// passes. The function itself is there on both sides, and type-checked on both.
///
/// | parameter                         | crosses as           | field of the struct          |
/// |-----------------------------------|----------------------|------------------------------|
/// | a number, `bool`, `[f32; 4]`      | itself               | itself                       |
/// | any other type that is `Copy`     | itself               | itself, if a `DeviceValue`   |
/// | `&[T]`, `&str`                    | a pointer, a length  | `DeviceSlice<T>`             |
/// | `PerThread<T>`, `DisjointSlice<T>`| a pointer, a length  | `DeviceSliceMut<T>`          |
/// | `&T`                              | a pointer            | `DeviceRef<T>`               |
/// | `*const T`                        | a pointer            | `DeviceSlice<T>`             |
/// | `*mut T`                          | a pointer            | `DeviceSliceMut<T>`          |
///
/// A launch takes such a struct, so one with a missing or misnamed argument, or one of the wrong
/// type, does not compile. A kernel returns nothing, and its name is unique among the crate's
/// kernels: two of one name do not compile. In a file of the kernel's own name, `scale.rs`, the
/// struct is called `scale_launch`, since one name cannot mean a module and a struct.
///
/// ```
/// use cuda_std::prelude::*;
///
/// /// `y[i] += a · x[i]`. Launch: one thread per element.
/// #[kernel]
/// pub fn axpy(a: f32, x: &[f32], mut y: PerThread<f32>) {
///     if let (Some(y), Some(x)) = (y.get_mut(), x.get(thread::index_1d() as usize)) {
///         *y += a * x;
///     }
/// }
/// # fn main() {}
/// ```
///
/// # Options
///
/// - `launch_bounds(256)`: a block has at most 256 threads, which lets each have more registers.
///   `launch_bounds(256, 2)`: and a multiprocessor has room for 2 blocks at least. A launch with
///   more threads is refused.
/// - `axpy_f32 = axpy::<f32>, axpy_f64 = axpy::<f64>`: the instances of a generic kernel, each an
///   entry point and a struct of its own.
/// - `grid_dim = 2d`, `block_dim = 1d`: Rust-CUDA's hints on what a launch looks like. They change
///   nothing.
///
/// ```
/// use core::ops::{AddAssign, Mul};
/// use cuda_std::prelude::*;
///
/// #[kernel(launch_bounds(256), axpy_f32 = axpy::<f32>, axpy_f64 = axpy::<f64>)]
/// pub fn axpy<T>(a: T, x: &[T], mut y: PerThread<T>)
/// where
///     T: Copy + AddAssign + Mul<Output = T>,
/// {
///     if let (Some(y), Some(x)) = (y.get_mut(), x.get(thread::index_1d() as usize)) {
///         *y += a * *x;
///     }
/// }
/// # fn main() {}
/// ```
#[proc_macro_attribute]
#[cfg_attr(
    unstable_features,
    allow_internal_unstable(abi_ptx, asm_experimental_arch)
)]
pub fn kernel(arguments: TokenStream, item: TokenStream) -> TokenStream {
    kernel::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// `shared_address!(T; N)`: declares an array of shared memory and gives its address, a `u32`.
#[doc(hidden)]
#[proc_macro]
#[cfg_attr(unstable_features, allow_internal_unstable(asm_experimental_arch))]
pub fn shared_address(input: TokenStream) -> TokenStream {
    shared::address(input.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Puts a static into a memory: `shared`, `constant` or `global`.
///
/// The name means the static as it does anywhere: `TILE[i] = x`, `&TILE`, `&raw mut TILE`. Where
/// the static lies is settled when the PTX is built, for every access that follows from its name;
/// an address that is kept in another static's value is an error of the build.
///
/// - `shared`: one for each block. It begins undefined, whatever the initializer says.
/// - `constant`: read through the constant cache, which is fast where all lanes of a warp read the
///   same address; at most 64 KiB. With `#[no_mangle]` the host finds it by its name.
/// - `global`: where a static lies anyway.
///
/// `local` is refused: a thread's own memory holds no statics. On the host this does nothing.
///
/// ```
/// use cuda_std::address_space;
/// use cuda_std::prelude::*;
///
/// #[address_space(constant)]
/// static WEIGHTS: [f32; 3] = [0.25, 0.5, 0.25];
///
/// /// A weighted mean over neighbours within each block of 64.
/// ///
/// /// # Safety
/// /// - `x` points to 64 elements for each block; blocks have 64 threads.
/// #[kernel]
/// pub unsafe fn smooth(x: *mut f32) {
///     #[address_space(shared)]
///     static mut TILE: [f32; 66] = [0.0; 66];
///
///     let t = thread::thread_idx_x() as usize;
///     let x = x.wrapping_add(64 * thread::block_idx_x() as usize + t);
///     // SAFETY: each thread writes its own element and the barrier stands before the reads.
///     unsafe {
///         TILE[t + 1] = *x;
///         if t == 0 {
///             TILE[0] = 0.0;
///             TILE[65] = 0.0;
///         }
///         thread::sync_threads();
///         *x = WEIGHTS[0] * TILE[t] + WEIGHTS[1] * TILE[t + 1] + WEIGHTS[2] * TILE[t + 2];
///     }
/// }
/// # fn main() {}
/// ```
#[proc_macro_attribute]
pub fn address_space(arguments: TokenStream, item: TokenStream) -> TokenStream {
    address_space::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Keeps a `#[no_mangle]` function in the PTX although no kernel calls it: for code that is linked
/// with the PTX later.
#[proc_macro_attribute]
pub fn externally_visible(arguments: TokenStream, item: TokenStream) -> TokenStream {
    function::externally_visible(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// A function for the device alone: on the host it panics, and its body is not compiled there.
#[proc_macro_attribute]
pub fn gpu_only(arguments: TokenStream, item: TokenStream) -> TokenStream {
    function::gpu_only(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
