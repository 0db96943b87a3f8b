//! Memory: kinds of allocations, all shapes of copies and fills, and what is known of pointers.

use std::ffi::c_void;
use std::ptr;

use cust::memory::{CopyDestination, LockedBuffer, UnifiedBuffer};
use cust::module::Module;
use cust::stream::{Stream, StreamFlags};
use cust::sys::CUresult::*;
use cust::sys::{self, CUDA_MEMCPY2D, CUDA_MEMCPY3D, CUmemorytype, CUpointer_attribute};

use super::common::*;
use cuda_driver::sim;

/// A description of a copy with everything zero.
fn flat() -> CUDA_MEMCPY2D {
    CUDA_MEMCPY2D {
        srcXInBytes: 0,
        srcY: 0,
        srcMemoryType: CUmemorytype::CU_MEMORYTYPE_HOST,
        srcHost: ptr::null(),
        srcDevice: 0,
        srcArray: ptr::null_mut(),
        srcPitch: 0,
        dstXInBytes: 0,
        dstY: 0,
        dstMemoryType: CUmemorytype::CU_MEMORYTYPE_DEVICE,
        dstHost: ptr::null_mut(),
        dstDevice: 0,
        dstArray: ptr::null_mut(),
        dstPitch: 0,
        WidthInBytes: 0,
        Height: 0,
    }
}

#[test]
fn pitched_memory_is_copied_in_rectangles() {
    let _turn = simulator();
    let _context = context();
    let (mut memory, mut pitch) = (0, 0);
    ok(call!(cuMemAllocPitch_v2(&mut memory, &mut pitch, 30, 5, 4)));
    assert!(pitch >= 30 && pitch % 512 == 0);
    ok(call!(cuMemsetD8_v2(memory, 0, pitch * 5)));

    // Rows 1 and 2 of a host matrix of 3 rows of 10 bytes, from column 2, go to (4, 3).
    let source: Vec<u8> = (0..30).collect();
    let upload = CUDA_MEMCPY2D {
        srcXInBytes: 2,
        srcY: 1,
        srcHost: source.as_ptr().cast(),
        srcPitch: 10,
        dstXInBytes: 4,
        dstY: 3,
        dstDevice: memory,
        dstPitch: pitch,
        WidthInBytes: 6,
        Height: 2,
        ..flat()
    };
    ok(call!(cuMemcpy2D_v2(&upload)));
    let bytes: Vec<u8> = read(memory, pitch * 5);
    for (y, row) in bytes.chunks(pitch).enumerate() {
        for (x, &byte) in row.iter().enumerate() {
            let is_copied = (4..10).contains(&x) && (3..5).contains(&y);
            let expected = if is_copied { (y - 2) * 10 + x - 2 } else { 0 };
            assert_eq!(byte as usize, expected, "({x}, {y})");
        }
    }

    // And back, to a host matrix of another width, in a stream.
    let mut target = [0xffu8; 2 * 7];
    let download = CUDA_MEMCPY2D {
        srcXInBytes: 4,
        srcY: 3,
        srcMemoryType: CUmemorytype::CU_MEMORYTYPE_DEVICE,
        srcDevice: memory,
        srcPitch: pitch,
        dstMemoryType: CUmemorytype::CU_MEMORYTYPE_HOST,
        dstHost: target.as_mut_ptr().cast(),
        dstPitch: 7,
        WidthInBytes: 6,
        Height: 2,
        ..flat()
    };
    let stream = stream(0);
    ok(call!(cuMemcpy2DAsync_v2(&download, stream)));
    ok(call!(cuStreamSynchronize(stream)));
    assert_eq!(target[..7], [12, 13, 14, 15, 16, 17, 0xff]);
    assert_eq!(target[7..], [22, 23, 24, 25, 26, 27, 0xff]);

    // A row that is wider than its pitch, and rows that run over the end.
    let wide = CUDA_MEMCPY2D {
        srcPitch: 5,
        ..upload
    };
    assert_eq!(call!(cuMemcpy2D_v2(&wide)), CUDA_ERROR_INVALID_VALUE);
    let low = CUDA_MEMCPY2D { dstY: 4, ..upload };
    assert_eq!(call!(cuMemcpy2D_v2(&low)), CUDA_ERROR_INVALID_VALUE);
    let array = CUDA_MEMCPY2D {
        srcMemoryType: CUmemorytype::CU_MEMORYTYPE_ARRAY,
        ..upload
    };
    assert_eq!(call!(cuMemcpy2D_v2(&array)), CUDA_ERROR_NOT_SUPPORTED);
    free(memory);
    assert_eq!(
        call!(cuMemAllocPitch_v2(&mut memory, &mut pitch, 30, 5, 5)),
        CUDA_ERROR_INVALID_VALUE
    );
}

