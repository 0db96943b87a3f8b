//! The arguments of the driver's functions, as the simulator's take them.

use std::ffi::CStr;
use std::ffi::c_char;
use std::ptr::{self, NonNull};

use cust_raw::cudaError_enum::CUDA_ERROR_INVALID_VALUE;

use super::refusal::Refusal;

/// Makes an argument of one of the simulator's functions from the one that crossed the boundary.
pub(crate) trait Argument<Raw>: Sized {
    /// Takes the argument over.
    ///
    /// # Safety
    ///
    /// A pointer is null, or valid during the call for what the function does with it.
    unsafe fn take(raw: Raw) -> Result<Self, Refusal>;
}

impl<T> Argument<T> for T {
    unsafe fn take(raw: T) -> Result<T, Refusal> {
        Ok(raw)
    }
}

/// Where a function leaves a result; it need not be aligned. Null never becomes one: it is refused
/// before the function runs.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<T> Out<T> {
    /// Leaves the result there.
    pub(crate) fn set(&self, value: T) {
        // SAFETY: Whoever made this vouched that it can be written to.
        unsafe { self.0.write_unaligned(value) };
    }

    /// Leaves the first element of a result there; the rest follows by [`Self::set_at`].
    ///
    /// # Safety
    ///
    /// The place is the start of an array that has this index.
    pub(crate) unsafe fn set_at(&self, index: usize, value: T) {
        // SAFETY: The caller vouches for the index, and whoever made this for the array.
        unsafe { self.0.add(index).write_unaligned(value) };
    }

    /// What is there now.
    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: Places are the caller's variables, which the contracts of the functions that
        // look at them want initialized.
        unsafe { self.0.read_unaligned() }
    }

    /// The pointer.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Argument<*mut T> for Out<T> {
    unsafe fn take(raw: *mut T) -> Result<Self, Refusal> {
        Ok(Self(NonNull::new(raw).ok_or(CUDA_ERROR_INVALID_VALUE)?))
    }
}

impl<T> Argument<*mut T> for Option<Out<T>> {
    unsafe fn take(raw: *mut T) -> Result<Self, Refusal> {
        Ok(NonNull::new(raw).map(Out))
    }
}

/// An object that lives elsewhere, by its number: what the caller has as an opaque pointer. It is
/// looked up in a table and never followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub(crate) struct Handle(pub(crate) usize);

impl Handle {
    /// The handle that is none.
    pub(crate) const NULL: Self = Self(0);

    /// As the caller gets it.
    pub(crate) fn pointer<T>(self) -> *mut T {
        ptr::without_provenance_mut(self.0)
    }
}

impl<T> Argument<*mut T> for Handle {
    unsafe fn take(raw: *mut T) -> Result<Self, Refusal> {
        Ok(Self(raw.addr()))
    }
}

/// The most bytes of a list.
const MOST_BYTES: usize = 1 << 31;

/// Something to read: one object or the first of an array. Null is refused before the function
/// runs.
pub(crate) struct In<T>(NonNull<T>);

impl<T> In<T> {
    /// The pointer.
    pub(crate) fn as_ptr(&self) -> *const T {
        self.0.as_ptr()
    }

    /// Some elements of an array.
    ///
    /// # Errors
    ///
    /// There cannot be as many: they are more than any list that a caller has.
    ///
    /// # Safety
    ///
    /// There are as many, and each is a valid `U`, as which they are read.
    pub(crate) unsafe fn array<U: Copy>(&self, count: usize) -> Result<Vec<U>, Refusal> {
        let bytes = count.checked_mul(size_of::<U>());
        if bytes.is_none_or(|bytes| bytes > MOST_BYTES) {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        let first = self.as_ptr().cast::<U>();
        // SAFETY: The caller vouches for the array. Its alignment need not be that of `U`.
        Ok((0..count)
            .map(|index| unsafe { first.add(index).read_unaligned() })
            .collect())
    }
}

impl<T> Argument<*const T> for In<T> {
    unsafe fn take(raw: *const T) -> Result<Self, Refusal> {
        // SAFETY: The caller's duty is the same.
        unsafe { Self::take(raw.cast_mut()) }
    }
}

impl<T> Argument<*mut T> for In<T> {
    unsafe fn take(raw: *mut T) -> Result<Self, Refusal> {
        Ok(Self(NonNull::new(raw).ok_or(CUDA_ERROR_INVALID_VALUE)?))
    }
}

impl<T> Argument<*const T> for Option<In<T>> {
    unsafe fn take(raw: *const T) -> Result<Self, Refusal> {
        Ok(NonNull::new(raw.cast_mut()).map(In))
    }
}

impl<T> Argument<*mut T> for Option<In<T>> {
    unsafe fn take(raw: *mut T) -> Result<Self, Refusal> {
        Ok(NonNull::new(raw).map(In))
    }
}

/// A name or a path, copied.
pub(crate) struct Text(pub(crate) String);

impl Argument<*const c_char> for Text {
    unsafe fn take(raw: *const c_char) -> Result<Self, Refusal> {
        if raw.is_null() {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        // SAFETY: The caller vouches for a text that ends in a zero byte.
        let text = unsafe { CStr::from_ptr(raw) };
        Ok(Self(text.to_string_lossy().into_owned()))
    }
}
