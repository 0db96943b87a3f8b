//! The driver's functions by their names.

use std::ffi::{c_int, c_uint, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUuuid, cuuint64_t};

use super::argument::{In, Out, Text};
use super::refusal::{Answer, refuse};
use super::session::Session;
use super::{VERSION, log_once};
use crate::tables::{Found, exported, variant};

/// `CU_GET_PROC_ADDRESS_LEGACY_STREAM` and `CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM`
const LEGACY_STREAM: cuuint64_t = 1;
const PER_THREAD_STREAM: cuuint64_t = 2;

/// `CUdriverProcAddressQueryResult`
const SUCCESS: c_uint = 0;
const SYMBOL_NOT_FOUND: c_uint = 1;
const VERSION_NOT_SUFFICIENT: c_uint = 2;

/// `cuGetProcAddress` of CUDA 11.3, which fails if there is no such function.
pub(crate) fn address(
    session: &mut Session,
    name: Text,
    function: Out<*mut c_void>,
    version: c_int,
    flags: cuuint64_t,
) -> Answer {
    address_with_status(session, name, Out::clone(&function), version, flags, None)?;
    if function.get().is_null() {
        return Err(CUDA_ERROR_NOT_FOUND.into());
    }
    Ok(())
}

/// `cuGetProcAddress` of CUDA 12: that there is no such function is no error.
pub(crate) fn address_with_status(
    _: &mut Session,
    Text(name): Text,
    function: Out<*mut c_void>,
    version: c_int,
    flags: cuuint64_t,
    status: Option<Out<c_uint>>,
) -> Answer {
    let version = match u32::try_from(version) {
        Ok(number) if version <= VERSION => number,
        _ => {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!("{name} of CUDA {version}, and the driver is of {VERSION}"),
            ));
        }
    };
    if flags & !(LEGACY_STREAM | PER_THREAD_STREAM) != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let found = variant(&name, version, flags & PER_THREAD_STREAM != 0);
    let (address, code) = match found {
        Found::Variant(name) => (exported(name), SUCCESS),
        Found::TooNew => (None, VERSION_NOT_SUFFICIENT),
        Found::Nothing => (None, SYMBOL_NOT_FOUND),
    };
    function.set(address.map_or(std::ptr::null_mut(), |address| address.cast_mut()));
    if let Some(status) = status {
        status.set(code);
    }
    Ok(())
}

/// The table that NVIDIA's runtime library, `cudart`, asks for first, and without which it has no device.
const RUNTIME: [u8; 16] = 0x6bd5_fb6c_5bf4_e74a_8987_d939_12fd_9df9_u128.to_be_bytes();

/// `cuGetExportTable`: tables of functions that NVIDIA does not document, of which there are none here.
///
/// `cudart` takes what is returned for an error of its own and hands it to its callers. With its tables it
/// would go on to a self-test, by which only a driver of NVIDIA's proves what it is, and fail there.
pub(crate) fn export_table(_: &mut Session, table: Out<*const c_void>, id: In<CUuuid>) -> Answer {
    table.set(std::ptr::null());
    // SAFETY: The caller gives an identifier.
    let id = unsafe { id.as_ptr().read() }.bytes;
    let id = id.map(|byte| byte as u8);
    let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let consequence = match id {
        RUNTIME => {
            "; NVIDIA's runtime library asks for it and now returns cudaErrorNotSupported from its calls: \
             programs of the driver API (cu...) run here, those of the runtime API (cuda..., <<<>>>) do not"
        }
        _ => "",
    };
    log_once(format!(
        "cuGetExportTable: the table {name} of functions that NVIDIA does not document is not \
         there{consequence}"
    ));
    Err(CUDA_ERROR_NOT_SUPPORTED.into())
}
