//! Chores of this workspace.

mod new_kernel;
mod ptx;
mod sim_driver;

use std::process::ExitCode;

const USAGE: &str = "\
Chores of this workspace.

cargo xtask new-kernel NAME [--path DIR | --git URL]
                           make a crate with one kernel, its host program and a test that needs no GPU,
                           beside this workspace; NAME may be a path that ends in the crate's name.
                           The crate depends on this checkout, on the one in DIR, or on the repository
                           at URL
cargo xtask ptx            compile the kernels and replace the PTX beside them: gpu/ptx/,
                           examples/*/kernels/ptx/ and tests/*/kernels/ptx/
cargo xtask ptx --check    fail if that PTX is not what the sources compile to
cargo xtask sim-driver [--dev]
                           build the simulated driver as libcuda.so.1, in target/release/sim-driver/
                           (with --dev: target/debug/sim-driver/), for programs of any language";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["ptx"] => ptx::replace().map_err(Failure::Run),
        ["ptx", "--check"] => ptx::check().map_err(Failure::Run),
        ["sim-driver"] => sim_driver::build("release").map_err(Failure::Run),
        ["sim-driver", "--dev"] => sim_driver::build("dev").map_err(Failure::Run),
        ["new-kernel", ref rest @ ..] if !rest.is_empty() && !is_help(rest) => {
            new_kernel::run(rest)
        }
        ["help" | "--help" | "-h"] => Ok(USAGE.to_owned()),
        [_, ref rest @ ..] if is_help(rest) => Ok(USAGE.to_owned()),
        _ => Err(Failure::Usage(format!("expected a command\n\n{USAGE}"))),
    };
    match done {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Run(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn is_help(arguments: &[&str]) -> bool {
    matches!(arguments, ["--help" | "-h"])
}

/// Why a chore was not done.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that cannot be.
    Usage(String),
    /// It failed on the way.
    Run(String),
}
