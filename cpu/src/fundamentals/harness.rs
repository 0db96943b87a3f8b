//! What the algorithms run in: it prints what they say, checks their results, and times their versions.

use std::fmt::Display;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::Algorithm;
use super::hardware::machine::Machine;
use crate::backend::{CudaBackend, Memory};
use crate::bench::Timings;
use crate::{Error, Result};

/// A CUDA device, or one in software.
#[derive(Clone, Copy)]
pub struct Device<'a> {
    /// What launches kernels on it.
    pub backend: &'a CudaBackend,
    /// Whether it is the simulator, whose time says nothing about a GPU.
    pub is_simulated: bool,
}

/// Gets what is printed, line by line.
type Printer<'a> = Box<dyn FnMut(&str) -> Result<()> + 'a>;

/// Runs algorithms.
pub struct Harness<'a> {
    device: Option<Device<'a>>,
    seed: u64,
    patience: Duration,
    print: Printer<'a>,
    machine: Option<Machine>,
    /// Of all tables that were printed.
    records: Vec<Record>,
}

/// What one call of a version does, at the least: what any version has to read, write and compute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Bytes that it has to read and write once.
    pub bytes: f64,
    /// Floating-point operations; a fused multiply-add is two.
    pub operations: f64,
}

/// How long a version took.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which version.
    pub version: String,
    /// What it did.
    pub work: Work,
    /// Median of one call, in seconds.
    pub seconds: f64,
    /// Where it ran.
    pub place: Place,
}

/// Where a version ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The CPU.
    Host,
    /// A GPU.
    Device,
    /// The simulator.
    Simulator,
}

/// Times the versions of one computation; see [`Harness::table`].
pub struct Table {
    work: Work,
    device_place: Place,
    patience: Duration,
    records: Vec<Record>,
}

impl<'a> Harness<'a> {
    /// Runs on the CPU, and on the device if there is one. Each version is timed for about `patience`,
    /// at least once. `print` gets what is printed, line by line.
    pub fn new(
        device: Option<Device<'a>>,
        seed: u64,
        patience: Duration,
        print: impl FnMut(&str) -> Result<()> + 'a,
    ) -> Self {
        Harness {
            device,
            seed,
            patience,
            print: Box::new(print),
            machine: None,
            records: Vec::new(),
        }
    }

    /// Runs an algorithm without a word, and returns what its tables hold; on the CPU and a GPU, not on
    /// the simulator.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn measure(&self, algorithm: &dyn Algorithm) -> Result<Vec<Record>> {
        let device = self.device.filter(|device| !device.is_simulated);
        let mut harness = Harness::new(device, self.seed, self.patience, |_| Ok(()));
        harness.machine = self.machine;
        algorithm.run(&mut harness)?;
        Ok(harness.records)
    }

    /// The device, if the algorithm is to run on one.
    pub fn device(&self) -> Option<&'a CudaBackend> {
        self.device.map(|device| device.backend)
    }

    /// What the device is, if there is one.
    pub fn place_of_device(&self) -> Option<Place> {
        self.device.map(|device| match device.is_simulated {
            true => Place::Simulator,
            false => Place::Device,
        })
    }

    /// Where random numbers begin.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Random numbers, the same for the same seed.
    pub fn random(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }

    /// Prints a line.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn print(&mut self, line: impl Display) -> Result<()> {
        (self.print)(&line.to_string())
    }

    /// Prints how far a result is from what it should be.
    ///
    /// # Errors
    ///
    /// [`Error::Check`] if it is further than `limit`.
    pub fn check(&mut self, what: &str, error: f64, limit: f64) -> Result<()> {
        if !(error <= limit) {
            return Err(Error::Check(format!(
                "{what}: the error is {error:.3e}, at most {limit:.1e} is right"
            )));
        }
        self.print(format_args!(
            "check     {what}: error {error:.1e}, at most {limit:.1e}"
        ))
    }

    /// Begins a table of versions that all do this work.
    pub fn table(&self, work: Work) -> Table {
        Table {
            work,
            device_place: self.place_of_device().unwrap_or(Place::Device),
            patience: self.patience,
            records: Vec::new(),
        }
    }

    /// Prints a table: the time of each version, how many times faster it is than the first one, and
    /// what share it takes of this machine's memory bandwidth and of its operations a second. More than
    /// all of the bandwidth comes out of caches.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or the device cannot be measured.
    pub fn print_table(&mut self, table: Table) -> Result<()> {
        let machine = self.machine()?;
        self.print("")?;
        self.print(format_args!(
            "{:<34}{:>12}{:>11}{:>20}{:>21}",
            "version", "time", "speed-up", "bandwidth", "operations"
        ))?;
        let first = table.records.first().map_or(0.0, |record| record.seconds);
        for record in &table.records {
            let [bandwidth, operations] = match record.place {
                Place::Simulator => ["-".to_owned(), "-".to_owned()],
                Place::Host => shares(record, Some(machine.host)),
                Place::Device => shares(record, machine.device),
            };
            let speed_up = match record.place {
                Place::Simulator => "-".to_owned(),
                _ => format!("{:.2} x", first / record.seconds),
            };
            self.print(format_args!(
                "{:<34}{:>12}{speed_up:>11}{bandwidth:>20}{operations:>21}",
                record.version,
                time(record.seconds)
            ))?;
        }
        self.records.extend(table.records);
        Ok(())
    }

    /// What this machine can do, measured when it is asked for first.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn machine(&mut self) -> Result<Machine> {
        if let Some(machine) = self.machine {
            return Ok(machine);
        }
        let device = self.device.filter(|device| !device.is_simulated);
        let machine = Machine::measure(device.map(|device| device.backend), self.patience)?;
        Ok(*self.machine.insert(machine))
    }
}

