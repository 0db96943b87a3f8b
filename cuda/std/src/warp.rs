//! What the 32 threads of a warp do together.

/// Threads of a warp.
pub const WARP_SIZE: u32 = 32;

/// A mask of all lanes.
pub const FULL_MASK: u32 = u32::MAX;

#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    #[link_name = "llvm.nvvm.read.ptx.sreg.laneid"]
    safe fn laneid() -> u32;
    #[link_name = "llvm.nvvm.bar.warp.sync"]
    fn bar_warp_sync(mask: u32);
    #[link_name = "llvm.nvvm.shfl.sync.idx.i32"]
    fn shfl_sync_idx(mask: u32, value: u32, lane: u32, clamp: u32) -> u32;
    #[link_name = "llvm.nvvm.shfl.sync.up.i32"]
    fn shfl_sync_up(mask: u32, value: u32, delta: u32, clamp: u32) -> u32;
    #[link_name = "llvm.nvvm.shfl.sync.down.i32"]
    fn shfl_sync_down(mask: u32, value: u32, delta: u32, clamp: u32) -> u32;
    #[link_name = "llvm.nvvm.shfl.sync.bfly.i32"]
    fn shfl_sync_bfly(mask: u32, value: u32, lane_mask: u32, clamp: u32) -> u32;
}

/// The thread's lane in its warp, below [`WARP_SIZE`].
#[inline(always)]
pub fn lane_id() -> u32 {
    #[cfg(target_arch = "nvptx64")]
    return laneid();
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("warp::lane_id")
}

/// Waits until every lane of `mask` is here; what each wrote before is then visible to the others.
///
/// # Safety
///
/// - The calling lane is in `mask`.
/// - Every lane of `mask` calls with the same `mask`, and none of them has exited.
#[inline(always)]
pub unsafe fn sync_warp(mask: u32) {
    #[cfg(target_arch = "nvptx64")]
    // SAFETY: the caller's promise is the barrier's precondition.
    unsafe {
        bar_warp_sync(mask)
    }
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = mask;
        crate::only_on_device("warp::sync_warp")
    }
}

/// A value that lanes can exchange.
pub trait WarpShuffleValue: Copy + private::Sealed {
    #[doc(hidden)]
    fn to_bits(self) -> u32;
    #[doc(hidden)]
    fn from_bits(bits: u32) -> Self;
}

mod private {
    pub trait Sealed {}
}

macro_rules! shuffle_value {
    ($($ty:ty: $value:ident => $to_bits:expr, $bits:ident => $from_bits:expr;)*) => {$(
        impl private::Sealed for $ty {}
        impl WarpShuffleValue for $ty {
            #[inline(always)]
            fn to_bits(self) -> u32 {
                let $value = self;
                $to_bits
            }
            #[inline(always)]
            fn from_bits($bits: u32) -> $ty {
                $from_bits
            }
        }
    )*};
}

shuffle_value! {
    u32: value => value, bits => bits;
    i32: value => value as u32, bits => bits as i32;
    f32: value => value.to_bits(), bits => f32::from_bits(bits);
}

/// One shuffle: what `shfl.sync` takes as its clamp word differs between the modes (PTX ISA,
/// `shfl.sync`): the last lane of a segment, or for `up` its first.
macro_rules! shuffle {
    ($($(#[$doc:meta])* $name:ident($argument:ident) = $intrinsic:ident, clamp $clamp:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// The warp is cut into segments of `width` lanes, a power of two up to 32. Returns the
        /// value, the lane's own where there is no such lane in the segment.
        ///
        /// # Safety
        ///
        /// - The calling lane and the lane that is read are in `mask`.
        /// - Every lane of `mask` calls with the same `mask` and `width`, and none has exited.
        #[inline(always)]
        pub unsafe fn $name<T: WarpShuffleValue>(mask: u32, value: T, $argument: u32, width: u32) -> T {
            #[cfg(target_arch = "nvptx64")]
            {
                debug_assert!(width.is_power_of_two() && width <= WARP_SIZE);
                let clamp = ((WARP_SIZE - width) << 8) | $clamp;
                // SAFETY: the caller's promise is the shuffle's precondition.
                T::from_bits(unsafe { $intrinsic(mask, value.to_bits(), $argument, clamp) })
            }
            #[cfg(not(target_arch = "nvptx64"))]
            {
                let _ = (mask, value, $argument, width);
                crate::only_on_device(concat!("warp::", stringify!($name)))
            }
        }
    )*};
}

shuffle! {
    /// The value of lane `lane` of the segment.
    warp_shuffle_idx(lane) = shfl_sync_idx, clamp 31;
    /// The value of the lane `delta` below this one.
    warp_shuffle_up(delta) = shfl_sync_up, clamp 0;
    /// The value of the lane `delta` above this one.
    warp_shuffle_down(delta) = shfl_sync_down, clamp 31;
    /// The value of the lane whose number differs from this one's in the bits of `lane_mask`.
    warp_shuffle_xor(lane_mask) = shfl_sync_bfly, clamp 31;
}
