//! Tests of the memory of a device.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::exec::{ALL, LANES, lanes};

const CAPACITY: u64 = 80 << 30;

fn memory() -> Memory {
    Memory::new(CAPACITY, true)
}

fn device(memory: &Memory, size: u64) -> u64 {
    memory.allocate(size, 1, AllocationKind::Device).unwrap()
}

#[test]
fn allocations_are_aligned_and_far_apart() {
    let memory = memory();
    let sizes = [1, 255, 4096, 4097, 1 << 20, 3, 70 << 20];
    let mut end = 0;
    for (size, alignment) in sizes.into_iter().zip([1, 256, 4096, 2, 512, 1 << 21, 8]) {
        let address = memory
            .allocate(size, alignment, AllocationKind::Device)
            .unwrap();
        assert_eq!(address % alignment.max(256), 0);
        assert!(
            address >= end + size.max(GAP),
            "{address:#x} is near {end:#x}"
        );
        end = address + size;
        assert!(memory.read(address + size, &mut [0]).is_err());
        assert!(memory.read(address - 1, &mut [0]).is_err());
        assert!(memory.read(address + size - 1, &mut [0]).is_ok());
    }
}

#[test]
fn capacity_is_honoured_without_touching_memory() {
    let memory = memory();
    match memory.allocate(70 << 30, 1, AllocationKind::Device) {
        Ok(address) => {
            assert_eq!(memory.free_bytes(), 10 << 30);
            memory
                .write(address + (70 << 30) - 4, &[1, 2, 3, 4])
                .unwrap();
            let error = memory
                .allocate(11 << 30, 1, AllocationKind::Device)
                .unwrap_err();
            assert!(matches!(error, MemoryError::OutOfMemory { free, .. } if free == 10 << 30));
            memory.free(address).unwrap();
        }
        // A host may refuse as much.
        Err(error) => assert!(matches!(error, MemoryError::OutOfMemory { .. })),
    }
    assert_eq!(memory.free_bytes(), CAPACITY);
    for size in [CAPACITY + 1, u64::MAX, u64::MAX - 4096] {
        assert!(matches!(
            memory.allocate(size, 1, AllocationKind::Device),
            Err(MemoryError::OutOfMemory { .. })
        ));
    }
    assert!(matches!(
        memory.allocate(u64::MAX, 1, AllocationKind::Pinned),
        Err(MemoryError::OutOfMemory { .. })
    ));
}

#[test]
fn wrong_requests_are_errors() {
    let memory = memory();
    let kind = AllocationKind::Device;
    assert_eq!(memory.allocate(0, 1, kind), Err(MemoryError::Empty));
    for alignment in [0, 3, 1 << 32] {
        let error = memory.allocate(1, alignment, kind);
        assert_eq!(error, Err(MemoryError::Alignment { alignment }));
    }
    let address = device(&memory, 100);
    for (at, bytes) in [
        (0, 1),
        (address, 101),
        (address + 100, 1),
        (u64::MAX, 1),
        (u64::MAX, 2),
    ] {
        assert!(memory.read(at, &mut vec![0; bytes]).is_err());
        assert!(memory.write(at, &vec![0; bytes]).is_err());
        assert!(memory.fill(at, &[0], bytes as u64).is_err());
        assert!(memory.copy(at, address, bytes as u64).is_err());
        assert!(memory.copy(address, at, bytes as u64).is_err());
        assert!(memory.read(at, &mut []).is_ok());
    }
    assert!(memory.fill(address, &[0; 4], u64::MAX).is_err());
    assert_eq!(
        memory.fill(address, &[0; 3], 1),
        Err(MemoryError::Pattern { bytes: 3 })
    );
}

