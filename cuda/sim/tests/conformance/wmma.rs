//! `wmma` of elements that are smaller than a byte: matrices in memory, products of whole numbers.

use fastrand::Rng;

use crate::program::{Program, fill};

/// An element's name, bits, whether it has a sign, and what is done with single bits.
const TYPES: [(&str, u32, bool, &str); 4] = [
    ("s4", 4, true, ""),
    ("u4", 4, false, ""),
    ("b1", 1, false, ".and.popc"),
    ("b1", 1, false, ".xor.popc"),
];

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    for ty in TYPES {
        for (saturates, strides) in [(false, true), (true, false), (false, false)] {
            if !saturates || ty.1 == 4 {
                programs.push(product(ty, saturates, strides));
            }
        }
    }
    programs
}

/// One product. With `pitched`, lines lie further apart than they are long.
fn product(
    (name, bits, is_signed, operation): (&'static str, u32, bool, &str),
    saturates: bool,
    pitched: bool,
) -> Program {
    let mut rng = Rng::with_seed(bits.into());
    // Four words of 32 bits a line.
    let k = 128 / bits as usize;
    let words = if pitched { 8 } else { 4 };
    let matrices: Vec<u32> = (0..2 * 8 * words).map(|_| rng.u32(..)).collect();
    let element = |matrix: usize, line: usize, depth: usize| -> i64 {
        let at = depth * bits as usize;
        let word = matrices[(matrix * 8 + line) * words + at / 32];
        let value = i64::from(word >> (at % 32) & ((1 << bits) - 1));
        if is_signed && value >> (bits - 1) != 0 {
            value - (1 << bits)
        } else {
            value
        }
    };
    let addends: Vec<i32> = (0..64)
        .map(|at| match saturates {
            true if at % 2 == 0 => i32::MAX - at,
            true => i32::MIN + at,
            false => rng.i32(..),
        })
        .collect();
    // The addend lies by columns, the result by rows.
    let expected = (0..64).map(|at| {
        let (row, column) = (at / 8, at % 8);
        let products = (0..k).map(|depth| {
            let (a, b) = (element(0, row, depth), element(1, column, depth));
            if operation == ".xor.popc" {
                a ^ b
            } else {
                a * b
            }
        });
        let sum = i64::from(addends[column * 8 + row]) + products.sum::<i64>();
        match saturates {
            true => sum.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            false => sum as i32,
        }
    });
    let stride = match pitched {
        true => format!(", {}", words * 32 / bits as usize),
        false => String::new(),
    };
    let body = fill(
        "wmma.load.a.sync.aligned.row.m8n8k$k.global.$type {%w1}, [%in]$stride;\n\
         wmma.load.b.sync.aligned.col.m8n8k$k.global.$type {%w2}, [%in+$second]$stride;\n\
         wmma.load.c.sync.aligned.col.m8n8k$k.global.s32 {%w3, %w4}, [%in+$third];\n\
         wmma.mma$operation.sync.aligned.row.col.m8n8k$k.s32.$type.$type.s32$satfinite \
         {%w5, %w6}, {%w1}, {%w2}, {%w3, %w4};\n\
         wmma.store.d.sync.aligned.row.m8n8k$k.global.s32 [%out], {%w5, %w6}, 8;",
        &[
            ("k", &k.to_string()),
            ("type", name),
            ("stride", &stride),
            ("second", &(32 * words).to_string()),
            ("third", &(64 * words).to_string()),
            ("operation", operation),
            ("satfinite", if saturates { ".satfinite" } else { "" }),
        ],
    );
    let addends = addends.iter().map(|&addend| addend as u32);
    let input: Vec<u32> = matrices.iter().copied().chain(addends).collect();
    Program::new(
        format!("wmma of {name}{operation}, {saturates}, {pitched}"),
        body,
    )
    .input(&input)
    .expect(expected.collect::<Vec<i32>>())
}
