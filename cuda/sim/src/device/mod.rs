//! The public face: a device that memory is allocated on, and that kernels are launched on.

mod occupancy;
mod options;
mod properties;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use occupancy::{Limit, Occupancy};
pub use options::Options;
pub use properties::Properties;

use crate::check::{Kind, Log, Report};
use crate::exec::{self, LaunchState};
use crate::memory::{AllocationKind, Memory};
use crate::profile::{Profile, Recorder, Tallies};
use crate::program::{self, Kernel, LoadError, Program};

/// A simulated GPU with its memory. It may be used from several threads at once.
pub struct Device {
    options: Options,
    memory: Memory,
    log: Log,
    launches: AtomicU64,
    stack_limit: AtomicU32,
    heap_limit: AtomicU64,
    heap_used: AtomicU64,
    output: Mutex<Box<dyn Write + Send>>,
    recorder: Recorder,
}

/// How a kernel is launched.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// The blocks of the grid, as x, y, z; of a kernel with `.blocksareclusters` its clusters.
    pub grid: [u32; 3],
    /// The threads of a block, as x, y, z.
    pub block: [u32; 3],
    /// The blocks of a cluster, as x, y, z; without one those that the kernel asks for, if it does.
    pub cluster: Option<[u32; 3]>,
    /// Whether a cluster may have 16 blocks, which not every device of the architecture takes, and not 8.
    pub non_portable_cluster: bool,
    /// Bytes of shared memory beyond the kernel's own variables.
    pub dynamic_shared: u32,
    /// The values of the kernel's parameters.
    pub arguments: Arguments<'a>,
    /// Whether all blocks must be on the device at the same time.
    pub cooperative: bool,
}

impl Default for Launch<'_> {
    /// One block of one thread, without arguments.
    fn default() -> Self {
        Self {
            grid: [1; 3],
            block: [1; 3],
            cluster: None,
            non_portable_cluster: false,
            dynamic_shared: 0,
            arguments: Arguments::Values(&[]),
            cooperative: false,
        }
    }
}

/// The values of a kernel's parameters.
#[derive(Clone, Copy, Debug)]
pub enum Arguments<'a> {
    /// One after the other, each of exactly its parameter's size.
    Values(&'a [&'a [u8]]),
    /// Packed, each at its parameter's offset.
    Packed(&'a [u8]),
}

/// What a launch has done.
#[derive(Clone, Copy, Debug)]
pub struct LaunchSummary {
    /// The instructions that warps took.
    pub steps: u64,
    /// The same, each counted by the lanes of its warp that were at it.
    pub lane_instructions: u64,
    /// How long the launch took.
    pub time: Duration,
    /// The seed of its schedule.
    pub seed: u64,
}

/// Why a launch did not come to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LaunchError {
    /// The launch asks for what the device does not have; nothing ran.
    #[error("{0}")]
    Configuration(String),
    /// The launch asks for more threads, registers or shared memory than there are; nothing ran.
    #[error("{0}")]
    Resources(String),
    /// The arguments do not match the kernel's parameters; nothing ran.
    #[error("{0}")]
    Arguments(String),
    /// A thread did what ends a launch. On a GPU the context is lost.
    #[error("{0}")]
    Fault(Box<Report>),
}

impl Device {
    /// A device with these properties and checks.
    pub fn new(options: Options) -> Self {
        let memory = Memory::new(
            options.properties.total_memory,
            options.checks.initialization,
        );
        Self {
            memory,
            log: Log::default(),
            launches: AtomicU64::new(0),
            stack_limit: AtomicU32::new(options.stack_limit),
            heap_limit: AtomicU64::new(options.heap_limit),
            heap_used: AtomicU64::new(0),
            output: Mutex::new(Box::new(io::stdout())),
            recorder: Recorder::default(),
            options,
        }
    }

    /// What the device was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The device's memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Loads a module.
    ///
    /// # Errors
    ///
    /// The text is no PTX, or PTX that the simulator cannot run: the error has line and column. The
    /// PTX is for another architecture; there is no memory for its variables.
    pub fn load(&self, ptx: &str) -> Result<Program, LoadError> {
        program::load(
            ptx,
            &self.memory,
            self.options.properties.compute_capability,
        )
    }

