//! Result codes: their names, what they say, and how those that `cust` does not know reach it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Mutex, PoisonError};

pub(crate) use cust_raw::CUresult;

use crate::tables::Tables;
use crate::{driver, sim};

/// Expands the table below into three lookups by code.
macro_rules! codes {
    (
        declared { $($name:ident = $code:literal $text:literal)* }
        newer { $($newer_name:ident = $newer_code:literal $newer_text:literal)* }
    ) => {
        /// The variant of a code, if `cust_raw` has one.
        fn declared(code: u32) -> Option<CUresult> {
            Some(match code {
                $($code => CUresult::$name,)*
                _ => return None,
            })
        }

        /// The name of a code and a sentence about it.
        fn described(code: u32) -> Option<(&'static str, &'static str)> {
            Some(match code {
                $($code => (stringify!($name), $text),)*
                $($newer_code => (stringify!($newer_name), $newer_text),)*
                _ => return None,
            })
        }

        // The table has the right number for each variant, and all variants.
        $(const _: () = assert!(CUresult::$name as u32 == $code);)*
        const _: fn(CUresult) = |result| match result {
            $(CUresult::$name => (),)*
        };
    };
}

codes! {
    declared {
        CUDA_SUCCESS = 0 "success"
        CUDA_ERROR_INVALID_VALUE = 1 "an argument is out of range or a null pointer"
        CUDA_ERROR_OUT_OF_MEMORY = 2 "not enough device memory"
        CUDA_ERROR_NOT_INITIALIZED = 3 "the driver was not initialized: cuInit comes first"
        CUDA_ERROR_DEINITIALIZED = 4 "the driver is shutting down with the process"
        CUDA_ERROR_PROFILER_DISABLED = 5 "the profiler is not in use for this run"
        CUDA_ERROR_PROFILER_NOT_INITIALIZED = 6 "the profiler was not initialized"
        CUDA_ERROR_PROFILER_ALREADY_STARTED = 7 "the profiler is already running"
        CUDA_ERROR_PROFILER_ALREADY_STOPPED = 8 "the profiler is not running"
        CUDA_ERROR_STUB_LIBRARY = 34
            "the loaded library is the toolkit's stub for linking, not a driver"
        CUDA_ERROR_NO_DEVICE = 100 "the driver found no CUDA device"
        CUDA_ERROR_INVALID_DEVICE = 101 "no device has this number, or it cannot do this"
        CUDA_ERROR_DEVICE_NOT_LICENSED = 102 "the device has no license for compute"
        CUDA_ERROR_INVALID_IMAGE = 200 "the module is neither PTX nor a valid binary"
        CUDA_ERROR_INVALID_CONTEXT = 201 "no valid context is current in this thread"
        CUDA_ERROR_CONTEXT_ALREADY_CURRENT = 202 "the context is already current"
        CUDA_ERROR_MAP_FAILED = 205 "the resource could not be mapped"
        CUDA_ERROR_UNMAP_FAILED = 206 "the resource could not be unmapped"
        CUDA_ERROR_ARRAY_IS_MAPPED = 207 "the array is mapped and cannot be destroyed"
        CUDA_ERROR_ALREADY_MAPPED = 208 "the resource is already mapped"
        CUDA_ERROR_NO_BINARY_FOR_GPU = 209
            "the module has no code for this device's compute capability"
        CUDA_ERROR_ALREADY_ACQUIRED = 210 "the resource is already acquired"
        CUDA_ERROR_NOT_MAPPED = 211 "the resource is not mapped"
        CUDA_ERROR_NOT_MAPPED_AS_ARRAY = 212 "the resource is not mapped as an array"
        CUDA_ERROR_NOT_MAPPED_AS_POINTER = 213 "the resource is not mapped as a pointer"
        CUDA_ERROR_ECC_UNCORRECTABLE = 214 "device memory has an error that ECC cannot correct"
        CUDA_ERROR_UNSUPPORTED_LIMIT = 215 "the device does not have this limit"
        CUDA_ERROR_CONTEXT_ALREADY_IN_USE = 216 "another thread is using the context"
        CUDA_ERROR_PEER_ACCESS_UNSUPPORTED = 217 "these devices cannot access each other's memory"
        CUDA_ERROR_INVALID_PTX = 218 "the driver could not compile the PTX"
        CUDA_ERROR_INVALID_GRAPHICS_CONTEXT = 219 "the graphics context is invalid"
        CUDA_ERROR_NVLINK_UNCORRECTABLE = 220 "NVLink had an error that cannot be corrected"
        CUDA_ERROR_JIT_COMPILER_NOT_FOUND = 221
            "the driver's PTX compiler (libnvidia-ptxjitcompiler) was not found"
        CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222
            "the PTX is of a version that this driver is too old for"
        CUDA_ERROR_JIT_COMPILATION_DISABLED = 223 "compilation of PTX is switched off"
        CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY = 224
            "the device does not support this execution affinity"
        CUDA_ERROR_INVALID_SOURCE = 300 "the kernel's source is invalid"
        CUDA_ERROR_FILE_NOT_FOUND = 301 "the file was not found"
        CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND = 302 "a shared library lacks a symbol"
        CUDA_ERROR_SHARED_OBJECT_INIT_FAILED = 303 "a shared library could not be loaded"
        CUDA_ERROR_OPERATING_SYSTEM = 304 "a call to the operating system failed"
        CUDA_ERROR_INVALID_HANDLE = 400 "the handle is invalid or of another context"
        CUDA_ERROR_ILLEGAL_STATE = 401 "a resource is not in the state that the call needs"
        CUDA_ERROR_NOT_FOUND = 500
            "there is nothing of this name: no such kernel or variable in the module, \
             or no such function in this driver"
        CUDA_ERROR_NOT_READY = 600 "the work has not finished yet"
        CUDA_ERROR_ILLEGAL_ADDRESS = 700 "a kernel accessed memory outside of any allocation"
        CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701
            "the launch needs more registers, shared memory or arguments than there are"
        CUDA_ERROR_LAUNCH_TIMEOUT = 702 "a kernel ran longer than the system allows"
        CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING = 703
            "the launch's texturing mode does not fit the context's"
        CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED = 704 "peer access is already on"
        CUDA_ERROR_PEER_ACCESS_NOT_ENABLED = 705 "peer access is not on"
        CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE = 708 "the primary context is already in use"
        CUDA_ERROR_CONTEXT_IS_DESTROYED = 709 "the current context was destroyed"
        CUDA_ERROR_ASSERT = 710 "an assertion failed in a kernel"
        CUDA_ERROR_TOO_MANY_PEERS = 711 "peer access has no resources left"
        CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED = 712 "the host memory is already registered"
        CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED = 713 "the host memory is not registered"
        CUDA_ERROR_HARDWARE_STACK_ERROR = 714
            "a kernel corrupted its call stack or ran past the stack's end"
        CUDA_ERROR_ILLEGAL_INSTRUCTION = 715 "a kernel came to an illegal instruction"
        CUDA_ERROR_MISALIGNED_ADDRESS = 716
            "a kernel accessed memory at an address that is not aligned for the access"
        CUDA_ERROR_INVALID_ADDRESS_SPACE = 717
            "a kernel accessed an address of another state space than the instruction works on"
        CUDA_ERROR_INVALID_PC = 718 "a kernel's program counter left its code"
        CUDA_ERROR_LAUNCH_FAILED = 719 "a kernel failed while it ran, by a trap for example"
        CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE = 720
            "the cooperative launch has more blocks than can be resident at once"
        CUDA_ERROR_NOT_PERMITTED = 800 "the operation is not permitted"
        CUDA_ERROR_NOT_SUPPORTED = 801 "the operation is not supported here"
        CUDA_ERROR_SYSTEM_NOT_READY = 802 "the system is not ready for CUDA work yet"
        CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803
            "the kernel module and the driver library are of different versions"
        CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE = 804
            "the device does not support the forward compatibility package"
        CUDA_ERROR_MPS_CONNECTION_FAILED = 805 "the MPS server could not be reached"
        CUDA_ERROR_MPS_RPC_FAILURE = 806 "a call to the MPS server failed"
        CUDA_ERROR_MPS_SERVER_NOT_READY = 807 "the MPS server accepts no clients at present"
        CUDA_ERROR_MPS_MAX_CLIENTS_REACHED = 808 "the MPS server has no room for another client"
        CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED = 809
            "the MPS server has no device connection left"
        CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900
            "the operation is not permitted while the stream is captured"
        CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901 "an earlier error ended the capture"
        CUDA_ERROR_STREAM_CAPTURE_MERGE = 902 "this would merge two captures"
        CUDA_ERROR_STREAM_CAPTURE_UNMATCHED = 903 "the capture did not begin in this stream"
        CUDA_ERROR_STREAM_CAPTURE_UNJOINED = 904
            "the capture has a branch that was not joined to the first stream"
        CUDA_ERROR_STREAM_CAPTURE_ISOLATION = 905
            "a dependency would cross the capture's boundary"
        CUDA_ERROR_STREAM_CAPTURE_IMPLICIT = 906
            "the default stream's implicit dependency is not permitted in a capture"
        CUDA_ERROR_CAPTURED_EVENT = 907 "the event was last recorded in a capture"
        CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD = 908 "another thread began the capture"
        CUDA_ERROR_TIMEOUT = 909 "the wait took longer than its limit"
        CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE = 910
            "the change is too large for updating an instantiated graph"
        CUDA_ERROR_EXTERNAL_DEVICE = 911 "a device other than the GPU failed"
        CUDA_ERROR_UNKNOWN = 999 "the driver failed for a reason that it does not give"
    }
    newer {
        CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER = 36 "the call needs a newer driver"
        CUDA_ERROR_DEVICE_UNAVAILABLE = 46
            "the device is in use by another process or closed to compute"
        CUDA_ERROR_MULTICAST_RESOURCE_FULL = 47 "no multicast resources are left"
        CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC = 225
            "the PTX synchronizes with the device from within a kernel"
        CUDA_ERROR_CONTAINED = 226
            "the device contained a hardware or NVLink error; the process must be restarted"
        CUDA_ERROR_INSUFFICIENT_LOADER_VERSION = 227 "the library loader is too old"
        CUDA_ERROR_LOSSY_QUERY = 402
            "the answer would leave out something that matters, for this call is too old"
        CUDA_ERROR_TENSOR_MEMORY_LEAK = 721 "a kernel ended with tensor memory still allocated"
        CUDA_ERROR_MPS_CLIENT_TERMINATED = 810 "the MPS server ended this client"
        CUDA_ERROR_CDP_NOT_SUPPORTED = 811 "kernels cannot launch kernels in this configuration"
        CUDA_ERROR_CDP_VERSION_MISMATCH = 812
            "the module mixes versions of launches from within kernels"
        CUDA_ERROR_INVALID_CLUSTER_SIZE = 912 "the launch's cluster size is invalid"
        CUDA_ERROR_FUNCTION_NOT_LOADED = 913 "the kernel is not loaded yet"
        CUDA_ERROR_INVALID_RESOURCE_TYPE = 914 "a resource is of the wrong type"
        CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION = 915
            "the resources are too small or do not apply"
        CUDA_ERROR_KEY_ROTATION = 916 "a rotation of keys failed"
        CUDA_ERROR_STREAM_DETACHED = 917 "the stream's green context was destroyed"
        CUDA_ERROR_GRAPH_RECAPTURE_FAILURE = 918 "capturing a graph again failed"
        CUDA_ERROR_FABRIC_NOT_READY = 919 "the fabric between the GPUs is not ready; try again"
    }
}

