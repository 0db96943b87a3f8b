//! What time it is on the device.
//!
//! Two clocks, which measure different things: [`clock64`] counts cycles of the multiprocessor that
//! the thread runs on, and [`globaltimer`] nanoseconds of the whole device. A compiler may move
//! arithmetic across the reading of a clock, but neither loads and stores nor another reading.
//!
//! ```
//! use cuda_std::prelude::*;
//! use cuda_std::time::CycleTimer;
//!
//! /// How many cycles each thread takes for its part of the sum. One block.
//! #[kernel]
//! pub fn timed_sum(x: &[f32], mut sums: PerThread<f32>, mut cycles: PerThread<u64>) {
//!     let timer = CycleTimer::start();
//!     let sum = x.iter().sum();
//!     if let (Some(total), Some(cycles)) = (sums.get_mut(), cycles.get_mut()) {
//!         *total = sum;
//!         *cycles = timer.elapsed();
//!     }
//! }
//! # fn main() {}
//! ```

#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    #[link_name = "llvm.nvvm.read.ptx.sreg.clock"]
    safe fn read_clock() -> u32;
    #[link_name = "llvm.nvvm.read.ptx.sreg.clock64"]
    safe fn read_clock64() -> u64;
    #[link_name = "llvm.nvvm.read.ptx.sreg.globaltimer"]
    safe fn read_globaltimer() -> u64;
}

macro_rules! clocks {
    ($($(#[$doc:meta])* $name:ident = $intrinsic:ident -> $ty:ty;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name() -> $ty {
            #[cfg(target_arch = "nvptx64")]
            return $intrinsic();
            #[cfg(not(target_arch = "nvptx64"))]
            crate::only_on_device(concat!("time::", stringify!($name)))
        }
    )*};
}

clocks! {
    /// The lower 32 bits of [`clock64`], and cheaper to read: they wrap around after 2³² cycles, a
    /// few seconds.
    clock = read_clock -> u32;
    /// Cycles of this multiprocessor's clock since some moment. Two multiprocessors count from
    /// different moments, and how long a cycle is changes with the load and the temperature.
    clock64 = read_clock64 -> u64;
    /// Nanoseconds since some moment, the same for all threads of the device. It advances in steps,
    /// whose length is the device's own: from 32 ns to a microsecond.
    globaltimer = read_globaltimer -> u64;
}

/// Counts [cycles](clock64) of the multiprocessor from its start on. Not to be compared between
/// blocks.
#[derive(Debug, Clone, Copy)]
pub struct CycleTimer {
    start: u64,
}

impl CycleTimer {
    /// Begins now.
    #[inline(always)]
    pub fn start() -> CycleTimer {
        CycleTimer { start: clock64() }
    }

    /// Cycles since the start.
    #[inline(always)]
    pub fn elapsed(&self) -> u64 {
        clock64().wrapping_sub(self.start)
    }

    /// Cycles since the start, which is now the new start.
    #[inline(always)]
    pub fn lap(&mut self) -> u64 {
        let now = clock64();
        let elapsed = now.wrapping_sub(self.start);
        self.start = now;
        elapsed
    }
}

/// Counts [nanoseconds](globaltimer) from its start on; all blocks have the same clock.
#[derive(Debug, Clone, Copy)]
pub struct NanosecondTimer {
    start: u64,
}

impl NanosecondTimer {
    /// Begins now.
    #[inline(always)]
    pub fn start() -> NanosecondTimer {
        NanosecondTimer {
            start: globaltimer(),
        }
    }

    /// Nanoseconds since the start.
    #[inline(always)]
    pub fn elapsed(&self) -> u64 {
        globaltimer().wrapping_sub(self.start)
    }

    /// Nanoseconds since the start, which is now the new start.
    #[inline(always)]
    pub fn lap(&mut self) -> u64 {
        let now = globaltimer();
        let elapsed = now.wrapping_sub(self.start);
        self.start = now;
        elapsed
    }
}