    /// Frees the variables of a program, whose kernels must not be launched any more.
    pub fn unload(&self, program: &Program) {
        for address in program.addresses() {
            // Somebody may have freed a variable by its address, who was told so then.
            let _ = self.memory.free(address);
        }
    }

    /// Runs a kernel to its end.
    ///
    /// What the checks find and a GPU would not stop at is kept for [`Device::reports`].
    ///
    /// # Errors
    ///
    /// The launch or its arguments do not fit, and nothing ran; or a thread did what ends the
    /// launch, such as an access out of bounds, and the memory is as it was left then.
    pub fn launch(
        &self,
        kernel: &Kernel,
        launch: &Launch<'_>,
    ) -> Result<LaunchSummary, LaunchError> {
        self.check_launch(kernel, launch)?;
        let parameters = pack(kernel, launch.arguments)?;
        let workspace = match launch.cooperative {
            true => self.grid_workspace()?,
            false => 0,
        };
        let counts = self.options.profile;
        let cluster = cluster(kernel, launch);
        let mut state = LaunchState {
            device: self,
            kernel,
            grid: grid(kernel, launch),
            block: launch.block,
            cluster: cluster.unwrap_or([1; 3]),
            is_explicit_cluster: cluster.is_some(),
            dynamic_shared: launch.dynamic_shared,
            parameters,
            workspace,
            view: self.memory.view(),
            checks: self.options.checks,
            seed: self.options.seed,
            releases: Arc::default(),
            number: self.launches.fetch_add(1, Relaxed) + 1,
            steps: AtomicU64::new(0),
            lane_instructions: AtomicU64::new(0),
            tallies: counts.then(|| Tallies::new(kernel.code().len())),
            started: Instant::now(),
        };
        let outcome = exec::run(&state);
        if workspace != 0 {
            // A kernel has no business to free it, but could.
            let _ = self.memory.free(workspace);
        }
        if let Some(tallies) = state.tallies.take() {
            let time = state.started.elapsed();
            self.recorder.add(kernel, launch, tallies, time);
        }
        outcome.map_err(LaunchError::Fault)?;
        Ok(LaunchSummary {
            steps: state.steps.into_inner(),
            lane_instructions: state.lane_instructions.into_inner(),
            time: state.started.elapsed(),
            seed: state.seed,
        })
    }

    /// Allocates what `cooperative_groups::grid_group` expects of a driver: two words, the size of
    /// both, and a count of arrivals that starts at 0.
    fn grid_workspace(&self) -> Result<u64, LaunchError> {
        const BYTES: u64 = 8;
        let memory = &self.memory;
        memory
            .allocate(BYTES, 8, AllocationKind::Device)
            .and_then(|address| {
                memory
                    .write(address, &BYTES.to_le_bytes())
                    .map(|()| address)
            })
            .map_err(|error| {
                LaunchError::Resources(format!("the barrier of a cooperative grid: {error}"))
            })
    }

