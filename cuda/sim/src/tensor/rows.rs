//! The rows of a box: where each lies in global memory, and where in the box.

use super::{TensorBox, TensorMap};

/// Where a copy begins in its tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// The first element of a box.
    Tile([i32; 5]),
    /// The first element of a pixel, with the offsets in a filter: of W, H, D.
    Pixel([i32; 5], [u16; 3]),
}

/// A row of a box: elements that lie side by side in the box and in the tensor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    /// Where it begins in the box, in bytes.
    pub(crate) start: u64,
    /// The bytes of it that are in the tensor: the first one in the row, how many, and where they are in
    /// global memory.
    pub(crate) inside: Option<(u64, u64, u64)>,
}

/// The rows of the box that begins at an origin, of the map's kind.
pub(crate) fn rows<'m>(map: &'m TensorMap, origin: &'m Origin) -> impl Iterator<Item = Row> + 'm {
    let bytes = map.row_bytes();
    (0..map.n_rows()).map(move |number| {
        let (first, outer) = match (origin, map.part) {
            (Origin::Tile(first), TensorBox::Tiled(counts)) => {
                (first, tile_row(map, first, &counts, number))
            }
            (Origin::Pixel(first, offsets), TensorBox::Im2col { lower, upper, .. }) => {
                let corners = (&lower, &upper);
                (first, pixel(map, first, corners, offsets, number))
            }
            (Origin::Tile(first) | Origin::Pixel(first, _), _) => (first, [-1; 5]),
        };
        Row {
            start: number * bytes,
            inside: inside(map, first[0].into(), &outer),
        }
    })
}

/// The indices of dimension 1 and above of a row of a tile, by its number in the box.
fn tile_row(map: &TensorMap, first: &[i32; 5], counts: &[u32; 5], mut number: u64) -> [i64; 5] {
    let mut indices = [0; 5];
    for dimension in 1..map.rank {
        let step = map.steps[dimension];
        let count = u64::from(counts[dimension].div_ceil(step));
        indices[dimension] =
            i64::from(first[dimension]) + (number % count) as i64 * i64::from(step);
        number /= count;
    }
    indices
}

/// The indices of dimension 1 and above of a pixel, by its number in the column: bases of filters go
/// through the pixel box, row by row and image by image, from the first one on.
fn pixel(
    map: &TensorMap,
    first: &[i32; 5],
    (lower, upper): (&[i32; 3], &[i32; 3]),
    offsets: &[u16; 3],
    number: u64,
) -> [i64; 5] {
    let last = map.rank - 1;
    let mut indices = [0; 5];
    let mut number = number as i64;
    for dimension in 1..last {
        let corner = i64::from(lower[dimension - 1]);
        let step = i64::from(map.steps[dimension]);
        let end = map.sizes[dimension] as i64 + i64::from(upper[dimension - 1]);
        let first = i64::from(first[dimension]);
        // How many bases the first row has, and how many any other.
        let here = (end - first + step - 1) / step;
        let all = (end - corner + step - 1) / step;
        let offset = i64::from(offsets[dimension - 1]);
        if number < here {
            indices[dimension] = first + number * step + offset;
            number = 0;
        } else {
            let beyond = number - here;
            indices[dimension] = corner + beyond % all * step + offset;
            number = 1 + beyond / all;
        }
    }
    indices[last] = i64::from(first[last]) + number;
    indices
}

/// What of a row is in the tensor.
fn inside(map: &TensorMap, first: i64, outer: &[i64; 5]) -> Option<(u64, u64, u64)> {
    let mut address = map.address;
    let sizes = map.sizes[1..map.rank].iter().zip(&map.strides);
    for (&index, (&size, &stride)) in outer[1..].iter().zip(sizes) {
        let index = u64::try_from(index).ok().filter(|&index| index < size)?;
        address = address.wrapping_add(index.wrapping_mul(stride));
    }
    let element = map.element.bytes();
    let count = (map.row_bytes() / element) as i64;
    let (begin, end) = (first.max(0), (first + count).min(map.sizes[0] as i64));
    if begin >= end {
        return None;
    }
    let bytes = |elements: i64| elements as u64 * element;
    Some((
        bytes(begin - first),
        bytes(end - begin),
        address.wrapping_add(bytes(begin)),
    ))
}
