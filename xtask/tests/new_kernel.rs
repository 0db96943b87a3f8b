//! `cargo xtask new-kernel`: what it makes builds, and what it cannot make it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn new_kernel(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("new-kernel")
        .args(arguments)
        .output()
        .expect("xtask runs")
}

/// A folder that is not in the workspace, whose crates' names are what the argument says.
fn outside(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("new-kernel-{}-{name}", std::process::id()))
}

#[track_caller]
fn assert_refused(arguments: &[&str], reason: &str) {
    let output = new_kernel(arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.contains(reason), "{arguments:?}: {message}");
}

/// What builds a crate of its own: `.ci/run` knows it by this module's name.
mod builds {
    use std::fs::File;

    use super::*;

    /// Runs cargo as a user would, in the one folder that all such tests share for what they build.
    fn cargo(folder: &Path, command: &str) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO_") && name != "CARGO_HOME" {
                cargo.env_remove(name);
            }
        }
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
        fs::create_dir_all(&shared).expect("a folder");
        let alone = File::create(shared.join("lock")).expect("a file");
        alone.lock().expect("a lock");
        cargo
            .env("CARGO_TARGET_DIR", shared.join("target"))
            // As the other projects in that folder are built.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0")
            .env("RUSTFLAGS", "-Ctarget-cpu=x86-64-v2")
            .env_remove("CUDA_DRIVER")
            .current_dir(folder)
            .args([command, "--offline"])
            // The simulator is fast enough for one small kernel as it is, and optimizing it takes a minute.
            .args(["--config", "profile.dev.package.ptx_sim.opt-level=0"])
            .output()
            .expect("cargo runs")
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_new_crate_tests_and_runs() {
        // Always the same path, so that cargo knows what it has built of it before.
        let folder = std::env::temp_dir().join("new-kernel/my-axpy");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the last test's crate can be removed");
        }
        let parent = folder.parent().expect("it has one");
        fs::create_dir_all(parent).expect("a folder");
        let path = folder.display().to_string();
        let made = new_kernel(&[&path]);
        assert!(made.status.success(), "{made:?}");
        assert_eq!(
            parent.read_dir().expect("a folder").count(),
            1,
            "nothing else is left"
        );
        assert_refused(&[&path], "exists already");

        let test = cargo(&folder, "test");
        assert!(
            test.status.success(),
            "{}",
            String::from_utf8_lossy(&test.stderr)
        );
        let printed = String::from_utf8_lossy(&test.stdout).into_owned();
        assert!(
            printed.contains("axpy_adds_the_scaled_vector ... ok"),
            "{printed}"
        );
        let run = cargo(&folder, "run");
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        let printed = String::from_utf8_lossy(&run.stdout).into_owned();
        assert_eq!(
            printed,
            "2 · [1.0, 2.0, 3.0, 4.0] + 10 = [12.0, 14.0, 16.0, 18.0]\n"
        );
    }
}

#[test]
fn dependencies_may_come_from_a_repository() {
    let folder = outside("git").join("axpy");
    fs::create_dir_all(folder.parent().expect("it has one")).expect("a folder");
    let path = folder.display().to_string();
    let made = new_kernel(&[&path, "--git", "https://example.org/networks"]);
    assert!(made.status.success(), "{made:?}");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("there is a manifest");
    let line = "cuda_launch = { git = \"https://example.org/networks\" }";
    assert!(manifest.contains(line), "{manifest}");
    assert!(!manifest.contains('@'), "{manifest}");
    fs::remove_dir_all(outside("git")).expect("it can be removed");
}

#[test]
fn what_cannot_be_made_is_refused() {
    let nowhere = outside("nowhere");
    let under = |name: &str| nowhere.join(name).display().to_string();
    assert_refused(&["fn"], "keyword");
    assert_refused(&["two words"], "begins with a letter");
    assert_refused(&["cust"], "another crate");
    assert_refused(
        &[&format!(
            "{}/xtask/axpy",
            env!("CARGO_MANIFEST_DIR").trim_end_matches("/xtask")
        )],
        "lies in this workspace",
    );
    assert_refused(&["axpy", "--path", "/"], "no checkout");
    assert_refused(&["axpy", "--path"], "wants a folder");
    assert_refused(&["axpy", "--git", "a", "--git", "b"], "one place");
    assert_refused(&["axpy", "--fast"], "there is no --fast");
    assert_refused(&["axpy", "sgemm"], "too many");
    // Its parent is not there: that is for the run to find, and leaves nothing behind.
    let output = new_kernel(&[&under("axpy")]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!nowhere.exists());
}
