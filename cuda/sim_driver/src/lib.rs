//! NVIDIA's `libcuda.so.1` with the simulator behind it: any program that loads it runs on the
//! simulated device, whatever language it is written in.
//!
//! `cargo xtask sim-driver` builds it and puts it into a folder of its own, under NVIDIA's name. The
//! functions are those of `cuda_driver`; here is only the choice of who answers them. For Linux alone:
//! the library of Windows has another name, and other ways to be found.

use cuda_driver as _;

/// Called by the system's loader, before anyone can call a function of the library.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static SERVE: extern "C" fn() = serve;

#[cfg(target_os = "linux")]
extern "C" fn serve() {
    // It fails if a driver is loaded, and nobody has called for one yet.
    let _ = cuda_driver::serve_simulator();
}
