//! `cuda_std::warp`. Launch, if nothing else is said: one block of 32 threads.

use cuda_std::prelude::*;
use cuda_std::warp::*;
use cuda_std::{bf16, f16};

/// The lane, and the lanes that take each side of a branch.
#[kernel]
pub unsafe fn warp_lanes(lanes: *mut u32, active: *mut u32) {
    let lane = lane_id();
    *lanes.add(thread::index() as usize) = lane;
    *active.add(thread::index() as usize) = if lane.is_multiple_of(3) {
        activemask()
    } else {
        activemask() | 1 << 31
    };
}

/// Each lane of the mask writes, and reads what the next one has written.
#[kernel]
pub unsafe fn warp_sync(mask: u32, x: *mut u32, y: *mut u32) {
    let lane = lane_id();
    if mask >> lane & 1 == 1 {
        *x.add(lane as usize) = 100 + lane;
        // What the lanes of the mask wrote is there for them.
        sync_warp(mask);
        let above = mask & !((2 << lane) - 1);
        let next = if above == 0 {
            mask.trailing_zeros()
        } else {
            above.trailing_zeros()
        };
        *y.add(lane as usize) = *x.add(next as usize);
    }
}

/// The three votes of the lanes of a mask.
#[kernel]
pub unsafe fn warp_votes(mask: u32, predicates: &[u32], votes: *mut [u32; 3]) {
    let lane = lane_id() as usize;
    if mask >> lane & 1 == 1 {
        let predicate = predicates[lane] != 0;
        *votes.add(lane) = [
            warp_vote_all(mask, predicate).into(),
            warp_vote_any(mask, predicate).into(),
            warp_vote_ballot(mask, predicate),
        ];
    }
}

/// For each type: the four shuffles of each lane's value, whether there was a lane, the reductions,
/// and the matches. Each block of 32 threads is a case.
macro_rules! kernels {
    ($($ty:ty: $shuffle:ident, $reduce:ident $(, $match:ident)?;)*) => {$(
        #[kernel]
        pub unsafe fn $shuffle(
            values: *const $ty,
            widths: *const u32,
            distances: *const u32,
            results: *mut [$ty; 4],
            is_there: *mut [u32; 4],
        ) {
            let case = thread::block_idx_x() as usize;
            let value = *values.add(lane_id() as usize);
            let (width, distance) = (*widths.add(case), *distances.add(case));
            let lane = (7 * lane_id() + distance) % 32;
            let shuffled = [
                warp_shuffle_idx(FULL_MASK, value, lane, width),
                warp_shuffle_up(FULL_MASK, value, distance, width),
                warp_shuffle_down(FULL_MASK, value, distance, width),
                warp_shuffle_xor(FULL_MASK, value, distance, width),
            ];
            let idx = thread::index() as usize;
            *results.add(idx) = shuffled.map(|(value, _)| value);
            *is_there.add(idx) = shuffled.map(|(_, is_there)| is_there.into());
        }

        #[kernel]
        pub unsafe fn $reduce(masks: *const u32, values: *const $ty, results: *mut [$ty; 6]) {
            use WarpReductionOp::*;
            let mask = *masks.add(thread::block_idx_x() as usize);
            if mask >> lane_id() & 1 == 1 {
                let value = *values.add(lane_id() as usize);
                let results = results.add(thread::index() as usize).cast::<$ty>();
                for (idx, op) in [Add, Min, Max, And, Or, Xor].into_iter().enumerate() {
                    *results.add(idx) = warp_reduce(mask, value, op);
                }
            }
        }

        $(
            #[kernel]
            pub unsafe fn $match(masks: *const u32, values: *const $ty, results: *mut [u32; 3]) {
                let mask = *masks.add(thread::block_idx_x() as usize);
                if mask >> lane_id() & 1 == 1 {
                    let idx = thread::index() as usize;
                    let value = *values.add(idx);
                    let any = warp_match_any(mask, value);
                    let all = warp_match_all(mask, value);
                    *results.add(idx) = [any, all.is_some().into(), all.unwrap_or(0)];
                }
            }
        )?
    )*};
}

kernels! {
    u8: warp_shuffle_u8, warp_reduce_u8, warp_match_u8;
    i8: warp_shuffle_i8, warp_reduce_i8, warp_match_i8;
    u16: warp_shuffle_u16, warp_reduce_u16, warp_match_u16;
    i16: warp_shuffle_i16, warp_reduce_i16, warp_match_i16;
    u32: warp_shuffle_u32, warp_reduce_u32, warp_match_u32;
    i32: warp_shuffle_i32, warp_reduce_i32, warp_match_i32;
    u64: warp_shuffle_u64, warp_reduce_u64, warp_match_u64;
    i64: warp_shuffle_i64, warp_reduce_i64, warp_match_i64;
    u128: warp_shuffle_u128, warp_reduce_u128;
    i128: warp_shuffle_i128, warp_reduce_i128;
    f16: warp_shuffle_f16, warp_reduce_f16, warp_match_f16;
    bf16: warp_shuffle_bf16, warp_reduce_bf16, warp_match_bf16;
    f32: warp_shuffle_f32, warp_reduce_f32, warp_match_f32;
    f64: warp_shuffle_f64, warp_reduce_f64, warp_match_f64;
}
