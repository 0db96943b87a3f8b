//! The primary context of the device, which its users share.

use std::ffi::{c_int, c_uint};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUcontext, CUdevice};

use super::argument::{Handle, Out};
use super::context::check_flags;
use super::device::check;
use super::refusal::Answer;
use super::session::Session;
use super::state::Context;

/// `cuDevicePrimaryCtxRetain`
pub(crate) fn retain(session: &mut Session, context: Out<CUcontext>, device: CUdevice) -> Answer {
    check(device)?;
    if session.primary.handle == Handle::NULL {
        session.primary.handle = session.new_handle();
    }
    let handle = session.primary.handle;
    let flags = session.primary.flags;
    session.contexts.entry(handle).or_insert_with(|| Context {
        flags,
        ..Context::default()
    });
    session.primary.users += 1;
    context.set(handle.pointer());
    Ok(())
}

/// `cuDevicePrimaryCtxRelease`
pub(crate) fn release(session: &mut Session, device: CUdevice) -> Answer {
    check(device)?;
    if session.primary.users == 1 {
        session.wait_for_context(session.primary.handle);
    }
    if session.primary.users == 0 {
        return Err(CUDA_ERROR_INVALID_CONTEXT.into());
    }
    session.primary.users -= 1;
    if session.primary.users == 0 {
        let handle = session.primary.handle;
        session.destroy_context(handle);
    }
    Ok(())
}

/// `cuDevicePrimaryCtxReset`: whoever uses the context goes on with a new one.
pub(crate) fn reset(session: &mut Session, device: CUdevice) -> Answer {
    check(device)?;
    let handle = session.primary.handle;
    session.wait_for_context(handle);
    if session.contexts.contains_key(&handle) {
        session.destroy_context(handle);
        if session.primary.users > 0 {
            let flags = session.primary.flags;
            let context = Context {
                flags,
                ..Context::default()
            };
            session.contexts.insert(handle, context);
        }
    }
    Ok(())
}

/// `cuDevicePrimaryCtxSetFlags`
pub(crate) fn set_flags(session: &mut Session, device: CUdevice, flags: c_uint) -> Answer {
    check(device)?;
    check_flags(flags)?;
    session.primary.flags = flags;
    let handle = session.primary.handle;
    if let Some(context) = session.contexts.get_mut(&handle) {
        context.flags = flags;
    }
    Ok(())
}

/// `cuDevicePrimaryCtxGetState`
pub(crate) fn get_state(
    session: &mut Session,
    device: CUdevice,
    flags: Out<c_uint>,
    active: Out<c_int>,
) -> Answer {
    check(device)?;
    flags.set(session.primary.flags);
    let is_active = session.contexts.contains_key(&session.primary.handle);
    active.set(c_int::from(is_active));
    Ok(())
}
