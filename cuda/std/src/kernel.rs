//! Kernels as the host sees them: typed signatures, and the words that a launch passes.
//!
//! `#[kernel]` turns `fn scale(a: f32, x: &[f32], y: PerThread<f32>)` into
//! `struct scale<'launch> { a: f32, x: DeviceSlice<'launch, f32>, y: DeviceSliceMut<'launch, f32> }`
//! on the host. A launch borrows the buffers, so one cannot be written and read by the same launch.
//! This module knows nothing of a driver: addresses are numbers.

use core::ffi::c_void;
use core::marker::PhantomData;

/// A kernel with its arguments.
///
/// # Safety
///
/// - `NAME` is the name of an entry point, and `words` are its parameters, in order, each pointing
///   to a value of the parameter's type that lives as long as `self`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kernel with its arguments",
    note = "`#[kernel]` makes a struct of the kernel's name"
)]
pub unsafe trait Kernel {
    /// The entry point's name.
    const NAME: &'static str;
    /// What the kernel leaves behind when it panics, to say which one it was.
    const ID: u32;
    /// How large its blocks may be, if it says so.
    const LAUNCH_BOUNDS: Option<LaunchBounds> = None;
    /// An array of pointers, one per word.
    type Words: AsRef<[*const c_void]>;
    /// Pointers to the parameters' values.
    fn words(&self) -> Self::Words;
}

/// What a kernel was compiled for: `#[kernel(launch_bounds(max_threads, min_blocks))]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchBounds {
    /// The most threads of a block.
    pub max_threads: u32,
    /// The least blocks that a multiprocessor has room for.
    pub min_blocks: Option<u32>,
}

impl LaunchBounds {
    /// These bounds.
    ///
    /// # Panics
    ///
    /// If there are no threads or more than 1024, which no device has, or no blocks: when the
    /// kernel is compiled.
    pub const fn new(max_threads: u32, min_blocks: Option<u32>) -> LaunchBounds {
        assert!(
            0 < max_threads && max_threads <= 1024,
            "a block has 1 to 1024 threads"
        );
        assert!(
            !matches!(min_blocks, Some(0)),
            "a multiprocessor has at least 1 block"
        );
        LaunchBounds {
            max_threads,
            min_blocks,
        }
    }
}

/// A value that the host passes to a kernel.
///
/// Numbers, `bool` and `char`, arrays, and the types of `half` and `glam` are such values. A struct
/// becomes one by `unsafe impl DeviceValue for Viewport {}`.
///
/// # Safety
///
/// - The type's layout is the same on both sides: it is a number, an enum with `#[repr(u32)]` or
///   such, or `#[repr(C)]` of such.
/// - It holds no references and no host addresses.
#[diagnostic::on_unimplemented(
    message = "a kernel cannot be launched with a value of type `{Self}`",
    label = "not known to be the same bytes on the host and on the device",
    note = "if it is `#[repr(C)]` and holds neither references nor host addresses, write `unsafe impl cuda_std::kernel::DeviceValue for ... {{}}`"
)]
pub unsafe trait DeviceValue: Copy + 'static {}

macro_rules! device_values {
    ($($ty:ty)*) => {$(
        // SAFETY: it has the same layout on both sides, and no addresses.
        unsafe impl DeviceValue for $ty {}
    )*};
}

device_values!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char);
device_values!(half::f16 half::bf16);

#[cfg(feature = "glam")]
mod vectors {
    use glam::*;

    use super::DeviceValue;

    device_values!(Vec2 Vec3 Vec3A Vec4 Quat Mat2 Mat3 Mat3A Mat4 Affine2 Affine3A);
    device_values!(DVec2 DVec3 DVec4 DQuat DMat2 DMat3 DMat4 DAffine2 DAffine3);
    device_values!(I8Vec2 I8Vec3 I8Vec4 U8Vec2 U8Vec3 U8Vec4);
    device_values!(I16Vec2 I16Vec3 I16Vec4 U16Vec2 U16Vec3 U16Vec4);
    device_values!(IVec2 IVec3 IVec4 UVec2 UVec3 UVec4);
    device_values!(I64Vec2 I64Vec3 I64Vec4 U64Vec2 U64Vec3 U64Vec4 USizeVec2 USizeVec3 USizeVec4);
}