    /// Whether the device can launch a kernel like this. The arguments are not looked at.
    ///
    /// # Errors
    ///
    /// As those of [`Device::launch`], except for faults.
    pub fn check_launch(&self, kernel: &Kernel, launch: &Launch<'_>) -> Result<(), LaunchError> {
        let properties = &self.options.properties;
        let name = kernel.name();
        let refuse = |message: String| {
            Err(LaunchError::Configuration(format!(
                "the launch of {name}: {message}"
            )))
        };
        let exceed = |message: String| {
            Err(LaunchError::Resources(format!(
                "the launch of {name}: {message}"
            )))
        };
        let sizes = [
            ("grid", grid(kernel, launch), properties.max_grid),
            ("block", launch.block, properties.max_block),
        ];
        for (what, size, most) in sizes {
            if size.contains(&0) {
                return refuse(format!("the {what} {size:?} is empty"));
            }
            if size.iter().zip(most).any(|(&size, most)| size > most) {
                return refuse(format!("the {what} {size:?} is larger than {most:?}"));
            }
        }
        if let Err(message) = self.check_cluster(kernel, launch) {
            return refuse(message);
        }
        let threads: u64 = launch.block.iter().map(|&size| u64::from(size)).product();
        if threads > u64::from(properties.max_threads_per_block) {
            return refuse(format!(
                "a block of {threads} threads, the device takes {}",
                properties.max_threads_per_block
            ));
        }
        if let Some(required) = kernel.required_block()
            && required != launch.block
        {
            return refuse(format!(
                "the block is {:?}, the kernel requires {required:?}",
                launch.block
            ));
        }
        if threads > u64::from(kernel.max_threads()) {
            return exceed(format!(
                "a block of {threads} threads, the kernel was compiled for at most {}",
                kernel.max_threads()
            ));
        }
        let shared = u64::from(kernel.static_shared()) + u64::from(launch.dynamic_shared);
        if shared > u64::from(properties.shared_per_block_opt_in) {
            return exceed(format!(
                "{shared} bytes of shared memory, a block has at most {}",
                properties.shared_per_block_opt_in
            ));
        }
        if launch.cooperative {
            let blocks: u64 = grid(kernel, launch).map(u64::from).iter().product();
            let resident = self.resident_blocks(threads as u32) as u64;
            if blocks > resident {
                return exceed(format!(
                    "a cooperative launch of {blocks} blocks, {resident} fit on the device at a time"
                ));
            }
        }
        Ok(())
    }

    /// Whether the clusters of a launch are such as the device and the kernel take.
    fn check_cluster(&self, kernel: &Kernel, launch: &Launch<'_>) -> Result<(), String> {
        let Some(size) = cluster(kernel, launch) else {
            return match kernel.needs_cluster() {
                true => Err("the kernel wants to be told the shape of its clusters".to_owned()),
                false => Ok(()),
            };
        };
        let blocks = size
            .iter()
            .fold(1_u64, |product, &size| product.saturating_mul(size.into()));
        let most = self.max_cluster_blocks(launch.non_portable_cluster);
        if blocks == 0 || blocks > u64::from(most) {
            return Err(match most {
                1 => format!(
                    "the clusters {size:?}, which devices from compute capability 9.0 on have"
                ),
                8 => format!(
                    "a cluster of {blocks} blocks, without a non-portable size it has 1 to 8"
                ),
                _ => format!("a cluster of {blocks} blocks, the device takes 1 to {most}"),
            });
        }
        if let Some(required) = kernel.required_cluster()
            && required != size
        {
            return Err(format!(
                "the cluster is {size:?}, the kernel requires {required:?}"
            ));
        }
        if let Some(most) = kernel.max_cluster_blocks()
            && blocks > u64::from(most)
        {
            return Err(format!(
                "a cluster of {blocks} blocks, the kernel was compiled for at most {most}"
            ));
        }
        let grid = grid(kernel, launch);
        if (0..3).any(|dimension| !grid[dimension].is_multiple_of(size[dimension])) {
            return Err(format!(
                "the grid {grid:?} is no multiple of the cluster {size:?}"
            ));
        }
        Ok(())
    }

    /// The most blocks of a cluster: 1 where the device has no clusters. A size is portable if all
    /// devices with clusters take it.
    pub fn max_cluster_blocks(&self, non_portable: bool) -> u32 {
        match (self.options.properties.compute_capability.0, non_portable) {
            (..=8, _) => 1,
            (_, false) => 8,
            (_, true) => 16,
        }
    }

    /// What was found since the last call: everything that did not end a launch. Equal reports are
    /// one, with a count.
    pub fn reports(&self) -> Vec<Report> {
        self.log.take()
    }

    /// What all launches since the device was made have counted, those that faults ended too; nothing
    /// unless [`Options::profile`] is on.
    pub fn profile(&self) -> Profile {
        Profile {
            device: self.options.properties.clone(),
            kernels: self.recorder.kernels(),
        }
    }

    /// Reports the allocations that nobody freed, each as a [`Kind::Leak`].
    pub fn check_leaks(&self) {
        if !self.options.checks.heap {
            return;
        }
        for allocation in self.memory.leaks() {
            self.log.add(Report {
                kind: Kind::Leak,
                kernel: String::new(),
                party: None,
                message: format!("{allocation} was not freed"),
                address: Some(allocation.address),
                whereabouts: None,
                other: None,
                seed: self.options.seed,
                count: 1,
            });
        }
    }

