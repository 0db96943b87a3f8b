//! Asks ptxas, NVIDIA's assembler, for what kernels need of a multiprocessor.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::{KernelProfile, Profile, Resources};
use crate::device::Properties;

/// The environment variable that names ptxas, where it is not on the `PATH`.
const VARIABLE: &str = "PTXAS";

/// A file that takes the machine code, which nobody reads.
const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

impl Profile {
    /// ptxas: what the environment variable `PTXAS` names, or one on the `PATH`; `None` if neither
    /// runs.
    pub fn find_ptxas() -> Option<PathBuf> {
        let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        let path = named.map_or_else(|| "ptxas".into(), PathBuf::from);
        let version = Command::new(&path).arg("--version").output();
        version
            .is_ok_and(|output| output.status.success())
            .then_some(path)
    }

    /// Fills in the kernels' [`Resources`] and how much of each launch a multiprocessor holds, from
    /// what `ptxas -v` says of their modules.
    ///
    /// # Errors
    ///
    /// ptxas does not run, or refuses a module; the others are filled in all the same. The sentence
    /// has what it said.
    pub fn ask_ptxas(&mut self, ptxas: &Path) -> Result<(), String> {
        let mut result = Ok(());
        let mut known: Vec<(_, BTreeMap<String, Resources>)> = Vec::new();
        for kernel in &mut self.kernels {
            let source = &kernel.source;
            let index = known
                .iter()
                .position(|(other, _)| Arc::ptr_eq(other, source));
            let index = index.unwrap_or_else(|| {
                let report = run(ptxas, &source.lines, &self.device);
                let resources = report.map(|report| read(&report)).unwrap_or_else(|error| {
                    result = Err(error);
                    BTreeMap::new()
                });
                known.push((source.clone(), resources));
                known.len() - 1
            });
            if let Some(resources) = known[index].1.get(&kernel.name) {
                kernel.fill_in(&self.device, resources.clone());
            }
        }
        result
    }
}

impl KernelProfile {
    fn fill_in(&mut self, device: &Properties, resources: Resources) {
        for shape in &mut self.shapes {
            let threads = shape.block.iter().product();
            let shared = u64::from(resources.static_shared) + u64::from(shape.dynamic_shared);
            shape.occupancy = Some(device.occupancy(threads, resources.registers, shared));
        }
        self.resources = Some(resources);
    }
}

/// What `ptxas -v` says of a module, for a device.
fn run(ptxas: &Path, lines: &[String], device: &Properties) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{} failed: {error}", ptxas.display());
    let target = lines
        .iter()
        .find_map(|line| line.trim().strip_prefix(".target"));
    let target = target
        .and_then(|names| names.split(',').next())
        .map_or("", str::trim);
    // Code for the features of one architecture runs on no other.
    let architecture = match target.strip_suffix(['a', 'f']) {
        Some(_) => target.to_owned(),
        None => format!("sm_{}", device.architecture()),
    };
    let mut child = Command::new(ptxas)
        .args(["-v", "-arch", &architecture, "-", "-o", NOWHERE])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let mut input = child.stdin.take().expect("it is piped");
    let text = lines.join("\n");
    // One that stops reading says why, or comes to its end without.
    let writer = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    let _ = writer.join();
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(report),
        false => Err(failed(&report.trim())),
    }
}

/// Reads the report, kernel by kernel:
///
/// ```text
/// ptxas info    : Compiling entry function 'sgd' for 'sm_80'
/// ptxas info    : Function properties for sgd
///     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
/// ptxas info    : Used 24 registers, used 1 barriers, 64 bytes smem, 424 bytes cmem[0]
/// ```
fn read(report: &str) -> BTreeMap<String, Resources> {
    let sections = report.split("Compiling entry function '").skip(1);
    let kernels = sections.filter_map(|section| {
        let (name, section) = section.split_once('\'')?;
        let used = section.lines().find(|line| line.contains("Used "))?;
        let (_, own) = section.split_once(&format!("Function properties for {name}\n"))?;
        let frame = own.lines().next()?;
        Some((
            name.to_owned(),
            Resources {
                registers: number_before(used, " registers")?,
                stack_bytes: number_before(frame, " bytes stack frame")?,
                spill_store_bytes: number_before(frame, " bytes spill stores")?,
                spill_load_bytes: number_before(frame, " bytes spill loads")?,
                static_shared: number_before(used, " bytes smem").unwrap_or(0),
            },
        ))
    });
    kernels.collect()
}

fn number_before(line: &str, words: &str) -> Option<u32> {
    let (before, _) = line.split_once(words)?;
    before.rsplit([' ', '\t']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let report = "\
ptxas info    : 16 bytes gmem, 16 bytes cmem[4]
ptxas info    : Compiling entry function 'first' for 'sm_80'
ptxas info    : Function properties for helper
    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads
ptxas info    : Function properties for first
    40 bytes stack frame, 24 bytes spill stores, 28 bytes spill loads
ptxas info    : Used 24 registers, used 1 barriers, 64 bytes smem, 424 bytes cmem[0]
ptxas info    : Compile time = 41.746 ms
ptxas info    : Compiling entry function 'second' for 'sm_80'
ptxas info    : Function properties for second
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 255 registers, 396 bytes cmem[0]
";
        let resources = |registers, stack_bytes, stores, loads, static_shared| Resources {
            registers,
            stack_bytes,
            spill_store_bytes: stores,
            spill_load_bytes: loads,
            static_shared,
        };
        let expected = [
            ("first".to_owned(), resources(24, 40, 24, 28, 64)),
            ("second".to_owned(), resources(255, 0, 0, 0, 0)),
        ];
        assert_eq!(read(report), BTreeMap::from(expected));
        assert!(read("ptxas fatal : nothing of it").is_empty());
    }
}
