//! Launches: every way to pass arguments, what is refused, attributes and occupancy.

use std::ffi::c_void;
use std::ptr;

use cust::sys::CUfunction_attribute::*;
use cust::sys::CUresult::*;
use cust::sys::{self, CUfunction, CUresult};

use super::common::*;
use cuda_driver::sim;

/// Launches one block of 32 threads with a packed buffer.
fn launch_packed(function: CUfunction, buffer: &[u8]) -> CUresult {
    let size = buffer.len();
    let key = |number| ptr::without_provenance_mut::<c_void>(number);
    let mut extra = [
        key(1),
        buffer.as_ptr().cast_mut().cast(),
        key(2),
        pointer(&size),
        key(0),
    ];
    let none = ptr::null_mut();
    call!(cuLaunchKernel(
        function,
        1,
        1,
        1,
        32,
        1,
        1,
        0,
        none,
        ptr::null_mut(),
        extra.as_mut_ptr()
    ))
}

#[test]
fn arguments_come_in_three_ways() {
    let _turn = simulator();
    let _context = context();
    let (_, scale) = load(PTX, "scale");
    let memory = allocate(16);
    write(memory, &[1.0f32, 2.0, 3.0, 4.0]);
    let (factor, n) = (2.0f32, 3u32);

    let arguments = &mut [pointer(&memory), pointer(&factor), pointer(&n)];
    ok(launch(scale, 1, 32, 0, ptr::null_mut(), arguments));
    assert_eq!(read::<f32>(memory, 4), [2.0, 4.0, 6.0, 4.0]);

    let mut packed = memory.to_ne_bytes().to_vec();
    packed.extend(factor.to_ne_bytes());
    packed.extend(n.to_ne_bytes());
    ok(launch_packed(scale, &packed));
    assert_eq!(read::<f32>(memory, 4), [4.0, 8.0, 12.0, 4.0]);

    ok(call!(cuFuncSetBlockShape(scale, 32, 1, 1)));
    ok(call!(cuParamSetv(scale, 0, pointer(&memory), 8)));
    ok(call!(cuParamSetf(scale, 8, factor)));
    ok(call!(cuParamSeti(scale, 12, 4)));
    ok(call!(cuParamSetSize(scale, 16)));
    ok(call!(cuLaunchGrid(scale, 1, 1)));
    assert_eq!(read::<f32>(memory, 4), [8.0, 16.0, 24.0, 8.0]);
    free(memory);
    assert_eq!(sim::reports(), []);
}

#[test]
fn arguments_that_do_not_match_are_refused() {
    let _turn = simulator();
    let _context = context();
    let (_, add) = load(PTX, "add");
    // Three addresses and a number are 28 bytes; a struct of them has 32.
    let zeros = [0u8; 40];
    for length in [0, 20, 24, 27, 29, 31, 33, 40] {
        take_log();
        assert_eq!(
            launch_packed(add, &zeros[..length]),
            CUDA_ERROR_INVALID_VALUE,
            "{length}"
        );
        let log = take_log().join("\n");
        assert!(log.contains(&format!("have {length} bytes")), "{log}");
        assert!(log.contains("4 parameters take 28"), "{log}");
    }
    // With n = 0 the addresses are not used.
    ok(launch_packed(add, &zeros[..28]));
    ok(launch_packed(add, &zeros[..32]));
    ok(call!(cuCtxSynchronize()));

    let address = 0u64;
    let mut pointers = [
        pointer(&address),
        pointer(&address),
        ptr::null_mut(),
        ptr::null_mut(),
    ];
    let refused = launch(add, 1, 1, 0, ptr::null_mut(), &mut pointers);
    assert_eq!(refused, CUDA_ERROR_INVALID_VALUE);
    assert!(take_log().join("\n").contains("argument 3 is null"));
    let none = ptr::null_mut::<*mut c_void>();
    let stream = ptr::null_mut();
    let refused = call!(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, stream, none, none));
    assert_eq!(refused, CUDA_ERROR_INVALID_VALUE);
    let mut both = [ptr::null_mut()];
    let both = both.as_mut_ptr();
    let refused = call!(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, stream, both, both));
    assert_eq!(refused, CUDA_ERROR_INVALID_VALUE);
    // A key that is none, and an argument too few in the old way.
    let mut extra = [ptr::without_provenance_mut(9), ptr::null_mut()];
    let extra = extra.as_mut_ptr();
    let refused = call!(cuLaunchKernel(
        add, 1, 1, 1, 1, 1, 1, 0, stream, none, extra
    ));
    assert_eq!(refused, CUDA_ERROR_INVALID_VALUE);
    ok(call!(cuParamSetSize(add, 24)));
    assert_eq!(call!(cuLaunch(add)), CUDA_ERROR_INVALID_VALUE);
}

