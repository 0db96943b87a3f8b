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
    cuCtxCreate_v4(*mut CUcontext, *mut ContextParameters, c_uint, CUdevice);
    cuCtxGetDevice_v2(*mut CUdevice, CUcontext);
    cuCtxSetFlags(c_uint);
    cuCtxGetId(CUcontext, *mut c_ulonglong);
    cuCtxSynchronize_v2(CUcontext);
    cuCtxRecordEvent(CUcontext, CUevent);
    cuCtxWaitEvent(CUcontext, CUevent);
    cuModuleGetLoadingMode(*mut c_uint);
    cuModuleGetFunctionCount(*mut c_uint, CUmodule);
    cuModuleEnumerateFunctions(*mut CUfunction, c_uint, CUmodule);
    cuLibraryLoadData(
        *mut CUlibrary, *const c_void, *mut CUjit_option, *mut *mut c_void, c_uint,
        *mut c_uint, *mut *mut c_void, c_uint
    );
    cuLibraryLoadFromFile(
        *mut CUlibrary, *const c_char, *mut CUjit_option, *mut *mut c_void, c_uint,
        *mut c_uint, *mut *mut c_void, c_uint
    );
    cuLibraryUnload(CUlibrary);
    cuLibraryGetKernel(*mut CUkernel, CUlibrary, *const c_char);
    cuLibraryGetKernelCount(*mut c_uint, CUlibrary);
    cuLibraryEnumerateKernels(*mut CUkernel, c_uint, CUlibrary);
    cuLibraryGetModule(*mut CUmodule, CUlibrary);
    cuKernelGetFunction(*mut CUfunction, CUkernel);
    cuKernelGetLibrary(*mut CUlibrary, CUkernel);
    cuLibraryGetGlobal(*mut CUdeviceptr, *mut usize, CUlibrary, *const c_char);
    cuLibraryGetManaged(*mut CUdeviceptr, *mut usize, CUlibrary, *const c_char);
    cuLibraryGetUnifiedFunction(*mut *mut c_void, CUlibrary, *const c_char);
    cuKernelGetAttribute(*mut c_int, CUfunction_attribute, CUkernel, CUdevice);
    cuKernelSetAttribute(CUfunction_attribute, c_int, CUkernel, CUdevice);
    cuKernelSetCacheConfig(CUkernel, CUfunc_cache, CUdevice);
    cuKernelGetName(*mut *const c_char, CUkernel);
    cuKernelGetParamInfo(CUkernel, usize, *mut usize, *mut usize);
    cuKernelGetParamCount(CUkernel, *mut usize);
    cuDeviceRegisterAsyncNotification(CUdevice, *mut c_void, *mut c_void, *mut *mut c_void);
    cuDeviceUnregisterAsyncNotification(CUdevice, *mut c_void);
    cuArrayGetMemoryRequirements(*mut c_void, CUarray, CUdevice);
    cuMipmappedArrayGetMemoryRequirements(*mut c_void, CUmipmappedArray, CUdevice);
    cuMemGetHandleForAddressRange(*mut c_void, CUdeviceptr, usize, c_uint, c_ulonglong);
    cuMemGetDefaultMemPool(*mut CUmemoryPool, *mut Location, CUmemAllocationType);
    cuMemGetMemPool(*mut CUmemoryPool, *mut Location, CUmemAllocationType);
    cuMemSetMemPool(*mut Location, CUmemAllocationType, CUmemoryPool);
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
    cuMemAdvise_v2(CUdeviceptr, usize, CUmem_advise, Location);
    cuMemGetLocationInfo(CUdeviceptr, usize, usize, usize, *mut Location);
    cuEventElapsedTime_v2(*mut f32, CUevent, CUevent) => sim::event::elapsed;
    cuFuncGetName(*mut *const c_char, CUfunction);
    cuFuncGetParamInfo(CUfunction, usize, *mut usize, *mut usize);
    cuFuncGetParamCount(CUfunction, *mut usize);
    cuFuncIsLoaded(*mut c_uint, CUfunction);
    cuFuncLoad(CUfunction);
    cuGraphAddKernelNode_v2(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const KernelNodeParameters
    );
    cuGraphKernelNodeGetParams_v2(CUgraphNode, *mut KernelNodeParameters);
    cuGraphKernelNodeSetParams_v2(CUgraphNode, *const KernelNodeParameters);
    cuGraphAddBatchMemOpNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const c_void);
    cuGraphBatchMemOpNodeGetParams(CUgraphNode, *mut c_void);
    cuGraphBatchMemOpNodeSetParams(CUgraphNode, *const c_void);
    cuGraphExecBatchMemOpNodeSetParams(CUgraphExec, CUgraphNode, *const c_void);
    cuGraphNodeGetContainingGraph(CUgraphNode, *mut CUgraph);
    cuGraphNodeGetLocalId(CUgraphNode, *mut c_uint);
    cuGraphNodeGetToolsId(CUgraphNode, *mut c_ulonglong);
    cuGraphGetId(CUgraph, *mut c_uint);
    cuGraphExecGetId(CUgraphExec, *mut c_uint);
    cuGraphGetEdges_v2(CUgraph, *mut CUgraphNode, *mut CUgraphNode, *mut EdgeData, *mut usize);
    cuGraphNodeGetDependencies_v2(CUgraphNode, *mut CUgraphNode, *mut EdgeData, *mut usize);
    cuGraphNodeGetDependentNodes_v2(CUgraphNode, *mut CUgraphNode, *mut EdgeData, *mut usize);
    cuGraphAddDependencies_v2(
        CUgraph, *const CUgraphNode, *const CUgraphNode, *const EdgeData, usize
    );
    cuGraphRemoveDependencies_v2(
        CUgraph, *const CUgraphNode, *const CUgraphNode, *const EdgeData, usize
    );
    cuGraphExecGetFlags(CUgraphExec, *mut cuuint64_t);
    cuGraphExecKernelNodeSetParams_v2(CUgraphExec, CUgraphNode, *const KernelNodeParameters);
    cuGraphNodeSetEnabled(CUgraphExec, CUgraphNode, c_uint);
    cuGraphNodeGetEnabled(CUgraphExec, CUgraphNode, *mut c_uint);
    cuGraphExecUpdate_v2(CUgraphExec, CUgraph, *mut UpdateResult);
    cuGraphAddNode_v2(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, *const EdgeData, usize,
        *mut NodeParameters
    );
    cuGraphAddNode_v3(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, *const EdgeData, usize,
        *mut NodeParameters
    );
    cuGraphNodeSetParams(CUgraphNode, *mut NodeParameters);
    cuGraphNodeSetParams_v2(CUgraphNode, *mut NodeParameters);
    cuGraphNodeGetParams(CUgraphNode, *mut NodeParameters);
    cuGraphExecNodeSetParams(CUgraphExec, CUgraphNode, *mut NodeParameters);
    cuGraphConditionalHandleCreate(*mut c_ulonglong, CUgraph, CUcontext, c_uint, c_uint);
    cuOccupancyMaxPotentialClusterSize(*mut c_int, CUfunction, *const LaunchConfig);
    cuOccupancyMaxActiveClusters(*mut c_int, CUfunction, *const LaunchConfig);
    cuTensorMapEncodeTiled(
        *mut c_void, c_uint, cuuint32_t, *mut c_void, *const cuuint64_t, *const cuuint64_t,
        *const cuuint32_t, *const cuuint32_t, c_uint, c_uint, c_uint, c_uint
    );
    cuTensorMapEncodeIm2col(
        *mut c_void, c_uint, cuuint32_t, *mut c_void, *const cuuint64_t, *const cuuint64_t,
        *const c_int, *const c_int, cuuint32_t, cuuint32_t, *const cuuint32_t, c_uint,
        c_uint, c_uint, c_uint
    );
    cuTensorMapEncodeIm2colWide(
        *mut c_void, c_uint, cuuint32_t, *mut c_void, *const cuuint64_t, *const cuuint64_t,
        c_int, c_int, cuuint32_t, cuuint32_t, *const cuuint32_t, c_uint, c_uint, c_uint,
        c_uint, c_uint
    );
    cuTensorMapReplaceAddress(*mut c_void, *mut c_void);
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
    cuStreamGetGreenCtx(CUstream, *mut CUgreenCtx);
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
    cuDeviceTotalMem(*mut c_uint, CUdevice);
    cuCtxCreate(*mut CUcontext, c_uint, CUdevice);
    cuModuleGetGlobal(*mut c_uint, *mut c_uint, CUmodule, *const c_char);
    cuMemGetInfo(*mut c_uint, *mut c_uint);
    cuMemAlloc(*mut c_uint, c_uint);
    cuMemAllocPitch(*mut c_uint, *mut c_uint, c_uint, c_uint, c_uint);
    cuMemFree(c_uint);
    cuMemGetAddressRange(*mut c_uint, *mut c_uint, c_uint);
    cuMemAllocHost(*mut *mut c_void, c_uint);
    cuMemHostGetDevicePointer(*mut c_uint, *mut c_void, c_uint);
    cuMemcpyHtoD(c_uint, *const c_void, c_uint);
    cuMemcpyDtoH(*mut c_void, c_uint, c_uint);
    cuMemcpyDtoD(c_uint, c_uint, c_uint);
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
    cuMemcpyHtoDAsync(c_uint, *const c_void, c_uint, CUstream);
    cuMemcpyDtoHAsync(*mut c_void, c_uint, c_uint, CUstream);
    cuMemcpyDtoDAsync(c_uint, c_uint, c_uint, CUstream);
    cuMemcpy2DAsync(*const c_void, CUstream);
    cuMemcpy3DAsync(*const c_void, CUstream);
    cuMemsetD8(c_uint, c_uchar, c_uint);
    cuMemsetD16(c_uint, c_ushort, c_uint);
    cuMemsetD32(c_uint, c_uint, c_uint);
    cuMemsetD2D8(c_uint, c_uint, c_uchar, c_uint, c_uint);
    cuMemsetD2D16(c_uint, c_uint, c_ushort, c_uint, c_uint);
    cuMemsetD2D32(c_uint, c_uint, c_uint, c_uint, c_uint);
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
    );
    cuMemcpy3DBatchAsync(usize, *mut c_void, *mut usize, c_ulonglong, CUstream);
    cuMemcpyBatchAsync_v2(
        *mut CUdeviceptr, *mut CUdeviceptr, *mut usize, usize, *mut c_void, *mut usize,
        usize, CUstream
    );
    cuMemcpy3DBatchAsync_v2(usize, *mut c_void, c_ulonglong, CUstream);
    cuMemcpyWithAttributesAsync(CUdeviceptr, CUdeviceptr, usize, *mut c_void, CUstream);
    cuMemcpy3DWithAttributesAsync(*mut c_void, c_ulonglong, CUstream);
    cuStreamGetId(CUstream, *mut c_ulonglong);
    cuStreamGetDevice(CUstream, *mut CUdevice);
    cuStreamGetDevResource(CUstream, *mut c_void, c_uint);
    cuStreamGetCtx_v2(CUstream, *mut CUcontext, *mut CUgreenCtx);
    cuLaunchKernelEx(*const LaunchConfig, CUfunction, *mut *mut c_void, *mut *mut c_void);
    cuLaunchHostFunc_v2(CUstream, CUhostFn, *mut c_void, c_uint);
    cuStreamWriteValue32_v2(CUstream, CUdeviceptr, cuuint32_t, c_uint);
    cuStreamWaitValue32_v2(CUstream, CUdeviceptr, cuuint32_t, c_uint);
    cuStreamWriteValue64_v2(CUstream, CUdeviceptr, cuuint64_t, c_uint);
    cuStreamWaitValue64_v2(CUstream, CUdeviceptr, cuuint64_t, c_uint);
    cuStreamBatchMemOp_v2(CUstream, c_uint, *mut CUstreamBatchMemOpParams, c_uint);
    cuMemPrefetchAsync_v2(CUdeviceptr, usize, Location, c_uint, CUstream);
    cuMemPrefetchBatchAsync(
        *mut CUdeviceptr, *mut usize, usize, *mut Location, *mut usize, usize, c_ulonglong,
        CUstream
    );
    cuMemDiscardBatchAsync(*mut CUdeviceptr, *mut usize, usize, c_ulonglong, CUstream);
    cuMemDiscardAndPrefetchBatchAsync(
        *mut CUdeviceptr, *mut usize, usize, *mut Location, *mut usize, usize, c_ulonglong,
        CUstream
    );
    cuStreamBeginCapture(CUstream);
    cuStreamBeginCaptureToGraph(
        CUstream, CUgraph, *const CUgraphNode, *const EdgeData, usize, CUstreamCaptureMode
    );
    cuStreamBeginRecaptureToGraph(CUstream, CUstreamCaptureMode, CUgraph, *mut c_void, *mut c_void);
    cuFabricCpyBatchAsync(usize, *mut c_void, c_ulonglong, CUstream);
    cuStreamGetCaptureInfo_v3(
        CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t, *mut CUgraph, *mut
        *const CUgraphNode, *mut *const EdgeData, *mut usize
    );
    cuGraphInstantiateWithParams(*mut CUgraphExec, CUgraph, *mut InstantiateParameters);
    cuGraphAddNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *mut NodeParameters);
    cuIpcOpenMemHandle(*mut CUdeviceptr, CUipcMemHandle, c_uint);
    cuGraphInstantiate(*mut CUgraphExec, CUgraph, *mut CUgraphNode, *mut c_char, usize)
        => sim::graph_exec::instantiate;
    cuStreamUpdateCaptureDependencies_v2(
        CUstream, *mut CUgraphNode, *const EdgeData, usize, c_uint
    );
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
