//! `cargo xtask sim-driver` builds the library and puts it, under NVIDIA's name, where it says.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_library_is_where_the_command_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["sim-driver", "--dev"])
        .output()
        .expect("the command starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let (library, rest) = printed
        .split_once(" is there")
        .expect("it names the library");
    assert!(library.ends_with("sim-driver/libcuda.so.1"), "{printed}");
    let folder = Path::new(library).parent().expect("it is in a folder");
    assert!(rest.contains(&format!("LD_LIBRARY_PATH={}", folder.display())));
    assert!(Path::new(library).is_file());
    let link = std::fs::read_link(folder.join("libcuda.so")).expect("the link is there");
    assert_eq!(link, Path::new("libcuda.so.1"));
}
