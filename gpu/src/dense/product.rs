//! Products 2 and 3: tiles of the operands in shared memory, squares of the output in registers.

use core::ops::Range;

use cuda_std::prelude::*;
use cuda_std::shared::{SharedPlace, SharedTile};
use cuda_std::vector::{F32x4, Vec4, as_vectors};
use cuda_std::warp::WARP_SIZE;

use super::{LARGE, N_THREADS, SMALL, Tiling};

/// A matrix in global memory, wherever its elements lie.
pub(crate) trait Source: Copy {
    /// For each of `places`, a row and a column that is a multiple of 4, the four elements that begin
    /// there; zeros past the edges.
    fn load<const N_QUADS: usize>(
        self,
        places: impl Fn(usize) -> (usize, usize),
    ) -> [F32x4; N_QUADS];
}

/// Where the elements of the output go.
pub(crate) trait Destination {
    /// Stores four elements of a row, from a column on that is a multiple of 4; those past the last
    /// column are left out.
    ///
    /// # Safety
    ///
    /// - No other thread of the launch accesses these four.
    unsafe fn store(&mut self, row: usize, column: usize, quad: F32x4);
}

/// A matrix whose rows lie one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    elements: &'a [f32],
    /// The same, if every row begins at 16 bytes.
    quads: Option<&'a [F32x4]>,
    n_rows: usize,
    n_columns: usize,
}

impl<'a> Matrix<'a> {
    /// Panics if `elements` is shorter than the shape.
    #[inline(always)]
    pub(crate) fn new(elements: &'a [f32], n_rows: u32, n_columns: u32) -> Matrix<'a> {
        let (n_rows, n_columns) = (n_rows as usize, n_columns as usize);
        let elements = &elements[..n_rows * n_columns];
        Matrix {
            elements,
            quads: as_vectors(elements).filter(|_| n_columns.is_multiple_of(4)),
            n_rows,
            n_columns,
        }
    }

    /// An element; 0 past the edges.
    #[inline(always)]
    pub(crate) fn element(self, row: usize, column: usize) -> f32 {
        if row < self.n_rows && column < self.n_columns {
            // SAFETY: inside the shape, and `new` has seen that all of it is there.
            unsafe { *self.elements.get_unchecked(row * self.n_columns + column) }
        } else {
            0.0
        }
    }

    /// Four elements of a row, from a column on that is a multiple of 4; zeros past the edges.
    #[inline(always)]
    pub(crate) fn quad(self, row: usize, column: usize) -> F32x4 {
        let [quad] = self.load(|_| (row, column));
        quad
    }
}

impl Source for Matrix<'_> {
    #[inline(always)]
    fn load<const N_QUADS: usize>(
        self,
        places: impl Fn(usize) -> (usize, usize),
    ) -> [F32x4; N_QUADS] {
        if let Some(quads) = self.quads {
            core::array::from_fn(|quad_idx| {
                let (row, column) = places(quad_idx);
                // A row is a whole number of quads, so a quad lies either inside or outside.
                if row < self.n_rows && column < self.n_columns {
                    let idx = row * (self.n_columns / 4) + column / 4;
                    // SAFETY: inside the shape, and `new` has seen that all of it is there.
                    unsafe { *quads.get_unchecked(idx) }
                } else {
                    F32x4::default()
                }
            })
        } else {
            core::array::from_fn(|quad_idx| {
                let (row, column) = places(quad_idx);
                Vec4(core::array::from_fn(|lane| {
                    if row < self.n_rows && column + lane < self.n_columns {
                        let idx = row * self.n_columns + column + lane;
                        // SAFETY: inside the shape, and `new` has seen that all of it is there.
                        unsafe { *self.elements.get_unchecked(idx) }
                    } else {
                        0.0
                    }
                }))
            })
        }
    }
}

/// One operand of the block's product: its matrix, and its tiles in shared memory, one per stage.
///
/// A tile is `[depth, side]`, whichever way the matrix lies, so that a thread finds four elements of
/// the output's side next to each other. If the depth runs along the matrix's rows
/// (`DEPTH_IN_ROWS`), a quad of global memory goes to four rows of the tile.
#[derive(Clone, Copy)]
struct Operand<S, const DEPTH_IN_ROWS: bool, const N: usize> {
    tiling: Tiling,
    g_matrix: S,
    /// Where the block's tiles begin on the side that is the output's.
    side_start: usize,
    s_tiles: SharedTile<f32, N>,
    /// Where the tile of stage 0 begins in `s_tiles`.
    tile_start: usize,
}

