//! Nodes of graphs whose parameters come as a type and a union, and edges that come with data: the
//! forms of CUDA 12.

use std::ffi::c_uint;

use cust_raw::cudaError_enum::*;
use cust_raw::{
    CUDA_HOST_NODE_PARAMS, CUDA_MEMCPY3D, CUDA_MEMSET_NODE_PARAMS, CUgraph, CUgraphExec,
    CUgraphNode, CUstreamCaptureStatus, cuuint64_t,
};

use super::argument::{Argument, Handle, In, Out};
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::{find, find_mut};
use super::{capture, graph, graph_exec, graph_node, kernel_node};
use crate::header::{
    EdgeData, InstantiateParameters, KernelNodeParameters, NodeParameters, UpdateResult,
};

/// `CU_GRAPH_NODE_TYPE_*`
const KERNEL: u32 = 0;
const COPY: u32 = 1;
const FILL: u32 = 2;
const HOST: u32 = 3;
const GRAPH: u32 = 4;
const EMPTY: u32 = 5;
const WAIT: u32 = 6;
const RECORD: u32 = 7;

/// Checks the data of edges: a full dependency, or one that a kernel may end early, which is as good.
///
/// # Safety
///
/// There are `count` of them, if there are any.
unsafe fn check_edges(data: Option<In<EdgeData>>, count: usize) -> Answer {
    let Some(data) = data else {
        return Ok(());
    };
    // SAFETY: The caller vouches for the data.
    for EdgeData([from, to, kind, reserved @ ..]) in unsafe { data.array::<EdgeData>(count)? } {
        if from > 2 || to != 0 || kind > 1 || reserved != [0; 5] {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
    }
    Ok(())
}

/// Writes the data of edges, all of which are full dependencies.
fn write_edges(data: Option<Out<EdgeData>>, has_nodes: bool, count: usize) {
    if let Some(data) = data.filter(|_| has_nodes) {
        for index in 0..count {
            // SAFETY: The caller says that there is room for as many.
            unsafe { data.set_at(index, EdgeData::default()) };
        }
    }
}

/// Reads what a node does.
fn operation(
    session: &mut Session,
    parameters: &In<NodeParameters>,
    cooperative: bool,
) -> Result<Operation, Refusal> {
    let place = parameters.as_ptr();
    // SAFETY: The caller gives parameters, whose type says which member of the union is there; each
    // begins with the parameters of an older function.
    unsafe {
        let value = (&raw const (*place).value).cast_mut();
        let word = || value.cast::<u64>().read_unaligned() as usize;
        Ok(match (&raw const (*place).kind).read_unaligned() {
            KERNEL => {
                let given: In<KernelNodeParameters> = Argument::take(value.cast())?;
                kernel_node::read_newer(session, given, cooperative)?
            }
            COPY => {
                // Behind flags and a context.
                let given: In<CUDA_MEMCPY3D> = Argument::take(value.cast::<u64>().add(2).cast())?;
                graph_node::copy(session, given)?
            }
            FILL => {
                let given: In<CUDA_MEMSET_NODE_PARAMS> = Argument::take(value.cast())?;
                graph_node::fill(given)?
            }
            HOST => {
                let given: In<CUDA_HOST_NODE_PARAMS> = Argument::take(value.cast())?;
                graph_node::host(given)?
            }
            GRAPH => Operation::Graph(session.clone_child(Handle(word()))?),
            EMPTY => Operation::Empty,
            WAIT => {
                find(&session.events, Handle(word()))?;
                Operation::Wait(Handle(word()))
            }
            RECORD => {
                find(&session.events, Handle(word()))?;
                Operation::Record(Handle(word()))
            }
            kind => {
                return Err(refuse(
                    CUDA_ERROR_NOT_SUPPORTED,
                    format!("the simulator has no graph nodes of type {kind}"),
                ));
            }
        })
    }
}

/// `cuGraphAddNode` of CUDA 12.2
pub(crate) fn add_node(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    parameters: In<NodeParameters>,
) -> Answer {
    add_node_with_edges(session, node, graph, dependencies, None, count, parameters)
}

/// `cuGraphAddNode` of CUDA 12.3
pub(crate) fn add_node_with_edges(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    edges: Option<In<EdgeData>>,
    count: usize,
    parameters: In<NodeParameters>,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    unsafe { check_edges(edges, count) }?;
    find(&session.graphs, graph)?;
    let operation = operation(session, &parameters, false)?;
    graph_node::add(session, node, graph, dependencies, count, operation)
}

/// `cuGraphNodeSetParams`
pub(crate) fn set_node(
    session: &mut Session,
    node: Handle,
    parameters: In<NodeParameters>,
) -> Answer {
    find(&session.nodes, node)?;
    let cooperative = kernel_node::launch_of(session, node).is_ok_and(|launch| launch.cooperative);
    let operation = operation(session, &parameters, cooperative)?;
    graph_node::set(session, node, operation)
}

/// `cuGraphExecNodeSetParams`
pub(crate) fn set_executable_node(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    parameters: In<NodeParameters>,
) -> Answer {
    find(&session.executables, executable)?;
    let cooperative = kernel_node::launch_of(session, node).is_ok_and(|launch| launch.cooperative);
    match operation(session, &parameters, cooperative)? {
        Operation::Graph(child) => {
            let done = graph_exec::set_child(session, executable, node, child);
            session.remove_graph(child);
            done
        }
        operation => session.change(executable, node, operation),
    }
}

/// `cuGraphGetEdges_v2`
pub(crate) fn edges(
    session: &mut Session,
    graph: Handle,
    from: Option<Out<CUgraphNode>>,
    to: Option<Out<CUgraphNode>>,
    data: Option<Out<EdgeData>>,
    count: Out<usize>,
) -> Answer {
    let has_nodes = from.is_some();
    graph::edges(session, graph, from, to, Out::clone(&count))?;
    write_edges(data, has_nodes, count.get());
    Ok(())
}

/// `cuGraphNodeGetDependencies_v2`
pub(crate) fn dependencies(
    session: &mut Session,
    node: Handle,
    nodes: Option<Out<CUgraphNode>>,
    data: Option<Out<EdgeData>>,
    count: Out<usize>,
) -> Answer {
    let has_nodes = nodes.is_some();
    graph::dependencies(session, node, nodes, Out::clone(&count))?;
    write_edges(data, has_nodes, count.get());
    Ok(())
}

/// `cuGraphNodeGetDependentNodes_v2`
pub(crate) fn dependent_nodes(
    session: &mut Session,
    node: Handle,
    nodes: Option<Out<CUgraphNode>>,
    data: Option<Out<EdgeData>>,
    count: Out<usize>,
) -> Answer {
    let has_nodes = nodes.is_some();
    graph::dependent_nodes(session, node, nodes, Out::clone(&count))?;
    write_edges(data, has_nodes, count.get());
    Ok(())
}

/// `cuGraphAddDependencies_v2`
pub(crate) fn add_dependencies(
    session: &mut Session,
    graph: Handle,
    from: Option<In<CUgraphNode>>,
    to: Option<In<CUgraphNode>>,
    data: Option<In<EdgeData>>,
    count: usize,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    unsafe { check_edges(data, count) }?;
    graph::add_dependencies(session, graph, from, to, count)
}

/// `cuGraphRemoveDependencies_v2`
pub(crate) fn remove_dependencies(
    session: &mut Session,
    graph: Handle,
    from: Option<In<CUgraphNode>>,
    to: Option<In<CUgraphNode>>,
    data: Option<In<EdgeData>>,
    count: usize,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    unsafe { check_edges(data, count) }?;
    graph::remove_dependencies(session, graph, from, to, count)
}

/// `cuGraphNodeGetContainingGraph`
pub(crate) fn containing_graph(session: &mut Session, node: Handle, graph: Out<CUgraph>) -> Answer {
    graph.set(find(&session.nodes, node)?.graph.pointer());
    Ok(())
}

/// `cuGraphNodeGetLocalId`: handles are of one counter, so they are numbers of their own.
pub(crate) fn node_id(session: &mut Session, node: Handle, id: Out<c_uint>) -> Answer {
    find(&session.nodes, node)?;
    id.set(node.0 as c_uint);
    Ok(())
}

/// `cuGraphNodeGetToolsId`
pub(crate) fn node_tools_id(session: &mut Session, node: Handle, id: Out<cuuint64_t>) -> Answer {
    find(&session.nodes, node)?;
    id.set(node.0 as cuuint64_t);
    Ok(())
}

/// `cuGraphGetId`
pub(crate) fn graph_id(session: &mut Session, graph: Handle, id: Out<c_uint>) -> Answer {
    find(&session.graphs, graph)?;
    id.set(graph.0 as c_uint);
    Ok(())
}

/// `cuGraphExecGetId`
pub(crate) fn executable_id(session: &mut Session, executable: Handle, id: Out<c_uint>) -> Answer {
    find(&session.executables, executable)?;
    id.set(executable.0 as c_uint);
    Ok(())
}

/// `cuGraphInstantiateWithParams`
pub(crate) fn instantiate(
    session: &mut Session,
    executable: Out<CUgraphExec>,
    graph: Handle,
    parameters: Out<InstantiateParameters>,
) -> Answer {
    const SUCCESS: u32 = 0;
    const ERROR: u32 = 1;
    let given = parameters.get();
    let done = graph_exec::instantiate_with_flags(session, executable, graph, given.flags);
    parameters.set(InstantiateParameters {
        error_node: std::ptr::null_mut(),
        result: if done.is_ok() { SUCCESS } else { ERROR },
        ..given
    });
    done
}

/// `cuGraphExecUpdate_v2`
pub(crate) fn update(
    session: &mut Session,
    executable: Handle,
    graph: Handle,
    info: Out<UpdateResult>,
) -> Answer {
    let mut node: CUgraphNode = std::ptr::null_mut();
    let mut result = cust_raw::CUgraphExecUpdateResult::CU_GRAPH_EXEC_UPDATE_ERROR;
    // SAFETY: The places are variables.
    let (node_place, result_place) = unsafe {
        (
            Argument::take(&raw mut node)?,
            Argument::take(&raw mut result)?,
        )
    };
    let done = graph_exec::update_from(session, executable, graph, node_place, result_place);
    info.set(UpdateResult {
        result: result as u32,
        error_node: node,
        error_from_node: std::ptr::null_mut(),
    });
    done
}

/// `cuStreamBeginCaptureToGraph`
pub(crate) fn begin_capture(
    session: &mut Session,
    stream: Handle,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    data: Option<In<EdgeData>>,
    count: usize,
    mode: u32,
) -> Answer {
    find(&session.graphs, graph)?;
    // SAFETY: The contract of the driver's function is the same.
    let dependencies = unsafe {
        check_edges(data, count)?;
        session.read_nodes(dependencies, count)
    }?;
    for node in &dependencies {
        if find(&session.nodes, *node)?.graph != graph {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
    }
    capture::begin_in(session, stream, mode, Some((graph, dependencies)))
}

/// `cuStreamGetCaptureInfo_v3`
#[expect(
    clippy::too_many_arguments,
    reason = "the driver's function has as many"
)]
pub(crate) fn capture_info(
    session: &mut Session,
    stream: Handle,
    capturing: Out<CUstreamCaptureStatus>,
    id: Option<Out<cuuint64_t>>,
    graph: Option<Out<CUgraph>>,
    nodes: Option<Out<*const CUgraphNode>>,
    data: Option<Out<*const EdgeData>>,
    count: Option<Out<usize>>,
) -> Answer {
    if let Some(data) = data {
        // No edge has data.
        data.set(std::ptr::null());
    }
    capture::info_with_graph(session, stream, capturing, id, graph, nodes, count)
}

