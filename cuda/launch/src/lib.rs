//! Launches kernels whose arguments are checked when the host program is compiled.
//!
//! A kernel that `cuda_std`'s `#[kernel]` made is a struct on the host, its parameters the fields.
//! [`Kernels::launch`] takes such a struct. `cust` stays in charge of everything else: contexts,
//! streams, memory.
//!
//! ```no_run
//! use cuda_launch::{Argument, Kernels, LaunchConfig};
//! use cuda_std::prelude::*;
//! use cust::prelude::*;
//!
//! /// `y[i] += a · x[i]`.
//! #[kernel]
//! pub fn axpy(a: f32, x: &[f32], mut y: PerThread<f32>) {
//!     if let (Some(y), Some(x)) = (y.get_mut(), x.get(thread::index_1d() as usize)) {
//!         *y += a * x;
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let levels = &[(80, "")];
//! let _context = cust::quick_init()?;
//! let kernels = Kernels::load(Device::get_device(0)?, levels)?;
//! let stream = Stream::new(StreamFlags::NON_BLOCKING, None)?;
//! let x = DeviceBuffer::from_slice(&[1.0f32; 1000])?;
//! let mut y = DeviceBuffer::from_slice(&[2.0f32; 1000])?;
//! let arguments = axpy {
//!     a: 3.0,
//!     x: x.argument(),
//!     y: y.argument_mut(),
//! };
//! // SAFETY: the kernel looks at its bounds, whatever the grid.
//! unsafe { kernels.launch(&stream, LaunchConfig::for_elements(1000, 256), arguments)? };
//! kernels.synchronize(&stream)?;
//! # Ok(())
//! # }
//! ```

mod error;

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cuda_std::kernel::{DeviceRef, DeviceSlice, DeviceSliceMut, Kernel};
use cuda_std::panic::{PanicRecord, RECORD_SYMBOL};
use cust::device::{Device, DeviceAttribute};
use cust::error::{CudaError, CudaResult};
use cust::function::Function;
use cust::memory::{CopyDestination, DeviceCopy, LockedBox};
use cust::module::Module;
use cust::stream::Stream;
// The program is linked with the functions that cust declares.
use cuda_driver as _;

pub use error::{Error, SourceLocation};

/// If this environment variable is set to something but 0, every launch waits for its kernel, so
/// that an error names the one that caused it. The driver knows it too.
pub const BLOCKING_VARIABLE: &str = "CUDA_LAUNCH_BLOCKING";

/// How many threads a launch has, and how they are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchConfig {
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory per block.
    pub shared_bytes: u32,
}

impl LaunchConfig {
    /// At least one thread for each of `n` elements along x, in blocks of `block_size`.
    ///
    /// # Panics
    ///
    /// If that is more than 2³¹ - 1 blocks, which no device launches.
    pub fn for_elements(n: usize, block_size: u32) -> LaunchConfig {
        let n_blocks = n.div_ceil(block_size as usize);
        assert!(
            n_blocks <= i32::MAX as usize,
            "{n} elements need {n_blocks} blocks of {block_size} threads, more than a grid has"
        );
        LaunchConfig {
            grid: [n_blocks as u32, 1, 1],
            block: [block_size, 1, 1],
            shared_bytes: 0,
        }
    }
}

/// A buffer of `cust` as the argument of a kernel.
pub trait Argument {
    /// What a parameter that the kernel reads takes.
    type Read<'a>
    where
        Self: 'a;
    /// What a parameter that the kernel writes takes.
    type Written<'a>
    where
        Self: 'a;
    /// For a parameter that the kernel reads: `&[T]` and `*const T`, or `&T`.
    fn argument(&self) -> Self::Read<'_>;
    /// For a parameter that the kernel writes: `PerThread<T>`, `DisjointSlice<T>` and `*mut T`.
    fn argument_mut(&mut self) -> Self::Written<'_>;
}

