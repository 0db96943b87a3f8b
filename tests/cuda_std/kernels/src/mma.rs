//! `cuda_std::mma`.

use cuda_std::mma::{A, B, C, Fragment, Layout, Loadable, Multiply, Tf32, Value};
use cuda_std::phased::Element;
use cuda_std::phased_tile;
use cuda_std::prelude::*;
use cuda_std::{bf16, f16};

/// `d = a · b + c`, all by rows, twice: the second time with `d` for `c`.
unsafe fn product<Left, Right, Added>(
    a: impl Fn(usize) -> Left::Element,
    b: impl Fn(usize) -> Right::Element,
    c: *const Added::Element,
    d: *mut Added::Element,
) where
    Left: Multiply<Right, Added>,
    Right: Layout,
    Added: Layout,
{
    let a = Fragment::<Left>::from_fn(|row, column| a(row * Left::COLUMNS + column));
    let b = Fragment::<Right>::from_fn(|row, column| b(row * Right::COLUMNS + column));
    let c = Fragment::<Added>::from_fn(|row, column| *c.add(row * Added::COLUMNS + column));
    let sum = a.multiply_add(b, a.multiply_add(b, c));
    sum.for_each(|row, column, value| *d.add(row * Added::COLUMNS + column) = value);
}

macro_rules! products {
    ($($name:ident: $m:literal, $n:literal, $k:literal, $ty:ty as $bits:ty, $from:expr, $added:ty as $added_bits:ty;)*) => {$(
        /// `product`. One warp.
        #[kernel]
        pub unsafe fn $name(a: *const $bits, b: *const $bits, c: *const $added_bits, d: *mut $added_bits) {
            product::<A<$ty, $m, $k>, B<$ty, $k, $n>, C<$added, $m, $n>>(
                |i| $from(*a.add(i)),
                |i| $from(*b.add(i)),
                c.cast(),
                d.cast(),
            );
        }
    )*};
}

products! {
    mma_f16_k8: 16, 8, 8, f16 as u16, f16::from_bits, f32 as f32;
    mma_f16_k16: 16, 8, 16, f16 as u16, f16::from_bits, f32 as f32;
    mma_f16_k8_f16: 16, 8, 8, f16 as u16, f16::from_bits, f16 as u16;
    mma_f16_k16_f16: 16, 8, 16, f16 as u16, f16::from_bits, f16 as u16;
    mma_bf16_k8: 16, 8, 8, bf16 as u16, bf16::from_bits, f32 as f32;
    mma_bf16_k16: 16, 8, 16, bf16 as u16, bf16::from_bits, f32 as f32;
    mma_tf32_k4: 16, 8, 4, Tf32 as f32, Tf32::from_f32, f32 as f32;
    mma_tf32_k8: 16, 8, 8, Tf32 as f32, Tf32::from_f32, f32 as f32;
}

/// Loads an operand from `(row, column)` of a tile of 32 × 32, as it lies there and transposed, and
/// writes both by rows. One warp.
unsafe fn load<L>(row: usize, column: usize, x: *const L::Element, y: *mut L::Element)
where
    L: Loadable<Element: Element>,
{
    let n = L::ROWS * L::COLUMNS;
    let tile = phased_tile_of::<L::Element>(x);
    let plain = Fragment::<L>::load(&tile, (row, column));
    plain.for_each(|row, column, value| *y.add(row * L::COLUMNS + column) = value);
    let transposed = Fragment::<L>::load_transposed(&tile, (row, column));
    transposed.for_each(|row, column, value| *y.add(n + row * L::COLUMNS + column) = value);
}

type Tile<T> = cuda_std::phased::Readable<T, cuda_std::phased::Plane<32, 32, 40>>;

/// A tile's static cannot be generic: 16 bits of anything.
unsafe fn phased_tile_of<T: Element + Value>(x: *const T) -> Tile<T> {
    let tile = phased_tile![u16; 32, 32; pitch 40]
        .fill(|(row, column)| *x.cast::<u16>().add(32 * row + column))
        .publish();
    core::mem::transmute::<Tile<u16>, Tile<T>>(tile)
}

macro_rules! loads {
    ($($name:ident: $layout:ty;)*) => {$(
        /// `load`. One warp.
        #[kernel]
        pub unsafe fn $name(row: u32, column: u32, x: *const u16, y: *mut u16) {
            load::<$layout>(row as usize, column as usize, x.cast(), y.cast());
        }
    )*};
}

loads! {
    mma_load_a_8: A<f16, 16, 8>;
    mma_load_a_16: A<f16, 16, 16>;
    mma_load_a_16_bf16: A<bf16, 16, 16>;
    mma_load_b_8: B<f16, 8, 8>;
    mma_load_b_16: B<f16, 16, 8>;
    mma_load_b_16_bf16: B<bf16, 16, 8>;
}

/// Doubles a matrix.
#[kernel]
pub unsafe fn mma_map(x: *const f32, y: *mut f32) {
    let x = Fragment::<C<f32, 16, 8>>::from_fn(|row, column| *x.add(8 * row + column));
    x.map(|x| 2.0 * x)
        .for_each(|row, column, value| *y.add(8 * row + column) = value);
}

/// Half of the warp does not take part in a product.
#[kernel]
pub unsafe fn mma_half_a_warp(d: *mut f32) {
    let a = Fragment::<A<f16, 16, 8>>::from_fn(|_, _| f16::ONE);
    let b = Fragment::<B<f16, 8, 8>>::from_fn(|_, _| f16::ONE);
    let c = Fragment::<C<f32, 16, 8>>::from_fn(|_, _| 0.0);
    if thread::thread_idx_x() < 16 {
        a.multiply_add(b, c)
            .for_each(|row, column, value| *d.add(8 * row + column) = value);
    }
}
