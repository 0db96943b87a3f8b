//! `cuda_std::panic`: everything that ends in one. `cause` alone decides, so that one thread does it.

use core::fmt;
use core::hint::black_box;

use cuda_std::prelude::*;

/// Each cause stands on a line of its own, which ends in its name.
#[kernel]
pub unsafe fn panics(cause: u32, zero: u32, x: &[u32], out: *mut u32) {
    if thread::block_idx_x() != 1 || thread::thread_idx_x() != 5 {
        return;
    }
    let number = match cause {
        0 => x[9 + zero as usize],                              // bounds
        1 => x.first().filter(|_| zero == 1).copied().unwrap(), // unwrap
        2 => x.get(9).copied().expect("there are ten"),         // expect
        3 => 7 / zero,                                          // division
        4 => u32::MAX.strict_add(x[0] + 1),                     // overflow
        5 => panic!("{} of {:?}", x[1], Some(zero)),            // message
        6 => {
            assert!(zero == 1, "zero is {zero}"); // assert
            0
        }
        7 => {
            core::assert_eq!(zero, x[1]); // assert_eq
            0
        }
        // Else the compiler would do without it.
        8 => black_box(Vec::<u8>::with_capacity(1 << 40)).len() as u32, // allocation
        9 => panic!("{:300}|", x[1]),                                   // long
        10 => Err::<u32, _>(Inner).unwrap(),                            // nested
        _ => unreachable!(),                                            // unreachable
    };
    *out = number;
}

/// Cannot be shown.
struct Inner;

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half of it, ")?;
        panic!("and a panic")
    }
}

/// Every thread panics.
#[kernel]
pub fn all_panic(x: &[u32], mut out: PerThread<u32>) {
    if let Some(out) = out.get_mut() {
        *out = x[thread::index_1d() as usize];
    }
}
