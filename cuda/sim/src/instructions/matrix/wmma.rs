//! Products of matrices in fragments whose layout only the device knows: `wmma`.
//!
//! Here element number `i` of lane `l` is number `32 * i + l` of the matrix, row after row. Of the
//! factors in halves, the registers are twice as many as the elements need: the second half repeats
//! the first one.

use super::elements::{Bits, Form, Integers, Kind};
use super::fragments::{ELEMENTS, Element};
use super::mma::bit_operation;
use super::{fragment, whole_warp};
use crate::exec::{AccessSpace, Action, Context, LANES, Lane, Mask, Order, Scope, Slot, Stop};
use crate::instructions::address::{Address, space};
use crate::numeric::product::{COLUMNS, ROWS};
use crate::program::{Fate, Operation};
use crate::ptx::{PtxError, Type};

/// Rows and columns of the sum, and the depth of the product.
type Shape = [usize; 3];

/// The most rows and columns of a matrix.
const MOST: usize = 32;
type Matrix = [[f64; MOST]; MOST];

/// The elements of a matrix in the registers of a warp.
#[derive(Clone)]
struct Fragment {
    element: Element,
    rows: usize,
    columns: usize,
    slots: Vec<Slot>,
}

impl Fragment {
    /// The operand `index`: one of the matrices `a`, `b`, `c` and `d` of a shape.
    fn decode(
        operation: &mut Operation<'_, '_>,
        index: usize,
        role: char,
        [m, n, k]: Shape,
        element: Element,
        is_destination: bool,
    ) -> Result<Self, PtxError> {
        // Of small elements, a word counts as one.
        let k = k / element.together();
        let (rows, columns) = match role {
            'a' => (m, k),
            'b' => (k, n),
            _ => (m, n),
        };
        let is_factor = matches!(role, 'a' | 'b');
        let (size, ty) = match element {
            Element::F64 => (8, Type::B64),
            _ => (4, Type::B32),
        };
        let count = match element {
            Element::F16 if is_factor => 8,
            _ => rows * columns * element.size() / LANES / size,
        };
        let slots = fragment(operation, index, count, ty, is_destination)?;
        Ok(Self {
            element,
            rows,
            columns,
            slots,
        })
    }

    /// How many elements a lane has.
    fn count(&self) -> usize {
        self.rows * self.columns / LANES
    }

    fn place(&self, index: usize, lane: usize) -> (usize, usize) {
        let number = index * LANES + lane;
        (number / self.columns, number % self.columns)
    }

    /// An element in every lane.
    fn get(&self, context: &Context<'_, '_>, index: usize) -> [u64; LANES] {
        let size = self.element.size();
        if size == 8 {
            return u64::read(context.registers, self.slots[index]);
        }
        let (slot, shift) = (self.slots[index * size / 4], index * size % 4 * 8);
        let bits = u64::MAX >> (64 - 8 * size);
        context
            .registers
            .row(slot)
            .map(|word| u64::from(word) >> shift & bits)
    }

    /// Sets all elements.
    fn set(&self, context: &mut Context<'_, '_>, mask: Mask, values: &[[u64; LANES]]) {
        let size = self.element.size();
        if size == 8 {
            for (&slot, values) in self.slots.iter().zip(values) {
                u64::write(context.registers, slot, mask, *values);
            }
            return;
        }
        for (slot, values) in self.slots.iter().zip(values.chunks(4 / size).cycle()) {
            let word = |lane: usize| {
                let bits = |(at, values): (usize, &[u64; LANES])| values[lane] << (8 * size * at);
                values.iter().enumerate().map(bits).sum::<u64>() as u32
            };
            u32::write(context.registers, *slot, mask, std::array::from_fn(word));
        }
    }

    fn matrix(&self, context: &Context<'_, '_>) -> Box<Matrix> {
        let mut matrix = Box::new([[0.0; MOST]; MOST]);
        for index in 0..self.count() {
            for (lane, bits) in self.get(context, index).into_iter().enumerate() {
                let (row, column) = self.place(index, lane);
                matrix[row][column] = self.element.value(bits);
            }
        }
        matrix
    }
}

