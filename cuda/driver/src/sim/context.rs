//! Contexts: made, destroyed, made current, and their settings.

use std::ffi::{c_int, c_uint, c_ulonglong};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUcontext, CUdevice, CUexecAffinityParam};

use super::argument::{Handle, In, Out};
use super::device::{DEVICE, check};
use super::event;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::Context;
use crate::header::ContextParameters;

/// The bits of `CU_CTX_*` that there are.
const ALL_FLAGS: c_uint = 0x1f;

/// The scheduling bits, of which at most one may be set.
const SCHEDULING: c_uint = 7;

/// The version of contexts that `cuCtxGetApiVersion` answers with.
const API_VERSION: c_uint = 3020;
const OLD_API_VERSION: c_uint = 3010;

/// The priorities of streams: from the lowest to the highest.
pub(crate) const PRIORITIES: (c_int, c_int) = (0, -5);

/// Checks the flags of a context.
pub(crate) fn check_flags(flags: c_uint) -> Answer {
    if flags & !ALL_FLAGS != 0 || (flags & SCHEDULING).count_ones() > 1 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Ok(())
}

/// `cuCtxCreate`
pub(crate) fn create(
    session: &mut Session,
    context: Out<CUcontext>,
    flags: c_uint,
    device: CUdevice,
) -> Answer {
    check_flags(flags)?;
    check(device)?;
    let handle = session.new_handle();
    let new = Context {
        flags,
        ..Context::default()
    };
    session.contexts.insert(handle, new);
    session.push(handle);
    context.set(handle.pointer());
    Ok(())
}

/// `cuCtxCreate_v3`, without an affinity: the device gives all of its multiprocessors.
pub(crate) fn create_with_affinity(
    session: &mut Session,
    context: Out<CUcontext>,
    _affinities: Option<In<CUexecAffinityParam>>,
    count: c_int,
    flags: c_uint,
    device: CUdevice,
) -> Answer {
    if count != 0 {
        return Err(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY.into());
    }
    create(session, context, flags, device)
}

/// `cuCtxCreate_v4`: without an affinity, and not for graphics.
pub(crate) fn create_with_parameters(
    session: &mut Session,
    context: Out<CUcontext>,
    parameters: Option<In<ContextParameters>>,
    flags: c_uint,
    device: CUdevice,
) -> Answer {
    if let Some(parameters) = parameters {
        // SAFETY: The caller gives parameters, which are pointers and a number.
        let parameters = unsafe { parameters.as_ptr().read_unaligned() };
        if parameters.n_affinities != 0 {
            return Err(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY.into());
        }
        if !parameters.graphics.is_null() {
            return Err(refuse(
                CUDA_ERROR_NOT_SUPPORTED,
                "the simulator shares no context with graphics",
            ));
        }
    }
    create(session, context, flags, device)
}

/// `cuCtxCreate` of CUDA 2, whose contexts have addresses of 32 bits.
pub(crate) fn create_old(
    session: &mut Session,
    context: Out<CUcontext>,
    flags: c_uint,
    device: CUdevice,
) -> Answer {
    create(session, Out::clone(&context), flags, device)?;
    let handle = Handle(context.get().addr());
    session.context_mut(handle)?.is_old = true;
    Ok(())
}

/// `cuCtxAttach`: one more user of the current context.
pub(crate) fn attach(session: &mut Session, context: Out<CUcontext>, flags: c_uint) -> Answer {
    if flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let handle = session.current()?;
    session.context_mut(handle)?.attached += 1;
    context.set(handle.pointer());
    Ok(())
}

/// `cuCtxDetach`: the last user's call destroys the context.
pub(crate) fn detach(session: &mut Session, context: Handle) -> Answer {
    let found = session.context_mut(context)?;
    if found.attached > 0 {
        found.attached -= 1;
        return Ok(());
    }
    destroy(session, context)
}

/// `cuCtxDestroy`
pub(crate) fn destroy(session: &mut Session, context: Handle) -> Answer {
    session.wait_for_context(context);
    session.context(context)?;
    if context == session.primary.handle {
        return Err(refuse(
            CUDA_ERROR_INVALID_CONTEXT,
            "a primary context is released, not destroyed: cuDevicePrimaryCtxRelease",
        ));
    }
    if session.current_handle() == Some(context) {
        session.pop();
    }
    session.destroy_context(context);
    Ok(())
}

