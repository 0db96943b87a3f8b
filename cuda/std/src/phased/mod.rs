//! Shared memory whose types know what may be done with it: written by its owners, published by a
//! barrier, then read by all.
//!
//! A tile passes through three states, each a type of its own, and what a state does not allow does
//! not compile:
//!
//! ```text
//!   phased_tile!            fill              publish
//!  -------------> Empty ---------> Writable ----------> Readable
//!                                      ^                   |
//!                                      +-------------------+
//!                                              reuse
//! ```
//!
//! - [`Empty`] holds nothing yet. [`Empty::fill`] has every element written by the thread that owns
//!   it: element `i` belongs to thread `i` modulo the block's threads.
//! - [`Writable`]: each thread reads and writes its own elements.
//! - [`Readable`]: every thread reads every element, by index or as a slice, and none writes.
//!
//! Both changes between reading and writing are barriers. Their one duty is that all threads of the
//! block get there, which is what remains `unsafe`; so is making a tile, since evaluating
//! [`phased_tile!`](crate::phased_tile) twice in the same place gives the same memory twice.
//!
//! ```
//! use cuda_std::phased_tile;
//! use cuda_std::prelude::*;
//!
//! /// Reverses each block of 256 elements; those past the end count as zeros.
//! #[kernel]
//! pub fn reverse(x: &[f32], mut y: PerThread<f32>) {
//!     let block_start = 256 * thread::block_idx_x() as usize;
//!     // SAFETY: evaluated once.
//!     let tile = unsafe { phased_tile![f32; 256] };
//!     let tile = tile.fill(|i| x.get(block_start + i).copied().unwrap_or(0.0));
//!     // SAFETY: every thread of the block gets here.
//!     let tile = unsafe { tile.publish() };
//!     if let Some(y) = y.get_mut() {
//!         *y = tile[255 - thread::thread_idx_x() as usize];
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! The loop over a thread's own elements is gone where the compiler knows the number of threads: after
//! `if Block::this().size() != 256 { return; }`, say.

mod layout;

use core::marker::PhantomData;
use core::ops::Index;

pub use layout::{Layout, Line, Plane};

use crate::groups::Block;
use crate::thread;

/// An [`Empty`] tile of shared memory, one for each place where this is written:
///
/// - `phased_tile![T; N]`: `N` elements, indexed by `usize` ([`Line`]).
/// - `phased_tile![T; ROWS, COLUMNS]`: indexed by `(row, column)` ([`Plane`]).
/// - `phased_tile![T; ROWS, COLUMNS; pitch PITCH]`: the same with `PITCH` elements from one row to the
///   next. An odd one lets the lanes of a warp read a column without bank conflicts.
///
/// It is an `unsafe` expression.
///
/// # Safety
///
/// - It is evaluated once by each thread of a launch; or all threads of the block have dropped the
///   tile that it gave before, and passed a barrier since.
#[macro_export]
macro_rules! phased_tile {
    ($element:ty; $n:expr) => {
        $crate::phased_tile!(@in $element, $crate::phased::Line<{ $n }>)
    };
    ($element:ty; $rows:expr, $columns:expr) => {
        $crate::phased_tile!($element; $rows, $columns; pitch $columns)
    };
    ($element:ty; $rows:expr, $columns:expr; pitch $pitch:expr) => {
        $crate::phased_tile!(@in $element, $crate::phased::Plane<{ $rows }, { $columns }, { $pitch }>)
    };
    (@in $element:ty, $layout:ty) => {
        $crate::phased::Empty::<$element, $layout>::from_shared(
            $crate::shared_array![$element; <$layout as $crate::phased::Layout>::N_PLACES],
        )
    };
}

/// What shared memory can hold for all threads: a value without owner.
pub trait Element: Copy + Send + Sync + 'static {}

impl<T: Copy + Send + Sync + 'static> Element for T {}

/// A tile, in whichever state.
struct Memory<T, L> {
    start: *mut T,
    _layout: PhantomData<L>,
}