/// Where a matrix lies in memory.
#[derive(Clone, Copy)]
struct Site {
    address: Address,
    space: AccessSpace,
    by_columns: bool,
    stride: Option<Slot>,
}

impl Site {
    /// The addresses of an element in every lane.
    fn get(&self, context: &Context<'_, '_>, fragment: &Fragment, index: usize) -> [u64; LANES] {
        let base = self.address.get(context);
        let line = if self.by_columns {
            fragment.rows
        } else {
            fragment.columns
        };
        let together = fragment.element.together();
        let stride = self
            .stride
            .map_or([(line * together) as u32; LANES], |stride| {
                *context.registers.row(stride)
            });
        std::array::from_fn(|lane| {
            let (row, column) = fragment.place(index, lane);
            let (line, at) = if self.by_columns {
                (column, row)
            } else {
                (row, column)
            };
            let element = line as u64 * u64::from(stride[lane]) + (at * together) as u64;
            base[lane].wrapping_add(element * fragment.element.bits() as u64 / 8)
        })
    }
}

fn shape(operation: &mut Operation<'_, '_>) -> Result<Shape, PtxError> {
    let shape = operation.choice(&[
        ("m16n16k16", [16, 16, 16]),
        ("m8n32k16", [8, 32, 16]),
        ("m32n8k16", [32, 8, 16]),
        ("m16n16k8", [16, 16, 8]),
        ("m8n8k4", [8, 8, 4]),
        ("m8n8k32", [8, 8, 32]),
        ("m8n8k128", [8, 8, 128]),
    ]);
    shape.ok_or_else(|| operation.unknown())
}

/// Whether a matrix is stored column by column.
fn layout(operation: &mut Operation<'_, '_>) -> Result<bool, PtxError> {
    let layout = operation.choice(&[("row", false), ("col", true)]);
    layout.ok_or_else(|| operation.unknown())
}

fn element(operation: &mut Operation<'_, '_>) -> Result<Element, PtxError> {
    operation
        .choice(&ELEMENTS)
        .ok_or_else(|| operation.unknown())
}

/// Fails unless there is a product of this shape, of factors and sums like these.
fn check(
    operation: &Operation<'_, '_>,
    [_, _, k]: Shape,
    factor: Element,
    sum: Element,
) -> Result<(), PtxError> {
    use Element::{B1, Bf16, F16, F32, F64, S4, S8, S32, Tf32, U4, U8};
    match (k, factor, sum) {
        (16, F16, F16 | F32) | (16, Bf16, F32) | (16, S8 | U8, S32) => Ok(()),
        (8, Tf32, F32) | (4, F64, F64) => Ok(()),
        (32, S4 | U4, S32) | (128, B1, S32) => Ok(()),
        _ => Err(operation.unknown()),
    }
}

