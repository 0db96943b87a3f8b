//! Functions that `cust_raw` does not declare: libraries, launches with attributes, operations on values,
//! nodes by their parameters; and threads that launch at the same time.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;

use cust::sys::CUresult::*;
use cust::sys::{self, CUresult};

use super::common::*;

// As CUDA's header has them; the driver's crate defines them all.
#[allow(clashing_extern_declarations)]
unsafe extern "C" {
    fn cuLibraryLoadData(
        library: *mut *mut c_void,
        code: *const c_void,
        options: *mut c_int,
        values: *mut *mut c_void,
        n_options: c_uint,
        library_options: *mut c_int,
        library_values: *mut *mut c_void,
        n_library_options: c_uint,
    ) -> CUresult;
    fn cuLibraryGetKernel(
        kernel: *mut *mut c_void,
        library: *mut c_void,
        name: *const c_char,
    ) -> CUresult;
    fn cuLibraryGetKernelCount(count: *mut c_uint, library: *mut c_void) -> CUresult;
    fn cuLibraryGetGlobal(
        address: *mut u64,
        bytes: *mut usize,
        library: *mut c_void,
        name: *const c_char,
    ) -> CUresult;
    fn cuLibraryUnload(library: *mut c_void) -> CUresult;
    fn cuKernelGetFunction(function: *mut sys::CUfunction, kernel: *mut c_void) -> CUresult;
    fn cuKernelSetAttribute(
        attribute: c_int,
        value: c_int,
        kernel: *mut c_void,
        device: c_int,
    ) -> CUresult;
    fn cuKernelGetAttribute(
        value: *mut c_int,
        attribute: c_int,
        kernel: *mut c_void,
        device: c_int,
    ) -> CUresult;
    fn cuFuncGetName(name: *mut *const c_char, function: *mut c_void) -> CUresult;
    fn cuFuncGetParamInfo(
        function: sys::CUfunction,
        index: usize,
        offset: *mut usize,
        size: *mut usize,
    ) -> CUresult;
    fn cuModuleGetFunctionCount(count: *mut c_uint, module: sys::CUmodule) -> CUresult;
    fn cuLaunchKernelEx(
        config: *const Config,
        function: *mut c_void,
        parameters: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> CUresult;
    fn cuGraphAddNode_v2(
        node: *mut sys::CUgraphNode,
        graph: sys::CUgraph,
        dependencies: *const sys::CUgraphNode,
        data: *const c_void,
        count: usize,
        parameters: *mut [u64; 32],
    ) -> CUresult;
    fn cuGraphNodeSetEnabled(
        executable: sys::CUgraphExec,
        node: sys::CUgraphNode,
        enabled: c_uint,
    ) -> CUresult;
    fn cuStreamBeginCaptureToGraph(
        stream: sys::CUstream,
        graph: sys::CUgraph,
        dependencies: *const sys::CUgraphNode,
        data: *const c_void,
        count: usize,
        mode: c_int,
    ) -> CUresult;
    fn cuStreamGetId(stream: sys::CUstream, id: *mut u64) -> CUresult;
    fn cuStreamQuery_ptsz(stream: sys::CUstream) -> CUresult;
}

#[repr(C)]
struct Attribute {
    id: u32,
    padding: u32,
    value: [u64; 8],
}

#[repr(C)]
struct Config {
    grid: [u32; 3],
    block: [u32; 3],
    shared: u32,
    stream: sys::CUstream,
    attributes: *const Attribute,
    n_attributes: u32,
}

impl Config {
    fn new(attributes: &[Attribute]) -> Self {
        Self {
            grid: [1; 3],
            block: [4, 1, 1],
            shared: 0,
            stream: ptr::null_mut(),
            attributes: attributes.as_ptr(),
            n_attributes: attributes.len() as u32,
        }
    }
}

/// A call of one of the functions above.
macro_rules! newer {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: As for `call`.
        unsafe { $function($($argument),*) }
    };
}

