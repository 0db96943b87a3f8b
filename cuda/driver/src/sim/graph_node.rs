//! The nodes of graphs, made from the caller's descriptions and told back.

use cust_raw::cudaError_enum::*;
use cust_raw::{
    CUDA_HOST_NODE_PARAMS, CUDA_MEMCPY3D, CUDA_MEMSET_NODE_PARAMS, CUevent, CUgraph, CUgraphNode,
};

use super::argument::{Handle, In, Out};
use super::copy::cuboid;
use super::fill::Fill;
use super::graph::Given;
use super::operation::{HostCall, Operation};
use super::refusal::{Answer, Refusal};
use super::session::Session;
use super::state::{find, find_mut};

/// Reads the description of a copy.
pub(crate) fn copy(session: &Session, parameters: In<CUDA_MEMCPY3D>) -> Result<Operation, Refusal> {
    session.current()?;
    Ok(Operation::Copy(cuboid(parameters)?))
}

/// Reads the description of a fill.
pub(crate) fn fill(parameters: In<CUDA_MEMSET_NODE_PARAMS>) -> Result<Operation, Refusal> {
    // SAFETY: The caller gives a description, which is numbers.
    let given = unsafe { parameters.as_ptr().read() };
    let fill = Fill {
        address: given.dst,
        pitch: given.pitch,
        value: given.value,
        element_bytes: given.elementSize as usize,
        width: given.width,
        height: given.height,
    };
    fill.check()?;
    Ok(Operation::Fill(fill))
}

/// Reads the description of a host function.
pub(crate) fn host(parameters: In<CUDA_HOST_NODE_PARAMS>) -> Result<Operation, Refusal> {
    // SAFETY: The caller gives a description, which is two pointers.
    let given = unsafe { parameters.as_ptr().read() };
    Ok(Operation::Host(HostCall {
        function: given.fn_.ok_or(CUDA_ERROR_INVALID_VALUE)?,
        data: given.userData.expose_provenance(),
    }))
}

/// Adds a node with the dependencies that the caller lists.
pub(crate) fn add(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    operation: Operation,
) -> Answer {
    // SAFETY: The caller of each of the functions below gives as many nodes as it says.
    let dependencies = unsafe { session.read_nodes(dependencies, count) }?;
    let handle = session.add_node(graph, operation, dependencies)?;
    node.set(handle.pointer());
    Ok(())
}

/// `cuGraphAddMemcpyNode`
pub(crate) fn add_copy(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    parameters: In<CUDA_MEMCPY3D>,
    context: Handle,
) -> Answer {
    session.intact(context)?;
    let operation = copy(session, parameters)?;
    add(session, node, graph, dependencies, count, operation)
}

/// `cuGraphAddMemsetNode`
pub(crate) fn add_fill(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    parameters: In<CUDA_MEMSET_NODE_PARAMS>,
    context: Handle,
) -> Answer {
    session.intact(context)?;
    let operation = fill(parameters)?;
    add(session, node, graph, dependencies, count, operation)
}

/// `cuGraphAddHostNode`
pub(crate) fn add_host(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    parameters: In<CUDA_HOST_NODE_PARAMS>,
) -> Answer {
    let operation = host(parameters)?;
    add(session, node, graph, dependencies, count, operation)
}

/// `cuGraphAddChildGraphNode`: the node has a copy of the graph.
pub(crate) fn add_child(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    child: Handle,
) -> Answer {
    find(&session.graphs, graph)?;
    let operation = Operation::Graph(session.clone_child(child)?);
    add(session, node, graph, dependencies, count, operation)
}

/// `cuGraphAddEmptyNode`
pub(crate) fn add_empty(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
) -> Answer {
    add(session, node, graph, dependencies, count, Operation::Empty)
}

/// `cuGraphAddEventRecordNode`
pub(crate) fn add_record(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    event: Handle,
) -> Answer {
    find(&session.events, event)?;
    add(
        session,
        node,
        graph,
        dependencies,
        count,
        Operation::Record(event),
    )
}

/// `cuGraphAddEventWaitNode`
pub(crate) fn add_wait(
    session: &mut Session,
    node: Out<CUgraphNode>,
    graph: Handle,
    dependencies: Option<In<CUgraphNode>>,
    count: usize,
    event: Handle,
) -> Answer {
    find(&session.events, event)?;
    add(
        session,
        node,
        graph,
        dependencies,
        count,
        Operation::Wait(event),
    )
}

