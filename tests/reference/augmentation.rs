//! Augmentation.

use cpu::backend::Distortion;
use cuda_std::random::Philox;

/// The images `[B, H, W]`, distorted as the seed and the step have it. Random numbers are those of
/// `cuda_std`, whose generator has tests of its own.
pub fn augment(
    images: &[f64],
    n_rows: usize,
    [height, width]: [usize; 2],
    distortion: Distortion,
    seed: u64,
    step: u64,
) -> Vec<f64> {
    let mut distorted = Vec::with_capacity(images.len());
    for image_idx in 0..n_rows {
        let image = &images[image_idx * height * width..][..height * width];
        let pixel = |row: f64, column: f64| {
            let is_inside =
                (0.0..height as f64).contains(&row) && (0.0..width as f64).contains(&column);
            if is_inside {
                image[row as usize * width + column as usize]
            } else {
                0.0
            }
        };
        let mut random = Philox::new(seed, (step << 32) + image_idx as u64);
        let draw = |random: &mut Philox, limit: f32| {
            f64::from(limit) * (2.0 * f64::from(random.uniform_f32()) - 1.0)
        };
        random.seek(1 << 63);
        let [shift_rows, shift_columns] = [(); 2].map(|()| draw(&mut random, distortion.shift));
        let angle = draw(&mut random, distortion.rotation);
        let [scale_rows, scale_columns] =
            [(); 2].map(|()| 1.0 + draw(&mut random, distortion.scale));
        let shear = draw(&mut random, distortion.shear);
        let points: Vec<[f64; 2]> = (0..49)
            .map(|point_idx| {
                random.seek((1 << 63) + 2 + point_idx);
                [(); 2].map(|()| draw(&mut random, distortion.elastic))
            })
            .collect();
        let [center_row, center_column] = [height, width].map(|n| (n as f64 - 1.0) / 2.0);
        for i in 0..height {
            for j in 0..width {
                let (row, column) = (i as f64 - center_row, j as f64 - center_column);
                let (row, column) = (scale_rows * row, scale_columns * (column + shear * row));
                let mut place = [
                    center_row + shift_rows + row * angle.cos() - column * angle.sin(),
                    center_column + shift_columns + row * angle.sin() + column * angle.cos(),
                ];
                for (point_idx, point) in points.iter().enumerate() {
                    // The image lies between the points 1 and 5 of each axis.
                    let along = |idx: usize, n: usize, point: usize| {
                        cubic_spline(1.0 + 4.0 * (idx as f64 + 0.5) / n as f64 - point as f64)
                    };
                    let weight = along(i, height, point_idx / 7) * along(j, width, point_idx % 7);
                    place[0] += weight * point[0];
                    place[1] += weight * point[1];
                }
                let [row, column] = place;
                let (top, left) = (row.floor(), column.floor());
                let mut sum = 0.0;
                for (y, x) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
                    let weight = (1.0 - (row - top - y).abs()) * (1.0 - (column - left - x).abs());
                    sum += weight * pixel(top + y, left + x);
                }
                distorted.push(sum);
            }
        }
    }
    distorted
}

/// The cubic B-spline around 0.
fn cubic_spline(t: f64) -> f64 {
    match t.abs() {
        t if t < 1.0 => 2.0 / 3.0 - t * t + t.powi(3) / 2.0,
        t if t < 2.0 => (2.0 - t).powi(3) / 6.0,
        _ => 0.0,
    }
}