// SAFETY: elements side by side, each the same on both sides.
unsafe impl<T: DeviceValue, const N: usize> DeviceValue for [T; N] {}
// SAFETY: as above.
unsafe impl<T: DeviceValue> DeviceValue for crate::vector::Vec2<T> {}
// SAFETY: as above.
unsafe impl<T: DeviceValue> DeviceValue for crate::vector::Vec4<T> {}

/// What the host passes for a kernel's parameter of type `T`: this is implemented for `fn(T)`, as
/// which `#[kernel]` writes the parameter's type, since a function may leave lifetimes out.
#[diagnostic::on_unimplemented(
    message = "a kernel cannot be launched with a typed argument for `{Self}`",
    label = "this type has a lifetime, so it may hold an address of the host's memory",
    note = "pass its parts, or launch the kernel with the macro `launch!` of cust"
)]
pub trait ByValue<'launch> {
    /// `T`
    type Argument;
}

impl<'launch, T: DeviceValue> ByValue<'launch> for fn(T) {
    type Argument = T;
}

/// The elements of a buffer that the host passes: `fn(T)` stands for `T`, as in [`ByValue`].
#[diagnostic::on_unimplemented(
    message = "a kernel cannot be launched with a typed buffer for `{Self}`",
    label = "this type has a lifetime, so it may hold an address of the host's memory",
    note = "launch the kernel with the macro `launch!` of cust"
)]
pub trait Element<'launch> {
    /// `T`
    type Type;
}

impl<'launch, T> Element<'launch> for fn(T) {
    type Type = T;
}

/// A type that a kernel may take by value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a kernel cannot take a value of type `{Self}`",
    label = "every thread gets a copy, and this type is not `Copy`",
    note = "take a slice, an output handle, a pointer, or a type that is `Copy`"
)]
pub trait Copied {}

#[diagnostic::do_not_recommend]
impl<T: Copy> Copied for T {}

/// `#[kernel]` calls it for every parameter that is passed by value.
#[doc(hidden)]
pub const fn is_copied<T: Copied>() {}

/// The word of a parameter that is passed by value.
#[doc(hidden)]
#[inline]
pub fn word<T>(value: &T) -> *const c_void {
    const {
        assert!(
            size_of::<T>() > 0,
            "a kernel's parameter of no bytes does not cross to the device: leave it out"
        );
    }
    core::ptr::from_ref(value).cast()
}

/// One value in a buffer that a kernel reads: the argument for `&T`.
#[derive(Debug)]
pub struct DeviceRef<'launch, T> {
    address: u64,
    _borrow: PhantomData<&'launch T>,
}

impl<T> DeviceRef<'_, T> {
    /// The value at the device's address `address`.
    ///
    /// # Safety
    ///
    /// - The address is aligned for `T` and that of an initialized value, which lives and is
    ///   borrowed until the launch that gets this has ended.
    pub unsafe fn from_raw(address: u64) -> Self {
        Self {
            address,
            _borrow: PhantomData,
        }
    }

    /// For `#[kernel]`: a pointer to the address.
    #[doc(hidden)]
    #[inline]
    pub fn address_word(&self) -> *const c_void {
        (&raw const self.address).cast()
    }
}

impl<T> Clone for DeviceRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for DeviceRef<'_, T> {}

macro_rules! device_slices {
    ($($(#[$doc:meta])* $name:ident, $reference:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'launch, T> {
            address: u64,
            len: u64,
            _borrow: PhantomData<$reference>,
        }

        impl<T> $name<'_, T> {
            /// `len` elements at the device's address `address`.
            ///
            /// # Safety
            ///
            /// - The address is aligned for `T` and that of `len` initialized elements, which live
            ///   and are borrowed accordingly until the launch that gets this has ended.
            /// - `T` has the same layout on both sides, as a [`DeviceValue`] has.
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

            /// For `#[kernel]`: a pointer to the address.
            #[doc(hidden)]
            #[inline]
            pub fn address_word(&self) -> *const c_void {
                (&raw const self.address).cast()
            }

            /// For `#[kernel]`: a pointer to the length.
            #[doc(hidden)]
            #[inline]
            pub fn len_word(&self) -> *const c_void {
                (&raw const self.len).cast()
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

impl<'launch, T> DeviceSlice<'launch, T> {
    /// Element `idx`; `None` past the end.
    pub fn get(&self, idx: usize) -> Option<DeviceRef<'launch, T>> {
        (idx < self.len()).then(|| DeviceRef {
            address: self.address + (idx * size_of::<T>()) as u64,
            _borrow: PhantomData,
        })
    }
}
