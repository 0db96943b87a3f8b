//! The crate's errors.

use cust::error::CudaError;

use crate::{BLOCKING_VARIABLE, LaunchConfig};

/// Why a kernel did not run, or did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device is older than all the PTX there is.
    #[error(
        "the device's compute capability is {}.{}, and there are kernels for {} only",
        capability / 10, capability % 10, list(levels)
    )]
    NoLevel {
        /// 70 for 7.0.
        capability: u32,
        /// 75 for sm_75.
        levels: Vec<u32>,
    },
    /// The module has no kernel of this name.
    #[error(
        "there is no kernel `{kernel}` in the PTX for sm_{level}: was the program built with another version of the kernels?"
    )]
    NoKernel {
        /// The kernel.
        kernel: &'static str,
        /// The level that was loaded.
        level: u32,
    },
    /// A kernel could not be launched.
    #[error(
        "kernel `{kernel}` cannot be launched with a grid of {:?} blocks of {:?} threads and {} bytes of dynamic shared memory: {cause}",
        config.grid, config.block, config.shared_bytes
    )]
    Launch {
        /// The kernel.
        kernel: &'static str,
        /// The launch's shape.
        config: LaunchConfig,
        /// What the driver said.
        cause: Box<Error>,
    },
    /// A block has more threads than the kernel was compiled for.
    #[error(
        "kernel `{kernel}` takes at most {max_threads} threads in a block, by its launch_bounds, and was launched with {n_threads}: launch smaller blocks, or raise the bound in the kernel's #[kernel(launch_bounds(...))]"
    )]
    TooManyThreads {
        /// The kernel.
        kernel: &'static str,
        /// The threads of a block.
        n_threads: u64,
        /// The most that it takes.
        max_threads: u32,
    },
    /// A kernel panicked: a bounds check, an `unwrap`, an overflow, an `assert!`.
    #[error("kernel `{kernel}` panicked{}", panicked(*block_idx, *thread_idx, location.as_ref(), message))]
    Panicked {
        /// The kernel.
        kernel: &'static str,
        /// x, y and z of the block.
        block_idx: [u32; 3],
        /// x, y and z of the thread in its block.
        thread_idx: [u32; 3],
        /// Where; `None` if the kernels were built to tell none.
        location: Option<SourceLocation>,
        /// The message in one line, cut if it is long; empty if the kernels were built to tell none.
        message: String,
    },
    /// A kernel did something that the device cannot do, such as reading memory that is not there.
    #[error("{}", failure(pending, *error))]
    Failed {
        /// The kernels that were launched since the host last waited for all.
        pending: Vec<&'static str>,
        /// What the driver said.
        error: CudaError,
    },
    /// The driver refused.
    #[error("{what} failed: {error}")]
    Driver {
        /// What was being done.
        what: String,
        /// What the driver said.
        error: CudaError,
    },
}

/// A place in a kernel's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLocation {
    /// The file, relative to the kernels' workspace.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

fn panicked(
    [block_x, block_y, block_z]: [u32; 3],
    [thread_x, thread_y, thread_z]: [u32; 3],
    location: Option<&SourceLocation>,
    message: &str,
) -> String {
    let mut text = format!(
        " in block ({block_x}, {block_y}, {block_z}), thread ({thread_x}, {thread_y}, {thread_z})"
    );
    if let Some(SourceLocation { file, line, column }) = location {
        text += &format!(" at {file}:{line}:{column}");
    }
    if !message.is_empty() {
        text += &format!(": {message}");
    }
    text
}

fn list(levels: &[u32]) -> String {
    let names: Vec<_> = levels.iter().map(|level| format!("sm_{level}")).collect();
    if names.is_empty() {
        "no device".to_owned()
    } else {
        names.join(", ")
    }
}

fn failure(pending: &[&str], error: CudaError) -> String {
    match pending {
        [] => format!("the device failed: {error}"),
        [kernel] => format!("kernel `{kernel}` failed: {error}"),
        several => format!(
            "a kernel failed: {error}; it is one of {}. \
             Set {BLOCKING_VARIABLE}=1 to learn which",
            several
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}
