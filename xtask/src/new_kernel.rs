//! `cargo xtask new-kernel`: a fresh crate outside this workspace, from `templates/kernel/`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Every file of the template: where it goes, and its text.
///
/// `@name` stands for the crate's name, `@crate` for the same in Rust, and `@cuda/std` for where to find
/// the crate in that folder of this workspace.
macro_rules! template {
    ($($to:literal: $from:literal,)*) => {
        &[$(($to, include_str!(concat!("../../templates/kernel/", $from)))),*]
    };
}

const TEMPLATE: &[(&str, &str)] = template! {
    ".cargo/config.toml": ".cargo/config.toml",
    ".gitignore": "gitignore",
    "Cargo.toml": "Cargo.toml",
    "README.md": "README.md",
    "build.rs": "build.rs",
    "kernels/Cargo.toml": "kernels/Cargo.toml",
    "kernels/src/lib.rs": "kernels/src/lib.rs",
    "rust-toolchain.toml": "../../rust-toolchain.toml",
    "src/lib.rs": "src/lib.rs",
    "src/main.rs": "src/main.rs",
    "tests/simulator.rs": "tests/simulator.rs",
};

/// Where the new crate finds those of this workspace.
enum Source {
    Path(PathBuf),
    Git(String),
}

impl Source {
    /// What stands between the braces of a dependency.
    fn dependency(&self, folder: &str) -> String {
        match self {
            Source::Path(workspace) => format!("path = {}", quoted(&workspace.join(folder))),
            Source::Git(url) => format!("git = {url:?}"),
        }
    }
}

/// Makes the crate that the arguments ask for; gives what to say of it.
pub fn run(arguments: &[&str]) -> Result<String, Failure> {
    let (target, source) = read(arguments)?;
    let folder = folder(target)?;
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    check_name(name)?;
    if folder.exists() {
        return Err(Failure::Usage(format!(
            "{} exists already: choose another name",
            folder.display()
        )));
    }
    write(&folder, name, &source)?;
    Ok(format!(
        "{} is a new crate with one kernel.\n\
         cd {} && cargo test     # runs it in the simulator",
        folder.display(),
        quoted(&folder)
    ))
}

/// The name or path, and where the dependencies come from.
fn read<'a>(arguments: &[&'a str]) -> Result<(&'a str, Source), Failure> {
    let mut target = None;
    let mut source = None;
    let mut rest = arguments.iter().copied();
    while let Some(argument) = rest.next() {
        let mut value = |what: &str| {
            rest.next()
                .filter(|value| !value.is_empty())
                .ok_or_else(|| usage(format!("{argument} wants {what} behind it")))
        };
        match argument {
            "--path" | "--git" if source.is_some() => {
                return Err(usage(
                    "the dependencies come from one place: one of --path and --git",
                ));
            }
            "--path" => source = Some(Source::Path(checkout(Path::new(value("a folder")?))?)),
            "--git" => source = Some(Source::Git(value("a URL")?.to_owned())),
            flag if flag.starts_with('-') => return Err(usage(format!("there is no {flag}"))),
            name if target.is_none() => target = Some(name),
            extra => return Err(usage(format!("{extra} is one name too many"))),
        }
    }
    let target = target.ok_or_else(|| usage("the crate's name is missing"))?;
    let source = match source {
        Some(source) => source,
        None => Source::Path(checkout(&workspace())?),
    };
    Ok((target, source))
}

