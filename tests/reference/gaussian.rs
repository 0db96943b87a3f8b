//! Learning a density: the points of a step, and steps of training.

use cpu::backend::{Activation, Density};
use cuda_std::random::Philox;

use super::{
    Adam, DenseShape, Sgd, activation, activation_backward, adam_step, dense_backward_bias,
    dense_backward_input, dense_backward_weight, dense_forward, sgd_step,
};

/// The points `[B, 2]` of a step, and the density's share at each. Sixteen points take eight blocks of
/// four random words: of block b the first two are point b's, the last two those of point b + 8. Random
/// numbers are those of `cuda_std`, whose generator has tests of its own.
pub fn draw_points(density: Density, seed: u64, step: u64, n_rows: usize) -> (Vec<f64>, Vec<f64>) {
    let mut points = Vec::new();
    for place in 0..n_rows {
        let mut random = Philox::new(seed, step);
        random.seek((place / 16 * 8 + place % 8) as u64);
        let block = [(); 4].map(|()| f64::from(random.uniform_f32()));
        let first = if place % 16 < 8 { 0 } else { 2 };
        points.extend(block[first..first + 2].iter().map(|u| 6.0 * u - 3.0));
    }
    let target = points.chunks(2).map(|point| {
        let [a, b, c] = density.whitening.map(f64::from);
        let dx = point[0] - f64::from(density.mean[0]);
        let dy = point[1] - f64::from(density.mean[1]);
        (-0.5 * ((a * dx).powi(2) + (b * dx + c * dy).powi(2))).exp()
    });
    let target = target.collect();
    (points, target)
}

/// A chain of dense layers: of each, the weight `[K, N]`, then the bias `[N]`.
#[derive(Debug, Clone)]
pub struct Network {
    /// From the inputs to the output.
    pub widths: Vec<usize>,
    /// Behind all layers but the last.
    pub activation: Activation,
    pub parameters: Vec<f64>,
}

impl Network {
    /// The mean squared error and its gradient.
    pub fn gradient(&self, x: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
        self.pass(x, target, Some)
    }

    /// What the gradient would be if no terms of its sums had different signs: roundings are relative to
    /// this.
    pub fn gradient_magnitude(&self, x: &[f64], target: &[f64]) -> Vec<f64> {
        let absolute = |values: &[f64]| values.iter().map(|x| x.abs()).collect::<Vec<_>>();
        let network = Network {
            parameters: absolute(&self.parameters),
            activation: match self.activation {
                // Their slopes are between 0 and 1, and so is that of this one.
                Activation::Sigmoid | Activation::Tanh => Activation::Identity,
                other => other,
            },
            ..self.clone()
        };
        // The output is taken for the difference, of which it is a part, and the target is another.
        let (_, gradient) = network.pass(&absolute(x), target, |_| None);
        gradient
    }

    fn pass(
        &self,
        x: &[f64],
        target: &[f64],
        minus: impl Fn(f64) -> Option<f64>,
    ) -> (f64, Vec<f64>) {
        let n_rows = target.len();
        let n_layers = self.widths.len() - 1;
        let shape = |idx: usize| DenseShape {
            n_rows,
            n_inputs: self.widths[idx],
            n_outputs: self.widths[idx + 1],
        };
        let mut begins = vec![0];
        for idx in 0..n_layers {
            let shape = shape(idx);
            begins.push(begins[idx] + (shape.n_inputs + 1) * shape.n_outputs);
        }
        let of_layer = |idx: usize| {
            let parameters = &self.parameters[begins[idx]..begins[idx + 1]];
            parameters.split_at(shape(idx).n_inputs * shape(idx).n_outputs)
        };
        let mut values = vec![x.to_vec()];
        for idx in 0..n_layers {
            let (weight, bias) = of_layer(idx);
            let mut y = dense_forward(shape(idx), &values[idx], weight, bias);
            if idx + 1 < n_layers {
                y.iter_mut()
                    .for_each(|y| *y = activation(self.activation, *y));
            }
            values.push(y);
        }
        let n = n_rows as f64;
        let differences = values[n_layers].iter().zip(target);
        let differences: Vec<f64> = differences
            .map(|(y, &target)| match minus(target) {
                Some(target) => y - target,
                None => y + target,
            })
            .collect();
        let loss = differences.iter().map(|d| d * d).sum::<f64>() / n;
        let mut dy: Vec<f64> = differences.iter().map(|d| 2.0 * d / n).collect();
        let mut gradient = vec![0.0; self.parameters.len()];
        for idx in (0..n_layers).rev() {
            let dweight = dense_backward_weight(shape(idx), &values[idx], &dy);
            let dbias = dense_backward_bias(shape(idx), &dy);
            gradient[begins[idx]..begins[idx + 1]].copy_from_slice(&[dweight, dbias].concat());
            if idx > 0 {
                dy = dense_backward_input(shape(idx), &dy, of_layer(idx).0);
                for (dy, &y) in dy.iter_mut().zip(&values[idx]) {
                    *dy = activation_backward(self.activation, y, *dy);
                }
            }
        }
        (loss, gradient)
    }
}

/// What updates a network.
pub enum Descent {
    Sgd(Sgd),
    /// With its two means.
    Adam(Adam, [Vec<f64>; 2]),
}

impl Descent {
    /// Step number `step`, from 1.
    pub fn step(&mut self, step: i32, network: &mut Network, gradient: &[f64]) {
        let parameters = &mut network.parameters;
        match self {
            Descent::Sgd(sgd) => sgd_step(*sgd, parameters, gradient, None),
            Descent::Adam(adam, [exp_avg, exp_avg_sq]) => {
                adam_step(*adam, step, parameters, gradient, exp_avg, exp_avg_sq);
            }
        }
    }
}
