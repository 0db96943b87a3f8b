//! What the language has: trait objects, closures, recursion, iterators, slices, wide integers.
//!
//! What a kernel computes is a function beside it, which the host calls too.

use core::num::Wrapping;
use core::ops::ControlFlow;

use cuda_std::prelude::*;

trait Shape {
    fn area(&self) -> f32;

    fn scaled(&self, factor: f32) -> f32 {
        self.area() * factor * factor
    }
}

struct Square(f32);

struct Disc {
    radius: f32,
}

impl Shape for Square {
    fn area(&self) -> f32 {
        self.0 * self.0
    }
}

impl Shape for Disc {
    fn area(&self) -> f32 {
        core::f32::consts::PI * self.radius * self.radius
    }

    fn scaled(&self, factor: f32) -> f32 {
        self.area() * factor * factor + 1.0
    }
}

/// Trait objects by reference, and in boxes.
pub fn area_of_objects(idx: usize, size: f32) -> f32 {
    let shapes: [&dyn Shape; 2] = [&Square(size), &Disc { radius: size }];
    let boxed: Box<dyn Shape> = match idx % 3 {
        0 => Box::new(Square(size + 1.0)),
        _ => Box::new(Disc { radius: size + 1.0 }),
    };
    shapes[idx % 2].scaled(2.0) + boxed.area()
}

#[kernel]
pub unsafe fn objects(sizes: &[f32], out: *mut f32) {
    let idx = thread::index_1d() as usize;
    *out.add(idx) = area_of_objects(idx, sizes[idx]);
}

/// An operation of a small machine: an enum with fields, by value in global memory.
#[derive(Clone, Copy)]
#[repr(C, u32)]
pub enum Step {
    Push(i32),
    Add,
    Multiply { by: i32 },
    Swap,
}

#[derive(Debug, PartialEq)]
enum Failure {
    Empty,
    Full(usize),
}

struct Machine {
    stack: [i32; 4],
    depth: usize,
}

impl Machine {
    fn push(&mut self, value: i32) -> Result<(), Failure> {
        let place = self.stack.get_mut(self.depth);
        *place.ok_or(Failure::Full(self.depth))? = value;
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) -> Result<i32, Failure> {
        self.depth = self.depth.checked_sub(1).ok_or(Failure::Empty)?;
        Ok(self.stack[self.depth])
    }

    fn run(&mut self, steps: &[Step]) -> Result<i32, Failure> {
        for &step in steps {
            match step {
                Step::Push(value) => self.push(value)?,
                Step::Add => {
                    let (a, b) = (self.pop()?, self.pop()?);
                    self.push(a.wrapping_add(b))?;
                }
                Step::Multiply { by } => {
                    let value = self.pop()?;
                    self.push(value.wrapping_mul(by))?;
                }
                Step::Swap => {
                    let (a, b) = (self.pop()?, self.pop()?);
                    self.push(a)?;
                    self.push(b)?;
                }
            }
        }
        self.pop()
    }
}

/// What the steps leave on the stack, or how they fail.
pub fn run_machine(steps: &[Step]) -> i32 {
    let mut machine = Machine {
        stack: [0; 4],
        depth: 0,
    };
    match machine.run(steps) {
        Ok(value) => value,
        Err(Failure::Empty) => -1,
        Err(Failure::Full(depth)) => -100 - depth as i32,
    }
}

/// Each thread runs the steps up to its own index.
#[kernel]
pub unsafe fn machine(steps: &[Step], out: *mut i32) {
    let idx = thread::index_1d() as usize;
    *out.add(idx) = run_machine(&steps[..idx]);
}

fn ackermann(m: u32, n: u32) -> u32 {
    match (m, n) {
        (0, n) => n + 1,
        (m, 0) => ackermann(m - 1, 1),
        (m, n) => ackermann(m - 1, ackermann(m, n - 1)),
    }
}

