//! Barriers in shared memory, at which threads arrive without waiting: `mbarrier`, from compute
//! capability 8.0 on.
//!
//! `sync_threads` makes a thread wait as it arrives. A [`Barrier`] lets it [arrive](Barrier::arrive),
//! do something else, and [wait](Barrier::wait) later; or arrive and never wait, while others wait and
//! never arrive. A [`Channel`] is made of such barriers: some threads of a block produce
//! tiles, the others consume them.
//!
//! ```
//! use cuda_std::barrier::Role;
//! use cuda_std::channel;
//! use cuda_std::prelude::*;
//!
//! /// One warp reads, the other ones add: the sum of each column of a matrix of 96 columns.
//! /// Launch: one block of 128 threads.
//! #[kernel]
//! pub fn sum_columns(x: &[f32], mut sums: DisjointSlice<f32>) {
//!     let n_rows = x.len() / 96;
//!     // SAFETY: evaluated once, by every thread of the block.
//!     match unsafe { channel![f32; 96; stages 3].split(32) } {
//!         Role::Producer(mut rows) => {
//!             for row in 0..n_rows {
//!                 rows.send(|column| x[96 * row + column]);
//!             }
//!         }
//!         Role::Consumer(mut rows) => {
//!             let column = rows.rank() as usize;
//!             let mut sum = 0.0;
//!             for _ in 0..n_rows {
//!                 sum += rows.receive(|row| row[column % 96]);
//!             }
//!             // SAFETY: consumers have different ranks.
//!             if let Some(total) = unsafe { sums.get_mut(column) } {
//!                 *total = sum;
//!             }
//!         }
//!     }
//! }
//! # fn main() {}
//! ```

mod channel;

use core::marker::PhantomData;

pub use channel::{Channel, Consumer, Producer, Role};

use crate::groups::Block;
use crate::thread;

/// A [`Barrier`] that completes a phase when so many threads have arrived: `shared_barrier!(count)`,
/// one for each place where this is written.
///
/// It is an `unsafe` expression.
///
/// # Safety
///
/// - As for [`Barrier::init`], at memory that nothing else reaches.
#[macro_export]
macro_rules! shared_barrier {
    ($count:expr) => {
        $crate::barrier::Barrier::init($crate::shared_array![u64; 1], $count)
    };
}

/// A barrier in shared memory. Whenever as many arrivals have come as it was made for, it completes its
/// phase, and the next one begins.
#[derive(Debug, Clone, Copy)]
pub struct Barrier {
    place: *mut u64,
}

/// The phase that a barrier was in when a thread arrived.
#[derive(Debug)]
#[must_use = "what others do before they arrive is visible after `Barrier::wait`"]
pub struct Token {
    state: u64,
    _thread: PhantomData<*const ()>,
}

/// Runs assembly that finds the barrier's address in `%mbarrier`; there is none on the host.
macro_rules! mbarrier {
    ($place:expr, [$($assembly:literal),*], $($operands:tt)*) => {{
        #[cfg(target_arch = "nvptx64")]
        // SAFETY: the caller vouches for the place.
        unsafe {
            core::arch::asm!(
                concat!(
                    "{{ .reg .b64 %mbarrier; .reg .pred %done; ",
                    "cvta.to.shared.u64 %mbarrier, {place}; ",
                    $($assembly, " ",)*
                    "}}",
                ),
                place = in(reg64) $place,
                $($operands)*
                options(nostack, preserves_flags),
            )
        }
    }};
}

#[cfg(not(target_arch = "nvptx64"))]
fn none_on_host() -> ! {
    crate::only_on_device("barrier::Barrier")
}

impl Barrier {
    /// The most arrivals that a phase can have.
    pub const MAX_COUNT: u32 = (1 << 20) - 1;

    /// Makes a barrier of `count` arrivals, and waits until every thread of the block can use it.
    ///
    /// # Safety
    ///
    /// - Every thread of the block calls it with the same arguments: the branches on the way here do
    ///   not depend on the thread, and none has exited.
    /// - `place` is in shared memory, and nothing but this barrier and its copies reaches it from now
    ///   on; no barrier is there already.
    /// - `count` is 1 to [`MAX_COUNT`](Barrier::MAX_COUNT).
    #[inline(always)]
    pub unsafe fn init(place: *mut u64, count: u32) -> Barrier {
        let barrier = Barrier { place };
        if Block::this().rank() == 0 {
            // SAFETY: the caller's promise; one thread initializes.
            unsafe { barrier.init_here(count) };
        }
        // Makes the barrier visible to the threads that arrive.
        thread::sync_threads();
        barrier
    }

