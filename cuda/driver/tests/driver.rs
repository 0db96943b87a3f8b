//! The forwarded functions with no driver, with a library that is none, and with a small one.
//!
//! A process loads its driver once, so each test runs its body in a process of its own.

use std::ffi::{CStr, c_char};
use std::path::Path;
use std::process::Command;
use std::ptr;

use cuda_driver::{LIBRARY_VARIABLE, SOURCE_VARIABLE, driver, is_available};
use cust::CudaFlags;
use cust::error::CudaError;
use cust::sys::{self, CUresult};

/// Runs `body` in a process whose driver is `library`; `test` is the name of the calling test.
fn with_library(test: &str, library: &Path, body: fn(&Path)) {
    const CHILD_VARIABLE: &str = "CUDA_DRIVER_TEST_CHILD";

    if std::env::var_os(CHILD_VARIABLE).is_some() {
        let library = std::env::var_os(LIBRARY_VARIABLE).expect("the parent names the library");
        return body(Path::new(&library));
    }
    let child = Command::new(std::env::current_exe().expect("this test is a file"))
        .args(["--exact", test])
        .env(CHILD_VARIABLE, "1")
        .env(LIBRARY_VARIABLE, library)
        .env_remove(SOURCE_VARIABLE)
        .output()
        .expect("this test starts again");
    let output = String::from_utf8_lossy(&child.stdout);
    let ran = child.status.success() && output.contains("1 passed");
    assert!(ran, "{output}\n{}", String::from_utf8_lossy(&child.stderr));
}

/// Calls `cuGetErrorName` or `cuGetErrorString` with a code that need not be a [`CUresult`].
fn text(
    function: unsafe extern "C" fn(CUresult, *mut *const c_char) -> CUresult,
    code: u32,
) -> String {
    type WithNumber = unsafe extern "C" fn(u32, *mut *const c_char) -> CUresult;
    // SAFETY: `CUresult` is a `u32` in the calling convention, and the function takes any number.
    let function: WithNumber = unsafe { std::mem::transmute(function) };
    let mut answer = ptr::null();
    // SAFETY: `answer` is valid for a write, and null is answered with an error.
    let results = unsafe { (function(code, &mut answer), function(code, ptr::null_mut())) };
    assert_eq!(
        results,
        (CUresult::CUDA_SUCCESS, CUresult::CUDA_ERROR_INVALID_VALUE)
    );
    // SAFETY: On success `answer` is a text that lives on.
    unsafe { CStr::from_ptr(answer) }
        .to_str()
        .expect("the text is UTF-8")
        .to_owned()
}

#[test]
fn without_a_driver_calls_fail_and_say_why() {
    let library = Path::new("/no/such/libcuda.so.1");
    with_library(
        "without_a_driver_calls_fail_and_say_why",
        library,
        |library| {
            let error = cust::init(CudaFlags::empty()).expect_err("there is no driver");
            assert_eq!(error, CudaError::NoDevice);
            let absent = driver().expect_err("there is no driver");
            assert!(!is_available());
            for sentence in [error.to_string(), absent.to_string()] {
                assert!(sentence.contains(&*library.to_string_lossy()), "{sentence}");
                assert!(sentence.contains(&absent.reason), "{sentence}");
                assert!(sentence.contains(LIBRARY_VARIABLE), "{sentence}");
            }
            assert!(!absent.reason.is_empty());

            let stream = cust::stream::Stream::new(cust::stream::StreamFlags::DEFAULT, None);
            assert_eq!(stream.err(), Some(CudaError::NoDevice));
            let module = cust::module::Module::from_ptx("", &[]);
            assert_eq!(module.err(), Some(CudaError::NoDevice));
            let buffer = cust::memory::DeviceBuffer::<f32>::zeroed(1);
            assert_eq!(buffer.err(), Some(CudaError::NoDevice));
            assert_eq!(
                cust::device::Device::num_devices(),
                Err(CudaError::NoDevice)
            );
        },
    );
}

#[test]
fn another_library_is_no_driver() {
    // Any library that every process can load will do.
    let library = Path::new(if cfg!(windows) {
        "kernel32.dll"
    } else {
        "libc.so.6"
    });
    with_library("another_library_is_no_driver", library, |library| {
        let error = driver().expect_err("the C library is no driver");
        assert_eq!(error.library, library);
        assert!(error.reason.contains("cuInit"), "{error}");
    });
}

#[test]
fn a_loaded_driver_gets_the_calls() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = folder.path().join("libsmall driver.so");
    let compiled = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "-o"])
        .arg(&library)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/small_driver/lib.rs"
        ))
        .status()
        .expect("rustc starts");
    assert!(compiled.success());

    with_library("a_loaded_driver_gets_the_calls", &library, |library| {
        let loaded = driver().expect("the library is a driver");
        assert_eq!(loaded.library(), library);
        assert_eq!(loaded.version(), Some((13, 2)));
        assert_eq!(cust::init(CudaFlags::empty()), Ok(()));

        // SAFETY: The small driver looks at the arguments' values only.
        let launched = unsafe {
            let at = |address| ptr::without_provenance_mut(address);
            sys::cuLaunchKernel(
                ptr::without_provenance_mut(1),
                2,
                3,
                4,
                5,
                6,
                7,
                8,
                ptr::without_provenance_mut(9),
                at(10),
                at(11),
            )
        };
        assert_eq!(launched, CUresult::CUDA_SUCCESS);

        // SAFETY: The small driver does not have this function, which takes nothing.
        let missing = unsafe { sys::cuCtxSynchronize() };
        assert_eq!(missing, CUresult::CUDA_ERROR_NOT_FOUND);
        assert_eq!(
            CudaError::NoDevice.to_string(),
            "\"the driver found no CUDA device\""
        );

        // The small driver answers this call with the code that it gets.
        // SAFETY: It takes any number.
        let initialize = |code| unsafe { sys::cuInit(code) };
        assert_eq!(initialize(2), CUresult::CUDA_ERROR_OUT_OF_MEMORY);
        // Codes that the enum of `cust_raw` has no variant for.
        for (code, name) in [(226, "CUDA_ERROR_CONTAINED"), (1234, "CUDA_ERROR_1234")] {
            assert_eq!(initialize(code), CUresult::CUDA_ERROR_UNKNOWN);
            assert_eq!(text(sys::cuGetErrorName, 999), name);
            assert_eq!(text(sys::cuGetErrorName, code), name);
            assert_eq!(
                text(sys::cuGetErrorString, 999),
                text(sys::cuGetErrorString, code)
            );
        }
        assert!(CudaError::UnknownError.to_string().contains("1234"));
        assert_eq!(initialize(999), CUresult::CUDA_ERROR_UNKNOWN);
        assert_eq!(text(sys::cuGetErrorName, 999), "CUDA_ERROR_UNKNOWN");
    });
}
