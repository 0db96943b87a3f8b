//! Graphs: nodes, the edges between them, and the order that follows from the edges.

use std::collections::BTreeMap;
use std::ffi::c_uint;
use std::fmt::Write as _;

use cust_raw::cudaError_enum::*;
use cust_raw::{CUgraph, CUgraphNode, CUgraphNodeType, CUgraphNodeType_enum};

use super::argument::{Handle, In, Out, Text};
use super::operation::Operation;
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;
use super::state::{find, find_mut};
use super::user_object::Held;

/// A graph.
#[derive(Default)]
pub(crate) struct Graph {
    /// Its nodes, in the order in which they were added.
    pub(crate) nodes: Vec<Handle>,
    /// Of a clone: the copy of each of the original's nodes.
    copies: BTreeMap<Handle, Handle>,
    /// Whether it belongs to a node.
    is_child: bool,
    /// Objects of the caller.
    pub(crate) held: Held,
}

/// A node of a graph.
pub(crate) struct Node {
    pub(crate) graph: Handle,
    pub(crate) operation: Operation,
    pub(crate) dependencies: Vec<Handle>,
    /// What a kernel's node gives out of its arguments.
    pub(crate) given: Given,
}

/// The arguments of a kernel as its node gives them out: until the node changes, the caller may read
/// them.
#[derive(Default)]
pub(crate) struct Given {
    /// The arguments, aligned for every type.
    pub(crate) bytes: Vec<u128>,
    /// The address of each.
    pub(crate) pointers: Vec<usize>,
}

impl Session {
    /// Adds an empty graph.
    pub(crate) fn add_graph(&mut self) -> Handle {
        let handle = self.new_handle();
        self.graphs.insert(handle, Graph::default());
        handle
    }

    /// Adds an empty graph that belongs to a node.
    pub(crate) fn add_child_graph(&mut self) -> Handle {
        let handle = self.add_graph();
        if let Some(graph) = self.graphs.get_mut(&handle) {
            graph.is_child = true;
        }
        handle
    }

    /// Adds a node to a graph.
    pub(crate) fn add_node(
        &mut self,
        graph: Handle,
        operation: Operation,
        dependencies: Vec<Handle>,
    ) -> Result<Handle, Refusal> {
        find(&self.graphs, graph)?;
        for dependency in &dependencies {
            if find(&self.nodes, *dependency)?.graph != graph {
                return Err(refuse(
                    CUDA_ERROR_INVALID_VALUE,
                    "a node depends on one of another graph",
                ));
            }
        }
        let handle = self.new_handle();
        let node = Node {
            graph,
            operation,
            dependencies,
            given: Given::default(),
        };
        self.nodes.insert(handle, node);
        find_mut(&mut self.graphs, graph)?.nodes.push(handle);
        Ok(handle)
    }

    /// Forgets a graph with its nodes, and with the graphs that belong to them.
    pub(crate) fn remove_graph(&mut self, graph: Handle) {
        if let Some(graph) = self.graphs.remove(&graph) {
            for node in graph.nodes {
                self.forget_node(node);
            }
            self.release_all(graph.held);
        }
    }

    /// Forgets a node, which its graph no longer lists.
    fn forget_node(&mut self, node: Handle) {
        if let Some(Node {
            operation: Operation::Graph(child),
            ..
        }) = self.nodes.remove(&node)
        {
            self.remove_graph(child);
        }
    }

    /// Copies a graph with its nodes.
    pub(crate) fn clone_graph(&mut self, graph: Handle) -> Result<Handle, Refusal> {
        let nodes = find(&self.graphs, graph)?.nodes.clone();
        let clone = self.add_graph();
        let mut copies = BTreeMap::new();
        for &node in &nodes {
            let operation = match find(&self.nodes, node)?.operation.clone() {
                Operation::Graph(child) => Operation::Graph(self.clone_child(child)?),
                operation => operation,
            };
            copies.insert(node, self.add_node(clone, operation, Vec::new())?);
        }
        for node in nodes {
            let before = find(&self.nodes, node)?.dependencies.clone();
            let before = before.iter().filter_map(|before| copies.get(before));
            let dependencies = before.copied().collect();
            if let Some(copy) = copies.get(&node) {
                find_mut(&mut self.nodes, *copy)?.dependencies = dependencies;
            }
        }
        let held = find(&self.graphs, graph)?.held.clone();
        self.hold_all(&held)?;
        let graph = find_mut(&mut self.graphs, clone)?;
        graph.copies = copies;
        graph.held = held;
        Ok(clone)
    }

