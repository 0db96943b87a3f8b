//! What the tests of the simulator share: choosing it, PTX to run, and the raw functions.

use std::ffi::{CString, c_void};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use cuda_driver::{Source, sim};
use cust::context::Context;
use cust::sys::{self, CUresult};

/// The result of a call of one of the raw functions.
macro_rules! call {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: The tests pass handles, which are never followed, and pointers that are null or
        // of variables as large as the call wants them.
        unsafe { cust::sys::$function($($argument),*) }
    };
}
pub(crate) use call;

/// The log so far.
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One test at a time: they share the device, its log and its findings.
static TURN: Mutex<()> = Mutex::new(());

/// Makes the simulator the driver of this process and waits for the turn of the calling test.
pub fn simulator() -> MutexGuard<'static, ()> {
    static SELECTED: Once = Once::new();
    SELECTED.call_once(|| {
        let options = sim::Options {
            seed: 1,
            workers: 1,
            ..sim::Options::default()
        };
        cuda_driver::select(Source::Simulator(options)).expect("this is the first call");
        sim::set_log(|entry| {
            LOG.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(entry.to_owned());
        });
        cust::init(cust::CudaFlags::empty()).expect("the simulator starts");
    });
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    take_log();
    sim::reports();
    turn
}

/// The entries of the log since the last call.
pub fn take_log() -> Vec<String> {
    std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A new context, current in this thread.
pub fn context() -> Context {
    let device = cust::device::Device::get_device(0).expect("there is a device");
    Context::new(device).expect("the device has a context")
}

/// Fails unless a call succeeded.
#[track_caller]
pub fn ok(result: CUresult) {
    assert_eq!(result, CUresult::CUDA_SUCCESS, "{:?}", take_log());
}

/// A C string.
pub fn text(text: &str) -> CString {
    CString::new(text).expect("the text has no zero byte")
}

/// Loads a module and one of its functions.
pub fn load(ptx: &str, name: &str) -> (sys::CUmodule, sys::CUfunction) {
    let (ptx, name) = (text(ptx), text(name));
    let mut module = std::ptr::null_mut();
    let mut function = std::ptr::null_mut();
    // SAFETY: The texts end in zero bytes, and the places are variables.
    unsafe {
        ok(sys::cuModuleLoadData(&mut module, ptx.as_ptr().cast()));
        ok(sys::cuModuleGetFunction(
            &mut function,
            module,
            name.as_ptr(),
        ));
    }
    (module, function)
}

/// Launches a function along x in a stream, with pointers to its arguments.
pub fn launch(
    function: sys::CUfunction,
    grid: u32,
    block: u32,
    shared: u32,
    stream: sys::CUstream,
    arguments: &mut [*mut c_void],
) -> CUresult {
    // SAFETY: The tests give a pointer for each parameter.
    unsafe {
        sys::cuLaunchKernel(
            function,
            grid,
            1,
            1,
            block,
            1,
            1,
            shared,
            stream,
            arguments.as_mut_ptr(),
            std::ptr::null_mut(),
        )
    }
}

/// Reads numbers from the device.
pub fn read<T: Copy + Default>(address: sys::CUdeviceptr, count: usize) -> Vec<T> {
    let mut values = vec![T::default(); count];
    let bytes = size_of_val(values.as_slice());
    // SAFETY: The place is as large as the copy.
    ok(unsafe { sys::cuMemcpyDtoH_v2(values.as_mut_ptr().cast(), address, bytes) });
    values
}

/// Writes numbers to the device.
pub fn write<T: Copy>(address: sys::CUdeviceptr, values: &[T]) {
    let bytes = size_of_val(values);
    // SAFETY: The source is as large as the copy.
    ok(unsafe { sys::cuMemcpyHtoD_v2(address, values.as_ptr().cast(), bytes) });
}

/// Frees device memory.
pub fn free(address: sys::CUdeviceptr) {
    // SAFETY: The tests use no memory after they freed it.
    ok(unsafe { sys::cuMemFree_v2(address) });
}

/// A pointer to an argument, as launches want it.
pub fn pointer<T>(argument: &T) -> *mut c_void {
    (&raw const *argument).cast_mut().cast()
}

/// A stream.
pub fn stream(flags: u32) -> sys::CUstream {
    let mut stream = std::ptr::null_mut();
    // SAFETY: The place is a variable.
    ok(unsafe { sys::cuStreamCreate(&mut stream, flags) });
    stream
}

/// Allocates device memory.
pub fn allocate(bytes: usize) -> sys::CUdeviceptr {
    let mut address = 0;
    // SAFETY: The place is a variable.
    ok(unsafe { sys::cuMemAlloc_v2(&mut address, bytes) });
    address
}

/// Kernels for the tests.
///
/// - `add(c, a, b, n)`: `c[i] = a[i] + b[i]` for `i < n`
/// - `scale(x, factor, n)`: `x[i] *= factor` for `i < n`
/// - `poke(address)`: writes there
/// - `shared(out)`: has 4096 bytes of static shared memory, and writes how far behind its start the
///   dynamic begins
/// - `bounded()`: for at most 128 threads
/// - `exact()`: for exactly 64 threads
/// - `nothing()`: does nothing
pub const PTX: &str = r#"
.version 7.0
.target sm_75
.address_size 64

.visible .global .align 4 .u32 counter[2] = {7, 9};
.extern .shared .align 16 .b8 dynamic[];

.visible .entry add(.param .u64 p_c, .param .u64 p_a, .param .u64 p_b, .param .u32 p_n)
{
    .reg .pred %p<2>;
    .reg .f32 %f<4>;
    .reg .b32 %r<6>;
    .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [p_c];
    ld.param.u64 %rd2, [p_a];
    ld.param.u64 %rd3, [p_b];
    ld.param.u32 %r1, [p_n];
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mov.u32 %r4, %tid.x;
    mad.lo.s32 %r5, %r2, %r3, %r4;
    setp.ge.u32 %p1, %r5, %r1;
    @%p1 bra done;
    mul.wide.u32 %rd4, %r5, 4;
    add.s64 %rd5, %rd2, %rd4;
    add.s64 %rd6, %rd3, %rd4;
    add.s64 %rd7, %rd1, %rd4;
    ld.global.f32 %f1, [%rd5];
    ld.global.f32 %f2, [%rd6];
    add.f32 %f3, %f1, %f2;
    st.global.f32 [%rd7], %f3;
done:
    ret;
}

.visible .entry scale(.param .u64 p_x, .param .f32 p_factor, .param .u32 p_n)
{
    .reg .pred %p<2>;
    .reg .f32 %f<4>;
    .reg .b32 %r<6>;
    .reg .b64 %rd<4>;
    ld.param.u64 %rd1, [p_x];
    ld.param.f32 %f1, [p_factor];
    ld.param.u32 %r1, [p_n];
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mov.u32 %r4, %tid.x;
    mad.lo.s32 %r5, %r2, %r3, %r4;
    setp.ge.u32 %p1, %r5, %r1;
    @%p1 bra done;
    mul.wide.u32 %rd2, %r5, 4;
    add.s64 %rd3, %rd1, %rd2;
    ld.global.f32 %f2, [%rd3];
    mul.f32 %f3, %f2, %f1;
    st.global.f32 [%rd3], %f3;
done:
    ret;
}

.visible .entry poke(.param .u64 p_address)
{
    .reg .b32 %r<2>;
    .reg .b64 %rd<2>;
    ld.param.u64 %rd1, [p_address];
    mov.u32 %r1, 1;
    st.global.u32 [%rd1], %r1;
    ret;
}

.visible .entry shared(.param .u64 p_out)
{
    .shared .align 16 .b8 fixed[4096];
    .reg .b32 %r<5>;
    .reg .b64 %rd<2>;
    ld.param.u64 %rd1, [p_out];
    mov.u32 %r1, fixed;
    mov.u32 %r2, dynamic;
    sub.u32 %r3, %r2, %r1;
    st.shared.u32 [%r1], %r3;
    ld.shared.u32 %r4, [%r1];
    st.global.u32 [%rd1], %r4;
    ret;
}

.visible .entry bounded()
.maxntid 128, 1, 1
{
    ret;
}

.visible .entry exact()
.reqntid 64, 1, 1
{
    ret;
}

.visible .entry nothing()
{
    ret;
}
"#;
