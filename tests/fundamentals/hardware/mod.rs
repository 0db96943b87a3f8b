//! Hardware acceleration.

mod reduction;
mod roofline;
