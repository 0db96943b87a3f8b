//! Products of matrices by warpgroups: factors in shared memory in all layouts that the manual names, or in
//! registers, of all types, also sparse ones.

use fastrand::Rng;

use crate::exact::{BF16, F16, F32};
use crate::matrix::{E4M3, E5M2, Float, Form, Signed, Tf32, Type, Unsigned, check, pack, place_a};
use crate::program::Program;
use crate::sparse::Sparse;

/// How many of the sums are looked at, spread over the matrix.
const SAMPLES: usize = 96;

/// How a factor lies in shared memory.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Layout {
    /// The two bits of the descriptor: none, 128, 64 or 32 bytes.
    swizzle: u64,
    /// Elements with the same place in depth lie side by side.
    turned: bool,
}

impl Layout {
    /// Its shape is that of the manual's canonical layouts, in elements of `bits`: offsets of a row or column
    /// and a place in depth, in bytes, for strides in bytes.
    fn offset(
        self,
        bits: usize,
        (leading, stride): (usize, usize),
        line: usize,
        depth: usize,
    ) -> usize {
        // Elements in 128 bits, and how many times these make a line of the pattern.
        let t = 128 / bits;
        let wide = [1, 8, 4, 2][self.swizzle as usize];
        let bytes = |elements: usize| elements * bits / 8;
        match (self.turned, self.swizzle) {
            (false, 0) => {
                bytes(line % 8 * t) + line / 8 * stride + bytes(depth % t) + depth / t * leading
            }
            (false, _) => {
                bytes(line % 8 * wide * t + depth % t + depth / t * t) + line / 8 * stride
            }
            (true, 0) => {
                bytes(line % t) + line / t * stride + bytes(depth % 8 * t) + depth / 8 * leading
            }
            (true, _) => {
                bytes(line % t + line / t % wide * t + depth % 8 * wide * t)
                    + line / (t * wide) * leading
                    + depth / 8 * stride
            }
        }
    }

    /// Strides for a matrix of so many lines and places in depth, with some room between.
    fn strides(self, bits: usize, lines: usize, depth: usize) -> (usize, usize) {
        let wide = [1, 8, 4, 2][self.swizzle as usize];
        let pattern = 128 * wide;
        match (self.turned, self.swizzle) {
            (false, 0) => (128 * (lines / 8) + 128, 128),
            (false, _) => (16, pattern + if lines < 64 { pattern } else { 0 }),
            (true, 0) => (128 * (lines * bits / 128) + 256, 128),
            (true, _) => (pattern * (depth / 8), pattern),
        }
    }

    /// What becomes of an address.
    fn swizzled(self, address: usize) -> usize {
        let bits = [0, 3, 2, 1][self.swizzle as usize];
        address ^ (address >> 7 & ((1 << bits) - 1)) << 4
    }
}

/// Bytes of shared memory that the kernel begins with.
#[derive(Default)]
struct Image(Vec<u8>);

