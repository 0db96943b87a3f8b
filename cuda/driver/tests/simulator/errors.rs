//! What is wrong is a code, never a crash, and sticks where a GPU's errors stick.

use std::ffi::c_void;
use std::ptr;

use cust::context::Context;
use cust::device::Device;
use cust::memory::DeviceBuffer;
use cust::sys::CUresult::*;
use cust::sys::{self, CUcontext};

use super::common::*;
use cuda_driver::sim::{self, Kind};

#[test]
fn a_fault_sticks_to_its_context() {
    let _turn = simulator();
    let mut broken: CUcontext = ptr::null_mut();
    ok(call!(cuCtxCreate_v2(&mut broken, 0, 0)));
    let (_, poke) = load(PTX, "poke");
    let memory = allocate(4);
    let beyond = memory + 4;
    let stream = stream(1);

    // The launch itself succeeds, as on a GPU; whoever looks next gets the error.
    ok(launch(poke, 1, 1, 0, stream, &mut [pointer(&beyond)]));
    assert_eq!(
        call!(cuStreamSynchronize(stream)),
        CUDA_ERROR_ILLEGAL_ADDRESS
    );
    let mut value = 0u32;
    let results = [
        call!(cuCtxSynchronize()),
        call!(cuMemcpyDtoH_v2((&raw mut value).cast(), memory, 4)),
        call!(cuMemFree_v2(memory)),
        launch(poke, 1, 1, 0, stream, &mut [pointer(&memory)]),
        call!(cuStreamQuery(stream)),
    ];
    assert_eq!(results, [CUDA_ERROR_ILLEGAL_ADDRESS; 5]);
    let reports = sim::reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(
        (reports[0].kind, &*reports[0].kernel),
        (Kind::OutOfBounds, "poke")
    );
    let log = take_log().join("\n");
    assert!(log.contains("kernel poke, thread (0, 0, 0)"), "{log}");

    // Another context works, and the broken one ends without reports of leaks.
    let mut other: CUcontext = ptr::null_mut();
    ok(call!(cuCtxCreate_v2(&mut other, 0, 0)));
    free(allocate(4));
    ok(call!(cuCtxSynchronize()));
    ok(call!(cuCtxDestroy_v2(other)));
    assert_eq!(call!(cuCtxSynchronize()), CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(call!(cuCtxDestroy_v2(broken)));
    assert_eq!(call!(cuCtxSynchronize()), CUDA_ERROR_INVALID_CONTEXT);
    assert_eq!(sim::reports(), []);
}

#[test]
fn faults_have_the_codes_of_a_gpu() {
    let _turn = simulator();
    let ptx = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry misaligned(.param .u64 p) {
    .reg .b64 %a;
    .reg .b32 %v;
    ld.param.u64 %a, [p];
    ld.global.u32 %v, [%a+2];
    ret;
}
.visible .entry stop(.param .u64 p) { trap; ret; }
";
    let cases = [
        (
            "misaligned",
            CUDA_ERROR_MISALIGNED_ADDRESS,
            Kind::Misaligned,
        ),
        ("stop", CUDA_ERROR_LAUNCH_FAILED, Kind::Trap),
    ];
    for (name, code, kind) in cases {
        let mut context = ptr::null_mut();
        ok(call!(cuCtxCreate_v2(&mut context, 0, 0)));
        let (_, function) = load(ptx, name);
        let memory = allocate(8);
        write(memory, &[0u32; 2]);
        ok(launch(
            function,
            1,
            1,
            0,
            ptr::null_mut(),
            &mut [pointer(&memory)],
        ));
        assert_eq!(call!(cuCtxSynchronize()), code);
        ok(call!(cuCtxDestroy_v2(context)));
        let kinds: Vec<_> = sim::reports().iter().map(|report| report.kind).collect();
        assert_eq!(kinds, [kind]);
    }
}

#[test]
fn a_reset_mends_the_primary_context() {
    let _turn = simulator();
    let _context = context();
    let (_, poke) = load(PTX, "poke");
    ok(launch(
        poke,
        1,
        1,
        0,
        ptr::null_mut(),
        &mut [pointer(&0u64)],
    ));
    assert_eq!(call!(cuCtxSynchronize()), CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(call!(cuDevicePrimaryCtxReset_v2(0)));
    ok(call!(cuCtxSynchronize()));
    // What belonged to the context is gone with what it was.
    let nothing = launch(poke, 1, 1, 0, ptr::null_mut(), &mut [pointer(&0u64)]);
    assert_eq!(nothing, CUDA_ERROR_INVALID_HANDLE);
    let kinds: Vec<_> = sim::reports().iter().map(|report| report.kind).collect();
    assert_eq!(kinds, [Kind::NullPointer]);
}

#[test]
fn what_is_not_freed_is_a_leak() {
    let _turn = simulator();
    {
        let _context = Context::new(Device::get_device(0).expect("a device")).expect("a context");
        let kept = DeviceBuffer::from_slice(&[1u8; 100]).expect("memory");
        std::mem::forget(kept);
        drop(DeviceBuffer::from_slice(&[1u8; 100]).expect("memory"));
    }
    let reports = sim::reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(reports[0].kind, Kind::Leak);
    assert!(
        reports[0].message.starts_with("100 bytes of device memory"),
        "{}",
        reports[0]
    );
    assert!(take_log().iter().any(|entry| entry.contains("memory leak")));
}

#[test]
fn handles_that_are_none_are_refused() {
    let _turn = simulator();
    let _context = context();
    let stream = stream(0);
    ok(call!(cuStreamDestroy_v2(stream)));
    assert_eq!(call!(cuStreamDestroy_v2(stream)), CUDA_ERROR_INVALID_HANDLE);
    assert_eq!(
        call!(cuStreamSynchronize(stream)),
        CUDA_ERROR_INVALID_HANDLE
    );
    let (_, nothing) = load(PTX, "nothing");
    assert_eq!(
        launch(nothing, 1, 1, 0, stream, &mut []),
        CUDA_ERROR_INVALID_HANDLE
    );

    let mut event = ptr::null_mut();
    ok(call!(cuEventCreate(&mut event, 0)));
    // A handle of another kind of object is none of this kind.
    assert_eq!(
        call!(cuStreamQuery(event.cast())),
        CUDA_ERROR_INVALID_HANDLE
    );
    ok(call!(cuEventDestroy_v2(event)));
    assert_eq!(call!(cuEventQuery(event)), CUDA_ERROR_INVALID_HANDLE);

    let wild = ptr::without_provenance_mut::<c_void>(0xdead_beef);
    assert_eq!(
        call!(cuModuleUnload(wild.cast())),
        CUDA_ERROR_INVALID_HANDLE
    );
    assert_eq!(
        call!(cuGraphDestroy(wild.cast())),
        CUDA_ERROR_INVALID_HANDLE
    );
    assert_eq!(
        call!(cuCtxSetCurrent(wild.cast())),
        CUDA_ERROR_INVALID_CONTEXT
    );
    assert_eq!(call!(cuMemFreeHost(wild)), CUDA_ERROR_INVALID_VALUE);

    let memory = allocate(16);
    assert_eq!(call!(cuMemFree_v2(memory + 8)), CUDA_ERROR_INVALID_VALUE);
    free(memory);
    take_log();
    assert_eq!(call!(cuMemFree_v2(memory)), CUDA_ERROR_INVALID_VALUE);
    let log = take_log().join("\n");
    assert!(
        log.starts_with("cuMemFree_v2: ") && log.contains("again"),
        "{log}"
    );
    ok(call!(cuMemFree_v2(0)));
}

#[test]
fn null_has_no_results() {
    let _turn = simulator();
    let _context = context();
    let results = [
        call!(cuDeviceGetCount(ptr::null_mut())),
        call!(cuMemAlloc_v2(ptr::null_mut(), 4)),
        call!(cuStreamCreate(ptr::null_mut(), 0)),
        call!(cuModuleLoadData(ptr::null_mut(), ptr::null())),
        call!(cuDeviceGetName(ptr::null_mut(), 8, 0)),
        call!(cuMemcpyHtoD_v2(allocate_and_forget(), ptr::null(), 4)),
        call!(cuLaunchHostFunc(ptr::null_mut(), None, ptr::null_mut())),
    ];
    assert_eq!(results, [CUDA_ERROR_INVALID_VALUE; 7]);
    // The one allocation above is a leak, as it should be.
    let device = 0;
    ok(call!(cuDevicePrimaryCtxReset_v2(device)));
    assert_eq!(sim::reports().len(), 1);
}

fn allocate_and_forget() -> sys::CUdeviceptr {
    allocate(4)
}

#[test]
fn what_is_not_there_is_named_once() {
    let _turn = simulator();
    let _context = context();
    let mut array = ptr::null_mut();
    for _ in 0..2 {
        let result = call!(cuArrayCreate_v2(&mut array, ptr::null()));
        assert_eq!(result, CUDA_ERROR_NOT_SUPPORTED);
    }
    let log = take_log();
    let named = log
        .iter()
        .filter(|entry| entry.contains("cuArrayCreate_v2"));
    assert_eq!(named.count(), 1, "{log:?}");
    assert!(array.is_null());
}

#[test]
fn numbers_beyond_the_declared_enums_are_refused() {
    // A program that is newer than `cust_raw`, or of another language, may ask for anything.
    type GetAttribute = unsafe extern "C" fn(*mut i32, u32, i32) -> sys::CUresult;
    let _turn = simulator();
    // SAFETY: An enum is passed as its number.
    let get: GetAttribute = unsafe { std::mem::transmute(sys::cuDeviceGetAttribute as *const ()) };
    let mut value = 0;
    for number in [0, 156, 999, u32::MAX] {
        // SAFETY: The place is a variable.
        let result = unsafe { get(&mut value, number, 0) };
        assert_eq!(result, CUDA_ERROR_INVALID_VALUE, "{number}");
    }
    // SAFETY: As above.
    ok(unsafe { get(&mut value, 75, 0) });
    assert_eq!(value, 9);
}

#[test]
fn contexts_are_a_stack_of_each_thread() {
    let _turn = simulator();
    let mut contexts = [ptr::null_mut(); 2];
    for context in &mut contexts {
        ok(call!(cuCtxCreate_v2(context, 0, 0)));
    }
    let current = || {
        let mut current = ptr::null_mut();
        ok(call!(cuCtxGetCurrent(&mut current)));
        current as usize
    };
    let [first, second] = contexts.map(|context| context as usize);
    assert_eq!(current(), second);
    assert_eq!(std::thread::spawn(current).join().expect("no panic"), 0);
    let mut popped = ptr::null_mut();
    ok(call!(cuCtxPopCurrent_v2(&mut popped)));
    assert_eq!((popped as usize, current()), (second, first));
    ok(call!(cuCtxDestroy_v2(popped)));
    assert_eq!(
        call!(cuCtxPushCurrent_v2(popped)),
        CUDA_ERROR_INVALID_CONTEXT
    );
    // A context that is current in another thread can be destroyed under it.
    let destroyed = std::thread::scope(|scope| {
        let used = scope.spawn(move || {
            ok(call!(cuCtxSetCurrent(ptr::without_provenance_mut(first))));
            ok(call!(cuCtxDestroy_v2(ptr::without_provenance_mut(first))));
        });
        used.join().expect("no panic");
        call!(cuCtxSynchronize())
    });
    assert_eq!(destroyed, CUDA_ERROR_CONTEXT_IS_DESTROYED);
    ok(call!(cuCtxSetCurrent(ptr::null_mut())));
    let mut none = ptr::null_mut();
    assert_eq!(
        call!(cuCtxPopCurrent_v2(&mut none)),
        CUDA_ERROR_INVALID_CONTEXT
    );
}

#[test]
fn threads_may_call_at_once() {
    let _turn = simulator();
    let context = context();
    let (_, scale) = load(PTX, "scale");
    let scale = scale as usize;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let context = &context;
            scope.spawn(move || {
                cust::context::CurrentContext::set_current(context).expect("it is alive");
                let stream = stream(1);
                let memory = allocate(400);
                write(memory, &[thread as f32; 100]);
                for _ in 0..5 {
                    let (factor, n) = (2.0f32, 100u32);
                    let arguments = &mut [pointer(&memory), pointer(&factor), pointer(&n)];
                    ok(launch(
                        ptr::without_provenance_mut(scale),
                        1,
                        128,
                        0,
                        stream,
                        arguments,
                    ));
                }
                ok(call!(cuStreamSynchronize(stream)));
                assert_eq!(read::<f32>(memory, 100), [32.0 * thread as f32; 100]);
                free(memory);
                ok(call!(cuStreamDestroy_v2(stream)));
            });
        }
    });
    assert_eq!(sim::reports(), []);
}