/// Loads a library and one of its kernels.
fn library(name: &str) -> (*mut c_void, *mut c_void) {
    let (mut library, mut kernel) = (ptr::null_mut(), ptr::null_mut());
    let (code, name) = (text(PTX), text(name));
    ok(newer!(cuLibraryLoadData(
        &mut library,
        code.as_ptr().cast(),
        ptr::null_mut(),
        ptr::null_mut(),
        0,
        ptr::null_mut(),
        ptr::null_mut(),
        0
    )));
    ok(newer!(cuLibraryGetKernel(
        &mut kernel,
        library,
        name.as_ptr()
    )));
    (library, kernel)
}

#[test]
fn a_library_is_of_every_context() {
    let _turn = simulator();
    // It is loaded without a context.
    call!(cuCtxSetCurrent(ptr::null_mut()));
    let (library, kernel) = library("scale");
    let mut count = 0;
    ok(newer!(cuLibraryGetKernelCount(&mut count, library)));
    assert_eq!(count, PTX.matches(".entry").count() as u32);
    let mut function = ptr::null_mut();
    assert_eq!(
        newer!(cuKernelGetFunction(&mut function, kernel)),
        CUDA_ERROR_INVALID_CONTEXT
    );

    let mut globals = Vec::new();
    for _ in 0..2 {
        let context = context();
        let x = allocate(16);
        write(x, &[1.0f32, 2.0, 3.0, 4.0]);
        let (factor, n) = (2.0f32, 4u32);
        let arguments = &mut [pointer(&x), pointer(&factor), pointer(&n)];
        // A kernel is launched as if it were a function.
        let config = Config::new(&[]);
        ok(newer!(cuLaunchKernelEx(
            &config,
            kernel,
            arguments.as_mut_ptr(),
            ptr::null_mut()
        )));
        ok(launch(kernel.cast(), 1, 4, 0, ptr::null_mut(), arguments));
        assert_eq!(read::<f32>(x, 4), [4.0, 8.0, 12.0, 16.0]);
        let (mut address, mut bytes) = (0, 0);
        ok(newer!(cuLibraryGetGlobal(
            &mut address,
            &mut bytes,
            library,
            c"counter".as_ptr()
        )));
        assert_eq!((bytes, read::<u32>(address, 2)), (8, vec![7, 9]));
        globals.push(address);
        free(x);
        drop(context);
    }
    assert_ne!(globals[0], globals[1]);
    ok(newer!(cuLibraryUnload(library)));
    assert_eq!(newer!(cuLibraryUnload(library)), CUDA_ERROR_INVALID_HANDLE);
    let _context = context();
    let mut name = ptr::null();
    let gone = newer!(cuFuncGetName(&mut name, kernel));
    assert_eq!(gone, CUDA_ERROR_INVALID_HANDLE);
}

#[test]
fn attributes_of_kernels_are_those_of_their_functions() {
    const DYNAMIC_SHARED: c_int = 8;
    let _turn = simulator();
    let _context = context();
    let (library, kernel) = library("nothing");
    ok(newer!(cuKernelSetAttribute(
        DYNAMIC_SHARED,
        100_000,
        kernel,
        0
    )));
    let mut value = 0;
    ok(newer!(cuKernelGetAttribute(
        &mut value,
        DYNAMIC_SHARED,
        kernel,
        0
    )));
    assert_eq!(value, 100_000);
    assert_eq!(
        newer!(cuKernelSetAttribute(DYNAMIC_SHARED, 1 << 30, kernel, 0)),
        CUDA_ERROR_INVALID_VALUE
    );
    // One that is there before it is set, and one that comes after.
    let mut function = ptr::null_mut();
    ok(newer!(cuKernelGetFunction(&mut function, kernel)));
    ok(launch(function, 1, 1, 100_000, ptr::null_mut(), &mut []));
    ok(newer!(cuKernelSetAttribute(DYNAMIC_SHARED, 0, kernel, 0)));
    assert_eq!(
        launch(function, 1, 1, 8, ptr::null_mut(), &mut []),
        CUDA_ERROR_INVALID_VALUE
    );
    let mut name = ptr::null();
    ok(newer!(cuFuncGetName(&mut name, kernel)));
    // SAFETY: The name is a text that stays.
    assert_eq!(unsafe { std::ffi::CStr::from_ptr(name) }, c"nothing");
    ok(newer!(cuLibraryUnload(library)));
}