    /// Says where the output of kernels goes: to the program's own, until this is called.
    pub fn set_output(&self, output: Box<dyn Write + Send>) {
        *self.output.lock().unwrap_or_else(PoisonError::into_inner) = output;
    }

    /// The bytes of local memory that calls may take in each thread.
    pub fn stack_limit(&self) -> u32 {
        self.stack_limit.load(Relaxed)
    }

    /// Sets [`Device::stack_limit`].
    pub fn set_stack_limit(&self, bytes: u32) {
        self.stack_limit.store(bytes, Relaxed);
    }

    /// The bytes that kernels may allocate.
    pub fn heap_limit(&self) -> u64 {
        self.heap_limit.load(Relaxed)
    }

    /// Sets [`Device::heap_limit`].
    pub fn set_heap_limit(&self, bytes: u64) {
        self.heap_limit.store(bytes, Relaxed);
    }

    /// Takes bytes of the kernels' heap; `false` if it does not have them.
    pub(crate) fn take_heap(&self, bytes: u64) -> bool {
        let limit = self.heap_limit();
        let add = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= limit);
        self.heap_used.fetch_update(Relaxed, Relaxed, add).is_ok()
    }

    /// Gives them back.
    pub(crate) fn give_heap(&self, bytes: u64) {
        self.heap_used.fetch_sub(bytes, Relaxed);
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Writes what a kernel prints.
    pub(crate) fn print(&self, text: &[u8]) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe is no reason to end a kernel.
        let _ = output.write_all(text).and_then(|()| output.flush());
    }

    /// The blocks that are on the device at a time.
    pub(crate) fn resident_blocks(&self, threads: u32) -> usize {
        let properties = &self.options.properties;
        let each = properties.max_threads_per_multiprocessor / threads.next_multiple_of(32).max(32);
        let each = each.clamp(1, properties.max_blocks_per_multiprocessor.max(1));
        (properties.multiprocessors * each) as usize
    }

    /// The host's threads that run blocks.
    pub(crate) fn workers(&self) -> usize {
        self.options.workers
    }
}

/// The shape of a launch's clusters, if it has any.
fn cluster(kernel: &Kernel, launch: &Launch<'_>) -> Option<[u32; 3]> {
    launch.cluster.or(kernel.required_cluster())
}

/// The blocks of a launch's grid.
fn grid(kernel: &Kernel, launch: &Launch<'_>) -> [u32; 3] {
    match cluster(kernel, launch) {
        Some(cluster) if kernel.blocks_are_clusters() => std::array::from_fn(|dimension| {
            launch.grid[dimension].saturating_mul(cluster[dimension])
        }),
        _ => launch.grid,
    }
}

/// The parameters of a launch, each at its offset.
fn pack(kernel: &Kernel, arguments: Arguments<'_>) -> Result<Vec<u8>, LaunchError> {
    let name = kernel.name();
    let parameters = kernel.parameters();
    match arguments {
        Arguments::Packed(bytes) if bytes.len() == kernel.parameter_bytes() => Ok(bytes.to_vec()),
        Arguments::Packed(bytes) => Err(LaunchError::Arguments(format!(
            "the launch of {name}: the packed arguments have {} bytes, its {} parameters take {}",
            bytes.len(),
            parameters.len(),
            kernel.parameter_bytes()
        ))),
        Arguments::Values(values) if values.len() != parameters.len() => {
            Err(LaunchError::Arguments(format!(
                "the launch of {name}: {} arguments for {} parameters",
                values.len(),
                parameters.len()
            )))
        }
        Arguments::Values(values) => {
            let mut packed = vec![0; kernel.parameter_bytes()];
            for (index, (value, parameter)) in values.iter().zip(parameters).enumerate() {
                if value.len() != parameter.size {
                    return Err(LaunchError::Arguments(format!(
                        "the launch of {name}: argument {} has {} bytes, its parameter takes {}",
                        index + 1,
                        value.len(),
                        parameter.size
                    )));
                }
                packed[parameter.offset..][..parameter.size].copy_from_slice(value);
            }
            Ok(packed)
        }
    }
}
