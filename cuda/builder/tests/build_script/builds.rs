//! The tests: what a project's build does, prints and refuses. They wait for one another, and `.ci/run`
//! knows them by this module's name.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cuda_builder::{CudaBuilder, Toolchain};

use crate::project::{
    BUILD_SCRIPT, KERNELS, Project, assert_success, cuda_std, dependency, text, workspace,
};

#[test]
#[cfg(target_arch = "x86_64")]
fn kernels_are_built_with_their_project() {
    if let Err(reason) = Toolchain::find().expect("CUDA_BUILDER_RUSTC serves, if it is set") {
        println!("skipped, since {reason}");
        return;
    }
    let project = Project::new();

    let run = project.cargo(&["run"], None);
    assert_success(&run);
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(printed.contains("level 80"), "{printed}");
    assert!(printed.contains(".visible .entry double("), "{printed}");
    let message = text(&run);
    assert!(
        message.contains("GPU kernels for sm_80: compiled by rustc"),
        "{message}"
    );
    let copy =
        fs::read_to_string(project.root.join("copy/kernels.sm_80.ptx")).expect("copy_to copies");
    assert!(
        printed.contains(&copy),
        "the copy is what the program embeds"
    );
    for path in ["kernels/src/lib.rs", "cuda_std/src/"] {
        assert!(copy.contains(&format!("\"{path}")), "no {path} in {copy}");
    }
    let folder = project.root.display().to_string();
    assert!(!copy.contains(&folder), "{folder} in {copy}");

    // Nothing has changed: the build script does not run again.
    let again = project.cargo(&["build", "--verbose"], None);
    assert_success(&again);
    assert!(text(&again).contains("Fresh host"), "{}", text(&again));

    // The documents of its dependencies would be the most of what this test compiles.
    for command in [
        &["check"][..],
        &["clippy"],
        &["doc", "--no-deps", "--workspace"],
        &["test"],
    ] {
        assert_success(&project.cargo(command, None));
    }

    // A change of a kernel reaches the program.
    project.write("kernels/src/lib.rs", &KERNELS.replace("double", "twice"));
    let changed = project.cargo(&["run"], None);
    assert_success(&changed);
    assert!(
        text(&changed).contains(".visible .entry twice("),
        "{}",
        text(&changed)
    );

    // An error that only the device's compiler sees comes through as that compiler wrote it.
    let broken = KERNELS.replace(
        "*y = 2.0",
        "#[cfg(target_arch = \"nvptx64\")]\n        let two: f32 = \"2\";\n        *y = 2.0",
    );
    project.write("kernels/src/lib.rs", &broken);
    let refused = project.cargo(&["build"], None);
    assert!(!refused.status.success(), "{}", text(&refused));
    for part in [
        "error[E0308]: mismatched types",
        "--> kernels/src/lib.rs:10:24",
        "expected `f32`, found `&str`",
        "the kernels in",
    ] {
        assert!(
            text(&refused).contains(part),
            "no {part:?} in {}",
            text(&refused)
        );
    }
}

#[test]
fn without_a_compiler_the_build_goes_on_and_says_what_mends_it() {
    let project = Project::new();
    let run = project.cargo(&["run"], Some("none"));
    assert_success(&run);
    assert_eq!(
        String::from_utf8_lossy(&run.stdout),
        "",
        "there is no PTX to print"
    );
    for part in [
        "no GPU kernels in this build",
        "rustup component add rust-src",
    ] {
        assert!(text(&run).contains(part), "no {part:?} in {}", text(&run));
    }
}

