//! `cuda_std::ptr`.

use cuda_std::prelude::*;
use cuda_std::ptr::*;

#[cuda_std::address_space(constant)]
static TABLE: [u32; 4] = [3, 1, 4, 1];

const SPACES: [AddressSpace; 4] = [
    AddressSpace::Global,
    AddressSpace::Shared,
    AddressSpace::Constant,
    AddressSpace::Local,
];

/// For a pointer into each space: which one it is in, whether it comes back from its own address, and
/// what lies there.
#[kernel]
pub unsafe fn ptr_spaces(global: *const u32, results: *mut [[u32; 6]; 4]) {
    let s_value = cuda_std::shared_array![u32; 2];
    *s_value.add(1) = 22;
    let local = core::hint::black_box([33_u32; 3]);
    let pointers = [
        global.add(2),
        s_value.add(1).cast_const(),
        (&raw const TABLE).cast::<u32>().add(2),
        (&raw const local).cast::<u32>().add(1),
    ];
    let results = results.add(thread::index() as usize).cast::<[u32; 6]>();
    for (idx, pointer) in pointers.into_iter().enumerate() {
        let pointer = core::hint::black_box(pointer);
        let [a, b, c, d] = SPACES.map(|space| u32::from(is_in_address_space(pointer, space)));
        let specific = convert_generic_to_specific_address_space(pointer, SPACES[idx]);
        let generic = convert_specific_address_space_to_generic(specific, SPACES[idx]);
        *results.add(idx) = [a, b, c, d, u32::from(generic == pointer), *generic];
    }
}

/// Reads by the address in shared memory, as `asm!` does.
#[kernel]
pub unsafe fn ptr_specific(result: *mut u32) {
    let s_values = cuda_std::shared_array![u32; 8];
    *s_values.add(5) = 99;
    let place = s_values.add(5).cast_const();
    let address = convert_generic_to_specific_address_space(place, AddressSpace::Shared);
    #[cfg(target_arch = "nvptx64")]
    {
        let value: u32;
        core::arch::asm!("ld.shared.u32 {}, [{}];", out(reg32) value, in(reg64) address);
        *result = value;
    }
    #[cfg(not(target_arch = "nvptx64"))]
    let _ = (address, result);
}
