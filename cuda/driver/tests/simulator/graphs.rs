//! Graphs, built and changed node by node.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use cust::sys::CUresult::*;
use cust::sys::{
    self, CUDA_HOST_NODE_PARAMS, CUDA_KERNEL_NODE_PARAMS, CUDA_MEMSET_NODE_PARAMS, CUfunction,
    CUgraph, CUgraphExec, CUgraphNode, CUgraphNodeType,
};

use super::common::*;
use cuda_driver::sim;

/// Makes a graph executable.
pub fn instantiate(graph: CUgraph) -> CUgraphExec {
    let mut executable = ptr::null_mut();
    ok(call!(cuGraphInstantiateWithFlags(
        &mut executable,
        graph,
        0
    )));
    executable
}

/// How many nodes a graph has.
pub fn count_nodes(graph: CUgraph) -> usize {
    let mut count = 0;
    ok(call!(cuGraphGetNodes(graph, ptr::null_mut(), &mut count)));
    count
}

/// Counts its calls.
unsafe extern "C" fn count(data: *mut c_void) {
    // SAFETY: The test below gives a counter.
    unsafe { &*data.cast::<AtomicU32>() }.fetch_add(1, Ordering::Relaxed);
}

/// What a kernel's node is made of.
fn kernel_node(func: CUfunction, arguments: &mut [*mut c_void]) -> CUDA_KERNEL_NODE_PARAMS {
    CUDA_KERNEL_NODE_PARAMS {
        func,
        gridDimX: 1,
        gridDimY: 1,
        gridDimZ: 1,
        blockDimX: 32,
        blockDimY: 1,
        blockDimZ: 1,
        sharedMemBytes: 0,
        kernelParams: arguments.as_mut_ptr(),
        extra: ptr::null_mut(),
    }
}