/// `include_str!` of a file that is not there, or of one that is old, would say less.
#[test]
fn without_a_compiler_a_file_that_is_asked_for_is_an_error() {
    let project = Project::new();
    project.write(
        "build.rs",
        &BUILD_SCRIPT.replace(r#""copy""#, r#""copy/double.ptx""#),
    );
    let run = project.cargo(&["check"], Some("none"));
    assert!(!run.status.success(), "{}", text(&run));
    for part in [
        "there is no PTX to copy to copy/double.ptx, since",
        "rustup component add rust-src",
    ] {
        assert!(text(&run).contains(part), "no {part:?} in {}", text(&run));
    }
}

#[test]
fn pregenerated_ptx_is_taken_if_it_was_made_from_these_sources() {
    let project = Project::new();
    let hash = CudaBuilder::new(project.root.join("kernels"))
        .sources()
        .and_then(|sources| sources.hash())
        .expect("the sources are there");
    project.write("kernels/ptx/kernels.sm_80.ptx", "// made elsewhere");
    project.write(
        "kernels/ptx/SOURCES.sha256",
        &format!("{hash}\nrustc 1.96.0\n"),
    );
    let run = project.cargo(&["run"], Some("none"));
    assert_success(&run);
    assert_eq!(
        String::from_utf8_lossy(&run.stdout),
        "level 80\n// made elsewhere\n"
    );

    project.write("kernels/src/lib.rs", &KERNELS.replace("2.0", "3.0"));
    let stale = project.cargo(&["run"], Some("none"));
    assert_success(&stale);
    assert_eq!(String::from_utf8_lossy(&stale.stdout), "");
    let message = text(&stale);
    assert!(message.contains("was made from other sources"), "{message}");
}

#[test]
fn a_compiler_that_is_named_and_does_not_serve_is_an_error() {
    let project = Project::new();
    let run = project.cargo(&["check"], Some("/nowhere/rustc"));
    assert!(!run.status.success());
    let message = text(&run);
    assert!(
        message.contains("CUDA_BUILDER_RUSTC names /nowhere/rustc"),
        "{message}"
    );
}

/// The README's first kernel is three files, in this order.
#[test]
fn the_first_kernel_of_the_readme_builds_and_computes() {
    let readme = fs::read_to_string(workspace().join("README.md")).expect("there is a README");
    let (_, section) = readme
        .split_once("## Your first kernel\n")
        .expect("the README has the section");
    let files: Vec<&str> = section
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let [kernels, build_script, host] = files[..] else {
        panic!("the section has {} Rust files, not 3", files.len());
    };
    let launch = dependency("cuda_launch", "cuda/launch");
    let project = Project::with_host(&format!("{launch}cust = \"0.3.2\"\n"));
    project.write("kernels/src/lib.rs", kernels);
    project.write("build.rs", build_script);
    project.write("src/main.rs", host);
    // Its last line asserts what the kernel has computed.
    let run = project.cargo(&["run"], None);
    assert_success(&run);
    assert!(
        !text(&run).contains("in kernel"),
        "the simulator has found something: {}",
        text(&run)
    );
}

/// The Rust of `docs/kernels.md` is one project: each piece begins with the file that it is a part of.
#[test]
fn the_project_of_the_page_on_kernels_builds_and_computes() {
    let page = fs::read_to_string(workspace().join("docs/kernels.md")).expect("there is a page");
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for piece in page.split("```rust\n").skip(1) {
        let (piece, _) = piece.split_once("```").expect("each piece has an end");
        let (first, rest) = piece.split_once('\n').expect("each piece has a file");
        let path = first.strip_prefix("// ").expect("each piece has a file");
        files.entry(path).or_default().push_str(rest);
    }
    let paths: Vec<_> = files.keys().copied().collect();
    assert_eq!(paths, ["build.rs", "kernels/src/lib.rs", "src/main.rs"]);

    let launch = dependency("cuda_launch", "cuda/launch");
    let project = Project::with_host(&format!("{launch}cust = \"0.3.2\"\n"));
    for (path, text) in &files {
        project.write(path, text);
    }
    // Its functions assert what the kernels have computed; the last one has a kernel panic.
    let run = project.cargo(&["run"], None);
    assert_success(&run);
    let line = page
        .lines()
        .find(|line| line.starts_with("block (0, 0, 0)"))
        .expect("the page shows what a panic prints");
    assert!(text(&run).contains(line), "no {line:?} in {}", text(&run));
}

#[test]
fn what_a_panic_tells_is_chosen() {
    if let Err(reason) = Toolchain::find().expect("CUDA_BUILDER_RUSTC serves, if it is set") {
        println!("skipped, since {reason}");
        return;
    }
    let project = Project::new();
    for (level, prints, formats) in [
        ("Silent", false, false),
        ("Location", true, false),
        ("Message", true, true),
    ] {
        let option = format!(".panics(cuda_builder::Panics::{level}).copy_to");
        project.write("build.rs", &BUILD_SCRIPT.replace(".copy_to", &option));
        let run = project.cargo(&["run"], None);
        assert_success(&run);
        let ptx = String::from_utf8_lossy(&run.stdout);
        assert_eq!(ptx.contains("vprintf"), prints, "{level}: {ptx}");
        // The code that writes a number.
        assert_eq!(ptx.contains("Display"), formats, "{level}: {ptx}");
    }
}

/// A build script as Rust-CUDA's users have it, with a second build of the same kernels.
#[test]
fn several_builds_of_one_crate_do_not_disturb_each_other() {
    if let Err(reason) = Toolchain::find().expect("CUDA_BUILDER_RUSTC serves, if it is set") {
        println!("skipped, since {reason}");
        return;
    }
    let project = Project::new();
    let build_script = r#"
use cuda_builder::{CudaBuilder, NvvmArch};

fn main() {
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").unwrap());
    CudaBuilder::new("kernels").copy_to(out.join("kernels.ptx")).build().unwrap();
    CudaBuilder::new("kernels")
        .arch(NvvmArch::Compute75)
        .ftz(true)
        .emit_llvm_ir(true)
        .emit_llvm_bitcode(true)
        .final_module_path(out.join("final.ll"))
        .copy_to(out.join("flushed.ptx"))
        .build()
        .unwrap();
}
"#;
    let host = r#"
static EXACT: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));
static FLUSHED: &str = include_str!(concat!(env!("OUT_DIR"), "/flushed.ptx"));
static LEVELS: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/kernels_ptx.rs"));

