//! Embeddings.

use cpu::backend::{EmbeddingBackward, EmbeddingForward, EmbeddingShape};
use rand::RngExt;

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, absolute, wide};
use crate::dense::sum_limit;
use crate::devices::devices;
use crate::reference;

/// P, V and D: rows of whole quads and others, several blocks.
fn shapes() -> Vec<EmbeddingShape> {
    [
        [0, 3, 4],
        [1, 1, 1],
        [5, 2, 3],
        [7, 13, 8],
        [64, 11, 4],
        [33, 50, 7],
        [129, 5, 12],
    ]
    .map(|[n_positions, n_entries, n_values]| EmbeddingShape {
        n_positions,
        n_entries,
        n_values,
    })
    .to_vec()
}

fn indices(seed: u64, shape: EmbeddingShape) -> Vec<f32> {
    let random = &mut generator(seed);
    (0..shape.n_positions)
        .map(|_| random.random_range(0..shape.n_entries) as f32)
        .collect()
}

#[test]
fn embedding_forward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in shapes().into_iter().enumerate() {
            let name = format!("embedding_forward, {shape:?}");
            let x = indices(idx as u64, shape);
            let n_values = shape.n_values;
            let table = uniform(&mut generator(idx as u64), shape.n_entries * n_values, 1.0);
            let mut y = output(backend, &vec![f32::NAN; x.len() * n_values])?;
            backend.embedding_forward(EmbeddingForward {
                x: &input(backend, &x)?,
                table: &input(backend, &table)?,
                y: &mut y,
                shape,
            })?;
            let expected = reference::embedding_forward(&wide(&x), &wide(&table), n_values);
            let actual = read(backend, &name, &y)?;
            outputs.push(Output::exact(name, actual, expected));
        }
        Ok(outputs)
    });
}

#[test]
fn embedding_backward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in shapes().into_iter().enumerate() {
            let name = format!("embedding_backward, {shape:?}");
            let x = indices(idx as u64, shape);
            let (n_entries, n_values) = (shape.n_entries, shape.n_values);
            let dy = uniform(&mut generator(idx as u64), x.len() * n_values, 1.0);
            let mut dtable = output(backend, &vec![f32::NAN; n_entries * n_values])?;
            backend.embedding_backward(EmbeddingBackward {
                x: &input(backend, &x)?,
                dy: &input(backend, &dy)?,
                dtable: &mut dtable,
                shape,
            })?;
            let (x, dy) = (wide(&x), wide(&dy));
            let backward = |dy: &[f64]| reference::embedding_backward(&x, dy, n_entries, n_values);
            let limit = sum_limit(shape.n_positions, backward(&absolute(&dy)));
            let actual = read(backend, &name, &dtable)?;
            outputs.push(Output::new(name, actual, backward(&dy), limit));
        }
        Ok(outputs)
    });
}
