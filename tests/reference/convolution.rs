//! Convolutions.
//!
//! B images with C channels of H x W pixels, O outputs of OH x OW pixels, a window of KH x KW. The
//! definitions are read as three sums of the same terms: one for each output, place of the window,
//! channel and tap.

use cpu::backend::ConvolutionShape;

/// One term: where its factors lie.
struct Term {
    /// In `[B, C, H, W]`; `None` in the padding, where a pixel is 0.
    pixel: Option<usize>,
    /// In `[C, KH, KW, O]`.
    weight: usize,
    /// In `[B, O, OH, OW]`.
    output: usize,
}

/// OH and OW: as many places as there are multiples of the stride at which the window ends within the
/// padded image.
pub fn output(shape: ConvolutionShape) -> [usize; 2] {
    let window = shape.window;
    [0, 1].map(|axis| {
        (0..)
            .map(|place| place * window.stride[axis] + window.size[axis])
            .take_while(|end| *end <= shape.image[axis] + 2 * window.padding[axis])
            .count()
    })
}

fn for_each_term(shape: ConvolutionShape, mut f: impl FnMut(Term)) {
    let ConvolutionShape {
        n_rows,
        n_channels,
        image: [height, width],
        n_outputs,
        window,
    } = shape;
    let [output_height, output_width] = output(shape);
    let n_images = n_rows * n_outputs * output_height * output_width;
    let [window_height, window_width] = window.size;
    for output in 0..n_images {
        let (j, rest) = (output % output_width, output / output_width);
        let (i, rest) = (rest % output_height, rest / output_height);
        let (o, b) = (rest % n_outputs, rest / n_outputs);
        for tap in 0..n_channels * window_height * window_width {
            let (l, rest) = (tap % window_width, tap / window_width);
            let (k, c) = (rest % window_height, rest / window_height);
            let row = (i * window.stride[0] + k).checked_sub(window.padding[0]);
            let column = (j * window.stride[1] + l).checked_sub(window.padding[1]);
            let pixel = match (row, column) {
                (Some(row), Some(column)) if row < height && column < width => {
                    Some(((b * n_channels + c) * height + row) * width + column)
                }
                _ => None,
            };
            let weight = tap * n_outputs + o;
            f(Term {
                pixel,
                weight,
                output,
            });
        }
    }
}

fn n_outputs(shape: ConvolutionShape) -> usize {
    output(shape).iter().product::<usize>() * shape.n_rows * shape.n_outputs
}

/// The sums before the activation, `[B, O, OH, OW]`.
pub fn forward(shape: ConvolutionShape, x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let n_pixels = output(shape).iter().product::<usize>();
    let mut y: Vec<f64> = (0..n_outputs(shape))
        .map(|idx| bias[idx / n_pixels % shape.n_outputs])
        .collect();
    for_each_term(shape, |term| {
        y[term.output] += weight[term.weight] * term.pixel.map_or(0.0, |pixel| x[pixel]);
    });
    y
}

/// The gradient by the input, `[B, C, H, W]`.
///
/// Where a pixel is not covered by a tap at any place, it is as if that place had a gradient of 0.
pub fn backward_input(shape: ConvolutionShape, dy: &[f64], weight: &[f64]) -> Vec<f64> {
    let [height, width] = shape.image;
    let n_channels = shape.n_channels;
    let n_taps = shape.window.size[0] * shape.window.size[1];
    let mut dx = vec![0.0; shape.n_rows * n_channels * height * width];
    // Which taps have met which pixels.
    let mut is_covered = vec![false; dx.len() * n_taps];
    for_each_term(shape, |term| {
        if let Some(pixel) = term.pixel {
            dx[pixel] += weight[term.weight] * dy[term.output];
            is_covered[pixel * n_taps + term.weight / shape.n_outputs % n_taps] = true;
        }
    });
    for (idx, is_covered) in is_covered.into_iter().enumerate() {
        if !is_covered {
            let (pixel, tap) = (idx / n_taps, idx % n_taps);
            let channel = pixel / (height * width) % n_channels;
            let weights = &weight[(channel * n_taps + tap) * shape.n_outputs..][..shape.n_outputs];
            dx[pixel] += weights.iter().map(|weight| 0.0 * weight).sum::<f64>();
        }
    }
    dx
}

/// The gradient by the weight, `[C, KH, KW, O]`.
pub fn backward_weight(shape: ConvolutionShape, x: &[f64], dy: &[f64]) -> Vec<f64> {
    let mut dweight = vec![0.0; shape.depth() * shape.n_outputs];
    for_each_term(shape, |term| {
        dweight[term.weight] += dy[term.output] * term.pixel.map_or(0.0, |pixel| x[pixel]);
    });
    dweight
}

/// The gradient by the bias, `[O]`.
pub fn backward_bias(shape: ConvolutionShape, dy: &[f64]) -> Vec<f64> {
    let n_pixels = output(shape).iter().product::<usize>();
    let mut dbias = vec![0.0; shape.n_outputs];
    for (idx, dy) in dy.iter().enumerate() {
        dbias[idx / n_pixels % shape.n_outputs] += dy;
    }
    dbias
}