#[test]
fn bytes_are_kept_at_every_offset_and_length() {
    let memory = memory();
    let mut host = vec![0_u8; 1000];
    let address = device(&memory, 1000);
    memory.write(address, &host).unwrap();
    for (start, length) in [
        (0, 1),
        (1, 7),
        (3, 8),
        (5, 25),
        (8, 16),
        (7, 993),
        (999, 1),
        (0, 1000),
    ] {
        let bytes: Vec<u8> = (0..length)
            .map(|index| (index * 7 + start) as u8 | 1)
            .collect();
        memory.write(address + start as u64, &bytes).unwrap();
        host[start..start + length].copy_from_slice(&bytes);
        let mut back = vec![0; 1000];
        memory.read(address, &mut back).unwrap();
        assert_eq!(back, host);
    }
}

#[test]
fn fills_repeat_their_pattern() {
    let memory = memory();
    let bytes = 3 * CHUNK + 100;
    let address = device(&memory, bytes as u64 + 4);
    for pattern in [&[7][..], &[1, 2], &[1, 2, 3, 4]] {
        memory.fill(address, &[9], bytes as u64 + 4).unwrap();
        memory
            .fill(address, pattern, (bytes / pattern.len()) as u64)
            .unwrap();
        let mut back = vec![0; bytes + 4];
        memory.read(address, &mut back).unwrap();
        let mut expected = pattern.repeat(bytes / pattern.len());
        expected.resize(bytes + 4, 9);
        assert_eq!(back, expected);
    }
}

#[test]
fn overlapping_copies_move_the_old_bytes() {
    let memory = memory();
    let bytes = 2 * CHUNK + 1234;
    let host: Vec<u8> = (0..bytes)
        .map(|index| ((index * index) >> 7) as u8)
        .collect();
    for (to, from, length) in [
        (0, 5, bytes - 5),
        (5, 0, bytes - 5),
        (CHUNK, 0, CHUNK),
        (8, 8, 100),
    ] {
        let address = device(&memory, bytes as u64);
        memory.write(address, &host).unwrap();
        memory
            .copy(address + to as u64, address + from as u64, length as u64)
            .unwrap();
        let mut expected = host.clone();
        expected.copy_within(from..from + length, to);
        let mut back = vec![0; bytes];
        memory.read(address, &mut back).unwrap();
        assert!(back == expected, "to {to} from {from}");
    }
}

#[test]
fn addresses_are_told_by_their_allocation() {
    let memory = memory();
    assert_eq!(memory.describe(1234), None);
    let first = device(&memory, 4096);
    let second = memory.allocate(64, 1, AllocationKind::Variable).unwrap();
    let say = |address| memory.describe(address).unwrap().to_string();
    assert_eq!(
        say(first),
        "at byte 0 of the 4096-byte allocation #1 (device memory)"
    );
    assert_eq!(
        say(first + 4096 + 12),
        "12 bytes behind the end of the 4096-byte allocation #1 (device memory)"
    );
    assert_eq!(
        say(first + 4096),
        "right behind the end of the 4096-byte allocation #1 (device memory)"
    );
    assert_eq!(
        say(second - 1),
        "1 byte before the 64-byte allocation #2 (a variable of a module)"
    );
    memory.free(first).unwrap();
    assert_eq!(
        say(first + 8),
        "at byte 8 of the freed 4096-byte allocation #1 (device memory)"
    );
    assert_eq!(
        memory.read(first + 8, &mut [0; 4]).unwrap_err().to_string(),
        format!(
            "4 bytes at {:#x} are not in a live allocation: it lies at byte 8 of the freed \
             4096-byte allocation #1 (device memory)",
            first + 8
        )
    );
}

#[test]
fn freeing_is_checked_and_leaks_are_listed() {
    let memory = memory();
    let first = device(&memory, 10);
    let second = memory.allocate(20, 1, AllocationKind::Heap).unwrap();
    let third = memory.allocate(30, 1, AllocationKind::Pinned).unwrap();
    memory.allocate(30, 1, AllocationKind::Constant).unwrap();
    let numbers = |leaks: Vec<Allocation>| leaks.iter().map(|leak| leak.number).collect::<Vec<_>>();
    assert_eq!(numbers(memory.leaks()), [1, 2, 3]);
    assert!(matches!(
        memory.free(first + 1),
        Err(MemoryError::NotAllocated { .. })
    ));
    assert!(memory.free(first).is_ok());
    assert!(matches!(
        memory.free(first),
        Err(MemoryError::DoubleFree { .. })
    ));
    assert_eq!(numbers(memory.leaks()), [2, 3]);
    memory.free(third).unwrap();
    memory.free(second).unwrap();
    assert_eq!(memory.leaks(), []);
}