#[test]
fn shapes_beyond_the_limits_are_refused() {
    let _turn = simulator();
    let _context = context();
    let (_, nothing) = load(PTX, "nothing");
    let run = |function, grid: [u32; 3], block: [u32; 3], shared| {
        let [gx, gy, gz] = grid;
        let [bx, by, bz] = block;
        let none = ptr::null_mut();
        let stream = ptr::null_mut();
        call!(cuLaunchKernel(
            function, gx, gy, gz, bx, by, bz, shared, stream, none, none
        ))
    };
    ok(run(nothing, [2, 3, 4], [8, 16, 8], 0));
    ok(run(nothing, [1, 1, 1], [1, 1, 64], 48 << 10));
    let refused = [
        ([0, 1, 1], [1, 1, 1], 0),
        ([1, 1, 1], [1, 0, 1], 0),
        ([1, 65536, 1], [1, 1, 1], 0),
        ([1 << 31, 1, 1], [1, 1, 1], 0),
        ([1, 1, 1], [1025, 1, 1], 0),
        ([1, 1, 1], [1, 1, 65], 0),
        ([1, 1, 1], [64, 32, 1], 0),
        ([1, 1, 1], [1, 1, 1], (48 << 10) + 1),
    ];
    for (grid, block, shared) in refused {
        let result = run(nothing, grid, block, shared);
        assert_eq!(
            result, CUDA_ERROR_INVALID_VALUE,
            "{grid:?} {block:?} {shared}"
        );
    }
    let (_, bounded) = load(PTX, "bounded");
    ok(run(bounded, [1, 1, 1], [128, 1, 1], 0));
    assert_eq!(
        run(bounded, [1, 1, 1], [129, 1, 1], 0),
        CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES
    );
    let (_, exact) = load(PTX, "exact");
    ok(run(exact, [1, 1, 1], [64, 1, 1], 0));
    assert_eq!(
        run(exact, [1, 1, 1], [32, 1, 1], 0),
        CUDA_ERROR_INVALID_VALUE
    );
    ok(call!(cuCtxSynchronize()));
}

