//! Build script of `cuda_std_tests`: compiles its kernels to PTX, and writes a program that uses every
//! published item.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use cuda_builder::{Arch, CudaBuilder, DebugInfo};

fn main() -> Result<(), Box<dyn Error>> {
    cuda_std_kernels().build()?;
    let list = "published-items.txt";
    println!("cargo::rerun-if-changed={list}");
    let program = uses(&fs::read_to_string(list)?)?;
    let out_dir = env::var("OUT_DIR")?;
    fs::write(Path::new(&out_dir).join("published_items.rs"), program)?;
    Ok(())
}

/// The kernels and the level that they are built for.
pub fn cuda_std_kernels() -> CudaBuilder {
    // No test looks at source lines, and without them the PTX is half as long.
    CudaBuilder::new("tests/cuda_std/kernels")
        .arch(Arch::Sm80)
        .debug(DebugInfo::None)
}

/// What a glob import must not bring; `docs/rust-cuda.md` says why.
const LEFT_OUT: [&str; 2] = ["prelude::assert_eq", "prelude::assert_ne"];

/// A function that names each item of a list with lines `kind: path`.
fn uses(list: &str) -> Result<String, Box<dyn Error>> {
    let mut program = String::from(
        "#[allow(dead_code, deprecated, unused_imports)]\nfn every_published_item() {\n",
    );
    for line in list.lines() {
        let (kind, path) = line.split_once(": ").ok_or("expected `kind: path`")?;
        if LEFT_OUT.contains(&path) {
            continue;
        }
        match kind {
            "module" | "type" | "trait" | "macro" => {
                writeln!(program, "    use cuda_std::{path} as _;")?;
            }
            "function" | "static" | "variant" => {
                writeln!(program, "    let _ = &cuda_std::{path};")?;
            }
            "generic function" => writeln!(program, "    let _ = &cuda_std::{path}::<u8>;")?,
            "method" => {
                let (name, method) = path.split_once("::").ok_or("expected a trait's method")?;
                for float in ["f32", "f64"] {
                    writeln!(
                        program,
                        "    let _ = <{float} as cuda_std::{name}>::{method};"
                    )?;
                }
            }
            _ => return Err(format!("{kind} is no kind of item").into()),
        }
    }
    program.push_str("}\n");
    Ok(program)
}