/// `cuStreamUpdateCaptureDependencies_v2`
pub(crate) fn update_capture(
    session: &mut Session,
    stream: Handle,
    nodes: Option<In<CUgraphNode>>,
    data: Option<In<EdgeData>>,
    count: usize,
    flags: c_uint,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    unsafe { check_edges(data, count) }?;
    capture::update_dependencies(session, stream, nodes, count, flags)
}

/// `cuGraphNodeSetEnabled`: kernels, copies and fills of an executable graph can be left out.
pub(crate) fn set_enabled(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    is_enabled: c_uint,
) -> Answer {
    *enabled(session, executable, node)? = is_enabled != 0;
    Ok(())
}

/// `cuGraphNodeGetEnabled`
pub(crate) fn get_enabled(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    is_enabled: Out<c_uint>,
) -> Answer {
    is_enabled.set(c_uint::from(*enabled(session, executable, node)?));
    Ok(())
}

fn enabled(session: &mut Session, executable: Handle, node: Handle) -> Result<&mut bool, Refusal> {
    let executable = find_mut(&mut session.executables, executable)?;
    let enabled = executable.enabled(node);
    enabled.ok_or_else(|| CUDA_ERROR_INVALID_VALUE.into())
}

/// `cuGraphExecGetFlags`
pub(crate) fn flags(session: &mut Session, executable: Handle, flags: Out<cuuint64_t>) -> Answer {
    flags.set(find(&session.executables, executable)?.flags);
    Ok(())
}
