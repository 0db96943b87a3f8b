//! Every `cu*` function that `cust_raw` declares, forwarded to the driver, and where the simulator
//! answers it: by the function after `=>`, or not at all.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_ulonglong, c_ushort, c_void};

use cust_raw::*;
use libloading::Library;

use crate::forward::Passed;
use crate::result::CUresult;
use crate::{result, sim};

functions! {
    declared from cust_raw;
    // The driver and its devices.
    cuInit(c_uint) => sim::device::init;
    cuDriverGetVersion(*mut c_int) => sim::device::version;
    cuDeviceGet(*mut CUdevice, c_int) => sim::device::get;
    cuDeviceGetCount(*mut c_int) => sim::device::count;
    cuDeviceGetName(*mut c_char, c_int, CUdevice) => sim::device::name;
    cuDeviceGetUuid(*mut CUuuid, CUdevice) => sim::device::uuid;
    cuDeviceGetUuid_v2(*mut CUuuid, CUdevice) => sim::device::uuid;
    cuDeviceGetLuid(*mut c_char, *mut c_uint, CUdevice);
    cuDeviceTotalMem_v2(*mut usize, CUdevice) => sim::device::total_memory;
    cuDeviceGetTexture1DLinearMaxWidth(*mut usize, CUarray_format, c_uint, CUdevice);
    cuDeviceGetAttribute(*mut c_int, CUdevice_attribute, CUdevice) => sim::attributes::get;
    cuDeviceGetNvSciSyncAttributes(*mut c_void, CUdevice, c_int);
    cuDeviceSetMemPool(CUdevice, CUmemoryPool) => sim::pool::set;
    cuDeviceGetMemPool(*mut CUmemoryPool, CUdevice) => sim::pool::get;
    cuDeviceGetDefaultMemPool(*mut CUmemoryPool, CUdevice) => sim::pool::get_default;
    cuFlushGPUDirectRDMAWrites(CUflushGPUDirectRDMAWritesTarget, CUflushGPUDirectRDMAWritesScope)
        => sim::device::flush_remote_writes;
    cuDeviceGetProperties(*mut CUdevprop, CUdevice) => sim::device::properties;
    cuDeviceComputeCapability(*mut c_int, *mut c_int, CUdevice) => sim::device::compute_capability;

    // Contexts.
    cuDevicePrimaryCtxRetain(*mut CUcontext, CUdevice) => sim::primary::retain;
    cuDevicePrimaryCtxRelease_v2(CUdevice) => sim::primary::release;
    cuDevicePrimaryCtxSetFlags_v2(CUdevice, c_uint) => sim::primary::set_flags;
    cuDevicePrimaryCtxGetState(CUdevice, *mut c_uint, *mut c_int) => sim::primary::get_state;
    cuDevicePrimaryCtxReset_v2(CUdevice) => sim::primary::reset;
    cuDeviceGetExecAffinitySupport(*mut c_int, CUexecAffinityType, CUdevice)
        => sim::device::affinity_support;
    cuCtxCreate_v2(*mut CUcontext, c_uint, CUdevice) => sim::context::create;
    cuCtxCreate_v3(*mut CUcontext, *mut CUexecAffinityParam, c_int, c_uint, CUdevice)
        => sim::context::create_with_affinity;
    cuCtxDestroy_v2(CUcontext) => sim::context::destroy;
    cuCtxPushCurrent_v2(CUcontext) => sim::context::push;
    cuCtxPopCurrent_v2(*mut CUcontext) => sim::context::pop;
    cuCtxSetCurrent(CUcontext) => sim::context::set_current;
    cuCtxGetCurrent(*mut CUcontext) => sim::context::get_current;
    cuCtxGetDevice(*mut CUdevice) => sim::context::get_device;
    cuCtxGetFlags(*mut c_uint) => sim::context::get_flags;
    cuCtxSynchronize() => sim::context::synchronize;
    cuCtxSetLimit(CUlimit, usize) => sim::context::set_limit;
    cuCtxGetLimit(*mut usize, CUlimit) => sim::context::get_limit;
    cuCtxGetCacheConfig(*mut CUfunc_cache) => sim::context::get_cache_config;
    cuCtxSetCacheConfig(CUfunc_cache) => sim::context::set_cache_config;
    cuCtxGetSharedMemConfig(*mut CUsharedconfig) => sim::context::get_shared_config;
    cuCtxSetSharedMemConfig(CUsharedconfig) => sim::context::set_shared_config;
    cuCtxGetApiVersion(CUcontext, *mut c_uint) => sim::context::api_version;
    cuCtxGetStreamPriorityRange(*mut c_int, *mut c_int) => sim::context::priority_range;
    cuCtxResetPersistingL2Cache() => sim::context::reset_l2;
    cuCtxGetExecAffinity(*mut CUexecAffinityParam, CUexecAffinityType)
        => sim::context::exec_affinity;
    cuCtxAttach(*mut CUcontext, c_uint) => sim::context::attach;
    cuCtxDetach(CUcontext) => sim::context::detach;

    // Modules and the linker.
    cuModuleLoad(*mut CUmodule, *const c_char) => sim::module::load;
    cuModuleLoadData(*mut CUmodule, *const c_void) => sim::module::load_data;
    cuModuleLoadDataEx(*mut CUmodule, *const c_void, c_uint, *mut CUjit_option, *mut *mut c_void)
        => sim::module::load_data_ex;
    cuModuleLoadFatBinary(*mut CUmodule, *const c_void) => sim::module::load_data;
    cuModuleUnload(CUmodule) => sim::module::unload;
    cuModuleGetFunction(*mut CUfunction, CUmodule, *const c_char) => sim::module::get_function;
    cuModuleGetGlobal_v2(*mut CUdeviceptr, *mut usize, CUmodule, *const c_char)
        => sim::module::get_global;
    cuModuleGetTexRef(*mut CUtexref, CUmodule, *const c_char);
    cuModuleGetSurfRef(*mut CUsurfref, CUmodule, *const c_char);
    cuLinkCreate_v2(c_uint, *mut CUjit_option, *mut *mut c_void, *mut CUlinkState)
        => sim::link::create;
    cuLinkAddData_v2(
        CUlinkState, CUjitInputType, *mut c_void, usize, *const c_char, c_uint, *mut CUjit_option,
        *mut *mut c_void
    ) => sim::link::add_data;
    cuLinkAddFile_v2(
        CUlinkState, CUjitInputType, *const c_char, c_uint, *mut CUjit_option, *mut *mut c_void
    ) => sim::link::add_file;
    cuLinkComplete(CUlinkState, *mut *mut c_void, *mut usize) => sim::link::complete;
    cuLinkDestroy(CUlinkState) => sim::link::destroy;

    // Memory: allocation, copies, fills.
    cuMemGetInfo_v2(*mut usize, *mut usize) => sim::memory::info;
    cuMemAlloc_v2(*mut CUdeviceptr, usize) => sim::memory::allocate;
    cuMemAllocPitch_v2(*mut CUdeviceptr, *mut usize, usize, usize, c_uint)
        => sim::memory::allocate_pitch;
    cuMemFree_v2(CUdeviceptr) => sim::memory::free;
    cuMemGetAddressRange_v2(*mut CUdeviceptr, *mut usize, CUdeviceptr)
        => sim::memory::address_range;
    cuMemAllocHost_v2(*mut *mut c_void, usize) => sim::memory::allocate_host;
    cuMemFreeHost(*mut c_void) => sim::memory::free_host;
    cuMemHostAlloc(*mut *mut c_void, usize, c_uint) => sim::memory::host_allocate;
    cuMemHostGetDevicePointer_v2(*mut CUdeviceptr, *mut c_void, c_uint)
        => sim::memory::host_device_pointer;
    cuMemHostGetFlags(*mut c_uint, *mut c_void) => sim::memory::host_flags;
    cuMemAllocManaged(*mut CUdeviceptr, usize, c_uint) => sim::memory::allocate_managed;
    cuDeviceGetByPCIBusId(*mut CUdevice, *const c_char) => sim::device::by_pci_bus_id;
    cuDeviceGetPCIBusId(*mut c_char, c_int, CUdevice) => sim::device::pci_bus_id;
    cuIpcGetEventHandle(*mut CUipcEventHandle, CUevent);
    cuIpcOpenEventHandle(*mut CUevent, CUipcEventHandle);
    cuIpcGetMemHandle(*mut CUipcMemHandle, CUdeviceptr);
    cuIpcOpenMemHandle_v2(*mut CUdeviceptr, CUipcMemHandle, c_uint);
    cuIpcCloseMemHandle(CUdeviceptr);
    cuMemHostRegister_v2(*mut c_void, usize, c_uint) => sim::memory::register;
    cuMemHostUnregister(*mut c_void) => sim::memory::unregister;
    cuMemcpy(CUdeviceptr, CUdeviceptr, usize) => sim::copy::any;
    cuMemcpyPeer(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, usize) => sim::copy::peer;
    cuMemcpyHtoD_v2(CUdeviceptr, *const c_void, usize) => sim::copy::to_device;
    cuMemcpyDtoH_v2(*mut c_void, CUdeviceptr, usize) => sim::copy::to_host;
    cuMemcpyDtoD_v2(CUdeviceptr, CUdeviceptr, usize) => sim::copy::on_device;
    cuMemcpyDtoA_v2(CUarray, usize, CUdeviceptr, usize);
    cuMemcpyAtoD_v2(CUdeviceptr, CUarray, usize, usize);
    cuMemcpyHtoA_v2(CUarray, usize, *const c_void, usize);
    cuMemcpyAtoH_v2(*mut c_void, CUarray, usize, usize);
    cuMemcpyAtoA_v2(CUarray, usize, CUarray, usize, usize);
    cuMemcpy2D_v2(*const CUDA_MEMCPY2D) => sim::copy::flat;
    cuMemcpy2DUnaligned_v2(*const CUDA_MEMCPY2D) => sim::copy::flat;
    cuMemcpy3D_v2(*const CUDA_MEMCPY3D) => sim::copy::deep;
    cuMemcpy3DPeer(*const CUDA_MEMCPY3D_PEER) => sim::copy::deep_peer;
    cuMemcpyAsync(CUdeviceptr, CUdeviceptr, usize, CUstream) => sim::copy::any_async;
    cuMemcpyPeerAsync(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, usize, CUstream)
        => sim::copy::peer_async;
    cuMemcpyHtoDAsync_v2(CUdeviceptr, *const c_void, usize, CUstream) => sim::copy::to_device_async;
    cuMemcpyDtoHAsync_v2(*mut c_void, CUdeviceptr, usize, CUstream) => sim::copy::to_host_async;
    cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, usize, CUstream) => sim::copy::on_device_async;
    cuMemcpyHtoAAsync_v2(CUarray, usize, *const c_void, usize, CUstream);
    cuMemcpyAtoHAsync_v2(*mut c_void, CUarray, usize, usize, CUstream);
    cuMemcpy2DAsync_v2(*const CUDA_MEMCPY2D, CUstream) => sim::copy::flat_async;
    cuMemcpy3DAsync_v2(*const CUDA_MEMCPY3D, CUstream) => sim::copy::deep_async;
    cuMemcpy3DPeerAsync(*const CUDA_MEMCPY3D_PEER, CUstream) => sim::copy::deep_peer_async;
    cuMemsetD8_v2(CUdeviceptr, c_uchar, usize) => sim::fill::bytes;
    cuMemsetD16_v2(CUdeviceptr, c_ushort, usize) => sim::fill::halves;
    cuMemsetD32_v2(CUdeviceptr, c_uint, usize) => sim::fill::words;
    cuMemsetD2D8_v2(CUdeviceptr, usize, c_uchar, usize, usize) => sim::fill::byte_rows;
    cuMemsetD2D16_v2(CUdeviceptr, usize, c_ushort, usize, usize) => sim::fill::half_rows;
    cuMemsetD2D32_v2(CUdeviceptr, usize, c_uint, usize, usize) => sim::fill::word_rows;
    cuMemsetD8Async(CUdeviceptr, c_uchar, usize, CUstream) => sim::fill::bytes_async;
    cuMemsetD16Async(CUdeviceptr, c_ushort, usize, CUstream) => sim::fill::halves_async;
    cuMemsetD32Async(CUdeviceptr, c_uint, usize, CUstream) => sim::fill::words_async;
    cuMemsetD2D8Async(CUdeviceptr, usize, c_uchar, usize, usize, CUstream)
        => sim::fill::byte_rows_async;
    cuMemsetD2D16Async(CUdeviceptr, usize, c_ushort, usize, usize, CUstream)
        => sim::fill::half_rows_async;
    cuMemsetD2D32Async(CUdeviceptr, usize, c_uint, usize, usize, CUstream)
        => sim::fill::word_rows_async;

    // Arrays.
    cuArrayCreate_v2(*mut CUarray, *const CUDA_ARRAY_DESCRIPTOR);
    cuArrayGetDescriptor_v2(*mut CUDA_ARRAY_DESCRIPTOR, CUarray);
    cuArrayGetSparseProperties(*mut CUDA_ARRAY_SPARSE_PROPERTIES, CUarray);
    cuMipmappedArrayGetSparseProperties(*mut CUDA_ARRAY_SPARSE_PROPERTIES, CUmipmappedArray);
    cuArrayGetPlane(*mut CUarray, CUarray, c_uint);
    cuArrayDestroy(CUarray);
    cuArray3DCreate_v2(*mut CUarray, *const CUDA_ARRAY3D_DESCRIPTOR);
    cuArray3DGetDescriptor_v2(*mut CUDA_ARRAY3D_DESCRIPTOR, CUarray);
    cuMipmappedArrayCreate(*mut CUmipmappedArray, *const CUDA_ARRAY3D_DESCRIPTOR, c_uint);
    cuMipmappedArrayGetLevel(*mut CUarray, CUmipmappedArray, c_uint);
    cuMipmappedArrayDestroy(CUmipmappedArray);

    // Virtual addresses.
    cuMemAddressReserve(*mut CUdeviceptr, usize, usize, CUdeviceptr, c_ulonglong);
    cuMemAddressFree(CUdeviceptr, usize);
    cuMemCreate(*mut CUmemGenericAllocationHandle, usize, *const CUmemAllocationProp, c_ulonglong);
    cuMemRelease(CUmemGenericAllocationHandle);
    cuMemMap(CUdeviceptr, usize, usize, CUmemGenericAllocationHandle, c_ulonglong);
    cuMemMapArrayAsync(*mut CUarrayMapInfo, c_uint, CUstream);
    cuMemUnmap(CUdeviceptr, usize);
    cuMemSetAccess(CUdeviceptr, usize, *const CUmemAccessDesc, usize);
    cuMemGetAccess(*mut c_ulonglong, *const CUmemLocation, CUdeviceptr);
    cuMemExportToShareableHandle(
        *mut c_void, CUmemGenericAllocationHandle, CUmemAllocationHandleType, c_ulonglong
    );
    cuMemImportFromShareableHandle(
        *mut CUmemGenericAllocationHandle, *mut c_void, CUmemAllocationHandleType
    );
    cuMemGetAllocationGranularity(
        *mut usize, *const CUmemAllocationProp, CUmemAllocationGranularity_flags
    );
    cuMemGetAllocationPropertiesFromHandle(*mut CUmemAllocationProp, CUmemGenericAllocationHandle);
    cuMemRetainAllocationHandle(*mut CUmemGenericAllocationHandle, *mut c_void);

    // Memory pools.
    cuMemFreeAsync(CUdeviceptr, CUstream) => sim::pool::free;
    cuMemAllocAsync(*mut CUdeviceptr, usize, CUstream) => sim::pool::allocate;
    cuMemPoolTrimTo(CUmemoryPool, usize) => sim::pool::trim;
    cuMemPoolSetAttribute(CUmemoryPool, CUmemPool_attribute, *mut c_void)
        => sim::pool::set_attribute;
    cuMemPoolGetAttribute(CUmemoryPool, CUmemPool_attribute, *mut c_void)
        => sim::pool::get_attribute;
    cuMemPoolSetAccess(CUmemoryPool, *const CUmemAccessDesc, usize) => sim::pool::set_access;
    cuMemPoolGetAccess(*mut CUmemAccess_flags, CUmemoryPool, *mut CUmemLocation)
        => sim::pool::get_access;
    cuMemPoolCreate(*mut CUmemoryPool, *const CUmemPoolProps) => sim::pool::create;
    cuMemPoolDestroy(CUmemoryPool) => sim::pool::destroy;
    cuMemAllocFromPoolAsync(*mut CUdeviceptr, usize, CUmemoryPool, CUstream)
        => sim::pool::allocate_from;
    cuMemPoolExportToShareableHandle(
        *mut c_void, CUmemoryPool, CUmemAllocationHandleType, c_ulonglong
    );
    cuMemPoolImportFromShareableHandle(
        *mut CUmemoryPool, *mut c_void, CUmemAllocationHandleType, c_ulonglong
    );
    cuMemPoolExportPointer(*mut CUmemPoolPtrExportData, CUdeviceptr);
    cuMemPoolImportPointer(*mut CUdeviceptr, CUmemoryPool, *mut CUmemPoolPtrExportData);

    // Unified memory.
    cuPointerGetAttribute(*mut c_void, CUpointer_attribute, CUdeviceptr) => sim::pointer::attribute;
    cuMemPrefetchAsync(CUdeviceptr, usize, CUdevice, CUstream) => sim::pointer::prefetch;
    cuMemAdvise(CUdeviceptr, usize, CUmem_advise, CUdevice) => sim::pointer::advise;
    cuMemRangeGetAttribute(*mut c_void, usize, CUmem_range_attribute, CUdeviceptr, usize)
        => sim::pointer::range_attribute;
    cuMemRangeGetAttributes(
        *mut *mut c_void, *mut usize, *mut CUmem_range_attribute, usize, CUdeviceptr, usize
    ) => sim::pointer::range_attributes;
    cuPointerSetAttribute(*const c_void, CUpointer_attribute, CUdeviceptr)
        => sim::pointer::set_attribute;
    cuPointerGetAttributes(c_uint, *mut CUpointer_attribute, *mut *mut c_void, CUdeviceptr)
        => sim::pointer::attributes;

    // Streams.
    cuStreamCreate(*mut CUstream, c_uint) => sim::stream::create;
    cuStreamCreateWithPriority(*mut CUstream, c_uint, c_int) => sim::stream::create_with_priority;
    cuStreamGetPriority(CUstream, *mut c_int) => sim::stream::priority;
    cuStreamGetFlags(CUstream, *mut c_uint) => sim::stream::flags;
    cuStreamGetCtx(CUstream, *mut CUcontext) => sim::stream::context;
    cuStreamWaitEvent(CUstream, CUevent, c_uint) => sim::event::wait;
    cuStreamAddCallback(CUstream, CUstreamCallback, *mut c_void, c_uint)
        => sim::stream::add_callback;
    cuStreamBeginCapture_v2(CUstream, CUstreamCaptureMode) => sim::capture::begin;
    cuThreadExchangeStreamCaptureMode(*mut CUstreamCaptureMode) => sim::capture::exchange_mode;
    cuStreamEndCapture(CUstream, *mut CUgraph) => sim::capture::end;
    cuStreamIsCapturing(CUstream, *mut CUstreamCaptureStatus) => sim::capture::is_capturing;
    cuStreamGetCaptureInfo(CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t)
        => sim::capture::info;
    cuStreamGetCaptureInfo_v2(
        CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t, *mut CUgraph,
        *mut *const CUgraphNode, *mut usize
    ) => sim::capture::info_with_graph;
    cuStreamUpdateCaptureDependencies(CUstream, *mut CUgraphNode, usize, c_uint)
        => sim::capture::update_dependencies;
    cuStreamAttachMemAsync(CUstream, CUdeviceptr, usize, c_uint) => sim::stream::attach;
    cuStreamQuery(CUstream) => sim::stream::query;
    cuStreamSynchronize(CUstream) => sim::stream::synchronize;
    cuStreamDestroy_v2(CUstream) => sim::stream::destroy;
    cuStreamCopyAttributes(CUstream, CUstream) => sim::stream::copy_attributes;
    cuStreamGetAttribute(CUstream, CUstreamAttrID, *mut CUstreamAttrValue)
        => sim::stream::get_attribute;
    cuStreamSetAttribute(CUstream, CUstreamAttrID, *const CUstreamAttrValue)
        => sim::stream::set_attribute;

    // Events.
    cuEventCreate(*mut CUevent, c_uint) => sim::event::create;
    cuEventRecord(CUevent, CUstream) => sim::event::record;
    cuEventRecordWithFlags(CUevent, CUstream, c_uint) => sim::event::record_with_flags;
    cuEventQuery(CUevent) => sim::event::synchronize;
    cuEventSynchronize(CUevent) => sim::event::synchronize;
    cuEventDestroy_v2(CUevent) => sim::event::destroy;
    cuEventElapsedTime(*mut f32, CUevent, CUevent) => sim::event::elapsed;

    // Memory and semaphores of other interfaces.
    cuImportExternalMemory(*mut CUexternalMemory, *const CUDA_EXTERNAL_MEMORY_HANDLE_DESC);
    cuExternalMemoryGetMappedBuffer(
        *mut CUdeviceptr, CUexternalMemory, *const CUDA_EXTERNAL_MEMORY_BUFFER_DESC
    );
    cuExternalMemoryGetMappedMipmappedArray(
        *mut CUmipmappedArray, CUexternalMemory, *const CUDA_EXTERNAL_MEMORY_MIPMAPPED_ARRAY_DESC
    );
    cuDestroyExternalMemory(CUexternalMemory);
    cuImportExternalSemaphore(*mut CUexternalSemaphore, *const CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC);
    cuSignalExternalSemaphoresAsync(
        *const CUexternalSemaphore, *const CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS, c_uint, CUstream
    );
    cuWaitExternalSemaphoresAsync(
        *const CUexternalSemaphore, *const CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS, c_uint, CUstream
    );
    cuDestroyExternalSemaphore(CUexternalSemaphore);

    // Operations on memory in a stream.
    cuStreamWaitValue32(CUstream, CUdeviceptr, cuuint32_t, c_uint) => sim::value::wait_word;
    cuStreamWaitValue64(CUstream, CUdeviceptr, cuuint64_t, c_uint) => sim::value::wait_double_word;
    cuStreamWriteValue32(CUstream, CUdeviceptr, cuuint32_t, c_uint) => sim::value::write_word;
    cuStreamWriteValue64(CUstream, CUdeviceptr, cuuint64_t, c_uint)
        => sim::value::write_double_word;
    cuStreamBatchMemOp(CUstream, c_uint, *mut CUstreamBatchMemOpParams, c_uint)
        => sim::value::batch;

    // Kernels and their launch.
    cuFuncGetAttribute(*mut c_int, CUfunction_attribute, CUfunction)
        => sim::function::get_attribute;
    cuFuncSetAttribute(CUfunction, CUfunction_attribute, c_int) => sim::function::set_attribute;
    cuFuncSetCacheConfig(CUfunction, CUfunc_cache) => sim::function::set_cache_config;
    cuFuncSetSharedMemConfig(CUfunction, CUsharedconfig) => sim::function::set_shared_config;
    cuFuncGetModule(*mut CUmodule, CUfunction) => sim::function::get_module;
    cuLaunchKernel(
        CUfunction, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, CUstream,
        *mut *mut c_void, *mut *mut c_void
    ) => sim::launch::kernel;
    cuLaunchCooperativeKernel(
        CUfunction, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, CUstream,
        *mut *mut c_void
    ) => sim::launch::cooperative_kernel;
    cuLaunchCooperativeKernelMultiDevice(*mut CUDA_LAUNCH_PARAMS, c_uint, c_uint);
    cuLaunchHostFunc(CUstream, CUhostFn, *mut c_void) => sim::launch::host_function;
    cuFuncSetBlockShape(CUfunction, c_int, c_int, c_int) => sim::legacy::set_block_shape;
    cuFuncSetSharedSize(CUfunction, c_uint) => sim::legacy::set_shared_size;
    cuParamSetSize(CUfunction, c_uint) => sim::legacy::set_size;
    cuParamSeti(CUfunction, c_int, c_uint) => sim::legacy::set_integer;
    cuParamSetf(CUfunction, c_int, f32) => sim::legacy::set_float;
    cuParamSetv(CUfunction, c_int, *mut c_void, c_uint) => sim::legacy::set_bytes;
    cuLaunch(CUfunction) => sim::legacy::launch;
    cuLaunchGrid(CUfunction, c_int, c_int) => sim::legacy::launch_grid;
    cuLaunchGridAsync(CUfunction, c_int, c_int, CUstream) => sim::legacy::launch_grid_async;
    cuParamSetTexRef(CUfunction, c_int, CUtexref);

    // Graphs.
    cuGraphCreate(*mut CUgraph, c_uint) => sim::graph::create;
    cuGraphAddKernelNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_KERNEL_NODE_PARAMS
    ) => sim::kernel_node::add;
    cuGraphKernelNodeGetParams(CUgraphNode, *mut CUDA_KERNEL_NODE_PARAMS)
        => sim::kernel_node::get;
    cuGraphKernelNodeSetParams(CUgraphNode, *const CUDA_KERNEL_NODE_PARAMS)
        => sim::kernel_node::set;
    cuGraphAddMemcpyNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_MEMCPY3D, CUcontext
    ) => sim::graph_node::add_copy;
    cuGraphMemcpyNodeGetParams(CUgraphNode, *mut CUDA_MEMCPY3D) => sim::graph_node::get_copy;
    cuGraphMemcpyNodeSetParams(CUgraphNode, *const CUDA_MEMCPY3D) => sim::graph_node::set_copy;
    cuGraphAddMemsetNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_MEMSET_NODE_PARAMS,
        CUcontext
    ) => sim::graph_node::add_fill;
    cuGraphMemsetNodeGetParams(CUgraphNode, *mut CUDA_MEMSET_NODE_PARAMS)
        => sim::graph_node::get_fill;
    cuGraphMemsetNodeSetParams(CUgraphNode, *const CUDA_MEMSET_NODE_PARAMS)
        => sim::graph_node::set_fill;
    cuGraphAddHostNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_HOST_NODE_PARAMS
    ) => sim::graph_node::add_host;
    cuGraphHostNodeGetParams(CUgraphNode, *mut CUDA_HOST_NODE_PARAMS) => sim::graph_node::get_host;
    cuGraphHostNodeSetParams(CUgraphNode, *const CUDA_HOST_NODE_PARAMS)
        => sim::graph_node::set_host;
    cuGraphAddChildGraphNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, CUgraph)
        => sim::graph_node::add_child;
    cuGraphChildGraphNodeGetGraph(CUgraphNode, *mut CUgraph) => sim::graph_node::get_child;
    cuGraphAddEmptyNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize)
        => sim::graph_node::add_empty;
    cuGraphAddEventRecordNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, CUevent)
        => sim::graph_node::add_record;
    cuGraphEventRecordNodeGetEvent(CUgraphNode, *mut CUevent) => sim::graph_node::get_record;
    cuGraphEventRecordNodeSetEvent(CUgraphNode, CUevent) => sim::graph_node::set_record;
    cuGraphAddEventWaitNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, CUevent)
        => sim::graph_node::add_wait;
    cuGraphEventWaitNodeGetEvent(CUgraphNode, *mut CUevent) => sim::graph_node::get_wait;
    cuGraphEventWaitNodeSetEvent(CUgraphNode, CUevent) => sim::graph_node::set_wait;
    cuGraphAddExternalSemaphoresSignalNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_EXT_SEM_SIGNAL_NODE_PARAMS
    );
    cuGraphExternalSemaphoresSignalNodeGetParams(CUgraphNode, *mut CUDA_EXT_SEM_SIGNAL_NODE_PARAMS);
    cuGraphExternalSemaphoresSignalNodeSetParams(
        CUgraphNode, *const CUDA_EXT_SEM_SIGNAL_NODE_PARAMS
    );
    cuGraphAddExternalSemaphoresWaitNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_EXT_SEM_WAIT_NODE_PARAMS
    );
    cuGraphExternalSemaphoresWaitNodeGetParams(CUgraphNode, *mut CUDA_EXT_SEM_WAIT_NODE_PARAMS);
    cuGraphExternalSemaphoresWaitNodeSetParams(CUgraphNode, *const CUDA_EXT_SEM_WAIT_NODE_PARAMS);
    cuGraphAddMemAllocNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *mut CUDA_MEM_ALLOC_NODE_PARAMS
    );
    cuGraphMemAllocNodeGetParams(CUgraphNode, *mut CUDA_MEM_ALLOC_NODE_PARAMS);
    cuGraphAddMemFreeNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, CUdeviceptr);
    cuGraphMemFreeNodeGetParams(CUgraphNode, *mut CUdeviceptr);
    cuDeviceGraphMemTrim(CUdevice) => sim::device::trim_graph_memory;
    cuDeviceGetGraphMemAttribute(CUdevice, CUgraphMem_attribute, *mut c_void)
        => sim::device::graph_memory;
    cuDeviceSetGraphMemAttribute(CUdevice, CUgraphMem_attribute, *mut c_void);
    cuGraphClone(*mut CUgraph, CUgraph) => sim::graph::clone;
    cuGraphNodeFindInClone(*mut CUgraphNode, CUgraphNode, CUgraph) => sim::graph::find_in_clone;
    cuGraphNodeGetType(CUgraphNode, *mut CUgraphNodeType) => sim::graph::node_type;
    cuGraphGetNodes(CUgraph, *mut CUgraphNode, *mut usize) => sim::graph::nodes;
    cuGraphGetRootNodes(CUgraph, *mut CUgraphNode, *mut usize) => sim::graph::root_nodes;
    cuGraphGetEdges(CUgraph, *mut CUgraphNode, *mut CUgraphNode, *mut usize) => sim::graph::edges;
    cuGraphNodeGetDependencies(CUgraphNode, *mut CUgraphNode, *mut usize)
        => sim::graph::dependencies;
    cuGraphNodeGetDependentNodes(CUgraphNode, *mut CUgraphNode, *mut usize)
        => sim::graph::dependent_nodes;
    cuGraphAddDependencies(CUgraph, *const CUgraphNode, *const CUgraphNode, usize)
        => sim::graph::add_dependencies;
    cuGraphRemoveDependencies(CUgraph, *const CUgraphNode, *const CUgraphNode, usize)
        => sim::graph::remove_dependencies;
    cuGraphDestroyNode(CUgraphNode) => sim::graph::destroy_node;
    cuGraphInstantiate_v2(*mut CUgraphExec, CUgraph, *mut CUgraphNode, *mut c_char, usize)
        => sim::graph_exec::instantiate;
    cuGraphInstantiateWithFlags(*mut CUgraphExec, CUgraph, c_ulonglong)
        => sim::graph_exec::instantiate_with_flags;
    cuGraphExecKernelNodeSetParams(CUgraphExec, CUgraphNode, *const CUDA_KERNEL_NODE_PARAMS)
        => sim::graph_exec::set_kernel;
    cuGraphExecMemcpyNodeSetParams(CUgraphExec, CUgraphNode, *const CUDA_MEMCPY3D, CUcontext)
        => sim::graph_exec::set_copy;
    cuGraphExecMemsetNodeSetParams(
        CUgraphExec, CUgraphNode, *const CUDA_MEMSET_NODE_PARAMS, CUcontext
    ) => sim::graph_exec::set_fill;
    cuGraphExecHostNodeSetParams(CUgraphExec, CUgraphNode, *const CUDA_HOST_NODE_PARAMS)
        => sim::graph_exec::set_host;
    cuGraphExecChildGraphNodeSetParams(CUgraphExec, CUgraphNode, CUgraph)
        => sim::graph_exec::set_child;
    cuGraphExecEventRecordNodeSetEvent(CUgraphExec, CUgraphNode, CUevent)
        => sim::graph_exec::set_record;
    cuGraphExecEventWaitNodeSetEvent(CUgraphExec, CUgraphNode, CUevent)
        => sim::graph_exec::set_wait;
    cuGraphExecExternalSemaphoresSignalNodeSetParams(
        CUgraphExec, CUgraphNode, *const CUDA_EXT_SEM_SIGNAL_NODE_PARAMS
    );
    cuGraphExecExternalSemaphoresWaitNodeSetParams(
        CUgraphExec, CUgraphNode, *const CUDA_EXT_SEM_WAIT_NODE_PARAMS
    );
    cuGraphUpload(CUgraphExec, CUstream) => sim::graph_exec::upload;
    cuGraphLaunch(CUgraphExec, CUstream) => sim::graph_exec::launch;
    cuGraphExecDestroy(CUgraphExec) => sim::graph_exec::destroy;
    cuGraphDestroy(CUgraph) => sim::graph::destroy;
    cuGraphExecUpdate(CUgraphExec, CUgraph, *mut CUgraphNode, *mut CUgraphExecUpdateResult)
        => sim::graph_exec::update_from;
    cuGraphKernelNodeCopyAttributes(CUgraphNode, CUgraphNode) => sim::kernel_node::copy_attributes;
    cuGraphKernelNodeGetAttribute(CUgraphNode, CUkernelNodeAttrID, *mut CUkernelNodeAttrValue)
        => sim::kernel_node::get_attribute;
    cuGraphKernelNodeSetAttribute(CUgraphNode, CUkernelNodeAttrID, *const CUkernelNodeAttrValue)
        => sim::kernel_node::set_attribute;
    cuGraphDebugDotPrint(CUgraph, *const c_char, c_uint) => sim::graph::print_dot;
    cuUserObjectCreate(*mut CUuserObject, *mut c_void, CUhostFn, c_uint, c_uint)
        => sim::user_object::create;
    cuUserObjectRetain(CUuserObject, c_uint) => sim::user_object::retain;
    cuUserObjectRelease(CUuserObject, c_uint) => sim::user_object::release;
    cuGraphRetainUserObject(CUgraph, CUuserObject, c_uint, c_uint)
        => sim::user_object::retain_by_graph;
    cuGraphReleaseUserObject(CUgraph, CUuserObject, c_uint) => sim::user_object::release_by_graph;

    // Occupancy.
    cuOccupancyMaxActiveBlocksPerMultiprocessor(*mut c_int, CUfunction, c_int, usize)
        => sim::occupancy::max_active_blocks;
    cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        *mut c_int, CUfunction, c_int, usize, c_uint
    ) => sim::occupancy::max_active_blocks_with_flags;
    cuOccupancyMaxPotentialBlockSize(
        *mut c_int, *mut c_int, CUfunction, CUoccupancyB2DSize, usize, c_int
    ) => sim::occupancy::max_potential_block_size;
    cuOccupancyMaxPotentialBlockSizeWithFlags(
        *mut c_int, *mut c_int, CUfunction, CUoccupancyB2DSize, usize, c_int, c_uint
    ) => sim::occupancy::max_potential_block_size_with_flags;
    cuOccupancyAvailableDynamicSMemPerBlock(*mut usize, CUfunction, c_int, c_int)
        => sim::occupancy::available_dynamic_shared;

    // Textures and surfaces.
    cuTexRefSetArray(CUtexref, CUarray, c_uint);
    cuTexRefSetMipmappedArray(CUtexref, CUmipmappedArray, c_uint);
    cuTexRefSetAddress_v2(*mut usize, CUtexref, CUdeviceptr, usize);
    cuTexRefSetAddress2D_v3(CUtexref, *const CUDA_ARRAY_DESCRIPTOR, CUdeviceptr, usize);
    cuTexRefSetFormat(CUtexref, CUarray_format, c_int);
    cuTexRefSetAddressMode(CUtexref, c_int, CUaddress_mode);
    cuTexRefSetFilterMode(CUtexref, CUfilter_mode);
    cuTexRefSetMipmapFilterMode(CUtexref, CUfilter_mode);
    cuTexRefSetMipmapLevelBias(CUtexref, f32);
    cuTexRefSetMipmapLevelClamp(CUtexref, f32, f32);
    cuTexRefSetMaxAnisotropy(CUtexref, c_uint);
    cuTexRefSetBorderColor(CUtexref, *mut f32);
    cuTexRefSetFlags(CUtexref, c_uint);
    cuTexRefGetAddress_v2(*mut CUdeviceptr, CUtexref);
    cuTexRefGetArray(*mut CUarray, CUtexref);
    cuTexRefGetMipmappedArray(*mut CUmipmappedArray, CUtexref);
    cuTexRefGetAddressMode(*mut CUaddress_mode, CUtexref, c_int);
    cuTexRefGetFilterMode(*mut CUfilter_mode, CUtexref);
    cuTexRefGetFormat(*mut CUarray_format, *mut c_int, CUtexref);
    cuTexRefGetMipmapFilterMode(*mut CUfilter_mode, CUtexref);
    cuTexRefGetMipmapLevelBias(*mut f32, CUtexref);
    cuTexRefGetMipmapLevelClamp(*mut f32, *mut f32, CUtexref);
    cuTexRefGetMaxAnisotropy(*mut c_int, CUtexref);
    cuTexRefGetBorderColor(*mut f32, CUtexref);
    cuTexRefGetFlags(*mut c_uint, CUtexref);
    cuTexRefCreate(*mut CUtexref);
    cuTexRefDestroy(CUtexref);
    cuSurfRefSetArray(CUsurfref, CUarray, c_uint);
    cuSurfRefGetArray(*mut CUarray, CUsurfref);
    cuTexObjectCreate(
        *mut CUtexObject, *const CUDA_RESOURCE_DESC, *const CUDA_TEXTURE_DESC,
        *const CUDA_RESOURCE_VIEW_DESC
    );
    cuTexObjectDestroy(CUtexObject);
    cuTexObjectGetResourceDesc(*mut CUDA_RESOURCE_DESC, CUtexObject);
    cuTexObjectGetTextureDesc(*mut CUDA_TEXTURE_DESC, CUtexObject);
    cuTexObjectGetResourceViewDesc(*mut CUDA_RESOURCE_VIEW_DESC, CUtexObject);
    cuSurfObjectCreate(*mut CUsurfObject, *const CUDA_RESOURCE_DESC);
    cuSurfObjectDestroy(CUsurfObject);
    cuSurfObjectGetResourceDesc(*mut CUDA_RESOURCE_DESC, CUsurfObject);

    // Peer access.
    cuDeviceCanAccessPeer(*mut c_int, CUdevice, CUdevice) => sim::device::can_access_peer;
    cuCtxEnablePeerAccess(CUcontext, c_uint) => sim::context::enable_peer_access;
    cuCtxDisablePeerAccess(CUcontext) => sim::context::disable_peer_access;
    cuDeviceGetP2PAttribute(*mut c_int, CUdevice_P2PAttribute, CUdevice, CUdevice)
        => sim::device::p2p_attribute;

    // Graphics resources.
    cuGraphicsUnregisterResource(CUgraphicsResource);
    cuGraphicsSubResourceGetMappedArray(*mut CUarray, CUgraphicsResource, c_uint, c_uint);
    cuGraphicsResourceGetMappedMipmappedArray(*mut CUmipmappedArray, CUgraphicsResource);
    cuGraphicsResourceGetMappedPointer_v2(*mut CUdeviceptr, *mut usize, CUgraphicsResource);
    cuGraphicsResourceSetMapFlags_v2(CUgraphicsResource, c_uint);
    cuGraphicsMapResources(c_uint, *mut CUgraphicsResource, CUstream);
    cuGraphicsUnmapResources(c_uint, *mut CUgraphicsResource, CUstream);

    // Function lookup and the profiler.
    cuGetProcAddress(*const c_char, *mut *mut c_void, c_int, cuuint64_t)
        => sim::entry_point::address;
    cuGetExportTable(*mut *const c_void, *const CUuuid) => sim::entry_point::export_table;
    cuProfilerInitialize(*const c_char, *const c_char, CUoutput_mode);
    cuProfilerStart() => sim::profiler::switch;
    cuProfilerStop() => sim::profiler::switch;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::process::Command;

    use super::NAMES;

    /// Runs a program to its end and returns what it printed.
    fn output(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("the output is UTF-8")
    }

    /// `cust_raw`'s functions, read from its source, which cargo is asked for.
    fn declared() -> BTreeSet<String> {
        // Without a platform cargo also wants the sources of packages that were never needed here.
        let rustc = output("rustc", &["-vV"]);
        let host = rustc
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .expect("rustc names its host");
        let metadata = output(
            env!("CARGO"),
            &[
                "metadata",
                "--format-version=1",
                "--offline",
                concat!(
                    "--manifest-path=",
                    env!("CARGO_MANIFEST_DIR"),
                    "/Cargo.toml"
                ),
                &format!("--filter-platform={host}"),
            ],
        );
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).expect("cargo prints JSON");
        let manifest = metadata["packages"]
            .as_array()
            .expect("cargo lists packages")
            .iter()
            .find(|package| package["name"] == "cust_raw")
            .and_then(|package| package["manifest_path"].as_str())
            .expect("cust_raw is among the packages");
        let source = Path::new(manifest).with_file_name("src").join("cuda.rs");
        std::fs::read_to_string(source)
            .expect("cust_raw's source is readable")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub fn cu"))
            .map(|rest| format!("cu{}", rest.split_once('(').expect("a list of arguments").0))
            .collect()
    }

    #[test]
    fn every_function_that_cust_raw_declares_is_defined() {
        // These two are answered in `result.rs` instead of being forwarded.
        let defined: BTreeSet<String> = (NAMES.iter().copied())
            .chain(["cuGetErrorName", "cuGetErrorString"])
            .map(str::to_owned)
            .collect();
        assert!(defined.contains("cuLaunchKernel"));
        assert_eq!(defined, declared());
    }
}