#[test]
fn functions_say_what_they_take() {
    let _turn = simulator();
    let _context = context();
    let (module, function) = load(PTX, "scale");
    let mut count = 0;
    ok(newer!(cuModuleGetFunctionCount(&mut count, module)));
    assert_eq!(count, PTX.matches(".entry").count() as u32);
    let mut found = Vec::new();
    let (mut offset, mut size) = (0, 0);
    while newer!(cuFuncGetParamInfo(
        function,
        found.len(),
        &mut offset,
        &mut size
    )) == CUDA_SUCCESS
    {
        found.push((offset, size));
    }
    assert_eq!(found, [(0, 8), (8, 4), (12, 4)]);
}

#[test]
fn a_launch_with_attributes() {
    let _turn = simulator();
    let _context = context();
    let (_, function) = load(PTX, "nothing");
    let attribute = |id, first: u64| Attribute {
        id,
        padding: 0,
        value: [first, 0, 0, 0, 0, 0, 0, 0],
    };
    let run = |attributes: &[Attribute]| {
        let config = Config::new(attributes);
        newer!(cuLaunchKernelEx(
            &config,
            function.cast(),
            ptr::null_mut(),
            ptr::null_mut()
        ))
    };
    // Cooperative, a priority, serialization of its own, and the event behind the launch.
    let mut event = ptr::null_mut();
    ok(call!(cuEventCreate(&mut event, 2)));
    ok(run(&[
        attribute(2, 1),
        attribute(8, 0),
        attribute(6, 1),
        attribute(12, event.addr() as u64),
    ]));
    ok(call!(cuEventSynchronize(event)));
    assert_eq!(
        run(&[attribute(12, 0xdead_beef)]),
        CUDA_ERROR_INVALID_HANDLE
    );
    assert_eq!(run(&[attribute(13, 1)]), CUDA_ERROR_NOT_SUPPORTED);
    assert_eq!(run(&[attribute(99, 1)]), CUDA_ERROR_INVALID_VALUE);
    // A cluster without blocks.
    assert_eq!(run(&[attribute(4, 0)]), CUDA_ERROR_INVALID_VALUE);
    let config = Config {
        n_attributes: 1,
        attributes: ptr::null(),
        ..Config::new(&[])
    };
    let result = newer!(cuLaunchKernelEx(
        &config,
        function.cast(),
        ptr::null_mut(),
        ptr::null_mut()
    ));
    assert_eq!(result, CUDA_ERROR_INVALID_VALUE);
}

#[test]
fn pools_count_what_is_theirs() {
    let _turn = simulator();
    let _context = context();
    // Pinned memory of device 0, no handles, at most 4096 bytes.
    let mut properties = [0u64; 11];
    properties[0] = 1;
    properties[1] = 1;
    properties[3] = 4096;
    let (mut pool, mut address) = (ptr::null_mut(), 0);
    ok(call!(cuMemPoolCreate(
        &mut pool,
        properties.as_ptr().cast()
    )));
    let used = |pool| {
        let mut bytes = 0u64;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT;
        ok(call!(cuMemPoolGetAttribute(
            pool,
            attribute,
            (&raw mut bytes).cast()
        )));
        bytes
    };
    let mut default = ptr::null_mut();
    ok(call!(cuDeviceGetDefaultMemPool(&mut default, 0)));
    let before = used(default);
    ok(call!(cuMemAllocFromPoolAsync(
        &mut address,
        4000,
        pool,
        ptr::null_mut()
    )));
    assert_eq!((used(pool), used(default)), (4000, before));
    let mut second = 0;
    assert_eq!(
        call!(cuMemAllocFromPoolAsync(
            &mut second,
            100,
            pool,
            ptr::null_mut()
        )),
        CUDA_ERROR_OUT_OF_MEMORY
    );
    // The device allocates from it, until it is gone; what was allocated stays.
    ok(call!(cuDeviceSetMemPool(0, pool)));
    ok(call!(cuMemAllocAsync(&mut second, 50, ptr::null_mut())));
    assert_eq!(used(pool), 4050);
    ok(call!(cuMemPoolDestroy(pool)));
    assert_eq!(call!(cuMemPoolDestroy(pool)), CUDA_ERROR_INVALID_VALUE);
    let mut current = ptr::null_mut();
    ok(call!(cuDeviceGetMemPool(&mut current, 0)));
    assert_eq!(current, default);
    ok(call!(cuMemFreeAsync(address, ptr::null_mut())));
    ok(call!(cuMemFreeAsync(second, ptr::null_mut())));
    assert_eq!(call!(cuMemPoolDestroy(default)), CUDA_ERROR_INVALID_VALUE);
}

