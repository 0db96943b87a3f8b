//! The attributes of the device. What a data sheet does not say is what devices of these compute
//! capabilities answer alike: limits of textures and surfaces, which the simulator has none of.

use std::ffi::c_int;

use cust_raw::CUdevice;
use cust_raw::CUdevice_attribute_enum::*;
use cust_raw::cudaError_enum::CUDA_ERROR_INVALID_VALUE;
use ptx_sim::Properties;

use super::argument::Out;
use super::device::{PCI_LOCATION, check};
use super::refusal::Answer;
use super::session::Session;

/// Threads of a warp.
pub(crate) const WARP: u32 = 32;

/// The most bytes of a row of a two-dimensional copy.
pub(crate) const MAX_PITCH: c_int = i32::MAX;

/// What texture addresses are multiples of.
pub(crate) const TEXTURE_ALIGNMENT: c_int = 512;

/// `cuDeviceGetAttribute`
pub(crate) fn get(
    session: &mut Session,
    value: Out<c_int>,
    attribute: u32,
    device: CUdevice,
) -> Answer {
    check(device)?;
    let properties = &session.device().options().properties;
    value.set(attribute_of(properties, attribute).ok_or(CUDA_ERROR_INVALID_VALUE)?);
    Ok(())
}

/// Finds a number in a table whose keys are variants of an enum.
macro_rules! find {
    ($device:expr, $number:expr; $($($variant:ident)|+ => $value:expr,)*) => {
        match $number {
            $(number if $(number == $variant as u32)||+ => $value,)*
            _ => return newer($device, $number),
        }
    };
}

/// Ratio of 32-bit to 64-bit arithmetic, by the throughput table of the programming guide.
fn precision_ratio(capability: (u32, u32)) -> u32 {
    match capability {
        (8..=10, 0) => 2,
        (7, 5) => 32,
        _ => 64,
    }
}

/// The attributes that `cust_raw` does not declare, by number.
fn newer(device: &Properties, attribute: u32) -> Option<c_int> {
    let is_hopper = device.compute_capability >= (9, 0);
    Some(match attribute {
        // Clusters, and maps of tensors.
        120 | 127 => c_int::from(is_hopper),
        // Operations of streams on 64-bit values, and the wait for a common zero.
        122 | 123 => 1,
        // The domains of fences.
        126 => 4,
        // The host's node of memory that is nearest.
        134 => -1,
        // What the simulator does not have.
        121 | 124 | 125 | 128..=133 | 135..=155 => 0,
        _ => return None,
    })
}

