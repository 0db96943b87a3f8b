//! How many blocks of a kernel a multiprocessor holds at a time.
//!
//! The rules and the units in which registers and shared memory are given out are those of NVIDIA's
//! occupancy calculator (the spreadsheet `CUDA_Occupancy_Calculator.xls` and its successor in Nsight
//! Compute), the limits those of [`Properties`].

use serde::Serialize;

use super::Properties;

/// Threads of a warp.
const WARP: u32 = 32;

/// Registers are given to warps in units of as many.
const REGISTER_UNIT: u32 = 256;

/// A multiprocessor has as many schedulers, each with its part of the registers.
const PARTITIONS: u32 = 4;

/// What limits the blocks that a multiprocessor holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The warps that it holds.
    Warps,
    /// The registers.
    Registers,
    /// The shared memory.
    SharedMemory,
    /// The blocks that it holds, however small they are.
    Blocks,
}

/// How much of a kernel a multiprocessor holds at a time.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Occupancy {
    /// Blocks; 0 if not even one fits.
    pub blocks: u32,
    /// Warps of these blocks.
    pub warps: u32,
    /// The most warps that it holds.
    pub max_warps: u32,
    /// What there is not enough of for another block. Of several, the first of warps, registers,
    /// shared memory, blocks.
    pub limit: Limit,
}

impl Occupancy {
    /// The share of the warps that there could be, from 0 to 1.
    pub fn share(&self) -> f64 {
        f64::from(self.warps) / f64::from(self.max_warps)
    }
}

impl Properties {
    /// Shared memory is given to blocks in units of as many bytes.
    pub fn shared_unit(&self) -> u32 {
        if self.compute_capability.0 >= 8 {
            128
        } else {
            256
        }
    }

    /// The warps that the registers of a multiprocessor suffice for, of as many for each thread.
    pub fn warps_by_registers(&self, registers: u32) -> u32 {
        let per_warp = registers
            .saturating_mul(WARP)
            .next_multiple_of(REGISTER_UNIT);
        match (self.registers_per_block / PARTITIONS).checked_div(per_warp) {
            Some(warps) => warps * PARTITIONS,
            None => u32::MAX,
        }
    }

    /// The blocks that a multiprocessor holds at a time, of `threads` threads with `registers`
    /// registers each and `shared` bytes of shared memory, what the launch adds included.
    pub fn occupancy(&self, threads: u32, registers: u32, shared: u64) -> Occupancy {
        let warps = threads.div_ceil(WARP).max(1);
        let max_warps = self.max_threads_per_multiprocessor / WARP;
        let shared = shared.saturating_add(self.reserved_shared_per_block().into());
        let by_shared = u64::from(self.shared_per_multiprocessor)
            .checked_div(shared.next_multiple_of(self.shared_unit().into()));
        let limits = [
            (max_warps / warps, Limit::Warps),
            (self.warps_by_registers(registers) / warps, Limit::Registers),
            (
                by_shared.map_or(u32::MAX, |blocks| u32::try_from(blocks).unwrap_or(u32::MAX)),
                Limit::SharedMemory,
            ),
            (self.max_blocks_per_multiprocessor, Limit::Blocks),
        ];
        let mut least = limits[0];
        for limit in limits {
            if limit.0 < least.0 {
                least = limit;
            }
        }
        let (blocks, limit) = least;
        Occupancy {
            blocks,
            warps: blocks * warps,
            max_warps,
            limit,
        }
    }
}
