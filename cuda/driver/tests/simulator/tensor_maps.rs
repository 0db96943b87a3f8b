//! Tensor maps: made by the driver, used by a kernel that nvcc has compiled, and what is refused.

use std::ffi::{c_int, c_uint, c_void};
use std::mem::transmute;
use std::ptr;

use cuda_driver::sim;

use super::common::*;

const BULK: &str = include_str!("../../../sim/tests/ptx/bulk.ptx");

/// `CUtensorMap`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
struct Map([u8; 128]);

type EncodeTiled = unsafe extern "C" fn(
    *mut c_void,
    c_uint,
    u32,
    *mut c_void,
    *const u64,
    *const u64,
    *const u32,
    *const u32,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
) -> u32;
type EncodeIm2col = unsafe extern "C" fn(
    *mut c_void,
    c_uint,
    u32,
    *mut c_void,
    *const u64,
    *const u64,
    *const c_int,
    *const c_int,
    u32,
    u32,
    *const u32,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
) -> u32;
type ReplaceAddress = unsafe extern "C" fn(*mut c_void, *mut c_void) -> u32;

/// A function of the driver that `cust` does not declare.
fn function(name: &str) -> *mut c_void {
    let name = text(name);
    let mut address = ptr::null_mut();
    ok(call!(cuGetProcAddress(
        name.as_ptr(),
        &mut address,
        12_000,
        0
    )));
    address
}

/// The arguments of `cuTensorMapEncodeTiled`.
#[derive(Clone, Copy)]
struct Tiled {
    element: c_uint,
    rank: u32,
    address: u64,
    sizes: [u64; 5],
    strides: [u64; 4],
    counts: [u32; 5],
    steps: [u32; 5],
    interleave: c_uint,
    swizzle: c_uint,
    promotion: c_uint,
    fill: c_uint,
}

/// A matrix of 19 rows of 100 integers, in tiles of 8 rows of 64.
const MATRIX: Tiled = Tiled {
    element: 3,
    rank: 2,
    address: 0x1000,
    sizes: [100, 19, 1, 1, 1],
    strides: [400, 0, 0, 0],
    counts: [64, 8, 1, 1, 1],
    steps: [1; 5],
    interleave: 0,
    swizzle: 0,
    promotion: 2,
    fill: 0,
};

impl Tiled {
    fn encode(&self) -> (u32, Map) {
        let mut map = Map([0; 128]);
        // SAFETY: The driver's function has these arguments; the arrays are as long as the largest rank
        // wants them.
        let result = unsafe {
            let encode: EncodeTiled = transmute(function("cuTensorMapEncodeTiled"));
            encode(
                ptr::from_mut(&mut map).cast(),
                self.element,
                self.rank,
                ptr::without_provenance_mut(self.address as usize),
                self.sizes.as_ptr(),
                self.strides.as_ptr(),
                self.counts.as_ptr(),
                self.steps.as_ptr(),
                self.interleave,
                self.swizzle,
                self.promotion,
                self.fill,
            )
        };
        (result, map)
    }
}

#[test]
fn a_kernel_copies_by_a_map() {
    let _turn = simulator();
    let _context = context();
    let (_, scale) = load(BULK, "scale_tile");
    let values: Vec<i32> = (0..19 * 100).collect();
    let memory = allocate(values.len() * 4);
    write(memory, &values);
    let (result, map) = Tiled {
        address: memory,
        ..MATRIX
    }
    .encode();
    assert_eq!(result, 0, "{:?}", take_log());
    let factor = 3_i32;
    let arguments = &mut [pointer(&map), pointer(&factor)];
    let none = ptr::null_mut();
    ok(call!(cuLaunchKernel(
        scale,
        2,
        3,
        1,
        64,
        1,
        1,
        0,
        none,
        arguments.as_mut_ptr(),
        ptr::null_mut()
    )));
    ok(call!(cuCtxSynchronize()));
    let expected: Vec<i32> = values.iter().map(|value| 3 * value).collect();
    assert_eq!(read::<i32>(memory, values.len()), expected);
    assert_eq!(sim::reports(), []);

    // The same map of another matrix.
    let other = allocate(values.len() * 4);
    write(other, &values);
    let mut map = map;
    // SAFETY: The driver's function has these arguments, and the map is a variable.
    let result = unsafe {
        let replace: ReplaceAddress = transmute(function("cuTensorMapReplaceAddress"));
        replace(
            ptr::from_mut(&mut map).cast(),
            ptr::without_provenance_mut(other as usize),
        )
    };
    assert_eq!(result, 0);
    assert_eq!(
        map,
        Tiled {
            address: other,
            ..MATRIX
        }
        .encode()
        .1
    );
}