    /// What a graph and its nodes' graphs hold.
    pub(crate) fn held_by(&self, graph: Handle) -> Result<Held, Refusal> {
        let graph = find(&self.graphs, graph)?;
        let mut held = graph.held.clone();
        for node in &graph.nodes {
            if let Operation::Graph(child) = find(&self.nodes, *node)?.operation {
                for (object, count) in self.held_by(child)? {
                    *held.entry(object).or_default() += count;
                }
            }
        }
        Ok(held)
    }

    /// Copies a graph to belong to a node.
    pub(crate) fn clone_child(&mut self, graph: Handle) -> Result<Handle, Refusal> {
        let child = self.clone_graph(graph)?;
        find_mut(&mut self.graphs, child)?.is_child = true;
        Ok(child)
    }

    /// A graph's nodes, each after those that it depends on.
    ///
    /// # Errors
    ///
    /// The edges make a circle.
    pub(crate) fn sorted_nodes(&self, graph: Handle) -> Result<Vec<Handle>, Refusal> {
        let mut left = find(&self.graphs, graph)?.nodes.clone();
        let mut sorted = Vec::with_capacity(left.len());
        let mut done = std::collections::BTreeSet::new();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|node| {
                let node_is_ready = self
                    .nodes
                    .get(node)
                    .is_some_and(|known| known.dependencies.iter().all(|one| done.contains(one)));
                if node_is_ready {
                    done.insert(*node);
                    sorted.push(*node);
                }
                !node_is_ready
            });
            if left.len() == before {
                return Err(refuse(
                    CUDA_ERROR_INVALID_VALUE,
                    format!("{before} nodes of the graph wait for each other"),
                ));
            }
        }
        Ok(sorted)
    }

    /// Reads a list of nodes.
    ///
    /// # Safety
    ///
    /// The list has this many nodes, or there is none and they are zero.
    pub(crate) unsafe fn read_nodes(
        &self,
        nodes: Option<In<CUgraphNode>>,
        count: usize,
    ) -> Result<Vec<Handle>, Refusal> {
        let Some(nodes) = nodes else {
            return if count == 0 {
                Ok(Vec::new())
            } else {
                Err(CUDA_ERROR_INVALID_VALUE.into())
            };
        };
        // SAFETY: The caller vouches for the list.
        let nodes = unsafe { nodes.array::<CUgraphNode>(count)? };
        let nodes: Vec<_> = nodes.iter().map(|node| Handle(node.addr())).collect();
        for node in &nodes {
            find(&self.nodes, *node)?;
        }
        Ok(nodes)
    }
}

/// Writes a list of nodes as the driver does: with no place for it, only how many there are; else
/// as many as fit, the rest of the place filled with null.
fn write_nodes(nodes: &[Handle], place: Option<Out<CUgraphNode>>, count: &Out<usize>) -> Answer {
    let Some(place) = place else {
        count.set(nodes.len());
        return Ok(());
    };
    let room = count.get();
    for index in 0..room {
        let node = nodes.get(index).copied().unwrap_or_default();
        // SAFETY: The caller says that there is room for as many.
        unsafe { place.set_at(index, node.pointer()) };
    }
    count.set(room.min(nodes.len()));
    Ok(())
}

