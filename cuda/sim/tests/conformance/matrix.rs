//! Products of matrices by a warp, and matrices that it loads and stores, against the layouts of the
//! PTX manual, element by element, and exact sums.

use fastrand::Rng;

use crate::exact::{self, BF16, F16, F32, F64, Format, Mode, Value};
use crate::program::{Program, fill};

/// Floats of eight bits. The first has no infinity; what has the largest exponent is not tried.
pub const E4M3: Format = Format {
    exponent: 4,
    mantissa: 3,
};
pub const E5M2: Format = Format {
    exponent: 5,
    mantissa: 2,
};

/// What the elements of a matrix are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    Float(Format),
    /// A float whose first 19 bits count.
    Tf32,
    Signed(u32),
    Unsigned(u32),
}

pub use Type::{Float, Signed, Tf32, Unsigned};

impl Type {
    /// The bits that it takes in a register.
    pub fn bits(self) -> u32 {
        match self {
            Float(format) => 1 + format.exponent + format.mantissa,
            Tf32 => 32,
            Signed(bits) | Unsigned(bits) => bits,
        }
    }

    pub fn name(self) -> String {
        match self {
            Float(BF16) => "bf16".to_owned(),
            Float(E4M3) => "e4m3".to_owned(),
            Float(E5M2) => "e5m2".to_owned(),
            Float(_) => format!("f{}", self.bits()),
            Tf32 => "tf32".to_owned(),
            Unsigned(1) => "b1".to_owned(),
            Signed(bits) => format!("s{bits}"),
            Unsigned(bits) => format!("u{bits}"),
        }
    }

    /// A whole number of a few bits.
    pub fn small(self, rng: &mut Rng) -> u64 {
        match self {
            Signed(bits) | Unsigned(bits) => rng.u64(..) & (u64::MAX >> (64 - bits)),
            Tf32 => u64::from((rng.i32(-9..10) as f32).to_bits()),
            Float(format) => format.round(&exact::integer(rng.i128(-9..10)), Mode::Rn),
        }
    }

    /// A number of any size, rarely one that is none.
    pub fn any(self, rng: &mut Rng) -> u64 {
        let Float(format) = self else {
            return match self {
                // What does not count is set, too.
                Tf32 => Float(F32).any(rng) | rng.u64(..0x2000),
                _ => self.small(rng),
            };
        };
        let fraction = rng.u64(..) & ((1 << format.mantissa) - 1);
        let sign = if rng.bool() { format.sign() } else { 0 };
        let bias = (1_u64 << (format.exponent - 1)) - 1;
        let most = (1_u64 << format.exponent) - 2;
        let exponent = match rng.u32(..40) {
            // None or infinite, subnormal and tiny, huge, and mostly something about 1.
            0 if ![F64, E4M3].contains(&format) && rng.u32(..8) == 0 => {
                let fraction = if rng.bool() { 0 } else { fraction };
                return sign | format.infinity() | fraction;
            }
            0..3 => 0,
            3..6 => 1 + rng.u64(..3),
            6..8 => most - rng.u64(..3),
            _ => bias - 4 + rng.u64(..8),
        };
        sign | exponent << format.mantissa | fraction
    }

    pub fn value(self, bits: u64) -> Value {
        match self {
            Float(format) => format.value(bits),
            Tf32 => F32.value(bits & !0x1fff),
            Unsigned(_) => exact::integer(bits.into()),
            Signed(width) => {
                let shift = 64 - width;
                exact::integer(((bits << shift) as i64 >> shift).into())
            }
        }
    }
}

