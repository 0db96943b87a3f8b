//! The macros of `cuda_std`; use them through that crate.

mod kernel;
mod shared;

use proc_macro::TokenStream;

/// Makes a function a kernel: something that the host launches on a CUDA device.
///
/// On the device the function becomes an entry point of its own name. A slice `&[T]`, and the
/// output handles `PerThread<T>` and `DisjointSlice<T>`, arrive as a pointer and a length.
///
/// On the host the same item is the kernel's typed signature: a struct of the function's name whose
/// fields are the function's parameters. A launch takes such a struct, so one with a missing or
/// misnamed argument, or one of the wrong type, does not compile. The body is type-checked there
/// too.
///
/// A kernel takes no generics, returns nothing, and its name is unique among the crate's kernels:
/// two of one name do not compile.
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
#[proc_macro_attribute]
pub fn kernel(arguments: TokenStream, item: TokenStream) -> TokenStream {
    kernel::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// `shared_address!(T; N)`: declares an array of shared memory and gives its address, a `u32`.
#[doc(hidden)]
#[proc_macro]
pub fn shared_address(input: TokenStream) -> TokenStream {
    shared::address(input.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
