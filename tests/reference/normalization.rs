//! Normalization of batches and of rows. Both are the same but for which values belong together and
//! which share a weight.

/// Which values are normalized together, and which are multiplied by the same weight.
pub struct Normalization {
    /// The group of each value: its channel, or its row.
    pub groups: Vec<usize>,
    pub n_groups: usize,
    /// The weight of each value: its channel's, or its column's.
    pub weights: Vec<usize>,
    pub n_weights: usize,
}

/// Gradients by input, weight and bias.
pub struct NormalizationGradients {
    pub dx: Vec<f64>,
    pub dweight: Vec<f64>,
    pub dbias: Vec<f64>,
}

impl Normalization {
    /// `[B, C, S]`, over the values of each channel.
    pub fn of_batch([n_rows, n_channels, n_pixels]: [usize; 3]) -> Normalization {
        let n = n_rows * n_channels * n_pixels;
        let channels: Vec<usize> = (0..n).map(|i| i / n_pixels % n_channels).collect();
        Normalization {
            groups: channels.clone(),
            n_groups: n_channels,
            weights: channels,
            n_weights: n_channels,
        }
    }

    /// `[B, N]`, over the values of each row.
    pub fn of_rows([n_rows, n_values]: [usize; 2]) -> Normalization {
        Normalization {
            groups: (0..n_rows * n_values).map(|i| i / n_values).collect(),
            n_groups: n_rows,
            weights: (0..n_rows * n_values).map(|i| i % n_values).collect(),
            n_weights: n_values,
        }
    }

    /// The sum of `values` over each group.
    pub fn group_sums(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_groups];
        for (group, value) in self.groups.iter().zip(values) {
            sums[*group] += value;
        }
        sums
    }

    /// The sum of `values` over those of each weight.
    pub fn weight_sums(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_weights];
        for (weight, value) in self.weights.iter().zip(values) {
            sums[*weight] += value;
        }
        sums
    }

    /// How many values a group has.
    pub fn n_per_group(&self) -> f64 {
        self.groups.len() as f64 / self.n_groups as f64
    }

    /// Mean and mean square deviation of each group.
    pub fn moments(&self, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = self.n_per_group();
        let mean: Vec<f64> = self
            .group_sums(x.iter().copied())
            .iter()
            .map(|sum| sum / n)
            .collect();
        let deviations = x
            .iter()
            .zip(&self.groups)
            .map(|(x, group)| x - mean[*group]);
        let squares = self.group_sums(deviations.map(|deviation| deviation * deviation));
        let variance = squares.iter().map(|square| square / n).collect();
        (mean, variance)
    }

    /// `(x - mean) / √(variance + ε)`.
    pub fn normalized(&self, x: &[f64], mean: &[f64], variance: &[f64], epsilon: f64) -> Vec<f64> {
        x.iter()
            .zip(&self.groups)
            .map(|(x, &group)| (x - mean[group]) / (variance[group] + epsilon).sqrt())
            .collect()
    }

    /// `z · weight + bias` of normalized values.
    pub fn scaled(&self, z: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
        z.iter()
            .zip(&self.weights)
            .map(|(z, &idx)| z * weight[idx] + bias[idx])
            .collect()
    }

    /// The gradients from the normalized values `z` and each group's deviation `√(variance + ε)`.
    pub fn backward(
        &self,
        z: &[f64],
        deviation: &[f64],
        weight: &[f64],
        dy: &[f64],
    ) -> NormalizationGradients {
        let n = self.n_per_group();
        let by_z = || {
            dy.iter()
                .zip(&self.weights)
                .map(|(dy, &idx)| dy * weight[idx])
        };
        let means = self.group_sums(by_z());
        let projections = self.group_sums(by_z().zip(z).map(|(g, z)| g * z));
        let dx = by_z()
            .zip(z)
            .zip(&self.groups)
            .map(|((g, z), &group)| {
                (g - means[group] / n - z * projections[group] / n) / deviation[group]
            })
            .collect();
        NormalizationGradients {
            dx,
            dweight: self.weight_sums(dy.iter().zip(z).map(|(dy, z)| dy * z)),
            dbias: self.weight_sums(dy.iter().copied()),
        }
    }
}