/// The row and column of element `i` of the first factor, in the manual's words.
pub fn place_a(m: usize, k: usize, bits: u32, i: usize, lane: usize) -> (usize, usize) {
    let (group, thread) = (lane >> 2, lane % 4);
    match (m, k, bits) {
        // .f16 and .bf16
        (16, 8, 16) => (if i < 2 { group } else { group + 8 }, thread * 2 + (i & 1)),
        (16, 16, 16) => (
            if i < 2 || (4..6).contains(&i) {
                group
            } else {
                group + 8
            },
            thread * 2 + (i & 1) + if i >= 4 { 8 } else { 0 },
        ),
        // .tf32
        (16, 4, 32) => (if i == 0 { group } else { group + 8 }, thread),
        (16, 8, 32) => (
            if i == 0 || i == 2 { group } else { group + 8 },
            if i < 2 { thread } else { thread + 4 },
        ),
        // .s8 and .u8
        (8, 16, 8) => (group, thread * 4 + i),
        (16, 16, 8) => (if i < 4 { group } else { group + 8 }, thread * 4 + (i & 3)),
        (16, 32, 8) => (
            if i < 4 || (8..12).contains(&i) {
                group
            } else {
                group + 8
            },
            thread * 4 + (i & 3) + if i < 8 { 0 } else { 16 },
        ),
        // .s4 and .u4
        (8, 32, 4) => (group, thread * 8 + i),
        (16, 32, 4) => (if i < 8 { group } else { group + 8 }, thread * 8 + (i & 7)),
        (16, 64, 4) => (
            if i < 8 || (16..24).contains(&i) {
                group
            } else {
                group + 8
            },
            thread * 8 + (i & 7) + if i < 16 { 0 } else { 32 },
        ),
        // .b1
        (8, 128, 1) => (group, thread * 32 + i),
        (16, 128, 1) => (
            if i < 32 { group } else { group + 8 },
            thread * 32 + (i & 0x1f),
        ),
        (16, 256, 1) => (
            if i < 32 || (64..96).contains(&i) {
                group
            } else {
                group + 8
            },
            thread * 32 + (i & 0x1f) + if i < 64 { 0 } else { 128 },
        ),
        // .f64
        (8, 4, 64) => (group, thread),
        (16, 4, 64) => (if i == 0 { group } else { group + 8 }, thread),
        (16, 8, 64) => (
            if i == 0 || i == 2 { group } else { group + 8 },
            if i < 2 { thread } else { thread + 4 },
        ),
        (16, 16, 64) => (
            if i & 1 == 0 { group } else { group + 8 },
            if i & 1 == 0 {
                i * 2 + thread
            } else {
                i * 2 - 2 + thread
            },
        ),
        _ => unreachable!("no shape of the table"),
    }
}

/// The row and column of element `i` of the second factor.
fn place_b(k: usize, bits: u32, i: usize, lane: usize) -> (usize, usize) {
    let (group, thread) = (lane >> 2, lane % 4);
    let row = match (k, bits) {
        (8, 16) => thread * 2 + i,
        (16, 16) => thread * 2 + (i & 1) + if i >= 2 { 8 } else { 0 },
        (4, 32) | (4, 64) => thread,
        (8, 32) | (8, 64) | (16, 64) => thread + 4 * i,
        (16, 8) => thread * 4 + i,
        (32, 8) => thread * 4 + (i & 3) + if i >= 4 { 16 } else { 0 },
        (128, 1) => thread * 32 + i,
        (256, 1) => thread * 32 + (i & 0x1f) + if i >= 32 { 128 } else { 0 },
        (32, 4) => thread * 8 + i,
        (64, 4) => thread * 8 + (i & 7) + if i >= 8 { 32 } else { 0 },
        _ => unreachable!("no shape of the table"),
    };
    (row, group)
}

/// The row and column of element `i` of the sum.
pub fn place_c(i: usize, lane: usize) -> (usize, usize) {
    let (group, thread) = (lane >> 2, lane % 4);
    (if i < 2 { group } else { group + 8 }, thread * 2 + (i & 1))
}

/// An instruction.
#[derive(Clone, Copy)]
pub struct Form {
    pub m: usize,
    pub k: usize,
    pub a: Type,
    pub b: Type,
    pub sum: Type,
    pub saturates: bool,
    /// Of single bits: what is done with each pair.
    pub operation: &'static str,
}

impl Form {
    pub fn name(&self) -> String {
        let [sum, a, b] = [self.sum, self.a, self.b].map(Type::name);
        format!(
            "mma.sync.aligned.m{}n8k{}.row.col{}.{sum}.{a}.{b}.{sum}{}",
            self.m,
            self.k,
            if self.saturates { ".satfinite" } else { "" },
            self.operation,
        )
    }
}

fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |m, k, a, b, sum| {
        forms.push(Form {
            m,
            k,
            a,
            b,
            sum,
            saturates: false,
            operation: "",
        });
    };
    for k in [8, 16] {
        add(16, k, Float(F16), Float(F16), Float(F16));
        add(16, k, Float(F16), Float(F16), Float(F32));
        add(16, k, Float(BF16), Float(BF16), Float(F32));
    }
    for k in [16, 32] {
        for (a, b) in [(E4M3, E4M3), (E4M3, E5M2), (E5M2, E4M3), (E5M2, E5M2)] {
            add(16, k, Float(a), Float(b), Float(F16));
            add(16, k, Float(a), Float(b), Float(F32));
        }
    }
    for k in [4, 8] {
        add(16, k, Tf32, Tf32, Float(F32));
    }
    add(8, 4, Float(F64), Float(F64), Float(F64));
    for k in [4, 8, 16] {
        add(16, k, Float(F64), Float(F64), Float(F64));
    }
    for (bits, shapes) in [
        (8, [(8, 16), (16, 16), (16, 32)]),
        (4, [(8, 32), (16, 32), (16, 64)]),
    ] {
        for (m, k) in shapes {
            for (a, b) in [
                (Signed(bits), Signed(bits)),
                (Signed(bits), Unsigned(bits)),
                (Unsigned(bits), Signed(bits)),
                (Unsigned(bits), Unsigned(bits)),
            ] {
                add(m, k, a, b, Signed(32));
            }
        }
    }
    let saturated: Vec<Form> = forms
        .iter()
        .filter(|form| form.sum == Signed(32))
        .map(|&form| Form {
            saturates: true,
            ..form
        })
        .collect();
    forms.extend(saturated);
    for (m, k) in [(8, 128), (16, 128), (16, 256)] {
        for operation in [".and.popc", ".xor.popc"] {
            forms.push(Form {
                m,
                k,
                a: Unsigned(1),
                b: Unsigned(1),
                sum: Signed(32),
                saturates: false,
                operation,
            });
        }
    }
    forms
}

/// The programs. The simulator's sums are rounded once, or twice if the first time was to a double;
/// hardware cuts the products off some bits below the largest one.
pub fn programs(is_simulator: bool) -> Vec<Program> {
    let mut programs = Vec::new();
    for form in forms() {
        products(&mut programs, form, is_simulator, true);
        products(&mut programs, form, is_simulator, false);
    }
    loads(&mut programs);
    stores(&mut programs);
    transposes(&mut programs);
    programs
}

