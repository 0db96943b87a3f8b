//! Dropout.

use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{DropoutOperations, Mask};

/// About what an element costs, in the units of the products' arithmetic.
const WORK_PER_ELEMENT: usize = 64;

impl DropoutOperations for HostBackend {
    fn dropout(&self, mask: Mask, x: &Floats, y: &mut Floats, n: usize) -> Result<()> {
        let check = Operation("dropout");
        let x = check.read("x", x, &[n])?;
        let y = check.write("y", y, &[n])?;
        self.for_each_chunk(
            y,
            WORK_PER_ELEMENT,
            #[inline(always)]
            |begin, y| {
                // Chunks begin at whole cache lines, and so at whole quads.
                let quads = (begin as u64 / 4)..;
                let (x_quads, x_rest) = x[begin..][..y.len()].as_chunks::<4>();
                let (y_quads, y_rest) = y.as_chunks_mut::<4>();
                let n_quads = x_quads.len() as u64;
                for ((y, x), quad_idx) in y_quads.iter_mut().zip(x_quads).zip(quads) {
                    let factors = mask.factors(quad_idx);
                    *y = std::array::from_fn(
                        #[inline(always)]
                        |lane| x[lane] * factors[lane],
                    );
                }
                let factors = mask.factors(begin as u64 / 4 + n_quads);
                for ((y, x), factor) in y_rest.iter_mut().zip(x_rest).zip(factors) {
                    *y = x * factor;
                }
            },
        );
        Ok(())
    }
}
