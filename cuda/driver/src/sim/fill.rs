//! Filling memory with a value.

use std::ffi::{c_uchar, c_uint, c_ushort};

use cust_raw::CUdeviceptr;
use cust_raw::cudaError_enum::*;

use super::argument::Handle;
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;

/// Rows of equal elements.
#[derive(Clone, Copy)]
pub(crate) struct Fill {
    pub(crate) address: u64,
    /// From row to row, in bytes.
    pub(crate) pitch: usize,
    /// The element's value, in its lowest bytes.
    pub(crate) value: u32,
    /// 1, 2 or 4.
    pub(crate) element_bytes: usize,
    /// Elements of a row.
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Fill {
    /// One row.
    fn line(address: u64, element_bytes: usize, value: u32, count: usize) -> Self {
        Self {
            address,
            pitch: 0,
            value,
            element_bytes,
            width: count,
            height: 1,
        }
    }

    /// Checks what the call that submits this can know.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let element = self.element_bytes;
        if !matches!(element, 1 | 2 | 4) {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        let row = self
            .width
            .checked_mul(element)
            .ok_or(CUDA_ERROR_INVALID_VALUE)?;
        if self.height > 1 && self.pitch < row {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!("rows of {row} bytes are {} bytes apart", self.pitch),
            ));
        }
        let is_aligned = self.address.is_multiple_of(element as u64)
            && (self.height <= 1 || self.pitch.is_multiple_of(element));
        if !is_aligned {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                format!(
                    "{:#x} is no address of {element}-byte elements",
                    self.address
                ),
            ));
        }
        Ok(())
    }

    /// Fills the memory.
    pub(crate) fn run(&self, session: &Session) -> Answer {
        if self.width == 0 {
            return Ok(());
        }
        let memory = session.device().memory();
        let bytes = self.value.to_le_bytes();
        let pattern = &bytes[..self.element_bytes];
        for row in 0..self.height as u64 {
            let offset = row.checked_mul(self.pitch as u64);
            let address = offset.and_then(|offset| self.address.checked_add(offset));
            let address = address.ok_or(CUDA_ERROR_INVALID_VALUE)?;
            memory.fill(address, pattern, self.width as u64)?;
        }
        Ok(())
    }
}

fn synchronous(session: &mut Session, fill: Fill) -> Answer {
    fill.check()?;
    session.submit_synchronous(Operation::Fill(fill))
}

fn asynchronous(session: &mut Session, fill: Fill, stream: Handle) -> Answer {
    fill.check()?;
    session.submit(stream, Operation::Fill(fill))
}

/// The functions for one size of elements: one row or several, at once or in a stream.
macro_rules! fills {
    ($($line:ident $rows:ident $line_async:ident $rows_async:ident: $type:ty;)*) => {
        $(
            /// `cuMemsetD*`
            pub(crate) fn $line(
                session: &mut Session,
                address: CUdeviceptr,
                value: $type,
                count: usize,
            ) -> Answer {
                let size = size_of::<$type>();
                synchronous(session, Fill::line(address, size, value.into(), count))
            }

            /// `cuMemsetD2D*`
            pub(crate) fn $rows(
                session: &mut Session,
                address: CUdeviceptr,
                pitch: usize,
                value: $type,
                width: usize,
                height: usize,
            ) -> Answer {
                let line = Fill::line(address, size_of::<$type>(), value.into(), width);
                synchronous(session, Fill { pitch, height, ..line })
            }

            /// `cuMemsetD*Async`
            pub(crate) fn $line_async(
                session: &mut Session,
                address: CUdeviceptr,
                value: $type,
                count: usize,
                stream: Handle,
            ) -> Answer {
                let size = size_of::<$type>();
                asynchronous(session, Fill::line(address, size, value.into(), count), stream)
            }

            /// `cuMemsetD2D*Async`
            pub(crate) fn $rows_async(
                session: &mut Session,
                address: CUdeviceptr,
                pitch: usize,
                value: $type,
                width: usize,
                height: usize,
                stream: Handle,
            ) -> Answer {
                let line = Fill::line(address, size_of::<$type>(), value.into(), width);
                asynchronous(session, Fill { pitch, height, ..line }, stream)
            }
        )*
    };
}

fills! {
    bytes byte_rows bytes_async byte_rows_async: c_uchar;
    halves half_rows halves_async half_rows_async: c_ushort;
    words word_rows words_async word_rows_async: c_uint;
}
