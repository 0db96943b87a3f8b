//! Tensor maps: made and changed on the host, for copies by kernels.

use std::ffi::{c_int, c_uint, c_void};

use cust_raw::cudaError_enum::*;
use cust_raw::{cuuint32_t, cuuint64_t};
use ptx_sim::{Fill, Interleave, Swizzle, TENSOR_MAP_BYTES, TensorBox, TensorElement, TensorMap};

use super::argument::{In, Out};
use super::refusal::{Answer, Refusal, refuse};
use super::session::Session;

/// The first compute capability whose devices copy by tensor maps, and the first with swizzles of other
/// chunks than 16 bytes.
const COPIES: u32 = 90;
const ATOMS: u32 = 100;
/// What a map is aligned to.
const ALIGNMENT: usize = 64;
/// How many values `CUtensorMapL2promotion` has.
const PROMOTIONS: c_uint = 4;

/// A refusal that names what is wrong with an argument.
fn wrong(sentence: impl Into<String>) -> Refusal {
    refuse(CUDA_ERROR_INVALID_VALUE, sentence)
}

/// The value of an enumeration that a number stands for.
fn value<T: Copy>(all: &[T], number: c_uint, what: &str) -> Result<T, Refusal> {
    let found = all.get(number as usize).copied();
    found.ok_or_else(|| wrong(format!("{number} is no {what} that the simulator has")))
}

/// The first elements of an array, and the value behind them for the rest.
///
/// # Errors
///
/// As those of [`In::array`].
///
/// # Safety
///
/// There are as many.
unsafe fn first<T: Copy, const N: usize>(
    array: &In<T>,
    count: usize,
    rest: T,
) -> Result<[T; N], Refusal> {
    let mut values = [rest; N];
    // SAFETY: The caller vouches for the array.
    for (value, given) in values.iter_mut().zip(unsafe { array.array(count) }?) {
        *value = given;
    }
    Ok(values)
}

/// What the functions that make a map have in common.
struct Common {
    element: c_uint,
    rank: cuuint32_t,
    address: *mut c_void,
    sizes: In<cuuint64_t>,
    strides: Option<In<cuuint64_t>>,
    steps: In<cuuint32_t>,
    interleave: c_uint,
    swizzle: c_uint,
    promotion: c_uint,
    fill: c_uint,
}

/// Checks where a map is, and whether the device has any.
fn check(session: &Session, map: &Out<c_void>) -> Answer {
    session.current()?;
    let capability = session.device().options().properties.architecture();
    if capability < COPIES {
        return Err(refuse(
            CUDA_ERROR_NOT_SUPPORTED,
            "devices of compute capability 9.0 and above copy by tensor maps",
        ));
    }
    let address = map.as_ptr().addr();
    if !address.is_multiple_of(ALIGNMENT) {
        return Err(wrong(format!(
            "the tensor map at {address:#x} is not aligned to {ALIGNMENT} bytes"
        )));
    }
    Ok(())
}

/// Leaves a map where the caller wants it, unless a requirement does not hold.
fn put(place: &Out<c_void>, map: &TensorMap) -> Answer {
    map.check().map_err(wrong)?;
    let place = place.as_ptr().cast::<[u8; TENSOR_MAP_BYTES]>();
    // SAFETY: The caller has a map there, which has as many bytes.
    unsafe { place.write(map.encode()) };
    Ok(())
}

