//! The kernels of loaded modules, and their attributes.

use std::ffi::{c_char, c_int, c_uint};
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
use crate::result::kept;

/// `CU_FUNC_ATTRIBUTE_*` that `cust_raw` does not declare.
const CLUSTER_SIZE_MUST_BE_SET: u32 = 10;
const REQUIRED_CLUSTER: [u32; 3] = [11, 12, 13];
const NON_PORTABLE_CLUSTER_SIZE_ALLOWED: u32 = 14;
const CLUSTER_SCHEDULING: u32 = 15;

/// A kernel of a module.
pub(crate) struct Function {
    pub(crate) module: Handle,
    pub(crate) context: Handle,
    pub(crate) kernel: Arc<Kernel>,
    /// The most dynamic shared memory that a launch may ask for.
    pub(crate) max_dynamic_shared: u32,
    /// Percent of the cache to be shared memory, or -1: a hint.
    carveout: c_int,
    /// Whether clusters may be larger than every device of the architecture has them.
    pub(crate) non_portable_cluster: bool,
    /// The cluster that a launch must have, if the kernel says so or it was set.
    pub(crate) required_cluster: Option<[u32; 3]>,
    /// How a cluster's blocks are spread over multiprocessors: a hint.
    cluster_scheduling: c_int,
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
            required_cluster: kernel.required_cluster(),
            kernel,
            carveout: -1,
            non_portable_cluster: false,
            cluster_scheduling: 0,
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

impl Function {
    /// The most blocks of a cluster.
    pub(crate) fn most_cluster_blocks(&self) -> u32 {
        if self.non_portable_cluster { 16 } else { 8 }
    }

    /// The value of an attribute, `CU_FUNC_ATTRIBUTE_*`.
    pub(crate) fn attribute(
        &self,
        properties: &Properties,
        attribute: u32,
    ) -> Result<c_int, Refusal> {
        let kernel = &self.kernel;
        let is = |variant: cust_raw::CUfunction_attribute| attribute == variant as u32;
        Ok(if is(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK) {
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
            self.max_dynamic_shared as c_int
        } else if is(CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) {
            self.carveout
        } else if attribute == NON_PORTABLE_CLUSTER_SIZE_ALLOWED {
            c_int::from(self.non_portable_cluster)
        } else if let Some(axis) = REQUIRED_CLUSTER.iter().position(|&one| one == attribute) {
            self.required_cluster.map_or(0, |size| size[axis]) as c_int
        } else if attribute == CLUSTER_SIZE_MUST_BE_SET {
            c_int::from(kernel.needs_cluster())
        } else if attribute == CLUSTER_SCHEDULING {
            self.cluster_scheduling
        } else {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        })
    }

