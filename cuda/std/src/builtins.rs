//! What rustc calls without being asked, and a device has no library for.

/// The difference of the first two bytes that are not the same, as C has it: what `==` and `cmp` of
/// strings and of slices of bytes call. `cuda_builder` takes it out of PTX that does not.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    for idx in 0..n {
        // SAFETY: the caller has `n` bytes behind each.
        let (a, b) = unsafe { (*a.add(idx), *b.add(idx)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}
