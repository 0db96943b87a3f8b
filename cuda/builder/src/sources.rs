//! Which files kernels are compiled from: their crate, and the crates by path that it depends on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::libraries::Library;
use crate::options::Options;
use crate::{Error, Toolchain, compile};

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
    /// How they are compiled.
    pub(crate) options: Options,
    /// The crate itself and what it depends on, as far as `cuda_std` is used.
    pub(crate) kernel_crates: Vec<Library>,
    /// The folders of the crates outside of the workspace, each with the name that the PTX has for it.
    crates: BTreeMap<PathBuf, String>,
}

impl Sources {
    /// The crate at `path`, and what it depends on by path, for the device.
    pub(crate) fn find(path: &Path, options: &Options) -> Result<Sources, Error> {
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
        let metadata = metadata(&folder.join("Cargo.toml"), options)?;
        Sources::from_metadata(&metadata, folder, options)
    }

    fn from_metadata(
        metadata: &Value,
        folder: PathBuf,
        options: &Options,
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

        let root_id = root["id"].as_str().unwrap_or_default();
        let root_dependencies = dependencies(nodes.get(root_id).copied());
        let mut files = BTreeMap::new();
        let mut folders = BTreeSet::new();
        let mut kernel_crates = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![root_id];
        while let Some(id) = open.pop() {
            let Some(package) = packages.get(id) else {
                continue;
            };
            if !seen.insert(id) {
                continue;
            }
            let dependencies = dependencies(nodes.get(id).copied());
            let is_cuda_std =
                |id: &&str| packages.get(*id).is_some_and(|p| p["name"] == "cuda_std");
            if dependencies.iter().any(is_cuda_std) {
                kernel_crates.push(Library {
                    name: library_name(package).unwrap_or_default(),
                    shown: name_in_ptx(package),
                    folder: package_folder(package).to_path_buf(),
                    is_direct: root_dependencies.contains(&id),
                });
            }
            open.extend(dependencies);
            // A crate from a registry does not change under one version.
            if !package["source"].is_null() {
                continue;
            }
            let package_folder = package_folder(package);
            let mut package_files = BTreeSet::from([package_folder.join("Cargo.toml")]);
            let build_script = package_folder.join("build.rs");
            package_files.extend(Some(build_script).filter(|path| path.is_file()));
            collect(
                &package_folder.join("src"),
                &mut package_files,
                &mut folders,
            )?;
            let package_name = package["name"].as_str().unwrap_or_default();
            files.extend(package_files.into_iter().map(|path| {
                let inside = path.strip_prefix(package_folder).unwrap_or(&path);
                let inside = inside.to_string_lossy().replace('\\', "/");
                (format!("{package_name}/{inside}"), path)
            }));
        }
        Ok(Sources {
            name,
            folder,
            workspace: PathBuf::from(workspace),
            files,
            folders: folders.into_iter().collect(),
            options: options.clone(),
            kernel_crates,
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
        names.extend(self.crates.clone());
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
        self.options.hash_into(&mut hash);
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
        Ok(hexadecimal(hash))
    }

    /// Differs between builds that differ in anything but the sources' contents.
    pub(crate) fn build_key(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.folder.as_os_str().as_encoded_bytes());
        self.options.hash_into(&mut hash);
        hash.update([
            u8::from(self.options.llvm_ir),
            u8::from(self.options.bitcode),
        ]);
        hexadecimal(hash)[..16].to_owned()
    }

    /// Where PTX that was made from these sources lies.
    pub fn ptx_folder(&self) -> PathBuf {
        self.folder.join("ptx")
    }
}

pub(crate) fn hexadecimal(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folders of packages that lie outside of the workspace, each with the name that the PTX has for
/// it.
///
/// Crates from a registry lie side by side and are named by their folders; to name their common
/// parent keeps the flags, and with them what is compiled for these, the same for more builds.
fn crates_outside<'a>(
    packages: impl Iterator<Item = &'a Value>,
    workspace: &Path,
) -> BTreeMap<PathBuf, String> {
    packages
        .map(|package| (package_folder(package), package))
        .filter(|(folder, package)| !package["source"].is_null() || !folder.starts_with(workspace))
        .map(|(folder, package)| {
            let name = name_in_ptx(package);
            let is_named_so = !package["source"].is_null() && folder.ends_with(&name);
            match folder.parent().filter(|_| is_named_so) {
                Some(parent) => (parent.to_path_buf(), String::new()),
                None => (folder.to_path_buf(), name),
            }
        })
        .collect()
}

fn package_folder(package: &Value) -> &Path {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
    manifest.parent().unwrap_or(manifest)
}

/// A crate by path has its own name, one from elsewhere its version too.
fn name_in_ptx(package: &Value) -> String {
    let name = package["name"].as_str().unwrap_or_default();
    match package["version"].as_str() {
        Some(version) if !package["source"].is_null() => format!("{name}-{version}"),
        _ => name.to_owned(),
    }
}

/// The ids of the packages that a package depends on, other than for its tests.
fn dependencies(node: Option<&Value>) -> Vec<&str> {
    node.and_then(|node| node["deps"].as_array())
        .into_iter()
        .flatten()
        .filter(|dependency| !is_for_tests_only(dependency))
        .filter_map(|dependency| dependency["pkg"].as_str())
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
pub(crate) fn collect(
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
fn metadata(manifest: &Path, options: &Options) -> Result<Value, Error> {
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
            .args(options.metadata_args())
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
