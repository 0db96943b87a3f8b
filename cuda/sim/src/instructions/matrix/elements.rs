//! What the elements of matrices are, and their products in tiles of 16 rows and 8 columns.
//!
//! The lanes are eight groups of four. A register of a lane holds elements of a row that lie side by
//! side: of the first factor the group is the row and the lane's place in it says which elements; of
//! the second one the group is the column. The further registers are 8 rows further down, then a
//! group's width of elements further to the right.

use std::marker::PhantomData;

use crate::exec::{Lane, Mask, Registers, Slot};
use crate::numeric::half::{self, Half};
use crate::numeric::product::{
    COLUMNS, FirstWords, Places, ROWS, SecondWords, Sums, add_integers, count_bits, multiply,
    multiply_integers, multiply_sparse, multiply_sparse_integers,
};
use crate::numeric::{canonical, format, single};

/// An element of a factor, several of which are in a word of 32 bits.
pub(super) trait Element: 'static {
    /// How many are in a word.
    const COUNT: usize;
    type Value: Copy + Default;
    fn value(word: u32, index: usize) -> Self::Value;
}

pub(super) struct F16;
pub(super) struct Bf16;
pub(super) struct Tf32;
pub(super) struct E4M3;
pub(super) struct E5M2;
/// A whole number of this many bits, with a sign or without.
pub(super) struct Whole<const BITS: usize, const SIGNED: bool>;

macro_rules! elements {
    ($($name:ty, $count:expr, $value:ty: $convert:expr;)*) => {$(
        impl Element for $name {
            const COUNT: usize = $count;
            type Value = $value;
            #[inline(always)]
            fn value(word: u32, index: usize) -> $value {
                $convert(word >> (32 / Self::COUNT * index))
            }
        }
    )*};
}

elements! {
    F16, 2, f64: |bits| half::F16::to_single(bits as u16).into();
    Bf16, 2, f64: |bits| half::Bf16::to_single(bits as u16).into();
    // The last 13 bits of a word are not looked at.
    Tf32, 1, f64: |bits: u32| f32::from_bits(bits & !0x1fff).into();
    E4M3, 4, f64: |bits| format::E4M3.decode(bits & 0xff);
    E5M2, 4, f64: |bits| format::E5M2.decode(bits & 0xff);
    Whole<8, true>, 4, i32: |bits| i32::from(bits as i8);
    Whole<8, false>, 4, i32: |bits| i32::from(bits as u8);
    Whole<4, true>, 8, i32: |bits: u32| (bits << 28) as i32 >> 28;
    Whole<4, false>, 8, i32: |bits: u32| (bits & 0xf) as i32;
}

/// What a product is, apart from its elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// The rows of the first factor: 8 or 16.
    pub(super) m: usize,
    /// The words in a row of the first factor.
    pub(super) first_words: usize,
    /// The words in a column of the second one.
    pub(super) second_words: usize,
    /// Whether the elements of the sum are halves, two in a register.
    pub(super) halves: bool,
    /// Whether the product is subtracted.
    pub(super) negates: bool,
    /// Of integers: whether those of each factor have a sign.
    pub(super) signed: [bool; 2],
    /// And whether a sum that does not fit is the nearest that does.
    pub(super) saturates: bool,
}

/// The elements of the factors, and of the sum.
pub(super) trait Kind: 'static {
    type Sum: Copy + Default;
    /// The first factor.
    type Rows;
    fn rows(form: &Form, words: &FirstWords) -> Self::Rows;
    /// Adds a product to the sums. Of a sparse first factor, `places` says where its elements belong.
    fn multiply(
        form: &Form,
        a: &Self::Rows,
        b: &SecondWords,
        places: Option<&Places>,
        sums: &mut Sums<Self::Sum>,
    );
    /// The sums that registers hold.
    fn load(form: &Form, registers: &Registers, slots: &[Slot]) -> Sums<Self::Sum>;
    fn store(
        form: &Form,
        registers: &mut Registers,
        mask: Mask,
        slots: &[Slot],
        sums: &Sums<Self::Sum>,
    );
}

pub(super) struct Floats<A, B>(PhantomData<(A, B)>);
pub(super) struct Integers<const BITS: usize>;
/// Single bits, of which those are counted that are set in both factors, or that differ.
pub(super) struct Bits<const DIFFERENT: bool>;