#[test]
fn boxes_are_copied() {
    let _turn = simulator();
    let _context = context();
    // A box of 4 bytes, 3 rows and 2 slices out of one of 6 bytes, 5 rows and 3 slices.
    let source: Vec<u8> = (0..90).collect();
    let from = allocate(90);
    let to = allocate(24);
    write(from, &source);
    let device = CUmemorytype::CU_MEMORYTYPE_DEVICE;
    let copy = CUDA_MEMCPY3D {
        srcXInBytes: 1,
        srcY: 2,
        srcZ: 1,
        srcLOD: 0,
        srcMemoryType: device,
        srcHost: ptr::null(),
        srcDevice: from,
        srcArray: ptr::null_mut(),
        reserved0: ptr::null_mut(),
        srcPitch: 6,
        srcHeight: 5,
        dstXInBytes: 0,
        dstY: 0,
        dstZ: 0,
        dstLOD: 0,
        dstMemoryType: CUmemorytype::CU_MEMORYTYPE_UNIFIED,
        dstHost: ptr::null_mut(),
        dstDevice: to,
        dstArray: ptr::null_mut(),
        reserved1: ptr::null_mut(),
        dstPitch: 0,
        dstHeight: 0,
        WidthInBytes: 4,
        Height: 3,
        Depth: 2,
    };
    ok(call!(cuMemcpy3D_v2(&copy)));
    let mut expected = Vec::new();
    for z in 1..3 {
        for y in 2..5 {
            for x in 1..5 {
                expected.push((z * 30 + y * 6 + x) as u8);
            }
        }
    }
    assert_eq!(read::<u8>(to, 24), expected);
    let low = CUDA_MEMCPY3D {
        srcHeight: 4,
        ..copy
    };
    assert_eq!(call!(cuMemcpy3D_v2(&low)), CUDA_ERROR_INVALID_VALUE);
    free(from);
    free(to);
}

#[test]
fn memory_is_filled() {
    let _turn = simulator();
    let _context = context();
    let memory = allocate(64);
    ok(call!(cuMemsetD8_v2(memory, 0xab, 64)));
    ok(call!(cuMemsetD16_v2(memory + 2, 0x1234, 2)));
    ok(call!(cuMemsetD32_v2(memory + 8, 0xdead_beef, 1)));
    ok(call!(cuMemsetD2D8_v2(memory + 16, 8, 1, 3, 2)));
    ok(call!(cuMemsetD2D16Async(
        memory + 32,
        16,
        0x0202,
        1,
        2,
        ptr::null_mut()
    )));
    let bytes: Vec<u8> = read(memory, 64);
    let mut expected = [0xab; 64];
    expected[2..6].copy_from_slice(&[0x34, 0x12, 0x34, 0x12]);
    expected[8..12].copy_from_slice(&[0xef, 0xbe, 0xad, 0xde]);
    expected[16..19].fill(1);
    expected[24..27].fill(1);
    expected[32..34].fill(2);
    expected[48..50].fill(2);
    assert_eq!(bytes, expected);
    let results = [
        call!(cuMemsetD32_v2(memory + 2, 0, 1)),
        call!(cuMemsetD8_v2(memory, 0, 65)),
        call!(cuMemsetD2D8_v2(memory, 2, 1, 3, 2)),
    ];
    assert_eq!(results, [CUDA_ERROR_INVALID_VALUE; 3]);
    ok(call!(cuMemsetD32_v2(memory, 0, 0)));
    free(memory);
}