thread_local! {
    /// The code that [`of`] last turned into `CUDA_ERROR_UNKNOWN` in this thread.
    static UNDECLARED: Cell<u32> = const { Cell::new(CUresult::CUDA_ERROR_UNKNOWN as u32) };
}

/// Makes a call of `function` to the driver; `call` gets its functions and returns `None` if it lacks
/// the one.
///
/// Without a driver the result is `CUDA_ERROR_NO_DEVICE`, without the function
/// `CUDA_ERROR_NOT_FOUND`, or `CUDA_ERROR_NOT_SUPPORTED` if the simulator is the driver. Callers that
/// know the codes of [`CUresult`] alone must not get another: it is kept for the description of the
/// `CUDA_ERROR_UNKNOWN` that is returned in its place.
pub(crate) fn of(
    function: &'static str,
    declared_only: bool,
    call: impl FnOnce(&Tables) -> Option<u32>,
) -> u32 {
    let Ok(driver) = driver() else {
        return CUresult::CUDA_ERROR_NO_DEVICE as u32;
    };
    let Some(code) = call(&driver.tables) else {
        if driver.is_simulated() {
            sim::missing(function);
            return CUresult::CUDA_ERROR_NOT_SUPPORTED as u32;
        }
        return CUresult::CUDA_ERROR_NOT_FOUND as u32;
    };
    if driver.is_served || !declared_only {
        return code;
    }
    let result = declared(code).unwrap_or(CUresult::CUDA_ERROR_UNKNOWN) as u32;
    if result == CUresult::CUDA_ERROR_UNKNOWN as u32 {
        UNDECLARED.set(code);
    }
    result
}

