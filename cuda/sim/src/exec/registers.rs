//! The registers of a warp: 32 lanes side by side, so that the host's vector units work on them.

use bytemuck::{Pod, Zeroable, must_cast_mut, must_cast_ref};

use super::ProductRegisters;

/// The lanes of a warp.
pub(crate) const LANES: usize = 32;

/// A bit per lane: lane 0 is the lowest.
pub(crate) type Mask = u32;

/// All lanes.
pub(crate) const ALL: Mask = !0;

/// The lanes of a mask, in ascending order.
pub(crate) fn lanes(mut mask: Mask) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = mask.trailing_zeros();
        (mask != 0).then(|| {
            mask &= mask - 1;
            lane as usize
        })
    })
}

/// 32 bits of every lane.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [u32; LANES]);

/// Where a register lies: its first row, counted from the frame of its function.
///
/// A register of up to 32 bits takes one row, one of 64 bits two and one of 128 bits four. What is
/// narrower than a row is zero-extended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Slot(pub(crate) u32);

/// Where a predicate lies, counted from the frame of its function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PredicateSlot(pub(crate) u32);

/// The registers of a warp, and where the frame of the running function begins in them.
///
/// Lanes that are at different places of one function use the same rows, each its own column: a row
/// always holds registers of one width.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    rows: Vec<Row>,
    predicates: Vec<Mask>,
    pub(crate) frame: usize,
    pub(crate) predicate_frame: usize,
    /// The carry of each lane: `CC.CF`.
    pub(crate) carry: Mask,
    /// What asynchronous products do with some of them.
    pub(crate) products: ProductRegisters,
}

impl Registers {
    /// Makes room for a frame of this size at the current one.
    pub(crate) fn reserve(&mut self, rows: usize, predicates: usize) {
        let rows = self.frame + rows;
        if self.rows.len() < rows {
            self.rows.resize(rows, Row::zeroed());
        }
        let predicates = self.predicate_frame + predicates;
        if self.predicates.len() < predicates {
            self.predicates.resize(predicates, 0);
        }
    }

    /// A row of the frame.
    #[inline(always)]
    pub(crate) fn row(&self, slot: Slot) -> &[u32; LANES] {
        &self.rows[self.frame + slot.0 as usize].0
    }

    /// Sets 32 bits of one lane.
    pub(crate) fn set_lane(&mut self, slot: Slot, lane: usize, bits: u32) {
        self.row_mut(slot)[lane] = bits;
    }

    #[inline(always)]
    fn row_mut(&mut self, slot: Slot) -> &mut [u32; LANES] {
        &mut self.rows[self.frame + slot.0 as usize].0
    }

    #[inline(always)]
    fn rows<const N: usize>(&self, slot: Slot) -> &[Row; N] {
        let first = self.frame + slot.0 as usize;
        self.rows[first..first + N].try_into().expect("N rows")
    }

    #[inline(always)]
    fn rows_mut<const N: usize>(&mut self, slot: Slot) -> &mut [Row; N] {
        let first = self.frame + slot.0 as usize;
        (&mut self.rows[first..first + N])
            .try_into()
            .expect("N rows")
    }

    /// The lanes in which a predicate holds. Lanes that do not run have any value.
    #[inline(always)]
    pub(crate) fn predicate(&self, slot: PredicateSlot) -> Mask {
        self.predicates[self.predicate_frame + slot.0 as usize]
    }

    /// Sets a predicate in the lanes of `mask`.
    #[inline(always)]
    pub(crate) fn set_predicate(&mut self, slot: PredicateSlot, mask: Mask, value: Mask) {
        let predicate = &mut self.predicates[self.predicate_frame + slot.0 as usize];
        *predicate = *predicate & !mask | value & mask;
    }
}

/// A value that a lane of a register holds.
pub(crate) trait Lane: Copy + Send + Sync + 'static {
    /// What a lane of the register is made of: 32 bits, or all bits of a wider one.
    type Bits: Pod;
    /// The value that the bits are.
    fn from_register(bits: Self::Bits) -> Self;
    /// The bits of the value.
    fn to_register(self) -> Self::Bits;
    /// The bits in every lane. Lanes that do not run have any.
    fn bits(registers: &Registers, slot: Slot) -> &[Self::Bits; LANES];
    /// As [`Lane::bits`].
    fn bits_mut(registers: &mut Registers, slot: Slot) -> &mut [Self::Bits; LANES];

    /// The value in every lane. Lanes that do not run have any value.
    #[inline(always)]
    fn read(registers: &Registers, slot: Slot) -> [Self; LANES] {
        Self::bits(registers, slot).map(Self::from_register)
    }

    /// Writes the lanes of `mask`.
    #[inline(always)]
    fn write(registers: &mut Registers, slot: Slot, mask: Mask, values: [Self; LANES]) {
        Self::write_bits(registers, slot, mask, values.map(Self::to_register));
    }

    /// Writes the bits of the lanes of `mask`.
    #[inline(always)]
    fn write_bits(registers: &mut Registers, slot: Slot, mask: Mask, values: [Self::Bits; LANES]) {
        blend(Self::bits_mut(registers, slot), mask, values);
    }
}