#[test]
fn what_a_map_requires_is_checked() {
    let _turn = simulator();
    let _context = context();
    let rank3 = Tiled {
        rank: 3,
        sizes: [32, 8, 4, 1, 1],
        strides: [128, 1024, 0, 0],
        counts: [32, 4, 2, 1, 1],
        ..MATRIX
    };
    let right = [
        MATRIX,
        rank3,
        Tiled { rank: 1, ..MATRIX },
        Tiled {
            element: 6,
            fill: 1,
            ..MATRIX
        },
        Tiled {
            swizzle: 3,
            counts: [32, 8, 1, 1, 1],
            ..MATRIX
        },
        Tiled {
            interleave: 1,
            ..rank3
        },
        Tiled {
            interleave: 2,
            swizzle: 1,
            ..rank3
        },
        Tiled {
            sizes: [1 << 32, 1, 1, 1, 1],
            ..MATRIX
        },
    ];
    for (at, map) in right.iter().enumerate() {
        assert_eq!(map.encode().0, 0, "{at}: {:?}", take_log());
    }
    let wrong = [
        (
            Tiled {
                element: 13,
                ..MATRIX
            },
            "type of elements",
        ),
        (Tiled { rank: 0, ..MATRIX }, "0 dimensions"),
        (Tiled { rank: 6, ..MATRIX }, "6 dimensions"),
        (
            Tiled {
                address: 0x1008,
                ..MATRIX
            },
            "no multiple of 16",
        ),
        (
            Tiled {
                interleave: 2,
                swizzle: 1,
                address: 0x1010,
                ..rank3
            },
            "no multiple of 32",
        ),
        (
            Tiled {
                sizes: [0, 19, 1, 1, 1],
                ..MATRIX
            },
            "dimension 0 has 0 elements",
        ),
        (
            Tiled {
                sizes: [(1 << 32) + 1, 19, 1, 1, 1],
                ..MATRIX
            },
            "1 to 2^32",
        ),
        (
            Tiled {
                strides: [408, 0, 0, 0],
                ..MATRIX
            },
            "stride of dimension 1",
        ),
        (
            Tiled {
                strides: [1 << 40, 0, 0, 0],
                ..MATRIX
            },
            "below 2^40",
        ),
        (
            Tiled {
                counts: [0, 8, 1, 1, 1],
                ..MATRIX
            },
            "0 elements of dimension 0",
        ),
        (
            Tiled {
                counts: [64, 257, 1, 1, 1],
                ..MATRIX
            },
            "257 elements of dimension 1",
        ),
        (
            Tiled {
                counts: [63, 8, 1, 1, 1],
                ..MATRIX
            },
            "no multiple of 16",
        ),
        (
            Tiled {
                steps: [1, 9, 1, 1, 1],
                ..MATRIX
            },
            "1 to 8",
        ),
        (
            Tiled {
                steps: [1, 0, 1, 1, 1],
                ..MATRIX
            },
            "1 to 8",
        ),
        (
            Tiled {
                interleave: 3,
                ..MATRIX
            },
            "interleave",
        ),
        (
            Tiled {
                interleave: 1,
                ..MATRIX
            },
            "3 to 5",
        ),
        (
            Tiled {
                interleave: 2,
                ..rank3
            },
            "needs a swizzle of 32 bytes",
        ),
        (
            Tiled {
                swizzle: 7,
                ..MATRIX
            },
            "swizzle",
        ),
        (
            Tiled {
                swizzle: 4,
                ..MATRIX
            },
            "10.0",
        ),
        (
            Tiled {
                swizzle: 2,
                ..MATRIX
            },
            "more than the 64",
        ),
        (
            Tiled {
                promotion: 4,
                ..MATRIX
            },
            "L2 promotion",
        ),
        (Tiled { fill: 2, ..MATRIX }, "fill"),
        (Tiled { fill: 1, ..MATRIX }, "no NaN"),
    ];
    for (map, words) in wrong {
        take_log();
        let (result, bytes) = map.encode();
        let log = take_log();
        assert_eq!(result, 1, "{words}");
        assert!(
            log.iter().any(|entry| entry.contains(words)),
            "{words}: {log:?}"
        );
        assert_eq!(bytes, Map([0; 128]));
    }
}

#[test]
fn corners_of_pixels_are_checked() {
    let _turn = simulator();
    let _context = context();
    let encode = |offset: usize, lower: [c_int; 3], upper: [c_int; 3], channels, pixels| {
        let mut room = [Map([0; 128]); 2];
        // SAFETY: The driver's function has these arguments, the arrays are long enough, and behind the
        // first map there is room for one that is not aligned.
        unsafe {
            let encode: EncodeIm2col = transmute(function("cuTensorMapEncodeIm2col"));
            encode(
                ptr::from_mut(&mut room).cast::<u8>().add(offset).cast(),
                6,
                4,
                ptr::without_provenance_mut(0x1000),
                [64, 9, 14, 8].as_ptr(),
                [128, 1152, 16128].as_ptr(),
                lower.as_ptr(),
                upper.as_ptr(),
                channels,
                pixels,
                [1, 1, 1, 1].as_ptr(),
                0,
                0,
                0,
                0,
            )
        }
    };
    assert_eq!(encode(0, [-1, -1, 0], [-1, -1, 0], 8, 64), 0);
    take_log();
    for (result, words) in [
        (
            encode(32, [-1, -1, 0], [-1, -1, 0], 8, 64),
            "aligned to 64 bytes",
        ),
        (encode(0, [-129, -1, 0], [-1, -1, 0], 8, 64), "-128 to 127"),
        (encode(0, [-1, -1, 0], [-1, 128, 0], 8, 64), "-128 to 127"),
        (
            encode(0, [0, 0, 0], [-9, 0, 0], 8, 64),
            "empty in dimension 1",
        ),
        (encode(0, [-1, -1, 0], [-1, -1, 0], 257, 64), "257 channels"),
        (encode(0, [-1, -1, 0], [-1, -1, 0], 8, 1025), "1025 pixels"),
    ] {
        assert_eq!(result, 1, "{words}");
    }
    let log = take_log().join("\n");
    for words in [
        "aligned to 64",
        "-128 to 127",
        "empty in",
        "257 channels",
        "1025 pixels",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
}