/// The elements of the first factor.
#[inline(always)]
fn rows<E: Element, const K: usize>(words: &FirstWords, count: usize) -> [[E::Value; K]; ROWS] {
    let mut matrix = [[E::Value::default(); K]; ROWS];
    for (row, words) in matrix.iter_mut().zip(words) {
        // A group's four words at a time: a loop whose length is known becomes vectors.
        let groups = row.chunks_exact_mut(4 * E::COUNT);
        for (elements, words) in groups.zip(words[..count].chunks_exact(4)) {
            for (index, element) in elements.iter_mut().enumerate() {
                *element = E::value(words[index / E::COUNT], index % E::COUNT);
            }
        }
    }
    matrix
}

/// The elements of the second factor.
#[inline(always)]
fn columns<E: Element, const K: usize>(
    words: &SecondWords,
    count: usize,
) -> [[E::Value; COLUMNS]; K] {
    let mut matrix = [[E::Value::default(); COLUMNS]; K];
    for (elements, words) in matrix.chunks_exact_mut(E::COUNT).zip(&words[..count]) {
        for (index, row) in elements.iter_mut().enumerate() {
            for (element, &word) in row.iter_mut().zip(words) {
                *element = E::value(word, index);
            }
        }
    }
    matrix
}

/// The row and column of an element of the sum, if each register holds one.
#[inline(always)]
pub(super) fn place(index: usize, lane: usize) -> (usize, usize) {
    (index / 2 * 8 + lane / 4, lane % 4 * 2 + index % 2)
}

/// The most elements in a row of floats that are stored, and the most in a column.
const STORED: usize = 32;
const DEEP: usize = 64;

impl<A: Element<Value = f64>, B: Element<Value = f64>> Kind for Floats<A, B> {
    type Sum = f64;
    type Rows = [[f64; STORED]; ROWS];

    #[inline(always)]
    fn rows(form: &Form, words: &FirstWords) -> Self::Rows {
        let mut rows = rows::<A, STORED>(words, form.first_words);
        if form.negates {
            for element in rows.as_flattened_mut() {
                *element = -*element;
            }
        }
        rows
    }

    #[inline(always)]
    fn multiply(
        form: &Form,
        a: &Self::Rows,
        b: &SecondWords,
        places: Option<&Places>,
        sums: &mut Sums<f64>,
    ) {
        let columns = columns::<B, DEEP>(b, form.second_words);
        let a = &a[..form.m];
        match places {
            Some(places) => {
                multiply_sparse(a, form.first_words * A::COUNT, places, &columns, sums);
            }
            None => multiply::<false, _>(a, &columns[..form.second_words * B::COUNT], sums),
        }
    }

