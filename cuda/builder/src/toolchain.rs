//! Finds a rustc that can compile for the device: one with the library sources beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

use crate::{Arch, Error, compile};

/// The variable that names a rustc.
pub const VARIABLE: &str = "CUDA_BUILDER_RUSTC";

/// The variable's value for a build without a compiler.
const NONE: &str = "none";

/// What to do where there is no compiler.
pub const REMEDY: &str = "Run `rustup component add rust-src`, or install a rustc with its sources \
     (Debian: rustc-web and rust-web-src) and name it in CUDA_BUILDER_RUSTC; then build again";

/// The oldest release whose compiler and `core` serve.
const OLDEST: (u32, u32) = (1, 95);

/// A rustc with its library sources.
#[derive(Debug, Clone)]
pub struct Toolchain {
    rustc: PathBuf,
    sysroot: PathBuf,
    version: String,
    is_explicit: bool,
}

impl Toolchain {
    /// The first that serves, in the order of the crate's documentation; otherwise a clause that
    /// says why none does.
    ///
    /// # Errors
    ///
    /// If the one that `CUDA_BUILDER_RUSTC` names does not serve.
    pub fn find() -> Result<Result<Toolchain, String>, Error> {
        if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            if path == NONE {
                return Ok(Err(format!("{VARIABLE} is `{NONE}`")));
            }
            let path = PathBuf::from(path);
            return match Toolchain::at(&path) {
                Ok(toolchain) => Ok(Ok(Toolchain {
                    is_explicit: true,
                    ..toolchain
                })),
                Err(message) => Err(Error::Toolchain {
                    variable: VARIABLE,
                    path,
                    message,
                }),
            };
        }
        let own = cargos_rustc();
        let own = match Toolchain::at(&own) {
            Ok(toolchain) => return Ok(Ok(toolchain)),
            Err(message) => message,
        };
        let others = env::var_os("PATH")
            .map(|path| env::split_paths(&path).collect::<Vec<_>>())
            .unwrap_or_default()
            .into_iter()
            .chain([PathBuf::from("/usr/bin"), PathBuf::from("/usr/local/bin")])
            .map(|folder| folder.join(format!("rustc{}", env::consts::EXE_SUFFIX)))
            .filter(|rustc| rustc.is_file());
        for rustc in others {
            if let Ok(toolchain) = Toolchain::at(&rustc) {
                return Ok(Ok(toolchain));
            }
        }
        Ok(Err(format!("no compiler for them was found ({own})")))
    }

    /// The rustc at `path`, if it serves; otherwise what it lacks.
    fn at(path: &Path) -> Result<Toolchain, String> {
        let version = ask(path, &["--version"])?;
        match release(&version) {
            Some(release) if release >= OLDEST => {}
            _ => {
                return Err(format!(
                    "{} is {version}, and {}.{} or later is needed",
                    path.display(),
                    OLDEST.0,
                    OLDEST.1
                ));
            }
        }
        let sysroot = sysroot(path)?;
        let library = library(&sysroot);
        if !library.join("core/src/lib.rs").is_file() {
            return Err(format!(
                "{version} has no library sources at {}",
                library.display()
            ));
        }
        Ok(Toolchain {
            rustc: path.to_path_buf(),
            sysroot,
            version,
            is_explicit: false,
        })
    }

    /// The compiler.
    pub fn rustc(&self) -> &Path {
        &self.rustc
    }

    /// The folder that its library sources lie below.
    pub fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// The folder of its library sources.
    pub(crate) fn library(&self) -> PathBuf {
        library(&self.sysroot)
    }

    /// What `rustc --version` says.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether its LLVM knows this level; a compiler that does not say is taken to.
    pub(crate) fn compiles_for(&self, arch: Arch) -> bool {
        // An unknown one is only a warning to LLVM, which then compiles for another.
        let known = ask(
            &self.rustc,
            &["--print", "target-cpus", "--target", compile::TARGET],
        );
        known.map_or(true, |known| lists(&known, arch))
    }

    /// Whether `CUDA_BUILDER_RUSTC` named it: then nothing else is tried in its place.
    pub fn is_explicit(&self) -> bool {
        self.is_explicit
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.version, self.rustc.display())
    }
}

/// Whether `rustc --print target-cpus` names the level.
fn lists(cpus: &str, arch: Arch) -> bool {
    let name = arch.to_string();
    cpus.lines()
        .any(|line| line.split_whitespace().next() == Some(&name))
}

fn library(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library")
}

/// The rustc of the cargo that runs this build.
fn cargos_rustc() -> PathBuf {
    env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from)
}

/// The file that changes when rustup adds a component to cargo's toolchain.
pub fn component_list() -> Option<PathBuf> {
    let path = sysroot(&cargos_rustc())
        .ok()?
        .join("lib/rustlib/components");
    path.is_file().then_some(path)
}

fn sysroot(rustc: &Path) -> Result<PathBuf, String> {
    ask(rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

/// What a rustc answers.
fn ask(rustc: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(rustc);
    compile::clean_environment(&mut command);
    let output = command
        .args(arguments)
        .output()
        .map_err(|error| format!("{} does not run: {error}", rustc.display()))?;
    if !output.status.success() {
        return Err(format!(
            "{} fails when asked for {}",
            rustc.display(),
            arguments.join(" ")
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `rustc 1.96.0 (...)` is release (1, 96).
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{lists, release};
    use crate::Arch;

    #[test]
    fn levels_are_found_in_the_compilers_list() {
        let cpus =
            "Available CPUs for this target:\n    sm_100a\n    sm_30   - This is the default";
        assert!(lists(cpus, Arch::Sm100a));
        assert!(!lists(cpus, Arch::Sm100));
    }

    #[test]
    fn releases_are_read_from_versions() {
        assert_eq!(
            release("rustc 1.96.0 (ac68faa20 2026-05-25)"),
            Some((1, 96))
        );
        assert_eq!(
            release("rustc 1.97.0-nightly (abc 2026-05-25)"),
            Some((1, 97))
        );
        assert_eq!(release("gcc"), None);
    }
}