#[test]
fn freed_allocations_are_remembered_up_to_a_limit() {
    let memory = memory();
    let first = device(&memory, 10);
    memory.free(first).unwrap();
    for _ in 0..REMEMBERED {
        memory.free(device(&memory, 10)).unwrap();
    }
    assert!(matches!(
        memory.free(first),
        Err(MemoryError::NotAllocated { .. })
    ));
    assert_eq!(memory.table().freed.len(), REMEMBERED);
    assert_eq!(memory.table().freed_order.len(), REMEMBERED);
}

#[test]
fn host_memory_keeps_its_address() {
    let memory = memory();
    let cell = AtomicU32::new(5);
    let pointer = NonNull::from(&cell).cast::<u8>();
    // SAFETY: The cell lives until the end of the test, behind the accesses of `memory`.
    let address = unsafe { memory.register(pointer, 4) }.unwrap();
    assert_eq!(address, pointer.addr().get() as u64);
    memory.write(address, &9_u32.to_ne_bytes()).unwrap();
    assert_eq!(cell.load(Ordering::Relaxed), 9);
    // SAFETY: As above.
    let again = unsafe { memory.register(pointer, 4) };
    assert!(matches!(again, Err(MemoryError::Registration { .. })));
    memory.free(address).unwrap();
    assert!(memory.read(address, &mut [0]).is_err());
    // SAFETY: As above.
    assert_eq!(unsafe { memory.register(pointer, 4) }, Ok(address));
    assert_eq!(memory.free_bytes(), CAPACITY);
    assert!(memory.table().freed.is_empty());
    // SAFETY: It is refused, and never touched.
    let window = unsafe {
        memory.register(
            NonNull::without_provenance((1_usize << 40).try_into().unwrap()),
            1,
        )
    };
    assert!(matches!(window, Err(MemoryError::Registration { .. })));
}

#[test]
fn a_view_sees_what_kernels_allocate_and_free() {
    let memory = memory();
    let first = device(&memory, 100);
    let view = memory.view();
    let mut cursor = view.cursor();
    assert_eq!(cursor.find(first + 96, 4).unwrap().1, 96);
    assert!(cursor.find(first + 97, 4).is_none());
    let second = memory.allocate(8, 8, AllocationKind::Heap).unwrap();
    assert_eq!(
        cursor.find(second, 8).unwrap().0.allocation().kind,
        AllocationKind::Heap
    );
    memory.free(second).unwrap();
    assert!(cursor.find(second, 8).is_none());
    memory.free(first).unwrap();
    assert!(cursor.find(first, 4).is_none());
    assert!(view.cursor().find(first, 4).is_none());
    assert!(memory.view().cursor().find(first, 4).is_none());
}

#[test]
fn many_allocations_are_each_found() {
    let memory = memory();
    let addresses: Vec<u64> = (1..100).map(|size| device(&memory, size)).collect();
    let view = memory.view();
    let mut cursor = view.cursor();
    for _ in 0..3 {
        for (&address, size) in addresses.iter().zip(1..) {
            let (region, offset) = cursor.find(address + size - 1, 1).unwrap();
            assert_eq!((region.address(), offset), (address, size - 1));
        }
    }
}