/// Warps that each multiply matrices of their own.
fn products(programs: &mut Vec<Program>, form: Form, is_simulator: bool, is_small: bool) {
    const WARPS: usize = 16;
    let mut rng = Rng::with_seed(form.k as u64);
    let Form {
        m, k, a, b, sum, ..
    } = form;
    let draw = |ty: Type, rng: &mut Rng| match (is_small, ty) {
        (true, Signed(32)) => rng.u64(..2000),
        (true, _) => ty.small(rng),
        (false, _) => ty.any(rng),
    };
    let mut input = Vec::new();
    let mut matrices = Vec::new();
    for _ in 0..WARPS {
        let first: Vec<u64> = (0..m * k).map(|_| draw(a, &mut rng)).collect();
        let second: Vec<u64> = (0..k * 8).map(|_| draw(b, &mut rng)).collect();
        let addend: Vec<u64> = (0..m * 8).map(|_| draw(sum, &mut rng)).collect();
        for lane in 0..32 {
            let elements = |count: usize| 0..count / 32;
            let a_lane = elements(m * k).map(|i| {
                let (row, column) = place_a(m, k, a.bits(), i, lane);
                first[row * k + column]
            });
            let b_lane = elements(k * 8).map(|i| {
                let (row, column) = place_b(k, b.bits(), i, lane);
                second[row * 8 + column]
            });
            let c_lane = elements(m * 8).map(|i| {
                let (row, column) = place_c(i, lane);
                addend[row * 8 + column]
            });
            pack(&mut input, a_lane, a.bits());
            pack(&mut input, b_lane, b.bits());
            pack(&mut input, c_lane, sum.bits());
        }
        matrices.push((first, second, addend));
    }
    let width = |ty: Type| if ty.bits() == 64 { 8 } else { 4 };
    let count = |elements: usize, ty: Type| elements / 32 * ty.bits() as usize / 8 / width(ty);
    let counts = [
        count(m * 8, sum),
        count(m * k, a),
        count(k * 8, b),
        count(m * 8, sum),
    ];
    let widths = [sum, a, b, sum].map(width);
    let operands: Vec<_> = counts.into_iter().zip(widths).collect();
    let (body, offset) = body(&form.name(), &operands, "");
    let n_out = m * 8 / 32;
    let sum_bytes = sum.bits() as usize / 8;
    programs.push(
        Program::new(
            format!(
                "{} of {} values",
                form.name(),
                if is_small { "small" } else { "any" }
            ),
            body,
        )
        .shape(1, 32 * WARPS as u32)
        .strides(offset, n_out * sum_bytes)
        .input(&input)
        .output(&vec![0_u8; WARPS * 32 * n_out * sum_bytes])
        .check(move |bytes| {
            for (warp, (first, second, addend)) in matrices.iter().enumerate() {
                for lane in 0..32 {
                    for i in 0..n_out {
                        let (row, column) = place_c(i, lane);
                        let at = ((warp * 32 + lane) * n_out + i) * sum_bytes;
                        let mut found = [0; 8];
                        found[..sum_bytes].copy_from_slice(&bytes[at..at + sum_bytes]);
                        let factors: Vec<(u64, u64)> = (0..k)
                            .map(|depth| (first[row * k + depth], second[depth * 8 + column]))
                            .collect();
                        check(
                            form,
                            is_simulator,
                            &factors,
                            addend[row * 8 + column],
                            u64::from_le_bytes(found),
                        )
                        .map_err(|why| format!("warp {warp}, row {row}, column {column}: {why}"))?;
                    }
                }
            }
            Ok(())
        }),
    );
}

/// A kernel that loads an instruction's operands, runs it, and stores what it gives; and how many bytes a
/// thread loads. The operands are the registers of each and the bytes of one, the result's first; `tail` comes
/// behind them.
pub fn body(instruction: &str, operands: &[(usize, usize)], tail: &str) -> (String, usize) {
    let names = ["d", "a", "b", "c", "m"];
    let mut body = String::from("{\n");
    let mut offset = 0;
    for (index, (name, &(count, width))) in names.iter().zip(operands).enumerate() {
        let bits = 8 * width;
        body += &format!(".reg .b{bits} %{name}<{count}>;\n");
        if index > 0 {
            for register in 0..count {
                body += &format!("ld.global.b{bits} %{name}{register}, [%from+{offset}];\n");
                offset += width;
            }
        }
    }
    let vectors: Vec<String> = names
        .iter()
        .zip(operands)
        .map(|(name, &(count, _))| {
            let registers: Vec<String> = (0..count).map(|at| format!("%{name}{at}")).collect();
            match *name {
                "m" => registers[0].clone(),
                _ => format!("{{{}}}", registers.join(", ")),
            }
        })
        .collect();
    body += &format!("{instruction} {}{tail};\n", vectors.join(", "));
    let (count, width) = operands[0];
    for register in 0..count {
        let (bits, at) = (8 * width, register * width);
        body += &format!("st.global.b{bits} [%to+{at}], %d{register};\n");
    }
    (body + "}", offset)
}

/// Adds the elements of a lane to bytes, the first one lowest.
pub fn pack(bytes: &mut Vec<u8>, values: impl Iterator<Item = u64>, bits: u32) {
    let mut word: u64 = 0;
    let mut filled = 0;
    for value in values {
        word |= value << filled;
        filled += bits;
        if filled >= 32 {
            bytes.extend(&word.to_le_bytes()[..filled as usize / 8]);
            (word, filled) = (0, 0);
        }
    }
}