impl<S: Source, const DEPTH_IN_ROWS: bool, const N: usize> Operand<S, DEPTH_IN_ROWS, N> {
    /// Row (depth) and column (side) in the tile of the quad that this thread loads as `quad_idx`.
    #[inline(always)]
    fn own_quad(self, quad_idx: usize) -> (usize, usize) {
        let idx = thread::thread_idx_x() as usize + quad_idx * N_THREADS as usize;
        if DEPTH_IN_ROWS {
            let n_quads_of_row = self.tiling.depth / 4;
            (4 * (idx % n_quads_of_row), idx / n_quads_of_row)
        } else {
            let n_quads_of_row = self.tiling.side / 4;
            (idx / n_quads_of_row, 4 * (idx % n_quads_of_row))
        }
    }

    /// The place of element (`depth_idx`, `side_idx`) of a tile. The rest of its quad of rows, where
    /// `depth_idx` is a multiple of 4, lies `side` elements further on each.
    ///
    /// The lanes of a warp store quads of `128 / depth` rows of a matrix whose depth runs along its
    /// rows. Each of these goes to one column of the tile, and so all to few banks; that is why the
    /// columns are XORed with a number that spreads the `depth / 4` quads of a row over all banks. It
    /// is a multiple of 4, so that four columns stay together, and below 32.
    #[inline(always)]
    fn place(self, stage_start: usize, depth_idx: usize, side_idx: usize) -> SharedPlace<f32> {
        let Tiling { side, depth, .. } = self.tiling;
        let swizzle = if DEPTH_IN_ROWS {
            depth_idx / 4 * (4 * WARP_SIZE as usize / depth)
        } else {
            0
        };
        let column = side_idx ^ swizzle;
        self.s_tiles
            .place(self.tile_start + stage_start + depth_idx * side + column)
    }

    /// Loads this thread's share of the tile at `depth_start`.
    #[inline(always)]
    fn load<const N_QUADS: usize>(self, depth_start: usize) -> [F32x4; N_QUADS] {
        self.g_matrix.load(|quad_idx| {
            let (depth_idx, side_idx) = self.own_quad(quad_idx);
            let (depth_idx, side_idx) = (depth_start + depth_idx, self.side_start + side_idx);
            if DEPTH_IN_ROWS {
                (side_idx, depth_idx)
            } else {
                (depth_idx, side_idx)
            }
        })
    }

    /// Stores this thread's share of a tile.
    ///
    /// # Safety
    ///
    /// - No thread reads the stage's tile between the barriers before and after this.
    #[inline(always)]
    unsafe fn store<const N_QUADS: usize>(self, stage_start: usize, r_quads: [F32x4; N_QUADS]) {
        for (quad_idx, quad) in r_quads.iter().enumerate() {
            let (depth_idx, side_idx) = self.own_quad(quad_idx);
            let place = self.place(stage_start, depth_idx, side_idx);
            // SAFETY: `own_quad` gives each thread quads of its own inside the tile, and `place` gives
            // each element a place of its own.
            unsafe {
                if DEPTH_IN_ROWS {
                    for (step, element) in quad.0.iter().enumerate() {
                        place.write(step * self.tiling.side, *element);
                    }
                } else {
                    place.write(0, *quad);
                }
            }
        }
    }

    /// Reads row `depth_idx + step` of a tile at `N_QUADS` equally distant columns from `side_idx` on;
    /// `depth_idx` and `side_idx` are multiples of 4.
    ///
    /// # Safety
    ///
    /// - The stage's tile has been stored, and a barrier stands between that and this.
    #[inline(always)]
    unsafe fn read<const N_QUADS: usize>(
        self,
        stage_start: usize,
        depth_idx: usize,
        step: usize,
        side_idx: usize,
    ) -> [F32x4; N_QUADS] {
        let place = self.place(stage_start, depth_idx + step / 4 * 4, side_idx);
        core::array::from_fn(|quad_idx| {
            let distance = step % 4 * self.tiling.side + quad_idx * (self.tiling.side / N_QUADS);
            // SAFETY: inside the tile, and free of races by the caller's promise. The swizzle leaves
            // multiples of 32 columns alone.
            unsafe { place.read(distance) }
        })
    }
}

