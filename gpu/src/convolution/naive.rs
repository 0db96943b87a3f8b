//! Convolutions as their definitions read: a thread per element of the output, straight from global
//! memory.

use cuda_std::prelude::*;

use super::ConvolutionShape;
use crate::activation::Activation;

/// An index of `[d0, d1, d2, d3]` from that of its element, where `d0` is not needed.
#[inline(always)]
fn split(idx: usize, [d1, d2, d3]: [u32; 3]) -> [usize; 4] {
    let [d1, d2, d3] = [d1, d2, d3].map(|d| d as usize);
    [
        idx / d3 / d2 / d1,
        idx / d3 / d2 % d1,
        idx / d3 % d2,
        idx % d3,
    ]
}

/// The reverse of [`split`].
#[inline(always)]
fn join(indices: [usize; 4], [d1, d2, d3]: [u32; 3]) -> usize {
    let [d1, d2, d3] = [d1, d2, d3].map(|d| d as usize);
    ((indices[0] * d1 + indices[1]) * d2 + indices[2]) * d3 + indices[3]
}

impl ConvolutionShape {
    /// What `x` has at a tap of the window's place: zero in the padding.
    #[inline(always)]
    fn covered(self, x: &[f32], [b, c]: [usize; 2], place: [usize; 2], tap: [usize; 2]) -> f32 {
        let [row, column] = core::array::from_fn(|axis| {
            // Above and left of the image this wraps round, to a large number.
            (place[axis] * self.stride[axis] as usize + tap[axis])
                .wrapping_sub(self.padding[axis] as usize)
        });
        if row < self.image[0] as usize && column < self.image[1] as usize {
            let [height, width] = self.image;
            x[join([b, c, row, column], [self.n_channels, height, width])]
        } else {
            0.0
        }
    }

    /// What `dy` has at the place whose tap covers this pixel: zero if there is none.
    #[inline(always)]
    fn covering(self, dy: &[f32], [b, o]: [usize; 2], pixel: [usize; 2], tap: [usize; 2]) -> f32 {
        let [row, column] = core::array::from_fn(|axis| {
            let distance = (pixel[axis] + self.padding[axis] as usize).checked_sub(tap[axis]);
            let stride = self.stride[axis] as usize;
            distance
                .filter(|distance| distance.is_multiple_of(stride))
                .map(|distance| distance / stride)
        });
        match (row, column) {
            (Some(row), Some(column))
                if row < self.output[0] as usize && column < self.output[1] as usize =>
            {
                let [height, width] = self.output;
                dy[join([b, o, row, column], [self.n_outputs, height, width])]
            }
            _ => 0.0,
        }
    }
}

/// `y[b, o, i, j] = activation(bias[o] + Σ_{c, k, l} weight[c, k, l, o] · x[b, c, i s₀ + k - p₀, j s₁ + l - p₁])`,
/// where `x` is 0 in the padding: overwrites `y`.
///
/// Shapes: `x` `[B, C, H, W]`, `weight` `[C, KH, KW, O]`, `bias` `[O]`, `y` `[B, O, OH, OW]`.
/// Launch: a thread per element of `y`, along x.
/// Cost: `2 B O OH OW C KH KW` FLOP and four times as many bytes, most of them from the caches.
#[kernel]
pub fn convolution_forward_naive(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    mut y: PerThread<f32>,
    shape: ConvolutionShape,
) {
    let Some(y) = y.get_mut() else { return };
    let [window_height, window_width] = shape.window;
    let [height, width] = shape.output;
    let [b, o, i, j] = split(
        thread::index_1d() as usize,
        [shape.n_outputs, height, width],
    );
    let mut sum = 0.0;
    for c in 0..shape.n_channels as usize {
        for k in 0..window_height as usize {
            for l in 0..window_width as usize {
                let weight_idx = join([c, k, l, o], [window_height, window_width, shape.n_outputs]);
                sum = weight[weight_idx].mul_add(shape.covered(x, [b, c], [i, j], [k, l]), sum);
            }
        }
    }
    [*y] = activation.forward([sum + bias[o]]);
}

/// `dx[b, c, h, w] = Σ_{o, k, l} weight[c, k, l, o] · dy[b, o, (h + p₀ - k) / s₀, (w + p₁ - l) / s₁]`,
/// where `dy` is 0 if that is no place of the window: overwrites `dx`.
///
/// Shapes: `dy` `[B, O, OH, OW]`, `weight` `[C, KH, KW, O]`, `dx` `[B, C, H, W]`.
/// Launch: a thread per element of `dx`, along x.
/// Cost: `2 B C H W O KH KW` FLOP and four times as many bytes, most of them from the caches.
#[kernel]
pub fn convolution_backward_input_naive(
    dy: &[f32],
    weight: &[f32],
    mut dx: PerThread<f32>,
    shape: ConvolutionShape,
) {
    let Some(dx) = dx.get_mut() else { return };
    let [window_height, window_width] = shape.window;
    let [height, width] = shape.image;
    let [b, c, h, w] = split(
        thread::index_1d() as usize,
        [shape.n_channels, height, width],
    );
    let mut sum = 0.0;
    for k in 0..window_height as usize {
        for l in 0..window_width as usize {
            for o in 0..shape.n_outputs as usize {
                let weight_idx = join([c, k, l, o], [window_height, window_width, shape.n_outputs]);
                sum = weight[weight_idx].mul_add(shape.covering(dy, [b, o], [h, w], [k, l]), sum);
            }
        }
    }
    *dx = sum;
}

/// `dweight[c, k, l, o] = Σ_{b, i, j} dy[b, o, i, j] · x[b, c, i s₀ + k - p₀, j s₁ + l - p₁]`, where `x`
/// is 0 in the padding: overwrites `dweight`.
///
/// Shapes: `x` `[B, C, H, W]`, `dy` `[B, O, OH, OW]`, `dweight` `[C, KH, KW, O]`.
/// Launch: a thread per element of `dweight`, along x.
/// Cost: `2 B O OH OW C KH KW` FLOP and four times as many bytes, most of them from the caches.
#[kernel]
pub fn convolution_backward_weight_naive(
    x: &[f32],
    dy: &[f32],
    mut dweight: PerThread<f32>,
    shape: ConvolutionShape,
) {
    let Some(dweight) = dweight.get_mut() else {
        return;
    };
    let [window_height, window_width] = shape.window;
    let [height, width] = shape.output;
    let [c, k, l, o] = split(
        thread::index_1d() as usize,
        [window_height, window_width, shape.n_outputs],
    );
    let mut sum = 0.0;
    for b in 0..shape.n_rows as usize {
        for i in 0..height as usize {
            for j in 0..width as usize {
                let dy = dy[join([b, o, i, j], [shape.n_outputs, height, width])];
                sum = dy.mul_add(shape.covered(x, [b, c], [i, j], [k, l]), sum);
            }
        }
    }
    *dweight = sum;
}
