//! `cuda_std::io`.

use core::ffi::c_void;
use core::fmt;

use cuda_std::prelude::*;
use cuda_std::{assert_eq, assert_ne};

/// Text of each length, of many threads, with what C's `printf` and Rust's would take for theirs.
#[kernel]
pub fn io_print(x: f32) {
    let thread = thread::thread_idx_x();
    println!(
        "thread {thread:>3} of {}: {x:.3} is {:5.1} %s %d",
        thread::block_dim_x(),
        100.0 * x
    );
    if thread == 0 {
        print!("no end of the line, ");
        print!("{:?} {:#06x} {}", Some(-1_i64), 255, 'ß');
        println!();
        println!("50 % {{}} \\ \"");
    }
}

/// So many digits of the thread, and a null byte between two letters.
#[kernel]
pub fn io_print_long(n: u32) {
    struct Digits(u32);

    impl fmt::Display for Digits {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for idx in 0..self.0 {
                write!(f, "{}", idx % 10)?;
            }
            Ok(())
        }
    }

    println!("{}", Digits(n));
    println!("a\0b");
}

/// C's own.
#[kernel]
pub unsafe fn io_vprintf() {
    #[repr(C)]
    struct Arguments {
        number: i32,
        float: f64,
        text: *const u8,
    }
    let arguments = Arguments {
        number: -7,
        float: 2.5,
        text: c"words".as_ptr().cast(),
    };
    let arguments = (&raw const arguments).cast::<c_void>();
    let count = cuda_std::io::vprintf(c"%d %.2f %s\n".as_ptr().cast(), arguments);
    assert_eq!(count, 3);
}

/// Assertions that hold.
#[kernel]
pub fn io_assertions(x: &[u32]) {
    assert_eq!(x[0], 1);
    assert_eq!(x[1], x[0] + 1, "not {}", x[2]);
    assert_ne!(x[0], x[1]);
    assert_ne!(x[0], x[1], "not {}", x[2],);
}

#[kernel]
pub fn io_assert_eq(x: &[u32]) {
    assert_eq!(x[thread::index() as usize], 1);
}

#[kernel]
pub fn io_assert_eq_message(x: &[u32]) {
    let i = thread::index() as usize;
    assert_eq!(x[i], 1, "element {i} of {}", x.len());
}

#[kernel]
pub fn io_assert_ne(x: &[u32]) {
    assert_ne!(x[thread::index() as usize], 5);
}

#[kernel]
pub fn io_assert_ne_message(x: &[u32]) {
    assert_ne!(Some(x[thread::index() as usize]), Some(5), "100 % wrong");
}

/// C's own.
#[kernel]
pub unsafe fn io_assertfail() {
    let text = |text: &'static core::ffi::CStr| text.as_ptr().cast::<u8>();
    cuda_std::io::__assertfail(text(c"never"), text(c"a file"), 12, text(c"a function"), 1);
}