/// An output whose rows lie one after the other.
pub(crate) struct Output {
    elements: Elements,
    n_columns: usize,
}

/// Elements that threads write, four at a time where that is possible.
pub(crate) enum Elements {
    /// Every row begins at 16 bytes.
    Vectors(DisjointSlice<F32x4>),
    Single(DisjointSlice<f32>),
}

impl Elements {
    /// For rows of `n_columns`.
    #[inline(always)]
    pub(crate) fn new(elements: DisjointSlice<f32>, n_columns: usize) -> Elements {
        if !n_columns.is_multiple_of(4) {
            return Elements::Single(elements);
        }
        match elements.into_vectors() {
            Ok(vectors) => Elements::Vectors(vectors),
            Err(elements) => Elements::Single(elements),
        }
    }
}

impl Output {
    #[inline(always)]
    pub(crate) fn new(elements: DisjointSlice<f32>, n_columns: usize) -> Output {
        Output {
            elements: Elements::new(elements, n_columns),
            n_columns,
        }
    }
}

impl Destination for Output {
    #[inline(always)]
    unsafe fn store(&mut self, row: usize, column: usize, quad: F32x4) {
        let start = row * self.n_columns + column;
        match &mut self.elements {
            Elements::Vectors(vectors) => {
                // SAFETY: the caller has them for itself.
                if let Some(vector) = unsafe { vectors.get_mut(start / 4) } {
                    *vector = quad;
                }
            }
            Elements::Single(elements) => {
                for (lane, element) in quad.0.iter().enumerate() {
                    if lane < self.n_columns - column {
                        // SAFETY: the caller has them for itself.
                        if let Some(place) = unsafe { elements.get_mut(start + lane) } {
                            *place = *element;
                        }
                    }
                }
            }
        }
    }
}

/// What a thread computes: `N_QUADS` x `N_QUADS` squares of 4 x 4 elements, in registers.
type Sums<const N_QUADS: usize> = [[[[f32; 4]; 4]; N_QUADS]; N_QUADS];

/// A thread's place in its block's tile.
#[derive(Clone, Copy)]
struct Place {
    /// Which part of the depth it adds up.
    slice_idx: usize,
    /// The first row of its first square.
    row: usize,
    /// The first column of its first square.
    column: usize,
}

impl Place {
    /// A warp has 4 x 8 squares, so that its reads of a row of a tile are 4 and 8 quads side by side.
    #[inline(always)]
    fn of_this_thread(tiling: Tiling) -> Place {
        let thread_idx = thread::thread_idx_x() as usize;
        let n_threads_of_slice = N_THREADS as usize / tiling.n_slices();
        let warp_idx = thread_idx % n_threads_of_slice / WARP_SIZE as usize;
        let lane_idx = thread_idx % WARP_SIZE as usize;
        let n_warps_across = tiling.side / (4 * tiling.n_quads) / 8;
        Place {
            slice_idx: thread_idx / n_threads_of_slice,
            row: 4 * (warp_idx / n_warps_across * 4 + lane_idx / 8),
            column: 4 * (warp_idx % n_warps_across * 8 + lane_idx % 8),
        }
    }
}

/// Repeats a block for constants from 0 to 7: the compiler leaves a loop of this size as it is, and
/// would then wait for shared memory in each round.
macro_rules! eight_times {
    ($idx:ident => $body:block) => {
        eight_times!($idx => $body, 0 1 2 3 4 5 6 7)
    };
    ($idx:ident => $body:block, $($value:literal)*) => {
        $({
            const $idx: usize = $value;
            $body
        })*
    };
}

/// The sums over this thread's slice of the depth.
///
/// ```text
/// s_first, s_second = tiles 0                               (depth, side)
/// for each tile along D:
///     r_next = the following tiles                          (2 x n_quads, 4)
///     for d in this thread's slice of the depth:
///         r_sums += s_first[d, rows] ⊗ s_second[d, columns] (4 n_quads, 4 n_quads)
///     s_first, s_second of the other stage = r_next
/// ```
///
/// 1. One barrier per tile is enough: what is stored into a stage was last read before the barrier
///    in between.
/// 2. Zeros past the end of the depth add 0 · 0.
///
/// # Safety
///
/// - All threads of the block call this together, with the same arguments but `place`.
/// - The shared memory is not in use.
#[inline(always)]
unsafe fn accumulate<
    const FIRST_DEPTH_IN_ROWS: bool,
    const SECOND_DEPTH_IN_ROWS: bool,
    const N_QUADS: usize,
    const N: usize,
