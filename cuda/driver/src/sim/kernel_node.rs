//! The nodes of graphs that launch kernels: their parameters and attributes.

use std::ffi::{c_int, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{CUDA_KERNEL_NODE_PARAMS, CUgraphNode, CUkernelNodeAttrValue};

use super::argument::{Handle, In, Out};
use super::graph_node;
use super::launch::{KernelLaunch, Request};
use super::operation::Operation;
use super::refusal::{Answer, Refusal};
use super::session::Session;
use super::state::find_mut;
use crate::header::KernelNodeParameters;

/// Reads the description of a launch.
///
/// # Errors
///
/// As those of a launch.
pub(crate) fn read(
    session: &mut Session,
    parameters: In<CUDA_KERNEL_NODE_PARAMS>,
    cooperative: bool,
) -> Result<Operation, Refusal> {
    // SAFETY: The caller gives a description, which is numbers and pointers.
    let given = unsafe { parameters.as_ptr().read_unaligned() };
    let function = session.resolve(Handle(given.func.addr()))?;
    let request = Request {
        function,
        cluster: session.cluster_of(function, None)?,
        grid: [given.gridDimX, given.gridDimY, given.gridDimZ],
        block: [given.blockDimX, given.blockDimY, given.blockDimZ],
        dynamic_shared: given.sharedMemBytes,
        cooperative,
    };
    // SAFETY: The pointers are as those of a launch.
    let launch = unsafe { session.prepare(request, given.kernelParams, given.extra) }?;
    Ok(Operation::Kernel(launch))
}

/// Reads the description of a launch of CUDA 12, which names a kernel or a function.
pub(crate) fn read_newer(
    session: &mut Session,
    parameters: In<KernelNodeParameters>,
    cooperative: bool,
) -> Result<Operation, Refusal> {
    // SAFETY: The caller gives a description, which is numbers and pointers.
    let given = unsafe { parameters.as_ptr().read_unaligned() };
    let named = if given.function.is_null() {
        given.kernel.addr()
    } else {
        given.function.addr()
    };
    let function = session.resolve(Handle(named))?;
    let request = Request {
        function,
        cluster: session.cluster_of(function, None)?,
        grid: given.grid,
        block: given.block,
        dynamic_shared: given.dynamic_shared,
        cooperative,
    };
    // SAFETY: The pointers are as those of a launch.
    let launch = unsafe { session.prepare(request, given.parameters, given.extra) }?;
    Ok(Operation::Kernel(launch))
}

/// `cuGraphAddKernelNode_v2`
pub(crate) fn add_newer(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    parameters: In<KernelNodeParameters>,
) -> Answer {
    let operation = read_newer(session, parameters, false)?;
    graph_node::add(session, node, graph, dependencies, count, operation)
}

/// `cuGraphKernelNodeSetParams_v2`
pub(crate) fn set_newer(
    session: &mut Session,
    node: Handle,
    parameters: In<KernelNodeParameters>,
) -> Answer {
    let cooperative = launch_of(session, node)?.cooperative;
    let operation = read_newer(session, parameters, cooperative)?;
    graph_node::set(session, node, operation)
}

/// `cuGraphExecKernelNodeSetParams_v2`
pub(crate) fn set_executable(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    parameters: In<KernelNodeParameters>,
) -> Answer {
    // The node's graph may be gone by now, with the node's attributes.
    let cooperative = launch_of(session, node).is_ok_and(|launch| launch.cooperative);
    let operation = read_newer(session, parameters, cooperative)?;
    session.change(executable, node, operation)
}

/// `cuGraphKernelNodeGetParams_v2`
pub(crate) fn get_newer(
    session: &mut Session,
    node: Handle,
    parameters: Out<KernelNodeParameters>,
) -> Answer {
    let given = description(session, node)?;
    let context = session.function(Handle(given.func.addr()))?.context;
    parameters.set(KernelNodeParameters {
        function: given.func,
        grid: [given.gridDimX, given.gridDimY, given.gridDimZ],
        block: [given.blockDimX, given.blockDimY, given.blockDimZ],
        dynamic_shared: given.sharedMemBytes,
        parameters: given.kernelParams,
        extra: given.extra,
        kernel: std::ptr::null_mut(),
        context: context.pointer(),
    });
    Ok(())
}

/// `cuGraphAddKernelNode`
pub(crate) fn add(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    parameters: In<CUDA_KERNEL_NODE_PARAMS>,
) -> Answer {
    let operation = read(session, parameters, false)?;
    graph_node::add(session, node, graph, dependencies, count, operation)
}

/// `cuGraphKernelNodeSetParams`
pub(crate) fn set(
    session: &mut Session,
    node: Handle,
    parameters: In<CUDA_KERNEL_NODE_PARAMS>,
) -> Answer {
    let cooperative = launch_of(session, node)?.cooperative;
    let operation = read(session, parameters, cooperative)?;
    graph_node::set(session, node, operation)
}

/// `cuGraphKernelNodeGetParams`
pub(crate) fn get(
    session: &mut Session,
    node: Handle,
    parameters: Out<CUDA_KERNEL_NODE_PARAMS>,
) -> Answer {
    parameters.set(description(session, node)?);
    Ok(())
}

/// The description of a node's launch: the arguments are the node's, and stay until it changes.
fn description(session: &mut Session, node: Handle) -> Result<CUDA_KERNEL_NODE_PARAMS, Refusal> {
    let node = find_mut(&mut session.nodes, node)?;
    let Operation::Kernel(launch) = &node.operation else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    let bytes = launch.arguments.chunks(size_of::<u128>()).map(|chunk| {
        let mut bytes = [0; size_of::<u128>()];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u128::from_ne_bytes(bytes)
    });
    let given = &mut node.given;
    if given.pointers.is_empty() {
        given.bytes = bytes.collect();
        let first = given.bytes.as_ptr().expose_provenance();
        given.pointers = launch.offsets().map(|offset| first + offset).collect();
    }
    let ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]) = (launch.grid, launch.block);
    Ok(CUDA_KERNEL_NODE_PARAMS {
        func: launch.function.pointer(),
        gridDimX: grid_x,
        gridDimY: grid_y,
        gridDimZ: grid_z,
        blockDimX: block_x,
        blockDimY: block_y,
        blockDimZ: block_z,
        sharedMemBytes: launch.dynamic_shared,
        kernelParams: given.pointers.as_ptr().cast_mut().cast::<*mut c_void>(),
        extra: std::ptr::null_mut(),
    })
}