impl<T: DeviceCopy> Argument for cust::memory::DeviceSlice<T> {
    type Read<'a>
        = DeviceSlice<'a, T>
    where
        T: 'a;
    type Written<'a>
        = DeviceSliceMut<'a, T>
    where
        T: 'a;

    fn argument(&self) -> DeviceSlice<'_, T> {
        // SAFETY: the slice is live device memory, and borrowed. That its elements mean the same on
        // both sides is what `DeviceCopy` promises.
        unsafe { DeviceSlice::from_raw_parts(self.as_device_ptr().as_raw(), self.len()) }
    }

    fn argument_mut(&mut self) -> DeviceSliceMut<'_, T> {
        // SAFETY: as above, and mutably borrowed.
        unsafe { DeviceSliceMut::from_raw_parts(self.as_device_ptr().as_raw(), self.len()) }
    }
}

impl<T: DeviceCopy> Argument for cust::memory::DeviceBox<T> {
    type Read<'a>
        = DeviceRef<'a, T>
    where
        T: 'a;
    type Written<'a>
        = DeviceSliceMut<'a, T>
    where
        T: 'a;

    fn argument(&self) -> DeviceRef<'_, T> {
        // SAFETY: the box is live device memory, and borrowed. That its value means the same on both
        // sides is what `DeviceCopy` promises.
        unsafe { DeviceRef::from_raw(self.as_device_ptr().as_raw()) }
    }

    fn argument_mut(&mut self) -> DeviceSliceMut<'_, T> {
        // SAFETY: as above, and mutably borrowed; it is one value.
        unsafe { DeviceSliceMut::from_raw_parts(self.as_device_ptr().as_raw(), 1) }
    }
}

/// Of `levels`, pairs of a level and its PTX in rising order, the last that a device of this compute
/// capability (80 for 8.0) runs. PTX for `sm_90a` runs on 9.0 alone, for `sm_100f` on 10.0 and later
/// devices of the family 10.
pub fn select_level<'a>(
    levels: &'a [(u32, &'a str)],
    compute_capability: u32,
) -> Option<(u32, &'a str)> {
    levels
        .iter()
        .copied()
        .rfind(|&(level, ptx)| match target_form(ptx) {
            Some('a') => level == compute_capability,
            Some('f') => level <= compute_capability && level / 10 == compute_capability / 10,
            _ => level <= compute_capability,
        })
}

/// What follows the number in the PTX's `.target sm_90a`.
fn target_form(ptx: &str) -> Option<char> {
    let target = ptx
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(".target"))?;
    let name = target
        .split([',', ' ', '\t'])
        .find(|word| !word.is_empty())?;
    name.chars()
        .last()
        .filter(|last| last.is_ascii_alphabetic())
}

/// The compute capability of a device as one number: 80 for 8.0.
///
/// # Errors
///
/// If the driver cannot say.
pub fn compute_capability(device: Device) -> CudaResult<u32> {
    let major = device.get_attribute(DeviceAttribute::ComputeCapabilityMajor)?;
    let minor = device.get_attribute(DeviceAttribute::ComputeCapabilityMinor)?;
    Ok((major * 10 + minor) as u32)
}

/// The kernels of one module, loaded into the current context.
pub struct Kernels {
    /// Declared before the module, which they are part of.
    launched: Mutex<HashMap<&'static str, Launched>>,
    module: Module,
    level: u32,
    /// Where a panicking kernel writes who it was; `None` if the module has no such kernel.
    record: Option<LockedBox<Record>>,
    is_blocking: bool,
}

/// A kernel that has been launched.
struct Launched {
    id: u32,
    /// `'static` stands for as long as the module.
    function: Arc<Function<'static>>,
    /// Since the last time that the host waited for all of them.
    is_pending: bool,
}

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Record(PanicRecord);

// SAFETY: numbers only.
unsafe impl DeviceCopy for Record {}

