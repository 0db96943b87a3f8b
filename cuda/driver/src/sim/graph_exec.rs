//! Graphs that were made executable, and their launch.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_ulonglong};

use cust_raw::cudaError_enum::*;
use cust_raw::{
    CUDA_HOST_NODE_PARAMS, CUDA_KERNEL_NODE_PARAMS, CUDA_MEMCPY3D, CUDA_MEMSET_NODE_PARAMS,
    CUgraphExec, CUgraphExecUpdateResult, CUgraphExecUpdateResult_enum, CUgraphNode,
};

use super::argument::{Handle, In, Out};
use super::graph_node::{copy, fill, host, replace};
use super::kernel_node;
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::{find, find_mut};
use super::user_object::Held;

/// A graph that was made executable.
pub(crate) struct Executable {
    steps: Vec<Step>,
    held: Held,
    /// `CUDA_GRAPH_INSTANTIATE_FLAG_*`
    pub(crate) flags: c_ulonglong,
}

/// A node, in an order that its edges allow.
#[derive(Clone)]
pub(crate) struct Step {
    /// The node that it was made from, by which it is changed.
    node: Handle,
    /// The nodes before that one.
    dependencies: Vec<Handle>,
    action: Action,
    /// Whether it is done; else it is as if it were empty.
    is_enabled: bool,
}

impl Executable {
    /// Whether the step of a node is done, if that can be chosen: for kernels, copies and fills.
    pub(crate) fn enabled(&mut self, node: Handle) -> Option<&mut bool> {
        let step = self.steps.iter_mut().find(|step| step.node == node)?;
        matches!(
            step.action,
            Action::Operation(Operation::Kernel(_) | Operation::Copy(_) | Operation::Fill(_))
        )
        .then_some(&mut step.is_enabled)
    }
}

#[derive(Clone)]
enum Action {
    Operation(Operation),
    Steps(Vec<Step>),
}

/// The flags of `cuGraphInstantiate` that free what the graph allocated, which no graph does, upload it,
/// and take the priorities of its nodes.
const HARMLESS: c_ulonglong = 1 | 2 | 8;

impl Session {
    /// The steps of a graph, those of child graphs within theirs.
    pub(crate) fn plan(&self, graph: Handle) -> Result<Vec<Step>, Refusal> {
        let nodes = self.sorted_nodes(graph)?;
        nodes
            .into_iter()
            .map(|handle| {
                let node = find(&self.nodes, handle)?;
                let action = match &node.operation {
                    &Operation::Graph(child) => Action::Steps(self.plan(child)?),
                    operation => Action::Operation(operation.clone()),
                };
                Ok(Step {
                    node: handle,
                    dependencies: node.dependencies.clone(),
                    action,
                    is_enabled: true,
                })
            })
            .collect()
    }

    /// Does the work of some steps.
    pub(crate) fn run_steps(&mut self, context: Handle, steps: &[Step]) -> Answer {
        for step in steps.iter().filter(|step| step.is_enabled) {
            match &step.action {
                Action::Steps(steps) => self.run_steps(context, steps)?,
                Action::Operation(operation) => {
                    // A kernel of this launch that failed ends it, and later calls say so.
                    if self.context(context)?.fault.is_some() {
                        return Ok(());
                    }
                    self.run(context, operation)?;
                }
            }
        }
        Ok(())
    }

    /// Makes a graph of some steps, to belong to a node.
    fn graph_of(&mut self, steps: &[Step]) -> Result<Handle, Refusal> {
        let graph = self.add_child_graph();
        let mut nodes = BTreeMap::new();
        for step in steps {
            let operation = match &step.action {
                Action::Operation(operation) => operation.clone(),
                Action::Steps(steps) => Operation::Graph(self.graph_of(steps)?),
            };
            let before = step.dependencies.iter().filter_map(|node| nodes.get(node));
            let before = before.copied().collect();
            nodes.insert(step.node, self.add_node(graph, operation, before)?);
        }
        Ok(graph)
    }