>(
    first: Operand<impl Source, FIRST_DEPTH_IN_ROWS, N>,
    second: Operand<impl Source, SECOND_DEPTH_IN_ROWS, N>,
    depth: Range<usize>,
    place: Place,
) -> Sums<N_QUADS> {
    let tiling = first.tiling;
    let slice_depth = tiling.depth / tiling.n_slices();
    let mut r_sums = [[[[0.0; 4]; 4]; N_QUADS]; N_QUADS]; // (n_quads, n_quads, 4, 4)
    let mut stage_start = 0;
    // SAFETY: the first stores of all.
    unsafe {
        first.store::<N_QUADS>(stage_start, first.load(depth.start));
        second.store::<N_QUADS>(stage_start, second.load(depth.start));
    }
    let mut depth_start = depth.start;
    while depth_start < depth.end {
        // Makes this stage's tiles, stored by all threads, visible to all. The other stage, which is
        // stored into next, has been read by all.
        thread::sync_threads();

        // Past the end of the depth these are zeros, which no one reads.
        depth_start += tiling.depth;
        let r_first: [F32x4; N_QUADS] = first.load(depth_start);
        let r_second: [F32x4; N_QUADS] = second.load(depth_start);

        let mut depth_idx = place.slice_idx * slice_depth;
        while depth_idx < (place.slice_idx + 1) * slice_depth {
            eight_times!(STEP => {
                // SAFETY: stored before the barrier above.
                let (r_rows, r_columns): ([F32x4; N_QUADS], [F32x4; N_QUADS]) = unsafe {
                    (
                        first.read(stage_start, depth_idx, STEP, place.row),
                        second.read(stage_start, depth_idx, STEP, place.column),
                    )
                }; // (n_quads, 4)
                for (r_sums, rows) in r_sums.iter_mut().zip(&r_rows) {
                    for (r_sums, columns) in r_sums.iter_mut().zip(&r_columns) {
                        for (r_sums, row) in r_sums.iter_mut().zip(&rows.0) {
                            for (sum, column) in r_sums.iter_mut().zip(&columns.0) {
                                *sum = row.mul_add(*column, *sum);
                            }
                        }
                    }
                }
            });
            depth_idx += 8;
        }

        stage_start = tiling.n_shared() / 2 - stage_start;
        // SAFETY: the other stage was last read before the barrier above.
        unsafe {
            first.store(stage_start, r_first);
            second.store(stage_start, r_second);
        }
    }
    r_sums
}

/// What a block computes.
pub(crate) struct Share {
    /// Its tile, counted along the output's rows.
    pub(crate) tile_idx: usize,
    /// Rows and columns of the output.
    pub(crate) output: [usize; 2],
    /// What it adds up. This may be a part of the operands' depth, if it ends at a whole number of tiles
    /// or where theirs ends.
    pub(crate) depth: Range<usize>,
}

/// Products 2 and 3: a block's tile of `output[R, C] = finish(first · second)`, where `finish` gets the
/// row and the column of the first of four elements of a row, and their sums.
///
/// Rows and columns past the edges are loaded as zeros and never stored.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, all of which call this, and no two blocks of the
///   launch have the same tile of the same output.
/// - `s_tiles` is not in use.
#[inline(always)]
pub(crate) unsafe fn product<
    const FIRST_DEPTH_IN_ROWS: bool,
    const SECOND_DEPTH_IN_ROWS: bool,
    const N_QUADS: usize,
    const N: usize,