/// `cuGraphCreate`
pub(crate) fn create(session: &mut Session, graph: Out<CUgraph>, flags: c_uint) -> Answer {
    if flags != 0 {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    graph.set(session.add_graph().pointer());
    Ok(())
}

/// `cuGraphDestroy`
pub(crate) fn destroy(session: &mut Session, graph: Handle) -> Answer {
    if find(&session.graphs, graph)?.is_child {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    session.remove_graph(graph);
    Ok(())
}

/// `cuGraphClone`
pub(crate) fn clone(session: &mut Session, clone: Out<CUgraph>, graph: Handle) -> Answer {
    clone.set(session.clone_graph(graph)?.pointer());
    Ok(())
}

/// `cuGraphNodeFindInClone`
pub(crate) fn find_in_clone(
    session: &mut Session,
    copy: Out<CUgraphNode>,
    node: Handle,
    clone: Handle,
) -> Answer {
    let found = find(&session.graphs, clone)?.copies.get(&node);
    copy.set(found.ok_or(CUDA_ERROR_INVALID_VALUE)?.pointer());
    Ok(())
}

/// `cuGraphGetNodes`
pub(crate) fn nodes(
    session: &mut Session,
    graph: Handle,
    nodes: Option<Out<CUgraphNode>>,
    count: Out<usize>,
) -> Answer {
    write_nodes(&find(&session.graphs, graph)?.nodes, nodes, &count)
}

/// `cuGraphGetRootNodes`
pub(crate) fn root_nodes(
    session: &mut Session,
    graph: Handle,
    nodes: Option<Out<CUgraphNode>>,
    count: Out<usize>,
) -> Answer {
    let mut roots = find(&session.graphs, graph)?.nodes.clone();
    roots.retain(|node| {
        let node = session.nodes.get(node);
        node.is_some_and(|node| node.dependencies.is_empty())
    });
    write_nodes(&roots, nodes, &count)
}

/// `cuGraphGetEdges`
pub(crate) fn edges(
    session: &mut Session,
    graph: Handle,
    from: Option<Out<CUgraphNode>>,
    to: Option<Out<CUgraphNode>>,
    count: Out<usize>,
) -> Answer {
    if from.is_some() != to.is_some() {
        return Err(CUDA_ERROR_INVALID_VALUE.into());
    }
    let mut sources = Vec::new();
    let mut targets = Vec::new();
    for node in &find(&session.graphs, graph)?.nodes {
        for dependency in &find(&session.nodes, *node)?.dependencies {
            sources.push(*dependency);
            targets.push(*node);
        }
    }
    // Both lists are as long, and have as much room.
    let room = to.is_some().then(|| count.get());
    write_nodes(&sources, from, &count)?;
    if let Some(room) = room {
        count.set(room);
    }
    write_nodes(&targets, to, &count)
}

/// `cuGraphNodeGetDependencies`
pub(crate) fn dependencies(
    session: &mut Session,
    node: Handle,
    nodes: Option<Out<CUgraphNode>>,
    count: Out<usize>,
) -> Answer {
    write_nodes(&find(&session.nodes, node)?.dependencies, nodes, &count)
}

/// `cuGraphNodeGetDependentNodes`
pub(crate) fn dependent_nodes(
    session: &mut Session,
    node: Handle,
    nodes: Option<Out<CUgraphNode>>,
    count: Out<usize>,
) -> Answer {
    let mut dependent = find(&session.graphs, find(&session.nodes, node)?.graph)?
        .nodes
        .clone();
    dependent.retain(|other| {
        let other = session.nodes.get(other);
        other.is_some_and(|other| other.dependencies.contains(&node))
    });
    write_nodes(&dependent, nodes, &count)
}

/// Reads two lists of nodes of one graph.
///
/// # Safety
///
/// Each list has this many nodes, or there is none and they are zero.
unsafe fn read_edges(
    session: &Session,
    graph: Handle,
    from: Option<In<CUgraphNode>>,
    to: Option<In<CUgraphNode>>,
    count: usize,
) -> Result<Vec<(Handle, Handle)>, Refusal> {
    find(&session.graphs, graph)?;
    // SAFETY: The caller's duty is the same.
    let (from, to) = unsafe {
        (
            session.read_nodes(from, count)?,
            session.read_nodes(to, count)?,
        )
    };
    for node in from.iter().chain(&to) {
        if find(&session.nodes, *node)?.graph != graph {
            return Err(CUDA_ERROR_INVALID_VALUE.into());
        }
    }
    Ok(from.into_iter().zip(to).collect())
}

/// `cuGraphAddDependencies`
pub(crate) fn add_dependencies(
    session: &mut Session,
    graph: Handle,
    from: Option<In<CUgraphNode>>,
    to: Option<In<CUgraphNode>>,
    count: usize,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    let edges = unsafe { read_edges(session, graph, from, to, count) }?;
    for &(from, to) in &edges {
        if from == to || find(&session.nodes, to)?.dependencies.contains(&from) {
            return Err(refuse(
                CUDA_ERROR_INVALID_VALUE,
                "an edge is there already, or goes from a node to itself",
            ));
        }
    }
    for (from, to) in edges {
        find_mut(&mut session.nodes, to)?.dependencies.push(from);
    }
    Ok(())
}

/// `cuGraphRemoveDependencies`
pub(crate) fn remove_dependencies(
    session: &mut Session,
    graph: Handle,
    from: Option<In<CUgraphNode>>,
    to: Option<In<CUgraphNode>>,
    count: usize,
) -> Answer {
    // SAFETY: The contract of the driver's function is the same.
    let edges = unsafe { read_edges(session, graph, from, to, count) }?;
    for &(from, to) in &edges {
        if !find(&session.nodes, to)?.dependencies.contains(&from) {
            return Err(refuse(CUDA_ERROR_INVALID_VALUE, "there is no such edge"));
        }
    }
    for (from, to) in edges {
        let node = find_mut(&mut session.nodes, to)?;
        node.dependencies.retain(|dependency| *dependency != from);
    }
    Ok(())
}

/// `cuGraphDestroyNode`
pub(crate) fn destroy_node(session: &mut Session, node: Handle) -> Answer {
    let graph = find(&session.nodes, node)?.graph;
    session.forget_node(node);
    let graph = find_mut(&mut session.graphs, graph)?;
    graph.nodes.retain(|other| *other != node);
    for other in graph.nodes.clone() {
        let other = find_mut(&mut session.nodes, other)?;
        other.dependencies.retain(|dependency| *dependency != node);
    }
    Ok(())
}

/// `CU_GRAPH_NODE_TYPE_BATCH_MEM_OP`, which `cust_raw` does not declare.
const BATCH_OF_VALUES: u32 = 12;

/// The type of a node, by its number.
fn type_of(operation: &Operation) -> u32 {
    use CUgraphNodeType_enum::*;

    let kind = match operation {
        Operation::Values(_) => return BATCH_OF_VALUES,
        Operation::Kernel(_) => CU_GRAPH_NODE_TYPE_KERNEL,
        Operation::Copy(_) => CU_GRAPH_NODE_TYPE_MEMCPY,
        Operation::Fill(_) => CU_GRAPH_NODE_TYPE_MEMSET,
        Operation::Host(_) => CU_GRAPH_NODE_TYPE_HOST,
        Operation::Graph(_) => CU_GRAPH_NODE_TYPE_GRAPH,
        Operation::Empty => CU_GRAPH_NODE_TYPE_EMPTY,
        Operation::Record(_) => CU_GRAPH_NODE_TYPE_EVENT_RECORD,
        Operation::Wait(_) => CU_GRAPH_NODE_TYPE_WAIT_EVENT,
    };
    kind as u32
}

/// `cuGraphNodeGetType`
pub(crate) fn node_type(session: &mut Session, node: Handle, kind: Out<CUgraphNodeType>) -> Answer {
    let number = type_of(&find(&session.nodes, node)?.operation);
    // SAFETY: An enum is as large as its number.
    unsafe { kind.as_ptr().cast::<u32>().write_unaligned(number) };
    Ok(())
}

/// `cuGraphDebugDotPrint`
pub(crate) fn print_dot(
    session: &mut Session,
    graph: Handle,
    Text(path): Text,
    _flags: c_uint,
) -> Answer {
    let mut text = "digraph graph_of_work {\n".to_owned();
    for handle in &find(&session.graphs, graph)?.nodes {
        let node = find(&session.nodes, *handle)?;
        let name = match &node.operation {
            Operation::Kernel(launch) => format!("kernel {}", launch.name()),
            Operation::Copy(_) => "memcpy".to_owned(),
            Operation::Fill(_) => "memset".to_owned(),
            Operation::Host(_) => "host".to_owned(),
            Operation::Graph(_) => "graph".to_owned(),
            Operation::Empty => "empty".to_owned(),
            Operation::Values(_) => "batch_mem_op".to_owned(),
            Operation::Record(_) => "event_record".to_owned(),
            Operation::Wait(_) => "wait_event".to_owned(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "  n{} [label=\"{name}\"];", handle.0);
        for before in &node.dependencies {
            let _ = writeln!(text, "  n{} -> n{};", before.0, handle.0);
        }
    }
    text.push_str("}\n");
    std::fs::write(&path, text)
        .map_err(|error| refuse(CUDA_ERROR_OPERATING_SYSTEM, format!("{path}: {error}")))
}