impl<T: Element, L: Layout> Memory<T, L> {
    /// Calls `f` with the index and the place of each element that this thread owns.
    #[inline(always)]
    fn for_own(&self, mut f: impl FnMut(L::Index, *mut T)) {
        let block = Block::this();
        let mut n = block.rank() as usize;
        while n < L::N {
            let idx = L::index(n);
            // The place is within the array: `Layout` promises it for all of its indices.
            f(idx, self.start.wrapping_add(L::place_of(n)));
            n += block.size() as usize;
        }
    }

    #[inline(always)]
    fn place(&self, idx: L::Index) -> Option<*mut T> {
        Some(self.start.wrapping_add(L::place(idx)?))
    }
}

/// A tile that nothing was written to.
pub struct Empty<T, L>(Memory<T, L>);

/// A tile of which each thread reads and writes its own elements.
pub struct Writable<T, L>(Memory<T, L>);

/// A tile of which every thread reads every element.
pub struct Readable<T, L>(Memory<T, L>);

impl<T: Element, L: Layout> Empty<T, L> {
    /// The tile in an array of shared memory; [`phased_tile!`](crate::phased_tile) calls it.
    ///
    /// # Safety
    ///
    /// - `start` is that of [`Layout::N_PLACES`] elements of shared memory, the same in all threads of
    ///   the block, which nothing but this tile reaches.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn from_shared(start: *mut T) -> Empty<T, L> {
        Empty(Memory {
            start,
            _layout: PhantomData,
        })
    }

    /// Writes `value(index)` to each element that this thread owns.
    #[inline(always)]
    pub fn fill(self, mut value: impl FnMut(L::Index) -> T) -> Writable<T, L> {
        self.0.for_own(|idx, place| {
            let value = value(idx);
            // SAFETY: an element of the tile, which this thread alone owns.
            unsafe { place.write(value) }
        });
        Writable(self.0)
    }
}

impl<T: Element, L: Layout> Writable<T, L> {
    /// Writes `value(index)` to each element that this thread owns.
    #[inline(always)]
    pub fn fill(&mut self, mut value: impl FnMut(L::Index) -> T) {
        self.update(|idx, element| *element = value(idx));
    }

    /// Calls `f` with the index of each element that this thread owns, and the element.
    #[inline(always)]
    pub fn update(&mut self, mut f: impl FnMut(L::Index, &mut T)) {
        self.0.for_own(|idx, place| {
            // SAFETY: an element of the tile, which this thread alone owns, and which it has filled or
            // got from a tile that was readable.
            f(idx, unsafe { &mut *place });
        });
    }

    /// Waits until all threads of the block have written their elements: now every thread may read
    /// every element.
    ///
    /// # Safety
    ///
    /// - Every thread of the block calls it on the same tile: the branches on the way here do not
    ///   depend on the thread, and none has exited.
    #[inline(always)]
    pub unsafe fn publish(self) -> Readable<T, L> {
        // SAFETY: the caller's promise.
        unsafe { publish(self) }
    }
}

impl<T: Element, L: Layout> Readable<T, L> {
    /// Where the tile begins: at a multiple of 16 bytes.
    #[inline(always)]
    pub fn as_ptr(&self) -> *const T {
        self.0.start
    }

    /// An element; `None` if there is none of this index.
    #[inline(always)]
    pub fn get(&self, idx: L::Index) -> Option<&T> {
        let place = self.0.place(idx)?;
        // SAFETY: an element of the tile, written before the barrier; no thread writes while this one
        // borrows, since all of them must pass another barrier first.
        Some(unsafe { &*place })
    }

    /// Waits until all threads of the block have read what they wanted: now each may write its own
    /// elements again, which still hold what they held.
    ///
    /// # Safety
    ///
    /// - Every thread of the block calls it on the same tile: the branches on the way here do not
    ///   depend on the thread, and none has exited.
    #[inline(always)]
    pub unsafe fn reuse(self) -> Writable<T, L> {
        // SAFETY: the caller's promise.
        unsafe { reuse(self) }
    }
}

