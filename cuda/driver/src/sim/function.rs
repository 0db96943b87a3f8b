//! The kernels of loaded modules, and their attributes.

use std::ffi::c_int;
use std::sync::Arc;

use cust_raw::CUfunction_attribute_enum::*;
use cust_raw::CUmodule;
use cust_raw::cudaError_enum::*;
use ptx_sim::{Kernel, Properties};

use super::argument::{Handle, Out};
use super::legacy::Legacy;
use super::occupancy;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::{find, find_mut};

/// A kernel of a module.
pub(crate) struct Function {
    pub(crate) module: Handle,
    pub(crate) context: Handle,
    pub(crate) kernel: Arc<Kernel>,
    /// The most dynamic shared memory that a launch may ask for.
    pub(crate) max_dynamic_shared: u32,
    /// Percent of the cache to be shared memory, or -1: a hint.
    carveout: c_int,
    /// What the old functions set for the launch.
    pub(crate) legacy: Legacy,
}

impl Function {
    pub(crate) fn new(
        module: Handle,
        context: Handle,
        kernel: Arc<Kernel>,
        properties: &Properties,
    ) -> Self {
        Self {
            module,
            context,
            max_dynamic_shared: properties
                .shared_per_block
                .saturating_sub(kernel.static_shared()),
            kernel,
            carveout: -1,
            legacy: Legacy::default(),
        }
    }
}

impl Session {
    /// A function of the current context.
    pub(crate) fn function(&self, function: Handle) -> Result<&Function, Refusal> {
        let context = self.current()?;
        let function = find(&self.functions, function)?;
        if function.context != context {
            return Err(CUDA_ERROR_INVALID_HANDLE.into());
        }
        Ok(function)
    }
}

/// `cuFuncGetAttribute`
pub(crate) fn get_attribute(
    session: &mut Session,
    value: Out<c_int>,
    attribute: u32,
    function: Handle,
) -> Answer {
    let properties = &session.device().options().properties;
    let function = session.function(function)?;
    let kernel = &function.kernel;
    let is = |variant: cust_raw::CUfunction_attribute| attribute == variant as u32;
    value.set(if is(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK) {
        occupancy::max_threads(properties, kernel) as c_int
    } else if is(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES) {
        kernel.static_shared() as c_int
    } else if is(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES) {
        kernel.local_bytes() as c_int
    } else if is(CU_FUNC_ATTRIBUTE_NUM_REGS) {
        occupancy::registers(properties, kernel) as c_int
    } else if is(CU_FUNC_ATTRIBUTE_PTX_VERSION) {
        kernel.architecture() as c_int
    } else if is(CU_FUNC_ATTRIBUTE_BINARY_VERSION) {
        properties.architecture() as c_int
    } else if is(CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES) || is(CU_FUNC_ATTRIBUTE_CACHE_MODE_CA) {
        0
    } else if is(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
        function.max_dynamic_shared as c_int
    } else if is(CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) {
        function.carveout
    } else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    });
    Ok(())
}

/// `cuFuncSetAttribute`
pub(crate) fn set_attribute(
    session: &mut Session,
    function: Handle,
    attribute: u32,
    value: c_int,
) -> Answer {
    let most = session
        .device()
        .options()
        .properties
        .shared_per_block_opt_in;
    session.function(function)?;
    let function = find_mut(&mut session.functions, function)?;
    if attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as u32 {
        let fixed = function.kernel.static_shared();
        match u32::try_from(value) {
            Ok(bytes) if bytes <= most.saturating_sub(fixed) => {
                function.max_dynamic_shared = bytes;
            }
            _ => {
                return Err(refuse(
                    CUDA_ERROR_INVALID_VALUE,
                    format!(
                        "{value} bytes of dynamic shared memory for {}: a block has {most} at most, \
                         and the kernel's own variables take {fixed}",
                        function.kernel.name()
                    ),
                ));
            }
        }
    } else if attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT as u32 {
        if !(-1..=100).contains(&value) {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        function.carveout = value;
    } else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuFuncSetCacheConfig`: a hint.
pub(crate) fn set_cache_config(session: &mut Session, function: Handle, config: u32) -> Answer {
    session.function(function)?;
    if config > 3 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuFuncSetSharedMemConfig`: banks have four bytes on all of these devices.
pub(crate) fn set_shared_config(session: &mut Session, function: Handle, config: u32) -> Answer {
    session.function(function)?;
    if config > 2 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuFuncGetModule`
pub(crate) fn get_module(session: &mut Session, module: Out<CUmodule>, function: Handle) -> Answer {
    module.set(session.function(function)?.module.pointer());
    Ok(())
}
