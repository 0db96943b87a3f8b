//! Embeddings.

/// `y[P, D]`: the rows of `table[V, D]` whose numbers are in `x[P]`.
pub fn embedding_forward(x: &[f64], table: &[f64], n_values: usize) -> Vec<f64> {
    x.iter()
        .flat_map(|index| &table[*index as usize * n_values..][..n_values])
        .copied()
        .collect()
}

/// `dtable[V, D]` of `dy[P, D]`.
pub fn embedding_backward(x: &[f64], dy: &[f64], n_entries: usize, n_values: usize) -> Vec<f64> {
    let mut dtable = vec![0.0; n_entries * n_values];
    for (index, dy) in x.iter().zip(dy.chunks_exact(n_values)) {
        for (value_idx, dy) in dy.iter().enumerate() {
            dtable[*index as usize * n_values + value_idx] += dy;
        }
    }
    dtable
}
