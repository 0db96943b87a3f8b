//! What `mnist` does, without its trainer: `cargo run --release -p cpu --example mnist_by_hand`.
//!
//! Every step is written out: batches are gathered on the device, the loss stays there until the epoch
//! ends. It runs on any [`Backend`]; here on the CPU. Without MNIST it takes the digits that this crate
//! draws.

use cpu::backend::{Activation, Backend, GatherBatch, HostBackend};
use cpu::data::{Choice, Dataset, Request, Shuffle, Splits, batches, load};
use cpu::nn::{
    Architecture, Initializer, LossPass, Mode, Optimizer, Sgd, SoftmaxCrossEntropy, Step, Update,
    random_generator,
};

const BATCH_SIZE: usize = 64;
const N_EPOCHS: usize = 3;
const SEED: u64 = 1;

fn main() -> cpu::Result<()> {
    let request = Request {
        choice: Choice::Auto,
        folder: None,
        train_limit: None,
        test_limit: None,
    };
    let splits = load(&request, &mut |line| eprintln!("{line}"))?;
    let backend = HostBackend::new(None)?;
    let accuracy = backend.install(|| train(&backend, &splits))?;
    println!("{:.2} % of the test images", 100.0 * accuracy);
    Ok(())
}

/// Trains on the one part, and gives the share of the other that is then classified correctly.
fn train<B: Backend + 'static>(backend: &B, splits: &Splits) -> cpu::Result<f64> {
    let Dataset {
        size: [height, width],
        n_classes,
        ..
    } = splits.train;
    let mut model = Architecture::new(&[1, height, width], Initializer::HeNormal)
        .flatten()
        .dense(128)
        .activation(Activation::Relu)
        .dense(n_classes)
        .build(backend, BATCH_SIZE, &mut random_generator(SEED))?;
    let optimizer = Optimizer::from(Sgd::new(0.3)?);
    let loss = SoftmaxCrossEntropy::new(n_classes);

    let (n_images, n_pixels) = (splits.train.n_images(), splits.train.n_pixels());
    let images = backend.upload_bytes(&splits.train.images)?;
    let labels = backend.upload_bytes(&splits.train.labels)?;
    let mut x = backend.zeros(BATCH_SIZE * n_pixels)?;
    let mut batch_labels = backend.upload_bytes(&[0; BATCH_SIZE])?;
    let mut shuffle = Shuffle::new(n_images, SEED);
    let n_steps = batches(n_images, BATCH_SIZE).len();
    let mut statistics = backend.statistics(n_steps)?;

    let mut index = 0;
    for epoch in 0..N_EPOCHS {
        let order = backend.upload_indices(shuffle.epoch(epoch))?;
        for (step_idx, rows) in batches(n_images, BATCH_SIZE).enumerate() {
            let n_rows = rows.len();
            backend.gather_batch(GatherBatch {
                images: &images,
                labels: &labels,
                order: &order,
                first_row: rows.start,
                n_rows,
                n_pixels,
                scale: 1.0 / 255.0,
                x: &mut x,
                batch_labels: &mut batch_labels,
            })?;
            let step = Step { seed: SEED, index };
            model.forward(backend, &x, n_rows, Mode::Training(step))?;
            let (y, dy) = model.output_and_gradient();
            let pass = LossPass {
                y,
                dy: Some(dy),
                statistics: &mut statistics,
                step: step_idx,
                n_rows,
            };
            loss.compute(backend, &batch_labels, pass)?;
            index += 1;
            let update = Update {
                learning_rate: optimizer.learning_rate(),
                step: index,
            };
            model.backward_and_step(backend, &x, n_rows, step, &optimizer, update)?;
        }
        let sum: f32 = backend.read_statistics(&statistics)?.loss.iter().sum();
        println!("epoch {}: loss {:.4}", epoch + 1, sum / n_images as f32);
    }

    let mut n_correct = 0;
    for rows in batches(splits.test.n_images(), BATCH_SIZE) {
        let bytes = &splits.test.images[rows.start * n_pixels..rows.end * n_pixels];
        let pixels: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let x = backend.upload_floats(&pixels)?;
        let y = model.forward(backend, &x, rows.len(), Mode::Evaluation)?;
        let predictions = backend.predictions(y, rows.len(), n_classes)?;
        let labels = &splits.test.labels[rows];
        n_correct += predictions
            .iter()
            .zip(labels)
            .filter(|(p, l)| p == l)
            .count();
    }
    Ok(n_correct as f64 / splits.test.n_images() as f64)
}