>(
    tiling: Tiling,
    s_tiles: SharedTile<f32, N>,
    g_first: impl Source,
    g_second: impl Source,
    mut g_output: impl Destination,
    share: Share,
    finish: impl Fn(usize, usize, [f32; 4]) -> [f32; 4],
) {
    let Tiling { side, .. } = tiling;
    let Share {
        tile_idx,
        output: [n_rows, n_columns],
        depth,
    } = share;
    let n_column_tiles = n_columns.div_ceil(side).max(1);
    let row_start = tile_idx / n_column_tiles * side;
    let column_start = tile_idx % n_column_tiles * side;
    let place = Place::of_this_thread(tiling);
    let first = Operand::<_, FIRST_DEPTH_IN_ROWS, N> {
        tiling,
        g_matrix: g_first,
        side_start: row_start,
        s_tiles,
        tile_start: 0,
    };
    let second = Operand::<_, SECOND_DEPTH_IN_ROWS, N> {
        tiling,
        g_matrix: g_second,
        side_start: column_start,
        s_tiles,
        tile_start: tiling.n_elements(),
    };
    // SAFETY: all threads are here, and nothing has been stored into shared memory.
    let r_sums: Sums<N_QUADS> = unsafe { accumulate(first, second, depth, place) };

    // The sums go through shared memory, `side / n_quads` rows at a time: there the slices' are added,
    // and a warp then writes whole rows of the output.
    let n_part_rows = side / N_QUADS;
    for part_idx in 0..N_QUADS {
        // Before the tiles, or the part before, are overwritten, all threads have read them.
        thread::sync_threads();
        for (row_quad_idx, r_sums) in r_sums.iter().enumerate() {
            // Not `r_sums[part_idx]`: registers have no runtime index.
            if row_quad_idx != part_idx {
                continue;
            }
            for (column_quad_idx, r_sums) in r_sums.iter().enumerate() {
                for (row_idx, quad) in r_sums.iter().enumerate() {
                    let row = place.slice_idx * n_part_rows + place.row + row_idx;
                    let column = column_quad_idx * (side / N_QUADS) + place.column;
                    // SAFETY: each thread has squares of its own in its slice's sums.
                    unsafe { s_tiles.write(row * side + column, Vec4(*quad)) };
                }
            }
        }
        // Makes the sums of all slices visible to the threads that add them.
        thread::sync_threads();

        let mut quad_idx = thread::thread_idx_x() as usize;
        while quad_idx < n_part_rows * side / 4 {
            let mut sum = [0.0; 4];
            for slice_idx in 0..tiling.n_slices() {
                let start = slice_idx * n_part_rows * side + 4 * quad_idx;
                // SAFETY: written before the barrier above, by no one until the next.
                let part: F32x4 = unsafe { s_tiles.read(start) };
                for (sum, part) in sum.iter_mut().zip(&part.0) {
                    *sum += part;
                }
            }
            let row = row_start + part_idx * n_part_rows + 4 * quad_idx / side;
            let column = column_start + 4 * quad_idx % side;
            if row < n_rows && column < n_columns {
                let quad = Vec4(finish(row, column, sum));
                // SAFETY: blocks have tiles of their own, and threads quads of their own in a tile.
                unsafe { g_output.store(row, column, quad) };
            }
            quad_idx += N_THREADS as usize;
        }
    }
}

/// The relations that [`product`] leans on.
const fn check(tiling: Tiling) {
    let n_threads = N_THREADS as usize;
    // Threads, and quads loaded per thread and operand.
    assert!(tiling.n_slices() * (tiling.side / (4 * tiling.n_quads)).pow(2) == n_threads);
    assert!(tiling.n_quads * 4 * n_threads == tiling.n_elements());
    // Warps of 4 x 8 squares fill the tile.
    assert!(tiling.side.is_multiple_of(4 * tiling.n_quads * 8));
    // The slices share the depth, eight steps at a time, and a part of their sums fits where the tiles
    // were.
    assert!(tiling.depth.is_multiple_of(8 * tiling.n_slices()));
    assert!(tiling.n_slices() * tiling.side / tiling.n_quads * tiling.side <= tiling.n_shared());
    // The swizzle keeps quads together, and a thread's squares whole multiples of 32 columns apart.
    assert!(tiling.depth.is_multiple_of(4) && 32 % tiling.depth == 0);
    assert!((tiling.side / tiling.n_quads).is_multiple_of(32));
    // Without being asked for more, a block gets 48 KiB.
    assert!(tiling.n_shared() * size_of::<f32>() <= 48 * 1024);
}
const _: () = check(SMALL);
const _: () = check(LARGE);