    fn instantiate(&mut self, graph: Handle, flags: c_ulonglong) -> Result<Handle, Refusal> {
        self.current()?;
        let steps = self.plan(graph)?;
        let held = self.held_by(graph)?;
        self.hold_all(&held)?;
        let handle = self.new_handle();
        self.executables
            .insert(handle, Executable { steps, held, flags });
        Ok(handle)
    }

    /// Changes what one node of an executable graph does.
    pub(crate) fn change(
        &mut self,
        executable: Handle,
        node: Handle,
        operation: Operation,
    ) -> Answer {
        let executable = find_mut(&mut self.executables, executable)?;
        let step = executable.steps.iter_mut().find(|step| step.node == node);
        match step.map(|step| &mut step.action) {
            Some(Action::Operation(old)) => replace(old, operation),
            _ => Err(CUDA_ERROR_INVALID_VALUE.into()),
        }
    }
}

/// `cuGraphInstantiate`
pub(crate) fn instantiate(
    session: &mut Session,
    executable: Out<CUgraphExec>,
    graph: Handle,
    error_node: Option<Out<CUgraphNode>>,
    log: Option<Out<c_char>>,
    _log_bytes: usize,
) -> Answer {
    if let Some(error_node) = error_node {
        error_node.set(std::ptr::null_mut());
    }
    if let Some(log) = log.filter(|_| _log_bytes > 0) {
        log.set(0);
    }
    executable.set(session.instantiate(graph, 0)?.pointer());
    Ok(())
}

/// `cuGraphInstantiateWithFlags`
pub(crate) fn instantiate_with_flags(
    session: &mut Session,
    executable: Out<CUgraphExec>,
    graph: Handle,
    flags: c_ulonglong,
) -> Answer {
    if flags & !HARMLESS != 0 {
        return Err(refuse(
            CUDA_ERROR_NOT_SUPPORTED,
            format!("graphs are not instantiated with the flags {flags:#x}"),
        ));
    }
    executable.set(session.instantiate(graph, flags)?.pointer());
    Ok(())
}

/// `cuGraphUpload`
pub(crate) fn upload(session: &mut Session, executable: Handle, stream: Handle) -> Answer {
    session.refuse_capturing(stream, "uploading a graph")?;
    find(&session.executables, executable)?;
    Ok(())
}

/// `cuGraphLaunch`
pub(crate) fn launch(session: &mut Session, executable: Handle, stream: Handle) -> Answer {
    let stream = session.stream(stream)?;
    // The graph may be changed or destroyed by other threads while host functions run.
    let steps = find(&session.executables, executable)?.steps.clone();
    if session.is_capturing(&stream)? {
        let child = session.graph_of(&steps)?;
        return session.capture(&stream, Operation::Graph(child));
    }
    if stream.kind == super::stream::StreamKind::Legacy {
        session.refuse_legacy_in_capture(stream.context)?;
    }
    session.in_stream(stream, |session| session.run_steps(stream.context, &steps))
}

/// `cuGraphExecDestroy`
pub(crate) fn destroy(session: &mut Session, executable: Handle) -> Answer {
    let removed = session.executables.remove(&executable);
    let held = removed.ok_or(CUDA_ERROR_INVALID_HANDLE)?.held;
    session.release_all(held);
    Ok(())
}

/// `cuGraphExecKernelNodeSetParams`
pub(crate) fn set_kernel(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    parameters: In<CUDA_KERNEL_NODE_PARAMS>,
) -> Answer {
    // The node's graph may be gone by now, with the node's attributes.
    let cooperative = kernel_node::launch_of(session, node).is_ok_and(|launch| launch.cooperative);
    let operation = kernel_node::read(session, parameters, cooperative)?;
    session.change(executable, node, operation)
}

/// `cuGraphExecMemcpyNodeSetParams`
pub(crate) fn set_copy(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    parameters: In<CUDA_MEMCPY3D>,
    context: Handle,
) -> Answer {
    session.intact(context)?;
    let operation = copy(session, parameters)?;
    session.change(executable, node, operation)
}