/// `wmma`
pub(in crate::instructions) fn decode(
    operation: &mut Operation<'_, '_>,
) -> Result<Action, PtxError> {
    let verb = operation.take();
    let role = match verb {
        Some("load") => operation.choice(&[("a", 'a'), ("b", 'b'), ("c", 'c')]),
        Some("store") => operation.choice(&[("d", 'd')]),
        Some("mma") => Some('m'),
        _ => None,
    };
    let role = role.ok_or_else(|| operation.unknown())?;
    let differs = match role == 'm' && matches!(operation.peek(), Some("and" | "xor")) {
        true => Some(bit_operation(operation)?),
        false => None,
    };
    if !operation.flag("sync") || !operation.flag("aligned") {
        return Err(operation.unknown());
    }
    if role == 'm' {
        return decode_product(operation, differs);
    }
    let by_columns = layout(operation)?;
    let shape = shape(operation)?;
    let named = space(operation);
    let element = element(operation)?;
    let (factor, sum) = match (role, element) {
        ('a' | 'b', Element::F16 | Element::Bf16 | Element::Tf32) => (element, Element::F32),
        ('a' | 'b', Element::F64) => (element, Element::F64),
        ('a' | 'b', _) => (element, Element::S32),
        (_, Element::F64) => (Element::F64, element),
        (_, Element::S32) => match shape[2] {
            32 => (Element::S4, element),
            128 => (Element::B1, element),
            _ => (Element::S8, element),
        },
        (_, _) if shape[2] == 8 => (Element::Tf32, element),
        _ => (Element::F16, element),
    };
    check(operation, shape, factor, sum)?;
    if element.bits() < 8 && by_columns != (role == 'b') {
        return Err(operation.error(
            "elements of less than a byte lie by rows in the first factor, by columns in the second one",
        ));
    }
    operation.finish(2..=3)?;
    let stores = role == 'd';
    let address = Address::decode(operation, usize::from(!stores))?;
    let space = match (named, address.space) {
        (AccessSpace::Generic, Some(space)) | (space, None) => space,
        (named, Some(space)) if named == space => space,
        _ => return Err(operation.error("the variable lies in another state space")),
    };
    if !matches!(
        space,
        AccessSpace::Generic | AccessSpace::Global | AccessSpace::Shared
    ) {
        return Err(operation.error("the matrices lie in global or shared memory"));
    }
    let stride = match operation.has(2) {
        true => Some(operation.src(2, Type::U32)?),
        false => None,
    };
    let fragment = Fragment::decode(
        operation,
        usize::from(stores),
        role,
        shape,
        element,
        !stores,
    )?;
    let site = Site {
        address,
        space,
        by_columns,
        stride,
    };
    Ok(whole_warp(operation, move |context, mask| {
        if stores {
            return store(context, mask, &site, &fragment);
        }
        let values = load(context, mask, &site, &fragment)?;
        fragment.set(context, mask, &values);
        Ok(())
    }))
}

const ORDER: (Order, Scope) = (Order::WEAK, Scope::Device);

fn load(
    context: &mut Context<'_, '_>,
    mask: Mask,
    site: &Site,
    fragment: &Fragment,
) -> Result<Vec<[u64; LANES]>, Stop> {
    let mut values = Vec::new();
    for index in 0..fragment.count() {
        let addresses = site.get(context, fragment, index);
        macro_rules! load {
            ($type:ty) => {{
                let mut loaded: [[$type; LANES]; 1] = [[0; LANES]];
                context.load(mask, site.space, &addresses, ORDER, Fate::Used, &mut loaded)?;
                loaded[0].map(u64::from)
            }};
        }
        values.push(match fragment.element.size() {
            1 => load!(u8),
            2 => load!(u16),
            4 => load!(u32),
            _ => load!(u64),
        });
    }
    Ok(values)
}

fn store(
    context: &mut Context<'_, '_>,
    mask: Mask,
    site: &Site,
    fragment: &Fragment,
) -> Result<(), Stop> {
    for index in 0..fragment.count() {
        let addresses = site.get(context, fragment, index);
        let values = fragment.get(context, index);
        macro_rules! store {
            ($type:ty) => {{
                let values = [values.map(|bits| bits as $type)];
                context.store(mask, site.space, &addresses, ORDER, &values)?
            }};
        }
        match fragment.element.size() {
            2 => store!(u16),
            4 => store!(u32),
            _ => store!(u64),
        }
    }
    Ok(())
}

