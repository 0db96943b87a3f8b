//! The debugger, the profiler and the clock.

/// Stops the kernel where a debugger is attached; without one it ends the launch with an error.
#[inline(always)]
pub fn breakpoint() {
    #[cfg(target_arch = "nvptx64")]
    // SAFETY: it has no precondition.
    unsafe {
        core::arch::asm!("brkpt;", options(nostack))
    }
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("misc::breakpoint")
}

/// Counts one event on the hardware's performance counter `counter`, once per warp.
///
/// # Panics
///
/// If `counter` is not in `0..=7`.
#[inline(always)]
pub fn profiler_counter(counter: u32) {
    assert!(
        counter <= 7,
        "a profiler's counter is in 0..=7, not {counter}"
    );
    #[cfg(target_arch = "nvptx64")]
    // SAFETY: an event has no precondition. Its number is a part of the instruction.
    unsafe {
        use core::arch::asm;
        match counter {
            0 => asm!("pmevent 0;", options(nostack)),
            1 => asm!("pmevent 1;", options(nostack)),
            2 => asm!("pmevent 2;", options(nostack)),
            3 => asm!("pmevent 3;", options(nostack)),
            4 => asm!("pmevent 4;", options(nostack)),
            5 => asm!("pmevent 5;", options(nostack)),
            6 => asm!("pmevent 6;", options(nostack)),
            _ => asm!("pmevent 7;", options(nostack)),
        }
    }
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("misc::profiler_counter")
}

/// The multiprocessor's counter of clock cycles. Only differences on the same multiprocessor, and so
/// in the same block, mean anything.
#[inline(always)]
pub fn clock() -> u64 {
    #[cfg(target_arch = "nvptx64")]
    {
        let cycles;
        // SAFETY: reads a special register. It is neither pure nor free of memory accesses to the
        // compiler, so that what is measured stays between two readings.
        unsafe {
            core::arch::asm!("mov.u64 {}, %clock64;", out(reg64) cycles, options(nostack));
        }
        cycles
    }
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("misc::clock")
}