impl Session {
    /// Frees what belongs to a context and forgets it. Allocations that are left are leaks.
    pub(crate) fn destroy_context(&mut self, context: Handle) {
        self.wait_for_context(context);
        let streams = self.streams.iter();
        let streams = streams.filter(|(_, stream)| stream.context == context);
        let streams: Vec<Handle> = streams.map(|(&stream, _)| stream).collect();
        for stream in streams {
            self.end_captures_of(stream);
            self.streams.remove(&stream);
        }
        self.events.retain(|_, event| event.context != context);
        self.links.retain(|_, link| link.context != context);
        self.free_allocations(context);
        let modules: Vec<Handle> = self
            .modules
            .iter()
            .filter(|(_, module)| module.context == context)
            .map(|(&handle, _)| handle)
            .collect();
        for module in modules {
            self.unload(module);
        }
        self.contexts.remove(&context);
        if self.contexts.is_empty() {
            self.free_heap();
        }
    }
}

/// `cuCtxPushCurrent`
pub(crate) fn push(session: &mut Session, context: Handle) -> Answer {
    session.context(context)?;
    session.push(context);
    Ok(())
}

/// `cuCtxPopCurrent`
pub(crate) fn pop(session: &mut Session, context: Option<Out<CUcontext>>) -> Answer {
    let popped = session.pop().ok_or(CUDA_ERROR_INVALID_CONTEXT)?;
    if let Some(context) = context {
        context.set(popped.pointer());
    }
    Ok(())
}

/// `cuCtxSetCurrent`
pub(crate) fn set_current(session: &mut Session, context: Handle) -> Answer {
    if context != Handle::NULL {
        session.context(context)?;
    }
    session.pop();
    if context != Handle::NULL {
        session.push(context);
    }
    Ok(())
}

/// `cuCtxGetCurrent`
pub(crate) fn get_current(session: &mut Session, context: Out<CUcontext>) -> Answer {
    context.set(session.current_handle().unwrap_or_default().pointer());
    Ok(())
}

/// `cuCtxGetDevice`
pub(crate) fn get_device(session: &mut Session, device: Out<CUdevice>) -> Answer {
    session.current_or_broken()?;
    device.set(DEVICE);
    Ok(())
}

/// A context, or the current one if it is null.
fn or_current(session: &Session, context: Handle) -> Result<Handle, Refusal> {
    let context = match context {
        Handle::NULL => session.current_or_broken()?,
        context => context,
    };
    session.context(context)?;
    Ok(context)
}

/// `cuCtxGetDevice_v2`
pub(crate) fn get_device_of(
    session: &mut Session,
    device: Out<CUdevice>,
    context: Handle,
) -> Answer {
    or_current(session, context)?;
    device.set(DEVICE);
    Ok(())
}

/// `cuCtxGetId`
pub(crate) fn get_id(session: &mut Session, context: Handle, id: Out<c_ulonglong>) -> Answer {
    id.set(or_current(session, context)?.0 as c_ulonglong);
    Ok(())
}

/// `cuCtxSetFlags`
pub(crate) fn set_flags(session: &mut Session, flags: c_uint) -> Answer {
    check_flags(flags)?;
    session.current_context()?.flags = flags;
    Ok(())
}

/// `cuCtxSynchronize_v2`
pub(crate) fn synchronize_one(session: &mut Session, context: Handle) -> Answer {
    let context = or_current(session, context)?;
    session.intact(context)?;
    session.refuse_in_capture(context)?;
    session.wait_for_context(context);
    session.intact(context)
}

/// `cuCtxRecordEvent`: behind all work of the context.
pub(crate) fn record_event(session: &mut Session, context: Handle, event: Handle) -> Answer {
    session.intact(context)?;
    session.refuse_in_capture(context)?;
    session.wait_for_context(context);
    session.record_in(event, context)
}

/// `cuCtxWaitEvent`: what was recorded is done.
pub(crate) fn wait_event(session: &mut Session, context: Handle, event: Handle) -> Answer {
    session.intact(context)?;
    session.refuse_in_capture(context)?;
    event::synchronize(session, event)
}

/// `cuCtxGetExecAffinity`: all multiprocessors.
pub(crate) fn exec_affinity(
    session: &mut Session,
    affinity: Out<CUexecAffinityParam>,
    kind: u32,
) -> Answer {
    /// `CU_EXEC_AFFINITY_TYPE_SM_COUNT`
    const MULTIPROCESSORS: u32 = 0;
    session.current()?;
    if kind != MULTIPROCESSORS {
        return Err(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY.into());
    }
    let count = session.device().options().properties.multiprocessors;
    // SAFETY: The place is a type and a union, of which this number is a member.
    unsafe {
        let place = affinity.as_ptr().cast::<u32>();
        place.write_unaligned(kind);
        place.add(1).write_unaligned(count);
    }
    Ok(())
}

/// `cuCtxGetFlags`
pub(crate) fn get_flags(session: &mut Session, flags: Out<c_uint>) -> Answer {
    let context = session.current_or_broken()?;
    flags.set(session.context(context)?.flags);
    Ok(())
}

