//! Pooling.

use cpu::backend::{Pooling, PoolingShape};

/// For each place of the window on a plane of `[H, W]`: which of its pixels are below.
fn pixels_below(shape: PoolingShape) -> Vec<Vec<usize>> {
    let [n_rows, n_columns] = shape.image;
    let window = shape.window;
    let [output_rows, output_columns] = shape.output().unwrap();
    let mut places = Vec::new();
    for place in 0..output_rows * output_columns {
        let (i, j) = (place / output_columns, place % output_columns);
        let mut below = Vec::new();
        for k in 0..window.size[0] {
            for l in 0..window.size[1] {
                let row = (i * window.stride[0] + k).wrapping_sub(window.padding[0]);
                let column = (j * window.stride[1] + l).wrapping_sub(window.padding[1]);
                if row < n_rows && column < n_columns {
                    below.push(row * n_columns + column);
                }
            }
        }
        places.push(below);
    }
    places
}

/// The first of the largest, NaN being larger than any number.
fn first_of_largest(x: &[f64], below: &[usize]) -> usize {
    let mut largest = below[0];
    for &idx in below {
        if x[idx] > x[largest] || (x[idx].is_nan() && !x[largest].is_nan()) {
            largest = idx;
        }
    }
    largest
}

fn n_of_window(shape: PoolingShape) -> f64 {
    (shape.window.size[0] * shape.window.size[1]) as f64
}

/// `y[B, C, OH, OW]` of `x[B, C, H, W]`.
pub fn pooling_forward(pooling: Pooling, shape: PoolingShape, x: &[f64]) -> Vec<f64> {
    let places = pixels_below(shape);
    let n_pixels = shape.image[0] * shape.image[1];
    x.chunks_exact(n_pixels)
        .flat_map(|x| {
            places.iter().map(|below| match pooling {
                Pooling::Max => x[first_of_largest(x, below)],
                Pooling::Average => {
                    below.iter().map(|&idx| x[idx]).sum::<f64>() / n_of_window(shape)
                }
            })
        })
        .collect()
}

/// `dx[B, C, H, W]` of `dy[B, C, OH, OW]`.
pub fn pooling_backward(pooling: Pooling, shape: PoolingShape, x: &[f64], dy: &[f64]) -> Vec<f64> {
    let places = pixels_below(shape);
    let n_pixels = shape.image[0] * shape.image[1];
    let mut dx = vec![0.0; x.len()];
    for ((x, dx), dy) in x
        .chunks_exact(n_pixels)
        .zip(dx.chunks_exact_mut(n_pixels))
        .zip(dy.chunks_exact(places.len()))
    {
        for (below, dy) in places.iter().zip(dy) {
            match pooling {
                Pooling::Max => dx[first_of_largest(x, below)] += dy,
                Pooling::Average => {
                    for &idx in below {
                        dx[idx] += dy / n_of_window(shape);
                    }
                }
            }
        }
    }
    dx
}
