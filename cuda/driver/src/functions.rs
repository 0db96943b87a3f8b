//! Every `cu*` function that `cust_raw` declares, forwarded to the driver.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_ulonglong, c_ushort, c_void};

use cust_raw::*;
use libloading::Library;

use crate::result::{self, CUresult};

/// Expands the table below into the struct of the driver's functions and into the functions of
/// the same names that `cust` links against.
macro_rules! functions {
    ($($name:ident($($type:ty),*);)*) => {
        /// The functions of a driver; `None` for one that it does not have.
        ///
        /// They return a plain number, because a driver may know more codes than [`CUresult`].
        #[allow(non_snake_case)]
        pub(crate) struct Functions {
            $(pub(crate) $name: Option<unsafe extern "C" fn($($type),*) -> u32>,)*
        }

        impl Functions {
            /// Looks all functions up.
            ///
            /// # Safety
            ///
            /// - Whatever `library` exports under the name of a `cu*` function has its signature.
            /// - `library` stays open as long as the result is used.
            pub(crate) unsafe fn load(library: &Library) -> Self {
                Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        // SAFETY: The caller vouches for the signature, which the `const` below
                        // checks against the declaration that callers see; an `Option` of a
                        // function has the layout of a pointer.
                        let function = unsafe { library.get(name.as_bytes()) };
                        function.ok().and_then(|function| *function)
                    },)*
                }
            }
        }

        $(
            const _: unsafe extern "C" fn($($type),*) -> CUresult = cust_raw::$name;
            forwarder!($name, (), (a b c d e f g h i j k), ($($type,)*));
        )*

        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

/// Defines one `cu*` function, after pairing its argument types with names, one in each step.
macro_rules! forwarder {
    ($name:ident, ($($argument:ident: $type:ty,)*), $names:tt, ()) => {
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> CUresult {
            result::of(|functions| {
                // SAFETY: The caller keeps the contract of the driver's function, which gets the
                // same arguments.
                functions.$name.map(|function| unsafe { function($($argument),*) })
            })
        }
    };
    (
        $name:ident, ($($argument:ident: $type:ty,)*), ($next:ident $($names:ident)*),
        ($next_type:ty, $($types:ty,)*)
    ) => {
        forwarder!($name, ($($argument: $type,)* $next: $next_type,), ($($names)*), ($($types,)*));
    };
}