fn main() {
    assert!(EXACT.contains("mul.rn.f32") || EXACT.contains("add.rn.f32"), "{EXACT}");
    assert!(FLUSHED.contains(".rn.ftz.f32"), "{FLUSHED}");
    assert_eq!(LEVELS, [(75, EXACT)], "the first build has the list");
    print!("{}", env!("OUT_DIR"));
}
"#;
    project.write("build.rs", build_script);
    project.write("src/main.rs", host);
    let run = project.cargo(&["run"], None);
    assert_success(&run);
    let out_dir = PathBuf::from(String::from_utf8_lossy(&run.stdout).into_owned());
    let read = |name: &str| fs::read(out_dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(read("kernels.sm_75.ll").starts_with(b"; ModuleID"));
    assert_eq!(read("kernels.sm_75.ll"), read("final.ll"));
    assert!(read("kernels.sm_75.bc").starts_with(b"BC"));

    // Without files of their own they want names of their own.
    let without = |name: &str| {
        build_script
            .replace(".copy_to(out.join(\"kernels.ptx\"))", "")
            .replace(".copy_to(out.join(\"flushed.ptx\"))", name)
    };
    project.write("build.rs", &without(""));
    let refused = project.cargo(&["build"], None);
    assert!(!refused.status.success(), "{}", text(&refused));
    let message = text(&refused);
    assert!(message.contains("builds `kernels` twice"), "{message}");
    project.write("build.rs", &without(".name(\"flushed\")"));
    project.write(
        "src/main.rs",
        &host
            .replace("/kernels.ptx", "/kernels.sm_75.ptx")
            .replace("/flushed.ptx", "/flushed.sm_75.ptx"),
    );
    assert_success(&project.cargo(&["run"], None));
}

#[test]
fn libraries_of_kernels_are_linked() {
    if let Err(reason) = Toolchain::find().expect("CUDA_BUILDER_RUSTC serves, if it is set") {
        println!("skipped, since {reason}");
        return;
    }
    let project = Project::new();
    let manifest = |name: &str| {
        let package =
            format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2018\"\n");
        format!("{package}[dependencies]\n{}", cuda_std())
    };
    project.write("tools/Cargo.toml", &manifest("tools"));
    let library = KERNELS.replace("double", "triple").replace("2.0", "3.0");
    project.write("tools/src/lib.rs", &library);
    project.write(
        "kernels/Cargo.toml",
        &format!("{}tools = {{ path = \"../tools\" }}\n", manifest("kernels")),
    );

    // Nothing of it is named: it is not linked, and the build says so.
    let unused = project.cargo(&["run"], None);
    assert_success(&unused);
    let message = text(&unused);
    assert!(!message.contains(".entry triple("), "{message}");
    assert!(message.contains("write `use tools as _;`"), "{message}");

    project.write(
        "kernels/src/lib.rs",
        &format!("{KERNELS}\nuse tools as _;\n"),
    );
    let linked = project.cargo(&["run"], None);
    assert_success(&linked);
    let message = text(&linked);
    for part in [".entry double(", ".entry triple("] {
        assert!(message.contains(part), "no {part} in {message}");
    }
    assert!(!message.contains("as _;"), "{message}");

    // Two kernels of one name.
    project.write("tools/src/lib.rs", &KERNELS.replace("2.0", "3.0"));
    let twice = project.cargo(&["build"], None);
    assert!(!twice.status.success(), "{}", text(&twice));
    let message = text(&twice);
    for part in [
        "two functions of the PTX are named `double`",
        "kernels/src/lib.rs:7",
        "tools/src/lib.rs:7",
    ] {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
}
