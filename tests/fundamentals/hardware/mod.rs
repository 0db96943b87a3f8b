//! Hardware acceleration.

mod reduction;