functions! {
    // The driver and its devices.
    cuInit(c_uint);
    cuDriverGetVersion(*mut c_int);
    cuDeviceGet(*mut CUdevice, c_int);
    cuDeviceGetCount(*mut c_int);
    cuDeviceGetName(*mut c_char, c_int, CUdevice);
    cuDeviceGetUuid(*mut CUuuid, CUdevice);
    cuDeviceGetUuid_v2(*mut CUuuid, CUdevice);
    cuDeviceGetLuid(*mut c_char, *mut c_uint, CUdevice);
    cuDeviceTotalMem_v2(*mut usize, CUdevice);
    cuDeviceGetTexture1DLinearMaxWidth(*mut usize, CUarray_format, c_uint, CUdevice);
    cuDeviceGetAttribute(*mut c_int, CUdevice_attribute, CUdevice);
    cuDeviceGetNvSciSyncAttributes(*mut c_void, CUdevice, c_int);
    cuDeviceSetMemPool(CUdevice, CUmemoryPool);
    cuDeviceGetMemPool(*mut CUmemoryPool, CUdevice);
    cuDeviceGetDefaultMemPool(*mut CUmemoryPool, CUdevice);
    cuFlushGPUDirectRDMAWrites(CUflushGPUDirectRDMAWritesTarget, CUflushGPUDirectRDMAWritesScope);
    cuDeviceGetProperties(*mut CUdevprop, CUdevice);
    cuDeviceComputeCapability(*mut c_int, *mut c_int, CUdevice);

    // Contexts.
    cuDevicePrimaryCtxRetain(*mut CUcontext, CUdevice);
    cuDevicePrimaryCtxRelease_v2(CUdevice);
    cuDevicePrimaryCtxSetFlags_v2(CUdevice, c_uint);
    cuDevicePrimaryCtxGetState(CUdevice, *mut c_uint, *mut c_int);
    cuDevicePrimaryCtxReset_v2(CUdevice);
    cuDeviceGetExecAffinitySupport(*mut c_int, CUexecAffinityType, CUdevice);
    cuCtxCreate_v2(*mut CUcontext, c_uint, CUdevice);
    cuCtxCreate_v3(*mut CUcontext, *mut CUexecAffinityParam, c_int, c_uint, CUdevice);
    cuCtxDestroy_v2(CUcontext);
    cuCtxPushCurrent_v2(CUcontext);
    cuCtxPopCurrent_v2(*mut CUcontext);
    cuCtxSetCurrent(CUcontext);
    cuCtxGetCurrent(*mut CUcontext);
    cuCtxGetDevice(*mut CUdevice);
    cuCtxGetFlags(*mut c_uint);
    cuCtxSynchronize();
    cuCtxSetLimit(CUlimit, usize);
    cuCtxGetLimit(*mut usize, CUlimit);
    cuCtxGetCacheConfig(*mut CUfunc_cache);
    cuCtxSetCacheConfig(CUfunc_cache);
    cuCtxGetSharedMemConfig(*mut CUsharedconfig);
    cuCtxSetSharedMemConfig(CUsharedconfig);
    cuCtxGetApiVersion(CUcontext, *mut c_uint);
    cuCtxGetStreamPriorityRange(*mut c_int, *mut c_int);
    cuCtxResetPersistingL2Cache();
    cuCtxGetExecAffinity(*mut CUexecAffinityParam, CUexecAffinityType);
    cuCtxAttach(*mut CUcontext, c_uint);
    cuCtxDetach(CUcontext);

    // Modules and the linker.
    cuModuleLoad(*mut CUmodule, *const c_char);
    cuModuleLoadData(*mut CUmodule, *const c_void);
    cuModuleLoadDataEx(*mut CUmodule, *const c_void, c_uint, *mut CUjit_option, *mut *mut c_void);
    cuModuleLoadFatBinary(*mut CUmodule, *const c_void);
    cuModuleUnload(CUmodule);
    cuModuleGetFunction(*mut CUfunction, CUmodule, *const c_char);
    cuModuleGetGlobal_v2(*mut CUdeviceptr, *mut usize, CUmodule, *const c_char);
    cuModuleGetTexRef(*mut CUtexref, CUmodule, *const c_char);
    cuModuleGetSurfRef(*mut CUsurfref, CUmodule, *const c_char);
    cuLinkCreate_v2(c_uint, *mut CUjit_option, *mut *mut c_void, *mut CUlinkState);
    cuLinkAddData_v2(
        CUlinkState, CUjitInputType, *mut c_void, usize, *const c_char, c_uint, *mut CUjit_option,
        *mut *mut c_void
    );
    cuLinkAddFile_v2(
        CUlinkState, CUjitInputType, *const c_char, c_uint, *mut CUjit_option, *mut *mut c_void
    );
    cuLinkComplete(CUlinkState, *mut *mut c_void, *mut usize);
    cuLinkDestroy(CUlinkState);

    // Memory: allocation, copies, fills.
    cuMemGetInfo_v2(*mut usize, *mut usize);
    cuMemAlloc_v2(*mut CUdeviceptr, usize);
    cuMemAllocPitch_v2(*mut CUdeviceptr, *mut usize, usize, usize, c_uint);
    cuMemFree_v2(CUdeviceptr);
    cuMemGetAddressRange_v2(*mut CUdeviceptr, *mut usize, CUdeviceptr);
    cuMemAllocHost_v2(*mut *mut c_void, usize);
    cuMemFreeHost(*mut c_void);
    cuMemHostAlloc(*mut *mut c_void, usize, c_uint);
    cuMemHostGetDevicePointer_v2(*mut CUdeviceptr, *mut c_void, c_uint);
    cuMemHostGetFlags(*mut c_uint, *mut c_void);
    cuMemAllocManaged(*mut CUdeviceptr, usize, c_uint);
    cuDeviceGetByPCIBusId(*mut CUdevice, *const c_char);
    cuDeviceGetPCIBusId(*mut c_char, c_int, CUdevice);
    cuIpcGetEventHandle(*mut CUipcEventHandle, CUevent);
    cuIpcOpenEventHandle(*mut CUevent, CUipcEventHandle);
    cuIpcGetMemHandle(*mut CUipcMemHandle, CUdeviceptr);
    cuIpcOpenMemHandle_v2(*mut CUdeviceptr, CUipcMemHandle, c_uint);
    cuIpcCloseMemHandle(CUdeviceptr);
    cuMemHostRegister_v2(*mut c_void, usize, c_uint);
    cuMemHostUnregister(*mut c_void);
    cuMemcpy(CUdeviceptr, CUdeviceptr, usize);
    cuMemcpyPeer(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, usize);
    cuMemcpyHtoD_v2(CUdeviceptr, *const c_void, usize);
    cuMemcpyDtoH_v2(*mut c_void, CUdeviceptr, usize);
    cuMemcpyDtoD_v2(CUdeviceptr, CUdeviceptr, usize);
    cuMemcpyDtoA_v2(CUarray, usize, CUdeviceptr, usize);
    cuMemcpyAtoD_v2(CUdeviceptr, CUarray, usize, usize);
    cuMemcpyHtoA_v2(CUarray, usize, *const c_void, usize);
    cuMemcpyAtoH_v2(*mut c_void, CUarray, usize, usize);
    cuMemcpyAtoA_v2(CUarray, usize, CUarray, usize, usize);
    cuMemcpy2D_v2(*const CUDA_MEMCPY2D);
    cuMemcpy2DUnaligned_v2(*const CUDA_MEMCPY2D);
    cuMemcpy3D_v2(*const CUDA_MEMCPY3D);
    cuMemcpy3DPeer(*const CUDA_MEMCPY3D_PEER);
    cuMemcpyAsync(CUdeviceptr, CUdeviceptr, usize, CUstream);
    cuMemcpyPeerAsync(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, usize, CUstream);
    cuMemcpyHtoDAsync_v2(CUdeviceptr, *const c_void, usize, CUstream);
    cuMemcpyDtoHAsync_v2(*mut c_void, CUdeviceptr, usize, CUstream);
    cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, usize, CUstream);
    cuMemcpyHtoAAsync_v2(CUarray, usize, *const c_void, usize, CUstream);
    cuMemcpyAtoHAsync_v2(*mut c_void, CUarray, usize, usize, CUstream);
    cuMemcpy2DAsync_v2(*const CUDA_MEMCPY2D, CUstream);
    cuMemcpy3DAsync_v2(*const CUDA_MEMCPY3D, CUstream);
    cuMemcpy3DPeerAsync(*const CUDA_MEMCPY3D_PEER, CUstream);
    cuMemsetD8_v2(CUdeviceptr, c_uchar, usize);
    cuMemsetD16_v2(CUdeviceptr, c_ushort, usize);
    cuMemsetD32_v2(CUdeviceptr, c_uint, usize);
    cuMemsetD2D8_v2(CUdeviceptr, usize, c_uchar, usize, usize);
    cuMemsetD2D16_v2(CUdeviceptr, usize, c_ushort, usize, usize);
    cuMemsetD2D32_v2(CUdeviceptr, usize, c_uint, usize, usize);
    cuMemsetD8Async(CUdeviceptr, c_uchar, usize, CUstream);
    cuMemsetD16Async(CUdeviceptr, c_ushort, usize, CUstream);
    cuMemsetD32Async(CUdeviceptr, c_uint, usize, CUstream);
    cuMemsetD2D8Async(CUdeviceptr, usize, c_uchar, usize, usize, CUstream);
    cuMemsetD2D16Async(CUdeviceptr, usize, c_ushort, usize, usize, CUstream);
    cuMemsetD2D32Async(CUdeviceptr, usize, c_uint, usize, usize, CUstream);

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
    cuMemFreeAsync(CUdeviceptr, CUstream);
    cuMemAllocAsync(*mut CUdeviceptr, usize, CUstream);
    cuMemPoolTrimTo(CUmemoryPool, usize);
    cuMemPoolSetAttribute(CUmemoryPool, CUmemPool_attribute, *mut c_void);
    cuMemPoolGetAttribute(CUmemoryPool, CUmemPool_attribute, *mut c_void);
    cuMemPoolSetAccess(CUmemoryPool, *const CUmemAccessDesc, usize);
    cuMemPoolGetAccess(*mut CUmemAccess_flags, CUmemoryPool, *mut CUmemLocation);
    cuMemPoolCreate(*mut CUmemoryPool, *const CUmemPoolProps);
    cuMemPoolDestroy(CUmemoryPool);
    cuMemAllocFromPoolAsync(*mut CUdeviceptr, usize, CUmemoryPool, CUstream);
    cuMemPoolExportToShareableHandle(
        *mut c_void, CUmemoryPool, CUmemAllocationHandleType, c_ulonglong
    );
    cuMemPoolImportFromShareableHandle(
        *mut CUmemoryPool, *mut c_void, CUmemAllocationHandleType, c_ulonglong
    );
    cuMemPoolExportPointer(*mut CUmemPoolPtrExportData, CUdeviceptr);
    cuMemPoolImportPointer(*mut CUdeviceptr, CUmemoryPool, *mut CUmemPoolPtrExportData);

    // Unified memory.
    cuPointerGetAttribute(*mut c_void, CUpointer_attribute, CUdeviceptr);
    cuMemPrefetchAsync(CUdeviceptr, usize, CUdevice, CUstream);
    cuMemAdvise(CUdeviceptr, usize, CUmem_advise, CUdevice);
    cuMemRangeGetAttribute(*mut c_void, usize, CUmem_range_attribute, CUdeviceptr, usize);
    cuMemRangeGetAttributes(
        *mut *mut c_void, *mut usize, *mut CUmem_range_attribute, usize, CUdeviceptr, usize
    );
    cuPointerSetAttribute(*const c_void, CUpointer_attribute, CUdeviceptr);
    cuPointerGetAttributes(c_uint, *mut CUpointer_attribute, *mut *mut c_void, CUdeviceptr);

    // Streams.
    cuStreamCreate(*mut CUstream, c_uint);
    cuStreamCreateWithPriority(*mut CUstream, c_uint, c_int);
    cuStreamGetPriority(CUstream, *mut c_int);
    cuStreamGetFlags(CUstream, *mut c_uint);
    cuStreamGetCtx(CUstream, *mut CUcontext);
    cuStreamWaitEvent(CUstream, CUevent, c_uint);
    cuStreamAddCallback(CUstream, CUstreamCallback, *mut c_void, c_uint);
    cuStreamBeginCapture_v2(CUstream, CUstreamCaptureMode);
    cuThreadExchangeStreamCaptureMode(*mut CUstreamCaptureMode);
    cuStreamEndCapture(CUstream, *mut CUgraph);
    cuStreamIsCapturing(CUstream, *mut CUstreamCaptureStatus);
    cuStreamGetCaptureInfo(CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t);
    cuStreamGetCaptureInfo_v2(
        CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t, *mut CUgraph,
        *mut *const CUgraphNode, *mut usize
    );
    cuStreamUpdateCaptureDependencies(CUstream, *mut CUgraphNode, usize, c_uint);
    cuStreamAttachMemAsync(CUstream, CUdeviceptr, usize, c_uint);
    cuStreamQuery(CUstream);
    cuStreamSynchronize(CUstream);
    cuStreamDestroy_v2(CUstream);
    cuStreamCopyAttributes(CUstream, CUstream);
    cuStreamGetAttribute(CUstream, CUstreamAttrID, *mut CUstreamAttrValue);
    cuStreamSetAttribute(CUstream, CUstreamAttrID, *const CUstreamAttrValue);

    // Events.
    cuEventCreate(*mut CUevent, c_uint);
    cuEventRecord(CUevent, CUstream);
    cuEventRecordWithFlags(CUevent, CUstream, c_uint);
    cuEventQuery(CUevent);
    cuEventSynchronize(CUevent);
    cuEventDestroy_v2(CUevent);
    cuEventElapsedTime(*mut f32, CUevent, CUevent);

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
    cuStreamWaitValue32(CUstream, CUdeviceptr, cuuint32_t, c_uint);
    cuStreamWaitValue64(CUstream, CUdeviceptr, cuuint64_t, c_uint);
    cuStreamWriteValue32(CUstream, CUdeviceptr, cuuint32_t, c_uint);
    cuStreamWriteValue64(CUstream, CUdeviceptr, cuuint64_t, c_uint);
    cuStreamBatchMemOp(CUstream, c_uint, *mut CUstreamBatchMemOpParams, c_uint);

    // Kernels and their launch.
    cuFuncGetAttribute(*mut c_int, CUfunction_attribute, CUfunction);
    cuFuncSetAttribute(CUfunction, CUfunction_attribute, c_int);
    cuFuncSetCacheConfig(CUfunction, CUfunc_cache);
    cuFuncSetSharedMemConfig(CUfunction, CUsharedconfig);
    cuFuncGetModule(*mut CUmodule, CUfunction);
    cuLaunchKernel(
        CUfunction, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, CUstream,
        *mut *mut c_void, *mut *mut c_void
    );
    cuLaunchCooperativeKernel(
        CUfunction, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, CUstream,
        *mut *mut c_void
    );
    cuLaunchCooperativeKernelMultiDevice(*mut CUDA_LAUNCH_PARAMS, c_uint, c_uint);
    cuLaunchHostFunc(CUstream, CUhostFn, *mut c_void);
    cuFuncSetBlockShape(CUfunction, c_int, c_int, c_int);
    cuFuncSetSharedSize(CUfunction, c_uint);
    cuParamSetSize(CUfunction, c_uint);
    cuParamSeti(CUfunction, c_int, c_uint);
    cuParamSetf(CUfunction, c_int, f32);
    cuParamSetv(CUfunction, c_int, *mut c_void, c_uint);
    cuLaunch(CUfunction);
    cuLaunchGrid(CUfunction, c_int, c_int);
    cuLaunchGridAsync(CUfunction, c_int, c_int, CUstream);
    cuParamSetTexRef(CUfunction, c_int, CUtexref);

    // Graphs.
    cuGraphCreate(*mut CUgraph, c_uint);
    cuGraphAddKernelNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_KERNEL_NODE_PARAMS
    );
    cuGraphKernelNodeGetParams(CUgraphNode, *mut CUDA_KERNEL_NODE_PARAMS);
    cuGraphKernelNodeSetParams(CUgraphNode, *const CUDA_KERNEL_NODE_PARAMS);
    cuGraphAddMemcpyNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_MEMCPY3D, CUcontext
    );
    cuGraphMemcpyNodeGetParams(CUgraphNode, *mut CUDA_MEMCPY3D);
    cuGraphMemcpyNodeSetParams(CUgraphNode, *const CUDA_MEMCPY3D);
    cuGraphAddMemsetNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_MEMSET_NODE_PARAMS,
        CUcontext
    );
    cuGraphMemsetNodeGetParams(CUgraphNode, *mut CUDA_MEMSET_NODE_PARAMS);
    cuGraphMemsetNodeSetParams(CUgraphNode, *const CUDA_MEMSET_NODE_PARAMS);
    cuGraphAddHostNode(
        *mut CUgraphNode, CUgraph, *const CUgraphNode, usize, *const CUDA_HOST_NODE_PARAMS
    );
    cuGraphHostNodeGetParams(CUgraphNode, *mut CUDA_HOST_NODE_PARAMS);
    cuGraphHostNodeSetParams(CUgraphNode, *const CUDA_HOST_NODE_PARAMS);
    cuGraphAddChildGraphNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, CUgraph);
    cuGraphChildGraphNodeGetGraph(CUgraphNode, *mut CUgraph);
    cuGraphAddEmptyNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize);
    cuGraphAddEventRecordNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, CUevent);
    cuGraphEventRecordNodeGetEvent(CUgraphNode, *mut CUevent);
    cuGraphEventRecordNodeSetEvent(CUgraphNode, CUevent);
    cuGraphAddEventWaitNode(*mut CUgraphNode, CUgraph, *const CUgraphNode, usize, CUevent);
    cuGraphEventWaitNodeGetEvent(CUgraphNode, *mut CUevent);
    cuGraphEventWaitNodeSetEvent(CUgraphNode, CUevent);
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
    cuDeviceGraphMemTrim(CUdevice);
    cuDeviceGetGraphMemAttribute(CUdevice, CUgraphMem_attribute, *mut c_void);
    cuDeviceSetGraphMemAttribute(CUdevice, CUgraphMem_attribute, *mut c_void);
    cuGraphClone(*mut CUgraph, CUgraph);
    cuGraphNodeFindInClone(*mut CUgraphNode, CUgraphNode, CUgraph);
    cuGraphNodeGetType(CUgraphNode, *mut CUgraphNodeType);
    cuGraphGetNodes(CUgraph, *mut CUgraphNode, *mut usize);
    cuGraphGetRootNodes(CUgraph, *mut CUgraphNode, *mut usize);
    cuGraphGetEdges(CUgraph, *mut CUgraphNode, *mut CUgraphNode, *mut usize);
    cuGraphNodeGetDependencies(CUgraphNode, *mut CUgraphNode, *mut usize);
    cuGraphNodeGetDependentNodes(CUgraphNode, *mut CUgraphNode, *mut usize);
    cuGraphAddDependencies(CUgraph, *const CUgraphNode, *const CUgraphNode, usize);
    cuGraphRemoveDependencies(CUgraph, *const CUgraphNode, *const CUgraphNode, usize);
    cuGraphDestroyNode(CUgraphNode);
    cuGraphInstantiate_v2(*mut CUgraphExec, CUgraph, *mut CUgraphNode, *mut c_char, usize);
    cuGraphInstantiateWithFlags(*mut CUgraphExec, CUgraph, c_ulonglong);
    cuGraphExecKernelNodeSetParams(CUgraphExec, CUgraphNode, *const CUDA_KERNEL_NODE_PARAMS);
    cuGraphExecMemcpyNodeSetParams(CUgraphExec, CUgraphNode, *const CUDA_MEMCPY3D, CUcontext);
    cuGraphExecMemsetNodeSetParams(
        CUgraphExec, CUgraphNode, *const CUDA_MEMSET_NODE_PARAMS, CUcontext
    );
    cuGraphExecHostNodeSetParams(CUgraphExec, CUgraphNode, *const CUDA_HOST_NODE_PARAMS);
    cuGraphExecChildGraphNodeSetParams(CUgraphExec, CUgraphNode, CUgraph);
    cuGraphExecEventRecordNodeSetEvent(CUgraphExec, CUgraphNode, CUevent);
    cuGraphExecEventWaitNodeSetEvent(CUgraphExec, CUgraphNode, CUevent);
    cuGraphExecExternalSemaphoresSignalNodeSetParams(
        CUgraphExec, CUgraphNode, *const CUDA_EXT_SEM_SIGNAL_NODE_PARAMS
    );
    cuGraphExecExternalSemaphoresWaitNodeSetParams(
        CUgraphExec, CUgraphNode, *const CUDA_EXT_SEM_WAIT_NODE_PARAMS
    );
    cuGraphUpload(CUgraphExec, CUstream);
    cuGraphLaunch(CUgraphExec, CUstream);
    cuGraphExecDestroy(CUgraphExec);
    cuGraphDestroy(CUgraph);
    cuGraphExecUpdate(CUgraphExec, CUgraph, *mut CUgraphNode, *mut CUgraphExecUpdateResult);
    cuGraphKernelNodeCopyAttributes(CUgraphNode, CUgraphNode);
    cuGraphKernelNodeGetAttribute(CUgraphNode, CUkernelNodeAttrID, *mut CUkernelNodeAttrValue);
    cuGraphKernelNodeSetAttribute(CUgraphNode, CUkernelNodeAttrID, *const CUkernelNodeAttrValue);
    cuGraphDebugDotPrint(CUgraph, *const c_char, c_uint);
    cuUserObjectCreate(*mut CUuserObject, *mut c_void, CUhostFn, c_uint, c_uint);
    cuUserObjectRetain(CUuserObject, c_uint);
    cuUserObjectRelease(CUuserObject, c_uint);
    cuGraphRetainUserObject(CUgraph, CUuserObject, c_uint, c_uint);
    cuGraphReleaseUserObject(CUgraph, CUuserObject, c_uint);

    // Occupancy.
    cuOccupancyMaxActiveBlocksPerMultiprocessor(*mut c_int, CUfunction, c_int, usize);
    cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        *mut c_int, CUfunction, c_int, usize, c_uint
    );
    cuOccupancyMaxPotentialBlockSize(
        *mut c_int, *mut c_int, CUfunction, CUoccupancyB2DSize, usize, c_int
    );
    cuOccupancyMaxPotentialBlockSizeWithFlags(
        *mut c_int, *mut c_int, CUfunction, CUoccupancyB2DSize, usize, c_int, c_uint
    );
    cuOccupancyAvailableDynamicSMemPerBlock(*mut usize, CUfunction, c_int, c_int);

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
    cuDeviceCanAccessPeer(*mut c_int, CUdevice, CUdevice);
    cuCtxEnablePeerAccess(CUcontext, c_uint);
    cuCtxDisablePeerAccess(CUcontext);
    cuDeviceGetP2PAttribute(*mut c_int, CUdevice_P2PAttribute, CUdevice, CUdevice);

    // Graphics resources.
    cuGraphicsUnregisterResource(CUgraphicsResource);
    cuGraphicsSubResourceGetMappedArray(*mut CUarray, CUgraphicsResource, c_uint, c_uint);
    cuGraphicsResourceGetMappedMipmappedArray(*mut CUmipmappedArray, CUgraphicsResource);
    cuGraphicsResourceGetMappedPointer_v2(*mut CUdeviceptr, *mut usize, CUgraphicsResource);
    cuGraphicsResourceSetMapFlags_v2(CUgraphicsResource, c_uint);
    cuGraphicsMapResources(c_uint, *mut CUgraphicsResource, CUstream);
    cuGraphicsUnmapResources(c_uint, *mut CUgraphicsResource, CUstream);

    // Function lookup and the profiler.
    cuGetProcAddress(*const c_char, *mut *mut c_void, c_int, cuuint64_t);
    cuGetExportTable(*mut *const c_void, *const CUuuid);
    cuProfilerInitialize(*const c_char, *const c_char, CUoutput_mode);
    cuProfilerStart();
    cuProfilerStop();
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
