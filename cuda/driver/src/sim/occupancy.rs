//! How many blocks of a kernel a multiprocessor holds at a time.

use std::ffi::{c_int, c_uint};

use cust_raw::CUoccupancyB2DSize;
use cust_raw::cudaError_enum::*;
use ptx_sim::{Kernel, Properties};

use super::argument::{Handle, Out};
use super::attributes::WARP;
use super::refusal::{Answer, Refusal};
use super::session::Session;

/// The registers of a thread: an estimate, but no more than a block of as many threads as the
/// kernel's directives name leaves to each, for a GPU's assembler keeps below that.
pub(crate) fn registers(device: &Properties, kernel: &Kernel) -> u32 {
    let threads = kernel.max_threads().next_multiple_of(WARP);
    if threads >= device.max_threads_per_block {
        return kernel.registers();
    }
    kernel
        .registers()
        .min(device.registers_per_block / threads / 8 * 8)
}

/// The most threads of a block of a kernel, by its registers and its directives.
pub(crate) fn max_threads(device: &Properties, kernel: &Kernel) -> u32 {
    device
        .warps_by_registers(registers(device, kernel))
        .saturating_mul(WARP)
        .min(kernel.max_threads())
        .min(device.max_threads_per_block)
}

/// What a kernel needs.
#[derive(Clone, Copy)]
struct Needs {
    registers: u32,
    /// Bytes of the kernel's own shared variables.
    static_shared: u32,
    max_threads: u32,
    /// The most dynamic shared memory that it may be launched with.
    max_dynamic_shared: u32,
}

/// The blocks of `threads` threads and `dynamic` bytes of dynamic shared memory that a
/// multiprocessor holds at a time.
fn blocks(device: &Properties, needs: Needs, threads: u32, dynamic: u64) -> u32 {
    if threads == 0 || threads > needs.max_threads || dynamic > needs.max_dynamic_shared.into() {
        return 0;
    }
    let shared = u64::from(needs.static_shared) + dynamic;
    device.occupancy(threads, needs.registers, shared).blocks
}

impl Session {
    fn needs(&self, function: Handle) -> Result<Needs, Refusal> {
        let device = &self.device().options().properties;
        let function = self.function(function)?;
        let kernel = &function.kernel;
        Ok(Needs {
            registers: registers(device, kernel),
            static_shared: kernel.static_shared(),
            max_threads: max_threads(device, kernel),
            max_dynamic_shared: function.max_dynamic_shared,
        })
    }

    /// The blocks of a function that a multiprocessor holds at a time.
    pub(crate) fn resident_blocks(
        &self,
        function: Handle,
        threads: u32,
        dynamic: u64,
    ) -> Result<u32, Refusal> {
        let device = &self.device().options().properties;
        Ok(blocks(device, self.needs(function)?, threads, dynamic))
    }
}

/// `cuOccupancyMaxActiveBlocksPerMultiprocessor`
pub(crate) fn max_active_blocks(
    session: &mut Session,
    count: Out<c_int>,
    function: Handle,
    threads: c_int,
    dynamic: usize,
) -> Answer {
    max_active_blocks_with_flags(session, count, function, threads, dynamic, 0)
}

/// `cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags`
pub(crate) fn max_active_blocks_with_flags(
    session: &mut Session,
    count: Out<c_int>,
    function: Handle,
    threads: c_int,
    dynamic: usize,
    flags: c_uint,
) -> Answer {
    let function = session.resolve(function)?;
    let threads = u32::try_from(threads)
        .ok()
        .filter(|&threads| threads > 0 && flags <= 1)
        .ok_or(CUDA_ERROR_INVALID_VALUE)?;
    let blocks = session.resident_blocks(function, threads, dynamic as u64)?;
    count.set(blocks as c_int);
    Ok(())
}

/// `cuOccupancyMaxPotentialBlockSize`
pub(crate) fn max_potential_block_size(
    session: &mut Session,
    min_grid: Out<c_int>,
    block: Out<c_int>,
    function: Handle,
    shared_of: CUoccupancyB2DSize,
    dynamic: usize,
    limit: c_int,
) -> Answer {
    max_potential_block_size_with_flags(
        session, min_grid, block, function, shared_of, dynamic, limit, 0,
    )
}

