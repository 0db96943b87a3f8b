//! A CUDA device: each operation checks its buffers and launches the kernel of the same name.
//!
//! Everything goes to one stream, in order. No operation waits for the device, except those that
//! copy to or from the host, and none allocates, except those that return something new and
//! [`LossOperations::predictions`](super::LossOperations::predictions) for a batch larger than any before.
//!
//! Buffers begin at 256 bytes, so kernels can use vectors wherever the shapes are whole quads.

mod activation;
mod addition;
mod augmentation;
mod batch;
mod buffer;
mod clipping;
mod convolution;
mod dense;
mod devices;
mod dropout;
mod embedding;
mod gaussian;
mod loss;
mod normalization;
mod optimizer;
mod pooling;
mod softmax;

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use cuda_launch::{Kernels, LaunchConfig};
use cuda_std::kernel::{DeviceValue, Kernel};
use cust::context::Context;
use cust::error::CudaError;
use cust::memory::{AsyncCopyDestination, CopyDestination, DeviceCopy};
use cust::stream::{Stream, StreamFlags};

use super::{Memory, StepStatistics};
use crate::{Error, Result};

pub use buffer::Buffer;
pub use dense::DenseVersion;
pub use devices::{Devices, Gpu, devices, findings, profile, simulate};
use loss::Scratch;

/// The kernels that this program was built with: pairs of a level (80 for sm_80) and its PTX, in
/// rising order. Empty if the build found no compiler for them.
pub const PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/gpu_ptx.rs"));

/// Computes on the first CUDA device, as `CUDA_VISIBLE_DEVICES` orders them.
///
/// It stays on the thread that made it: to that thread the device's context belongs.
pub struct CudaBackend {
    scratch: RefCell<Scratch>,
    stream: Stream,
    kernels: Kernels,
    /// Of other crates, by their PTX.
    own_kernels: RefCell<Vec<(OwnPtx, Kernels)>>,
    context: Context,
    name: String,
    dense_version: Option<DenseVersion>,
    _thread: PhantomData<*const ()>,
}

/// What the build of another crate has made of its kernels.
type OwnPtx = &'static [(u32, &'static str)];

/// Losses and counts on the device.
pub struct Statistics {
    loss: Buffer<f32>,
    n_correct: Buffer<u32>,
}

impl CudaBackend {
    /// Opens the device and loads the kernels.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if there is no driver, no device, or no kernel that the device runs; it says
    /// which.
    pub fn new() -> Result<Self> {
        let device = devices::first_device()?;
        let doing = |what: &'static str| {
            move |error: CudaError| device_error(format_args!("{what} failed: {error}"))
        };
        let context = Context::new(device).map_err(doing("opening the device"))?;
        let kernels = Kernels::load(device, PTX).map_err(device_error)?;
        let stream =
            Stream::new(StreamFlags::NON_BLOCKING, None).map_err(doing("making a stream"))?;
        let scratch = Scratch::new(&context, &stream).map_err(doing("allocating memory"))?;
        Ok(CudaBackend {
            scratch: RefCell::new(scratch),
            stream,
            kernels,
            own_kernels: RefCell::new(Vec::new()),
            context,
            name: device.name().map_err(doing("asking for its name"))?,
            dense_version: None,
            _thread: PhantomData,
        })
    }

    /// The same device, with all matrix products computed by one version of their kernels, which
    /// tests and timings compare.
    pub fn with_dense_version(mut self, version: DenseVersion) -> Self {
        self.dense_version = Some(version);
        self
    }

    /// The device's name, as its driver has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The level of the PTX that was loaded: 80 for sm_80.
    pub fn level(&self) -> u32 {
        self.kernels.level()
    }

    fn dense_version(&self, n_rows: usize, n_columns: usize) -> DenseVersion {
        self.dense_version
            .unwrap_or_else(|| DenseVersion::of_output(n_rows, n_columns))
    }

    fn scratch(&self) -> RefMut<'_, Scratch> {
        self.scratch.borrow_mut()
    }

    /// Launches a kernel, unless there is nothing for it to do.
    ///
    /// # Safety
    ///
    /// - What the kernel asks of its launch (grid, block, lengths of its arguments) holds.
    pub(crate) unsafe fn launch(&self, config: LaunchConfig, kernel: impl Kernel) -> Result<()> {
        if config.grid[0] == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise. All buffers are used on this one stream alone, and freed by
        // `cuMemFree`.
        unsafe { self.kernels.launch(&self.stream, config, kernel) }.map_err(device_error)
    }

    /// Launches a kernel that is none of this crate's, after all that was asked for before. `ptx` is
    /// what its build has made, as [`PTX`] is of this crate's; it is loaded at its first launch, and
    /// known again by its address.
    ///
    /// # Errors
    ///
    /// If the device has no code for a level of `ptx`, lacks the kernel, or refuses the launch; an error
    /// of the kernel itself may come back from any later operation.
    ///
    /// # Safety
    ///
    /// - What the kernel asks of its launch (grid, block, lengths of its arguments) holds.
    pub unsafe fn launch_own(
        &self,
        ptx: OwnPtx,
        config: LaunchConfig,
        kernel: impl Kernel,
    ) -> Result<()> {
        let mut own = self.own_kernels.borrow_mut();
        let known = own.iter().position(|(of, _)| ptr::eq(*of, ptx));
        let index = match known {
            Some(index) => index,
            None => {
                let device = devices::first_device()?;
                own.push((ptx, Kernels::load(device, ptx).map_err(device_error)?));
                own.len() - 1
            }
        };
        if config.grid[0] == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise. All buffers are used on this one stream alone, and freed by
        // `cuMemFree`.
        unsafe { own[index].1.launch(&self.stream, config, kernel) }.map_err(device_error)
    }

    pub(crate) fn zeroed<T: DeviceCopy + bytemuck::Zeroable>(&self, n: usize) -> Result<Buffer<T>> {
        Buffer::zeroed(&self.context, &self.stream, n).map_err(|error| match error {
            CudaError::OutOfMemory => device_error(format_args!(
                "no memory for a buffer of {} bytes; take a smaller network or batch",
                n.saturating_mul(size_of::<T>())
            )),
            error => self.explain(error),
        })
    }

    pub(crate) fn upload<T>(&self, values: &[T]) -> Result<Buffer<T>>
    where
        T: DeviceCopy + DeviceValue + bytemuck::Zeroable,
    {
        let mut buffer = self.zeroed(values.len())?;
        self.write(&mut buffer, values)?;
        Ok(buffer)
    }

    pub(crate) fn write<T: DeviceCopy>(&self, buffer: &mut Buffer<T>, values: &[T]) -> Result<()> {
        // SAFETY: the copy has ended when this returns, and no kernel of another stream uses the buffer.
        unsafe { buffer.memory.async_copy_from(values, &self.stream) }
            .map_err(|error| self.explain(error))?;
        self.synchronize()
    }

    /// The first `n` elements.
    pub(crate) fn download<T>(&self, buffer: &Buffer<T>, n: usize) -> Result<Vec<T>>
    where
        T: DeviceCopy + DeviceValue + bytemuck::Zeroable,
    {
        self.synchronize()?;
        let mut values = vec![T::zeroed(); n];
        buffer
            .memory
            .index(..n)
            .copy_to(&mut values)
            .map_err(|error| self.explain(error))?;
        Ok(values)
    }

    /// Names the kernel, if one has failed.
    fn explain(&self, error: CudaError) -> Error {
        device_error(self.kernels.explain(error))
    }
}

