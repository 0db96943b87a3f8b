//! The lanes of a warp that are together.

use core::marker::PhantomData;

use super::OfThisThread;
use crate::warp::{self, WarpShuffleValue};

/// The lanes of a warp that were together when the group was made: in a branch, those that took it
/// and came at the same time.
///
/// It is for work that any lanes may share, however many they are: one lane adds for all, say. Two
/// lanes in the same branch need not be in the same group.
#[derive(Debug, Clone, Copy)]
pub struct Active {
    mask: u32,
    _thread: OfThisThread,
}

impl Active {
    /// The lanes that are together now.
    #[inline(always)]
    pub fn this() -> Active {
        Active {
            mask: warp::activemask(),
            _thread: PhantomData,
        }
    }

    /// The lanes in their warp.
    #[inline(always)]
    pub fn mask(self) -> u32 {
        self.mask
    }

    /// Threads of the group.
    #[inline(always)]
    pub fn size(self) -> u32 {
        self.mask.count_ones()
    }

    /// The thread's number in the group.
    #[inline(always)]
    pub fn rank(self) -> u32 {
        (self.mask & ((1 << warp::lane_id()) - 1)).count_ones()
    }

    /// Whether this is the thread of rank 0: one of the group is.
    #[inline(always)]
    pub fn is_first(self) -> bool {
        warp::lane_id() == self.mask.trailing_zeros()
    }

    /// Waits until every thread of the group is here; what each wrote before is then visible to the
    /// others.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn sync(self) {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::sync_warp(self.mask) }
    }

    /// The value of the thread of rank 0.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn broadcast_first<T: WarpShuffleValue>(self, value: T) -> T {
        // SAFETY: a collective call; the lane that is read is the lowest of the mask.
        unsafe { warp::warp_shuffle_idx(self.mask, value, self.mask.trailing_zeros(), 32).0 }
    }

    /// Whether `predicate` is true in every thread.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn all(self, predicate: bool) -> bool {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::warp_vote_all(self.mask, predicate) }
    }

    /// Whether `predicate` is true in a thread.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn any(self, predicate: bool) -> bool {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::warp_vote_any(self.mask, predicate) }
    }

    /// In how many threads `predicate` is true.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn count(self, predicate: bool) -> u32 {
        // SAFETY: a collective call: all lanes of the mask make it.
        unsafe { warp::warp_vote_ballot(self.mask, predicate).count_ones() }
    }
}
