//! `cargo xtask sim-driver`: the simulated driver under the name of NVIDIA's library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds the library with a profile and puts it, with the link that linkers look for, into the folder
/// `sim-driver` beside what cargo built.
pub fn build(profile: &str) -> Result<String, String> {
    if !cfg!(target_os = "linux") {
        return Err(
            "the library takes the place of libcuda.so.1, which Linux alone has".to_owned(),
        );
    }
    let library = put(&cargo_build(profile)?)?;
    let folder = library.parent().unwrap_or(&library).display();
    Ok(format!(
        "{} is there; run a program on it: LD_LIBRARY_PATH={folder} some-program",
        library.display()
    ))
}

/// Puts a library that was built into the folder beside it; returns where it is then.
fn put(built: &Path) -> Result<PathBuf, String> {
    let folder = built
        .parent()
        .ok_or("cargo built a file without a folder")?
        .join("sim-driver");
    let failed = |path: &Path, error| format!("{}: {error}", path.display());
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    let library = folder.join("libcuda.so.1");
    // A program may be running on the library of before, whose file must stay as it is.
    let new = folder.join("libcuda.so.1.new");
    fs::copy(built, &new).map_err(|error| failed(&new, error))?;
    fs::rename(&new, &library).map_err(|error| failed(&library, error))?;
    let link = folder.join("libcuda.so");
    if fs::symlink_metadata(&link).is_err() {
        symlink("libcuda.so.1", &link).map_err(|error| failed(&link, error))?;
    }
    Ok(library)
}

/// The library that cargo builds.
fn cargo_build(profile: &str) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--package=sim_driver", "--lib"])
        .arg(format!("--profile={profile}"))
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err("cargo could not build the library".to_owned());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "sim_driver")
        .filter_map(|message| Some(PathBuf::from(message["filenames"][0].as_str()?)))
        .find(|file| file.extension().is_some_and(|extension| extension == "so"))
        .ok_or_else(|| "cargo does not say where the library is".to_owned())
}

#[cfg(unix)]
fn symlink(target: &str, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_library_of_before_is_replaced() {
        let folder = std::env::temp_dir().join(format!("sim-driver-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let built = folder.join("libsim_driver.so");
        for text in ["first", "second"] {
            fs::write(&built, text).expect("a file");
            let library = put(&built).expect("it is put there");
            assert_eq!(library, folder.join("sim-driver/libcuda.so.1"));
            for name in ["libcuda.so.1", "libcuda.so"] {
                let there = fs::read_to_string(folder.join("sim-driver").join(name));
                assert_eq!(there.expect("it is there"), text, "{name}");
            }
        }
        let names = fs::read_dir(folder.join("sim-driver")).expect("the folder");
        assert_eq!(names.count(), 2, "nothing else is left");
        fs::remove_dir_all(folder).expect("it can be removed");
    }
}
