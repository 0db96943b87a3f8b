//! Kernels as the host sees them: typed signatures, and the words that a launch passes.
//!
//! `#[kernel]` turns `fn scale(a: f32, x: &[f32], y: PerThread<f32>)` into
//! `struct scale<'launch> { a: f32, x: DeviceSlice<'launch, f32>, y: DeviceSliceMut<'launch, f32> }`
//! on the host. A launch borrows the buffers, so one cannot be written and read by the same launch.
//! This module knows nothing of a driver: addresses are numbers.

use core::ffi::c_void;
use core::marker::PhantomData;

use crate::output::{DisjointSlice, PerThread};

/// A kernel with its arguments.
///
/// # Safety
///
/// - `NAME` is the name of an entry point, and `words` are its parameters, in order, each pointing
///   to a value of the parameter's type that lives as long as `self`.
pub unsafe trait Kernel {
    /// The entry point's name.
    const NAME: &'static str;
    /// What the kernel leaves behind when it panics, to say which one it was.
    const ID: u32;
    /// An array of pointers, one per word.
    type Words: AsRef<[*const c_void]>;
    /// Pointers to the parameters' values.
    fn words(&self) -> Self::Words;
}

/// A type that a kernel's parameter may have.
#[diagnostic::on_unimplemented(
    message = "a kernel cannot take a parameter of type `{Self}`",
    label = "not a number, a slice, an output handle or a pointer",
    note = "to pass a `#[repr(C)]` struct by value, implement `KernelParameter` and `KernelArgument` for it"
)]
pub trait KernelParameter {
    /// What the host passes for it.
    type Argument<'launch>: KernelArgument;
}

/// What the host passes for a parameter: one or two words.
pub trait KernelArgument {
    /// A pointer to word `word_idx`.
    fn word(&self, word_idx: usize) -> *const c_void;
}

/// A value that is the same bytes on the host and on the device.
///
/// # Safety
///
/// - The type has no padding that the device reads, no references and no host addresses, and its
///   layout is the same on both sides (a number, or `#[repr(C)]` of such).
/// - Any bytes that the device writes for it are valid.
pub unsafe trait DeviceValue: Copy + 'static {}

macro_rules! device_values {
    ($($ty:ty)*) => {$(
        // SAFETY: a number has the same layout on both sides and no invalid bit patterns.
        unsafe impl DeviceValue for $ty {}

        impl KernelParameter for $ty {
            type Argument<'launch> = $ty;
        }

        impl KernelArgument for $ty {
            #[inline]
            fn word(&self, word_idx: usize) -> *const c_void {
                debug_assert!(word_idx == 0, "a number is one word, not {}", word_idx + 1);
                (&raw const *self).cast()
            }
        }
    )*};
}

device_values!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);

// SAFETY: elements side by side, each the same on both sides.
unsafe impl<T: DeviceValue> DeviceValue for crate::vector::Vec2<T> {}
// SAFETY: as above.
unsafe impl<T: DeviceValue> DeviceValue for crate::vector::Vec4<T> {}

macro_rules! device_slices {
    ($($(#[$doc:meta])* $name:ident, $reference:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[repr(C)]
        pub struct $name<'launch, T> {
            address: u64,
            len: u64,
            _borrow: PhantomData<$reference>,
        }

        impl<T: DeviceValue> $name<'_, T> {
            /// `len` elements at the device's address `address`.
            ///
            /// # Safety
            ///
            /// - The address is aligned for `T` and that of `len` initialized elements, which live
            ///   and are borrowed accordingly until the launch that gets this has ended.
            pub unsafe fn from_raw_parts(address: u64, len: usize) -> Self {
                // A slice's address is never null on the device, even where it has no elements.
                let address = if len == 0 { align_of::<T>() as u64 } else { address };
                Self { address, len: len as u64, _borrow: PhantomData }
            }

            /// Elements.
            pub fn len(&self) -> usize {
                self.len as usize
            }

            /// Whether there is no element.
            pub fn is_empty(&self) -> bool {
                self.len == 0
            }
        }

        impl<T> KernelArgument for $name<'_, T> {
            #[inline]
            fn word(&self, word_idx: usize) -> *const c_void {
                debug_assert!(word_idx < 2, "a slice is two words, not {}", word_idx + 1);
                if word_idx == 0 {
                    (&raw const self.address).cast()
                } else {
                    (&raw const self.len).cast()
                }
            }
        }
    )*};
}

device_slices! {
    /// A buffer that a kernel reads: the argument for `&[T]` and `*const T`.
    DeviceSlice, &'launch [T];
    /// A buffer that a kernel writes: the argument for `PerThread<T>`, `DisjointSlice<T>` and `*mut T`.
    DeviceSliceMut, &'launch mut [T];
}

impl<T> Clone for DeviceSlice<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for DeviceSlice<'_, T> {}

impl<T: DeviceValue> KernelParameter for &'static [T] {
    type Argument<'launch> = DeviceSlice<'launch, T>;
}

impl<T: DeviceValue> KernelParameter for PerThread<T> {
    type Argument<'launch> = DeviceSliceMut<'launch, T>;
}

impl<T: DeviceValue> KernelParameter for DisjointSlice<T> {
    type Argument<'launch> = DeviceSliceMut<'launch, T>;
}

// A raw pointer is one word: the first of the slice's two.
impl<T: DeviceValue> KernelParameter for *const T {
    type Argument<'launch> = DeviceSlice<'launch, T>;
}

impl<T: DeviceValue> KernelParameter for *mut T {
    type Argument<'launch> = DeviceSliceMut<'launch, T>;
}
