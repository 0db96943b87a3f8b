//! The `cu*` functions of the CUDA driver, resolved at run time.
//!
//! `cust` declares these functions and expects the linker to find them in NVIDIA's `libcuda`.
//! This crate defines them instead, each forwarding to the driver's library, which is opened at
//! the first call. A program that is linked with it builds without a CUDA toolkit and starts on a
//! machine without a driver: there every call returns `CUDA_ERROR_NO_DEVICE`, and the text of
//! that error says which library was looked for and why it could not be loaded.
//!
//! A program that names nothing of this crate must still mention it, or cargo does not link it:
//!
//! ```
//! use cuda_driver as _;
//!
//! match cust::init(cust::CudaFlags::empty()) {
//!     Ok(()) => println!("the driver is ready"),
//!     Err(error) => println!("{error}"),
//! }
//! ```
//!
//! All functions of CUDA's header are here, those that `cust_raw` declares and the others. One that the
//! driver at hand does not have returns `CUDA_ERROR_NOT_FOUND`; a result code that `cust_raw` does not
//! declare is returned by its functions as `CUDA_ERROR_UNKNOWN`, described by its own name and text when
//! the same thread asks next.
//!
//! # Without a GPU
//!
//! The same calls can be answered by a device in software, [`sim`]: every kernel then runs, and is
//! checked, on any machine. The environment variable [`SOURCE_VARIABLE`] chooses it, `CUDA_DRIVER=sim`,
//! or [`select`] does.

#[macro_use]
mod forward;
mod functions;
mod header;
#[cfg(test)]
mod misuse;
mod per_thread;
mod result;
pub mod sim;
mod tables;
mod undeclared;

use std::error::Error;
use std::ffi::{OsStr, OsString, c_int};
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::Library;

use tables::Tables;

/// The environment variable that names the library to load in place of [`DEFAULT_LIBRARY`].
pub const LIBRARY_VARIABLE: &str = "CUDA_DRIVER_LIBRARY";

/// The driver's library, as the system's loader knows it.
pub const DEFAULT_LIBRARY: &str = if cfg!(windows) {
    "nvcuda.dll"
} else {
    "libcuda.so.1"
};

/// The environment variable that says what answers the calls: `cuda` (or nothing) for the driver's
/// library, `sim` for the simulator.
pub const SOURCE_VARIABLE: &str = "CUDA_DRIVER";

/// What answers the calls.
#[derive(Clone, Debug)]
pub enum Source {
    /// The driver's library: [`DEFAULT_LIBRARY`], or what [`LIBRARY_VARIABLE`] names.
    Library,
    /// The simulator.
    Simulator(sim::Options),
}

impl Source {
    /// The source that the environment asks for.
    fn from_env() -> Result<Self, String> {
        let Some(name) = std::env::var_os(SOURCE_VARIABLE) else {
            return Ok(Self::Library);
        };
        match name.to_str() {
            Some("" | "cuda") => Ok(Self::Library),
            Some("sim") => sim::Options::from_env().map(Self::Simulator),
            _ => Err(format!(
                "the environment variable {SOURCE_VARIABLE} is {name:?}; expected cuda, for the \
                 driver's library, or sim, for the simulator"
            )),
        }
    }
}

/// What was chosen so far.
enum Choice {
    /// Nothing: the environment says.
    None,
    /// By [`select`].
    Source(Source),
    /// By [`serve_simulator`].
    Served,
    /// The driver was loaded, or loading it failed.
    Loaded,
}

static CHOICE: Mutex<Choice> = Mutex::new(Choice::None);

static DRIVER: OnceLock<Result<Driver, DriverError>> = OnceLock::new();

/// Chooses what answers the calls, before the first of them. The environment is not asked then.
///
/// # Errors
///
/// The driver is loaded already.
pub fn select(source: Source) -> Result<(), SelectError> {
    let mut choice = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*choice, Choice::Loaded) {
        return Err(SelectError);
    }
    *choice = Choice::Source(source);
    Ok(())
}

/// Makes the simulator answer all calls, with what the environment says of it, because this code is a
/// library that programs load in place of NVIDIA's. Then callers get every result code as it is.
///
/// # Errors
///
/// The driver is loaded already.
pub fn serve_simulator() -> Result<(), SelectError> {
    let mut choice = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*choice, Choice::Loaded) {
        return Err(SelectError);
    }
    *choice = Choice::Served;
    Ok(())
}

