//! Bulk copies and copies of tensors: where each element goes, and programs as nvcc compiles them.

mod boxes;
mod compiled;
#[path = "../machine/mod.rs"]
mod machine;