/// Whether a result is the sum of an addend and of products, as near as it has to be.
pub fn check(
    form: Form,
    is_simulator: bool,
    factors: &[(u64, u64)],
    addend: u64,
    found: u64,
) -> Result<(), String> {
    let mut sum = form.sum.value(addend);
    let mut largest: f64 = nearest(&sum).abs();
    for &(a, b) in factors {
        let product = match form.operation {
            ".xor.popc" => exact::integer((a ^ b).into()),
            _ => exact::mul(&form.a.value(a), &form.b.value(b)),
        };
        largest = largest.max(nearest(&product).abs());
        sum = exact::add(&sum, &product, Mode::Rn);
    }
    let Float(format) = form.sum else {
        let whole = exact::to_integer(&sum, Mode::Rn).ok_or("no whole number")?;
        let whole: i64 = i64::try_from(whole).map_err(|_| "a large sum")?;
        let expected = match form.saturates {
            true => whole.clamp(i32::MIN.into(), i32::MAX.into()) as u32,
            false => whole as u32,
        };
        return match u64::from(expected) == found {
            true => Ok(()),
            false => Err(format!("expected {expected:#x}, found {found:#x}")),
        };
    };
    let expected = format.round(&sum, Mode::Rn);
    if expected == found {
        return Ok(());
    }
    let [near, far] = [expected, found].map(|bits| nearest(&format.value(bits)));
    // The sum of `n` doubles has an error of at most n units in the last place of the largest
    // partial sum; then comes half a unit of the format, and another one for being rounded twice.
    let terms = factors.len() as f64 + 1.0;
    let unit = |bits: u32| terms * terms * largest * 0.5_f64.powi(bits as i32);
    let least = 2_f64.powi(2 - (1 << (format.exponent - 1)) - format.mantissa as i32);
    let last = near.abs() * 0.5_f64.powi(format.mantissa as i32);
    let allowed = match format.mantissa {
        52 => unit(52),
        _ if is_simulator => unit(52) + (last + least) * 2_f64.powi(-20),
        mantissa => unit(mantissa.min(22)) + last + least,
    };
    // A sum of doubles that lies next to the middle between two numbers may go to either.
    let is_tie = (near - far).abs() <= last + least && {
        let middle = near / 2.0 + far / 2.0;
        (nearest(&sum) - middle).abs() <= allowed
    };
    let is_near = (near - far).abs() <= allowed;
    if is_tie || is_near {
        return Ok(());
    }
    Err(format!(
        "expected {expected:#x} ({near:e}), found {found:#x} ({far:e}), {allowed:e} is allowed"
    ))
}

/// The nearest double.
pub fn nearest(value: &Value) -> f64 {
    f64::from_bits(F64.round(value, Mode::Rn))
}

const HEAD: &str = ".shared .align 16 .b8 tile[2048];";

/// Fills shared memory with the numbers of its halves: `(%i, 8 rows, 8 columns)`.
const FILL: &str = "mov.u32 %w1, tile; mov.u32 %w2, %i;\n\
     MORE: mad.lo.u32 %w3, %w2, 2, %w1; cvt.u16.u32 %h1, %w2; st.shared.u16 [%w3], %h1;\n\
     add.u32 %w2, %w2, 32; setp.lt.u32 %p0, %w2, 1024; @%p0 bra MORE; bar.warp.sync -1;\n";

