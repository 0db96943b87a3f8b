//! Softmax over rows.

use cpu::backend::{SoftmaxBackward, SoftmaxForward};

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, SMALLEST_NORMAL, UNIT, wide};
use crate::devices::devices;
use crate::reference;

/// B and N: around a warp's lanes and a block's warps.
const SHAPES: [[usize; 2]; 11] = [
    [0, 3],
    [1, 1],
    [3, 2],
    [7, 10],
    [8, 31],
    [9, 32],
    [2, 33],
    [17, 5],
    [1, 257],
    [2, 1021],
    [65, 4],
];

#[test]
fn softmax_forward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, [n_rows, n_values]) in SHAPES.into_iter().enumerate() {
            let name = format!("softmax_forward, [{n_rows}, {n_values}]");
            let scale = if idx % 2 == 0 { 4.0 } else { 80.0 };
            let mut x = uniform(&mut generator(idx as u64), n_rows * n_values, scale);
            // Each kind of special value in a row of its own.
            let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38, -3e38];
            for (row, special) in x.chunks_exact_mut(n_values).skip(1).zip(special) {
                row[n_values / 2] = special;
            }
            let mut y = output(backend, &vec![f32::NAN; x.len()])?;
            backend.softmax_forward(SoftmaxForward {
                x: &input(backend, &x)?,
                y: &mut y,
                n_rows,
                n_values,
            })?;
            let expected = reference::softmax_forward(&wide(&x), n_values);
            // Those of the sum, and of an exponential of a rounded difference, which may be 160, and a
            // division.
            let n_roundings = n_values as f64 + 180.0;
            let limit = expected
                .iter()
                .map(|y| n_roundings * UNIT * y + SMALLEST_NORMAL)
                .collect();
            let actual = read(backend, &name, &y)?;
            outputs.push(Output::new(name, actual, expected, limit));
        }
        Ok(outputs)
    });
}

#[test]
fn softmax_backward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, [n_rows, n_values]) in SHAPES.into_iter().enumerate() {
            let name = format!("softmax_backward, [{n_rows}, {n_values}]");
            let random = &mut generator(idx as u64);
            let x = wide(&uniform(random, n_rows * n_values, 4.0));
            let y: Vec<f32> = reference::softmax_forward(&x, n_values)
                .iter()
                .map(|&y| y as f32)
                .collect();
            let dy = uniform(random, y.len(), 3.0);
            let mut dx = output(backend, &vec![f32::NAN; y.len()])?;
            backend.softmax_backward(SoftmaxBackward {
                y: &input(backend, &y)?,
                dy: &input(backend, &dy)?,
                dx: &mut dx,
                n_rows,
                n_values,
            })?;
            let (y, dy) = (wide(&y), wide(&dy));
            let expected = reference::softmax_backward(&y, &dy, n_values);
            let mut limit = Vec::new();
            for (y, dy) in y.chunks_exact(n_values).zip(dy.chunks_exact(n_values)) {
                let magnitude: f64 = y.iter().zip(dy).map(|(y, dy)| y * dy.abs()).sum();
                // The sum's, and three more.
                let n_roundings = n_values as f64 + 8.0;
                limit.extend(
                    y.iter()
                        .zip(dy)
                        .map(|(y, dy)| n_roundings * UNIT * y * (dy.abs() + magnitude)),
                );
            }
            let actual = read(backend, &name, &dx)?;
            outputs.push(Output::new(name, actual, expected, limit));
        }
        Ok(outputs)
    });
}