#[test]
fn warps_access_all_allocations_and_shapes() {
    let memory = memory();
    let first = device(&memory, 1024);
    let second = device(&memory, 1024);
    let bytes: Vec<u8> = (0..1024).map(|index| ((index * 31) >> 3) as u8).collect();
    memory.write(first, &bytes).unwrap();
    memory.write(second, &bytes).unwrap();
    let view = memory.view();
    let mut cursor = view.cursor();
    let patterns: [&dyn Fn(usize) -> u64; 5] = [
        &|lane| first + 128 + 8 * lane as u64,
        &|_| second + 16,
        &|lane| first + 1016 - 8 * lane as u64,
        &|lane| [first, second][lane % 2] + 8 * (lane as u64 * 5 % 32),
        &|lane| {
            if lane % 3 == 0 {
                1
            } else {
                second + 8 * lane as u64
            }
        },
    ];
    for (pattern, mask) in patterns.into_iter().zip([ALL, ALL, !1, ALL, !0x4924_9249]) {
        let addresses: [u64; LANES] = std::array::from_fn(pattern);
        let mut low = [0_u32; LANES];
        let mut high = [0_u32; LANES];
        let mut rest = mask;
        while rest != 0 {
            let accesses = cursor.accesses(&addresses, rest, 8).unwrap();
            accesses.load(0, &mut low);
            accesses.load(1, &mut high);
            rest &= !accesses.mask();
        }
        for lane in lanes(mask) {
            let mut expected = [0; 8];
            memory.read(addresses[lane], &mut expected).unwrap();
            let got = u64::from(high[lane]) << 32 | u64::from(low[lane]);
            assert_eq!(got, u64::from_le_bytes(expected));
        }
    }
}

#[test]
fn warps_meet_the_ends_and_the_alignment() {
    let memory = memory();
    let address = device(&memory, 127);
    let view = memory.view();
    let mut cursor = view.cursor();
    let run: [u64; LANES] = std::array::from_fn(|lane| address + 4 * lane as u64);
    let accesses = cursor.accesses(&run, ALL, 4).unwrap();
    assert_eq!(accesses.mask(), ALL >> 1);
    let fault = cursor.accesses(&run, 1 << 31, 4).err();
    assert_eq!(fault, Some(Fault::OutOfBounds { lane: 31 }));
    let mut odd = run;
    odd[7] += 2;
    let fault = cursor.accesses(&odd, ALL, 4).err();
    assert_eq!(fault, Some(Fault::Misaligned { lane: 7 }));
    let shifted = run.map(|address| address - 1);
    let fault = cursor.accesses(&shifted, ALL, 4).err();
    assert_eq!(fault, Some(Fault::Misaligned { lane: 0 }));
}

#[test]
fn initialization_is_kept_byte_by_byte() {
    let memory = memory();
    let address = device(&memory, 512);
    let copied = device(&memory, 512);
    let view = memory.view();
    let mut cursor = view.cursor();
    memory.write(address + 3, &[0; 130]).unwrap();
    memory.copy(copied + 1, address, 300).unwrap();
    {
        let (region, _) = cursor.find(address, 1).unwrap();
        assert_eq!(region.uninitialized(0, 8), Some(0));
        assert_eq!(region.uninitialized(3, 130), None);
        assert_eq!(region.uninitialized(4, 200), Some(133));
    }
    {
        let (region, _) = cursor.find(copied, 1).unwrap();
        assert_eq!(region.uninitialized(3, 1), Some(3));
        assert_eq!(region.uninitialized(4, 130), None);
        assert_eq!(region.uninitialized(4, 131), Some(134));
    }
    // What was not written overwrites what was.
    memory.copy(address + 3, copied + 200, 2).unwrap();
    let (region, _) = cursor.find(address, 1).unwrap();
    assert_eq!(region.uninitialized(3, 130), Some(3));
    assert_eq!(region.uninitialized(5, 128), None);
    for kind in [
        AllocationKind::Managed,
        AllocationKind::Pinned,
        AllocationKind::Variable,
        AllocationKind::Constant,
    ] {
        let address = memory.allocate(8, 8, kind).unwrap();
        let (region, _) = cursor.find(address, 8).unwrap();
        assert_eq!(region.uninitialized(0, 8), None);
        let mut bytes = [1; 8];
        region.read(0, &mut bytes);
        assert_eq!(bytes, [0; 8]);
        assert_eq!(region.is_writable(), kind != AllocationKind::Constant);
    }
}

