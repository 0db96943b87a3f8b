//! Shuffles, votes and reductions of warps.

use cuda_std::prelude::*;
use cuda_std::warp::{self, WarpReductionOp};

const ALL: u32 = 0xffff_ffff;

/// A sum by exchanges, one by shifts, and a value of a lane.
#[kernel]
pub unsafe fn shuffles(values: &[i32], wide: &[f64], out: *mut i32, out_wide: *mut f64) {
    let lane = warp::lane_id();
    let mut sum = values[lane as usize];
    let mut distance = 16;
    while distance > 0 {
        let (other, _) = warp::warp_shuffle_xor(ALL, sum, distance, 32);
        sum += other;
        distance /= 2;
    }
    let mut prefix = wide[lane as usize];
    for distance in [1, 2, 4, 8, 16] {
        let (other, in_range) = warp::warp_shuffle_up(ALL, prefix, distance, 32);
        if in_range {
            prefix += other;
        }
    }
    let (of_third, _) = warp::warp_shuffle_idx(ALL, lane * 7, 3, 8);
    let (next, _) = warp::warp_shuffle_down(ALL, u128::from(lane) << 100, 1, 32);
    let out = out.add(3 * lane as usize);
    *out = sum;
    *out.add(1) = of_third as i32;
    *out.add(2) = (next >> 100) as i32;
    *out_wide.add(lane as usize) = prefix;
}

#[kernel]
pub unsafe fn votes(values: &[u32], out: *mut u32) {
    let lane = warp::lane_id() as usize;
    let value = values[lane];
    let results = [
        u32::from(warp::warp_vote_all(ALL, value < 100)),
        u32::from(warp::warp_vote_any(ALL, value == 13)),
        warp::warp_vote_ballot(ALL, value % 2 == 1),
        warp::warp_match_any(ALL, value % 4),
        warp::warp_reduce(ALL, value, WarpReductionOp::Add),
        warp::warp_reduce(ALL, value, WarpReductionOp::Max),
        warp::activemask(),
    ];
    warp::sync_warp(ALL);
    let out = out.add(results.len() * lane);
    for (idx, result) in results.into_iter().enumerate() {
        *out.add(idx) = result;
    }
}
