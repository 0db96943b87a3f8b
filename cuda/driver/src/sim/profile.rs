//! Counters of a whole program, printed when it ends if the environment asks for them.

use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use ptx_sim::{Profile, ProfileOutput};

use super::{SIMULATOR, log};

unsafe extern "C" {
    /// The C library's: runs `function` when the process ends, or when this library is unloaded.
    fn atexit(function: extern "C" fn()) -> std::ffi::c_int;
}

static OUTPUT: OnceLock<ProfileOutput> = OnceLock::new();

/// What all launches so far have counted, in the order of the kernels' first launches; `None` if the
/// simulator is not the driver. Empty unless [`Options::profile`](super::Options::profile) is on.
pub fn profile() -> Option<Profile> {
    SIMULATOR.get().map(|simulator| simulator.device.profile())
}

/// Prints the counters when the program ends, if `CUDA_SIM_PROFILE` says so.
pub(super) fn print_at_exit() {
    // What is wrong with the variable was said when the options were made of it.
    let Ok(Some(output)) = ProfileOutput::from_env() else {
        return;
    };
    if OUTPUT.set(output).is_ok() {
        // SAFETY: `print` is there as long as this library is, and panics no more than it says.
        let failed = unsafe { atexit(print) } != 0;
        if failed {
            log("CUDA_SIM_PROFILE: the C library takes no more functions to run at the end");
        }
    }
}

extern "C" fn print() {
    let (Some(output), Some(profile)) = (OUTPUT.get(), profile()) else {
        return;
    };
    match output.write(profile, Path::new(".")) {
        // Whether stderr is closed is no concern of the program's.
        Ok(Some(text)) => drop(io::stderr().write_all(text.as_bytes())),
        Ok(None) => {}
        Err(error) => log(&error),
    }
}
