//! The variants of `cu*` functions for which the default stream is the calling thread's own: `_ptsz`
//! where a stream is given, `_ptds` where it is implied.

use std::ffi::{c_int, c_uchar, c_uint, c_ulonglong, c_ushort, c_void};

use cust_raw::*;
use libloading::Library;

use crate::forward::Passed;
use crate::header::*;
use crate::{result, sim};

functions! {
    per_thread from header;
    cuMemcpy_ptds(CUdeviceptr, CUdeviceptr, usize) => sim::copy::any;
    cuMemcpyPeer_ptds(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, usize) => sim::copy::peer;
    cuMemcpyHtoD_v2_ptds(CUdeviceptr, *const c_void, usize) => sim::copy::to_device;
    cuMemcpyDtoH_v2_ptds(*mut c_void, CUdeviceptr, usize) => sim::copy::to_host;
    cuMemcpyDtoD_v2_ptds(CUdeviceptr, CUdeviceptr, usize) => sim::copy::on_device;
    cuMemcpyDtoA_v2_ptds(CUarray, usize, CUdeviceptr, usize);
    cuMemcpyAtoD_v2_ptds(CUdeviceptr, CUarray, usize, usize);
    cuMemcpyHtoA_v2_ptds(CUarray, usize, *const c_void, usize);
    cuMemcpyAtoH_v2_ptds(*mut c_void, CUarray, usize, usize);
    cuMemcpyAtoA_v2_ptds(CUarray, usize, CUarray, usize, usize);
    cuMemcpy2D_v2_ptds(*const CUDA_MEMCPY2D) => sim::copy::flat;
    cuMemcpy2DUnaligned_v2_ptds(*const CUDA_MEMCPY2D) => sim::copy::flat;
    cuMemcpy3D_v2_ptds(*const CUDA_MEMCPY3D) => sim::copy::deep;
    cuMemcpy3DPeer_ptds(*const CUDA_MEMCPY3D_PEER) => sim::copy::deep_peer;
    cuMemcpyAsync_ptsz(CUdeviceptr, CUdeviceptr, usize, CUstream) => sim::copy::any_async;
    cuMemcpyPeerAsync_ptsz(CUdeviceptr, CUcontext, CUdeviceptr, CUcontext, usize, CUstream)
        => sim::copy::peer_async;
    cuMemcpyHtoDAsync_v2_ptsz(CUdeviceptr, *const c_void, usize, CUstream)
        => sim::copy::to_device_async;
    cuMemcpyDtoHAsync_v2_ptsz(*mut c_void, CUdeviceptr, usize, CUstream)
        => sim::copy::to_host_async;
    cuMemcpyDtoDAsync_v2_ptsz(CUdeviceptr, CUdeviceptr, usize, CUstream)
        => sim::copy::on_device_async;
    cuMemcpyHtoAAsync_v2_ptsz(CUarray, usize, *const c_void, usize, CUstream);
    cuMemcpyAtoHAsync_v2_ptsz(*mut c_void, CUarray, usize, usize, CUstream);
    cuMemcpy2DAsync_v2_ptsz(*const CUDA_MEMCPY2D, CUstream) => sim::copy::flat_async;
    cuMemcpy3DAsync_v2_ptsz(*const CUDA_MEMCPY3D, CUstream) => sim::copy::deep_async;
    cuMemcpy3DPeerAsync_ptsz(*const CUDA_MEMCPY3D_PEER, CUstream) => sim::copy::deep_peer_async;
    cuMemcpyBatchAsync_v2_ptsz(
        *mut CUdeviceptr, *mut CUdeviceptr, *mut usize, usize, *mut c_void, *mut usize,
        usize, CUstream
    ) => sim::copy::batch;
    cuMemcpy3DBatchAsync_v2_ptsz(usize, *mut c_void, c_ulonglong, CUstream);
    cuMemcpyWithAttributesAsync_ptsz(CUdeviceptr, CUdeviceptr, usize, *mut c_void, CUstream)
        => sim::copy::with_attributes;
    cuMemcpy3DWithAttributesAsync_ptsz(*mut c_void, c_ulonglong, CUstream);
    cuMemsetD8_v2_ptds(CUdeviceptr, c_uchar, usize) => sim::fill::bytes;
    cuMemsetD16_v2_ptds(CUdeviceptr, c_ushort, usize) => sim::fill::halves;
    cuMemsetD32_v2_ptds(CUdeviceptr, c_uint, usize) => sim::fill::words;
    cuMemsetD2D8_v2_ptds(CUdeviceptr, usize, c_uchar, usize, usize) => sim::fill::byte_rows;
    cuMemsetD2D16_v2_ptds(CUdeviceptr, usize, c_ushort, usize, usize) => sim::fill::half_rows;
    cuMemsetD2D32_v2_ptds(CUdeviceptr, usize, c_uint, usize, usize) => sim::fill::word_rows;
    cuMemsetD8Async_ptsz(CUdeviceptr, c_uchar, usize, CUstream) => sim::fill::bytes_async;
    cuMemsetD16Async_ptsz(CUdeviceptr, c_ushort, usize, CUstream) => sim::fill::halves_async;
    cuMemsetD32Async_ptsz(CUdeviceptr, c_uint, usize, CUstream) => sim::fill::words_async;
    cuMemsetD2D8Async_ptsz(CUdeviceptr, usize, c_uchar, usize, usize, CUstream)
        => sim::fill::byte_rows_async;
    cuMemsetD2D16Async_ptsz(CUdeviceptr, usize, c_ushort, usize, usize, CUstream)
        => sim::fill::half_rows_async;
    cuMemsetD2D32Async_ptsz(CUdeviceptr, usize, c_uint, usize, usize, CUstream)
        => sim::fill::word_rows_async;
    cuMemBatchDecompressAsync_ptsz(*mut c_void, usize, c_uint, *mut usize, CUstream);
    cuMemMapArrayAsync_ptsz(*mut CUarrayMapInfo, c_uint, CUstream);
    cuMemFreeAsync_ptsz(CUdeviceptr, CUstream) => sim::pool::free;
    cuMemAllocAsync_ptsz(*mut CUdeviceptr, usize, CUstream) => sim::pool::allocate;
    cuMemAllocFromPoolAsync_ptsz(*mut CUdeviceptr, usize, CUmemoryPool, CUstream)
        => sim::pool::allocate_from;
    cuFabricCpyBatchAsync_ptsz(usize, *mut c_void, c_ulonglong, CUstream);
    cuMemPrefetchAsync_v2_ptsz(CUdeviceptr, usize, Location, c_uint, CUstream)
        => sim::pointer::prefetch_to;
    cuMemPrefetchBatchAsync_ptsz(
        *mut CUdeviceptr, *mut usize, usize, *mut Location, *mut usize, usize, c_ulonglong,
        CUstream
    );
    cuMemDiscardBatchAsync_ptsz(*mut CUdeviceptr, *mut usize, usize, c_ulonglong, CUstream);
    cuMemDiscardAndPrefetchBatchAsync_ptsz(
        *mut CUdeviceptr, *mut usize, usize, *mut Location, *mut usize, usize, c_ulonglong,
        CUstream
    );
    cuStreamBeginCaptureToCig_ptsz(CUstream, *mut c_void);
    cuStreamEndCaptureToCig_ptsz(CUstream);
    cuStreamGetPriority_ptsz(CUstream, *mut c_int) => sim::stream::priority;
    cuStreamGetDevice_ptsz(CUstream, *mut CUdevice) => sim::stream::device;
    cuStreamGetFlags_ptsz(CUstream, *mut c_uint) => sim::stream::flags;
    cuStreamGetId_ptsz(CUstream, *mut c_ulonglong) => sim::stream::id;
    cuStreamGetCtx_ptsz(CUstream, *mut CUcontext) => sim::stream::context;
    cuStreamGetCtx_v2_ptsz(CUstream, *mut CUcontext, *mut CUgreenCtx)
        => sim::stream::context_or_green;
    cuStreamWaitEvent_ptsz(CUstream, CUevent, c_uint) => sim::event::wait;
    cuStreamAddCallback_ptsz(CUstream, CUstreamCallback, *mut c_void, c_uint)
        => sim::stream::add_callback;
    cuStreamBeginCapture_v2_ptsz(CUstream, CUstreamCaptureMode) => sim::capture::begin;
    cuStreamBeginRecaptureToGraph_ptsz(
        CUstream, CUstreamCaptureMode, CUgraph, *mut c_void, *mut c_void
    );
    cuStreamBeginCaptureToGraph_ptsz(
        CUstream, CUgraph, *const CUgraphNode, *const EdgeData, usize, CUstreamCaptureMode
    ) => sim::graph_parameters::begin_capture;
    cuStreamEndCapture_ptsz(CUstream, *mut CUgraph) => sim::capture::end;
    cuStreamIsCapturing_ptsz(CUstream, *mut CUstreamCaptureStatus) => sim::capture::is_capturing;
    cuStreamGetCaptureInfo_v3_ptsz(
        CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t, *mut CUgraph, *mut
        *const CUgraphNode, *mut *const EdgeData, *mut usize
    ) => sim::graph_parameters::capture_info;
    cuStreamUpdateCaptureDependencies_v2_ptsz(
        CUstream, *mut CUgraphNode, *const EdgeData, usize, c_uint
    ) => sim::graph_parameters::update_capture;
    cuStreamAttachMemAsync_ptsz(CUstream, CUdeviceptr, usize, c_uint) => sim::stream::attach;
    cuStreamQuery_ptsz(CUstream) => sim::stream::query;
    cuStreamSynchronize_ptsz(CUstream) => sim::stream::synchronize;
    cuStreamCopyAttributes_ptsz(CUstream, CUstream) => sim::stream::copy_attributes;
    cuStreamGetAttribute_ptsz(CUstream, CUstreamAttrID, *mut CUstreamAttrValue)
        => sim::stream::get_attribute;
    cuStreamSetAttribute_ptsz(CUstream, CUstreamAttrID, *const CUstreamAttrValue)
        => sim::stream::set_attribute;
    cuEventRecord_ptsz(CUevent, CUstream) => sim::event::record;
    cuEventRecordWithFlags_ptsz(CUevent, CUstream, c_uint) => sim::event::record_with_flags;
    cuSignalExternalSemaphoresAsync_ptsz(
        *const CUexternalSemaphore, *const CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS, c_uint,
        CUstream
    );
    cuWaitExternalSemaphoresAsync_ptsz(
        *const CUexternalSemaphore, *const CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS, c_uint,
        CUstream
    );
    cuStreamWaitValue32_v2_ptsz(CUstream, CUdeviceptr, cuuint32_t, c_uint) => sim::value::wait_word;
    cuStreamWaitValue64_v2_ptsz(CUstream, CUdeviceptr, cuuint64_t, c_uint)
        => sim::value::wait_double_word;
    cuStreamWriteValue32_v2_ptsz(CUstream, CUdeviceptr, cuuint32_t, c_uint)
        => sim::value::write_word;
    cuStreamWriteValue64_v2_ptsz(CUstream, CUdeviceptr, cuuint64_t, c_uint)
        => sim::value::write_double_word;
    cuStreamBatchMemOp_v2_ptsz(CUstream, c_uint, *mut CUstreamBatchMemOpParams, c_uint)
        => sim::value::batch;
    cuLaunchKernel_ptsz(
        CUfunction, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, CUstream,
        *mut *mut c_void, *mut *mut c_void
    ) => sim::launch::kernel;
    cuLaunchKernelEx_ptsz(*const LaunchConfig, CUfunction, *mut *mut c_void, *mut *mut c_void)
        => sim::launch_config::kernel;
    cuLaunchCooperativeKernel_ptsz(
        CUfunction, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, CUstream,
        *mut *mut c_void
    ) => sim::launch::cooperative_kernel;
    cuLaunchHostFunc_ptsz(CUstream, CUhostFn, *mut c_void) => sim::launch::host_function;
    cuLaunchHostFunc_v2_ptsz(CUstream, CUhostFn, *mut c_void, c_uint)
        => sim::launch::host_function_with_mode;
    cuGraphInstantiateWithParams_ptsz(*mut CUgraphExec, CUgraph, *mut InstantiateParameters)
        => sim::graph_parameters::instantiate;
    cuGraphUpload_ptsz(CUgraphExec, CUstream) => sim::graph_exec::upload;
    cuGraphLaunch_ptsz(CUgraphExec, CUstream) => sim::graph_exec::launch;
    cuGraphicsMapResources_ptsz(c_uint, *mut CUgraphicsResource, CUstream);
    cuGraphicsUnmapResources_ptsz(c_uint, *mut CUgraphicsResource, CUstream);
    cuStreamGetDevResource_ptsz(CUstream, *mut c_void, c_uint);
    cuMemcpyBatchAsync_ptsz(
        *mut CUdeviceptr, *mut CUdeviceptr, *mut usize, usize, *mut c_void, *mut usize,
        usize, *mut usize, CUstream
    ) => sim::copy::batch_with_index;
    cuMemcpy3DBatchAsync_ptsz(usize, *mut c_void, *mut usize, c_ulonglong, CUstream);
    cuStreamWriteValue32_ptsz(CUstream, CUdeviceptr, cuuint32_t, c_uint) => sim::value::write_word;
    cuStreamWaitValue32_ptsz(CUstream, CUdeviceptr, cuuint32_t, c_uint) => sim::value::wait_word;
    cuStreamWriteValue64_ptsz(CUstream, CUdeviceptr, cuuint64_t, c_uint)
        => sim::value::write_double_word;
    cuStreamWaitValue64_ptsz(CUstream, CUdeviceptr, cuuint64_t, c_uint)
        => sim::value::wait_double_word;
    cuStreamBatchMemOp_ptsz(CUstream, c_uint, *mut CUstreamBatchMemOpParams, c_uint)
        => sim::value::batch;
    cuMemPrefetchAsync_ptsz(CUdeviceptr, usize, CUdevice, CUstream) => sim::pointer::prefetch;
    cuStreamBeginCapture_ptsz(CUstream) => sim::capture::begin_global;
    cuStreamGetCaptureInfo_ptsz(CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t)
        => sim::capture::info;
    cuStreamGetCaptureInfo_v2_ptsz(
        CUstream, *mut CUstreamCaptureStatus, *mut cuuint64_t, *mut CUgraph, *mut
        *const CUgraphNode, *mut usize
    ) => sim::capture::info_with_graph;
    cuStreamUpdateCaptureDependencies_ptsz(CUstream, *mut CUgraphNode, usize, c_uint)
        => sim::capture::update_dependencies;
}
