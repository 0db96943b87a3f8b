//! Operations of streams on single values in memory: writes, and waits.
//!
//! Work is done when it is submitted, so a wait needs a value that is there, or that another thread
//! still writes.

use std::ffi::c_uint;
use std::time::{Duration, Instant};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUdeviceptr, CUstreamBatchMemOpParams, cuuint32_t, cuuint64_t};

use super::argument::{Handle, In};
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;

/// How long a stream waits for another thread's write.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 5000 });

/// `CU_STREAM_WAIT_VALUE_*`: greater or equal, as numbers that wrap; equal; a common bit; a common zero.
const GREATER: c_uint = 0;
const EQUAL: c_uint = 1;
const COMMON_BIT: c_uint = 2;
const COMMON_ZERO: c_uint = 3;
const FLUSH: c_uint = 1 << 30;

/// `CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER`
const NO_BARRIER: c_uint = 1;

/// An operation on a value.
#[derive(Clone, Copy)]
pub(crate) enum ValueOperation {
    Write {
        address: u64,
        value: u64,
        bytes: usize,
    },
    Wait {
        address: u64,
        value: u64,
        bytes: usize,
        condition: c_uint,
    },
}

impl ValueOperation {
    fn write(address: u64, value: u64, bytes: usize, flags: c_uint) -> Result<Self, Refusal> {
        if flags & !NO_BARRIER != 0 || !address.is_multiple_of(bytes as u64) {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        Ok(Self::Write {
            address,
            value,
            bytes,
        })
    }

    fn wait(address: u64, value: u64, bytes: usize, flags: c_uint) -> Result<Self, Refusal> {
        let condition = flags & !FLUSH;
        if condition > COMMON_ZERO || !address.is_multiple_of(bytes as u64) {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
        Ok(Self::Wait {
            address,
            value,
            bytes,
            condition,
        })
    }

    /// Checks what the call that submits this can know.
    fn check(&self, session: &Session) -> Answer {
        let (&Self::Write { address, bytes, .. } | &Self::Wait { address, bytes, .. }) = self;
        read(session, address, bytes).map(drop)
    }

    /// Does it.
    pub(crate) fn run(&self, session: &mut Session) -> Answer {
        match *self {
            Self::Write {
                address,
                value,
                bytes,
            } => {
                let value = &value.to_le_bytes()[..bytes];
                session.device().memory().write(address, value)?;
            }
            Self::Wait {
                address,
                value,
                bytes,
                condition,
            } => {
                let until = Instant::now() + PATIENCE;
                while !holds(read(session, address, bytes)?, value, bytes, condition) {
                    if Instant::now() > until {
                        return Err(refuse(
                            CUDA_ERROR_NOT_SUPPORTED,
                            format!(
                                "the value at {address:#x} is not what the stream waits for, and no \
                                 other thread wrote it within {PATIENCE:?}; here work is done when \
                                 it is submitted, so the write must be submitted first"
                            ),
                        ));
                    }
                    session.unlocked(|| std::thread::sleep(Duration::from_millis(1)));
                }
            }
        }
        Ok(())
    }
}

/// The value in memory.
fn read(session: &Session, address: u64, bytes: usize) -> Result<u64, Refusal> {
    let mut value = [0; 8];
    session
        .device()
        .memory()
        .read(address, &mut value[..bytes])?;
    Ok(u64::from_le_bytes(value))
}

/// Whether a wait for `value` is over when `there` is in memory.
fn holds(there: u64, value: u64, bytes: usize, condition: c_uint) -> bool {
    match condition {
        GREATER if bytes == 4 => (there as u32).wrapping_sub(value as u32) as i32 >= 0,
        GREATER => there.wrapping_sub(value) as i64 >= 0,
        EQUAL => there == value,
        COMMON_BIT => there & value != 0,
        _ => {
            let bits = if bytes == 4 {
                u64::from(u32::MAX)
            } else {
                u64::MAX
            };
            !(there | value) & bits != 0
        }
    }
}

fn submit(session: &mut Session, stream: Handle, operation: ValueOperation) -> Answer {
    session.stream(stream)?;
    operation.check(session)?;
    session.submit(stream, Operation::Values(vec![operation]))
}

/// `cuStreamWriteValue32`
pub(crate) fn write_word(
    session: &mut Session,
    stream: Handle,
    address: CUdeviceptr,
    value: cuuint32_t,
    flags: c_uint,
) -> Answer {
    submit(
        session,
        stream,
        ValueOperation::write(address, value.into(), 4, flags)?,
    )
}

/// `cuStreamWriteValue64`
pub(crate) fn write_double_word(
    session: &mut Session,
    stream: Handle,
    address: CUdeviceptr,
    value: cuuint64_t,
    flags: c_uint,
) -> Answer {
    submit(
        session,
        stream,
        ValueOperation::write(address, value, 8, flags)?,
    )
}

/// `cuStreamWaitValue32`
pub(crate) fn wait_word(
    session: &mut Session,
    stream: Handle,
    address: CUdeviceptr,
    value: cuuint32_t,
    flags: c_uint,
) -> Answer {
    submit(
        session,
        stream,
        ValueOperation::wait(address, value.into(), 4, flags)?,
    )
}

/// `cuStreamWaitValue64`
pub(crate) fn wait_double_word(
    session: &mut Session,
    stream: Handle,
    address: CUdeviceptr,
    value: cuuint64_t,
    flags: c_uint,
) -> Answer {
    submit(
        session,
        stream,
        ValueOperation::wait(address, value, 8, flags)?,
    )
}

/// The most operations of a batch, by the driver's documentation.
const MOST_OPERATIONS: c_uint = 256;

/// `CU_STREAM_MEM_OP_*`
const WAIT_32: u32 = 1;
const WRITE_32: u32 = 2;
const FLUSH_REMOTE: u32 = 3;
const WAIT_64: u32 = 4;
const WRITE_64: u32 = 5;
const BARRIER: u32 = 6;

/// `cuStreamBatchMemOp`
pub(crate) fn batch(
    session: &mut Session,
    stream: Handle,
    count: c_uint,
    operations: In<CUstreamBatchMemOpParams>,
    flags: c_uint,
) -> Answer {
    session.stream(stream)?;
    if count > MOST_OPERATIONS || flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    const _: () = assert!(size_of::<CUstreamBatchMemOpParams>() == 48);
    // SAFETY: The caller gives as many operations as it says, each a union of six words: type, address,
    // value, flags.
    let given = unsafe { operations.array::<[u64; 6]>(count as usize)? };
    let mut batch = Vec::new();
    for [kind, address, value, flags, ..] in given {
        let flags = flags as c_uint;
        batch.push(match kind as u32 {
            WAIT_32 => ValueOperation::wait(address, value & 0xffff_ffff, 4, flags)?,
            WAIT_64 => ValueOperation::wait(address, value, 8, flags)?,
            WRITE_32 => ValueOperation::write(address, value & 0xffff_ffff, 4, flags)?,
            WRITE_64 => ValueOperation::write(address, value, 8, flags)?,
            // Memory is in the order of the operations.
            FLUSH_REMOTE | BARRIER => continue,
            _ => return Err(CUDA_ERROR_INVALID_VALUE.into()),
        });
    }
    for operation in &batch {
        operation.check(session)?;
    }
    session.submit(stream, Operation::Values(batch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_over_when_its_condition_holds() {
        let minus = |n: u64| 0u64.wrapping_sub(n);
        let cases = [
            (5, 5, 4, GREATER, true),
            (6, 5, 4, GREATER, true),
            (4, 5, 4, GREATER, false),
            // Numbers wrap around.
            (2, minus(3) & 0xffff_ffff, 4, GREATER, true),
            (2, minus(3), 8, GREATER, true),
            (minus(3), 2, 8, GREATER, false),
            (5, 5, 8, EQUAL, true),
            (7, 5, 8, EQUAL, false),
            (6, 3, 4, COMMON_BIT, true),
            (6, 1, 4, COMMON_BIT, false),
            (0xffff_fff0, 0xf, 4, COMMON_ZERO, false),
            (0xffff_fff0, 0x7, 4, COMMON_ZERO, true),
            (u64::MAX, 0, 8, COMMON_ZERO, false),
        ];
        for (there, value, bytes, condition, expected) in cases {
            assert_eq!(
                holds(there, value, bytes, condition),
                expected,
                "{there:#x} {value:#x} {condition}"
            );
        }
    }
}
