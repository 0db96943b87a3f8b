//! `mma.m8n8k4` of halves: four products of 8 by 8 by 4, each of eight lanes, four of which are in the
//! lower half of the warp and four in the upper one.

use super::elements::{Element, F16, round_half};
use super::{fragment, whole_warp};
use crate::exec::{Action, LANES, Lane, Slot};
use crate::numeric::canonical;
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// The product that a lane takes part in, its place among the four lanes, and whether it is in the upper
/// half of the warp.
fn seat(lane: usize) -> (usize, usize, usize) {
    (lane % 16 / 4, lane % 4, lane / 16)
}

/// The line and the place in it of element `index` of a factor in a lane: a line is a row of a first
/// factor that is stored by rows, and a column of a second one that is stored by columns.
fn along(lane: usize, index: usize) -> (usize, usize) {
    let (_, place, upper) = seat(lane);
    (place + 4 * upper, index)
}

/// As [`along`], of a factor that is stored the other way.
fn across(lane: usize, index: usize) -> (usize, usize) {
    let (_, place, upper) = seat(lane);
    (index + 4 * upper, place)
}

/// The row and column of element `index` of a sum.
fn sum(lane: usize, index: usize, halves: bool) -> (usize, usize) {
    let (_, place, upper) = seat(lane);
    match halves {
        true => (place + 4 * upper, index),
        false => (
            (place & 1) + (index & 2) + 4 * upper,
            (index & 4) + (place & 2) + (index & 1),
        ),
    }
}

/// The registers of a sum, and whether its elements are halves.
fn sums(
    operation: &mut Operation<'_, '_>,
    index: usize,
    ty: &str,
) -> Result<(Vec<Slot>, bool), PtxError> {
    let halves = match ty {
        "f16" => true,
        "f32" => false,
        _ => return Err(operation.unknown()),
    };
    let count = if halves { 4 } else { 8 };
    let slots = fragment(operation, index, count, Type::B32, index == 0)?;
    Ok((slots, halves))
}

/// The rest of the instruction, whose factors are turned or not: the first one is by columns, the second
/// one is.
pub(super) fn decode(
    operation: &mut Operation<'_, '_>,
    [by_columns, second_by_columns]: [bool; 2],
    d: &str,
    c: &str,
) -> Result<Action, PtxError> {
    operation.finish(4..=4)?;
    let a = fragment(operation, 1, 2, Type::B32, false)?;
    let b = fragment(operation, 2, 2, Type::B32, false)?;
    let (c, c_halves) = sums(operation, 3, c)?;
    let (d, d_halves) = sums(operation, 0, d)?;
    if d_halves && !c_halves {
        return Err(operation.error("sums in singles are not rounded to halves"));
    }
    Ok(whole_warp(operation, move |context, mask| {
        let registers = &mut *context.registers;
        let mut first = [[[0.0; 4]; 8]; 4];
        let mut second = [[[0.0; 4]; 8]; 4];
        let mut results = [[[0.0; 8]; 8]; 4];
        for lane in 0..LANES {
            let (product, ..) = seat(lane);
            for index in 0..4 {
                let half =
                    |slots: &[Slot]| F16::value(registers.row(slots[index / 2])[lane], index % 2);
                let at = if by_columns { across } else { along };
                let (row, depth) = at(lane, index);
                first[product][row][depth] = half(&a);
                let at = if second_by_columns { along } else { across };
                let (column, depth) = at(lane, index);
                second[product][column][depth] = half(&b);
            }
            for index in 0..8 {
                let (row, column) = sum(lane, index, c_halves);
                results[product][row][column] = match c_halves {
                    true => F16::value(registers.row(c[index / 2])[lane], index % 2),
                    false => f32::from_bits(registers.row(c[index])[lane]).into(),
                };
            }
        }
        for (results, (first, second)) in results.iter_mut().zip(first.iter().zip(&second)) {
            for (results, row) in results.iter_mut().zip(first) {
                for (result, column) in results.iter_mut().zip(second) {
                    *result = row
                        .iter()
                        .zip(column)
                        .fold(*result, |sum, (a, b)| sum + a * b);
                }
            }
        }
        let result = |lane: usize, index: usize| {
            let (row, column) = sum(lane, index, d_halves);
            results[seat(lane).0][row][column]
        };
        for (register, &slot) in d.iter().enumerate() {
            let values = std::array::from_fn(|lane| match d_halves {
                true => {
                    let halves = [0, 1].map(|at| round_half(result(lane, 2 * register + at)));
                    halves[0] | halves[1] << 16
                }
                false => canonical(result(lane, register) as f32).to_bits(),
            });
            u32::write(registers, slot, mask, values);
        }
        Ok(())
    }))
}