#[test]
fn graphs_are_built_and_changed_node_by_node() {
    let _turn = simulator();
    let mut context = ptr::null_mut();
    ok(call!(cuCtxCreate_v2(&mut context, 0, 0)));
    let (_, function) = load(PTX, "scale");
    let memory = allocate(16);
    let counter = AtomicU32::new(0);

    let mut graph = ptr::null_mut();
    ok(call!(cuGraphCreate(&mut graph, 0)));
    let (mut fill, mut kernel, mut host): (CUgraphNode, CUgraphNode, CUgraphNode) =
        (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let mut ones = CUDA_MEMSET_NODE_PARAMS {
        dst: memory,
        pitch: 0,
        value: 1.0f32.to_bits(),
        elementSize: 4,
        width: 4,
        height: 1,
    };
    let (factor, n) = (Cell::new(2.0f32), 4u32);
    let mut arguments = [pointer(&memory), pointer(&factor), pointer(&n)];
    let launch = kernel_node(function, &mut arguments);
    let call_back = CUDA_HOST_NODE_PARAMS {
        fn_: Some(count),
        userData: pointer(&counter),
    };
    // The kernel is added first and is to run last.
    ok(call!(cuGraphAddKernelNode(
        &mut kernel,
        graph,
        ptr::null(),
        0,
        &launch
    )));
    ok(call!(cuGraphAddHostNode(
        &mut host,
        graph,
        ptr::null(),
        0,
        &call_back
    )));
    ok(call!(cuGraphAddMemsetNode(
        &mut fill, graph, &host, 1, &ones, context
    )));
    ok(call!(cuGraphAddDependencies(graph, &fill, &kernel, 1)));
    assert_eq!(
        call!(cuGraphAddDependencies(graph, &fill, &kernel, 1)),
        CUDA_ERROR_INVALID_VALUE
    );

    let executable = instantiate(graph);
    // The arguments were copied.
    factor.set(100.0);
    ok(call!(cuGraphLaunch(executable, ptr::null_mut())));
    assert_eq!(read::<f32>(memory, 4), [2.0; 4]);
    assert_eq!(counter.load(Ordering::Relaxed), 1);

    // Changes of the graph do not reach what was made of it; changes of that do.
    ones.value = 10.0f32.to_bits();
    ok(call!(cuGraphMemsetNodeSetParams(fill, &ones)));
    ok(call!(cuGraphLaunch(executable, ptr::null_mut())));
    assert_eq!(read::<f32>(memory, 4), [2.0; 4]);
    factor.set(3.0);
    ok(call!(cuGraphExecKernelNodeSetParams(
        executable, kernel, &launch
    )));
    ok(call!(cuGraphLaunch(executable, ptr::null_mut())));
    assert_eq!(read::<f32>(memory, 4), [3.0; 4]);
    assert_eq!(
        call!(cuGraphExecKernelNodeSetParams(executable, fill, &launch)),
        CUDA_ERROR_INVALID_VALUE
    );
    let mut result = sys::CUgraphExecUpdateResult::CU_GRAPH_EXEC_UPDATE_ERROR;
    let mut at = ptr::null_mut();
    ok(call!(cuGraphExecUpdate(
        executable,
        graph,
        &mut at,
        &mut result
    )));
    ok(call!(cuGraphLaunch(executable, ptr::null_mut())));
    assert_eq!(read::<f32>(memory, 4), [20.0; 4]);

    // A node tells its parameters, and what kind it is.
    let mut told = kernel_node(ptr::null_mut(), &mut []);
    ok(call!(cuGraphKernelNodeGetParams(kernel, &mut told)));
    assert_eq!((told.func, told.blockDimX), (function, 32));
    // SAFETY: The node has three arguments, of which the second is a float.
    let factor = unsafe { told.kernelParams.add(1).read().cast::<f32>().read() };
    assert_eq!(factor, 2.0);
    let mut kind = CUgraphNodeType::CU_GRAPH_NODE_TYPE_EMPTY;
    ok(call!(cuGraphNodeGetType(host, &mut kind)));
    assert_eq!(kind, CUgraphNodeType::CU_GRAPH_NODE_TYPE_HOST);
    let mut nodes = [ptr::null_mut(); 5];
    let mut count = 5;
    ok(call!(cuGraphGetNodes(
        graph,
        nodes.as_mut_ptr(),
        &mut count
    )));
    assert_eq!(
        (count, nodes[..4].to_vec()),
        (3, vec![kernel, host, fill, ptr::null_mut()])
    );

    // A clone with a node less cannot replace the whole, but is a graph of its own.
    let mut clone = ptr::null_mut();
    ok(call!(cuGraphClone(&mut clone, graph)));
    let mut copy = ptr::null_mut();
    ok(call!(cuGraphNodeFindInClone(&mut copy, kernel, clone)));
    assert_ne!(copy, kernel);
    ok(call!(cuGraphDestroyNode(copy)));
    let update = call!(cuGraphExecUpdate(executable, clone, &mut at, &mut result));
    assert_eq!(update, CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
    assert_eq!(
        result,
        sys::CUgraphExecUpdateResult::CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED
    );
    let smaller = instantiate(clone);
    ok(call!(cuGraphLaunch(smaller, ptr::null_mut())));
    assert_eq!(read::<f32>(memory, 4), [10.0; 4]);

    // As a node of a third graph, twice.
    let mut outer = ptr::null_mut();
    ok(call!(cuGraphCreate(&mut outer, 0)));
    let (mut first, mut second) = (ptr::null_mut(), ptr::null_mut());
    ok(call!(cuGraphAddChildGraphNode(
        &mut first,
        outer,
        ptr::null(),
        0,
        clone
    )));
    ok(call!(cuGraphAddChildGraphNode(
        &mut second,
        outer,
        &first,
        1,
        graph
    )));
    let nested = instantiate(outer);
    let before = counter.load(Ordering::Relaxed);
    ok(call!(cuGraphLaunch(nested, ptr::null_mut())));
    assert_eq!(read::<f32>(memory, 4), [20.0; 4]);
    assert_eq!(counter.load(Ordering::Relaxed), before + 2);

    // A circle has no order.
    ok(call!(cuGraphAddDependencies(graph, &kernel, &host, 1)));
    let mut none = ptr::null_mut();
    let circle = call!(cuGraphInstantiateWithFlags(&mut none, graph, 0));
    assert_eq!(circle, CUDA_ERROR_INVALID_VALUE);
    free(memory);
    ok(call!(cuCtxDestroy_v2(context)));
    assert_eq!(sim::reports(), []);
}

#[test]
fn graphs_keep_objects_alive() {
    let _turn = simulator();
    let _context = context();
    let destroyed = AtomicU32::new(0);
    let data = pointer(&destroyed);
    let mut object = ptr::null_mut();
    let refused = call!(cuUserObjectCreate(&mut object, data, Some(count), 1, 0));
    assert_eq!(refused, CUDA_ERROR_INVALID_VALUE);
    ok(call!(cuUserObjectCreate(
        &mut object,
        data,
        Some(count),
        1,
        1
    )));
    let mut graph = ptr::null_mut();
    ok(call!(cuGraphCreate(&mut graph, 0)));
    // The caller's own hold moves to the graph; what is made of the graph holds it once more.
    ok(call!(cuGraphRetainUserObject(graph, object, 1, 1)));
    let executable = instantiate(graph);
    let mut outer = ptr::null_mut();
    ok(call!(cuGraphCreate(&mut outer, 0)));
    let mut node = ptr::null_mut();
    ok(call!(cuGraphAddChildGraphNode(
        &mut node,
        outer,
        ptr::null(),
        0,
        graph
    )));
    ok(call!(cuGraphDestroy(graph)));
    ok(call!(cuGraphExecDestroy(executable)));
    assert_eq!(destroyed.load(Ordering::Relaxed), 0);
    assert_eq!(
        call!(cuUserObjectRelease(object, 2)),
        CUDA_ERROR_INVALID_VALUE
    );
    ok(call!(cuGraphDestroy(outer)));
    assert_eq!(destroyed.load(Ordering::Relaxed), 1);
    assert_eq!(
        call!(cuUserObjectRetain(object, 1)),
        CUDA_ERROR_INVALID_HANDLE
    );
}

#[test]
fn nodes_of_kernels_may_be_cooperative() {
    let _turn = simulator();
    let _context = context();
    let (_, nothing) = load(PTX, "nothing");
    let mut graph = ptr::null_mut();
    ok(call!(cuGraphCreate(&mut graph, 0)));
    let mut launch = kernel_node(nothing, &mut []);
    (launch.gridDimX, launch.blockDimX) = (265, 1024);
    let mut node = ptr::null_mut();
    ok(call!(cuGraphAddKernelNode(
        &mut node,
        graph,
        ptr::null(),
        0,
        &launch
    )));
    let attribute = sys::CUkernelNodeAttrID::CU_KERNEL_NODE_ATTRIBUTE_COOPERATIVE;
    let yes = sys::CUkernelNodeAttrValue { cooperative: 1 };
    // An H100 runs 264 blocks of this size at a time.
    let too_large = call!(cuGraphKernelNodeSetAttribute(node, attribute, &yes));
    assert_eq!(too_large, CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
    launch.gridDimX = 264;
    ok(call!(cuGraphKernelNodeSetParams(node, &launch)));
    ok(call!(cuGraphKernelNodeSetAttribute(node, attribute, &yes)));
    // New parameters leave the attribute as it is.
    launch.gridDimX = 265;
    let too_large = call!(cuGraphKernelNodeSetParams(node, &launch));
    assert_eq!(too_large, CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
    let mut value = sys::CUkernelNodeAttrValue { cooperative: 0 };
    ok(call!(cuGraphKernelNodeGetAttribute(
        node, attribute, &mut value
    )));
    // SAFETY: This member of the union is the attribute's.
    let cooperative = unsafe { value.cooperative };
    assert_eq!(cooperative, 1);
    ok(call!(cuGraphLaunch(instantiate(graph), ptr::null_mut())));
    ok(call!(cuCtxSynchronize()));
}
