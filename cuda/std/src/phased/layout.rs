//! How a tile's elements are counted, and where each lies.

use core::marker::PhantomData;

/// How a tile's elements are counted, and where each lies in its array.
///
/// # Safety
///
/// - [`place`](Layout::place) and [`place_of`](Layout::place_of) are below
///   [`N_PLACES`](Layout::N_PLACES), and two elements have two places.
pub unsafe trait Layout {
    /// What names an element.
    type Index: Copy;
    /// Elements of the tile.
    const N: usize;
    /// Elements of the array that it lies in.
    const N_PLACES: usize;
    /// The index of element `n`, which is below `N`.
    fn index(n: usize) -> Self::Index;
    /// Where element `n`, which is below `N`, lies.
    fn place_of(n: usize) -> usize;
    /// Where the element of an index lies; `None` if there is none.
    fn place(idx: Self::Index) -> Option<usize>;
}

/// `N` elements in a line.
pub struct Line<const N: usize>(PhantomData<()>);

// SAFETY: an element's place is its index.
unsafe impl<const N: usize> Layout for Line<N> {
    type Index = usize;
    const N: usize = N;
    const N_PLACES: usize = N;

    #[inline(always)]
    fn index(n: usize) -> usize {
        n
    }

    #[inline(always)]
    fn place_of(n: usize) -> usize {
        n
    }

    #[inline(always)]
    fn place(idx: usize) -> Option<usize> {
        (idx < N).then_some(idx)
    }
}

/// `ROWS` times `COLUMNS` elements, each row `PITCH` elements behind the one before. Elements are
/// counted row by row.
pub struct Plane<const ROWS: usize, const COLUMNS: usize, const PITCH: usize>(PhantomData<()>);

// SAFETY: a row is no longer than the pitch, so no two elements have the same place.
unsafe impl<const ROWS: usize, const COLUMNS: usize, const PITCH: usize> Layout
    for Plane<ROWS, COLUMNS, PITCH>
{
    type Index = (usize, usize);
    const N: usize = ROWS * COLUMNS;
    const N_PLACES: usize = {
        assert!(COLUMNS <= PITCH, "a row of a tile is longer than its pitch");
        ROWS * PITCH
    };

    #[inline(always)]
    fn index(n: usize) -> (usize, usize) {
        (n / COLUMNS, n % COLUMNS)
    }

    #[inline(always)]
    fn place_of(n: usize) -> usize {
        n / COLUMNS * PITCH + n % COLUMNS
    }

    #[inline(always)]
    fn place((row, column): (usize, usize)) -> Option<usize> {
        (row < ROWS && column < COLUMNS).then_some(row * PITCH + column)
    }
}
