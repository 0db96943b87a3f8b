//! How a simulated device is made, and the environment variables that say so.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZero;
use std::thread::available_parallelism;

use super::Properties;
use crate::check::Checks;
use crate::profile::ProfileOutput;

/// What a simulated device is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which device it pretends to be.
    pub properties: Properties,
    /// What is checked.
    pub checks: Checks,
    /// From what the order of warps and blocks is drawn. The same seed, with one worker, gives the
    /// same order.
    pub seed: u64,
    /// The threads of the host that run blocks, at least 1.
    pub workers: usize,
    /// The most instructions that the warps of a launch may take together.
    pub step_limit: u64,
    /// The bytes of local memory that calls may take in each thread.
    pub stack_limit: u32,
    /// The bytes that kernels may allocate.
    pub heap_limit: u64,
    /// Whether launches count what they do, for [`Device::profile`](super::Device::profile).
    pub profile: bool,
}

impl Default for Options {
    /// A device like an H100, all checks, a new seed, a worker for each of the host's cores.
    fn default() -> Self {
        Self {
            properties: Properties::h100(),
            checks: Checks::ALL,
            // The standard library's hash keys are the operating system's random numbers. Few
            // digits are easier to type again.
            seed: RandomState::new().hash_one(0) % 1_000_000,
            workers: available_parallelism().map_or(1, NonZero::get),
            step_limit: 10_000_000_000,
            stack_limit: 64 << 10,
            heap_limit: 8 << 20,
            profile: false,
        }
    }
}

impl Options {
    /// The options that the environment asks for:
    ///
    /// - `CUDA_SIM_DEVICE`: a name that [`Properties::by_name`] knows, `h100` without
    /// - `CUDA_SIM_CHECKS`: as [`Checks::from_list`] takes them, all without
    /// - `CUDA_SIM_SEED`: a number. A schedule repeats only if blocks run one by one, so this also
    ///   makes one worker, unless `CUDA_SIM_WORKERS` says otherwise
    /// - `CUDA_SIM_WORKERS`: the threads that run blocks, one for each core without
    /// - `CUDA_SIM_STEPS`: the most instructions of a launch
    /// - `CUDA_SIM_PROFILE`: as [`ProfileOutput`] takes it, switches counters on
    ///
    /// # Errors
    ///
    /// The sentence names the variable, what it holds and what it may hold.
    pub fn from_env() -> Result<Self, String> {
        Self::from_variables(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let number = |name: &str| -> Result<Option<u64>, String> {
            let Some(value) = variable(name) else {
                return Ok(None);
            };
            let number = value.replace('_', "").parse();
            number
                .map(Some)
                .map_err(|_| format!("{name}={value}: expected a whole number"))
        };
        let mut options = Self::default();
        if let Some(name) = variable("CUDA_SIM_DEVICE") {
            options.properties = Properties::by_name(&name).ok_or_else(|| {
                format!(
                    "CUDA_SIM_DEVICE={name}: there is no such device; there are {}",
                    Properties::names().join(", ")
                )
            })?;
        }
        if let Some(list) = variable("CUDA_SIM_CHECKS") {
            options.checks =
                Checks::from_list(&list).map_err(|error| format!("CUDA_SIM_CHECKS: {error}"))?;
        }
        if let Some(seed) = number("CUDA_SIM_SEED")? {
            options.seed = seed;
            options.workers = 1;
        }
        if let Some(workers) = number("CUDA_SIM_WORKERS")? {
            if workers == 0 {
                return Err("CUDA_SIM_WORKERS=0: at least one is needed".to_owned());
            }
            options.workers = usize::try_from(workers).unwrap_or(usize::MAX).min(1024);
        }
        if let Some(limit) = number("CUDA_SIM_STEPS")? {
            options.step_limit = limit;
        }
        let output = ProfileOutput::from_value(variable(ProfileOutput::VARIABLE))?;
        options.profile = output.is_some();
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<Options, String> {
        Options::from_variables(|name| {
            let pair = pairs.iter().find(|(known, _)| *known == name);
            pair.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_seed_makes_one_worker() {
        let options = from(&[("CUDA_SIM_SEED", "17")]).unwrap();
        assert_eq!((options.seed, options.workers), (17, 1));
        let options = from(&[("CUDA_SIM_SEED", "17"), ("CUDA_SIM_WORKERS", "2")]).unwrap();
        assert_eq!((options.seed, options.workers), (17, 2));
    }

    #[test]
    fn an_output_switches_counters_on() {
        assert!(!from(&[]).unwrap().profile);
        assert!(
            from(&[("CUDA_SIM_PROFILE", "json:a.json")])
                .unwrap()
                .profile
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value, expected) in [
            ("CUDA_SIM_DEVICE", "voodoo2", "h100"),
            ("CUDA_SIM_CHECKS", "bound", "bounds"),
            ("CUDA_SIM_SEED", "seven", "number"),
            ("CUDA_SIM_WORKERS", "0", "one"),
            ("CUDA_SIM_STEPS", "-1", "number"),
            ("CUDA_SIM_PROFILE", "yes", "table"),
        ] {
            let error = from(&[(name, value)]).unwrap_err();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }
}