    /// Makes a barrier, which only this thread knows of until the block's next `sync_threads`.
    ///
    /// # Safety
    ///
    /// - As for [`Barrier::init`], and one thread calls it.
    #[inline(always)]
    unsafe fn init_here(self, count: u32) {
        mbarrier!(self.place, ["mbarrier.init.shared.b64 [%mbarrier], {count};"],
            count = in(reg32) count,);
        #[cfg(not(target_arch = "nvptx64"))]
        {
            let _ = (self.place, count);
            none_on_host()
        }
    }

    /// Arrives: what the thread has written before is visible to whoever waits for this phase.
    ///
    /// # Safety
    ///
    /// - The phase has no more arrivals than the barrier was made for. A thread that arrives once, and
    ///   again only after it has waited for that phase, keeps to that if the barrier was made for as
    ///   many as there are such threads.
    #[inline(always)]
    pub unsafe fn arrive(self) -> Token {
        #[cfg(target_arch = "nvptx64")]
        {
            let state: u64;
            mbarrier!(self.place, ["mbarrier.arrive.shared.b64 {state}, [%mbarrier];"],
                state = out(reg64) state,);
            Token {
                state,
                _thread: PhantomData,
            }
        }
        #[cfg(not(target_arch = "nvptx64"))]
        none_on_host()
    }

    /// Arrives when all copies (`cp_async_*`) that the thread has started so far have come, and goes on
    /// at once: what was copied is then visible to whoever waits for this phase.
    ///
    /// # Safety
    ///
    /// - As for [`arrive`](Barrier::arrive).
    #[inline(always)]
    pub unsafe fn arrive_with_copies(self) {
        mbarrier!(
            self.place,
            ["cp.async.mbarrier.arrive.noinc.shared.b64 [%mbarrier];"],
        );
        #[cfg(not(target_arch = "nvptx64"))]
        none_on_host()
    }

    /// Whether the phase in which the thread has arrived is complete.
    ///
    /// What it says is true if the barrier has begun at most one phase since the thread arrived; so it
    /// is where the thread's own arrival is among those of every phase.
    #[inline(always)]
    pub fn is_complete(self, token: &Token) -> bool {
        #[cfg(target_arch = "nvptx64")]
        {
            let is_complete: u32;
            mbarrier!(self.place,
                ["mbarrier.test_wait.shared.b64 %done, [%mbarrier], {state};",
                 "selp.u32 {is_complete}, 1, 0, %done;"],
                state = in(reg64) token.state,
                is_complete = out(reg32) is_complete,);
            is_complete != 0
        }
        #[cfg(not(target_arch = "nvptx64"))]
        {
            let _ = token.state;
            none_on_host()
        }
    }

    /// Waits until the phase in which the thread has arrived is complete: what the others have written
    /// before they arrived is visible now.
    #[inline(always)]
    pub fn wait(self, token: Token) {
        while !self.is_complete(&token) {}
    }

    /// Whether the phase of this parity is complete: phases are counted from 0, and the parity is the
    /// number's lowest bit. True of the phase before the current one, false of the current one; so for a
    /// new barrier it is true of parity 1.
    #[inline(always)]
    pub fn is_complete_parity(self, parity: u32) -> bool {
        #[cfg(target_arch = "nvptx64")]
        {
            let is_complete: u32;
            mbarrier!(self.place,
                ["mbarrier.test_wait.parity.shared.b64 %done, [%mbarrier], {parity};",
                 "selp.u32 {is_complete}, 1, 0, %done;"],
                parity = in(reg32) parity & 1,
                is_complete = out(reg32) is_complete,);
            is_complete != 0
        }
        #[cfg(not(target_arch = "nvptx64"))]
        {
            let _ = parity;
            none_on_host()
        }
    }

    /// Waits until the phase of this parity is complete; see
    /// [`is_complete_parity`](Barrier::is_complete_parity).
    #[inline(always)]
    pub fn wait_parity(self, parity: u32) {
        while !self.is_complete_parity(parity) {}
    }
}
