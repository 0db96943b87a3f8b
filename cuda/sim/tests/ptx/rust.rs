//! Calls through pointers and traits, a table of jumps, statics and aggregates.
//!
//! rust.ptx was made from it by rustc 1.96 in a static library of its own, with fat LTO, one codegen
//! unit and `panic = "abort"`: `cargo rustc -Zbuild-std=core --release --target nvptx64-nvidia-cuda
//! -- --emit=asm -Ctarget-cpu=sm_80 -Cdebuginfo=line-directives-only`, folders taken from its `.file`s.
#![no_std]
#![feature(abi_ptx, asm_experimental_arch, stdarch_nvptx)]

use core::arch::nvptx::_thread_idx_x;
use core::sync::atomic::{AtomicU32, Ordering};

/// Counts what is not an operation.
pub static COUNTER: AtomicU32 = AtomicU32::new(7);
static NAMES: [&str; 2] = ["first", "second"];
static TABLE: [fn(f32) -> f32; 2] = [half, double];

fn half(x: f32) -> f32 {
    x * 0.5
}

fn double(x: f32) -> f32 {
    x + x
}

trait Shape {
    fn area(&self) -> f64;
}

struct Square(f64);
struct Circle(f64);

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        self.0 * self.0 * core::f64::consts::PI
    }
}

/// Sixteen bytes by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Pair {
    /// One.
    pub a: u64,
    /// Another.
    pub b: f32,
}

#[inline(never)]
fn swap(pair: Pair, by: u128) -> Pair {
    Pair {
        a: pair.b as u64 ^ (by >> 3) as u64,
        b: pair.a as f32,
    }
}

#[inline(never)]
fn fibonacci(n: u32) -> u32 {
    if n < 2 {
        n
    } else {
        fibonacci(n - 1) + fibonacci(n - 2)
    }
}

/// # Safety
/// `out` holds 64 floats.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn operations(out: *mut f32, operation: u32, pair: Pair, n: u128) {
    unsafe {
        let i = _thread_idx_x() as usize;
        let x = *out.add(i);
        *out.add(i) = match operation {
            0 => TABLE[i & 1](x),
            1 => {
                let shape: &dyn Shape = if i > 3 { &Square(2.0) } else { &Circle(3.0) };
                core::hint::black_box(shape).area() as f32
            }
            2 => swap(pair, n).b,
            3 => fibonacci(i as u32) as f32,
            4 => NAMES[i & 1].len() as f32,
            5 => x / pair.b,
            6 => *out.add(63) - x,
            7 => (n >> 70) as u64 as f32,
            8 => {
                core::arch::asm!(
                    "{{",
                    ".reg .pred p;",
                    "setp.gt.f32 p, {0}, 0f00000000;",
                    "@p add.f32 {0}, {0}, 0f3F800000;",
                    "}}",
                    inout(reg32) x => *out,
                );
                return;
            }
            _ => COUNTER.fetch_add(1, Ordering::Relaxed) as f32,
        };
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {
        COUNTER.store(0, Ordering::Relaxed);
    }
}