fn loads(programs: &mut Vec<Program>) {
    for (name, count) in [("x1", 1_u32), ("x2", 2), ("x4", 4)] {
        for (transposed, space) in [
            (false, ".shared"),
            (true, ".shared::cta"),
            (true, ""),
            (false, ""),
        ] {
            // Row r of matrix m lies at 16 * ((5 * (8 * m + r)) % 64).
            let registers = ["%w10", "%w11", "%w12", "%w13"][..count as usize].join(", ");
            let zeros = "mov.u32 %w10, 0; mov.u32 %w11, 0; mov.u32 %w12, 0; mov.u32 %w13, 0;";
            let body = fill(
                "$fill$zeros mul.lo.u32 %w4, %i, 5; and.b32 %w4, %w4, 63; mad.lo.u32 %w5, %w4, 16, %w1;\n\
                 cvt.u64.u32 %l1, %w5; cvta.shared.u64 %l2, %l1;\n\
                 ldmatrix.sync.aligned.m8n8.$name$trans$space.b16 {$registers}, [$address];\n\
                 st.global.v4.u32 [%to], {%w10, %w11, %w12, %w13};",
                &[
                    ("fill", FILL),
                    ("zeros", zeros),
                    ("name", name),
                    ("trans", if transposed { ".trans" } else { "" }),
                    ("space", space),
                    ("registers", &registers),
                    ("address", if space.is_empty() { "%l2" } else { "%w5" }),
                ],
            );
            let element =
                |matrix: u32, row: u32, column: u32| (5 * (8 * matrix + row)) % 64 * 8 + column;
            let expected = (0..32).flat_map(|lane: u32| {
                (0..4).map(move |matrix| {
                    let (group, thread) = (lane / 4, lane % 4);
                    let pair = [0, 1].map(|half| match transposed {
                        false => element(matrix, group, 2 * thread + half),
                        true => element(matrix, 2 * thread + half, group),
                    });
                    if matrix < count {
                        pair[0] | pair[1] << 16
                    } else {
                        0
                    }
                })
            });
            programs.push(
                Program::new(format!("ldmatrix.{name}{space}, {transposed}"), body)
                    .head(HEAD)
                    .strides(4, 16)
                    .expect(expected),
            );
        }
    }
}

fn stores(programs: &mut Vec<Program>) {
    for (name, count) in [("x1", 1_u32), ("x2", 2), ("x4", 4)] {
        for transposed in [false, true] {
            let registers = ["%w10", "%w11", "%w12", "%w13"][..count as usize].join(", ");
            // Halves number 2 * (4 * lane + register) and the next one.
            let body = fill(
                "$fill mul.lo.u32 %w4, %i, 4; mad.lo.u32 %w5, %w4, 131072, 65536;\n\
                 mad.lo.u32 %w10, %w4, 2, %w5; add.u32 %w11, %w10, 0x20002;\n\
                 add.u32 %w12, %w11, 0x20002; add.u32 %w13, %w12, 0x20002;\n\
                 mad.lo.u32 %w6, %i, 16, %w1; bar.warp.sync -1;\n\
                 stmatrix.sync.aligned.m8n8.$name$trans.shared.b16 [%w6], {$registers};\n\
                 bar.warp.sync -1; ld.shared.v4.u32 {%w14, %w15, %w16, %w17}, [%w6];\n\
                 st.global.v4.u32 [%to], {%w14, %w15, %w16, %w17};",
                &[
                    ("fill", FILL),
                    ("name", name),
                    ("trans", if transposed { ".trans" } else { "" }),
                    ("registers", &registers),
                ],
            );
            let expected = (0..32_u16).flat_map(|row| {
                (0..8_u16).map(move |column| {
                    if u32::from(row) / 8 >= count {
                        return row * 8 + column;
                    }
                    let (matrix, row) = (row / 8, row % 8);
                    let (group, half) = match transposed {
                        false => (row, column),
                        true => (column, row),
                    };
                    let lane = group * 4 + half / 2;
                    2 * (4 * lane + matrix) + half % 2
                })
            });
            programs.push(
                Program::new(format!("stmatrix.{name}, {transposed}"), body)
                    .head(HEAD)
                    .strides(4, 16)
                    .expect(expected),
            );
        }
    }
}

fn transposes(programs: &mut Vec<Program>) {
    let body = "mul.lo.u32 %w1, %i, 2; mad.lo.u32 %w2, %w1, 65536, 65536; add.u32 %w2, %w2, %w1;\n\
         movmatrix.sync.aligned.m8n8.trans.b16 %w3, %w2; st.global.u32 [%to], %w3;";
    let expected: Vec<u16> = (0..64).map(|at| at % 8 * 8 + at / 8).collect();
    programs.push(Program::new("movmatrix", body).expect(expected));
}