fn is_even(n: u32) -> bool {
    n == 0 || is_odd(n - 1)
}

fn is_odd(n: u32) -> bool {
    n != 0 && is_even(n - 1)
}

/// Recursion of one function, and of two.
pub fn recur(t: u32) -> u32 {
    let parity = u32::from(!is_even(core::hint::black_box(t)));
    ackermann(2, t % 5) * 10 + parity
}

#[kernel]
pub unsafe fn recursion(out: *mut u32) {
    let t = thread::thread_idx_x();
    *out.add(t as usize) = recur(t);
}

fn compose<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C {
    move |x| g(f(x))
}

fn apply(f: &mut dyn FnMut(u32), values: &[u32]) {
    values.iter().copied().for_each(f);
}

const OPERATIONS: [fn(u32, u32) -> u32; 3] = [u32::wrapping_add, |a, b| a ^ b, u32::max];

/// Closures that are composed, that change what they hold, that are boxed; pointers to functions.
pub fn call_closures(values: &[u32], t: u32) -> u32 {
    let affine = compose(move |x: u32| x * 3, move |x: u32| x + t);
    let mut sum = 0;
    apply(&mut |value| sum += affine(value), values);
    let chain: Vec<Box<dyn Fn(u32) -> u32>> = (1_u32..4)
        .map(|k| Box::new(move |x| x * k + t) as Box<dyn Fn(u32) -> u32>)
        .collect();
    let through = chain.iter().fold(1, |x, f| f(x));
    let operation = OPERATIONS[t as usize % OPERATIONS.len()];
    operation(sum, through)
}

#[kernel]
pub unsafe fn closures(values: &[u32], out: *mut u32) {
    let t = thread::thread_idx_x();
    *out.add(t as usize) = call_closures(values, t);
}

/// Adapters of iterators over slices.
pub fn iterate(values: &[i32]) -> [i32; 10] {
    [
        values
            .iter()
            .zip(values.iter().skip(1))
            .map(|(a, b)| a * b)
            .sum(),
        values
            .windows(3)
            .filter(|w| w[0] < w[1] && w[1] > w[2])
            .count() as i32,
        values
            .chunks_exact(4)
            .map(|c| c.iter().max().unwrap())
            .sum(),
        values
            .iter()
            .rev()
            .step_by(3)
            .fold(0_i32, |a, &b| a.wrapping_mul(2).wrapping_sub(b)),
        values
            .iter()
            .position(|&x| x < 0)
            .map_or(-1, |place| place as i32),
        values
            .iter()
            .copied()
            .min_by_key(|x| (x - 7).abs())
            .unwrap_or(0),
        values
            .split(|x| x % 5 == 0)
            .map(<[i32]>::len)
            .max()
            .unwrap() as i32,
        values
            .iter()
            .scan(0, |sum, x| {
                *sum += x;
                Some(*sum)
            })
            .take_while(|sum| *sum > -20)
            .count() as i32,
        (1..5).flat_map(|a| (a..5).map(move |b| a * b)).sum(),
        match values
            .iter()
            .try_fold(0_i32, |sum, x| match sum.checked_add(x * 1000) {
                Some(sum) if sum < 30_000 => ControlFlow::Continue(sum),
                _ => ControlFlow::Break(*x),
            }) {
            ControlFlow::Continue(sum) => sum,
            ControlFlow::Break(last) => -last,
        },
    ]
}

#[kernel]
pub unsafe fn iterators(values: &[i32], out: *mut [i32; 10]) {
    let t = thread::thread_idx_x() as usize;
    *out.add(t) = iterate(&values[t..]);
}