impl<T: Element, const N: usize> Readable<T, Line<N>> {
    /// All elements.
    #[inline(always)]
    pub fn elements(&self) -> &[T; N] {
        // SAFETY: as for `get`; a line is an array.
        unsafe { &*self.0.start.cast::<[T; N]>() }
    }
}

impl<T: Element, const ROWS: usize, const COLUMNS: usize, const PITCH: usize>
    Readable<T, Plane<ROWS, COLUMNS, PITCH>>
{
    /// A row; `None` if there is none of this index.
    #[inline(always)]
    pub fn row(&self, row: usize) -> Option<&[T; COLUMNS]> {
        let place = self.0.place((row, 0))?;
        // SAFETY: as for `get`; a row's elements lie side by side.
        Some(unsafe { &*place.cast::<[T; COLUMNS]>() })
    }
}

impl<T: Element, L: Layout> Index<L::Index> for Readable<T, L> {
    type Output = T;

    #[inline(always)]
    fn index(&self, idx: L::Index) -> &T {
        match self.get(idx) {
            Some(element) => element,
            None => panic!("an index is past the end of a shared tile"),
        }
    }
}

/// One tile or several ones that are published by one barrier: see [`publish`].
pub trait Publish {
    /// The same tiles, readable.
    type Published;
    #[doc(hidden)]
    fn published(self) -> Self::Published;
}

/// One tile or several ones that become writable by one barrier: see [`reuse`].
pub trait Reuse {
    /// The same tiles, writable.
    type Reused;
    #[doc(hidden)]
    fn reused(self) -> Self::Reused;
}

/// Publishes a tile, or a tuple of tiles, by one barrier: see [`Writable::publish`].
///
/// # Safety
///
/// - Every thread of the block calls it on the same tiles: the branches on the way here do not depend
///   on the thread, and none has exited.
#[inline(always)]
pub unsafe fn publish<P: Publish>(tiles: P) -> P::Published {
    // Makes the owners' writes to the tiles visible to all threads' reads.
    thread::sync_threads();
    tiles.published()
}

/// Makes a tile, or a tuple of tiles, writable by one barrier: see [`Readable::reuse`].
///
/// # Safety
///
/// - Every thread of the block calls it on the same tiles: the branches on the way here do not depend
///   on the thread, and none has exited.
#[inline(always)]
pub unsafe fn reuse<R: Reuse>(tiles: R) -> R::Reused {
    // Keeps the owners' next writes behind all threads' reads.
    thread::sync_threads();
    tiles.reused()
}

impl<T: Element, L: Layout> Publish for Writable<T, L> {
    type Published = Readable<T, L>;

    #[inline(always)]
    fn published(self) -> Readable<T, L> {
        Readable(self.0)
    }
}

impl<T: Element, L: Layout> Reuse for Readable<T, L> {
    type Reused = Writable<T, L>;

    #[inline(always)]
    fn reused(self) -> Writable<T, L> {
        Writable(self.0)
    }
}

macro_rules! tuples {
    ($($($tile:ident),*;)*) => {$(
        impl<$($tile: Publish),*> Publish for ($($tile,)*) {
            type Published = ($($tile::Published,)*);

            #[inline(always)]
            fn published(self) -> Self::Published {
                #[allow(non_snake_case)]
                let ($($tile,)*) = self;
                ($($tile.published(),)*)
            }
        }

        impl<$($tile: Reuse),*> Reuse for ($($tile,)*) {
            type Reused = ($($tile::Reused,)*);

            #[inline(always)]
            fn reused(self) -> Self::Reused {
                #[allow(non_snake_case)]
                let ($($tile,)*) = self;
                ($($tile.reused(),)*)
            }
        }
    )*};
}

tuples! {
    A, B;
    A, B, C;
    A, B, C, D;
}
