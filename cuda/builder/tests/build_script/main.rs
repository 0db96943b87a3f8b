//! A user's project, built by cargo from its build script on: a crate of kernels and a host crate,
//! in a folder whose name has a space.

mod builds;
mod project;