fn device_error(message: impl fmt::Display) -> Error {
    Error::Device(format!("cuda: {message}"))
}

impl Memory for CudaBackend {
    type Floats = Buffer<f32>;
    type Bytes = Buffer<u8>;
    type Indices = Buffer<u32>;
    type Statistics = Statistics;

    fn zeros(&self, n: usize) -> Result<Buffer<f32>> {
        self.zeroed(n)
    }

    fn upload_floats(&self, values: &[f32]) -> Result<Buffer<f32>> {
        self.upload(values)
    }

    fn upload_bytes(&self, values: &[u8]) -> Result<Buffer<u8>> {
        self.upload(values)
    }

    fn upload_indices(&self, values: &[u32]) -> Result<Buffer<u32>> {
        self.upload(values)
    }

    fn write_indices(&self, buffer: &mut Buffer<u32>, values: &[u32]) -> Result<()> {
        if buffer.len() != values.len() {
            return Err(Error::Shape {
                operation: "write_indices",
                buffer: "buffer",
                expected: values.len(),
                actual: buffer.len(),
            });
        }
        self.write(buffer, values)
    }

    fn download_floats(&self, buffer: &Buffer<f32>) -> Result<Vec<f32>> {
        self.download(buffer, buffer.len())
    }

    fn download_bytes(&self, buffer: &Buffer<u8>) -> Result<Vec<u8>> {
        self.download(buffer, buffer.len())
    }

    fn statistics(&self, n_steps: usize) -> Result<Statistics> {
        Ok(Statistics {
            loss: self.zeroed(n_steps)?,
            n_correct: self.zeroed(n_steps)?,
        })
    }

    fn upload_statistics(&self, values: &StepStatistics) -> Result<Statistics> {
        Ok(Statistics {
            loss: self.upload(&values.loss)?,
            n_correct: self.upload(&values.n_correct)?,
        })
    }

    fn read_statistics(&self, statistics: &Statistics) -> Result<StepStatistics> {
        Ok(StepStatistics {
            loss: self.download(&statistics.loss, statistics.loss.len())?,
            n_correct: self.download(&statistics.n_correct, statistics.n_correct.len())?,
        })
    }

    fn synchronize(&self) -> Result<()> {
        self.kernels.synchronize(&self.stream).map_err(device_error)
    }
}
