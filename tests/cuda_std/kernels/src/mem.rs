//! `cuda_std::mem`, and what allocates by it.

use core::alloc::{GlobalAlloc, Layout};
use core::hint::black_box;

use cuda_std::mem::{self, CUDAAllocator, GLOBAL_ALLOCATOR};
use cuda_std::prelude::*;

/// Each thread sorts its number's divisors, in a vector that grows, and sums what boxes hold.
#[kernel]
pub unsafe fn mem_collections(sums: *mut [u32; 4]) {
    let number = thread::index() + 1;
    let mut divisors = Vec::new();
    for divisor in (1..=number).rev() {
        if number.is_multiple_of(divisor) {
            divisors.push(divisor);
        }
    }
    divisors.sort_unstable();
    let boxed: Vec<Box<u32>> = divisors
        .iter()
        .map(|divisor| Box::new(divisor * 3))
        .collect();
    let shared = Rc::new(number);
    let same = Rc::clone(&shared);
    let zeros: Vec<u64> = zeros_of(number as usize);
    *sums.add(thread::index() as usize) = [
        divisors.len() as u32,
        divisors
            .iter()
            .enumerate()
            .map(|(i, d)| (i as u32 + 1) * d)
            .sum(),
        boxed.iter().map(|number| **number).sum(),
        *same + Rc::strong_count(&shared) as u32 + zeros.iter().sum::<u64>() as u32,
    ];
}

/// Zeroed memory from the allocator.
fn zeros_of(len: usize) -> Vec<u64> {
    let mut zeros = Vec::with_capacity(len);
    zeros.resize(len, 0);
    zeros
}

/// Collections whose room is not full when they grow, so that what is copied is not all written.
#[kernel]
pub unsafe fn mem_growth(number: u32, results: *mut [u32; 2]) {
    let mut words: Vec<u32> = Vec::with_capacity(number as usize + 3);
    words.push(number);
    words.reserve(100 * number as usize);
    words.push(1);
    let mut text = String::with_capacity(number as usize + 9);
    text.push('é');
    text.reserve(50 + number as usize);
    text.push_str("ab");
    *results = [
        words.iter().sum(),
        text.bytes().map(u32::from).sum::<u32>() + text.len() as u32,
    ];
}

/// Text that is put together on the heap. One thread, whose bytes the host gets.
#[kernel]
pub unsafe fn mem_text(number: u32, bytes: *mut u8) {
    let mut text: String = format!("{number:04}");
    text.push_str(" = ");
    text += &number.to_string();
    let owned = "!".to_owned();
    text.extend([owned.as_str(), "?"]);
    for (idx, byte) in text.bytes().enumerate() {
        *bytes.add(idx) = byte;
    }
}

#[derive(Clone, Copy)]
#[repr(align(16))]
struct Aligned16(u8);
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Aligned32([u64; 5]);
#[derive(Clone, Copy)]
#[repr(align(1024))]
struct Aligned1024(u32);

/// Boxes and vectors of types with large alignments: the offsets from it, which are 0, and the values.
#[kernel]
pub unsafe fn mem_alignment(results: *mut [u32; 8]) {
    let thread = thread::index();
    let a = Box::new(Aligned16(thread as u8));
    let b = Box::new(Aligned32([u64::from(thread); 5]));
    let c = Box::new(Aligned1024(thread + 7));
    // Growing would copy the padding, which nobody has written.
    let mut many = Vec::with_capacity(5);
    for idx in 0..5 {
        many.push(Aligned1024(idx));
    }
    fn offset<T>(pointer: *const T) -> u32 {
        (core::hint::black_box(pointer).addr() % align_of::<T>()) as u32
    }
    *results.add(thread as usize) = [
        offset(&raw const *a),
        offset(&raw const *b),
        offset(&raw const *c),
        offset(many.as_ptr()),
        a.0.into(),
        b.0.iter().sum::<u64>() as u32,
        c.0,
        many.iter().map(|element| element.0).sum(),
    ];
}

/// The allocator's own functions, and the device's.
#[kernel]
pub unsafe fn mem_raw(results: *mut u32) {
    let pointer = mem::malloc(64).cast::<u32>();
    for idx in 0..16 {
        pointer.add(idx).write(idx as u32);
    }
    let layout = Layout::from_size_align_unchecked(64, 64);
    let copy = CUDAAllocator.alloc(layout).cast::<u32>();
    copy.copy_from(pointer, 16);
    mem::free(pointer.cast());
    let grown = GLOBAL_ALLOCATOR
        .realloc(copy.cast(), layout, 256)
        .cast::<u32>();
    let larger = Layout::from_size_align_unchecked(256, 64);
    let zeroed = GLOBAL_ALLOCATOR.alloc_zeroed(larger).cast::<u32>();
    let mut sum = 0;
    for idx in 0..16 {
        sum += *grown.add(idx) + *zeroed.add(4 * idx);
    }
    *results = sum;
    GLOBAL_ALLOCATOR.dealloc(grown.cast(), larger);
    GLOBAL_ALLOCATOR.dealloc(zeroed.cast(), larger);
    mem::free(core::ptr::null_mut());
    // What the compiler does not see it cannot do without.
    *results.add(1) = black_box(mem::malloc(0)).is_null().into();
    *results.add(2) = black_box(mem::malloc(1 << 40)).is_null().into();
    *results.add(3) = CUDAAllocator
        .alloc(Layout::from_size_align_unchecked(1 << 40, 64))
        .is_null()
        .into();
}

/// More than the heap holds.
#[kernel]
pub unsafe fn mem_too_much(n: usize, result: *mut usize) {
    let bytes: Vec<u8> = Vec::with_capacity(n);
    *result = bytes.capacity();
}

/// A box that is never freed.
#[kernel]
pub unsafe fn mem_leak(result: *mut *mut u32) {
    *result = Box::into_raw(Box::new(5));
}

/// A box that is freed twice.
#[kernel]
pub unsafe fn mem_double_free() {
    let pointer = core::hint::black_box(Box::into_raw(Box::new(5)));
    drop(Box::from_raw(pointer));
    drop(Box::from_raw(core::hint::black_box(pointer)));
}

/// The sizes of shared memory, of a block with 256 bytes of its own.
#[kernel]
pub unsafe fn mem_shared_sizes(sizes: *mut [u32; 2]) {
    let s_values = cuda_std::shared_array![u32; 64];
    *s_values.add(thread::thread_idx_x() as usize) = 0;
    *sizes.add(thread::index() as usize) = [mem::dynamic_smem_size(), mem::total_smem_size()];
}
