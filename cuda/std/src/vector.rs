//! Several elements that are loaded and stored at once: 8 or 16 bytes in one instruction.
//!
//! Beyond Rust-CUDA. A slice becomes a slice of vectors by [`as_vectors`], an output by
//! [`PerThread::into_vectors`](crate::output::PerThread::into_vectors); each says no where the
//! memory is not aligned.

/// Elements side by side, aligned as a whole.
///
/// # Safety
///
/// - The type is [`Vector::N`] elements and nothing else, and every bit pattern that is valid for
///   the elements is valid for it.
pub unsafe trait Vector: Copy {
    /// What it is made of.
    type Element: Copy;
    /// How many there are.
    const N: usize;
}

/// Two elements of 4 bytes: 8 bytes at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C, align(8))]
pub struct Vec2<T>(pub [T; 2]);

/// Four elements of 4 bytes: 16 bytes at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C, align(16))]
pub struct Vec4<T>(pub [T; 4]);

macro_rules! vectors {
    ($($name:ident = $vector:ident<$element:ty>, $n:literal;)*) => {$(
        #[doc = concat!("`", stringify!($n), "` of `", stringify!($element), "`.")]
        pub type $name = $vector<$element>;

        // SAFETY: `repr(C)` around an array whose size is a multiple of the alignment.
        unsafe impl Vector for $vector<$element> {
            type Element = $element;
            const N: usize = $n;
        }
        const _: () = assert!(size_of::<$name>() == $n * size_of::<$element>());
    )*};
}

vectors! {
    F32x2 = Vec2<f32>, 2;
    F32x4 = Vec4<f32>, 4;
    I32x2 = Vec2<i32>, 2;
    I32x4 = Vec4<i32>, 4;
    U32x2 = Vec2<u32>, 2;
    U32x4 = Vec4<u32>, 4;
}

/// The same elements as vectors; `None` if `slice` does not begin at a vector's alignment or is not
/// a whole number of vectors.
#[inline(always)]
pub fn as_vectors<V: Vector>(slice: &[V::Element]) -> Option<&[V]> {
    let start = slice.as_ptr().cast::<V>();
    if !slice.len().is_multiple_of(V::N) || !start.is_aligned() {
        return None;
    }
    // SAFETY: a vector is `V::N` elements side by side; the start is aligned and the length whole.
    Some(unsafe { core::slice::from_raw_parts(start, slice.len() / V::N) })
}
