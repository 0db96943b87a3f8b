//! The fundamentals: each against what is known of its result, on random and on nasty inputs, and on
//! devices; and the subcommands, all of them at small sizes.
//!
//! The device is the simulator with all of its checks. Where there is a GPU, the tests on devices run
//! once more on it, in a process of their own.

mod algorithms;
mod basics;
mod calculus;
mod commands;
mod device;
mod hardware;
mod linear_algebra;
#[path = "../on_gpu/mod.rs"]
mod on_gpu;