impl Kernels {
    /// Loads the highest of `levels` that `device` runs into the current context.
    ///
    /// # Errors
    ///
    /// If the device runs none of the levels, or the driver rejects the PTX.
    pub fn load(device: Device, levels: &[(u32, &str)]) -> Result<Kernels, Error> {
        let doing = |what: &str| {
            let what = what.to_owned();
            move |error| Error::Driver { what, error }
        };
        let capability =
            compute_capability(device).map_err(doing("reading the compute capability"))?;
        let (level, ptx) = select_level(levels, capability).ok_or_else(|| Error::NoLevel {
            capability,
            levels: levels.iter().map(|&(level, _)| level).collect(),
        })?;
        let module = Module::from_ptx(ptx, &[]).map_err(|error| Error::Driver {
            what: format!("loading the PTX for sm_{level}"),
            error,
        })?;
        let record = match module.get_global::<u64>(&symbol_name()) {
            Ok(mut symbol) => {
                let record = LockedBox::new(&Record(PanicRecord::EMPTY))
                    .map_err(doing("allocating pinned host memory"))?;
                symbol
                    .copy_from(&(record.as_raw() as u64))
                    .map_err(doing("passing the panic record's address"))?;
                Some(record)
            }
            Err(CudaError::NotFound) => None,
            Err(error) => return Err(doing("looking for the panic record")(error)),
        };
        Ok(Kernels {
            launched: Mutex::default(),
            module,
            level,
            record,
            is_blocking: std::env::var_os(BLOCKING_VARIABLE)
                .is_some_and(|value| !value.is_empty() && value != "0"),
        })
    }

    /// The level that was loaded: 80 for sm_80.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Launches a kernel on `stream`; does not wait for it.
    ///
    /// # Safety
    ///
    /// - What the kernel asks of its launch (grid, block, lengths of its arguments) holds.
    /// - The buffers that its arguments borrow live until the kernel has ended: nobody frees one
    ///   but by `cuMemFree`, which waits.
    /// - No other stream uses what this kernel writes, or writes what it reads, meanwhile.
    ///
    /// # Errors
    ///
    /// If the module has no such kernel, a block has more threads than the kernel's launch bounds
    /// allow, the device cannot launch it in this shape, or something launched earlier has failed.
    pub unsafe fn launch<K: Kernel>(
        &self,
        stream: &Stream,
        config: LaunchConfig,
        kernel: K,
    ) -> Result<(), Error> {
        if let Some(bounds) = K::LAUNCH_BOUNDS {
            let n_threads: u64 = config.block.map(u64::from).iter().product();
            if n_threads > u64::from(bounds.max_threads) {
                return Err(Error::TooManyThreads {
                    kernel: K::NAME,
                    n_threads,
                    max_threads: bounds.max_threads,
                });
            }
        }
        let function = self.function::<K>()?;
        let [grid_x, grid_y, grid_z] = config.grid;
        let [block_x, block_y, block_z] = config.block;
        let words = kernel.words();
        let words: &[*const c_void] = words.as_ref();
        // SAFETY: the driver takes pointers to mutable words and only reads them.
        let words =
            unsafe { slice::from_raw_parts(words.as_ptr().cast::<*mut c_void>(), words.len()) };
        // SAFETY: the words are the kernel's parameters, which the driver copies before it returns;
        // the caller vouches for the rest.
        let launched = unsafe {
            stream.launch(
                &function,
                (grid_x, grid_y, grid_z),
                (block_x, block_y, block_z),
                config.shared_bytes,
                words,
            )
        };
        launched.map_err(|error| match self.explain(error) {
            // One that was launched before this one.
            panicked @ Error::Panicked { .. } => panicked,
            cause => Error::Launch {
                kernel: K::NAME,
                config,
                cause: Box::new(cause),
            },
        })?;
        if let Some(kernel) = self.lock().get_mut(K::NAME) {
            kernel.is_pending = true;
        }
        if self.is_blocking {
            self.synchronize(stream)?;
        }
        Ok(())
    }