#[test]
fn what_is_found_again_is_counted() {
    let _turn = simulator();
    let _context = context();
    let (_, add) = load(PTX, "add");
    let memory = [allocate(128), allocate(128), allocate(128)];
    let n = 32u32;
    // Neither addend was ever written, and two instructions read them.
    let run = || {
        let [c, a, b] = &memory;
        let arguments = &mut [pointer(c), pointer(a), pointer(b), pointer(&n)];
        ok(launch(add, 1, 32, 0, ptr::null_mut(), arguments));
    };
    run();
    let once: Vec<_> = sim::reports().iter().map(|report| report.count).collect();
    take_log();
    (0..3).for_each(|_| run());
    let reports = sim::reports();
    assert_eq!((once.len(), reports.len()), (2, 2), "{reports:?}");
    for (report, once) in reports.iter().zip(once) {
        assert_eq!(
            (report.kind, report.count),
            (Kind::UninitializedGlobal, 3 * once)
        );
    }
    let printed = take_log();
    assert_eq!(printed.len(), 2, "{printed:?}");
    memory.into_iter().for_each(free);
}

/// NVIDIA's runtime library makes of this an error of its own, which its callers get.
#[test]
fn the_tables_of_the_runtime_library_are_refused() {
    let _turn = simulator();
    let tables: [u128; 8] = [
        0xf8cf_f951_2146_8b4e_b9e2_fb46_9e7c_0dd9,
        0x6bd5_fb6c_5bf4_e74a_8987_d939_12fd_9df9,
        0xa094_798c_2e74_2e74_93f2_0800_200c_0a66,
        0x42d8_5a81_23f6_cb47_8298_f6e7_8a3a_ecdc,
        0x2131_8c60_9714_3248_8ca6_41ff_7324_c8f2,
        0xc693_336e_1121_df11_a8c3_68f3_55d8_9593,
        0x263e_8860_7cd2_6143_92f6_bbd5_006d_fa7e,
        0xd408_2055_bde6_704b_8d34_ba12_3c66_e1f2,
    ];
    for table in tables {
        let id = sys::CUuuid {
            bytes: table.to_be_bytes().map(|byte| byte as i8),
        };
        let mut place: *const c_void = (&raw const id).cast();
        assert_eq!(
            call!(cuGetExportTable(&mut place, &id)),
            CUDA_ERROR_NOT_SUPPORTED
        );
        assert!(place.is_null(), "{table:x}");
        let log = take_log().join("\n");
        assert!(log.contains(&format!("{table:x}")), "{log}");
        let is_explained = log.contains("those of the runtime API (cuda..., <<<>>>) do not");
        assert_eq!(is_explained, table == tables[1], "{log}");
    }
}
