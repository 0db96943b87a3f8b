//! Stands in for the crate of the same name on crates.io, which `cust` and `gpu_rand` depend on.
//!
//! It differs in two ways. [`DeviceCopy`] covers the vectors of the `glam`, `vek` and `half` that
//! `cuda_std` hands out, where the published crate knows those of 2022, which are other types. And on
//! the host it brings `cuda_driver` with it, so that a program which was written for Rust-CUDA, and
//! names `cust` alone, links.
//!
//! ```
//! use cust_core::DeviceCopy;
//!
//! #[derive(Clone, Copy, DeviceCopy)]
//! #[repr(C)]
//! struct Camera {
//!     position: glam::Vec3,
//!     bounds: glam::USizeVec2,
//! }
//!
//! fn crosses<T: cust::memory::DeviceCopy>() {}
//! crosses::<Camera>();
//! ```
#![no_std]

#[cfg(not(target_os = "cuda"))]
use cuda_driver as _;

pub use _hidden::DeviceCopy;
pub use cust_derive::DeviceCopyCore as DeviceCopy;

/// The trait under the path at which `cust` imports it.
#[doc(hidden)]
pub mod _hidden {
    use core::marker::PhantomData;
    use core::num::{
        NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
        NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize, Wrapping,
    };

    /// What may be copied between host and device byte by byte.
    ///
    /// # Safety
    ///
    /// - A value holds no pointer or reference that is good on one side only and is followed on the
    ///   other.
    pub unsafe trait DeviceCopy: Copy {}

    macro_rules! device_copy {
        ($($ty:ty)*) => {$(
            // SAFETY: numbers, which point to nothing.
            unsafe impl DeviceCopy for $ty {}
        )*};
    }

    /// Types that hold nothing but values of their parameter.
    #[cfg(any(feature = "mint", feature = "num-complex", feature = "vek"))]
    macro_rules! device_copy_generic {
        ($($ty:ident)*) => {$(
            // SAFETY: nothing but values that are `DeviceCopy`.
            unsafe impl<T: DeviceCopy> DeviceCopy for $ty<T> {}
        )*};
    }

    macro_rules! device_copy_tuples {
        ($(($($parameter:ident)*))*) => {$(
            // SAFETY: nothing but values that are `DeviceCopy`.
            unsafe impl<$($parameter: DeviceCopy),*> DeviceCopy for ($($parameter,)*) {}
        )*};
    }

    device_copy! {
        () bool char f32 f64
        i8 i16 i32 i64 i128 isize
        u8 u16 u32 u64 u128 usize
        NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroI128 NonZeroIsize
        NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroU128 NonZeroUsize
    }
    device_copy_tuples! {
        (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
    }
    // SAFETY: nothing but values that are `DeviceCopy`.
    unsafe impl<T: DeviceCopy> DeviceCopy for Option<T> {}
    // SAFETY: as above.
    unsafe impl<T: DeviceCopy, E: DeviceCopy> DeviceCopy for Result<T, E> {}
    // SAFETY: as above.
    unsafe impl<T: DeviceCopy> DeviceCopy for Wrapping<T> {}
    // SAFETY: as above.
    unsafe impl<T: DeviceCopy, const N: usize> DeviceCopy for [T; N] {}
    // SAFETY: it has no bytes.
    unsafe impl<T: DeviceCopy> DeviceCopy for PhantomData<T> {}
    // SAFETY: it has no bytes.
    unsafe impl DeviceCopy for PhantomData<&()> {}

    #[cfg(feature = "glam")]
    mod glam_types {
        use super::DeviceCopy;
        use glam::*;

        device_copy! {
            Vec2 Vec3 Vec3A Vec4 Quat Mat2 Mat3 Mat3A Mat4 Affine2 Affine3A
            DVec2 DVec3 DVec4 DQuat DMat2 DMat3 DMat4 DAffine2 DAffine3
            I8Vec2 I8Vec3 I8Vec4 I16Vec2 I16Vec3 I16Vec4 IVec2 IVec3 IVec4 I64Vec2 I64Vec3 I64Vec4
            U8Vec2 U8Vec3 U8Vec4 U16Vec2 U16Vec3 U16Vec4 UVec2 UVec3 UVec4 U64Vec2 U64Vec3 U64Vec4
            USizeVec2 USizeVec3 USizeVec4 BVec2 BVec3 BVec4
        }
    }

    #[cfg(feature = "half")]
    device_copy! { half::f16 half::bf16 }

    #[cfg(feature = "mint")]
    mod mint_types {
        use super::DeviceCopy;
        use mint::*;

        device_copy_generic! {
            Vector2 Vector3 Vector4 Point2 Point3 Quaternion
            ColumnMatrix2 ColumnMatrix2x3 ColumnMatrix3 ColumnMatrix3x4 ColumnMatrix4
            RowMatrix2 RowMatrix2x3 RowMatrix3 RowMatrix3x4 RowMatrix4
        }
    }

    #[cfg(feature = "num-complex")]
    use num_complex::Complex;
    #[cfg(feature = "num-complex")]
    device_copy_generic! { Complex }

    #[cfg(feature = "vek")]
    mod vek_types {
        use super::DeviceCopy;
        use vek::*;

        device_copy_generic! {
            Vec2 Vec3 Vec4 Extent2 Extent3 Mat2 Mat3 Mat4 CubicBezier2 CubicBezier3 Quaternion
        }
    }
}
