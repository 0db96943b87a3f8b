//! Math basics.

mod pi;
mod random;
mod softmax;
mod statistics;
mod sums;