    #[inline(always)]
    fn load(form: &Form, registers: &Registers, slots: &[Slot]) -> Sums<f64> {
        let mut sums = [[0.0; COLUMNS]; ROWS];
        for (index, &slot) in slots.iter().enumerate() {
            for (lane, &bits) in registers.row(slot).iter().enumerate() {
                if form.halves {
                    let (row, column) = place(2 * index, lane);
                    sums[row][column] = F16::value(bits, 0);
                    sums[row][column + 1] = F16::value(bits, 1);
                } else {
                    let (row, column) = place(index, lane);
                    sums[row][column] = f32::from_bits(bits).into();
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn store(form: &Form, registers: &mut Registers, mask: Mask, slots: &[Slot], sums: &Sums<f64>) {
        for (index, &slot) in slots.iter().enumerate() {
            let values = std::array::from_fn(|lane| {
                if form.halves {
                    let (row, column) = place(2 * index, lane);
                    round_half(sums[row][column]) | round_half(sums[row][column + 1]) << 16
                } else {
                    let (row, column) = place(index, lane);
                    canonical(sums[row][column] as f32).to_bits()
                }
            });
            u32::write(registers, slot, mask, values);
        }
    }
}

/// The bits of the nearest half.
#[inline(always)]
pub(super) fn round_half(sum: f64) -> u32 {
    half::F16::from_single(single::from_double_to_odd(sum)).into()
}

#[inline(always)]
fn load_integers(registers: &Registers, slots: &[Slot]) -> Sums<i32> {
    let mut sums = [[0; COLUMNS]; ROWS];
    for (index, &slot) in slots.iter().enumerate() {
        for (lane, &bits) in registers.row(slot).iter().enumerate() {
            let (row, column) = place(index, lane);
            sums[row][column] = bits as i32;
        }
    }
    sums
}

#[inline(always)]
fn store_integers(registers: &mut Registers, mask: Mask, slots: &[Slot], sums: &Sums<i32>) {
    for (index, &slot) in slots.iter().enumerate() {
        let values = std::array::from_fn(|lane| {
            let (row, column) = place(index, lane);
            sums[row][column]
        });
        i32::write(registers, slot, mask, values);
    }
}

/// Elements of 4 bits are the most.
const STORED_WHOLE: usize = 64;
const DEEP_WHOLE: usize = 128;

impl<const BITS: usize> Kind for Integers<BITS>
where
    Whole<BITS, true>: Element<Value = i32>,
    Whole<BITS, false>: Element<Value = i32>,
{
    type Sum = i32;
    type Rows = [[i32; STORED_WHOLE]; ROWS];

    #[inline(always)]
    fn rows(form: &Form, words: &FirstWords) -> Self::Rows {
        match form.signed[0] {
            true => rows::<Whole<BITS, true>, STORED_WHOLE>(words, form.first_words),
            false => rows::<Whole<BITS, false>, STORED_WHOLE>(words, form.first_words),
        }
    }

    #[inline(always)]
    fn multiply(
        form: &Form,
        a: &Self::Rows,
        b: &SecondWords,
        places: Option<&Places>,
        sums: &mut Sums<i32>,
    ) {
        let columns = match form.signed[1] {
            true => columns::<Whole<BITS, true>, DEEP_WHOLE>(b, form.second_words),
            false => columns::<Whole<BITS, false>, DEEP_WHOLE>(b, form.second_words),
        };
        let a = &a[..form.m];
        let products = match places {
            Some(places) => {
                let stored = form.first_words * 32 / BITS;
                multiply_sparse_integers(a, stored, places, &columns)
            }
            None => multiply_integers(a, &columns[..form.second_words * 32 / BITS]),
        };
        add_integers(sums, &products, form.saturates);
    }

    #[inline(always)]
    fn load(_: &Form, registers: &Registers, slots: &[Slot]) -> Sums<i32> {
        load_integers(registers, slots)
    }

    #[inline(always)]
    fn store(_: &Form, registers: &mut Registers, mask: Mask, slots: &[Slot], sums: &Sums<i32>) {
        store_integers(registers, mask, slots, sums);
    }
}

impl<const DIFFERENT: bool> Kind for Bits<DIFFERENT> {
    type Sum = i32;
    type Rows = FirstWords;

    #[inline(always)]
    fn rows(_: &Form, words: &FirstWords) -> FirstWords {
        *words
    }

    #[inline(always)]
    fn multiply(
        form: &Form,
        a: &FirstWords,
        b: &SecondWords,
        _: Option<&Places>,
        sums: &mut Sums<i32>,
    ) {
        let mut products = [[0; COLUMNS]; ROWS];
        for (products, row) in products.iter_mut().zip(&a[..form.m]) {
            for (word, columns) in row[..form.first_words].iter().zip(b) {
                for (product, column) in products.iter_mut().zip(columns) {
                    *product += count_bits::<DIFFERENT>(*word, *column);
                }
            }
        }
        add_integers(sums, &products, false);
    }

    #[inline(always)]
    fn load(_: &Form, registers: &Registers, slots: &[Slot]) -> Sums<i32> {
        load_integers(registers, slots)
    }

    #[inline(always)]
    fn store(_: &Form, registers: &mut Registers, mask: Mask, slots: &[Slot], sums: &Sums<i32>) {
        store_integers(registers, mask, slots, sums);
    }
}

/// The words of a first factor of `m` rows that registers hold.
#[inline(always)]
pub(super) fn first_words(registers: &Registers, slots: &[Slot], m: usize) -> FirstWords {
    let mut words = [[0; 8]; ROWS];
    for (index, &slot) in slots.iter().enumerate() {
        let values = registers.row(slot);
        let (top, left) = (index % (m / 8) * 8, index / (m / 8) * 4);
        for (row, values) in values.chunks_exact(4).enumerate() {
            words[top + row][left..left + 4].copy_from_slice(values);
        }
    }
    words
}

/// The words of a second factor that registers hold.
#[inline(always)]
pub(super) fn second_words(registers: &Registers, slots: &[Slot]) -> SecondWords {
    let mut words = [[0; COLUMNS]; 16];
    for (index, &slot) in slots.iter().enumerate() {
        for (lane, &value) in registers.row(slot).iter().enumerate() {
            words[4 * index + lane % 4][lane / 4] = value;
        }
    }
    words
}
