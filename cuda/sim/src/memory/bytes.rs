//! Raw bytes that many threads read and write: all unsafe code of the simulated memory.
//!
//! Kernels race, some by mistake and some on purpose. So no reference to the bytes is ever made:
//! every access is an atomic one of its own size, relaxed where the kernel asked for no order. A
//! race of a kernel is then a race in the simulated memory and not in the simulator.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// An integer that memory is read and written as in one piece.
pub(crate) trait Word: Copy + Eq {
    /// Loads without order.
    ///
    /// # Safety
    /// - `pointer` is aligned for `Self` and valid for reads and writes of it.
    /// - No reference to these bytes exists.
    unsafe fn load(pointer: *mut Self) -> Self;
    /// Stores without order.
    ///
    /// # Safety
    /// As for [`Word::load`].
    unsafe fn store(pointer: *mut Self, value: Self);
    /// Replaces the value by what `update` makes of it, in one step; returns the old value.
    ///
    /// # Safety
    /// As for [`Word::load`].
    unsafe fn update(pointer: *mut Self, update: impl FnMut(Self) -> Self) -> Self;
}

macro_rules! word {
    ($($word:ty, $atomic:ty;)*) => {$(
        impl Word for $word {
            #[inline(always)]
            unsafe fn load(pointer: *mut Self) -> Self {
                // SAFETY: The caller promises an aligned, valid pointer that nothing refers to.
                unsafe { <$atomic>::from_ptr(pointer) }.load(Ordering::Relaxed)
            }
            #[inline(always)]
            unsafe fn store(pointer: *mut Self, value: Self) {
                // SAFETY: The caller promises an aligned, valid pointer that nothing refers to.
                unsafe { <$atomic>::from_ptr(pointer) }.store(value, Ordering::Relaxed);
            }
            #[inline(always)]
            unsafe fn update(pointer: *mut Self, mut update: impl FnMut(Self) -> Self) -> Self {
                // SAFETY: The caller promises an aligned, valid pointer that nothing refers to.
                let atomic = unsafe { <$atomic>::from_ptr(pointer) };
                let mut old = atomic.load(Ordering::SeqCst);
                while let Err(now) =
                    atomic.compare_exchange_weak(old, update(old), Ordering::SeqCst, Ordering::SeqCst)
                {
                    old = now;
                }
                old
            }
        }
    )*};
}

word! {
    u8, AtomicU8;
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
}

/// Orders the atomics of 128 bits, which stable Rust has none for.
static WIDE_ATOMICS: Mutex<()> = Mutex::new(());

/// A run of bytes, owned or lent by the host program.
pub(super) struct Bytes {
    pointer: NonNull<u8>,
    size: u64,
    /// What to give back; nothing for memory of the host program.
    layout: Option<Layout>,
}

