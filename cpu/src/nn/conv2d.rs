//! The convolution of images.

use rand::rngs::ChaCha8Rng;

use super::{Backward, Forward, Initializer, Layer, Parameter};
use crate::backend::{
    Activation, Backend, ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward,
    ConvolutionShape, Window,
};
use crate::{Error, Result};

/// `y[b, o, i, j] = activation(bias[o] + Σ_{c, k, l} weight[o, c, k, l] · x[b, c, i s₀ + k - p₀, j s₁ + l - p₁])`,
/// where `s` are the window's strides, `p` its padding, and `x` is 0 in the padding. As everywhere in
/// this field, the window is not mirrored.
///
/// Backward, with `ds = dy ∘ activation'`: `dx` sums `weight · ds` over all places of the window that
/// cover a pixel, `dweight` sums `ds · x` and `dbias` sums `ds` over all images and places.
///
/// | array    | shape             |
/// |----------|-------------------|
/// | `x`      | `[B, C, H, W]`    |
/// | `weight` | `[O, C, KH, KW]`  |
/// | `bias`   | `[O]`             |
/// | `y`      | `[B, O, OH, OW]`, see [`Window::output`] |
///
/// The weight is kept as its transpose, `[C, KH, KW, O]`.
///
/// ```
/// use cpu::backend::{Activation, HostBackend, Memory, Window};
/// use cpu::nn::{Conv2d, Forward, Layer, Mode};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// // How much brighter a pixel is than the one on its left.
/// let (weight, bias) = ([-1.0, 1.0], [0.0]); // [1, 1, 1, 2], [1]
/// let window = Window { size: [1, 2], ..Window::square(1) };
/// let mut layer =
///     Conv2d::with_values(&backend, [1, 2, 3], 1, window, Activation::Identity, &weight, &bias)?;
/// let x = backend.upload_floats(&[3.0, 5.0, 4.0, 0.0, 0.0, 1.0])?;
/// let mut y = backend.zeros(layer.n_outputs())?;
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode: Mode::Evaluation })?;
/// assert_eq!(backend.download_floats(&y)?, [2.0, -1.0, 0.0, 1.0]);
/// # Ok(())
/// # }
/// ```
pub struct Conv2d<B: Backend> {
    /// With one image.
    shape: ConvolutionShape,
    output: [usize; 2],
    activation: Activation,
    /// Weight and bias.
    parameters: [Parameter<B>; 2],
}

impl<B: Backend> Conv2d<B> {
    /// A layer for images of shape `[C, H, W]`, with a weight that is drawn and a bias of zeros.
    ///
    /// # Errors
    ///
    /// If a dimension is 0, the window does not fit, the weight does not fit into memory, or the output
    /// does not tell the activation's derivative ([`Activation::is_known_from_output`]).
    pub fn new(
        backend: &B,
        input: [usize; 3],
        n_outputs: usize,
        window: Window,
        activation: Activation,
        initializer: Initializer,
        random: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let (shape, output) = check(input, n_outputs, window)?;
        let n_taps = window.size[0] * window.size[1];
        let weight = initializer.draw_windows(input[0], n_outputs, n_taps, random);
        Self::from_transposed(
            backend,
            (shape, output),
            activation,
            &weight,
            &vec![0.0; n_outputs],
        )
    }

    /// A layer with a given `weight`, `[n_outputs, C, KH, KW]`, and `bias`, `[n_outputs]`.
    ///
    /// # Errors
    ///
    /// If a dimension is 0, the window does not fit, an array does not have its shape, or the output does
    /// not tell the activation's derivative ([`Activation::is_known_from_output`]).
    pub fn with_values(
        backend: &B,
        input: [usize; 3],
        n_outputs: usize,
        window: Window,
        activation: Activation,
        weight: &[f32],
        bias: &[f32],
    ) -> Result<Self> {
        let (shape, output) = check(input, n_outputs, window)?;
        let depth = shape.depth();
        for (name, actual, expected) in [
            ("weight", weight.len(), n_outputs * depth),
            ("bias", bias.len(), n_outputs),
        ] {
            if actual != expected {
                return Err(Error::Input(format!(
                    "a convolution of {} channels to {n_outputs} with {window} needs a {name} of \
                     {expected} values, there are {actual}",
                    input[0]
                )));
            }
        }
        let transposed: Vec<f32> = (0..weight.len())
            .map(|idx| weight[idx % n_outputs * depth + idx / n_outputs])
            .collect();
        Self::from_transposed(backend, (shape, output), activation, &transposed, bias)
    }

    /// With a `weight` that is `[C, KH, KW, n_outputs]`.
    fn from_transposed(
        backend: &B,
        (shape, output): (ConvolutionShape, [usize; 2]),
        activation: Activation,
        weight: &[f32],
        bias: &[f32],
    ) -> Result<Self> {
        super::activation::check_fused("convolution", activation)?;
        let [height, width] = shape.window.size;
        let weight_shape = [shape.n_outputs, shape.n_channels, height, width];
        Ok(Conv2d {
            shape,
            output,
            activation,
            parameters: [
                Parameter::transposed(backend, "weight", &weight_shape, weight)?,
                Parameter::new(backend, "bias", &[shape.n_outputs], bias)?,
            ],
        })
    }

    /// Rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        self.output
    }

    fn shape(&self, n_rows: usize) -> ConvolutionShape {
        ConvolutionShape {
            n_rows,
            ..self.shape
        }
    }
}

