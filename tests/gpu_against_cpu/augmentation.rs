//! Augmentation of images.

use cpu::backend::{Augment, Distortion};

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, UNIT, wide};
use crate::devices::devices;
use crate::reference;

const NONE: Distortion = Distortion {
    shift: 0.0,
    rotation: 0.0,
    scale: 0.0,
    shear: 0.0,
    elastic: 0.0,
};

const ALL: Distortion = Distortion {
    shift: 2.0,
    rotation: 0.3,
    scale: 0.2,
    shear: 0.1,
    elastic: 4.0,
};

#[test]
fn augment() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, (distortion, n_rows, size)) in [
            (ALL, 3, [28, 28]),
            (ALL, 2, [5, 31]),
            (ALL, 1, [1, 1]),
            (ALL, 2, [9, 1]),
            (NONE, 2, [7, 6]),
            (
                Distortion {
                    elastic: 0.0,
                    ..ALL
                },
                2,
                [13, 8],
            ),
            (
                Distortion {
                    elastic: 3.0,
                    ..NONE
                },
                2,
                [8, 13],
            ),
            // All of it is moved out of the image.
            (Distortion { shift: 1e9, ..NONE }, 3, [4, 5]),
            (ALL, 0, [4, 4]),
            (ALL, 2, [0, 4]),
            (ALL, 2, [4, 0]),
        ]
        .into_iter()
        .enumerate()
        {
            let [height, width] = size;
            let name = format!("augment, {distortion:?}, {n_rows} of {height}x{width}");
            let images = uniform(&mut generator(idx as u64), n_rows * height * width, 1.0);
            let (seed, step) = (idx as u64 + (7 << 40), 1000 + idx as u64);
            let mut distorted = output(backend, &vec![f32::NAN; images.len()])?;
            backend.augment(Augment {
                images: &input(backend, &images)?,
                distorted: &mut distorted,
                n_rows,
                size,
                distortion,
                seed,
                step,
            })?;
            let expected = reference::augment(&wide(&images), n_rows, size, distortion, seed, step);
            // A place is rounded some twenty times at its own size, at most twice that of the image
            // and of what it is moved by, and the image changes by at most 2 per pixel and axis; then
            // three interpolations of two roundings, of numbers up to 2.
            let extent = (height + width) as f64 + f64::from(distortion.shift.min(100.0));
            let limit = 2.0 * 2.0 * 20.0 * UNIT * 2.0 * extent + 12.0 * UNIT;
            let actual = read(backend, &name, &distorted)?;
            outputs.push(Output::new(
                name,
                actual,
                expected,
                vec![limit; images.len()],
            ));
        }
        Ok(outputs)
    });
}

#[test]
fn without_distortion_the_image_stays() {
    on_each!(devices(), |backend| {
        let images = uniform(&mut generator(1), 2 * 28 * 27, 1.0);
        let mut distorted = output(backend, &images)?;
        backend.augment(Augment {
            images: &input(backend, &images)?,
            distorted: &mut distorted,
            n_rows: 2,
            size: [28, 27],
            distortion: NONE,
            seed: 1,
            step: 0,
        })?;
        let name = "augment by nothing".to_owned();
        let actual = read(backend, &name, &distorted)?;
        Ok(vec![Output::exact(name, actual, wide(&images))])
    });
}
