//! Objects of the caller that graphs keep alive: counted, and destroyed by a function of the caller
//! when the last owner lets go.

use std::collections::BTreeMap;
use std::ffi::{c_uint, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUhostFn, CUuserObject};

use super::argument::{Handle, Out};
use super::operation::HostCall;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::{find, find_mut};

/// An object of the caller.
pub(crate) struct UserObject {
    destroy: HostCall,
    owners: u64,
}

/// How often an owner holds each object.
pub(crate) type Held = BTreeMap<Handle, u64>;

/// `CU_USER_OBJECT_NO_DESTRUCTOR_SYNC`, which is asked of every caller.
const NO_DESTRUCTOR_SYNC: c_uint = 1;

/// `CU_GRAPH_USER_OBJECT_MOVE`: the caller's own hold becomes the graph's.
const MOVE: c_uint = 1;

impl Session {
    /// Holds objects once more, for an owner that is a copy of another.
    pub(crate) fn hold_all(&mut self, held: &Held) -> Answer {
        for (object, count) in held {
            find_mut(&mut self.user_objects, *object)?.owners += count;
        }
        Ok(())
    }

    /// Lets objects go.
    pub(crate) fn release_all(&mut self, held: Held) {
        for (object, count) in held {
            // What an owner holds is there.
            let _ = self.release(object, count);
        }
    }

    fn release(&mut self, object: Handle, count: u64) -> Answer {
        let known = find_mut(&mut self.user_objects, object)?;
        if count == 0 || count > known.owners {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!("the object is held {} times, not {count}", known.owners),
            ));
        }
        known.owners -= count;
        if known.owners == 0 {
            let call = known.destroy;
            self.user_objects.remove(&object);
            // SAFETY: Whoever made the object vouched that the function can be called with it.
            self.host_function(|| unsafe { (call.function)(call.data()) });
        }
        Ok(())
    }
}

/// A number of holds, which is not zero.
fn positive(count: c_uint) -> Result<u64, Refusal> {
    match count {
        0 => Err(CUDA_ERROR_INVALID_VALUE.into()),
        count => Ok(count.into()),
    }
}

/// `cuUserObjectCreate`
pub(crate) fn create(
    session: &mut Session,
    object: Out<CUuserObject>,
    data: *mut c_void,
    destroy: CUhostFn,
    count: c_uint,
    flags: c_uint,
) -> Answer {
    let function = destroy.ok_or(CUDA_ERROR_INVALID_VALUE)?;
    if flags != NO_DESTRUCTOR_SYNC {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let data = data.expose_provenance();
    let new = UserObject {
        destroy: HostCall { function, data },
        owners: positive(count)?,
    };
    let handle = session.new_handle();
    session.user_objects.insert(handle, new);
    object.set(handle.pointer());
    Ok(())
}

/// `cuUserObjectRetain`
pub(crate) fn retain(session: &mut Session, object: Handle, count: c_uint) -> Answer {
    find_mut(&mut session.user_objects, object)?.owners += positive(count)?;
    Ok(())
}

/// `cuUserObjectRelease`
pub(crate) fn release(session: &mut Session, object: Handle, count: c_uint) -> Answer {
    session.release(object, count.into())
}

/// `cuGraphRetainUserObject`
pub(crate) fn retain_by_graph(
    session: &mut Session,
    graph: Handle,
    object: Handle,
    count: c_uint,
    flags: c_uint,
) -> Answer {
    let count = positive(count)?;
    if flags & !MOVE != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    find(&session.graphs, graph)?;
    let known = find_mut(&mut session.user_objects, object)?;
    if flags != MOVE {
        known.owners += count;
    } else if count > known.owners {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let graph = find_mut(&mut session.graphs, graph)?;
    *graph.held.entry(object).or_default() += count;
    Ok(())
}

/// `cuGraphReleaseUserObject`
pub(crate) fn release_by_graph(
    session: &mut Session,
    graph: Handle,
    object: Handle,
    count: c_uint,
) -> Answer {
    let count = positive(count)?;
    let held = &mut find_mut(&mut session.graphs, graph)?.held;
    match held.get_mut(&object) {
        Some(owned) if count < *owned => *owned -= count,
        Some(owned) if count == *owned => drop(held.remove(&object)),
        _ => return Err(CUDA_ERROR_INVALID_VALUE.into()),
    }
    session.release(object, count)
}