fn attribute_of(device: &Properties, attribute: u32) -> Option<c_int> {
    let (major, minor) = device.compute_capability;
    let (domain, bus, number) = PCI_LOCATION;
    // Boards for data centres run without a display and check their memory.
    let is_server = matches!(device.compute_capability, (7, 5) | (8..=10, 0));
    let persisting_l2 = if major >= 8 {
        device.l2_bytes / 16 * 10
    } else {
        0
    };
    let access_window = if major >= 8 { 128 << 20 } else { 0 };
    let value = find! { device, attribute;
        CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK => device.max_threads_per_block,
        CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X => device.max_block[0],
        CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y => device.max_block[1],
        CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z => device.max_block[2],
        CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X => device.max_grid[0],
        CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y => device.max_grid[1],
        CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z => device.max_grid[2],
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK => device.shared_per_block,
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN => device.shared_per_block_opt_in,
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR =>
            device.shared_per_multiprocessor,
        CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK => device.reserved_shared_per_block(),
        CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY => device.constant_memory,
        CU_DEVICE_ATTRIBUTE_WARP_SIZE => WARP,
        CU_DEVICE_ATTRIBUTE_MAX_PITCH => MAX_PITCH as u32,
        CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK
            | CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR => device.registers_per_block,
        CU_DEVICE_ATTRIBUTE_CLOCK_RATE => device.clock_khz,
        CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE => device.memory_clock_khz,
        CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH => device.memory_bus_bits,
        CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE => device.l2_bytes,
        CU_DEVICE_ATTRIBUTE_MAX_PERSISTING_L2_CACHE_SIZE => persisting_l2,
        CU_DEVICE_ATTRIBUTE_MAX_ACCESS_POLICY_WINDOW_SIZE => access_window,
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT => device.multiprocessors,
        CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR => device.max_threads_per_multiprocessor,
        CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR => device.max_blocks_per_multiprocessor,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR => major,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR => minor,
        CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO =>
            precision_ratio(device.compute_capability),
        CU_DEVICE_ATTRIBUTE_ECC_ENABLED => u32::from(is_server),
        CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID => domain as u32,
        CU_DEVICE_ATTRIBUTE_PCI_BUS_ID => bus as u32,
        CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID => number as u32,
        CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT => if is_server { 3 } else { 2 },

        // What the simulator has.
        CU_DEVICE_ATTRIBUTE_GPU_OVERLAP
            | CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY
            | CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS
            | CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING
            | CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY
            | CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS
            | CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM
            | CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH
            | CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_MEM_OPS
            | CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS
            | CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR
            | CU_DEVICE_ATTRIBUTE_CAN_FLUSH_REMOTE_WRITES => 1,

        // What it does not have.
        CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT
            | CU_DEVICE_ATTRIBUTE_INTEGRATED
            | CU_DEVICE_ATTRIBUTE_COMPUTE_MODE
            | CU_DEVICE_ATTRIBUTE_TCC_DRIVER
            | CU_DEVICE_ATTRIBUTE_CAN_TEX2D_GATHER
            | CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD
            | CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD_GROUP_ID
            | CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS
            | CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES
            | CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST
            | CU_DEVICE_ATTRIBUTE_COOPERATIVE_MULTI_DEVICE_LAUNCH
            | CU_DEVICE_ATTRIBUTE_VIRTUAL_ADDRESS_MANAGEMENT_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_WIN32_HANDLE_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_WIN32_KMT_HANDLE_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_GENERIC_COMPRESSION_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_SPARSE_CUDA_ARRAY_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_TIMELINE_SEMAPHORE_INTEROP_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED
            | CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_FLUSH_WRITES_OPTIONS
            | CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WRITES_ORDERING
            | CU_DEVICE_ATTRIBUTE_MEMPOOL_SUPPORTED_HANDLE_TYPES => 0,

        // Textures and surfaces: the programming guide's limits.
        CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT
            | CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT => TEXTURE_ALIGNMENT as u32,
        CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT => 32,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_WIDTH => 131_072,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_HEIGHT
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_HEIGHT => 65_536,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_HEIGHT => 65_000,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_PITCH => 2_097_120,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH => 16_384,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH_ALTERNATE
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT_ALTERNATE => 8_192,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH_ALTERNATE => 32_768,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LINEAR_WIDTH => 1 << 28,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_HEIGHT
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_GATHER_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_GATHER_HEIGHT
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_MIPMAPPED_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_MIPMAPPED_HEIGHT
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LAYERED_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_MIPMAPPED_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURECUBEMAP_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURECUBEMAP_LAYERED_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE1D_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE1D_LAYERED_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_LAYERED_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_LAYERED_HEIGHT
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE3D_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE3D_HEIGHT
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE3D_DEPTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACECUBEMAP_WIDTH
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACECUBEMAP_LAYERED_WIDTH => 32_768,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_LAYERS
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LAYERED_LAYERS
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE1D_LAYERED_LAYERS
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_LAYERED_LAYERS => 2_048,
        CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURECUBEMAP_LAYERED_LAYERS
            | CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACECUBEMAP_LAYERED_LAYERS => 2_046,
    };
    Some(value as c_int)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_attribute_has_an_answer() {
        let device = Properties::h100();
        let highest = CU_DEVICE_ATTRIBUTE_MAX as u32 - 1;
        for attribute in 1..=highest {
            assert!(attribute_of(&device, attribute).is_some(), "{attribute}");
        }
        assert_eq!(attribute_of(&device, 0), None);
        for attribute in 120..=155 {
            assert!(attribute_of(&device, attribute).is_some(), "{attribute}");
        }
        assert_eq!(attribute_of(&device, 156), None);
    }

    #[test]
    fn attributes_are_the_devices() {
        let of = |name, attribute| {
            let device = Properties::by_name(name).expect("the device is known");
            attribute_of(&device, attribute as u32)
        };
        let shared = CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
        assert_eq!(of("t4", shared), Some(65_536));
        assert_eq!(of("a100", shared), Some(166_912));
        assert_eq!(of("rtx4090", shared), Some(101_376));
        assert_eq!(of("h100", shared), Some(232_448));
        assert_eq!(
            of("h100", CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
            Some(132)
        );
        assert_eq!(
            of("b200", CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
            Some(10)
        );
    }
}
