//! Sums of matrices.

use cpu::backend::AddMatrix;

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, SMALLEST_NORMAL, UNIT};
use crate::devices::devices;

#[test]
fn add_matrix() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, (n_rows, n_columns, keep, is_transposed)) in [
            (1, 1, 1.0, true),
            (7, 5, 1.0, true),
            (7, 5, 1.0, false),
            (33, 17, -0.5, true),
            (33, 17, 0.0, true),
            (3, 300, 0.0, false),
            (300, 3, 0.25, true),
            (0, 4, 1.0, true),
            (4, 0, 1.0, true),
            (0, 4, 1.0, false),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!(
                "add_matrix, {n_rows}x{n_columns}, keep {keep}, transposed: {is_transposed}"
            );
            let random = &mut generator(idx as u64);
            let x = uniform(random, n_rows * n_columns, 3.0);
            // What is not kept may be anything.
            let before = match keep {
                0.0 => vec![f32::NAN; x.len()],
                _ => uniform(random, x.len(), 3.0),
            };
            let mut y = output(backend, &before)?;
            backend.add_matrix(AddMatrix {
                x: &input(backend, &x)?,
                is_transposed,
                keep,
                y: &mut y,
                n_rows,
                n_columns,
            })?;
            let kept = |y: f32| {
                if keep == 0.0 {
                    0.0
                } else {
                    f64::from(keep) * f64::from(y)
                }
            };
            let mut expected = Vec::new();
            let mut limit = Vec::new();
            for (i, &before) in before.iter().enumerate() {
                let (row, column) = (i / n_columns, i % n_columns);
                let x_idx = if is_transposed {
                    column * n_rows + row
                } else {
                    i
                };
                let sum = kept(before) + f64::from(x[x_idx]);
                expected.push(sum);
                // The product is rounded, then the sum.
                limit.push(UNIT * (kept(before).abs() + 2.0 * sum.abs()) + SMALLEST_NORMAL);
            }
            let actual = read(backend, &name, &y)?;
            if keep == 0.0 {
                outputs.push(Output::exact(name, actual, expected));
            } else {
                outputs.push(Output::new(name, actual, expected, limit));
            }
        }
        Ok(outputs)
    });
}
