//! Launches as CUDA had them before version 4: block, shared memory and arguments are set one by
//! one at the function, and a launch takes them from there.

use std::ffi::{c_int, c_uint, c_void};

use cust_raw::cudaError_enum::*;

use super::argument::{Handle, In};
use super::launch::Request;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::find_mut;

/// The most bytes of arguments that these functions take.
const MOST_ARGUMENTS: usize = 4096;

/// What was set for the next launch.
#[derive(Clone)]
pub(crate) struct Legacy {
    block: [u32; 3],
    dynamic_shared: u32,
    arguments: Vec<u8>,
}

impl Default for Legacy {
    fn default() -> Self {
        Self {
            block: [1; 3],
            dynamic_shared: 0,
            arguments: Vec::new(),
        }
    }
}

impl Session {
    fn legacy(&mut self, function: Handle) -> Result<&mut Legacy, Refusal> {
        self.function(function)?;
        Ok(&mut find_mut(&mut self.functions, function)?.legacy)
    }
}

/// `cuFuncSetBlockShape`
pub(crate) fn set_block_shape(
    session: &mut Session,
    function: Handle,
    x: c_int,
    y: c_int,
    z: c_int,
) -> Answer {
    let legacy = session.legacy(function)?;
    for (size, value) in legacy.block.iter_mut().zip([x, y, z]) {
        *size = u32::try_from(value).map_err(|_| CUDA_ERROR_INVALID_VALUE)?;
    }
    Ok(())
}

/// `cuFuncSetSharedSize`
pub(crate) fn set_shared_size(session: &mut Session, function: Handle, bytes: c_uint) -> Answer {
    session.legacy(function)?.dynamic_shared = bytes;
    Ok(())
}

/// `cuParamSetSize`
pub(crate) fn set_size(session: &mut Session, function: Handle, bytes: c_uint) -> Answer {
    let bytes = bytes as usize;
    if bytes > MOST_ARGUMENTS {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    session.legacy(function)?.arguments.resize(bytes, 0);
    Ok(())
}

/// Sets some bytes of the arguments.
fn set(session: &mut Session, function: Handle, offset: c_int, bytes: &[u8]) -> Answer {
    let arguments = &mut session.legacy(function)?.arguments;
    let start = usize::try_from(offset).map_err(|_| CUDA_ERROR_INVALID_VALUE)?;
    let end = start + bytes.len();
    if end > MOST_ARGUMENTS {
        return Err(refuse(
            CUDA_ERROR_INVALID_VALUE,
            format!("arguments up to byte {end}, and there can be {MOST_ARGUMENTS}"),
        ));
    }
    if arguments.len() < end {
        arguments.resize(end, 0);
    }
    arguments[start..end].copy_from_slice(bytes);
    Ok(())
}

/// `cuParamSeti`
pub(crate) fn set_integer(
    session: &mut Session,
    function: Handle,
    offset: c_int,
    value: c_uint,
) -> Answer {
    set(session, function, offset, &value.to_ne_bytes())
}

/// `cuParamSetf`
pub(crate) fn set_float(
    session: &mut Session,
    function: Handle,
    offset: c_int,
    value: f32,
) -> Answer {
    set(session, function, offset, &value.to_ne_bytes())
}

/// `cuParamSetv`
pub(crate) fn set_bytes(
    session: &mut Session,
    function: Handle,
    offset: c_int,
    value: In<c_void>,
    bytes: c_uint,
) -> Answer {
    if bytes as usize > MOST_ARGUMENTS {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    // SAFETY: The caller gives as many bytes as it says.
    let bytes = unsafe { value.array::<u8>(bytes as usize)? };
    set(session, function, offset, &bytes)
}

/// `cuLaunch`
pub(crate) fn launch(session: &mut Session, function: Handle) -> Answer {
    launch_grid_async(session, function, 1, 1, Handle::NULL)
}

/// `cuLaunchGrid`
pub(crate) fn launch_grid(
    session: &mut Session,
    function: Handle,
    width: c_int,
    height: c_int,
) -> Answer {
    launch_grid_async(session, function, width, height, Handle::NULL)
}

/// `cuLaunchGridAsync`
pub(crate) fn launch_grid_async(
    session: &mut Session,
    function: Handle,
    width: c_int,
    height: c_int,
    stream: Handle,
) -> Answer {
    let legacy = session.legacy(function)?.clone();
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    let request = Request {
        function,
        grid: [width, height, 1],
        block: legacy.block,
        cluster: session.cluster_of(function, None)?,
        dynamic_shared: legacy.dynamic_shared,
        cooperative: false,
    };
    let launch = session.prepare_packed(request, legacy.arguments)?;
    session.launch(stream, launch)
}
