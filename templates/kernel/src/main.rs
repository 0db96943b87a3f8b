//! Runs the kernel once and shows what came out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let x = [1.0, 2.0, 3.0, 4.0];
    let mut y = [10.0; 4];
    match @crate::axpy(2.0, &x, &mut y) {
        Ok(()) => {
            println!("2 · {x:?} + 10 = {y:?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
