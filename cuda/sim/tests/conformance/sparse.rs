//! Products of sparse matrices by a warp, and four products of 8 by 8 by 4 at a time: the places of elements
//! and of metadata as the manual has them.

use fastrand::Rng;

use crate::exact::{BF16, F16, F32};
use crate::matrix::{
    E4M3, E5M2, Float, Form, Signed, Tf32, Type, Unsigned, body, check, pack, place_a, place_c,
};
use crate::program::Program;

const WARPS: usize = 2;

/// The instructions: shape, types, and the selectors.
fn forms() -> Vec<(Form, u32)> {
    let mut forms = Vec::new();
    let mut add = |k, a, b, sum, selectors| {
        for selector in 0..selectors {
            let form = Form {
                m: 16,
                k,
                a,
                b,
                sum,
                saturates: selector == 1,
                operation: "",
            };
            forms.push((form, selector));
        }
    };
    for sum in [F16, F32] {
        add(16, Float(F16), Float(F16), Float(sum), 4);
        add(32, Float(F16), Float(F16), Float(sum), 2);
    }
    add(16, Float(BF16), Float(BF16), Float(F32), 4);
    add(32, Float(BF16), Float(BF16), Float(F32), 2);
    add(8, Tf32, Tf32, Float(F32), 4);
    add(16, Tf32, Tf32, Float(F32), 2);
    for (a, b) in [(E4M3, E4M3), (E4M3, E5M2), (E5M2, E4M3), (E5M2, E5M2)] {
        add(64, Float(a), Float(b), Float(F32), 1);
    }
    for (bits, shapes) in [(8, [(32, 2), (64, 1)]), (4, [(64, 2), (128, 1)])] {
        for (k, selectors) in shapes {
            add(k, Signed(bits), Unsigned(bits), Signed(32), selectors);
            add(k, Unsigned(bits), Signed(bits), Signed(32), selectors);
        }
    }
    forms
}

/// The elements of a run, of which half are stored.
fn run(bits: u32) -> usize {
    match bits {
        32 => 2,
        4 => 8,
        _ => 4,
    }
}

/// Which row and run the four bits at place `nibble` of a lane's metadata are for, if they are for any.
pub fn place_metadata(
    k: usize,
    bits: u32,
    selector: u32,
    lane: usize,
    nibble: usize,
) -> Option<(usize, usize)> {
    let (group, thread) = (lane / 4, lane % 4);
    let first = |n_threads: usize| thread.checked_sub(n_threads * selector as usize);
    match (bits, k) {
        // One thread of four: its lower half is for the row, the upper one for that eight further down.
        (16, 16) | (32, 8) => {
            (thread == selector as usize).then_some((group + nibble / 4 * 8, nibble % 4))
        }
        // Two threads, each of which has half of the columns.
        (16, 32) | (32, 16) => first(2)
            .filter(|&nth| nth < 2)
            .map(|nth| (group + nibble / 4 * 8, 4 * nth + nibble % 4)),
        // Two threads, each of which has a row.
        (8, 32) | (4, 64) => first(2)
            .filter(|&nth| nth < 2)
            .map(|nth| (group + 8 * nth, nibble)),
        // All four, of which the last two have the other half of the columns.
        _ => Some((group + thread % 2 * 8, thread / 2 * 8 + nibble)),
    }
}

/// A sparse matrix with 16 rows: what is stored of each row, where it belongs, and the metadata.
pub struct Sparse {
    pub stored: Vec<Vec<u64>>,
    pub places: Vec<Vec<usize>>,
    nibbles: Vec<Vec<u32>>,
}