// SAFETY: The bytes are only touched through atomics, and the pointer itself never changes.
unsafe impl Send for Bytes {}
// SAFETY: The bytes are only touched through atomics, and the pointer itself never changes.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// Zeroes, which the system hands out page by page when they are touched first. None if it has
    /// not that much, or if `size` is zero.
    pub(super) fn zeroed(size: u64, alignment: usize) -> Option<Self> {
        let layout = Layout::from_size_align(usize::try_from(size).ok()?, alignment).ok()?;
        if layout.size() == 0 {
            return None;
        }
        // SAFETY: The layout's size is not zero.
        let pointer = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self {
            pointer,
            size,
            layout: Some(layout),
        })
    }

    /// Memory of the host program.
    ///
    /// # Safety
    /// - `pointer` is valid for reads and writes of `size` bytes until this value is dropped.
    /// - Meanwhile the host program makes no access to them that races with a kernel's.
    pub(super) unsafe fn lent(pointer: NonNull<u8>, size: u64) -> Self {
        Self {
            pointer,
            size,
            layout: None,
        }
    }

    /// Where the bytes are on the host.
    pub(super) fn address(&self) -> u64 {
        self.pointer.as_ptr().expose_provenance() as u64
    }

    /// The place of a word; fails if it is not inside or not aligned.
    #[inline(always)]
    fn at<T: Word>(&self, offset: u64) -> *mut T {
        let end = offset.checked_add(size_of::<T>() as u64);
        assert!(
            end.is_some_and(|end| end <= self.size),
            "{} bytes at {offset} are not in {} bytes",
            size_of::<T>(),
            self.size
        );
        // SAFETY: The offset is inside of the bytes, as was just checked.
        let pointer = unsafe { self.pointer.as_ptr().add(offset as usize) };
        assert!(
            pointer.addr().is_multiple_of(size_of::<T>()),
            "{} bytes at {offset} are not aligned",
            size_of::<T>()
        );
        pointer.cast()
    }

    /// Loads a word. Its place must be inside and aligned: the caller has checked it.
    #[inline(always)]
    pub(super) fn load<T: Word>(&self, offset: u64) -> T {
        // SAFETY: `at` has checked the place, and nothing ever refers to the bytes.
        unsafe { T::load(self.at(offset)) }
    }

    /// Stores a word. Its place must be inside and aligned: the caller has checked it.
    #[inline(always)]
    pub(super) fn store<T: Word>(&self, offset: u64, value: T) {
        // SAFETY: `at` has checked the place, and nothing ever refers to the bytes.
        unsafe { T::store(self.at(offset), value) }
    }

    /// Loads a word without a look at its place.
    ///
    /// # Safety
    /// `offset + size_of::<T>()` is at most the size, and the word at `offset` is aligned.
    #[inline(always)]
    pub(super) unsafe fn load_unchecked<T: Word>(&self, offset: u64) -> T {
        debug_assert_eq!(self.at::<T>(offset).addr() % size_of::<T>(), 0);
        // SAFETY: The caller promises that the place is inside and aligned; nothing ever refers to
        // the bytes.
        unsafe { T::load(self.pointer.as_ptr().add(offset as usize).cast()) }
    }

    /// Stores a word without a look at its place.
    ///
    /// # Safety
    /// As for [`Bytes::load_unchecked`].
    #[inline(always)]
    pub(super) unsafe fn store_unchecked<T: Word>(&self, offset: u64, value: T) {
        debug_assert_eq!(self.at::<T>(offset).addr() % size_of::<T>(), 0);
        // SAFETY: The caller promises that the place is inside and aligned; nothing ever refers to
        // the bytes.
        unsafe { T::store(self.pointer.as_ptr().add(offset as usize).cast(), value) }
    }

    /// Replaces a word by what `update` makes of it, in one step; returns the old word.
    #[inline]
    pub(super) fn update<T: Word>(&self, offset: u64, update: impl FnMut(T) -> T) -> T {
        // SAFETY: `at` has checked the place, and nothing ever refers to the bytes.
        unsafe { T::update(self.at(offset), update) }
    }

    /// As [`Bytes::update`] for 16 bytes. In one step for other updates of 16 bytes; a smaller
    /// access may see one half of it.
    pub(super) fn update_wide(&self, offset: u64, update: impl FnOnce(u128) -> u128) -> u128 {
        let _guard = WIDE_ATOMICS
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        let low: u64 = self.load(offset);
        let high: u64 = self.load(offset + 8);
        let old = u128::from(high) << 64 | u128::from(low);
        let new = update(old);
        self.store(offset, new as u64);
        self.store(offset + 8, (new >> 64) as u64);
        old
    }

    /// The bytes before the first aligned 8, and how many times 8 follow.
    fn split(&self, offset: u64, bytes: usize) -> (usize, usize) {
        let head = (self.address() + offset).next_multiple_of(8) - (self.address() + offset);
        let head = bytes.min(head as usize);
        (head, (bytes - head) / 8)
    }

    /// Reads `bytes.len()` bytes. They must be inside.
    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) {
        let (head, words) = self.split(offset, bytes.len());
        let (start, rest) = bytes.split_at_mut(head);
        let (middle, end) = rest.split_at_mut(8 * words);
        for (byte, at) in start.iter_mut().zip(offset..) {
            *byte = self.load(at);
        }
        let offset = offset + head as u64;
        for (word, at) in middle.chunks_exact_mut(8).zip((offset..).step_by(8)) {
            word.copy_from_slice(&self.load::<u64>(at).to_ne_bytes());
        }
        for (byte, at) in end.iter_mut().zip(offset + 8 * words as u64..) {
            *byte = self.load(at);
        }
    }

    /// Writes `bytes`. They must be inside.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) {
        let (head, words) = self.split(offset, bytes.len());
        let (start, rest) = bytes.split_at(head);
        let (middle, end) = rest.split_at(8 * words);
        for (&byte, at) in start.iter().zip(offset..) {
            self.store(at, byte);
        }
        let offset = offset + head as u64;
        for (word, at) in middle.as_chunks::<8>().0.iter().zip((offset..).step_by(8)) {
            self.store(at, u64::from_ne_bytes(*word));
        }
        for (&byte, at) in end.iter().zip(offset + 8 * words as u64..) {
            self.store(at, byte);
        }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        if let Some(layout) = self.layout {
            // SAFETY: The bytes came from the allocator with this layout, and nobody else has them.
            unsafe { dealloc(self.pointer.as_ptr(), layout) };
        }
    }
}