#[test]
fn a_cooperative_launch_runs_at_once_or_not_at_all() {
    let _turn = simulator();
    let _context = context();
    let (_, nothing) = load(PTX, "nothing");
    let run = |blocks| {
        let (stream, none) = (ptr::null_mut(), ptr::null_mut());
        call!(cuLaunchCooperativeKernel(
            nothing, blocks, 1, 1, 1024, 1, 1, 0, stream, none
        ))
    };
    // Two blocks of 1024 threads on each of 132 multiprocessors.
    ok(run(264));
    assert_eq!(run(265), CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

fn attribute(function: CUfunction, attribute: sys::CUfunction_attribute) -> i32 {
    let mut value = 0;
    ok(call!(cuFuncGetAttribute(&mut value, attribute, function)));
    value
}

#[test]
fn functions_have_attributes() {
    let _turn = simulator();
    let _context = context();
    let (module, shared) = load(PTX, "shared");
    assert_eq!(attribute(shared, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), 4096);
    assert_eq!(
        attribute(shared, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
        1024
    );
    assert_eq!(attribute(shared, CU_FUNC_ATTRIBUTE_PTX_VERSION), 75);
    assert_eq!(attribute(shared, CU_FUNC_ATTRIBUTE_BINARY_VERSION), 90);
    assert!((1..=255).contains(&attribute(shared, CU_FUNC_ATTRIBUTE_NUM_REGS)));
    let (_, bounded) = load(PTX, "bounded");
    assert_eq!(
        attribute(bounded, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
        128
    );
    let mut of = ptr::null_mut();
    ok(call!(cuFuncGetModule(&mut of, shared)));
    assert_eq!(of, module);

    // 48 KiB together, until more is asked for; up to 227 KiB.
    let dynamic = CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    assert_eq!(attribute(shared, dynamic), (48 << 10) - 4096);
    let memory = allocate(4);
    let run = |bytes| {
        launch(
            shared,
            1,
            1,
            bytes,
            ptr::null_mut(),
            &mut [pointer(&memory)],
        )
    };
    ok(run(44 << 10));
    assert_eq!(run((44 << 10) + 1), CUDA_ERROR_INVALID_VALUE);
    let most = (227 << 10) - 4096;
    let too_many = call!(cuFuncSetAttribute(shared, dynamic, most + 1));
    assert_eq!(too_many, CUDA_ERROR_INVALID_VALUE);
    ok(call!(cuFuncSetAttribute(shared, dynamic, most)));
    ok(run(most as u32));
    ok(call!(cuCtxSynchronize()));
    // The simulator leaves gaps between variables, so that running past one's end is found.
    let distance = read::<u32>(memory, 1)[0];
    assert!(
        distance >= 4096 && distance.is_multiple_of(16),
        "{distance}"
    );
    free(memory);
    assert_eq!(sim::reports(), []);
}

unsafe extern "C" fn four_bytes_per_thread(threads: i32) -> usize {
    4 * threads as usize
}

/// The numbers follow from the kernels' registers, which are 16 here, and an H100's limits; the
/// unit tests have tighter cases, worked out by hand.
#[test]
fn occupancy_follows_the_limits() {
    let _turn = simulator();
    let _context = context();
    let (_, shared) = load(PTX, "shared");
    assert_eq!(attribute(shared, CU_FUNC_ATTRIBUTE_NUM_REGS), 16);
    let active = |threads, dynamic| {
        let mut blocks = -1;
        ok(call!(cuOccupancyMaxActiveBlocksPerMultiprocessor(
            &mut blocks,
            shared,
            threads,
            dynamic
        )));
        blocks
    };
    // 2048 threads; 32 blocks; 228 KiB, of which each block takes 4 KiB, its own, and 1 KiB.
    assert_eq!(active(1024, 0), 2);
    assert_eq!(active(256, 0), 8);
    assert_eq!(active(64, 0), 32);
    assert_eq!(active(64, 5 << 10), 22);
    assert_eq!(active(64, 44 << 10), 4);
    assert_eq!(active(64, 45 << 10), 0);
    let mut blocks = 0;
    let none = call!(cuOccupancyMaxActiveBlocksPerMultiprocessor(
        &mut blocks,
        shared,
        0,
        0
    ));
    assert_eq!(none, CUDA_ERROR_INVALID_VALUE);

    let (mut grid, mut block) = (0, 0);
    ok(call!(cuOccupancyMaxPotentialBlockSize(
        &mut grid, &mut block, shared, None, 0, 0
    )));
    assert_eq!((grid, block), (264, 1024));
    ok(call!(cuOccupancyMaxPotentialBlockSize(
        &mut grid, &mut block, shared, None, 0, 300
    )));
    // 6 blocks of 300 threads are 1800, 7 of 288 are 2016, 8 of 256 are all 2048.
    assert_eq!((grid, block), (8 * 132, 256));
    let of = Some(four_bytes_per_thread as _);
    ok(call!(cuOccupancyMaxPotentialBlockSize(
        &mut grid, &mut block, shared, of, 0, 0
    )));
    assert_eq!((grid, block), (264, 1024));
    let mut bytes = 0;
    ok(call!(cuOccupancyAvailableDynamicSMemPerBlock(
        &mut bytes, shared, 8, 64
    )));
    // 228 KiB in 8 parts of 28.5 KiB, less 5 KiB.
    assert_eq!(bytes, 24064);
}

#[test]
fn the_device_says_that_it_is_simulated() {
    let _turn = simulator();
    let device = cust::device::Device::get_device(0).expect("there is a device");
    let name = device.name().expect("it has a name");
    assert!(
        name.contains("H100") && name.ends_with("(simulated)"),
        "{name}"
    );
    let mut short = [1i8; 5];
    ok(call!(cuDeviceGetName(short.as_mut_ptr().cast(), 5, 0)));
    assert_eq!(short.map(|byte| byte as u8), *b"NVID\0");
    assert_eq!(device.total_memory(), Ok(80 << 30));
    assert_eq!(cust::device::Device::num_devices(), Ok(1));
    let mut none = 0;
    assert_eq!(call!(cuDeviceGet(&mut none, 1)), CUDA_ERROR_INVALID_DEVICE);
    let mut bus = [0u8; 16];
    ok(call!(cuDeviceGetPCIBusId(bus.as_mut_ptr().cast(), 16, 0)));
    assert_eq!(&bus[..13], b"0000:01:00.0\0");
    none = 9;
    ok(call!(cuDeviceGetByPCIBusId(&mut none, bus.as_ptr().cast())));
    assert_eq!(none, 0);
}
