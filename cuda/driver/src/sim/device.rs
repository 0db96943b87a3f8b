//! The driver itself and its one device: names, sizes, numbers.

use std::ffi::{c_char, c_int, c_uint, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUdevice, CUdevprop, CUuuid};

use super::VERSION;
use super::argument::{Out, Text};
use super::refusal::{Answer, Refusal};
use super::session::Session;

/// The device's number.
pub(crate) const DEVICE: CUdevice = 0;

/// Where the device is plugged in, as domain, bus, device.
pub(crate) const PCI_LOCATION: (i32, i32, i32) = (0, 1, 0);

/// Checks a device's number.
pub(crate) fn check(device: CUdevice) -> Answer {
    if device == DEVICE {
        Ok(())
    } else {
        Err(CUDA_ERROR_INVALID_DEVICE.into())
    }
}

/// `cuInit`
pub(crate) fn init(session: &mut Session, flags: c_uint) -> Answer {
    if flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    session.initialized = true;
    Ok(())
}

/// `cuDriverGetVersion`
pub(crate) fn version(_: &mut Session, version: Out<c_int>) -> Answer {
    version.set(VERSION);
    Ok(())
}

/// `cuDeviceGet`
pub(crate) fn get(_: &mut Session, device: Out<CUdevice>, ordinal: c_int) -> Answer {
    check(ordinal)?;
    device.set(DEVICE);
    Ok(())
}

/// `cuDeviceGetCount`
pub(crate) fn count(_: &mut Session, count: Out<c_int>) -> Answer {
    count.set(1);
    Ok(())
}

/// Writes as much of a text as fits, and a zero byte.
fn write_text(text: &str, to: Out<c_char>, capacity: c_int) -> Answer {
    let capacity = usize::try_from(capacity).unwrap_or(0);
    if capacity == 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let bytes = text.bytes().take(capacity - 1).chain([0]);
    for (index, byte) in bytes.enumerate() {
        // SAFETY: There are at most as many bytes as the caller says that there is room for.
        unsafe { to.set_at(index, byte as c_char) };
    }
    Ok(())
}

/// `cuDeviceGetName`
pub(crate) fn name(
    session: &mut Session,
    name: Out<c_char>,
    capacity: c_int,
    device: CUdevice,
) -> Answer {
    check(device)?;
    let properties = &session.device().options().properties;
    // Nobody is to take this for a GPU.
    write_text(&format!("{} (simulated)", properties.name), name, capacity)
}

/// `cuDeviceGetUuid`
pub(crate) fn uuid(session: &mut Session, uuid: Out<CUuuid>, device: CUdevice) -> Answer {
    check(device)?;
    let mut bytes = *b"ptx_sim  device ";
    let architecture = session.device().options().properties.architecture();
    bytes[15] = architecture as u8;
    uuid.set(CUuuid {
        bytes: bytes.map(|byte| byte as c_char),
    });
    Ok(())
}

/// `cuDeviceTotalMem`
pub(crate) fn total_memory(session: &mut Session, bytes: Out<usize>, device: CUdevice) -> Answer {
    check(device)?;
    bytes.set(session.device().options().properties.total_memory as usize);
    Ok(())
}

/// `cuDeviceComputeCapability`
pub(crate) fn compute_capability(
    session: &mut Session,
    major: Out<c_int>,
    minor: Out<c_int>,
    device: CUdevice,
) -> Answer {
    check(device)?;
    let (major_number, minor_number) = session.device().options().properties.compute_capability;
    major.set(major_number as c_int);
    minor.set(minor_number as c_int);
    Ok(())
}