impl Image {
    /// Adds a matrix; returns its descriptor without the address that the variable has.
    fn add(
        &mut self,
        layout: Layout,
        bits: usize,
        [lines, depth]: [usize; 2],
        element: impl Fn(usize, usize) -> u64,
    ) -> u64 {
        let start = self.0.len().next_multiple_of(1024);
        let strides = layout.strides(bits, lines, depth);
        for line in 0..lines {
            for place in 0..depth {
                let offset = layout.swizzled(start + layout.offset(bits, strides, line, place));
                if self.0.len() < offset + 16 {
                    self.0.resize((offset + 16).next_multiple_of(1024), 0);
                }
                let value = element(line, place);
                if bits == 1 {
                    self.0[offset] |= (value as u8) << (place % 8);
                } else {
                    let bytes = &value.to_le_bytes()[..bits / 8];
                    self.0[offset..offset + bits / 8].copy_from_slice(bytes);
                }
            }
        }
        let (leading, stride) = strides;
        (start >> 4) as u64
            | (leading as u64 >> 4) << 16
            | (stride as u64 >> 4) << 32
            | layout.swizzle << 62
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
struct Case {
    n: usize,
    a: Type,
    b: Type,
    sum: Type,
    /// The first factor lies in registers, or in shared memory.
    first: Option<Layout>,
    second: Layout,
    negates: [bool; 2],
    adds: bool,
    saturates: bool,
    /// The selector of a sparse first factor.
    sparse: Option<u32>,
    is_small: bool,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut types = vec![
        (Float(F16), Float(F16), Float(F16)),
        (Float(F16), Float(F16), Float(F32)),
        (Float(BF16), Float(BF16), Float(F32)),
        (Tf32, Tf32, Float(F32)),
        (Unsigned(1), Unsigned(1), Signed(32)),
    ];
    for a in [E4M3, E5M2] {
        for b in [E4M3, E5M2] {
            types.push((Float(a), Float(b), Float(F16)));
            types.push((Float(a), Float(b), Float(F32)));
        }
    }
    for a in [Signed(8), Unsigned(8)] {
        for b in [Signed(8), Unsigned(8)] {
            types.push((a, b, Signed(32)));
        }
    }
    let mut count = 0;
    let mut add = |(a, b, sum): (Type, Type, Type), n, first, second, sparse| {
        count += 1;
        let is_float = sum != Signed(32);
        cases.push(Case {
            n,
            a,
            b,
            sum,
            first,
            second,
            negates: [is_float && count % 3 == 0, is_float && count % 4 == 0],
            adds: count % 5 != 0,
            saturates: !is_float && a != Unsigned(1) && count % 2 == 0,
            sparse,
            is_small: count % 2 == 0,
        });
    };
    let layout = |swizzle, turned| Layout { swizzle, turned };
    for (at, &ty) in types.iter().enumerate() {
        let bits = ty.0.bits();
        for swizzle in 0..4 {
            let n = [8, 24, 16, 64][(at + swizzle as usize) % 4];
            let first = layout((swizzle + 1) % 4, false);
            add(ty, n, Some(first), layout(swizzle, false), None);
            if swizzle == at as u64 % 4 {
                add(ty, n, None, layout(swizzle, false), None);
            }
            if bits == 16 {
                // The columns of a pattern are at most 64.
                add(ty, 64, None, layout(swizzle, true), None);
                add(
                    ty,
                    128,
                    Some(layout(swizzle, true)),
                    layout(3 - swizzle, true),
                    None,
                );
                add(
                    ty,
                    32,
                    Some(layout(swizzle, true)),
                    layout(swizzle, false),
                    None,
                );
            }
        }
        if bits > 1 {
            let selectors = if bits >= 16 { 2 } else { 1 };
            for selector in 0..selectors {
                add(ty, 16, None, layout(1, false), Some(selector));
                add(
                    ty,
                    8,
                    Some(layout(3, false)),
                    layout(2, false),
                    Some(selector),
                );
                add(
                    ty,
                    8,
                    Some(layout(0, false)),
                    layout(0, false),
                    Some(selector),
                );
                if bits == 16 {
                    add(
                        ty,
                        64,
                        Some(layout(1, true)),
                        layout(1, true),
                        Some(selector),
                    );
                }
            }
        }
    }
    add(
        types[1],
        256,
        Some(layout(1, false)),
        layout(1, false),
        None,
    );
    add(types[0], 248, None, layout(1, false), None);
    add(types[types.len() - 1], 256, None, layout(1, false), None);
    cases
}

pub fn programs(is_simulator: bool) -> Vec<Program> {
    let cases = cases().into_iter().enumerate();
    cases
        .map(|(at, case)| program(case, at as u64, is_simulator))
        .collect()
}

/// The row and column of element `i` of the sums in a thread.
fn place_d(i: usize, thread: usize) -> (usize, usize) {
    let (warp, lane) = (thread / 32, thread % 32);
    let row = 16 * warp + (lane >> 2) + if i & 2 == 0 { 0 } else { 8 };
    (row, 8 * (i / 4) + lane % 4 * 2 + (i & 1))
}

fn vector(name: &str, count: usize) -> String {
    let registers: Vec<String> = (0..count).map(|at| format!("%{name}{at}")).collect();
    format!("{{{}}}", registers.join(", "))
}

impl Case {
    fn k(&self) -> usize {
        256 / self.a.bits() as usize * if self.sparse.is_some() { 2 } else { 1 }
    }

    /// The instruction with its operands.
    fn text(&self) -> String {
        let Self { a, b, sum, n, .. } = *self;
        let is_float = sum != Signed(32);
        let (sparse, metadata) = match self.sparse {
            None => ("", String::new()),
            Some(selector) => (".sp", format!(", %m0, {selector}")),
        };
        let first = match self.first {
            None => vector("a", 4),
            Some(_) => "%l1".to_owned(),
        };
        let mut text = format!(
            "wgmma.mma_async{sparse}.sync.aligned.m64n{n}k{}{}.{}.{}.{}{} {}, {first}, %l2{metadata}, %p1",
            self.k(),
            if self.saturates { ".satfinite" } else { "" },
            sum.name(),
            a.name(),
            b.name(),
            if a == Unsigned(1) { ".and.popc" } else { "" },
            vector("d", n * sum.bits() as usize / 64),
        );
        if is_float {
            for negates in self.negates {
                text += if negates { ", -1" } else { ", 1" };
            }
        }
        if a.bits() == 16 {
            for layout in self.first.iter().chain([&self.second]) {
                text += if layout.turned { ", 1" } else { ", 0" };
            }
        }
        text
    }
}

fn program(case: Case, seed: u64, is_simulator: bool) -> Program {
    let Case { n, a, b, sum, .. } = case;
    let k = case.k();
    let mut rng = Rng::with_seed(seed);
    let draw = move |ty: Type, rng: &mut Rng| match (case.is_small, ty) {
        (true, Signed(32)) => rng.u64(..2000),
        (true, _) => ty.small(rng),
        (false, _) => ty.any(rng),
    };
    // A dense matrix stores all of its columns.
    let stored = 256 / a.bits() as usize;
    let quarters: Vec<Sparse> = (0..4)
        .map(|_| match case.sparse {
            Some(_) => Sparse::new(&mut rng, k, a, |rng| draw(a, rng)),
            None => Sparse::dense(&mut rng, k, |rng| draw(a, rng)),
        })
        .collect();
    let second: Vec<u64> = (0..k * n).map(|_| draw(b, &mut rng)).collect();
    let sums: Vec<u64> = (0..64 * n).map(|_| draw(sum, &mut rng)).collect();

    let mut image = Image::default();
    let a_bits = a.bits() as usize;
    let first_descriptor = case.first.map_or(0, |layout| {
        image.add(layout, a_bits, [64, stored], |row, column| {
            quarters[row / 16].stored[row % 16][column]
        })
    });
    let second_descriptor = image.add(case.second, a_bits, [n, k], |column, depth| {
        second[depth * n + column]
    });
    let mut input = image.0;
    // The threads copy 16 bytes each at a time.
    let size = input.len().next_multiple_of(2048);
    input.resize(size, 0);
    let n_sums = n * sum.bits() as usize / 64;
    for thread in 0..128 {
        let (warp, lane) = (thread / 32, thread % 32);
        let d = (0..n / 2).map(|i| {
            let (row, column) = place_d(i, thread);
            sums[row * n + column]
        });
        pack(&mut input, d, sum.bits());
        let fragment = (0..4 * 32 / a_bits).map(|i| {
            let (row, column) = place_a(16, stored, a.bits(), i, lane);
            quarters[warp].stored[row][column]
        });
        pack(&mut input, fragment, a.bits());
        let metadata = case.sparse.map_or(0, |selector| {
            quarters[warp].metadata(&mut rng, k, a.bits(), selector, lane)
        });
        input.extend(metadata.to_le_bytes());
    }

    let mut body = format!(
        "{{\n.reg .b32 %d<{n_sums}>, %a<4>, %m<1>;\nmov.u32 %w1, tile; mov.u32 %w2, %i;\n\
         COPY: mul.wide.u32 %l3, %w2, 16; add.u64 %l3, %l3, %in; mad.lo.u32 %w3, %w2, 16, %w1;\n\
         ld.global.v4.u32 {{%w4, %w5, %w6, %w7}}, [%l3]; st.shared.v4.u32 [%w3], {{%w4, %w5, %w6, %w7}};\n\
         add.u32 %w2, %w2, 128; setp.lt.u32 %p0, %w2, {}; @%p0 bra COPY;\n\
         fence.proxy.async.shared::cta; bar.sync 0;\n\
         shr.u32 %w1, %w1, 4; cvt.u64.u32 %l0, %w1;\n\
         add.u64 %l1, %l0, {first_descriptor:#x}; add.u64 %l2, %l0, {second_descriptor:#x};\n\
         setp.ne.u32 %p1, {}, 0;\n",
        size / 16,
        u32::from(case.adds),
    );
    let registers = (0..n_sums).map(|at| format!("%d{at}"));
    let others = ["%a0", "%a1", "%a2", "%a3", "%m0"].map(str::to_owned);
    let count = n_sums + others.len();
    for (at, register) in registers.chain(others).enumerate() {
        body += &format!("ld.global.b32 {register}, [%from+{}];\n", size + 4 * at);
    }
    body += &format!(
        "wgmma.fence.sync.aligned;\n{};\nwgmma.commit_group.sync.aligned;\n\
         wgmma.wait_group.sync.aligned 0;\n",
        case.text()
    );
    for register in 0..n_sums {
        body += &format!("st.global.b32 [%to+{}], %d{register};\n", 4 * register);
    }
    body += "}";

    let form = Form {
        m: 64,
        k,
        a,
        b,
        sum,
        saturates: case.saturates,
        operation: "",
    };
    let negates = case.negates[0] != case.negates[1];
    let sign = match a {
        Float(format) => format.sign(),
        _ => 1 << 31,
    };
    let sum_bytes = sum.bits() as usize / 8;
    let elements = 64 * n;
    Program::new(format!("{case:?}"), body)
        .target("sm_90a")
        .head(format!(".shared .align 1024 .b8 tile[{size}];"))
        .shape(1, 128)
        .strides(4 * count, 4 * n_sums)
        .input(&input)
        .output(&vec![0_u8; elements * sum_bytes])
        .check(move |bytes| {
            // A step that comes to all rows and columns.
            for at in (0..elements).step_by(elements.div_ceil(SAMPLES) | 1) {
                let (row, column) = place_d(at % (n / 2), at / (n / 2));
                let mut found = [0; 8];
                found[..sum_bytes].copy_from_slice(&bytes[at * sum_bytes..(at + 1) * sum_bytes]);
                let mut factors = quarters[row / 16].factors(&second, n, row % 16, column);
                if negates {
                    for (a, _) in &mut factors {
                        *a ^= sign;
                    }
                }
                let addend = if case.adds { sums[row * n + column] } else { 0 };
                check(
                    form,
                    is_simulator,
                    &factors,
                    addend,
                    u64::from_le_bytes(found),
                )
                .map_err(|why| format!("row {row}, column {column}: {why}"))?;
            }
            Ok(())
        })
}
