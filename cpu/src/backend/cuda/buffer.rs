//! Buffers on the device, and how operations pass them to kernels.

use std::ops::Range;

use bytemuck::Zeroable;
use cuda_launch::LaunchConfig;
use cuda_std::kernel::{DeviceSlice, DeviceSliceMut, DeviceValue};
use cuda_std::warp::WARP_SIZE;
use cust::context::Context;
use cust::error::CudaResult;
use cust::memory::{DeviceBuffer, DeviceCopy};
use cust::stream::Stream;

use super::super::operation::Operation;
use crate::{Error, Result};

/// A buffer in the memory of the device.
pub struct Buffer<T: DeviceCopy> {
    pub(super) memory: DeviceBuffer<T>,
    /// Memory lives no longer than its context. Declared behind it, so dropped after it.
    pub(super) _context: Context,
}

impl<T: DeviceCopy + DeviceValue> Buffer<T> {
    /// Elements.
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A kernel's argument: the elements in `range`.
    ///
    /// # Panics
    ///
    /// If these are not all there.
    pub fn slice(&self, range: Range<usize>) -> DeviceSlice<'_, T> {
        let address = self.address(&range);
        // SAFETY: these elements are live, and borrowed.
        unsafe { DeviceSlice::from_raw_parts(address, range.len()) }
    }

    /// As [`Buffer::slice`], for a parameter that the kernel writes.
    ///
    /// # Panics
    ///
    /// If these are not all there.
    pub fn slice_mut(&mut self, range: Range<usize>) -> DeviceSliceMut<'_, T> {
        let address = self.address(&range);
        // SAFETY: these elements are live, and mutably borrowed.
        unsafe { DeviceSliceMut::from_raw_parts(address, range.len()) }
    }

    fn address(&self, range: &Range<usize>) -> u64 {
        assert!(
            range.start <= range.end && range.end <= self.len(),
            "{range:?} of {} elements",
            self.len()
        );
        self.memory.as_device_ptr().as_raw() + (range.start * size_of::<T>()) as u64
    }
}

impl<T: DeviceCopy + Zeroable> Buffer<T> {
    /// `n` zeros, which work on `stream` finds there.
    pub(super) fn zeroed(context: &Context, stream: &Stream, n: usize) -> CudaResult<Buffer<T>> {
        // SAFETY: all of it is set to zeros, which are valid, before anything reads it: what reads it
        // goes to the same stream.
        let memory = unsafe {
            let mut memory = DeviceBuffer::uninitialized(n)?;
            memory.set_zero_async(stream)?;
            memory
        };
        Ok(Buffer {
            memory,
            _context: context.clone(),
        })
    }
}

/// The argument for an input that there is none of.
pub(super) fn no_input<'a, T: DeviceValue>() -> DeviceSlice<'a, T> {
    // SAFETY: there is no element.
    unsafe { DeviceSlice::from_raw_parts(0, 0) }
}

/// The argument for an output that is not wanted.
pub(super) fn no_output<'a, T: DeviceValue>() -> DeviceSliceMut<'a, T> {
    // SAFETY: there is no element.
    unsafe { DeviceSliceMut::from_raw_parts(0, 0) }
}

impl Operation {
    /// What a kernel reads: the first elements of a buffer, as many as `shape` has.
    pub(crate) fn argument<'a, T: DeviceCopy + DeviceValue>(
        self,
        name: &'static str,
        buffer: &'a Buffer<T>,
        shape: &[usize],
    ) -> Result<DeviceSlice<'a, T>> {
        let n = self.n_elements(name, buffer.len(), shape)?;
        Ok(buffer.slice(0..n))
    }

    /// What a kernel writes: the first elements of a buffer, as many as `shape` has.
    pub(crate) fn argument_mut<'a, T: DeviceCopy + DeviceValue>(
        self,
        name: &'static str,
        buffer: &'a mut Buffer<T>,
        shape: &[usize],
    ) -> Result<DeviceSliceMut<'a, T>> {
        let n = self.n_elements(name, buffer.len(), shape)?;
        Ok(buffer.slice_mut(0..n))
    }

    /// A dimension as kernels take it.
    pub(crate) fn dimension(self, name: &'static str, n: usize) -> Result<u32> {
        u32::try_from(n).map_err(|_| {
            Error::Device(format!(
                "{}: `{name}` is {n}, a kernel takes at most {}",
                self.0,
                u32::MAX
            ))
        })
    }

    /// Blocks along x, of `n_threads` threads each.
    pub(crate) fn blocks(self, n_blocks: usize, n_threads: u32) -> Result<LaunchConfig> {
        // A device has no more along x, and threads are counted in 32 bits.
        const MAX_BLOCKS: usize = i32::MAX as usize;
        if n_blocks > MAX_BLOCKS {
            return Err(Error::Device(format!(
                "{}: its output needs {n_blocks} blocks of {n_threads} threads, a device starts at \
                 most {MAX_BLOCKS} at a time",
                self.0
            )));
        }
        Ok(LaunchConfig {
            grid: [n_blocks as u32, 1, 1],
            block: [n_threads, 1, 1],
            shared_bytes: 0,
        })
    }

    /// A thread for each of `n` elements, in blocks of `n_threads`.
    pub(crate) fn threads(self, n: usize, n_threads: u32) -> Result<LaunchConfig> {
        self.dimension("elements", n)?;
        self.blocks(n.div_ceil(n_threads as usize), n_threads)
    }

    /// A warp for each of `n` rows, in blocks of `n_threads` threads.
    pub(crate) fn warps(self, n_rows: usize, n_threads: u32) -> Result<LaunchConfig> {
        self.threads(n_rows.saturating_mul(WARP_SIZE as usize), n_threads)
    }

    /// A thread for each of `n` elements, or for each four if they are whole quads: what the kernels
    /// ask for that read and write 16 bytes at once.
    pub(crate) fn threads_of_quads(self, n: usize, n_threads: u32) -> Result<LaunchConfig> {
        let n_per_thread = if n.is_multiple_of(4) { 4 } else { 1 };
        self.threads(n / n_per_thread, n_threads)
    }
}
