//! Small kernels with one fault each, a file per class of faults, and for each its mended twin.
//!
//! The line that is at fault bears the comment `FAULT: name`, and the line of the other thread of a
//! race `OTHER: name`. The tests look for these; see `tests/faults/tests/`.
#![no_std]
#![cfg_attr(target_arch = "nvptx64", allow(internal_features))]
#![cfg_attr(
    target_arch = "nvptx64",
    feature(asm_experimental_arch, link_llvm_intrinsics)
)]
#![allow(
    unsafe_op_in_unsafe_fn,
    clippy::missing_safety_doc,
    reason = "a kernel with a fault breaks its own contract: no word on its safety would be true"
)]
#![allow(
    missing_docs,
    reason = "a twin's description is that of the kernel before it"
)]

pub mod barriers;
pub mod bounds;
pub mod control;
mod device;
pub mod global_races;
pub mod heap;
pub mod initialization;
pub mod pointers;
pub mod shared_races;
pub mod warps;