/// `cuCtxSynchronize`
pub(crate) fn synchronize(session: &mut Session) -> Answer {
    let context = session.current()?;
    synchronize_one(session, context)
}

/// `cuCtxGetCacheConfig`
pub(crate) fn get_cache_config(
    session: &mut Session,
    config: Out<cust_raw::CUfunc_cache>,
) -> Answer {
    let value = session.current_context()?.cache_config;
    // SAFETY: An enum is as large as its number, and only numbers of variants were let in.
    unsafe { config.as_ptr().cast::<u32>().write(value) };
    Ok(())
}

/// `cuCtxSetCacheConfig`
pub(crate) fn set_cache_config(session: &mut Session, config: u32) -> Answer {
    let context = session.current_context()?;
    if config > 3 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    context.cache_config = config;
    Ok(())
}

/// `cuCtxGetSharedMemConfig`
pub(crate) fn get_shared_config(
    session: &mut Session,
    config: Out<cust_raw::CUsharedconfig>,
) -> Answer {
    let value = session.current_context()?.shared_config;
    // SAFETY: An enum is as large as its number, and only numbers of variants were let in.
    unsafe { config.as_ptr().cast::<u32>().write(value) };
    Ok(())
}

/// `cuCtxSetSharedMemConfig`
pub(crate) fn set_shared_config(session: &mut Session, config: u32) -> Answer {
    let context = session.current_context()?;
    if config > 2 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    context.shared_config = config;
    Ok(())
}

/// `cuCtxGetApiVersion`
pub(crate) fn api_version(session: &mut Session, context: Handle, version: Out<c_uint>) -> Answer {
    let context = or_current(session, context)?;
    let is_old = session.context(context)?.is_old;
    version.set(if is_old { OLD_API_VERSION } else { API_VERSION });
    Ok(())
}

/// `cuCtxGetStreamPriorityRange`
pub(crate) fn priority_range(
    session: &mut Session,
    least: Option<Out<c_int>>,
    greatest: Option<Out<c_int>>,
) -> Answer {
    session.current()?;
    let (lowest, highest) = PRIORITIES;
    if let Some(least) = least {
        least.set(lowest);
    }
    if let Some(greatest) = greatest {
        greatest.set(highest);
    }
    Ok(())
}

/// `cuCtxResetPersistingL2Cache`
pub(crate) fn reset_l2(session: &mut Session) -> Answer {
    session.current()?;
    Ok(())
}

/// `cuCtxEnablePeerAccess`
pub(crate) fn enable_peer_access(session: &mut Session, peer: Handle, flags: c_uint) -> Answer {
    session.current()?;
    session.context(peer)?;
    if flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    Err(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED.into())
}

/// `cuCtxDisablePeerAccess`
pub(crate) fn disable_peer_access(session: &mut Session, peer: Handle) -> Answer {
    session.current()?;
    session.context(peer)?;
    Err(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED.into())
}

/// The limits by `CUlimit`, with what a context begins with and the highest value.
fn default_limit(session: &Session, limit: u32) -> Option<(usize, usize)> {
    let options = session.device().options();
    Some(match limit {
        // The size of a thread's stack.
        0 => (options.stack_limit as usize, 512 << 10),
        // The buffer of printf.
        1 => (6 << 20, usize::MAX),
        // The heap of malloc.
        2 => (options.heap_limit as usize, usize::MAX),
        // Launches from kernels: how deep, and how many.
        3 => (2, 24),
        4 => (2048, usize::MAX),
        // How many bytes the second-level cache fetches, and how many of it may persist.
        5 => (64, 128),
        6 => (0, options.properties.l2_bytes as usize),
        _ => return None,
    })
}

/// `cuCtxSetLimit`
pub(crate) fn set_limit(session: &mut Session, limit: u32, value: usize) -> Answer {
    let context = session.current()?;
    let (_, highest) = default_limit(session, limit).ok_or(CUDA_ERROR_UNSUPPORTED_LIMIT)?;
    if value > highest {
        return Err(refuse(
            CUDA_ERROR_INVALID_VALUE,
            format!("limit {limit} can be {highest} at most, not {value}"),
        ));
    }
    match limit {
        0 => session.device().set_stack_limit(value as u32),
        2 => session.device().set_heap_limit(value as u64),
        _ => {}
    }
    session.context_mut(context)?.limits.insert(limit, value);
    Ok(())
}

/// `cuCtxGetLimit`
pub(crate) fn get_limit(session: &mut Session, value: Out<usize>, limit: u32) -> Answer {
    let context = session.current()?;
    let (default, _) = default_limit(session, limit).ok_or(CUDA_ERROR_UNSUPPORTED_LIMIT)?;
    let set = session.context(context)?.limits.get(&limit).copied();
    value.set(set.unwrap_or(default));
    Ok(())
}