/// The name of a code and a sentence about it, for any code.
fn description(code: u32) -> (String, String) {
    const NO_DEVICE: u32 = CUresult::CUDA_ERROR_NO_DEVICE as u32;
    const UNKNOWN: u32 = CUresult::CUDA_ERROR_UNKNOWN as u32;

    let code = if code == UNKNOWN {
        UNDECLARED.get()
    } else {
        code
    };
    let (name, text) = match described(code) {
        Some((name, text)) => (name.to_owned(), text.to_owned()),
        None => (
            format!("CUDA_ERROR_{code}"),
            format!("the driver failed with error code {code}"),
        ),
    };
    match driver() {
        Err(absent) if code == NO_DEVICE => (name, absent.to_string()),
        _ => (name, text),
    }
}

/// Stores a pointer to a text about a code in `answer`, which stays valid.
///
/// In place of NVIDIA's library, a code that there is not is an error, as it is there.
///
/// # Safety
///
/// `answer` is null or valid for a write.
unsafe fn answer_with(code: u32, answer: *mut *const c_char, text: String) -> CUresult {
    if answer.is_null() {
        return CUresult::CUDA_ERROR_INVALID_VALUE;
    }
    if described(code).is_none() && driver().is_ok_and(|driver| driver.is_served) {
        // SAFETY: `answer` is not null, so the caller vouches for it.
        unsafe { answer.write_unaligned(ptr::null()) };
        return CUresult::CUDA_ERROR_INVALID_VALUE;
    }
    // SAFETY: `answer` is not null, so the caller vouches for it.
    unsafe { answer.write_unaligned(kept(&text)) };
    CUresult::CUDA_SUCCESS
}

