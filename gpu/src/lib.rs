//! The kernels.
#![no_std]

pub mod activation;