/// Writes the lanes of `mask`.
#[inline(always)]
pub(crate) fn blend<T: Copy>(target: &mut [T; LANES], mask: Mask, values: [T; LANES]) {
    if mask == ALL {
        *target = values;
    } else {
        for lane in 0..LANES {
            target[lane] = if mask >> lane & 1 != 0 {
                values[lane]
            } else {
                target[lane]
            };
        }
    }
}

/// Lanes of one row: how a value is made of the 32 bits, and the bits of it.
macro_rules! narrow {
    ($($type:ty: $from:expr, $to:expr;)*) => {$(
        impl Lane for $type {
            type Bits = u32;
            #[inline(always)]
            fn from_register(bits: u32) -> Self {
                $from(bits)
            }
            #[inline(always)]
            fn to_register(self) -> u32 {
                $to(self)
            }
            #[inline(always)]
            fn bits(registers: &Registers, slot: Slot) -> &[u32; LANES] {
                registers.row(slot)
            }
            #[inline(always)]
            fn bits_mut(registers: &mut Registers, slot: Slot) -> &mut [u32; LANES] {
                registers.row_mut(slot)
            }
        }
    )*};
}

narrow! {
    u8: |bits| bits as u8, u32::from;
    i8: |bits| bits as i8, |value| u32::from(value as u8);
    u16: |bits| bits as u16, u32::from;
    i16: |bits| bits as i16, |value| u32::from(value as u16);
    u32: |bits| bits, |value| value;
    i32: |bits| bits as i32, |value| value as u32;
    f32: f32::from_bits, f32::to_bits;
    half::f16: |bits| half::f16::from_bits(bits as u16), |value: half::f16| value.to_bits().into();
    half::bf16: |bits| half::bf16::from_bits(bits as u16), |value: half::bf16| value.to_bits().into();
    [half::f16; 2]: |bits| [half::f16::from_bits(bits as u16), half::f16::from_bits((bits >> 16) as u16)],
        |[low, high]: [half::f16; 2]| u32::from(low.to_bits()) | u32::from(high.to_bits()) << 16;
    [half::bf16; 2]: |bits| [half::bf16::from_bits(bits as u16), half::bf16::from_bits((bits >> 16) as u16)],
        |[low, high]: [half::bf16; 2]| u32::from(low.to_bits()) | u32::from(high.to_bits()) << 16;
    [u16; 2]: |bits| [bits as u16, (bits >> 16) as u16],
        |[low, high]: [u16; 2]| u32::from(low) | u32::from(high) << 16;
    [i16; 2]: |bits| [bits as i16, (bits >> 16) as i16],
        |[low, high]: [i16; 2]| u32::from(low as u16) | u32::from(high as u16) << 16;
}

/// Lanes of several rows, which are read as one array of wider elements.
macro_rules! wide {
    ($($type:ty as $bits:ty, $rows:literal: $from:expr, $to:expr;)*) => {$(
        impl Lane for $type {
            type Bits = $bits;
            #[inline(always)]
            fn from_register(bits: $bits) -> Self {
                $from(bits)
            }
            #[inline(always)]
            fn to_register(self) -> $bits {
                $to(self)
            }
            #[inline(always)]
            fn bits(registers: &Registers, slot: Slot) -> &[$bits; LANES] {
                must_cast_ref(registers.rows::<$rows>(slot))
            }
            #[inline(always)]
            fn bits_mut(registers: &mut Registers, slot: Slot) -> &mut [$bits; LANES] {
                must_cast_mut(registers.rows_mut::<$rows>(slot))
            }
        }
    )*};
}

wide! {
    u64 as u64, 2: |bits| bits, |value| value;
    i64 as u64, 2: |bits| bits as i64, |value| value as u64;
    f64 as u64, 2: f64::from_bits, f64::to_bits;
    u128 as u128, 4: |bits| bits, |value| value;
}
