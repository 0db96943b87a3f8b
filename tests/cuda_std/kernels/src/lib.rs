//! Kernels that use each item of `cuda_std`, a file per module of it. What they are launched with and
//! what must come out stands in the file of the same name in `tests/cuda_std/tests/`.
#![no_std]
#![cfg_attr(target_arch = "nvptx64", allow(internal_features))]
#![cfg_attr(
    target_arch = "nvptx64",
    feature(asm_experimental_arch, link_llvm_intrinsics)
)]
#![allow(
    unsafe_op_in_unsafe_fn,
    clippy::missing_safety_doc,
    reason = "the one launch that each kernel is for is that of its test"
)]
#![allow(
    clippy::deref_addrof,
    clippy::needless_lifetimes,
    clippy::print_literal,
    clippy::slow_vector_initialization,
    clippy::unnecessary_literal_unwrap,
    reason = "what would be shorter is what is tested"
)]
#![allow(missing_docs, reason = "a macro's kernels are described at the macro")]

pub mod async_copy;
pub mod atomic;
pub mod barrier;
pub mod groups;
pub mod io;
pub mod kernel;
pub mod mem;
pub mod misc;
pub mod mma;
pub mod pages;
pub mod panic;
pub mod phased;
pub mod ptr;
pub mod random;
pub mod shared;
pub mod thread;
pub mod time;
pub mod warp;
