//! Products of small matrices by the 32 threads of a warp: `mma`, on tensor cores.
//!
//! A [`Fragment`] is a thread's share of a matrix that the warp holds together. Its type says which
//! operand of which shape it is, and thereby which elements the thread has:
//!
//! | `D = A · B + C`, `M` × `N` × `K` | `A`, `B` | `C`, `D` | compute capability |
//! |---|---|---|---|
//! | 16 × 8 × 8, 16 × 8 × 16 | `f16` | `f16`, `f32` | 8.0 |
//! | 16 × 8 × 8, 16 × 8 × 16 | `bf16` | `f32` | 8.0 |
//! | 16 × 8 × 4, 16 × 8 × 8 | [`Tf32`] | `f32` | 8.0 |
//!
//! An element's place in the matrix, and with it where values come from and go to, is
//! [`Layout::position`]: [`Fragment::from_fn`] asks for the value of each place,
//! [`Fragment::for_each`] tells them. From shared memory the warp loads a whole operand at once by
//! [`Fragment::load`] and [`Fragment::load_transposed`].
//!
//! ```
//! use cuda_std::f16;
//! use cuda_std::mma::{A, B, C, Fragment};
//! use cuda_std::prelude::*;
//!
//! /// The product of two 16 × 16 matrices, `b` and `d` by columns 0 to 7. Launch: one warp.
//! #[kernel]
//! pub fn product(a: &[f16], b: &[f16], mut d: DisjointSlice<f32>) {
//!     let a = Fragment::<A<f16, 16, 16>>::from_fn(|row, column| a[16 * row + column]);
//!     let b = Fragment::<B<f16, 16, 8>>::from_fn(|row, column| b[16 * row + column]);
//!     let zero = Fragment::<C<f32, 16, 8>>::from_fn(|_, _| 0.0);
//!     // SAFETY: the warp is whole, and all of it gets here.
//!     let product = unsafe { a.multiply_add(b, zero) };
//!     product.for_each(|row, column, value| {
//!         // SAFETY: an element of a fragment is one thread's.
//!         if let Some(place) = unsafe { d.get_mut(16 * row + column) } {
//!             *place = value;
//!         }
//!     });
//! }
//! # fn main() {}
//! ```

mod layout;
mod load;
mod multiply;
mod value;

pub use layout::{A, B, C, Layout};
pub use load::Loadable;
pub use multiply::Multiply;
pub use value::{Tf32, Value};

use crate::warp;

/// A thread's share of a matrix.
pub struct Fragment<L: Layout> {
    /// Elements side by side, the first one in the lowest bits.
    registers: L::Registers,
}

impl<L: Layout> Clone for Fragment<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Layout> Copy for Fragment<L> {}

impl<L: Layout> Fragment<L> {
    /// The matrix whose element in a row and a column is `value(row, column)`; it is called for the
    /// thread's own elements.
    #[inline(always)]
    pub fn from_fn(mut value: impl FnMut(usize, usize) -> L::Element) -> Fragment<L> {
        let lane = warp::lane_id() as usize;
        let mut registers = L::Registers::default();
        for (r, register) in registers.as_mut().iter_mut().enumerate() {
            for k in 0..L::Element::PER_REGISTER {
                let (row, column) = L::position(lane, r * L::Element::PER_REGISTER + k);
                *register |= value(row, column).to_bits() << (32 / L::Element::PER_REGISTER * k);
            }
        }
        Fragment { registers }
    }

    /// Calls `f` with row, column and value of each of the thread's elements.
    #[inline(always)]
    pub fn for_each(&self, mut f: impl FnMut(usize, usize, L::Element)) {
        let lane = warp::lane_id() as usize;
        for (r, register) in self.registers.as_ref().iter().enumerate() {
            for k in 0..L::Element::PER_REGISTER {
                let (row, column) = L::position(lane, r * L::Element::PER_REGISTER + k);
                let bits = register >> (32 / L::Element::PER_REGISTER * k);
                f(row, column, L::Element::from_bits(bits));
            }
        }
    }

    /// The matrix of `f(value)` for each element.
    #[inline(always)]
    pub fn map(&self, mut f: impl FnMut(L::Element) -> L::Element) -> Fragment<L> {
        let mut mapped = L::Registers::default();
        for (to, from) in mapped.as_mut().iter_mut().zip(self.registers.as_ref()) {
            for k in 0..L::Element::PER_REGISTER {
                let shift = 32 / L::Element::PER_REGISTER * k;
                *to |= f(L::Element::from_bits(from >> shift)).to_bits() << shift;
            }
        }
        Fragment { registers: mapped }
    }
}
