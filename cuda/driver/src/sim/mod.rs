//! The simulator as a driver: answers the `cu*` functions from a device of `ptx_sim`.
//!
//! It is chosen by [`crate::select`] or by the environment variable
//! [`SOURCE_VARIABLE`](crate::SOURCE_VARIABLE), before the first call. There is one device, and
//! work is done when it is submitted, in the order of the calls: one of the orders that a GPU may
//! choose. What goes wrong in a kernel is nevertheless returned by the next call that looks, and
//! by all calls after it, until the context is destroyed.
//!
//! So a kernel must not wait for what the thread that launched it does next, nor a host function for the
//! thread that submitted it: on a GPU they may, here they wait until the step limit, or for good. What
//! several threads submit to different streams runs at the same time.
//! Absent are arrays, textures and surfaces, memory that other processes or interfaces share,
//! virtual address management, several devices, and memory that graphs allocate.
//!
//! What the simulator finds (races, uninitialized reads, faults, leaks) is written to the log, as
//! is every function that it does not have and why it refuses a call where the code alone would
//! not say. The log is stderr, unless [`set_log`] sends it elsewhere; [`reports`] has the findings
//! for a program to look at:
//!
//! ```
//! use cuda_driver::{Source, sim};
//!
//! cuda_driver::select(Source::Simulator(sim::Options::default()))?;
//! let _context = cust::quick_init()?;
//! // Launches go here.
//! assert!(sim::reports().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod argument;
pub(crate) mod attributes;
pub(crate) mod capture;
pub(crate) mod context;
pub(crate) mod copy;
pub(crate) mod device;
pub(crate) mod entry_point;
pub(crate) mod event;
pub(crate) mod fill;
pub(crate) mod function;
pub(crate) mod graph;
pub(crate) mod graph_exec;
pub(crate) mod graph_node;
pub(crate) mod graph_parameters;
mod image;
pub(crate) mod kernel_node;
pub(crate) mod launch;
pub(crate) mod launch_config;
pub(crate) mod legacy;
pub(crate) mod library;
pub(crate) mod link;
pub(crate) mod memory;
pub(crate) mod module;
pub(crate) mod occupancy;
pub(crate) mod old;
mod operation;
pub(crate) mod pointer;
pub(crate) mod pool;
pub(crate) mod primary;
mod profile;
pub(crate) mod profiler;
mod refusal;
mod running;
mod session;
mod state;
pub(crate) mod stream;
pub(crate) mod tensor_map;
pub(crate) mod user_object;
pub(crate) mod value;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

pub use profile::profile;
use ptx_sim::Device;
pub use ptx_sim::{
    Checks, Kind, Options, Party, Place, Profile, ProfileFormat, ProfileOutput, Properties, Report,
    SourceLine,
};

pub(crate) use argument::Argument;
pub(crate) use session::answer;
use state::State;

use crate::tables::Tables;

/// The CUDA version that the simulator answers with: 13.5.
const VERSION: i32 = 13_050;

/// The device and what the driver knows about its users.
struct Simulator {
    device: Device,
    state: Mutex<State>,
    /// Told whenever a stream has done its work.
    idle: Condvar,
    /// What was found and not yet taken by [`reports`].
    reports: Mutex<Vec<Report>>,
}

static SIMULATOR: OnceLock<Simulator> = OnceLock::new();

/// Makes the device, once, and returns the functions that answer from it.
pub(crate) fn start(options: Options) -> Tables {
    profile::print_at_exit();
    SIMULATOR.get_or_init(|| Simulator {
        device: Device::new(options),
        state: Mutex::default(),
        idle: Condvar::new(),
        reports: Mutex::default(),
    });
    Tables::simulated()
}

/// What the simulator found since the last call of this function, in the order in which it was
/// found; nothing if the simulator is not the driver.
///
/// What is found again, at the same instructions of the same kernel, is one report with a count. The
/// log has it once.
pub fn reports() -> Vec<Report> {
    let Some(simulator) = SIMULATOR.get() else {
        return Vec::new();
    };
    let mut reports = simulator
        .reports
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *reports)
}

/// Where lines of the log go.
type Log = Box<dyn FnMut(&str) + Send>;

static LOG: Mutex<Option<Log>> = Mutex::new(None);

/// Sends the log to `log`, one entry at a time, instead of stderr. `|_| ()` switches it off.
///
/// `log` must not call the driver.
pub fn set_log(log: impl FnMut(&str) + Send + 'static) {
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(log));
}

/// Writes an entry to the log.
pub(crate) fn log(entry: &str) {
    match &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(log) => log(entry),
        // Whether stderr is closed is no concern of the caller's.
        None => drop(writeln!(io::stderr(), "CUDA simulator: {entry}")),
    }
}

/// Names a function that the simulator does not have in the log, the first time.
pub(crate) fn missing(function: &'static str) {
    log_once(format!(
        "{function} is not there: it returns CUDA_ERROR_NOT_SUPPORTED"
    ));
}

/// Writes an entry to the log, the first time.
fn log_once(entry: String) {
    static WRITTEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    if written.insert(entry.clone()) {
        drop(written);
        log(&entry);
    }
}
