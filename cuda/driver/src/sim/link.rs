//! The linker: of one PTX file, which it passes on as it is.

use std::ffi::{c_char, c_uint, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUjit_option, CUlinkState};

use super::argument::{Handle, In, Out, Text};
use super::refusal::{Answer, refuse};
use super::session::Session;
use super::state::{find, find_mut};

/// What is being linked.
pub(crate) struct Link {
    pub(crate) context: Handle,
    /// The one input, with a zero byte at its end. The box keeps the address that was given out.
    image: Option<Box<[u8]>>,
}

/// `CU_JIT_INPUT_PTX`
const PTX: u32 = 1;

/// `CU_JIT_INPUT_FATBINARY`
const FAT_BINARY: u32 = 2;

/// `cuLinkCreate`
pub(crate) fn create(
    session: &mut Session,
    _count: c_uint,
    _options: Option<In<CUjit_option>>,
    _values: *mut *mut c_void,
    link: Out<CUlinkState>,
) -> Answer {
    let context = session.current()?;
    let handle = session.new_handle();
    let new = Link {
        context,
        image: None,
    };
    session.links.insert(handle, new);
    link.set(handle.pointer());
    Ok(())
}

fn add(session: &mut Session, link: Handle, kind: u32, bytes: &[u8]) -> Answer {
    session.current()?;
    let text = match kind {
        PTX | FAT_BINARY => session.ptx(bytes)?,
        _ => {
            return Err(refuse(
                CUDA_ERROR_NO_BINARY_FOR_GPU,
                format!(
                    "the input is of type {kind}; the simulator links PTX (1) and fat binaries (2)"
                ),
            ));
        }
    };
    let link = find_mut(&mut session.links, link)?;
    if link.image.is_some() {
        return Err(refuse(
            CUDA_ERROR_NOT_SUPPORTED,
            "the simulator does not link several PTX files into one module; load each as its own",
        ));
    }
    link.image = Some([text.as_bytes(), &[0]].concat().into());
    Ok(())
}

/// `cuLinkAddData`
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn add_data(
    session: &mut Session,
    link: Handle,
    kind: u32,
    data: In<c_void>,
    size: usize,
    _name: *const c_char,
    _count: c_uint,
    _options: Option<In<CUjit_option>>,
    _values: *mut *mut c_void,
) -> Answer {
    // SAFETY: The caller gives as many bytes as it says.
    let bytes = unsafe { data.array::<u8>(size)? };
    add(session, link, kind, &bytes)
}

/// `cuLinkAddFile`
pub(crate) fn add_file(
    session: &mut Session,
    link: Handle,
    kind: u32,
    Text(path): Text,
    _count: c_uint,
    _options: Option<In<CUjit_option>>,
    _values: *mut *mut c_void,
) -> Answer {
    let bytes = std::fs::read(&path)
        .map_err(|error| refuse(CUDA_ERROR_FILE_NOT_FOUND, format!("{path}: {error}")))?;
    add(session, link, kind, &bytes)
}

/// `cuLinkComplete`: the image belongs to the linker.
pub(crate) fn complete(
    session: &mut Session,
    link: Handle,
    image: Out<*mut c_void>,
    size: Option<Out<usize>>,
) -> Answer {
    session.current()?;
    let Some(linked) = &find(&session.links, link)?.image else {
        return Err(refuse(
            CUDA_ERROR_INVALID_VALUE,
            "nothing was added to link",
        ));
    };
    image.set(linked.as_ptr().cast_mut().cast());
    if let Some(size) = size {
        size.set(linked.len());
    }
    Ok(())
}

/// `cuLinkDestroy`
pub(crate) fn destroy(session: &mut Session, link: Handle) -> Answer {
    find(&session.links, link)?;
    session.links.remove(&link);
    Ok(())
}
