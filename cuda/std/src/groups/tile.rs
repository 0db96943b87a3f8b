//! Neighbouring threads of a warp.

use core::marker::PhantomData;

use super::{Block, OfThisThread};
use crate::warp::{self, FULL_MASK, WARP_SIZE, WarpMatchValue, WarpShuffleValue};

/// The 32 threads of a warp.
pub type Warp = Tile<32>;

/// `N` neighbouring threads of a warp: `N` is a power of two up to 32, and a tile begins at a multiple
/// of `N`.
///
/// Tiles of a warp may be in different branches: each waits only for its own threads.
#[derive(Debug, Clone, Copy)]
pub struct Tile<const N: u32>(OfThisThread);

impl<const N: u32> Tile<N> {
    const IS_SIZE: () = assert!(
        N.is_power_of_two() && N <= WARP_SIZE,
        "a tile has a power of two of threads, up to 32"
    );

    /// The tile that the thread is in.
    #[inline(always)]
    pub fn this() -> Tile<N> {
        const { Self::IS_SIZE };
        Tile(PhantomData)
    }

    /// Threads of the tile: `N`.
    #[inline(always)]
    pub fn size(self) -> u32 {
        N
    }

    /// The thread's number in the tile, below `N`.
    #[inline(always)]
    pub fn rank(self) -> u32 {
        warp::lane_id() % N
    }

    /// The tile's number in the block.
    #[inline(always)]
    pub fn meta_rank(self) -> u32 {
        Block::this().rank() / N
    }

    /// Tiles of the block; the last one may not be whole.
    #[inline(always)]
    pub fn meta_size(self) -> u32 {
        Block::this().size().div_ceil(N)
    }

    /// The tile's first lane in its warp.
    #[inline(always)]
    fn first_lane(self) -> u32 {
        warp::lane_id() & !(N - 1)
    }

    /// The lanes of the tile in its warp.
    #[inline(always)]
    pub fn mask(self) -> u32 {
        if N == WARP_SIZE {
            FULL_MASK
        } else {
            ((1 << N) - 1) << self.first_lane()
        }
    }

    /// Lanes of the warp, all of this tile, as threads of the tile.
    #[inline(always)]
    fn ranks(self, lanes: u32) -> u32 {
        if N == WARP_SIZE {
            lanes
        } else {
            lanes >> self.first_lane()
        }
    }

    /// Waits until every thread of the tile is here; what each wrote before is then visible to the
    /// others.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn sync(self) {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::sync_warp(self.mask()) }
    }

    /// The value of thread `rank` modulo `N`.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn shuffle<T: WarpShuffleValue>(self, value: T, rank: u32) -> T {
        // SAFETY: a collective call; the lane that is read is one of the tile's.
        unsafe { warp::warp_shuffle_idx(self.mask(), value, rank, N).0 }
    }

    /// The value of thread `rank` modulo `N`, which is the same in all threads.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective), with the same `rank`.
    #[inline(always)]
    pub unsafe fn broadcast<T: WarpShuffleValue>(self, value: T, rank: u32) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.shuffle(value, rank) }
    }

    /// The value of the thread `delta` below this one; `None` if that is none of the tile's.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn shuffle_up<T: WarpShuffleValue>(self, value: T, delta: u32) -> Option<T> {
        // Of a distance the instruction reads the lowest bits alone.
        // SAFETY: a collective call; the lane that is read is one of the tile's or the lane itself.
        let (value, is_there) =
            unsafe { warp::warp_shuffle_up(self.mask(), value, delta.min(31), N) };
        (is_there && delta < N).then_some(value)
    }

    /// The value of the thread `delta` above this one; `None` if that is none of the tile's.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn shuffle_down<T: WarpShuffleValue>(self, value: T, delta: u32) -> Option<T> {
        // SAFETY: a collective call; the lane that is read is one of the tile's or the lane itself.
        let (value, is_there) =
            unsafe { warp::warp_shuffle_down(self.mask(), value, delta.min(31), N) };
        (is_there && delta < N).then_some(value)
    }

    /// The value of the thread whose rank differs from this one's in the bits of `rank_mask` modulo
    /// `N`.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn shuffle_xor<T: WarpShuffleValue>(self, value: T, rank_mask: u32) -> T {
        // SAFETY: a collective call; a mask below `N` stays in the tile.
        unsafe { warp::warp_shuffle_xor(self.mask(), value, rank_mask % N, N).0 }
    }

    /// Whether `predicate` is true in every thread.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn all(self, predicate: bool) -> bool {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::warp_vote_all(self.mask(), predicate) }
    }

    /// Whether `predicate` is true in a thread.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn any(self, predicate: bool) -> bool {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::warp_vote_any(self.mask(), predicate) }
    }

    /// The threads in which `predicate` is true: bit `i` is that of rank `i`.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn ballot(self, predicate: bool) -> u32 {
        // SAFETY: a collective call: all lanes of the mask make it.
        self.ranks(unsafe { warp::warp_vote_ballot(self.mask(), predicate) })
    }

    /// The threads whose value has the same bits as this one's: bit `i` is that of rank `i`.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn match_any<T: WarpMatchValue>(self, value: T) -> u32 {
        // SAFETY: a collective call: all lanes of the mask make it.
        self.ranks(unsafe { warp::warp_match_any(self.mask(), value) })
    }

    /// Whether the values of all threads have the same bits.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn match_all<T: WarpMatchValue>(self, value: T) -> bool {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::warp_match_all(self.mask(), value).is_some() }
    }
}