#[test]
fn streams_write_values_and_wait_for_them() {
    let _turn = simulator();
    let context = context();
    let stream = stream(1);
    let flag = allocate(16);
    write(flag, &[0u32; 4]);
    ok(call!(cuStreamWriteValue32(stream, flag, 5, 0)));
    ok(call!(cuStreamWaitValue32(stream, flag, 4, 0)));
    ok(call!(cuStreamWriteValue64(stream, flag + 8, 1 << 40, 0)));
    ok(call!(cuStreamWaitValue64(stream, flag + 8, 1 << 40, 1)));
    assert_eq!(read::<u32>(flag, 4), [5, 0, 0, 256]);
    assert_eq!(
        call!(cuStreamWriteValue32(stream, flag + 1, 5, 0)),
        CUDA_ERROR_INVALID_VALUE
    );
    assert_eq!(
        call!(cuStreamWaitValue32(stream, flag + 16, 5, 0)),
        CUDA_ERROR_INVALID_VALUE
    );
    // What another thread still writes is waited for.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cust::context::CurrentContext::set_current(&context).expect("it is alive");
            std::thread::sleep(std::time::Duration::from_millis(20));
            write(flag, &[77u32]);
        });
        ok(call!(cuStreamWaitValue32(stream, flag, 77, 1)));
    });
    free(flag);
}

#[test]
fn nodes_by_their_parameters() {
    let _turn = simulator();
    let _context = context();
    let (_, function) = load(PTX, "scale");
    let x = allocate(16);
    write(x, &[1.0f32; 4]);
    let (mut graph, mut executable, mut first, mut node) = (
        ptr::null_mut(),
        ptr::null_mut(),
        ptr::null_mut(),
        ptr::null_mut(),
    );
    ok(call!(cuGraphCreate(&mut graph, 0)));
    let (factor, n) = (3.0f32, 4u32);
    let arguments = [pointer(&x), pointer(&factor), pointer(&n)];
    let mut parameters = [0u64; 32];
    let two = |low: u64, high: u64| low | high << 32;
    parameters[2..9].copy_from_slice(&[
        function.addr() as u64,
        two(1, 1),
        two(1, 4),
        two(1, 1),
        0,
        arguments.as_ptr().expose_provenance() as u64,
        0,
    ]);
    ok(newer!(cuGraphAddNode_v2(
        &mut first,
        graph,
        ptr::null(),
        ptr::null(),
        0,
        &mut parameters
    )));
    ok(newer!(cuGraphAddNode_v2(
        &mut node,
        graph,
        &first,
        ptr::null(),
        1,
        &mut parameters
    )));
    // What a stream is given is captured behind them.
    let stream = stream(1);
    ok(newer!(cuStreamBeginCaptureToGraph(
        stream,
        graph,
        &node,
        ptr::null(),
        1,
        0
    )));
    ok(call!(cuMemcpyDtoDAsync_v2(x + 12, x, 4, stream)));
    let mut captured = ptr::null_mut();
    ok(call!(cuStreamEndCapture(stream, &mut captured)));
    assert_eq!(captured, graph);
    ok(call!(cuGraphInstantiateWithFlags(
        &mut executable,
        graph,
        0
    )));
    ok(call!(cuGraphLaunch(executable, stream)));
    assert_eq!(read::<f32>(x, 4), [9.0; 4]);
    ok(newer!(cuGraphNodeSetEnabled(executable, first, 0)));
    ok(call!(cuGraphLaunch(executable, stream)));
    assert_eq!(read::<f32>(x, 4), [27.0; 4]);
    // A conditional node is of no type that there is.
    parameters[0] = 13;
    let refused = newer!(cuGraphAddNode_v2(
        &mut node,
        graph,
        ptr::null(),
        ptr::null(),
        0,
        &mut parameters
    ));
    assert_eq!(refused, CUDA_ERROR_NOT_SUPPORTED);
    ok(call!(cuGraphExecDestroy(executable)));
    ok(call!(cuGraphDestroy(graph)));
    free(x);
}