/// `CU_KERNEL_NODE_ATTRIBUTE_COOPERATIVE`; the other attribute is about the cache.
const COOPERATIVE: u32 = 2;

/// The launch of a kernel's node.
pub(crate) fn launch_of(session: &mut Session, node: Handle) -> Result<&mut KernelLaunch, Refusal> {
    match &mut find_mut(&mut session.nodes, node)?.operation {
        Operation::Kernel(launch) => Ok(launch),
        _ => Err(CUDA_ERROR_INVALID_VALUE.into()),
    }
}

/// `cuGraphKernelNodeCopyAttributes`
pub(crate) fn copy_attributes(session: &mut Session, target: Handle, source: Handle) -> Answer {
    let cooperative = launch_of(session, source)?.cooperative;
    set_cooperative(session, target, cooperative)
}

/// `cuGraphKernelNodeGetAttribute`
pub(crate) fn get_attribute(
    session: &mut Session,
    node: Handle,
    attribute: u32,
    value: Out<CUkernelNodeAttrValue>,
) -> Answer {
    let cooperative = c_int::from(launch_of(session, node)?.cooperative);
    if attribute != COOPERATIVE {
        return Err(CUDA_ERROR_NOT_SUPPORTED.into());
    }
    // SAFETY: The place is a union that this number is a member of.
    unsafe { value.as_ptr().cast::<c_int>().write(cooperative) };
    Ok(())
}

/// `cuGraphKernelNodeSetAttribute`
pub(crate) fn set_attribute(
    session: &mut Session,
    node: Handle,
    attribute: u32,
    value: In<CUkernelNodeAttrValue>,
) -> Answer {
    launch_of(session, node)?;
    if attribute != COOPERATIVE {
        return Err(CUDA_ERROR_NOT_SUPPORTED.into());
    }
    // SAFETY: The attribute says that this is the member of the union.
    let cooperative = unsafe { value.as_ptr().cast::<c_int>().read() } != 0;
    set_cooperative(session, node, cooperative)
}

/// Makes a node's launch cooperative, or not.
fn set_cooperative(session: &mut Session, node: Handle, cooperative: bool) -> Answer {
    let launch = launch_of(session, node)?.clone();
    let request = Request {
        function: launch.function,
        grid: launch.grid,
        block: launch.block,
        cluster: launch.cluster,
        dynamic_shared: launch.dynamic_shared,
        cooperative,
    };
    // The blocks may be too many for running at once.
    *launch_of(session, node)? = session.prepare_packed(request, launch.arguments)?;
    Ok(())
}