/// `cuDeviceGetProperties`
pub(crate) fn properties(
    session: &mut Session,
    properties: Out<CUdevprop>,
    device: CUdevice,
) -> Answer {
    check(device)?;
    let known = &session.device().options().properties;
    let number = |number: u32| number as c_int;
    properties.set(CUdevprop {
        maxThreadsPerBlock: number(known.max_threads_per_block),
        maxThreadsDim: known.max_block.map(number),
        maxGridSize: known.max_grid.map(number),
        sharedMemPerBlock: number(known.shared_per_block),
        totalConstantMemory: number(known.constant_memory),
        SIMDWidth: super::attributes::WARP as c_int,
        memPitch: super::attributes::MAX_PITCH,
        regsPerBlock: number(known.registers_per_block),
        clockRate: number(known.clock_khz),
        textureAlign: super::attributes::TEXTURE_ALIGNMENT,
    });
    Ok(())
}

/// `cuDeviceGetPCIBusId`
pub(crate) fn pci_bus_id(
    _: &mut Session,
    text: Out<c_char>,
    capacity: c_int,
    device: CUdevice,
) -> Answer {
    check(device)?;
    let (domain, bus, number) = PCI_LOCATION;
    write_text(
        &format!("{domain:04X}:{bus:02X}:{number:02X}.0"),
        text,
        capacity,
    )
}

/// Reads `domain:bus:device.function`, `domain:bus:device` or `bus:device.function`, hexadecimal.
fn parse_pci(text: &str) -> Option<(i32, i32, i32)> {
    let text = text.split_once('.').map_or(text, |(before, _)| before);
    let numbers: Result<Vec<i32>, _> = text
        .split(':')
        .map(|number| i32::from_str_radix(number, 16))
        .collect();
    match numbers.ok()?[..] {
        [domain, bus, device] => Some((domain, bus, device)),
        [bus, device] => Some((0, bus, device)),
        _ => None,
    }
}

/// `cuDeviceGetByPCIBusId`
pub(crate) fn by_pci_bus_id(_: &mut Session, device: Out<CUdevice>, Text(text): Text) -> Answer {
    match parse_pci(&text) {
        None => Err(CUDA_ERROR_INVALID_VALUE.into()),
        Some(PCI_LOCATION) => {
            device.set(DEVICE);
            Ok(())
        }
        Some(_) => Err(CUDA_ERROR_INVALID_DEVICE.into()),
    }
}

/// `cuDeviceCanAccessPeer`
pub(crate) fn can_access_peer(
    _: &mut Session,
    can: Out<c_int>,
    device: CUdevice,
    peer: CUdevice,
) -> Answer {
    check(device)?;
    check(peer)?;
    can.set(0);
    Ok(())
}

/// `cuDeviceGetP2PAttribute`: there is no second device to have attributes with.
pub(crate) fn p2p_attribute(
    _: &mut Session,
    _value: Out<c_int>,
    _attribute: u32,
    _device: CUdevice,
    _peer: CUdevice,
) -> Answer {
    Err(CUDA_ERROR_INVALID_DEVICE.into())
}

/// `cuDeviceGetExecAffinitySupport`
pub(crate) fn affinity_support(
    _: &mut Session,
    supported: Out<c_int>,
    _kind: u32,
    device: CUdevice,
) -> Answer {
    check(device)?;
    supported.set(0);
    Ok(())
}

/// `cuFlushGPUDirectRDMAWrites`: no other device writes here.
pub(crate) fn flush_remote_writes(_: &mut Session, _target: u32, _scope: u32) -> Answer {
    Ok(())
}

/// `cuDeviceGraphMemTrim`: graphs keep no memory.
pub(crate) fn trim_graph_memory(_: &mut Session, device: CUdevice) -> Answer {
    check(device)
}

/// `cuDeviceGetGraphMemAttribute`: all are byte counts of memory that graphs keep, which is none.
pub(crate) fn graph_memory(
    _: &mut Session,
    device: CUdevice,
    attribute: u32,
    value: Out<c_void>,
) -> Answer {
    check(device)?;
    if attribute > 3 {
        return Err(Refusal::from(CUDA_ERROR_INVALID_VALUE));
    }
    // SAFETY: The caller gives a place for the 64-bit number that each of these is.
    unsafe { value.as_ptr().cast::<u64>().write_unaligned(0) };
    Ok(())
}
