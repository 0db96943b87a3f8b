//! Collections on the device's heap. What a kernel computes is a function beside it, which the host
//! calls too.

use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::vec;
use core::cell::RefCell;
use core::fmt::Write;

use cuda_std::prelude::*;

/// Of the distinct prime factors, in a vector that grows.
pub fn factors(number: u32) -> u32 {
    let mut factors = Vec::new();
    let mut rest = number;
    for factor in 2..=rest {
        while rest % factor == 0 {
            factors.push(factor);
            rest /= factor;
        }
    }
    factors.dedup();
    factors.reverse();
    let squares: Vec<u32> = factors.iter().map(|f| f * f).collect();
    let nested = vec![factors.clone(); 3].concat();
    squares.iter().sum::<u32>() * 100 + nested.len() as u32
}

#[kernel]
pub unsafe fn vectors(out: *mut u32) {
    let t = thread::index_1d();
    *out.add(t as usize) = factors(t + 2);
}

/// Text of numbers, built by `format!` and taken apart again.
pub fn text_of(t: u32) -> String {
    // Growing would copy spare room, which the simulator takes for a read of what was never written.
    let mut text = String::with_capacity(64);
    let written = write!(text, "{t:03}|{:>6}|{:#x}|{:?}", t * t, t * 40, Some("x"));
    text.push_str(&"=".repeat(t as usize % 3));
    text.insert(3, if written.is_ok() { '_' } else { '!' });
    text.push_str(&format!("{t}"));
    text
}

#[kernel]
pub unsafe fn strings(out: *mut u8, width: usize) {
    let t = thread::index_1d();
    let text = text_of(t);
    core::ptr::copy_nonoverlapping(text.as_ptr(), out.add(t as usize * width), text.len());
}

#[derive(Default)]
struct Node {
    children: Vec<Rc<RefCell<Node>>>,
    value: u32,
}

fn total(node: &RefCell<Node>) -> u32 {
    let node = node.borrow();
    node.value + node.children.iter().map(|child| total(child)).sum::<u32>()
}

/// Maps, queues and heaps, and a tree of shared nodes.
pub fn collect(values: &[u32]) -> [u32; 4] {
    let mut counts = BTreeMap::new();
    let mut queue = VecDeque::new();
    let mut largest = BinaryHeap::new();
    for &value in values {
        *counts.entry(value % 7).or_insert(0) += 1;
        queue.push_front(value);
        if queue.len() > 4 {
            queue.pop_back();
        }
        largest.push(value);
    }
    let shared = Rc::new(RefCell::new(Node {
        children: Vec::new(),
        value: 5,
    }));
    let root = RefCell::new(Node {
        children: vec![shared.clone(), shared.clone()],
        value: 1,
    });
    shared.borrow_mut().value += values.len() as u32;
    [
        counts
            .iter()
            .map(|(key, count)| (key + 1) * count * count)
            .sum(),
        queue.iter().fold(0, |sum, value| 3 * sum + value),
        largest.into_sorted_vec().iter().rev().take(3).sum(),
        total(&root) * 10 + Rc::strong_count(&shared) as u32,
    ]
}

#[kernel]
pub unsafe fn collections(values: &[u32], out: *mut [u32; 4]) {
    let t = thread::index_1d() as usize;
    *out.add(t) = collect(&values[t..]);
}