#[test]
fn copies_stay_in_their_allocations() {
    let _turn = simulator();
    let _context = context();
    let (a, b) = (allocate(16), allocate(16));
    let mut host = [0u8; 32];
    let results = [
        call!(cuMemcpyHtoD_v2(a, host.as_ptr().cast(), 17)),
        call!(cuMemcpyDtoH_v2(host.as_mut_ptr().cast(), a + 8, 9)),
        call!(cuMemcpyDtoD_v2(a, b + 1, 16)),
        call!(cuMemcpy(a, b + 16, 1)),
        call!(cuMemcpyHtoD_v2(
            host.as_ptr() as u64,
            host.as_ptr().cast(),
            1
        )),
    ];
    assert_eq!(results, [CUDA_ERROR_INVALID_VALUE; 5]);
    write(a, &[1u8; 16]);
    ok(call!(cuMemcpyDtoDAsync_v2(b, a, 16, ptr::null_mut())));
    // By the addresses alone: from the device to the host and between two places of the host.
    ok(call!(cuMemcpy(host.as_mut_ptr() as u64, b, 16)));
    let half = host.as_mut_ptr() as u64 + 16;
    ok(call!(cuMemcpy(half, host.as_mut_ptr() as u64, 8)));
    assert_eq!(host[..24], [1; 24]);
    assert_eq!(host[24..], [0; 8]);
    free(a);
    free(b);
}

