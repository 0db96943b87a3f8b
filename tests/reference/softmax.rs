//! Softmax over rows.

/// `y[B, N]` of `x[B, N]`.
pub fn softmax_forward(x: &[f64], n_values: usize) -> Vec<f64> {
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(n_values) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponentials = || row.iter().map(|x| (x - largest).exp());
        let sum: f64 = exponentials().sum();
        y.extend(exponentials().map(|exponential| exponential / sum));
    }
    y
}

/// `dx[B, N]` of `y[B, N]` and `dy[B, N]`.
pub fn softmax_backward(y: &[f64], dy: &[f64], n_values: usize) -> Vec<f64> {
    let mut dx = Vec::with_capacity(y.len());
    for (y, dy) in y.chunks_exact(n_values).zip(dy.chunks_exact(n_values)) {
        let sum: f64 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        dx.extend(y.iter().zip(dy).map(|(y, dy)| y * (dy - sum)));
    }
    dx
}