impl Sparse {
    pub fn new(rng: &mut Rng, k: usize, ty: Type, mut draw: impl FnMut(&mut Rng) -> u64) -> Self {
        let length = run(ty.bits());
        let mut sparse = Self {
            stored: Vec::new(),
            places: Vec::new(),
            nibbles: Vec::new(),
        };
        for _ in 0..16 {
            let mut places = Vec::new();
            let mut nibbles = Vec::new();
            for start in (0..k).step_by(length) {
                let (first, second) = rng
                    .choice([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
                    .unwrap();
                let (nibble, inside) = match length {
                    2 if first == 0 => (0b0100, vec![0]),
                    2 => (0b1110, vec![1]),
                    4 => (first | second << 2, vec![first, second]),
                    _ => (
                        first | second << 2,
                        vec![2 * first, 2 * first + 1, 2 * second, 2 * second + 1],
                    ),
                };
                nibbles.push(nibble as u32);
                places.extend(inside.into_iter().map(|place| start + place));
            }
            sparse
                .stored
                .push(places.iter().map(|_| draw(rng)).collect());
            sparse.places.push(places);
            sparse.nibbles.push(nibbles);
        }
        sparse
    }

    /// A matrix that stores everything.
    pub fn dense(rng: &mut Rng, k: usize, mut draw: impl FnMut(&mut Rng) -> u64) -> Self {
        let row = |_| (0..k).map(|_| draw(rng)).collect();
        Self {
            stored: (0..16).map(row).collect(),
            places: vec![(0..k).collect(); 16],
            nibbles: Vec::new(),
        }
    }

    /// The metadata of a lane; what nobody looks at is anything.
    pub fn metadata(&self, rng: &mut Rng, k: usize, bits: u32, selector: u32, lane: usize) -> u32 {
        (0..8).fold(0, |word, nibble| {
            let value = match place_metadata(k, bits, selector, lane, nibble) {
                Some((row, run)) => self.nibbles[row][run],
                None => rng.u32(..16),
            };
            word | value << (4 * nibble)
        })
    }

    /// The factors of the sum in a row and a column of the product with a matrix of `n` columns.
    pub fn factors(&self, second: &[u64], n: usize, row: usize, column: usize) -> Vec<(u64, u64)> {
        let places = self.places[row].iter();
        let stored = self.stored[row].iter();
        stored
            .zip(places)
            .map(|(&a, &depth)| (a, second[depth * n + column]))
            .collect()
    }
}

/// The row and column of element `i` of a second factor.
fn place_b(bits: u32, i: usize, lane: usize) -> (usize, usize) {
    let per_register = 32 / bits as usize;
    let row = lane % 4 * per_register + i % per_register + i / per_register * 4 * per_register;
    (row, lane / 4)
}

pub fn programs(is_simulator: bool) -> Vec<Program> {
    let mut programs = Vec::new();
    for (form, selector) in forms() {
        for is_small in [true, false] {
            products(&mut programs, (form, selector), is_simulator, is_small);
        }
    }
    for by_columns in [[false, false], [false, true], [true, false], [true, true]] {
        for sums in [[F16, F16], [F32, F16], [F32, F32]] {
            quads(&mut programs, by_columns, sums.map(Float), is_simulator);
        }
    }
    programs
}

fn products(
    programs: &mut Vec<Program>,
    (form, selector): (Form, u32),
    is_simulator: bool,
    is_small: bool,
) {
    let mut rng = Rng::with_seed(form.k as u64);
    let Form { k, a, b, sum, .. } = form;
    let form = Form {
        saturates: form.saturates && sum == Signed(32),
        ..form
    };
    let draw = move |ty: Type, rng: &mut Rng| match (is_small, ty) {
        (true, Signed(32)) => rng.u64(..2000),
        (true, _) => ty.small(rng),
        (false, _) => ty.any(rng),
    };
    let mut input = Vec::new();
    let mut matrices = Vec::new();
    for _ in 0..WARPS {
        let first = Sparse::new(&mut rng, k, a, |rng| draw(a, rng));
        let second: Vec<u64> = (0..k * 8).map(|_| draw(b, &mut rng)).collect();
        let addend: Vec<u64> = (0..128).map(|_| draw(sum, &mut rng)).collect();
        for lane in 0..32 {
            let a_lane = (0..16 * k / 64).map(|i| {
                let (row, column) = place_a(16, k / 2, a.bits(), i, lane);
                first.stored[row][column]
            });
            let b_lane = (0..k / 4).map(|i| {
                let (row, column) = place_b(b.bits(), i, lane);
                second[row * 8 + column]
            });
            let c_lane = (0..4).map(|i| {
                let (row, column) = place_c(i, lane);
                addend[row * 8 + column]
            });
            pack(&mut input, a_lane, a.bits());
            pack(&mut input, b_lane, b.bits());
            pack(&mut input, c_lane, sum.bits());
            let metadata = first.metadata(&mut rng, k, a.bits(), selector, lane);
            input.extend(metadata.to_le_bytes());
        }
        matrices.push((first, second, addend));
    }
    let words = |elements: usize, ty: Type| elements * ty.bits() as usize / 1024;
    let sums = words(128, sum);
    let operands = [sums, words(8 * k, a), words(8 * k, b), sums, 1].map(|count| (count, 4));
    // The indices rise: both instructions take them.
    let kind = if selector % 2 == 0 {
        "sp"
    } else {
        "sp::ordered_metadata"
    };
    let name = form.name().replace("mma.", &format!("mma.{kind}."));
    let (body, offset) = body(&name, &operands, &format!(", {selector}"));
    let sum_bytes = sum.bits() as usize / 8;
    let program = Program::new(format!("{name}, {selector}, small: {is_small}"), body)
        .shape(1, 32 * WARPS as u32)
        .strides(offset, 4 * sum_bytes)
        .input(&input)
        .output(&vec![0_u8; WARPS * 128 * sum_bytes]);
    programs.push(program.check(move |bytes| {
        for (at, found) in bytes.chunks_exact(sum_bytes).enumerate() {
            let (first, second, addend) = &matrices[at / 128];
            let (row, column) = place_c(at % 4, at / 4 % 32);
            let mut bits = [0; 8];
            bits[..sum_bytes].copy_from_slice(found);
            let factors = first.factors(second, 8, row, column);
            let (addend, found) = (addend[row * 8 + column], u64::from_le_bytes(bits));
            check(form, is_simulator, &factors, addend, found)
                .map_err(|why| format!("warp {}, row {row}, column {column}: {why}", at / 128))?;
        }
        Ok(())
    }));
}

/// The row and column of element `i` of a matrix of `mma.m8n8k4`: `a`, `b`, or a sum of a type.
fn place_in_quad(role: char, by_columns: bool, i: usize, lane: usize) -> (usize, usize) {
    let lower = lane < 16;
    let behind = if lower { 0 } else { 4 };
    match (role, by_columns) {
        ('a', false) => (lane % 4 + behind, i),
        ('a', true) => (i % 4 + behind, lane % 4),
        ('b', false) => (lane % 4, i + behind),
        ('b', true) => (i, lane % 4 + behind),
        // Halves, then singles.
        ('h', _) => (lane % 4 + behind, i),
        _ => (
            (lane & 0b1) + (i & 0b10) + behind,
            (i & 0b100) + (lane & 0b10) + (i & 0b1),
        ),
    }
}

fn quads(
    programs: &mut Vec<Program>,
    by_columns: [bool; 2],
    [d, c]: [Type; 2],
    is_simulator: bool,
) {
    let mut rng = Rng::with_seed(4);
    let [first_layout, second_layout] = by_columns.map(|by| if by { "col" } else { "row" });
    let name = format!(
        "mma.sync.aligned.m8n8k4.{first_layout}.{second_layout}.{}.f16.f16.{}",
        d.name(),
        c.name()
    );
    let role = |ty: Type| if ty == Float(F16) { 'h' } else { 's' };
    // Four products a warp: elements by product, row and column.
    let mut draw = |ty: Type, count: usize| -> Vec<u64> {
        (0..WARPS * 4 * count).map(|_| ty.any(&mut rng)).collect()
    };
    let (first, second, addend) = (draw(Float(F16), 32), draw(Float(F16), 32), draw(c, 64));
    let mut input = Vec::new();
    for lane in 0..32 * WARPS {
        let product = lane / 32 * 4 + lane % 16 / 4;
        let elements = |matrix: &[u64], role: char, turned: bool, columns: usize, count: usize| {
            (0..count)
                .map(|i| {
                    let (row, column) = place_in_quad(role, turned, i, lane % 32);
                    let size = matrix.len() / (4 * WARPS);
                    matrix[product * size + row * columns + column]
                })
                .collect::<Vec<_>>()
        };
        let a = elements(&first, 'a', by_columns[0], 4, 4);
        let b = elements(&second, 'b', by_columns[1], 8, 4);
        pack(&mut input, a.into_iter(), 16);
        pack(&mut input, b.into_iter(), 16);
        pack(
            &mut input,
            elements(&addend, role(c), false, 8, 8).into_iter(),
            c.bits(),
        );
    }
    let words = |ty: Type| ty.bits() as usize / 4;
    let operands = [words(d), 2, 2, words(c)].map(|count| (count, 4));
    let (body, offset) = body(&name, &operands, "");
    let sum_bytes = d.bits() as usize / 8;
    let form = Form {
        m: 8,
        k: 4,
        a: Float(F16),
        b: Float(F16),
        sum: d,
        saturates: false,
        operation: "",
    };
    let program = Program::new(name, body)
        .shape(1, 32 * WARPS as u32)
        .strides(offset, 8 * sum_bytes)
        .input(&input)
        .output(&vec![0_u8; 256 * WARPS * sum_bytes]);
    programs.push(program.check(move |bytes| {
        for (at, found) in bytes.chunks_exact(sum_bytes).enumerate() {
            let lane = at / 8;
            let product = lane / 32 * 4 + lane % 16 / 4;
            let (row, column) = place_in_quad(role(d), false, at % 8, lane % 32);
            let mut bits = [0; 8];
            bits[..sum_bytes].copy_from_slice(found);
            let factors: Vec<_> = (0..4)
                .map(|depth| {
                    let a = first[product * 32 + row * 4 + depth];
                    (a, second[product * 32 + depth * 8 + column])
                })
                .collect();
            let addend = addend[product * 64 + row * 8 + column];
            // The addend as a number of the sum's type, which holds it exactly.
            let addend = match (c, d) {
                (Float(F16), Float(F32)) => F32.round(&F16.value(addend), crate::exact::Mode::Rn),
                _ => addend,
            };
            check(
                form,
                is_simulator,
                &factors,
                addend,
                u64::from_le_bytes(bits),
            )
            .map_err(|why| format!("lane {lane}, row {row}, column {column}: {why}"))?;
        }
        Ok(())
    }));
}