#[test]
fn host_and_device_share_memory() {
    let _turn = simulator();
    let _context = context();
    let module = Module::from_ptx(PTX, &[]).expect("the PTX is valid");
    let scale = module.get_function("scale").expect("the kernel is there");
    let stream = Stream::new(StreamFlags::NON_BLOCKING, None).expect("a stream");
    let mut managed = UnifiedBuffer::from_slice(&[1.0f32, 2.0, 3.0]).expect("memory");
    let mut pinned = LockedBuffer::new(&4.0f32, 2).expect("memory");
    let mut registered = vec![5.0f32; 4];
    let bytes = size_of_val(registered.as_slice());
    let start = registered.as_mut_ptr().cast::<c_void>();
    ok(call!(cuMemHostRegister_v2(start, bytes, 2)));
    let again = call!(cuMemHostRegister_v2(start, bytes, 2));
    assert_eq!(again, CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    let mut addresses = [managed.as_unified_ptr().as_raw() as u64, 0, 0];
    let pinned_start = pinned.as_mut_ptr().cast::<c_void>();
    ok(call!(cuMemHostGetDevicePointer_v2(
        &mut addresses[1],
        pinned_start,
        0
    )));
    ok(call!(cuMemHostGetDevicePointer_v2(
        &mut addresses[2],
        start,
        0
    )));
    for (address, n) in addresses.into_iter().zip([3u32, 2, 4]) {
        // SAFETY: The kernel stops at the length, and the host waits for it.
        unsafe { cust::launch!(scale<<<1, 32, 0, stream>>>(address, 2.0f32, n)) }
            .expect("the launch is legal");
    }
    stream.synchronize().expect("the kernels succeed");
    assert_eq!(*managed, [2.0, 4.0, 6.0]);
    assert_eq!(*pinned, [8.0; 2]);
    assert_eq!(registered, [10.0; 4]);
    managed[0] = 7.0;
    ok(call!(cuMemPrefetchAsync(
        addresses[0],
        12,
        0,
        ptr::null_mut()
    )));
    assert_eq!(
        call!(cuMemPrefetchAsync(addresses[1], 8, 0, ptr::null_mut())),
        CUDA_ERROR_INVALID_VALUE
    );
    ok(call!(cuMemHostUnregister(start)));
    assert_eq!(
        call!(cuMemHostUnregister(start)),
        CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED
    );
    drop((managed, pinned));
    assert_eq!(sim::reports(), []);
}

#[test]
fn pointers_tell_what_they_point_to() {
    use CUpointer_attribute::*;

    let _turn = simulator();
    let mut context = ptr::null_mut();
    ok(call!(cuCtxCreate_v2(&mut context, 0, 0)));
    let memory = allocate(100);
    let number = |attribute, address| {
        let mut value = 0u64;
        let result = call!(cuPointerGetAttribute(
            (&raw mut value).cast(),
            attribute,
            address
        ));
        (result == CUDA_SUCCESS).then_some(value)
    };
    assert_eq!(
        number(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, memory + 99),
        Some(2)
    );
    assert_eq!(number(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, memory + 100), None);
    assert_eq!(
        number(CU_POINTER_ATTRIBUTE_CONTEXT, memory),
        Some(context as u64)
    );
    assert_eq!(
        number(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, memory + 7),
        Some(memory)
    );
    assert_eq!(
        number(CU_POINTER_ATTRIBUTE_RANGE_SIZE, memory + 7),
        Some(100)
    );
    assert_eq!(number(CU_POINTER_ATTRIBUTE_HOST_POINTER, memory), None);
    let (mut base, mut size) = (0, 0);
    ok(call!(cuMemGetAddressRange_v2(
        &mut base,
        &mut size,
        memory + 50
    )));
    assert_eq!((base, size), (memory, 100));
    let none = call!(cuMemGetAddressRange_v2(&mut base, &mut size, memory + 100));
    assert_eq!(none, CUDA_ERROR_NOT_FOUND);

    // Several at once; memory of the host alone has none, which is no error here.
    let (mut kind, mut device) = (7u32, 7i32);
    let mut attributes = [
        CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
        CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
    ];
    let mut values = [(&raw mut kind).cast(), (&raw mut device).cast::<c_void>()];
    let mut ask = |address| {
        ok(call!(cuPointerGetAttributes(
            2,
            attributes.as_mut_ptr(),
            values.as_mut_ptr(),
            address
        )));
        // SAFETY: The variables live on; the driver wrote to them through the pointers above.
        unsafe {
            (
                (&raw const kind).read_volatile(),
                (&raw const device).read_volatile(),
            )
        }
    };
    assert_eq!(ask(memory), (2, 0));
    assert_eq!(ask(base + 4096), (0, -2));
    free(memory);
    ok(call!(cuCtxDestroy_v2(context)));
}

#[test]
fn memory_runs_out() {
    let _turn = simulator();
    let _context = context();
    let (mut before, mut total) = (0, 0);
    ok(call!(cuMemGetInfo_v2(&mut before, &mut total)));
    assert_eq!(total, 80 << 30);
    let memory = allocate(1 << 20);
    let mut after = 0;
    ok(call!(cuMemGetInfo_v2(&mut after, &mut total)));
    assert_eq!(before - after, 1 << 20);
    let mut none = 0;
    assert_eq!(
        call!(cuMemAlloc_v2(&mut none, total)),
        CUDA_ERROR_OUT_OF_MEMORY
    );
    assert_eq!(call!(cuMemAlloc_v2(&mut none, 0)), CUDA_ERROR_INVALID_VALUE);
    free(memory);
}

#[test]
fn pools_follow_streams() {
    let _turn = simulator();
    let _context = context();
    let stream = stream(1);
    let mut memory = 0;
    ok(call!(cuMemAllocAsync(&mut memory, 256, stream)));
    ok(call!(cuMemsetD8Async(memory, 1, 256, stream)));
    let mut pool = ptr::null_mut();
    ok(call!(cuDeviceGetDefaultMemPool(&mut pool, 0)));
    let used = || {
        let mut used = 0u64;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT;
        ok(call!(cuMemPoolGetAttribute(
            pool,
            attribute,
            (&raw mut used).cast()
        )));
        used
    };
    assert_eq!(used(), 256);
    ok(call!(cuMemFreeAsync(memory, stream)));
    assert_eq!(used(), 0);
    assert_eq!(
        call!(cuMemFreeAsync(memory, stream)),
        CUDA_ERROR_INVALID_VALUE
    );
    ok(call!(cuStreamDestroy_v2(stream)));
    assert_eq!(sim::reports(), []);
}

#[test]
fn buffers_of_cust_round_trip() {
    let _turn = simulator();
    let _context = context();
    let values: Vec<u64> = (0..1000).map(|i| i * i).collect();
    let buffer = cust::memory::DeviceBuffer::from_slice(&values).expect("memory");
    let mut back = vec![0; 1000];
    buffer.copy_to(&mut back).expect("the copy succeeds");
    assert_eq!(back, values);
    let mut part = [0; 3];
    buffer
        .index(10..13)
        .copy_to(&mut part)
        .expect("the copy succeeds");
    assert_eq!(part, [100, 121, 144]);
}