impl Table {
    /// Times a version on the CPU, and returns its result.
    pub fn host<R>(&mut self, version: &str, mut f: impl FnMut() -> R) -> R {
        let (result, seconds) =
            median_seconds(self.patience, || Ok(f())).expect("what cannot fail has not failed");
        self.add(version, seconds, Place::Host);
        result
    }

    /// Times a version on the device, what `f` launches and nothing else, and returns its result. The
    /// simulator runs it once.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn device<R>(
        &mut self,
        version: &str,
        device: &CudaBackend,
        mut f: impl FnMut() -> Result<R>,
    ) -> Result<R> {
        let patience = match self.device_place {
            Place::Simulator => Duration::ZERO,
            _ => self.patience,
        };
        let (result, seconds) = median_seconds(patience, || {
            let result = f()?;
            device.synchronize()?;
            Ok(result)
        })?;
        let version = match self.device_place {
            Place::Simulator => format!("{version} (simulated)"),
            _ => version.to_owned(),
        };
        self.add(&version, seconds, self.device_place);
        Ok(result)
    }

    fn add(&mut self, version: &str, seconds: f64, place: Place) {
        self.records.push(Record {
            version: version.to_owned(),
            work: self.work,
            seconds,
            place,
        });
    }
}

/// Calls `f` for about as long as `patience`, and returns its last result and the median of the seconds
/// of a call. Without patience it calls it once.
pub(super) fn median_seconds<R>(
    patience: Duration,
    mut f: impl FnMut() -> Result<R>,
) -> Result<(R, f64)> {
    // A clock is read in 20 to 50 ns: what is shorter is timed several calls at a time.
    const SHORTEST: f64 = 10e-6;
    const MAX_SAMPLES: usize = 1000;
    let begin = Instant::now();
    // Warms up, and is what there is where nobody waits for more.
    let mut result = black_box(f()?);
    let first = begin.elapsed().as_secs_f64();
    if begin.elapsed() >= patience {
        return Ok((result, first));
    }
    let n_calls = (SHORTEST / first.max(1e-9)).ceil().max(1.0) as usize;
    let mut samples = Vec::new();
    while samples.is_empty() || (begin.elapsed() < patience && samples.len() < MAX_SAMPLES) {
        let begin = Instant::now();
        for _ in 0..n_calls {
            result = black_box(f()?);
        }
        samples.push(begin.elapsed().as_secs_f64() / n_calls as f64);
    }
    Ok((result, Timings::new(samples).median()))
}

/// How a table shows the rates of a version and their shares of what the machine can do.
fn shares(record: &Record, speed: Option<super::hardware::machine::Speed>) -> [String; 2] {
    let share = |work: f64, peak: Option<f64>, unit: &str| {
        if work == 0.0 {
            return "-".to_owned();
        }
        let rate = work / record.seconds;
        let share = peak.map_or(String::new(), |peak| {
            format!(" {:>3.0} %", 100.0 * rate / peak)
        });
        format!("{:.1} {unit}{share}", rate / 1e9)
    };
    [
        share(record.work.bytes, speed.map(|s| s.bandwidth), "GB/s"),
        share(
            record.work.operations,
            speed.map(|s| s.operations),
            "GFLOP/s",
        ),
    ]
}

/// Seconds in the unit that suits them.
fn time(seconds: f64) -> String {
    let (factor, unit) = match seconds {
        s if s < 1e-6 => (1e9, "ns"),
        s if s < 1e-3 => (1e6, "µs"),
        s if s < 1.0 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    format!("{:.2} {unit}", seconds * factor)
}

/// The largest of errors, none of which is negative; NaN if there is one, which `f64::max` would drop.
pub(super) fn largest(errors: impl IntoIterator<Item = f64>) -> f64 {
    // Once it is NaN nothing is larger.
    errors.into_iter().fold(0.0, |max, error| {
        if error > max || error.is_nan() {
            error
        } else {
            max
        }
    })
}

/// The error of a dot product of `n` numbers in `f32`, added up in any order, as a share of its bound `n u
/// Σ |a b|` and of the result's own rounding.
pub(super) fn error_of_dot<'a>(
    a: &'a [f32],
    b: impl IntoIterator<Item = &'a f32>,
    result: f32,
) -> f64 {
    let unit = f64::from(f32::EPSILON) / 2.0;
    let terms = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
    let (sum, sizes) = terms.fold((0.0, 0.0), |(sum, sizes), term| {
        (sum + term, sizes + term.abs())
    });
    let error = (f64::from(result) - sum).abs();
    let bound = unit * (a.len() as f64 * sizes + sum.abs());
    if error == 0.0 { 0.0 } else { error / bound }
}

/// Runs `f`, with all that is inlined into it, compiled for the widest vectors that the CPU has.
#[inline(always)]
pub(super) fn vectorized<R>(f: impl FnMut() -> R) -> R {
    // A closure that can be called only once is called itself; any other is called once by way of a function
    // of the compiler's, which is no longer inlined, nor compiled for those vectors, if it is long.
    pulp::Arch::new().dispatch(
        #[inline(always)]
        move || {
            let mut f = f;
            f()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_error_is_nan_wherever_one_is() {
        assert_eq!(largest([]), 0.0);
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
        for errors in [
            [f64::NAN, 1.0, 2.0],
            [1.0, f64::NAN, 2.0],
            [1.0, 2.0, f64::NAN],
        ] {
            assert!(largest(errors).is_nan(), "{errors:?}");
        }
    }
}
