//! The `cu*` functions of CUDA 13.5's header that `cust_raw` does not declare: newer ones, and those of
//! before CUDA 3.2 and 4.0 that newer ones of the same names replaced, whose sizes and addresses have 32
//! bits.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_ulonglong, c_ushort, c_void};

use cust_raw::*;
use libloading::Library;

use crate::forward::Passed;
use crate::header::*;
use crate::{result, sim};

functions! {
    undeclared from header;
    cuDeviceGetHostAtomicCapabilities(*mut c_uint, *const c_uint, c_uint, CUdevice);
    cuCtxCreate_v4(*mut CUcontext, *mut ContextParameters, c_uint, CUdevice)
        => sim::context::create_with_parameters;
    cuCtxGetDevice_v2(*mut CUdevice, CUcontext) => sim::context::get_device_of;
    cuCtxSetFlags(c_uint) => sim::context::set_flags;
    cuCtxGetId(CUcontext, *mut c_ulonglong) => sim::context::get_id;
    cuCtxSynchronize_v2(CUcontext) => sim::context::synchronize_one;
    cuCtxRecordEvent(CUcontext, CUevent) => sim::context::record_event;
    cuCtxWaitEvent(CUcontext, CUevent) => sim::context::wait_event;
    cuModuleGetLoadingMode(*mut c_uint) => sim::module::loading_mode;
    cuModuleGetFunctionCount(*mut c_uint, CUmodule) => sim::module::function_count;
    cuModuleEnumerateFunctions(*mut CUfunction, c_uint, CUmodule)
        => sim::module::enumerate_functions;
    cuLibraryLoadData(
        *mut CUlibrary, *const c_void, *mut CUjit_option, *mut *mut c_void, c_uint,
        *mut c_uint, *mut *mut c_void, c_uint
    ) => sim::library::load_data;
    cuLibraryLoadFromFile(
        *mut CUlibrary, *const c_char, *mut CUjit_option, *mut *mut c_void, c_uint,
        *mut c_uint, *mut *mut c_void, c_uint
    ) => sim::library::load_from_file;
    cuLibraryUnload(CUlibrary) => sim::library::unload;
    cuLibraryGetKernel(*mut CUkernel, CUlibrary, *const c_char) => sim::library::get_kernel;
    cuLibraryGetKernelCount(*mut c_uint, CUlibrary) => sim::library::kernel_count;
    cuLibraryEnumerateKernels(*mut CUkernel, c_uint, CUlibrary) => sim::library::enumerate_kernels;
    cuLibraryGetModule(*mut CUmodule, CUlibrary) => sim::library::get_module;
    cuKernelGetFunction(*mut CUfunction, CUkernel) => sim::library::kernel_function;
    cuKernelGetLibrary(*mut CUlibrary, CUkernel) => sim::library::kernel_library;
    cuLibraryGetGlobal(*mut CUdeviceptr, *mut usize, CUlibrary, *const c_char)
        => sim::library::get_global;
    cuLibraryGetManaged(*mut CUdeviceptr, *mut usize, CUlibrary, *const c_char)
        => sim::library::get_managed;
    cuLibraryGetUnifiedFunction(*mut *mut c_void, CUlibrary, *const c_char);
    cuKernelGetAttribute(*mut c_int, CUfunction_attribute, CUkernel, CUdevice)
        => sim::library::kernel_attribute;
    cuKernelSetAttribute(CUfunction_attribute, c_int, CUkernel, CUdevice)
        => sim::library::set_kernel_attribute;
    cuKernelSetCacheConfig(CUkernel, CUfunc_cache, CUdevice)
        => sim::library::set_kernel_cache_config;
    cuKernelGetName(*mut *const c_char, CUkernel) => sim::library::kernel_name;
    cuKernelGetParamInfo(CUkernel, usize, *mut usize, *mut usize) => sim::library::kernel_parameter;
    cuKernelGetParamCount(CUkernel, *mut usize) => sim::library::kernel_parameter_count;
    cuDeviceRegisterAsyncNotification(CUdevice, *mut c_void, *mut c_void, *mut *mut c_void);
    cuDeviceUnregisterAsyncNotification(CUdevice, *mut c_void);
    cuArrayGetMemoryRequirements(*mut c_void, CUarray, CUdevice);
    cuMipmappedArrayGetMemoryRequirements(*mut c_void, CUmipmappedArray, CUdevice);
    cuMemGetHandleForAddressRange(*mut c_void, CUdeviceptr, usize, c_uint, c_ulonglong);
    cuMemGetDefaultMemPool(*mut CUmemoryPool, *mut Location, CUmemAllocationType)
        => sim::pool::get_default_of;
    cuMemGetMemPool(*mut CUmemoryPool, *mut Location, CUmemAllocationType) => sim::pool::get_of;
    cuMemSetMemPool(*mut Location, CUmemAllocationType, CUmemoryPool) => sim::pool::set_of;
    cuMulticastCreate(*mut CUmemGenericAllocationHandle, *const c_void);
    cuMulticastAddDevice(CUmemGenericAllocationHandle, CUdevice);
    cuMulticastBindMem(
        CUmemGenericAllocationHandle, usize, CUmemGenericAllocationHandle, usize, usize,
        c_ulonglong
    );
    cuMulticastBindMem_v2(
        CUmemGenericAllocationHandle, CUdevice, usize, CUmemGenericAllocationHandle, usize,
        usize, c_ulonglong
    );
    cuMulticastBindAddr(CUmemGenericAllocationHandle, usize, CUdeviceptr, usize, c_ulonglong);
    cuMulticastBindAddr_v2(
        CUmemGenericAllocationHandle, CUdevice, usize, CUdeviceptr, usize, c_ulonglong
    );
    cuMulticastUnbind(CUmemGenericAllocationHandle, CUdevice, usize, usize);
    cuMulticastGetGranularity(*mut usize, *const c_void, c_uint);
    cuDeviceGetFabricClusterUuid(*mut CUuuid, CUdevice);
    cuDeviceGetCliqueCount(*mut usize, CUdevice);
    cuDeviceGetCliqueInfo(*mut c_void, *mut usize, CUdevice);
    cuLogicalEndpointIdReserve(*mut c_uint, cuuint32_t);
    cuLogicalEndpointIdRelease(c_uint, cuuint32_t);
    cuLogicalEndpointCreate(c_uint, *const c_void);
    cuLogicalEndpointAddDevice(c_uint, CUdevice);
    cuLogicalEndpointDestroy(c_uint);
    cuLogicalEndpointBindAddr(c_uint, CUdevice, cuuint64_t, *mut c_void, cuuint64_t, c_ulonglong);
    cuLogicalEndpointBindMem(
        c_uint, CUdevice, cuuint64_t, CUmemGenericAllocationHandle, cuuint64_t, cuuint64_t,
        c_ulonglong
    );
    cuLogicalEndpointUnbind(c_uint, CUdevice, cuuint64_t, cuuint64_t);
    cuLogicalEndpointExport(*mut c_void, c_uint, c_uint);
    cuLogicalEndpointImport(c_uint, *const c_void, c_uint);
    cuLogicalEndpointGetLimits(*mut cuuint64_t, *mut cuuint64_t, *const c_void);
    cuLogicalEndpointQuery(c_uint, cuuint32_t, *mut c_int);
    cuMemAdvise_v2(CUdeviceptr, usize, CUmem_advise, Location) => sim::pointer::advise_about;
    cuMemGetLocationInfo(CUdeviceptr, usize, usize, usize, *mut Location);
    cuEventElapsedTime_v2(*mut f32, CUevent, CUevent) => sim::event::elapsed;
    cuFuncGetName(*mut *const c_char, CUfunction) => sim::function::name;
    cuFuncGetParamInfo(CUfunction, usize, *mut usize, *mut usize) => sim::function::parameter;
    cuFuncGetParamCount(CUfunction, *mut usize) => sim::function::parameter_count;
    cuFuncIsLoaded(*mut c_uint, CUfunction) => sim::function::is_loaded;
    cuFuncLoad(CUfunction) => sim::function::load;
    cuGraphAddKernelNode_v2(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const KernelNodeParameters
    ) => sim::kernel_node::add_newer;
    cuGraphKernelNodeGetParams_v2(CUgraphNode, *mut KernelNodeParameters)
        => sim::kernel_node::get_newer;
    cuGraphKernelNodeSetParams_v2(CUgraphNode, *const KernelNodeParameters)
        => sim::kernel_node::set_newer;
    cuGraphAddBatchMemOpNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const c_void);
    cuGraphBatchMemOpNodeGetParams(CUgraphNode, *mut c_void);
    cuGraphBatchMemOpNodeSetParams(CUgraphNode, *const c_void);
    cuGraphExecBatchMemOpNodeSetParams(CUgraphExec, CUgraphNode, *const c_void);
    cuGraphNodeGetContainingGraph(CUgraphNode, *mut CUgraph)
        => sim::graph_parameters::containing_graph;
    cuGraphNodeGetLocalId(CUgraphNode, *mut c_uint) => sim::graph_parameters::node_id;
    cuGraphNodeGetToolsId(CUgraphNode, *mut c_ulonglong) => sim::graph_parameters::node_tools_id;
    cuGraphGetId(CUgraph, *mut c_uint) => sim::graph_parameters::graph_id;
    cuGraphExecGetId(CUgraphExec, *mut c_uint) => sim::graph_parameters::executable_id;
    cuGraphGetEdges_v2(CUgraph, *mut CUgraphNode, *mut CUgraphNode, *mut EdgeData, *mut usize)
        => sim::graph_parameters::edges;
    cuGraphNodeGetDependencies_v2(CUgraphNode, *mut CUgraphNode, *mut EdgeData, *mut usize)
        => sim::graph_parameters::dependencies;
    cuGraphNodeGetDependentNodes_v2(CUgraphNode, *mut CUgraphNode, *mut EdgeData, *mut usize)
        => sim::graph_parameters::dependent_nodes;
    cuGraphAddDependencies_v2(
        CUgraph, *const CUgraphNode, *const CUgraphNode, *const EdgeData, usize
    ) => sim::graph_parameters::add_dependencies;
    cuGraphRemoveDependencies_v2(
        CUgraph, *const CUgraphNode, *const CUgraphNode, *const EdgeData, usize
    ) => sim::graph_parameters::remove_dependencies;
    cuGraphExecGetFlags(CUgraphExec, *mut cuuint64_t) => sim::graph_parameters::flags;
    cuGraphExecKernelNodeSetParams_v2(CUgraphExec, CUgraphNode, *const KernelNodeParameters)
        => sim::kernel_node::set_executable;
    cuGraphNodeSetEnabled(CUgraphExec, CUgraphNode, c_uint) => sim::graph_parameters::set_enabled;
    cuGraphNodeGetEnabled(CUgraphExec, CUgraphNode, *mut c_uint)
        => sim::graph_parameters::get_enabled;
    cuGraphExecUpdate_v2(CUgraphExec, CUgraph, *mut UpdateResult) => sim::graph_parameters::update;
    cuGraphAddNode_v2(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, *const EdgeData, usize,
        *mut NodeParameters
    ) => sim::graph_parameters::add_node_with_edges;
    cuGraphAddNode_v3(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, *const EdgeData, usize,
        *mut NodeParameters
    ) => sim::graph_parameters::add_node_with_edges;
    cuGraphNodeSetParams(CUgraphNode, *mut NodeParameters) => sim::graph_parameters::set_node;
    cuGraphNodeSetParams_v2(CUgraphNode, *mut NodeParameters) => sim::graph_parameters::set_node;
    cuGraphNodeGetParams(CUgraphNode, *mut NodeParameters);
    cuGraphExecNodeSetParams(CUgraphExec, CUgraphNode, *mut NodeParameters)
        => sim::graph_parameters::set_executable_node;
    cuGraphConditionalHandleCreate(*mut c_ulonglong, CUgraph, CUcontext, c_uint, c_uint);
    cuOccupancyMaxPotentialClusterSize(*mut c_int, CUfunction, *const LaunchConfig)
        => sim::launch_config::max_potential_cluster_size;
    cuOccupancyMaxActiveClusters(*mut c_int, CUfunction, *const LaunchConfig)
        => sim::launch_config::max_active_clusters;
    cuTensorMapEncodeTiled(
        *mut c_void, c_uint, cuuint32_t, *mut c_void, *const cuuint64_t, *const cuuint64_t,
        *const cuuint32_t, *const cuuint32_t, c_uint, c_uint, c_uint, c_uint
    ) => sim::tensor_map::encode_tiled;
    cuTensorMapEncodeIm2col(
        *mut c_void, c_uint, cuuint32_t, *mut c_void, *const cuuint64_t, *const cuuint64_t,
        *const c_int, *const c_int, cuuint32_t, cuuint32_t, *const cuuint32_t, c_uint,
        c_uint, c_uint, c_uint
    ) => sim::tensor_map::encode_im2col;
    cuTensorMapEncodeIm2colWide(
        *mut c_void, c_uint, cuuint32_t, *mut c_void, *const cuuint64_t, *const cuuint64_t,
        c_int, c_int, cuuint32_t, cuuint32_t, *const cuuint32_t, c_uint, c_uint, c_uint,
        c_uint, c_uint
    );
    cuTensorMapReplaceAddress(*mut c_void, *mut c_void) => sim::tensor_map::replace_address;
    cuTensorMapSetAllocationClass(*mut c_void, c_uint, *mut c_uint);
    cuDeviceGetP2PAtomicCapabilities(*mut c_uint, *const c_uint, c_uint, CUdevice, CUdevice);
    cuGetProcAddress_v2(*const c_char, *mut *mut c_void, c_int, cuuint64_t, *mut c_uint)
        => sim::entry_point::address_with_status;
    cuCoredumpGetAttribute(c_uint, *mut c_void, *mut usize);
    cuCoredumpGetAttributeGlobal(c_uint, *mut c_void, *mut usize);
    cuCoredumpSetAttribute(c_uint, *mut c_void, *mut usize);
    cuCoredumpSetAttributeGlobal(c_uint, *mut c_void, *mut usize);
    cuCoredumpRegisterStartCallback(*mut c_void, *mut c_void, *mut *mut c_void);
    cuCoredumpRegisterCompleteCallback(*mut c_void, *mut c_void, *mut *mut c_void);
    cuCoredumpDeregisterStartCallback(*mut c_void);
    cuCoredumpDeregisterCompleteCallback(*mut c_void);
    cuGreenCtxCreate(*mut CUgreenCtx, *mut c_void, CUdevice, c_uint);
    cuGreenCtxDestroy(CUgreenCtx);
    cuCtxFromGreenCtx(*mut CUcontext, CUgreenCtx);
    cuDeviceGetDevResource(CUdevice, *mut c_void, c_uint);
    cuCtxGetDevResource(CUcontext, *mut c_void, c_uint);
    cuGreenCtxGetDevResource(CUgreenCtx, *mut c_void, c_uint);
    cuDevSmResourceSplitByCount(
        *mut c_void, *mut c_uint, *const c_void, *mut c_void, c_uint, c_uint
    );
    cuDevSmResourceSplit(*mut c_void, c_uint, *const c_void, *mut c_void, c_uint, *mut c_void);
    cuDevResourceGenerateDesc(*mut *mut c_void, *mut c_void, c_uint);
    cuGreenCtxRecordEvent(CUgreenCtx, CUevent);
    cuGreenCtxWaitEvent(CUgreenCtx, CUevent);
    cuStreamGetGreenCtx(CUstream, *mut CUgreenCtx) => sim::stream::green_context;
    cuGreenCtxStreamCreate(*mut CUstream, CUgreenCtx, c_uint, c_int);
    cuGreenCtxGetId(CUgreenCtx, *mut c_ulonglong);
    cuLogsRegisterCallback(*mut c_void, *mut c_void, *mut *mut c_void);
    cuLogsUnregisterCallback(*mut c_void);
    cuLogsCurrent(*mut c_uint, c_uint);
    cuLogsDumpToFile(*mut c_uint, *const c_char, c_uint);
    cuLogsDumpToMemory(*mut c_uint, *mut c_char, *mut usize, c_uint);
    cuMemHostRegister(*mut c_void, usize, c_uint) => sim::memory::register;
    cuGraphicsResourceSetMapFlags(CUgraphicsResource, c_uint);
    cuLinkCreate(c_uint, *mut CUjit_option, *mut *mut c_void, *mut CUlinkState)
        => sim::link::create;
    cuLinkAddData(
        CUlinkState, CUjitInputType, *mut c_void, usize, *const c_char, c_uint,
        *mut CUjit_option, *mut *mut c_void
    ) => sim::link::add_data;
    cuLinkAddFile(
        CUlinkState, CUjitInputType, *const c_char, c_uint, *mut CUjit_option, *mut
        *mut c_void
    ) => sim::link::add_file;
    cuTexRefSetAddress2D_v2(CUtexref, *const CUDA_ARRAY_DESCRIPTOR, CUdeviceptr, usize);
    cuDeviceTotalMem(*mut c_uint, CUdevice) => sim::old::total_memory;
    cuCtxCreate(*mut CUcontext, c_uint, CUdevice) => sim::context::create_old;
    cuModuleGetGlobal(*mut c_uint, *mut c_uint, CUmodule, *const c_char) => sim::old::global;
    cuMemGetInfo(*mut c_uint, *mut c_uint) => sim::old::info;
    cuMemAlloc(*mut c_uint, c_uint) => sim::old::allocate;
    cuMemAllocPitch(*mut c_uint, *mut c_uint, c_uint, c_uint, c_uint) => sim::old::allocate_pitch;
    cuMemFree(c_uint) => sim::old::free;
    cuMemGetAddressRange(*mut c_uint, *mut c_uint, c_uint) => sim::old::address_range;
    cuMemAllocHost(*mut *mut c_void, c_uint) => sim::old::allocate_host;
    cuMemHostGetDevicePointer(*mut c_uint, *mut c_void, c_uint);
    cuMemcpyHtoD(c_uint, *const c_void, c_uint) => sim::old::to_device;
    cuMemcpyDtoH(*mut c_void, c_uint, c_uint) => sim::old::to_host;
    cuMemcpyDtoD(c_uint, c_uint, c_uint) => sim::old::on_device;
    cuMemcpyDtoA(CUarray, c_uint, c_uint, c_uint);
    cuMemcpyAtoD(c_uint, CUarray, c_uint, c_uint);
    cuMemcpyHtoA(CUarray, c_uint, *const c_void, c_uint);
    cuMemcpyAtoH(*mut c_void, CUarray, c_uint, c_uint);
    cuMemcpyAtoA(CUarray, c_uint, CUarray, c_uint, c_uint);
    cuMemcpyHtoAAsync(CUarray, c_uint, *const c_void, c_uint, CUstream);
    cuMemcpyAtoHAsync(*mut c_void, CUarray, c_uint, c_uint, CUstream);
    cuMemcpy2D(*const c_void);
    cuMemcpy2DUnaligned(*const c_void);
    cuMemcpy3D(*const c_void);
    cuMemcpyHtoDAsync(c_uint, *const c_void, c_uint, CUstream) => sim::old::to_device_async;
    cuMemcpyDtoHAsync(*mut c_void, c_uint, c_uint, CUstream) => sim::old::to_host_async;
    cuMemcpyDtoDAsync(c_uint, c_uint, c_uint, CUstream) => sim::old::on_device_async;
    cuMemcpy2DAsync(*const c_void, CUstream);
    cuMemcpy3DAsync(*const c_void, CUstream);
    cuMemsetD8(c_uint, c_uchar, c_uint) => sim::old::bytes;
    cuMemsetD16(c_uint, c_ushort, c_uint) => sim::old::halves;
    cuMemsetD32(c_uint, c_uint, c_uint) => sim::old::words;
    cuMemsetD2D8(c_uint, c_uint, c_uchar, c_uint, c_uint) => sim::old::byte_rows;
    cuMemsetD2D16(c_uint, c_uint, c_ushort, c_uint, c_uint) => sim::old::half_rows;
    cuMemsetD2D32(c_uint, c_uint, c_uint, c_uint, c_uint) => sim::old::word_rows;
    cuArrayCreate(*mut CUarray, *const c_void);
    cuArrayGetDescriptor(*mut c_void, CUarray);
    cuArray3DCreate(*mut CUarray, *const c_void);
    cuArray3DGetDescriptor(*mut c_void, CUarray);
    cuTexRefSetAddress(*mut c_uint, CUtexref, c_uint, c_uint);
    cuTexRefSetAddress2D(CUtexref, *const c_void, c_uint, c_uint);
    cuTexRefGetAddress(*mut c_uint, CUtexref);
    cuGraphicsResourceGetMappedPointer(*mut c_uint, *mut c_uint, CUgraphicsResource);
    cuCtxDestroy(CUcontext) => sim::context::destroy;
    cuCtxPopCurrent(*mut CUcontext) => sim::context::pop;
    cuCtxPushCurrent(CUcontext) => sim::context::push;
    cuStreamDestroy(CUstream) => sim::stream::destroy;
    cuEventDestroy(CUevent) => sim::event::destroy;
    cuDevicePrimaryCtxRelease(CUdevice) => sim::primary::release;
    cuDevicePrimaryCtxReset(CUdevice) => sim::primary::reset;
    cuDevicePrimaryCtxSetFlags(CUdevice, c_uint) => sim::primary::set_flags;
    cuMemcpyBatchAsync(
        *mut CUdeviceptr, *mut CUdeviceptr, *mut usize, usize, *mut c_void, *mut usize,
        usize, *mut usize, CUstream
    ) => sim::copy::batch_with_index;
    cuMemcpy3DBatchAsync(usize, *mut c_void, *mut usize, c_ulonglong, CUstream);
    cuMemcpyBatchAsync_v2(
        *mut CUdeviceptr, *mut CUdeviceptr, *mut usize, usize, *mut c_void, *mut usize,
        usize, CUstream
    ) => sim::copy::batch;
    cuMemcpy3DBatchAsync_v2(usize, *mut c_void, c_ulonglong, CUstream);
    cuMemcpyWithAttributesAsync(CUdeviceptr, CUdeviceptr, usize, *mut c_void, CUstream)
        => sim::copy::with_attributes;
    cuMemcpy3DWithAttributesAsync(*mut c_void, c_ulonglong, CUstream);
    cuStreamGetId(CUstream, *mut c_ulonglong) => sim::stream::id;
    cuStreamGetDevice(CUstream, *mut CUdevice) => sim::stream::device;
    cuStreamGetDevResource(CUstream, *mut c_void, c_uint);
    cuStreamGetCtx_v2(CUstream, *mut CUcontext, *mut CUgreenCtx) => sim::stream::context_or_green;
    cuLaunchKernelEx(*const LaunchConfig, CUfunction, *mut *mut c_void, *mut *mut c_void)
        => sim::launch_config::kernel;
    cuLaunchHostFunc_v2(CUstream, CUhostFn, *mut c_void, c_uint)
        => sim::launch::host_function_with_mode;
    cuStreamWriteValue32_v2(CUstream, CUdeviceptr, cuuint32_t, c_uint) => sim::value::write_word;
    cuStreamWaitValue32_v2(CUstream, CUdeviceptr, cuuint32_t, c_uint) => sim::value::wait_word;
    cuStreamWriteValue64_v2(CUstream, CUdeviceptr, cuuint64_t, c_uint)
        => sim::value::write_double_word;
    cuStreamWaitValue64_v2(CUstream, CUdeviceptr, cuuint64_t, c_uint)
        => sim::value::wait_double_word;
    cuStreamBatchMemOp_v2(CUstream, c_uint, *mut CUstreamBatchMemOpParams, c_uint)
        => sim::value::batch;
    cuMemPrefetchAsync_v2(CUdeviceptr, usize, Location, c_uint, CUstream)
        => sim::pointer::prefetch_to;
    cuMemPrefetchBatchAsync(
        *mut CUdeviceptr, *mut usize, usize, *mut Location, *mut usize, usize, c_ulonglong,
        CUstream
    );
    cuMemDiscardBatchAsync(*mut CUdeviceptr, *mut usize, usize, c_ulonglong, CUstream);
    cuMemDiscardAndPrefetchBatchAsync(
        *mut CUdeviceptr, *mut usize, usize, *mut Location, *mut usize, usize, c_ulonglong,
        CUstream
    );
    cuStreamBeginCapture(CUstream) => sim::capture::begin_global;
    cuStreamBeginCaptureToGraph(
        CUstream, CUgraph, *const CUgraphNode, *const EdgeData, usize, CUstreamCaptureMode
    ) => sim::graph_parameters::begin_capture;
    cuStreamBeginRecaptureToGraph(CUstream, CUstreamCaptureMode, CUgraph, *mut c_void, *mut c_void);
    cuFabricCpyBatchAsync(usize, *mut c_void, c_ulonglong, CUstream);
    cuStreamGetCaptureInfo_v3(
        CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t, *mut CUgraph, *mut
        *const CUgraphNode, *mut *const EdgeData, *mut usize
    ) => sim::graph_parameters::capture_info;
    cuGraphInstantiateWithParams(*mut CUgraphExec, CUgraph, *mut InstantiateParameters)
        => sim::graph_parameters::instantiate;
    cuGraphAddNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *mut NodeParameters)
        => sim::graph_parameters::add_node;
    cuIpcOpenMemHandle(*mut CUdeviceptr, CUipcMemHandle, c_uint);
    cuGraphInstantiate(*mut CUgraphExec, CUgraph, *mut CUgraphNode, *mut c_char, usize)
        => sim::graph_exec::instantiate;
    cuStreamUpdateCaptureDependencies_v2(
        CUstream, *mut CUgraphNode, *const EdgeData, usize, c_uint
    ) => sim::graph_parameters::update_capture;
    cuStreamBeginCaptureToCig(CUstream, *mut c_void);
    cuStreamEndCaptureToCig(CUstream);
    cuMemBatchDecompressAsync(*mut c_void, usize, c_uint, *mut usize, CUstream);
    cuCheckpointProcessGetRestoreThreadId(c_int, *mut c_int);
    cuCheckpointProcessGetState(c_int, *mut c_uint);
    cuCheckpointProcessLock(c_int, *mut c_void);
    cuCheckpointProcessCheckpoint(c_int, *mut c_void);
    cuCheckpointProcessRestore(c_int, *mut c_void);
    cuCheckpointOperationComplete(*mut c_void);
    cuCheckpointProcessUnlock(c_int, *mut c_void);
}
