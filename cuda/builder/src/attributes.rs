//! Attributes that Rust-CUDA's compilers took and today's does not.
//!
//! Its builder registers the tool `nvvm_internal` for each crate, and crates name it. Before there were
//! tools, crates began with `feature(register_attr), register_attr(nvvm_internal)`, which Rust 1.65
//! removed: no flag brings it back. Such a crate is compiled from a copy of its root file that says
//! `register_tool`, beside links to its other files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::output::write_file;
use crate::{Error, Sources};

/// How the kernel crate's root is compiled.
#[derive(Debug, Default)]
pub struct Root {
    /// Flags for its compiler.
    pub flags: Vec<String>,
    /// A program that is run in the compiler's place, with its command line.
    pub wrapper: Option<PathBuf>,
}

/// Reads the root file and writes what is to be compiled in its place.
pub fn root(sources: &Sources, build_folder: &Path) -> Result<Root, Error> {
    let folder = sources.folder.join("src");
    // A root file elsewhere is none that was written in the old way.
    let text = fs::read_to_string(folder.join("lib.rs")).unwrap_or_default();
    if cfg!(unix) && text.contains("register_attr") {
        return copy(sources, &folder, &text, build_folder);
    }
    let mut root = Root::default();
    if !text.contains("register_tool") {
        root.flags = [
            "-Zcrate-attr=feature(register_tool)",
            "-Zcrate-attr=register_tool(nvvm_internal)",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    Ok(root)
}

fn copy(sources: &Sources, folder: &Path, text: &str, build_folder: &Path) -> Result<Root, Error> {
    let copy = build_folder.join("roots").join(sources.build_key());
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        |source| Error::Write { path, source }
    };
    fs::create_dir_all(&copy).map_err(failed(&copy))?;
    // As long as it was, so that lines and columns stay.
    write_file(
        &copy.join("lib.rs"),
        text.replace("register_attr", "register_tool"),
    )?;
    let entries = fs::read_dir(folder).map_err(failed(folder))?;
    for entry in entries {
        let path = entry.map_err(failed(folder))?.path();
        let link = copy.join(path.file_name().unwrap_or_default());
        if !path.ends_with("src/lib.rs") && link.symlink_metadata().is_err() {
            symlink(&path, &link).map_err(failed(&link))?;
        }
    }

    let wrapper = copy.with_extension("sh");
    write_file(
        &wrapper,
        script(&folder.join("lib.rs"), &copy.join("lib.rs")),
    )?;
    make_executable(&wrapper).map_err(failed(&wrapper))?;
    let name = folder.strip_prefix(&sources.workspace).unwrap_or(folder);
    Ok(Root {
        flags: vec![format!(
            "--remap-path-prefix={}={}",
            copy.display(),
            name.display()
        )],
        wrapper: Some(wrapper),
    })
}

/// Runs its arguments, with one file in another's place.
fn script(root: &Path, copy: &Path) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    format!(
        "#!/bin/sh\n\
         for argument do\n\
         \x20   shift\n\
         \x20   if [ \"$argument\" -ef {} ]; then argument={}; fi\n\
         \x20   set -- \"$@\" \"$argument\"\n\
         done\n\
         exec \"$@\"\n",
        quoted(root),
        quoted(copy)
    )
}

#[cfg(unix)]
fn symlink(original: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(original, link)
}

#[cfg(not(unix))]
fn symlink(original: &Path, link: &Path) -> std::io::Result<()> {
    fs::copy(original, link).map(drop)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn one_file_takes_the_place_of_another() {
        let folder = std::env::temp_dir().join(format!("it's a wrapper {}", std::process::id()));
        let source = folder.join("src");
        fs::create_dir_all(&source).expect("a folder");
        let (root, copy) = (source.join("lib.rs"), folder.join("copy.rs"));
        for path in [&root, &copy, &source.join("other.rs")] {
            fs::write(path, "").expect("a file");
        }
        let output = Command::new("sh")
            .args(["-c", &script(&root, &copy), "sh"])
            .args([
                "printf",
                "%s\n",
                "--crate-name",
                "src/lib.rs",
                "src/other.rs",
                "a b",
            ])
            .current_dir(&folder)
            .output()
            .expect("a shell");
        fs::remove_dir_all(&folder).expect("the folder is ours");
        let expected = format!("--crate-name\n{}\nsrc/other.rs\na b\n", copy.display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