/// `wmma.mma`. Of bits, `differs` says whether those are counted that differ.
fn decode_product(
    operation: &mut Operation<'_, '_>,
    differs: Option<bool>,
) -> Result<Action, PtxError> {
    // The fragments know no layout any more.
    let layouts = [layout(operation)?, layout(operation)?];
    let shape = shape(operation)?;
    operation.flag("rn");
    let mut types = vec![element(operation)?];
    while let Some(next) = operation.choice(&ELEMENTS) {
        types.push(next);
    }
    let saturates = operation.flag("satfinite");
    // nvcc has the rounding of doubles behind their types.
    if types[0] == Element::F64 {
        operation.flag("rn");
    }
    let [d, a, b, c] = match types[..] {
        [d, c] => [d, Element::F16, Element::F16, c],
        [d, a, b, c] => [d, a, b, c],
        _ => return Err(operation.unknown()),
    };
    let is_whole = |element| matches!(element, Element::S8 | Element::U8);
    check(operation, shape, a, d)?;
    check(operation, shape, b, c)?;
    if a != b && !(is_whole(a) && is_whole(b)) || saturates && d != Element::S32 {
        return Err(operation.unknown());
    }
    let is_small = a.bits() < 8;
    if is_small && layouts != [false, true] || differs.is_some() != (a == Element::B1) {
        return Err(operation.unknown());
    }
    operation.finish(4..=4)?;
    let signed = [a, b].map(|element| element == Element::S4);
    let a = Fragment::decode(operation, 1, 'a', shape, a, false)?;
    let b = Fragment::decode(operation, 2, 'b', shape, b, false)?;
    let c = Fragment::decode(operation, 3, 'c', shape, c, false)?;
    let d = Fragment::decode(operation, 0, 'd', shape, d, true)?;
    if is_small {
        let form = Form {
            m: 8,
            first_words: 4,
            second_words: 4,
            halves: false,
            negates: false,
            signed,
            saturates,
        };
        return Ok(whole_warp(operation, move |context, mask| {
            let fragments = [&a, &b, &c, &d];
            match differs {
                None => multiply_words::<Integers<4>>(context, mask, &form, fragments),
                Some(false) => multiply_words::<Bits<false>>(context, mask, &form, fragments),
                Some(true) => multiply_words::<Bits<true>>(context, mask, &form, fragments),
            }
            Ok(())
        }));
    }
    let [m, n, k] = shape;
    Ok(whole_warp(operation, move |context, mask| {
        let (first, second) = (a.matrix(context), b.matrix(context));
        let mut sums = c.matrix(context);
        for (sums, row) in sums[..m].iter_mut().zip(&*first) {
            for (&factor, column) in row[..k].iter().zip(&*second) {
                for (sum, &other) in sums[..n].iter_mut().zip(column) {
                    // All other products are exact, and so need not be fused with the sum.
                    *sum = match a.element {
                        Element::F64 => factor.mul_add(other, *sum),
                        _ => factor * other + *sum,
                    };
                }
            }
        }
        let values: Vec<[u64; LANES]> = (0..d.count())
            .map(|index| {
                std::array::from_fn(|lane| {
                    let (row, column) = d.place(index, lane);
                    d.element.round(sums[row][column], saturates)
                })
            })
            .collect();
        d.set(context, mask, &values);
        Ok(())
    }))
}

/// The product of factors whose elements are smaller than a byte.
fn multiply_words<P: Kind<Sum = i32>>(
    context: &mut Context<'_, '_>,
    mask: Mask,
    form: &Form,
    [a, b, c, d]: [&Fragment; 4],
) {
    let mut first = [[0; 8]; ROWS];
    let mut second = [[0; COLUMNS]; 16];
    let mut sums = [[0; COLUMNS]; ROWS];
    for lane in 0..LANES {
        let (row, word) = a.place(0, lane);
        first[row][word] = a.get(context, 0)[lane] as u32;
        let (word, column) = b.place(0, lane);
        second[word][column] = b.get(context, 0)[lane] as u32;
        for index in 0..c.count() {
            let (row, column) = c.place(index, lane);
            sums[row][column] = c.get(context, index)[lane] as i32;
        }
    }
    let rows = P::rows(form, &first);
    P::multiply(form, &rows, &second, None, &mut sums);
    let values: Vec<[u64; LANES]> = (0..d.count())
        .map(|index| {
            std::array::from_fn(|lane| {
                let (row, column) = d.place(index, lane);
                (sums[row][column] as u32).into()
            })
        })
        .collect();
    d.set(context, mask, &values);
}