/// Replaces what a node does, by something of the same kind.
pub(crate) fn replace(old: &mut Operation, new: Operation) -> Answer {
    if std::mem::discriminant(old) != std::mem::discriminant(&new) {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    *old = new;
    Ok(())
}

pub(crate) fn set(session: &mut Session, node: Handle, operation: Operation) -> Answer {
    let node = find_mut(&mut session.nodes, node)?;
    replace(&mut node.operation, operation)?;
    node.given = Given::default();
    Ok(())
}

/// `cuGraphMemcpyNodeSetParams`
pub(crate) fn set_copy(
    session: &mut Session,
    node: Handle,
    parameters: In<CUDA_MEMCPY3D>,
) -> Answer {
    let operation = copy(session, parameters)?;
    set(session, node, operation)
}

/// `cuGraphMemsetNodeSetParams`
pub(crate) fn set_fill(
    session: &mut Session,
    node: Handle,
    parameters: In<CUDA_MEMSET_NODE_PARAMS>,
) -> Answer {
    set(session, node, fill(parameters)?)
}

/// `cuGraphHostNodeSetParams`
pub(crate) fn set_host(
    session: &mut Session,
    node: Handle,
    parameters: In<CUDA_HOST_NODE_PARAMS>,
) -> Answer {
    set(session, node, host(parameters)?)
}

/// `cuGraphEventRecordNodeSetEvent`
pub(crate) fn set_record(session: &mut Session, node: Handle, event: Handle) -> Answer {
    find(&session.events, event)?;
    set(session, node, Operation::Record(event))
}

/// `cuGraphEventWaitNodeSetEvent`
pub(crate) fn set_wait(session: &mut Session, node: Handle, event: Handle) -> Answer {
    find(&session.events, event)?;
    set(session, node, Operation::Wait(event))
}

/// `cuGraphMemcpyNodeGetParams`
pub(crate) fn get_copy(
    session: &mut Session,
    node: Handle,
    parameters: Out<CUDA_MEMCPY3D>,
) -> Answer {
    let Operation::Copy(copy) = &find(&session.nodes, node)?.operation else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    parameters.set(copy.description());
    Ok(())
}

/// `cuGraphMemsetNodeGetParams`
pub(crate) fn get_fill(
    session: &mut Session,
    node: Handle,
    parameters: Out<CUDA_MEMSET_NODE_PARAMS>,
) -> Answer {
    let Operation::Fill(fill) = &find(&session.nodes, node)?.operation else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    parameters.set(CUDA_MEMSET_NODE_PARAMS {
        dst: fill.address,
        pitch: fill.pitch,
        value: fill.value,
        elementSize: fill.element_bytes as u32,
        width: fill.width,
        height: fill.height,
    });
    Ok(())
}

/// `cuGraphHostNodeGetParams`
pub(crate) fn get_host(
    session: &mut Session,
    node: Handle,
    parameters: Out<CUDA_HOST_NODE_PARAMS>,
) -> Answer {
    let Operation::Host(call) = find(&session.nodes, node)?.operation else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    parameters.set(CUDA_HOST_NODE_PARAMS {
        fn_: Some(call.function),
        userData: call.data(),
    });
    Ok(())
}

/// `cuGraphChildGraphNodeGetGraph`
pub(crate) fn get_child(session: &mut Session, node: Handle, child: Out<CUgraph>) -> Answer {
    let Operation::Graph(graph) = find(&session.nodes, node)?.operation else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    child.set(graph.pointer());
    Ok(())
}

/// `cuGraphEventRecordNodeGetEvent`
pub(crate) fn get_record(session: &mut Session, node: Handle, event: Out<CUevent>) -> Answer {
    let Operation::Record(recorded) = find(&session.nodes, node)?.operation else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    event.set(recorded.pointer());
    Ok(())
}

/// `cuGraphEventWaitNodeGetEvent`
pub(crate) fn get_wait(session: &mut Session, node: Handle, event: Out<CUevent>) -> Answer {
    let Operation::Wait(waited) = find(&session.nodes, node)?.operation else {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    };
    event.set(waited.pointer());
    Ok(())
}