/// Sorts, searches and rotates a row, and takes it apart by a pattern.
pub fn shuffle_row(row: &mut [i32]) -> i32 {
    let width = row.len();
    let key = row[0];
    row.sort_unstable();
    let place = row.binary_search(&key).unwrap_or_else(|place| place + 1000);
    row.rotate_left(width / 3);
    row[1..].reverse();
    let (low, high) = row.split_at_mut(width / 2);
    low.swap_with_slice(&mut high[..width / 2]);
    let matched = match &*row {
        [first, .., last] if first > last => first - last,
        [_, second, rest @ ..] => *second + rest.len() as i32,
        _ => 0,
    };
    matched + 100 * place as i32
}

#[kernel]
pub unsafe fn slices(rows: *mut i32, width: usize, out: *mut i32) {
    let t = thread::thread_idx_x() as usize;
    let row = core::slice::from_raw_parts_mut(rows.add(t * width), width);
    *out.add(t) = shuffle_row(row);
}

/// Integers of 128 bits, and every width's checked and saturating forms.
pub fn compute_wide(a: u128, b: u128) -> [u128; 11] {
    let signed = (a as i128).wrapping_mul(-3) / (b as i128 | 1);
    [
        a.wrapping_add(b),
        a.wrapping_mul(b),
        a.checked_div(b).unwrap_or(u128::MAX),
        a.checked_rem(b).unwrap_or(1),
        signed as u128,
        u128::from(a.leading_zeros() + 1000 * b.trailing_zeros() + 1_000_000 * a.count_ones()),
        a.rotate_left(b as u32 % 128) ^ b.swap_bytes(),
        a.isqrt(),
        u128::from((a as u64).saturating_mul(b as u64)) << 64
            | u128::from((a as u8).overflowing_sub(b as u8).0),
        (Wrapping(a as i16) * Wrapping(b as i16)).0 as u128,
        u128::from((a as u64).isqrt()) + u128::from((b as u32).abs_diff(a as u32)),
    ]
}

#[kernel]
pub unsafe fn wide(a: &[u128], b: &[u128], out: *mut [u128; 11]) {
    let t = thread::thread_idx_x() as usize;
    *out.add(t) = compute_wide(a[t], b[t]);
}

struct Guard<'a> {
    log: &'a core::cell::Cell<u32>,
    digit: u32,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.log.set(self.log.get() * 10 + self.digit);
    }
}

/// The order in which values are dropped, along each way out of a loop.
pub fn drop_in_order(t: u32) -> u32 {
    let log = core::cell::Cell::new(0);
    let guard = |digit| Guard { log: &log, digit };
    let _first = guard(1);
    let value = 'outer: loop {
        let _second = guard(2);
        for round in 0..3 {
            let third = guard(3 + round);
            if round == t {
                break 'outer third.digit;
            }
            if t == 3 {
                core::mem::forget(third);
            }
        }
        break 0;
    };
    log.get() * 10 + value
}

#[kernel]
pub unsafe fn drops(out: *mut u32) {
    let t = thread::thread_idx_x();
    *out.add(t as usize) = drop_in_order(t);
}

fn largest<const N: usize, T: PartialOrd + Copy>(values: [T; N]) -> T {
    let mut largest = values[0];
    for value in values {
        if value > largest {
            largest = value;
        }
    }
    largest
}

/// Functions that are generic over types and numbers; text that is read and matched.
pub fn read_word(text: &[u8], t: usize) -> i64 {
    let text = core::str::from_utf8(text).unwrap_or("");
    let word = text.split_whitespace().nth(t).unwrap_or("none");
    let number = word.parse::<i64>().unwrap_or_else(|_| {
        word.chars()
            .rev()
            .map(|c| c as i64)
            .fold(0, |a, c| a * 7 + c)
    });
    let longest = largest([t as u8, 5, 3]) as i64 + largest([2.5_f64, t as f64]) as i64;
    number + 1_000_000 * longest + i64::from(matches!(word, "minus" | "plus"))
}

#[kernel]
pub unsafe fn generics(text: &[u8], out: *mut i64) {
    let t = thread::thread_idx_x() as usize;
    *out.add(t) = read_word(text, t);
}