#[test]
fn initialization_of_warps() {
    let memory = memory();
    let address = device(&memory, 512);
    let view = memory.view();
    let mut cursor = view.cursor();
    let run: [u64; LANES] = std::array::from_fn(|lane| address + 8 * lane as u64);
    let back: [u64; LANES] = std::array::from_fn(|lane| run[31 - lane]);
    cursor.accesses(&run, 0xffff, 8).unwrap().initialize();
    for (addresses, lane) in [(run, 16), (back, 0)] {
        let accesses = cursor.accesses(&addresses, ALL, 8).unwrap();
        assert_eq!(
            accesses.uninitialized(),
            Some((lane, addresses[lane] - address))
        );
    }
    cursor.accesses(&run, ALL, 8).unwrap().initialize();
    assert_eq!(
        cursor.accesses(&back, ALL, 8).unwrap().uninitialized(),
        None
    );
}

#[test]
fn updates_of_all_sizes_are_in_one_step() {
    let memory = memory();
    let address = memory.allocate(64, 64, AllocationKind::Variable).unwrap();
    let view = memory.view();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut cursor = view.cursor();
                let (region, _) = cursor.find(address, 64).unwrap();
                for _ in 0..10_000 {
                    region.update(2, |old: u16| old.wrapping_add(1));
                    region.update(4, |old: u32| old + 1);
                    region.update(8, |old: u64| old + (1 << 40));
                    region.update_wide(16, |old| old + (1 << 63));
                }
            });
        }
    });
    let mut cursor = view.cursor();
    let (region, _) = cursor.find(address, 64).unwrap();
    assert_eq!(region.update(2, |old: u16| old), 40_000);
    assert_eq!(region.update(0, |old: u16| old), 0);
    assert_eq!(region.update(4, |old: u32| old), 40_000);
    assert_eq!(region.update(8, |old: u64| old), 40_000 << 40);
    assert_eq!(region.update_wide(16, |old| old), 40_000_u128 << 63);
}

/// Prints what the accesses of a warp cost; run it with `--ignored --nocapture` in release.
#[test]
#[ignore = "measures, which takes a quiet machine"]
fn times() {
    for track in [false, true] {
        let memory = Memory::new(CAPACITY, track);
        let address = device(&memory, 1 << 16);
        memory.fill(address, &[1], 1 << 16).unwrap();
        let view = memory.view();
        let mut cursor = view.cursor();
        let run: [u64; LANES] = std::array::from_fn(|lane| address + 4 * lane as u64);
        let scattered: [u64; LANES] =
            std::array::from_fn(|lane| address + (lane as u64 * 7919 % 4096) * 4);
        for (name, addresses) in [("consecutive", run), ("scattered", scattered)] {
            let mut values = [0_u32; LANES];
            let count = 2_000_000;
            let start = std::time::Instant::now();
            for _ in 0..count {
                let accesses = cursor
                    .accesses(std::hint::black_box(&addresses), ALL, 4)
                    .unwrap();
                std::hint::black_box(accesses.offsets());
            }
            let found = start.elapsed().as_nanos() as f64 / f64::from(count);
            let start = std::time::Instant::now();
            for _ in 0..count {
                let addresses = std::hint::black_box(&addresses);
                let accesses = cursor.accesses(addresses, ALL, 4).unwrap();
                assert_eq!(accesses.uninitialized(), None);
                accesses.load(0, &mut values);
                std::hint::black_box(&mut values);
            }
            let load = start.elapsed().as_nanos() as f64 / f64::from(count);
            let start = std::time::Instant::now();
            for _ in 0..count {
                let addresses = std::hint::black_box(&addresses);
                let accesses = cursor.accesses(addresses, ALL, 4).unwrap();
                accesses.store(0, std::hint::black_box(&values));
                accesses.initialize();
            }
            let store = start.elapsed().as_nanos() as f64 / f64::from(count);
            println!(
                "{name}, initialization {track}: found in {found:.1} ns, load {load:.1} ns, store {store:.1} ns"
            );
        }
    }
}