fn usage(message: impl Into<String>) -> Failure {
    let message = message.into();
    Failure::Usage(format!("{message}: see `cargo xtask --help`"))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The absolute path of a folder that has the crates.
fn checkout(folder: &Path) -> Result<PathBuf, Failure> {
    if !folder.join("cuda/builder/Cargo.toml").is_file() {
        return Err(usage(format!(
            "{} is no checkout of this workspace: it has no cuda/builder",
            folder.display()
        )));
    }
    folder
        .canonicalize()
        .map_err(|error| Failure::Run(format!("cannot read {}: {error}", folder.display())))
}

/// The absolute path of the new crate: a bare name is beside the workspace.
fn folder(target: &str) -> Result<PathBuf, Failure> {
    let failed =
        |path: &Path, error| Failure::Run(format!("cannot read {}: {error}", path.display()));
    let workspace = workspace();
    let workspace = workspace
        .canonicalize()
        .map_err(|error| failed(&workspace, error))?;
    let target = Path::new(target);
    let Some(name) = target.file_name() else {
        return Err(usage(format!(
            "{} does not end in a name",
            target.display()
        )));
    };
    let parent = match target.parent() {
        Some(parent) if target.is_absolute() || parent != Path::new("") => parent,
        _ => workspace.parent().unwrap_or(&workspace),
    };
    let parent = parent
        .canonicalize()
        .map_err(|error| failed(parent, error))?;
    if parent.starts_with(&workspace) {
        return Err(usage(format!(
            "{} lies in this workspace: name a folder outside of it",
            parent.join(name).display()
        )));
    }
    Ok(parent.join(name))
}

/// Refuses what cargo or the template would stumble over.
fn check_name(name: &str) -> Result<(), Failure> {
    const TAKEN: [&str; 12] = [
        "alloc",
        "core",
        "cuda_builder",
        "cuda_driver",
        "cuda_launch",
        "cuda_std",
        "cust",
        "kernels",
        "proc_macro",
        "ptx_sim",
        "std",
        "test",
    ];
    let in_rust = name.replace('-', "_");
    let is_spelled = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let reason = if !is_spelled {
        "a crate's name begins with a letter and has letters, digits, - and _"
    } else if is_keyword(&in_rust) {
        "it is a keyword of Rust"
    } else if TAKEN.contains(&in_rust.as_str()) {
        "another crate that it uses has that name"
    } else {
        return Ok(());
    };
    Err(usage(format!(
        "the crate cannot be called {name:?}, since {reason}"
    )))
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else \
        enum extern false final fn for gen if impl in let loop macro match mod move mut override priv \
        pub ref return self static struct super trait true try type typeof unsafe unsized use virtual \
        where while yield";
    KEYWORDS.split_whitespace().any(|keyword| keyword == name)
}

/// Writes all files to a folder of another name, then renames it: there is all of it, or nothing.
fn write(folder: &Path, name: &str, source: &Source) -> Result<(), Failure> {
    let unfinished = folder.with_file_name(format!("{name}.{}.tmp", std::process::id()));
    let written = TEMPLATE
        .iter()
        .try_for_each(|(path, text)| {
            let path = unfinished.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&unfinished))?;
            fs::write(path, fill(text, name, source))
        })
        .and_then(|()| match source {
            // The versions of other crates that the checkout is tested with.
            Source::Path(checkout) => {
                fs::copy(checkout.join("Cargo.lock"), unfinished.join("Cargo.lock")).map(drop)
            }
            Source::Git(_) => Ok(()),
        })
        .and_then(|()| fs::rename(&unfinished, folder));
    written.map_err(|error| {
        // What failed may have left nothing to remove.
        let _ = fs::remove_dir_all(&unfinished);
        Failure::Run(format!("cannot write {}: {error}", folder.display()))
    })
}

/// The text with its placeholders filled in.
fn fill(text: &str, name: &str, source: &Source) -> String {
    let mut filled = text
        .replace("@name", name)
        .replace("@crate", &name.replace('-', "_"));
    while let Some(start) = filled.find("@cuda/") {
        let rest = &filled[start + 1..];
        let length = rest.find([' ', ',']).unwrap_or(rest.len());
        let dependency = source.dependency(&rest[..length]);
        filled.replace_range(start..=start + length, &dependency);
    }
    filled
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Source, check_name, fill};

    #[test]
    fn names_that_cargo_refuses_are_refused() {
        for good in ["axpy", "my-kernel", "a1_b"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "", "1st", "a b", "a/b", "fn", "kernels", "cuda-std", "test", "größe", "..",
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dependencies_are_by_path_or_by_git() {
        let manifest =
            "[package]\nname = \"@name\"\na = { @cuda/std, optional = true }\nb = { @cuda/launch }";
        let path = Source::Path(PathBuf::from("/a b"));
        assert_eq!(
            fill(manifest, "my-kernel", &path),
            "[package]\nname = \"my-kernel\"\na = { path = \"/a b/cuda/std\", optional = true }\nb = { path = \"/a b/cuda/launch\" }"
        );
        let git = Source::Git("https://example.org/a.git".to_owned());
        assert_eq!(
            fill("b = { @cuda/launch }", "x", &git),
            "b = { git = \"https://example.org/a.git\" }"
        );
        assert_eq!(fill("@crate::axpy", "my-kernel", &git), "my_kernel::axpy");
    }
}