/// `cuOccupancyMaxPotentialBlockSizeWithFlags`: of the block sizes with the most threads on a
/// multiprocessor, the largest.
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn max_potential_block_size_with_flags(
    session: &mut Session,
    min_grid: Out<c_int>,
    block: Out<c_int>,
    function: Handle,
    shared_of: CUoccupancyB2DSize,
    dynamic: usize,
    limit: c_int,
    flags: c_uint,
) -> Answer {
    let function = session.resolve(function)?;
    if flags > 1 || limit < 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let device = session.device();
    let properties = &device.options().properties;
    let needs = session.needs(function)?;
    let limit = match limit as u32 {
        0 => needs.max_threads,
        limit => limit.min(needs.max_threads),
    };
    let sizes = (1..=limit.div_ceil(WARP)).rev();
    let sizes = sizes.map(|warps| (warps * WARP).min(limit));
    let best = session.unlocked(|| {
        let mut best = (0, 0, 0);
        for threads in sizes {
            let dynamic = match shared_of {
                // SAFETY: The caller gives a function that takes any block size.
                Some(shared_of) => unsafe { shared_of(threads as c_int) },
                None => dynamic,
            };
            let blocks = blocks(properties, needs, threads, dynamic as u64);
            if blocks * threads > best.0 {
                best = (blocks * threads, blocks, threads);
            }
        }
        best
    });
    let (_, blocks, threads) = best;
    block.set(threads as c_int);
    min_grid.set((blocks * properties.multiprocessors) as c_int);
    Ok(())
}

/// `cuOccupancyAvailableDynamicSMemPerBlock`: the most bytes that still let as many blocks in.
pub(crate) fn available_dynamic_shared(
    session: &mut Session,
    bytes: Out<usize>,
    function: Handle,
    n_blocks: c_int,
    threads: c_int,
) -> Answer {
    let function = session.resolve(function)?;
    let device = &session.device().options().properties;
    let needs = session.needs(function)?;
    let (Ok(n_blocks), Ok(threads)) = (u32::try_from(n_blocks), u32::try_from(threads)) else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    if n_blocks == 0 || blocks(device, needs, threads, 0) < n_blocks {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let unit = device.shared_unit();
    let each = device.shared_per_multiprocessor / n_blocks / unit * unit;
    let taken = device.reserved_shared_per_block() + needs.static_shared;
    bytes.set(each.saturating_sub(taken).min(needs.max_dynamic_shared) as usize);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks_of(device: &str, registers: u32, shared: u32, threads: u32) -> u32 {
        let device = Properties::by_name(device).expect("the device is known");
        let needs = Needs {
            registers,
            static_shared: shared,
            max_threads: (device.warps_by_registers(registers) * WARP).min(1024),
            max_dynamic_shared: 0,
        };
        blocks(&device, needs, threads, 0)
    }

    /// Each line was worked out by hand from the limits of the compute capability.
    #[test]
    fn the_scarcest_resource_limits_the_blocks() {
        // Warps: 64 of them, 8 to a block.
        assert_eq!(blocks_of("h100", 16, 0, 256), 8);
        // Blocks: 32 at most, though 64 would have room.
        assert_eq!(blocks_of("h100", 16, 0, 32), 32);
        assert_eq!(blocks_of("rtx3090", 16, 0, 32), 16);
        assert_eq!(blocks_of("rtx4090", 16, 0, 32), 24);
        assert_eq!(blocks_of("t4", 16, 0, 32), 16);
        // A warp of 1536 threads: 48 of them, 32 to a block.
        assert_eq!(blocks_of("rtx4090", 16, 0, 1024), 1);
        // Registers: 65 per thread are 2080 per warp, rounded up to 2304; a quarter of the
        // multiprocessor has 16384, enough for 7 warps; 28 warps are 3 blocks of 8.
        assert_eq!(blocks_of("h100", 65, 0, 256), 3);
        // 64 per thread are 2048 per warp: 8 warps in each quarter, 32 in all.
        assert_eq!(blocks_of("h100", 64, 0, 256), 4);
        // 255 per thread are 8192 per warp after rounding: 2 in each quarter, 8 in all.
        assert_eq!(blocks_of("h100", 255, 0, 256), 1);
        assert_eq!(blocks_of("h100", 255, 0, 288), 0);
        // Shared memory: 16 KiB and the system's 1 KiB go 13 times into 228 KiB.
        assert_eq!(blocks_of("h100", 16, 16 << 10, 64), 13);
        // 48 KiB go once into 64 KiB, where the system takes none, and twice into 100 KiB with it.
        assert_eq!(blocks_of("t4", 16, 48 << 10, 64), 1);
        assert_eq!(blocks_of("rtx4090", 16, 48 << 10, 64), 2);
        // 6145 bytes and 1 KiB are rounded up to 7296: 32 of them are 233472, which is 228 KiB.
        assert_eq!(blocks_of("h100", 16, 6145, 32), 32);
        assert_eq!(blocks_of("h100", 16, 6273, 32), 31);
    }
}