/// Makes a map of what both functions are told, and of its box.
///
/// # Safety
///
/// The arrays have an element for each dimension, the strides one less.
unsafe fn encode(
    session: &Session,
    place: &Out<c_void>,
    common: &Common,
    part: impl FnOnce(usize) -> Result<TensorBox, Refusal>,
) -> Answer {
    check(session, place)?;
    let rank = common.rank as usize;
    if !(1..=5).contains(&rank) {
        return Err(wrong(format!(
            "a tensor of {rank} dimensions, 1 to 5 are possible"
        )));
    }
    let swizzle = value(&Swizzle::ALL, common.swizzle, "swizzle")?;
    let capability = session.device().options().properties.architecture();
    if capability < ATOMS && !matches!(common.swizzle, 0..4) {
        return Err(wrong(format!(
            "{swizzle:?} is for devices of compute capability 10.0 and above"
        )));
    }
    if common.promotion >= PROMOTIONS {
        return Err(wrong(format!("{} is no L2 promotion", common.promotion)));
    }
    let strides = match &common.strides {
        // SAFETY: There is a stride for each dimension but the first.
        Some(strides) => unsafe { first(strides, rank - 1, 0) }?,
        None if rank == 1 => [0; 4],
        None => return Err(wrong("the strides are missing")),
    };
    let map = TensorMap {
        element: value(&TensorElement::ALL, common.element, "type of elements")?,
        rank,
        address: common.address.addr() as u64,
        // SAFETY: Both have an element for each dimension.
        sizes: unsafe { first(&common.sizes, rank, 1) }?,
        strides,
        part: part(rank)?,
        // SAFETY: As above.
        steps: unsafe { first(&common.steps, rank, 1) }?,
        interleave: value(&Interleave::ALL, common.interleave, "interleave")?,
        swizzle,
        fill: value(&Fill::ALL, common.fill, "fill")?,
    };
    put(place, &map)
}

/// `cuTensorMapEncodeTiled`
#[expect(clippy::too_many_arguments, reason = "the driver's function has them")]
pub(crate) fn encode_tiled(
    session: &mut Session,
    map: Out<c_void>,
    element: c_uint,
    rank: cuuint32_t,
    address: *mut c_void,
    sizes: In<cuuint64_t>,
    strides: Option<In<cuuint64_t>>,
    counts: In<cuuint32_t>,
    steps: In<cuuint32_t>,
    interleave: c_uint,
    swizzle: c_uint,
    promotion: c_uint,
    fill: c_uint,
) -> Answer {
    let common = Common {
        element,
        rank,
        address,
        sizes,
        strides,
        steps,
        interleave,
        swizzle,
        promotion,
        fill,
    };
    // SAFETY: The function's contract wants an element of the box for each dimension.
    let part = |rank| unsafe { first(&counts, rank, 1) }.map(TensorBox::Tiled);
    // SAFETY: And of the other arrays.
    unsafe { encode(session, &map, &common, part) }
}

/// `cuTensorMapEncodeIm2col`
#[expect(clippy::too_many_arguments, reason = "the driver's function has them")]
pub(crate) fn encode_im2col(
    session: &mut Session,
    map: Out<c_void>,
    element: c_uint,
    rank: cuuint32_t,
    address: *mut c_void,
    sizes: In<cuuint64_t>,
    strides: Option<In<cuuint64_t>>,
    lower: In<c_int>,
    upper: In<c_int>,
    channels: cuuint32_t,
    pixels: cuuint32_t,
    steps: In<cuuint32_t>,
    interleave: c_uint,
    swizzle: c_uint,
    promotion: c_uint,
    fill: c_uint,
) -> Answer {
    let common = Common {
        element,
        rank,
        address,
        sizes,
        strides,
        steps,
        interleave,
        swizzle,
        promotion,
        fill,
    };
    let part = |rank: usize| {
        let spatial = rank.saturating_sub(2);
        Ok(TensorBox::Im2col {
            // SAFETY: The function's contract wants a corner for each dimension of the images.
            lower: unsafe { first(&lower, spatial, 0) }?,
            // SAFETY: As above.
            upper: unsafe { first(&upper, spatial, 0) }?,
            channels,
            pixels,
        })
    };
    // SAFETY: And the elements of the other arrays.
    unsafe { encode(session, &map, &common, part) }
}

/// `cuTensorMapReplaceAddress`
pub(crate) fn replace_address(
    session: &mut Session,
    map: Out<c_void>,
    address: *mut c_void,
) -> Answer {
    check(session, &map)?;
    let place = map.as_ptr().cast::<[u8; TENSOR_MAP_BYTES]>();
    // SAFETY: The caller has a map there.
    let old = TensorMap::decode(unsafe { &*place });
    let old = old.ok_or_else(|| wrong("the bytes there are no tensor map"))?;
    put(
        &map,
        &TensorMap {
            address: address.addr() as u64,
            ..old
        },
    )
}