/// The driver was loaded before another was chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SelectError;

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the CUDA driver is loaded already; choose another before the first call that needs it",
        )
    }
}

impl Error for SelectError {}

/// A driver that was loaded.
pub struct Driver {
    tables: Tables,
    name: OsString,
    /// Whether this is a library in place of NVIDIA's.
    is_served: bool,
    /// Kept open, for the functions point into it; the simulator is no library.
    library: Option<Library>,
}

impl Driver {
    /// Loads the driver that was chosen, or that the environment asks for.
    fn load() -> Result<Self, DriverError> {
        let mut choice_now = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
        let choice = std::mem::replace(&mut *choice_now, Choice::Loaded);
        drop(choice_now);
        let is_served = matches!(choice, Choice::Served);
        let source = match choice {
            Choice::Source(source) => Ok(source),
            Choice::Served => sim::Options::from_env().map(Source::Simulator),
            Choice::None | Choice::Loaded => Source::from_env(),
        };
        match source {
            Ok(Source::Library) => Self::load_library(),
            Ok(Source::Simulator(options)) => Ok(Self {
                tables: sim::start(options),
                name: "ptx_sim".into(),
                is_served,
                library: None,
            }),
            Err(reason) => {
                if is_served {
                    // Whoever loads a driver has no other way to hear of it than the error's text.
                    sim::log(&reason);
                }
                Err(DriverError {
                    library: OsString::new(),
                    reason,
                })
            }
        }
    }

    fn load_library() -> Result<Self, DriverError> {
        let name = std::env::var_os(LIBRARY_VARIABLE)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| DEFAULT_LIBRARY.into());
        let failed = |reason| DriverError {
            library: name.clone(),
            reason,
        };
        // SAFETY: Running the initializers of the driver's library is what every CUDA program
        // does. Whoever names another library vouches for that one.
        let library = unsafe { Library::new(&name) }.map_err(|error| failed(innermost(&error)))?;
        // SAFETY: As above for the signatures; the library moves into the driver.
        let tables = unsafe { Tables::load(&library) };
        if tables.declared.cuInit.is_none() {
            return Err(failed("the library has no function cuInit".to_owned()));
        }
        Ok(Self {
            tables,
            name,
            is_served: false,
            library: Some(library),
        })
    }

    /// The name or path that the library was loaded by; `ptx_sim` for the simulator.
    pub fn library(&self) -> &OsStr {
        &self.name
    }

    /// Whether the simulator answers the calls.
    pub fn is_simulated(&self) -> bool {
        self.library.is_none()
    }

    /// The newest version of CUDA that the driver supports, as major and minor number.
    ///
    /// `None` if the driver does not say.
    pub fn version(&self) -> Option<(u32, u32)> {
        let get_version = self.tables.declared.cuDriverGetVersion?;
        let mut version: c_int = 0;
        // SAFETY: The function writes one integer to its argument.
        let code = unsafe { get_version(&mut version) };
        let version = u32::try_from(version).ok()?;
        (code == 0 && version > 0).then_some((version / 1000, version % 1000 / 10))
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("library", &self.name)
            .finish_non_exhaustive()
    }
}

/// Why there is no driver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DriverError {
    /// The name or path of the library that was tried; empty if the environment asks for what there
    /// is not.
    pub library: OsString,
    /// What the system's loader said, or what is wrong with the environment.
    pub reason: String,
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { library, reason } = self;
        if library.is_empty() {
            return write!(f, "no CUDA driver: {reason}");
        }
        let library = library.display();
        write!(
            f,
            "no CUDA driver: loading {library} failed ({reason}); install the NVIDIA driver, or \
             name its library in the environment variable {LIBRARY_VARIABLE}"
        )
    }
}

impl Error for DriverError {}

/// The driver behind the `cu*` functions, loaded at the first call of this or any of them.
///
/// # Errors
///
/// The library cannot be loaded or is no CUDA driver, or the environment asks for what there is
/// not. The attempt is not repeated.
pub fn driver() -> Result<&'static Driver, DriverError> {
    DRIVER
        .get_or_init(Driver::load)
        .as_ref()
        .map_err(DriverError::clone)
}

/// Whether a driver is loaded. It may still find no device.
pub fn is_available() -> bool {
    driver().is_ok()
}

/// The text of the error at the end of the chain, which holds the loader's own words.
fn innermost(mut error: &dyn Error) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