/// The shapes of a layer, if it can be made.
fn check(
    input: [usize; 3],
    n_outputs: usize,
    window: Window,
) -> Result<(ConvolutionShape, [usize; 2])> {
    let [n_channels, height, width] = input;
    let shape = ConvolutionShape {
        n_rows: 1,
        n_channels,
        image: [height, width],
        n_outputs,
        window,
    };
    let output = shape.output()?;
    const LARGEST: usize = 1 << 31;
    let n_values = |factors: &[usize]| {
        factors
            .iter()
            .try_fold(1_usize, |n, &factor| n.checked_mul(factor))
    };
    for values in [
        n_values(&[n_outputs, n_channels, window.size[0], window.size[1]]),
        n_values(&[n_channels, height, width]),
        n_values(&[n_outputs, output[0], output[1]]),
    ] {
        if !matches!(values, Some(1..=LARGEST)) {
            return Err(Error::Input(format!(
                "a convolution of {n_channels}x{height}x{width} to {n_outputs} channels with {window} \
                 cannot be made: it needs at least one channel of each, and input, weight and output \
                 of at most {LARGEST} values each"
            )));
        }
    }
    Ok((shape, output))
}

impl<B: Backend> Layer<B> for Conv2d<B> {
    fn describe(&self) -> String {
        let ConvolutionShape {
            n_channels,
            image: [height, width],
            n_outputs,
            window,
            ..
        } = self.shape;
        let [output_height, output_width] = self.output;
        let activation = match self.activation {
            Activation::Identity => String::new(),
            activation => format!(", {}", super::activation::name_and_slope(activation)),
        };
        format!(
            "convolution {n_channels}x{height}x{width} -> {n_outputs}x{output_height}x{output_width}, \
             {window}{activation}"
        )
    }

    fn n_inputs(&self) -> usize {
        self.shape.n_channels * self.shape.image[0] * self.shape.image[1]
    }

    fn n_outputs(&self) -> usize {
        self.shape.n_outputs * self.output[0] * self.output[1]
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        let [weight, bias] = &self.parameters;
        backend.convolution_forward(ConvolutionForward {
            x: pass.x,
            weight: &weight.value,
            bias: &bias.value,
            activation: self.activation,
            y: pass.y,
            shape: self.shape(pass.n_rows),
        })
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let Backward {
            x,
            y,
            dy,
            dx,
            n_rows,
            ..
        } = pass;
        let shape = self.shape(n_rows);
        if self.activation != Activation::Identity {
            let n_values = n_rows * Layer::<B>::n_outputs(self);
            backend.activation_backward(self.activation, y, dy, n_values)?;
        }
        let [weight, bias] = &mut self.parameters;
        if let Some(dx) = dx {
            backend.convolution_backward_input(ConvolutionBackwardInput {
                dy,
                weight: &weight.value,
                dx,
                shape,
            })?;
        }
        backend.convolution_backward_weight(ConvolutionBackwardWeight {
            x,
            dy,
            dweight: &mut weight.gradient,
            dbias: &mut bias.gradient,
            shape,
        })
    }

    fn parameters(&self) -> &[Parameter<B>] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [Parameter<B>] {
        &mut self.parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{HostBackend, Memory};
    use crate::nn::Mode;

    fn layer(
        input: [usize; 3],
        n_outputs: usize,
        window: Window,
        n_weights: usize,
    ) -> Result<Conv2d<HostBackend>> {
        let backend = HostBackend::new(None)?;
        let (weight, bias) = (vec![0.0; n_weights], vec![0.0; n_outputs]);
        let identity = Activation::Identity;
        Conv2d::with_values(&backend, input, n_outputs, window, identity, &weight, &bias)
    }

    #[test]
    fn what_cannot_be_made_is_an_error_that_says_why() {
        for (input, n_outputs, window, n_weights, why) in [
            (
                [1, 4, 9],
                1,
                Window::square(5),
                25,
                "does not fit onto an image of 4x9",
            ),
            (
                [0, 4, 4],
                1,
                Window::square(3),
                0,
                "needs at least one channel",
            ),
            (
                [1, 4, 4],
                0,
                Window::square(3),
                0,
                "needs at least one channel",
            ),
            (
                [2, 4, 4],
                3,
                Window::square(3),
                53,
                "needs a weight of 54 values, there are 53",
            ),
            ([usize::MAX, 4, 4], 3, Window::square(3), 0, "at most"),
        ] {
            let error = layer(input, n_outputs, window, n_weights).err().unwrap();
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn the_weight_is_read_as_pytorch_has_it() {
        // torch.nn.functional.conv2d(torch.ones(1, 2, 2, 2), torch.arange(16.0).view(2, 2, 2, 2))
        let backend = HostBackend::new(None).unwrap();
        let weight: Vec<f32> = (0..16_u8).map(f32::from).collect();
        let (window, identity) = (Window::square(2), Activation::Identity);
        let mut layer = Conv2d::with_values(
            &backend,
            [2, 2, 2],
            2,
            window,
            identity,
            &weight,
            &[0.0, 0.5],
        )
        .unwrap();
        let x = backend.upload_floats(&[1.0; 8]).unwrap();
        let mut y = backend.zeros(2).unwrap();
        let pass = Forward {
            x: &x,
            y: &mut y,
            n_rows: 1,
            mode: Mode::Evaluation,
        };
        layer.forward(&backend, pass).unwrap();
        assert_eq!(*y, [28.0, 92.5]);
        assert_eq!(layer.parameters()[0].shape, [2, 2, 2, 2]);
        assert_eq!(
            Layer::<HostBackend>::describe(&layer),
            "convolution 2x2x2 -> 2x1x1, a window of 2x2"
        );
    }
}
