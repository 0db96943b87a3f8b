//! Dropout: values that are left out at random while a network is trained.

use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;
use cuda_std::random::Philox;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// Which values are left out: a function of the place alone, the same on every device, which is
/// nowhere stored. The backward pass asks it again.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Mask {
    seed: u64,
    stream: u64,
    /// A word below it leaves its value out.
    threshold: u32,
    /// What the others are multiplied by.
    scale: f32,
}

impl Mask {
    /// A mask that leaves each value out with this probability, from 0 to 1, and multiplies the others
    /// by `1 / (1 - probability)`. Masks of other seeds or streams are independent of it.
    pub fn new(probability: f32, seed: u64, stream: u64) -> Mask {
        // 2^32; what goes beyond the largest word saturates.
        let n_words = 4_294_967_296.0;
        let scale = if probability < 1.0 {
            1.0 / (1.0 - probability)
        } else {
            0.0
        };
        Mask {
            seed,
            stream,
            threshold: (f64::from(probability) * n_words) as u32,
            scale,
        }
    }

    /// What the values from place `4 quad_idx` on are multiplied by: a block of four random words.
    #[inline(always)]
    pub fn factors(self, quad_idx: u64) -> [f32; 4] {
        let mut random = Philox::new(self.seed, self.stream);
        random.seek(quad_idx);
        let keep = |word| {
            if word >= self.threshold {
                self.scale
            } else {
                0.0
            }
        };
        random.next_block().map(keep)
    }
}

// SAFETY: numbers in `repr(C)`, and no address.
unsafe impl DeviceValue for Mask {}

/// `y[i] = x[i]` times the mask's factor for place `i`: overwrites `y`. The same with gradients is the
/// backward pass. `x` and `y` have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `8 n` bytes; 20 multiplications of 32 bits for each four elements.
#[kernel]
pub fn apply_dropout(mask: Mask, x: &[f32], y: PerThread<f32>) {
    let i = thread::index_1d();
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { y.into_vectors::<F32x4>() };
    match (as_vectors::<F32x4>(x), vectors) {
        (Some(x), Ok(mut y)) => {
            if let Some(y) = y.get_mut()
                && let Some(x) = x.get(i as usize)
            {
                // By value, so that the four are loaded at once.
                let Vec4(x) = *x;
                let factors = mask.factors(u64::from(i));
                *y = Vec4(core::array::from_fn(|lane| x[lane] * factors[lane]));
            }
        }
        (_, y) => {
            // SAFETY: as above.
            let mut y = unsafe { elements(y) };
            if let Some(y) = y.get_mut()
                && let Some(x) = x.get(i as usize)
            {
                let [a, b, c, d] = mask.factors(u64::from(i / 4));
                // Chosen, not indexed: an index that varies would put the factors into local memory.
                let factor = match i % 4 {
                    0 => a,
                    1 => b,
                    2 => c,
                    _ => d,
                };
                *y = x * factor;
            }
        }
    }
}
