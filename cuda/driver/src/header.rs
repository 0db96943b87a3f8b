//! Types of CUDA's header that `cust_raw` does not declare, or with an enum in a place where a caller
//! may have any number.

use std::ffi::{c_int, c_uchar, c_uint, c_ulonglong, c_void};

use cust_raw::{CUcontext, CUexecAffinityParam, CUfunction, CUgraphNode, CUstream};

/// What handles point to, of which nobody knows anything.
macro_rules! opaque {
    ($($(#[$attribute:meta])* $name:ident = $target:ident;)*) => {
        $(
            /// Opaque.
            #[allow(non_camel_case_types)]
            #[repr(C)]
            pub(crate) struct $target([c_uchar; 0]);

            $(#[$attribute])*
            pub(crate) type $name = *mut $target;
        )*
    };
}

opaque! {
    /// A library, as `cuLibraryLoadData` loads it.
    CUlibrary = CUlib_st;
    /// A kernel of a library, which is of no context.
    CUkernel = CUkern_st;
    /// A context with a part of the device's multiprocessors.
    CUgreenCtx = CUgreenCtx_st;
}

/// `CUmemLocation`: where memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Location {
    /// `CU_MEM_LOCATION_TYPE_*`
    pub(crate) kind: c_uint,
    /// The device's number, or the node's of the host's memory.
    pub(crate) id: c_int,
}

/// `CUlaunchConfig`: a launch, but for the kernel and its arguments.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct LaunchConfig {
    pub(crate) grid: [c_uint; 3],
    pub(crate) block: [c_uint; 3],
    pub(crate) dynamic_shared: c_uint,
    pub(crate) stream: CUstream,
    pub(crate) attributes: *const LaunchAttribute,
    pub(crate) n_attributes: c_uint,
}

/// `CUlaunchAttribute`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct LaunchAttribute {
    /// `CU_LAUNCH_ATTRIBUTE_*`
    pub(crate) id: c_uint,
    pub(crate) padding: c_uint,
    /// A union of 64 bytes, by the attribute.
    pub(crate) value: LaunchValue,
}

/// `CUlaunchAttributeValue`, as the numbers that its members begin with.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct LaunchValue(pub(crate) [c_uint; 16]);

/// `CUctxCreateParams`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct ContextParameters {
    pub(crate) affinities: *mut CUexecAffinityParam,
    pub(crate) n_affinities: c_int,
    pub(crate) graphics: *mut c_void,
}

/// `CUgraphEdgeData`; all zero is a full dependency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct EdgeData(pub(crate) [c_uchar; 8]);

/// `CUDA_KERNEL_NODE_PARAMS_v2`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct KernelNodeParameters {
    pub(crate) function: CUfunction,
    pub(crate) grid: [c_uint; 3],
    pub(crate) block: [c_uint; 3],
    pub(crate) dynamic_shared: c_uint,
    pub(crate) parameters: *mut *mut c_void,
    pub(crate) extra: *mut *mut c_void,
    pub(crate) kernel: CUkernel,
    pub(crate) context: CUcontext,
}

/// `CUgraphNodeParams`: a type and a union of the parameters of all types.
#[repr(C)]
pub(crate) struct NodeParameters {
    /// `CU_GRAPH_NODE_TYPE_*`
    pub(crate) kind: c_uint,
    pub(crate) reserved: [c_int; 3],
    pub(crate) value: [u64; 29],
    pub(crate) last: u64,
}

/// `CUDA_GRAPH_INSTANTIATE_PARAMS`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct InstantiateParameters {
    pub(crate) flags: c_ulonglong,
    pub(crate) upload_stream: CUstream,
    pub(crate) error_node: CUgraphNode,
    /// `CUDA_GRAPH_INSTANTIATE_*`
    pub(crate) result: c_uint,
}

/// `CUgraphExecUpdateResultInfo`
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct UpdateResult {
    /// `CU_GRAPH_EXEC_UPDATE_*`
    pub(crate) result: c_uint,
    pub(crate) error_node: CUgraphNode,
    pub(crate) error_from_node: CUgraphNode,
}

// The sizes that C compilers give them on 64-bit platforms.
const _: () = {
    assert!(size_of::<Location>() == 8);
    assert!(size_of::<LaunchConfig>() == 56);
    assert!(size_of::<LaunchAttribute>() == 72);
    assert!(size_of::<ContextParameters>() == 24);
    assert!(size_of::<KernelNodeParameters>() == 72);
    assert!(size_of::<NodeParameters>() == 256);
    assert!(size_of::<InstantiateParameters>() == 32);
    assert!(size_of::<UpdateResult>() == 24);
};
