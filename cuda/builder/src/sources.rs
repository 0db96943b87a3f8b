//! Which files kernels are compiled from: their crate, and the crates by path that it depends on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{DebugInfo, Error, Panics, Toolchain, compile};

/// The crate of kernels and all its sources.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The crate's name, as in `use NAME`.
    pub name: String,
    /// The crate's folder.
    pub folder: PathBuf,
    /// The folder that file names in the compiler's messages are relative to.
    pub workspace: PathBuf,
    /// Every manifest and Rust file, by package and path in it: `gpu/src/lib.rs`.
    pub files: BTreeMap<String, PathBuf>,
    /// The folders that hold them, in which files may come and go.
    pub folders: Vec<PathBuf>,
    /// What the PTX says of source lines.
    pub debug: DebugInfo,
    /// What a kernel tells of its panic.
    pub panics: Panics,
    /// The folders of the crates outside of the workspace, each with the name that the PTX has for it.
    crates: Vec<(PathBuf, String)>,
}

impl Sources {
    /// The crate at `path`, and what it depends on by path, for the device.
    pub(crate) fn find(path: &Path, debug: DebugInfo, panics: Panics) -> Result<Sources, Error> {
        let start = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env::current_dir().unwrap_or_default(), PathBuf::from);
        let folder = start
            .ancestors()
            .map(|folder| folder.join(path))
            .find(|folder| folder.join("Cargo.toml").is_file())
            .ok_or_else(|| Error::NoCrate {
                path: path.to_path_buf(),
                start: start.clone(),
            })?;
        let folder = folder.canonicalize().map_err(|source| Error::Read {
            path: folder.clone(),
            source,
        })?;
        let metadata = metadata(&folder.join("Cargo.toml"))?;
        Sources::from_metadata(&metadata, folder, debug, panics)
    }

    fn from_metadata(
        metadata: &Value,
        folder: PathBuf,
        debug: DebugInfo,
        panics: Panics,
    ) -> Result<Sources, Error> {
        let manifest = folder.join("Cargo.toml");
        let unexpected = |message: &str| Error::Metadata {
            path: manifest.clone(),
            message: message.to_owned(),
        };
        let packages: HashMap<&str, &Value> = metadata["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|package| Some((package["id"].as_str()?, package)))
            .collect();
        let nodes: HashMap<&str, &Value> = metadata["resolve"]["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|node| Some((node["id"].as_str()?, node)))
            .collect();
        let root = packages
            .values()
            .find(|package| package["manifest_path"].as_str().map(Path::new) == Some(&manifest))
            .ok_or_else(|| unexpected("it lists no package with this manifest"))?;
        let name = library_name(root).ok_or_else(|| unexpected("it has no library"))?;
        let workspace = metadata["workspace_root"]
            .as_str()
            .ok_or_else(|| unexpected("it names no workspace"))?;

        let mut files = BTreeMap::new();
        let mut folders = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![root["id"].as_str().unwrap_or_default()];
        while let Some(id) = open.pop() {
            let Some(package) = packages.get(id) else {
                continue;
            };
            // A crate from a registry does not change under one version.
            if !package["source"].is_null() || !seen.insert(id) {
                continue;
            }
            let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
            let mut package_files = BTreeSet::from([manifest.clone()]);
            package_files
                .extend(Some(manifest.with_file_name("build.rs")).filter(|path| path.is_file()));
            collect(
                &manifest.with_file_name("src"),
                &mut package_files,
                &mut folders,
            )?;
            let package_name = package["name"].as_str().unwrap_or_default();
            let package_folder = manifest.parent().unwrap_or(&manifest);
            files.extend(package_files.into_iter().map(|path| {
                let inside = path.strip_prefix(package_folder).unwrap_or(&path);
                let inside = inside.to_string_lossy().replace('\\', "/");
                (format!("{package_name}/{inside}"), path)
            }));
            open.extend(
                nodes
                    .get(id)
                    .and_then(|node| node["deps"].as_array())
                    .into_iter()
                    .flatten()
                    .filter(|dependency| !is_for_tests_only(dependency))
                    .filter_map(|dependency| dependency["pkg"].as_str()),
            );
        }
        Ok(Sources {
            name,
            folder,
            workspace: PathBuf::from(workspace),
            files,
            folders: folders.into_iter().collect(),
            debug,
            panics,
            crates: crates_outside(packages.values().copied(), Path::new(workspace)),
        })
    }

    /// What the PTX calls the folders that its sources lie in; where one lies in another, the inner
    /// one comes last, which is the one that rustc then takes.
    pub(crate) fn names_of_folders(&self, toolchain: &Toolchain) -> Vec<(PathBuf, String)> {
        let mut names = vec![
            (toolchain.sysroot().to_path_buf(), "rust".to_owned()),
            (toolchain.library(), String::new()),
            // As `core` names it.
            (
                toolchain.library().join("core/src/../../stdarch"),
                "stdarch".to_owned(),
            ),
            (self.workspace.clone(), String::new()),
        ];
        names.extend(self.crates.iter().cloned());
        names.sort_by_key(|(folder, _)| folder.components().count());
        names
    }

    /// SHA-256 over the names and contents of all files, and over the flags that they are compiled
    /// with; the same wherever the files lie.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn hash(&self) -> Result<String, Error> {
        let mut hash = Sha256::new();
        let (debug_flags, debug_setting) = compile::debug_flags(self.debug);
        let flags = compile::FLAGS.iter().chain(&compile::PROFILE);
        let panics = self.panics.name();
        for flag in flags.chain(debug_flags).chain([&debug_setting, &panics]) {
            hash.update(flag.as_bytes());
            hash.update([0]);
        }
        for (name, path) in &self.files {
            let text = fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?;
            // A checkout with other line ends holds the same sources.
            let text = text.replace("\r\n", "\n");
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        Ok(hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    /// Where PTX that was made from these sources lies.
    pub fn ptx_folder(&self) -> PathBuf {
        self.folder.join("ptx")
    }
}

/// The folders of packages that lie outside of the workspace: a crate by path has its own name, one
/// from elsewhere its version too.
fn crates_outside<'a>(
    packages: impl Iterator<Item = &'a Value>,
    workspace: &Path,
) -> Vec<(PathBuf, String)> {
    packages
        .filter_map(|package| {
            let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
            let name = package["name"].as_str()?;
            let has_source = !package["source"].is_null();
            let name = match package["version"].as_str() {
                Some(version) if has_source => format!("{name}-{version}"),
                _ => name.to_owned(),
            };
            (has_source || !folder.starts_with(workspace)).then(|| (folder.to_path_buf(), name))
        })
        .collect()
}

fn is_for_tests_only(dependency: &Value) -> bool {
    dependency["dep_kinds"]
        .as_array()
        .is_some_and(|kinds| kinds.iter().all(|kind| kind["kind"] == "dev"))
}

fn library_name(package: &Value) -> Option<String> {
    let is_library = |target: &&Value| {
        target["crate_types"].as_array().is_some_and(|types| {
            types
                .iter()
                .any(|kind| matches!(kind.as_str(), Some("lib" | "rlib" | "cdylib" | "staticlib")))
        })
    };
    let target = package["targets"].as_array()?.iter().find(is_library)?;
    Some(target["name"].as_str()?.replace('-', "_"))
}

/// All Rust files below `folder`, and the folders themselves.
fn collect(
    folder: &Path,
    files: &mut BTreeSet<PathBuf>,
    folders: &mut BTreeSet<PathBuf>,
) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: folder.to_path_buf(),
        source,
    };
    if !folder.is_dir() {
        return Ok(());
    }
    folders.insert(folder.to_path_buf());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, files, folders)?;
        } else if path.extension() == Some(OsStr::new("rs")) {
            files.insert(path);
        }
    }
    Ok(())
}

/// `cargo metadata` of the crate, for the device. Without a network first: a build that has come
/// this far has its dependencies, and a lock file.
fn metadata(manifest: &Path) -> Result<Value, Error> {
    let failed = |message: String| Error::Metadata {
        path: manifest.to_path_buf(),
        message,
    };
    let mut message = String::new();
    for network in [&["--offline"][..], &[]] {
        let mut cargo = Command::new(compile::cargo());
        compile::clean_environment(&mut cargo);
        let output = cargo
            .args(["metadata", "--format-version=1", "--filter-platform"])
            .arg(compile::TARGET)
            .arg("--manifest-path")
            .arg(manifest)
            .args(network)
            .output()
            .map_err(|source| Error::Run {
                program: compile::cargo(),
                source,
            })?;
        if output.status.success() {
            return serde_json::from_slice(&output.stdout)
                .map_err(|error| failed(error.to_string()));
        }
        message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    }
    Err(failed(message))
}