/// A pointer to a text that stays valid.
pub(crate) fn kept(text: &str) -> *const c_char {
    /// Every text that was asked for so far: there are as many as codes and names of kernels.
    static TEXTS: Mutex<BTreeSet<CString>> = Mutex::new(BTreeSet::new());

    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.insert(text.clone());
    // A text is never removed from the set, and moving a `CString` does not move its characters.
    texts
        .get(&text)
        .map_or(c"", |kept| kept.as_c_str())
        .as_ptr()
}

/// `cuGetErrorString`, answered here for any code: `cust` panics where the driver's fails, which
/// it does for codes that it does not know, and without a driver.
///
/// # Safety
///
/// `answer` is null or valid for a write.
#[allow(non_snake_case)]
#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorString(code: u32, answer: *mut *const c_char) -> CUresult {
    // SAFETY: The caller's duty is the same.
    unsafe { answer_with(code, answer, description(code).1) }
}

/// `cuGetErrorName`, answered here for any code.
///
/// # Safety
///
/// `answer` is null or valid for a write.
#[allow(non_snake_case)]
#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorName(code: u32, answer: *mut *const c_char) -> CUresult {
    // SAFETY: The caller's duty is the same.
    unsafe { answer_with(code, answer, description(code).0) }
}

/// Whether there is a code with this number.
#[cfg(test)]
pub(crate) fn is_known(code: u32) -> bool {
    described(code).is_some()
}

/// The function of this file that programs link against by a name.
pub(crate) fn exported(name: &str) -> Option<*const c_void> {
    match name {
        "cuGetErrorString" => Some(cuGetErrorString as *const c_void),
        "cuGetErrorName" => Some(cuGetErrorName as *const c_void),
        _ => None,
    }
}
