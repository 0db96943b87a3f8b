//! Distorts the images of a batch, a thread some of them.

use gpu::augmentation::{N_POINTS, Placement, sample, spline, spline_sum};

use super::matrix::SharedColumns;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{Augment, AugmentationOperations};

impl AugmentationOperations for HostBackend {
    fn augment(&self, op: Augment<'_, Floats>) -> Result<()> {
        augment(self, op)
    }
}

/// About what a pixel costs, in the units of the products' arithmetic.
const WORK_PER_PIXEL: usize = 512;

pub(super) fn augment(backend: &HostBackend, op: Augment<'_, Floats>) -> Result<()> {
    let check = Operation("augment");
    let [height, width] = op.size;
    let images = check.read("images", op.images, &[op.n_rows, height, width])?;
    let distorted = check.write("distorted", op.distorted, &[op.n_rows, height, width])?;
    if images.is_empty() {
        return Ok(());
    }
    let n_pixels = height * width;
    let size = op.size.map(|n| n as u32);
    let is_elastic = op.distortion.elastic > 0.0;

    let distorted = SharedColumns::new(distorted, 1, op.n_rows * n_pixels);
    let work = op.n_rows * n_pixels * WORK_PER_PIXEL;
    backend.for_each_part(op.n_rows, 1, work, |rows| {
        for image_idx in rows {
            let pixels = image_idx * n_pixels..(image_idx + 1) * n_pixels;
            let image = &images[pixels.clone()];
            // SAFETY: the parts are disjoint, and so are the images of one.
            let mut distorted = unsafe { distorted.block(pixels) };
            let image_idx = image_idx as u32;
            let placement = op.distortion.placement(op.seed, op.step, image_idx, size);
            let mut points = [[0.0; 2]; N_POINTS * N_POINTS];
            if is_elastic {
                for (point_idx, point) in points.iter_mut().enumerate() {
                    *point = op.distortion.point(op.seed, op.step, image_idx, point_idx);
                }
            }
            vectorized!(backend, {
                distort(image, size, &placement, &points, distorted.row(0));
            });
        }
    });
    Ok(())
}

/// The kernel's arithmetic; but what the pixels of a row have in common is computed once.
#[inline(always)]
fn distort(
    image: &[f32],
    size: [u32; 2],
    placement: &Placement,
    points: &[[f32; 2]; N_POINTS * N_POINTS],
    distorted: &mut [f32],
) {
    let [height, width] = size;
    for (row, pixels) in (0..height).zip(distorted.chunks_exact_mut(width as usize)) {
        let (first_row, row_weights) = spline(row, height);
        let along_row: [[f32; 2]; N_POINTS] = std::array::from_fn(|column| {
            spline_sum(points, first_row * N_POINTS + column, N_POINTS, row_weights)
        });
        for (column, pixel) in (0..).zip(pixels) {
            let (first_column, column_weights) = spline(column, width);
            let [rows, columns] = spline_sum(&along_row, first_column, 1, column_weights);
            let place = placement.place(row, column);
            *pixel = sample(image, size, [place[0] + rows, place[1] + columns]);
        }
    }
}
