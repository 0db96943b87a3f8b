//! Where a kernel writes: handles that stand in for a mutable slice, which threads cannot share.
//!
//! Beyond Rust-CUDA: there a kernel writes through a `*mut T`, which works here too.

use core::marker::PhantomData;

use crate::thread;
use crate::vector::Vector;

/// A slice of which each thread may write one element: that of its own index.
///
/// The index is that along x, as [`thread::index_1d`] has it; a thread whose index in block or grid
/// is not 0 along y or z gets nothing, so that no two threads ever get the same element.
pub struct PerThread<T> {
    start: *mut T,
    len: usize,
    _marker: PhantomData<*mut T>,
}

impl<T> PerThread<T> {
    /// A handle on `len` elements from `start`.
    ///
    /// # Safety
    ///
    /// - `start` is aligned and points to `len` live elements, which nothing but handles of this
    ///   launch, made of the same two values, accesses during the kernel.
    /// - A thread makes one such handle.
    #[inline(always)]
    pub unsafe fn from_raw_parts(start: *mut T, len: usize) -> PerThread<T> {
        PerThread {
            start,
            len,
            _marker: PhantomData,
        }
    }

    /// Elements of the whole slice.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the whole slice is empty.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// This thread's element; `None` for a thread past the end.
    #[inline(always)]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        let idx = own_index()?;
        if idx >= self.len {
            return None;
        }
        // SAFETY: the index is in bounds, and no other thread has it: it is unique along x, and
        // `own_index` turns away all threads but one row.
        Some(unsafe { &mut *self.start.add(idx) })
    }

    /// The same memory as vectors, so that a thread writes 8 or 16 bytes at once; gives the handle
    /// back if the slice is not aligned for them or not a whole number of them.
    ///
    /// # Safety
    ///
    /// - Every thread of the launch converts its handle likewise before it uses it: a vector is not
    ///   this thread's own while others hold its elements.
    #[inline(always)]
    pub unsafe fn into_vectors<V: Vector<Element = T>>(self) -> Result<PerThread<V>, PerThread<T>> {
        if !self.len.is_multiple_of(V::N) || !self.start.cast::<V>().is_aligned() {
            return Err(self);
        }
        // SAFETY: a vector is `V::N` elements side by side, and the start is aligned for it.
        Ok(unsafe { PerThread::from_raw_parts(self.start.cast(), self.len / V::N) })
    }

    /// The elements of a handle on vectors again.
    ///
    /// # Safety
    ///
    /// - As for [`PerThread::into_vectors`].
    #[inline(always)]
    pub unsafe fn into_elements(self) -> PerThread<T::Element>
    where
        T: Vector,
    {
        // SAFETY: a vector is `T::N` elements side by side.
        unsafe { PerThread::from_raw_parts(self.start.cast(), self.len * T::N) }
    }
}

/// The thread's index along x, if it is in the first row of threads.
#[inline(always)]
fn own_index() -> Option<usize> {
    let other_axes = thread::thread_idx_y()
        | thread::thread_idx_z()
        | thread::block_idx_y()
        | thread::block_idx_z();
    // In 64 bits: a grid may have more than 2^32 threads along x.
    let block_start = thread::block_idx_x() as usize * thread::block_dim_x() as usize;
    (other_axes == 0).then(|| block_start + thread::thread_idx_x() as usize)
}

/// A slice of which a thread may write any element, as long as no two threads touch the same:
/// for tiles and other shapes that [`PerThread`] does not have.
pub struct DisjointSlice<T> {
    start: *mut T,
    len: usize,
    _marker: PhantomData<*mut T>,
}

impl<T> DisjointSlice<T> {
    /// The same memory as vectors; gives the handle back if the slice is not aligned for them or
    /// not a whole number of them.
    #[inline(always)]
    pub fn into_vectors<V: Vector<Element = T>>(
        self,
    ) -> Result<DisjointSlice<V>, DisjointSlice<T>> {
        if !self.len.is_multiple_of(V::N) || !self.start.cast::<V>().is_aligned() {
            return Err(self);
        }
        // SAFETY: a vector is `V::N` elements side by side, and the start is aligned for it.
        Ok(unsafe { DisjointSlice::from_raw_parts(self.start.cast(), self.len / V::N) })
    }

    /// A handle on `len` elements from `start`.
    ///
    /// # Safety
    ///
    /// - `start` is aligned and points to `len` live elements, which nothing but handles of this
    ///   launch, made of the same two values, accesses during the kernel.
    #[inline(always)]
    pub unsafe fn from_raw_parts(start: *mut T, len: usize) -> DisjointSlice<T> {
        DisjointSlice {
            start,
            len,
            _marker: PhantomData,
        }
    }

    /// Elements of the slice.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the slice is empty.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slice's first element, for what the other methods do not reach.
    #[inline(always)]
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.start
    }

    /// Element `idx`; `None` past the end.
    ///
    /// # Safety
    ///
    /// - No other thread of the launch accesses element `idx`.
    #[inline(always)]
    pub unsafe fn get_mut(&mut self, idx: usize) -> Option<&mut T> {
        if idx >= self.len {
            return None;
        }
        // SAFETY: the index is in bounds, and the caller has the element for itself.
        Some(unsafe { &mut *self.start.add(idx) })
    }
}
