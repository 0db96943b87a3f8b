//! Every operation on every device: against a naive reference in `f64`, and the devices against each
//! other.
//!
//! The devices are `cpu` and `sim`, the simulator with all of its checks. Where there is a GPU, all
//! tests run a second time, in a process of their own, with `cuda` in place of `sim`: a process has one
//! driver. `TEST_DEVICES` chooses the devices, as a list such as `cpu,cuda`; they have to be there.
//!
//! Buffers are longer than the operations need. What lies behind inputs is NaN, so that reading it
//! shows; what lies behind outputs has to stay.

#[macro_use]
mod devices;

mod activation;
mod addition;
mod augmentation;
mod batch;
mod buffers;
mod clipping;
mod compare;
mod convolution;
mod dense;
mod dropout;
mod embedding;
mod errors;
mod gaussian;
mod loss;
mod normalization;
#[path = "../on_gpu/mod.rs"]
mod on_gpu;
mod optimizer;
mod pooling;
#[path = "../reference/mod.rs"]
mod reference;
mod softmax;
mod training;