/// `cuGraphExecMemsetNodeSetParams`
pub(crate) fn set_fill(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    parameters: In<CUDA_MEMSET_NODE_PARAMS>,
    context: Handle,
) -> Answer {
    session.intact(context)?;
    session.change(executable, node, fill(parameters)?)
}

/// `cuGraphExecHostNodeSetParams`
pub(crate) fn set_host(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    parameters: In<CUDA_HOST_NODE_PARAMS>,
) -> Answer {
    session.change(executable, node, host(parameters)?)
}

/// `cuGraphExecEventRecordNodeSetEvent`
pub(crate) fn set_record(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    event: Handle,
) -> Answer {
    find(&session.events, event)?;
    session.change(executable, node, Operation::Record(event))
}

/// `cuGraphExecEventWaitNodeSetEvent`
pub(crate) fn set_wait(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    event: Handle,
) -> Answer {
    find(&session.events, event)?;
    session.change(executable, node, Operation::Wait(event))
}

/// `cuGraphExecChildGraphNodeSetParams`: the new graph must have nodes and edges like the old.
pub(crate) fn set_child(
    session: &mut Session,
    executable: Handle,
    node: Handle,
    child: Handle,
) -> Answer {
    let new = session.plan(child)?;
    let executable = find_mut(&mut session.executables, executable)?;
    let step = executable.steps.iter_mut().find(|step| step.node == node);
    match step.map(|step| &mut step.action) {
        Some(Action::Steps(old)) if difference(old, &new).is_none() => {
            update(old, new);
            Ok(())
        }
        _ => Err(CUDA_ERROR_INVALID_VALUE.into()),
    }
}

/// Where two plans differ in more than the parameters of their nodes.
fn difference(old: &[Step], new: &[Step]) -> Option<(Option<Handle>, CUgraphExecUpdateResult)> {
    use CUgraphExecUpdateResult_enum::*;

    const TOPOLOGY: CUgraphExecUpdateResult = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    if old.len() != new.len() {
        return Some((None, TOPOLOGY));
    }
    let place = |steps: &[Step], node| steps.iter().position(|step| step.node == node);
    for (one, other) in old.iter().zip(new) {
        let places = |steps, step: &Step| -> Vec<_> {
            let nodes = step.dependencies.iter();
            nodes.map(|&node| place(steps, node)).collect()
        };
        if places(old, one) != places(new, other) {
            return Some((Some(other.node), TOPOLOGY));
        }
        match (&one.action, &other.action) {
            (Action::Steps(old), Action::Steps(new)) => {
                if let Some(difference) = difference(old, new) {
                    return Some(difference);
                }
            }
            (Action::Operation(old), Action::Operation(new))
                if std::mem::discriminant(old) == std::mem::discriminant(new) => {}
            _ => {
                let result = CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
                return Some((Some(other.node), result));
            }
        }
    }
    None
}

/// Takes the parameters of a plan over; the steps stay those of the old nodes.
fn update(old: &mut [Step], new: Vec<Step>) {
    for (old, new) in old.iter_mut().zip(new) {
        match (&mut old.action, new.action) {
            (Action::Steps(old), Action::Steps(new)) => update(old, new),
            (old, new) => *old = new,
        }
    }
}

/// `cuGraphExecUpdate`
pub(crate) fn update_from(
    session: &mut Session,
    executable: Handle,
    graph: Handle,
    error_node: Out<CUgraphNode>,
    result: Out<CUgraphExecUpdateResult>,
) -> Answer {
    let new = session.plan(graph)?;
    let executable = find_mut(&mut session.executables, executable)?;
    if let Some((node, difference)) = difference(&executable.steps, &new) {
        error_node.set(node.unwrap_or_default().pointer());
        result.set(difference);
        return Err(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE.into());
    }
    update(&mut executable.steps, new);
    error_node.set(std::ptr::null_mut());
    result.set(CUgraphExecUpdateResult_enum::CU_GRAPH_EXEC_UPDATE_SUCCESS);
    Ok(())
}