/// `wait(flag)` ends when there is something at `flag`, and `set(flag)` puts it there.
const WAIT: &str = ".version 7.0\n.target sm_75\n.address_size 64\n\
    .visible .entry wait(.param .u64 p) {\n\
    .reg .pred %p<2>; .reg .b32 %r<2>; .reg .b64 %rd<2>;\n\
    ld.param.u64 %rd1, [p];\n\
    again: ld.volatile.global.u32 %r1, [%rd1]; setp.eq.u32 %p1, %r1, 0; @%p1 bra again;\n\
    ret; }\n\
    .visible .entry set(.param .u64 p) {\n\
    .reg .b32 %r<2>; .reg .b64 %rd<2>;\n\
    ld.param.u64 %rd1, [p]; mov.u32 %r1, 1; st.volatile.global.u32 [%rd1], %r1;\n\
    ret; }";

#[test]
fn kernels_of_two_threads_run_at_the_same_time() {
    let _turn = simulator();
    let context = context();
    let (module, wait) = load(WAIT, "wait");
    let mut set = ptr::null_mut();
    ok(call!(cuModuleGetFunction(
        &mut set,
        module,
        c"set".as_ptr()
    )));
    let flag = allocate(4);
    write(flag, &[0u32]);
    let (waiting, setting) = (stream(1), stream(1));
    let (waits, sets, waits_in, sets_in) =
        (wait.addr(), set.addr(), waiting.addr(), setting.addr());
    let started = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cust::context::CurrentContext::set_current(&context).expect("it is alive");
            started.wait();
            let (function, stream) = (
                ptr::without_provenance_mut(waits),
                ptr::without_provenance_mut(waits_in),
            );
            ok(launch(function, 1, 1, 0, stream, &mut [pointer(&flag)]));
        });
        started.wait();
        // Until the kernel is seen to run, the other stream is idle and this one has time.
        let stream = ptr::without_provenance_mut(waits_in);
        while call!(cuStreamQuery(stream)) == CUDA_SUCCESS {
            std::thread::yield_now();
        }
        assert_eq!(call!(cuStreamQuery(stream)), CUDA_ERROR_NOT_READY);
        assert_eq!(newer!(cuStreamQuery_ptsz(stream)), CUDA_ERROR_NOT_READY);
        let (function, stream) = (
            ptr::without_provenance_mut(sets),
            ptr::without_provenance_mut(sets_in),
        );
        ok(call!(cuStreamSynchronize(stream)));
        ok(launch(function, 1, 1, 0, stream, &mut [pointer(&flag)]));
        // This waits for the other thread's kernel.
        ok(call!(cuCtxSynchronize()));
    });
    ok(call!(cuStreamQuery(waiting)));
    let mut ids = [0; 2];
    ok(newer!(cuStreamGetId(waiting, &mut ids[0])));
    ok(newer!(cuStreamGetId(setting, &mut ids[1])));
    assert_ne!(ids[0], ids[1]);
    free(flag);
    assert_eq!(cuda_driver::sim::reports(), []);
}
