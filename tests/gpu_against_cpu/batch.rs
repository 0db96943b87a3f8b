//! Batches gathered from a data set.

use cpu::backend::GatherBatch;
use rand::RngExt;

use crate::buffers::*;
use crate::compare::Output;
use crate::devices::devices;

#[test]
fn gather_batch() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        let random = &mut generator(1);
        let n_images = 50;
        for (n_pixels, first_row, n_rows) in [
            (784, 0, 64),
            (784, 3, 1),
            (12, 7, 33),
            (13, 1, 33),
            (1, 5, 60),
            (4, 0, 0),
            (3, 64, 0),
            (0, 2, 5),
        ] {
            let name = format!("gather_batch, rows {first_row}+{n_rows} of {n_pixels}");
            let images: Vec<u8> = (0..n_images * n_pixels).map(|_| random.random()).collect();
            let labels: Vec<u8> = (0..n_images).map(|_| random.random()).collect();
            let order: Vec<u32> = (0..first_row + n_rows + 2)
                .map(|_| random.random_range(0..n_images as u32))
                .collect();
            let scale = 1.0 / 255.0;
            let mut x = output(backend, &vec![f32::NAN; n_rows * n_pixels])?;
            let mut batch_labels = backend.upload_bytes(&vec![77; n_rows + N_BEYOND])?;
            backend.gather_batch(GatherBatch {
                images: &backend.upload_bytes(&images)?,
                labels: &backend.upload_bytes(&labels)?,
                order: &backend.upload_indices(&order)?,
                first_row,
                n_rows,
                n_pixels,
                scale,
                x: &mut x,
                batch_labels: &mut batch_labels,
            })?;
            let rows = order[first_row..][..n_rows]
                .iter()
                .map(|&image| image as usize);
            let expected = rows
                .clone()
                .flat_map(|image| &images[image * n_pixels..][..n_pixels])
                .map(|&byte| f64::from(scale * f32::from(byte)))
                .collect();
            let mut expected_labels: Vec<u8> = rows.map(|image| labels[image]).collect();
            expected_labels.extend([77; N_BEYOND]);
            assert_eq!(
                backend.download_bytes(&batch_labels)?,
                expected_labels,
                "{name}"
            );
            let actual = read(backend, &name, &x)?;
            outputs.push(Output::exact(name, actual, expected));
        }
        Ok(outputs)
    });
}