    /// Sets an attribute.
    pub(crate) fn set_attribute(
        &mut self,
        properties: &Properties,
        attribute: u32,
        value: c_int,
    ) -> Answer {
        if attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as u32 {
            let fixed = self.kernel.static_shared();
            let most = properties.shared_per_block_opt_in;
            match u32::try_from(value) {
                Ok(bytes) if bytes <= most.saturating_sub(fixed) => {
                    self.max_dynamic_shared = bytes;
                }
                _ => {
                    return Err(refuse(
                        CUDA_ERROR_INVALID_VALUE,
                        format!(
                            "{value} bytes of dynamic shared memory for {}: a block has {most} at \
                             most, and the kernel's own variables take {fixed}",
                            self.kernel.name()
                        ),
                    ));
                }
            }
        } else if attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT as u32 {
            if !(-1..=100).contains(&value) {
                return Err(CUDA_ERROR_INVALID_VALUE.into());
            }
            self.carveout = value;
        } else if attribute == NON_PORTABLE_CLUSTER_SIZE_ALLOWED {
            self.non_portable_cluster = value != 0;
        } else if let Some(axis) = REQUIRED_CLUSTER.iter().position(|&one| one == attribute) {
            let size = u32::try_from(value).map_err(|_| CUDA_ERROR_INVALID_VALUE)?;
            self.required_cluster.get_or_insert([1; 3])[axis] = size;
        } else if attribute == CLUSTER_SCHEDULING {
            if !(0..=2).contains(&value) {
                return Err(CUDA_ERROR_INVALID_VALUE.into());
            }
            self.cluster_scheduling = value;
        } else {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        Ok(())
    }
}

/// `cuFuncGetAttribute`
pub(crate) fn get_attribute(
    session: &mut Session,
    value: Out<c_int>,
    attribute: u32,
    function: Handle,
) -> Answer {
    let function = session.resolve(function)?;
    let properties = &session.device().options().properties;
    value.set(
        session
            .function(function)?
            .attribute(properties, attribute)?,
    );
    Ok(())
}

/// `cuFuncSetAttribute`
pub(crate) fn set_attribute(
    session: &mut Session,
    function: Handle,
    attribute: u32,
    value: c_int,
) -> Answer {
    let function = session.resolve(function)?;
    let properties = &session.device().options().properties;
    session.function(function)?;
    let function = find_mut(&mut session.functions, function)?;
    function.set_attribute(properties, attribute, value)
}

/// `cuFuncGetName`
pub(crate) fn name(session: &mut Session, name: Out<*const c_char>, function: Handle) -> Answer {
    let function = session.resolve(function)?;
    name.set(kept(session.function(function)?.kernel.name()));
    Ok(())
}

/// Says where a parameter of a kernel is among the others, and how large.
pub(crate) fn parameter_of(
    kernel: &Kernel,
    index: usize,
    offset: &Out<usize>,
    size: Option<Out<usize>>,
) -> Answer {
    let parameter = kernel
        .parameters()
        .get(index)
        .ok_or(CUDA_ERROR_INVALID_VALUE)?;
    offset.set(parameter.offset);
    if let Some(size) = size {
        size.set(parameter.size);
    }
    Ok(())
}

/// `cuFuncGetParamInfo`
pub(crate) fn parameter(
    session: &mut Session,
    function: Handle,
    index: usize,
    offset: Out<usize>,
    size: Option<Out<usize>>,
) -> Answer {
    let function = session.resolve(function)?;
    parameter_of(&session.function(function)?.kernel, index, &offset, size)
}

/// `cuFuncGetParamCount`
pub(crate) fn parameter_count(
    session: &mut Session,
    function: Handle,
    count: Out<usize>,
) -> Answer {
    let function = session.resolve(function)?;
    count.set(session.function(function)?.kernel.parameters().len());
    Ok(())
}

/// `cuFuncIsLoaded`: each is, since its module was.
pub(crate) fn is_loaded(session: &mut Session, state: Out<c_uint>, function: Handle) -> Answer {
    const LOADED: c_uint = 1;
    session.function(function)?;
    state.set(LOADED);
    Ok(())
}

/// `cuFuncLoad`
pub(crate) fn load(session: &mut Session, function: Handle) -> Answer {
    session.function(function)?;
    Ok(())
}

/// `cuFuncSetCacheConfig`: a hint.
pub(crate) fn set_cache_config(session: &mut Session, function: Handle, config: u32) -> Answer {
    let function = session.resolve(function)?;
    session.function(function)?;
    if config > 3 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuFuncSetSharedMemConfig`: banks have four bytes on all of these devices.
pub(crate) fn set_shared_config(session: &mut Session, function: Handle, config: u32) -> Answer {
    let function = session.resolve(function)?;
    session.function(function)?;
    if config > 2 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuFuncGetModule`
pub(crate) fn get_module(session: &mut Session, module: Out<CUmodule>, function: Handle) -> Answer {
    let function = session.resolve(function)?;
    module.set(session.function(function)?.module.pointer());
    Ok(())
}