    /// Waits until everything on `stream` is done.
    ///
    /// # Errors
    ///
    /// If a kernel has failed: the error names it.
    pub fn synchronize(&self, stream: &Stream) -> Result<(), Error> {
        stream.synchronize().map_err(|error| self.explain(error))?;
        for kernel in self.lock().values_mut() {
            kernel.is_pending = false;
        }
        Ok(())
    }

    /// What an error of the driver means: which kernel failed, if one did.
    ///
    /// Kernels fail after their launch, so any later call may return their error.
    pub fn explain(&self, error: CudaError) -> Error {
        let launched = self.lock();
        if let Some(record) = &self.record {
            // SAFETY: the record is live; the device may be writing it, hence the volatile read.
            let Record(record) = unsafe { record.as_raw().read_volatile() };
            if record.state == PanicRecord::WRITTEN {
                let kernel = launched
                    .iter()
                    .find(|(_, kernel)| kernel.id == record.kernel_id)
                    .map_or("of another module", |(&name, _)| name);
                return Error::Panicked {
                    kernel,
                    block_idx: record.block_idx,
                    thread_idx: record.thread_idx,
                    location: (record.line > 0).then(|| SourceLocation {
                        file: record.file.as_str().to_owned(),
                        line: record.line,
                        column: record.column,
                    }),
                    message: record.message.as_str().to_owned(),
                };
            }
        }
        let mut pending: Vec<_> = launched
            .iter()
            .filter(|(_, kernel)| kernel.is_pending)
            .map(|(&name, _)| name)
            .collect();
        pending.sort_unstable();
        Error::Failed { pending, error }
    }

    /// Looks the kernel up when it is launched for the first time.
    fn function<K: Kernel>(&self) -> Result<Arc<Function<'static>>, Error> {
        if let Some(kernel) = self.lock().get(K::NAME) {
            return Ok(Arc::clone(&kernel.function));
        }
        let function = self
            .module
            .get_function(K::NAME)
            .map_err(|error| match error {
                CudaError::NotFound => Error::NoKernel {
                    kernel: K::NAME,
                    level: self.level,
                },
                error => self.explain(error),
            })?;
        // SAFETY: only the lifetime changes. The function is part of the module, which lives as long
        // as `self`, and no copy of it outlives a call of `self`'s methods.
        let function: Function<'static> = unsafe { std::mem::transmute(function) };
        let function = Arc::new(function);
        self.lock().insert(
            K::NAME,
            Launched {
                id: K::ID,
                function: Arc::clone(&function),
                is_pending: false,
            },
        );
        Ok(function)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Launched>> {
        self.launched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn symbol_name() -> CString {
    CString::new(RECORD_SYMBOL).expect("the name has no zero byte")
}

#[cfg(test)]
mod tests {
    use super::{LaunchConfig, select_level};

    #[test]
    fn a_device_gets_the_highest_level_that_it_runs() {
        let levels = [(75, "a"), (80, "b")];
        assert_eq!(select_level(&levels, 70), None);
        assert_eq!(select_level(&levels, 75), Some((75, "a")));
        assert_eq!(select_level(&levels, 79), Some((75, "a")));
        assert_eq!(select_level(&levels, 90), Some((80, "b")));
        assert_eq!(select_level(&[], 90), None);
        let ptx = "//\n.version 8.6\n.target sm_90a, debug\n";
        let family = ".version 8.6\n.target sm_100f\n";
        let levels = [(80, "b"), (90, ptx), (100, family)];
        assert_eq!(select_level(&levels, 89), Some((80, "b")));
        assert_eq!(select_level(&levels, 90), Some((90, ptx)));
        assert_eq!(select_level(&levels, 103), Some((100, family)));
        assert_eq!(select_level(&levels, 120), Some((80, "b")));
    }

    #[test]
    fn a_grid_covers_all_elements() {
        for (n, n_blocks) in [(0, 0), (1, 1), (255, 1), (256, 1), (257, 2)] {
            assert_eq!(LaunchConfig::for_elements(n, 256).grid, [n_blocks, 1, 1]);
        }
    }
}
