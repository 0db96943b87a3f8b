//! A curve through noisy points: `cargo run -p cpu --example regression`.
//!
//! Points of `sin x` with noise, in batches; the error is taken against the curve without it.

use cpu::backend::{Activation, HostBackend, Memory};
use cpu::nn::{
    Architecture, ElementwiseLoss, Initializer, LossPass, Mode, Optimizer, Sgd, Step, Update,
    random_generator,
};
use rand::RngExt;

const N_ROWS: usize = 64;
const N_STEPS: u64 = 2000;

fn main() -> cpu::Result<()> {
    let backend = HostBackend::new(std::num::NonZero::new(1))?;
    let mut random = random_generator(1);
    let mut model = Architecture::new(&[1], Initializer::XavierNormal)
        .dense(32)
        .activation(Activation::Tanh)
        .dense(32)
        .activation(Activation::Tanh)
        .dense(1)
        .build(&backend, N_ROWS, &mut random)?;
    let optimizer = Optimizer::from(Sgd::new(0.02)?.momentum(0.9)?);
    let loss = ElementwiseLoss::mean_squared_error(1);
    let mut statistics = backend.statistics(1)?;

    for index in 0..N_STEPS {
        let points: Vec<f32> = (0..N_ROWS)
            .map(|_| random.random_range(-3.0..3.0))
            .collect();
        let noisy = points
            .iter()
            .map(|x| x.sin() + random.random_range(-0.2..0.2));
        let (x, target) = (
            backend.upload_floats(&points)?,
            backend.upload_floats(&noisy.collect::<Vec<f32>>())?,
        );
        let step = Step { seed: 1, index };
        model.forward(&backend, &x, N_ROWS, Mode::Training(step))?;
        let (y, dy) = model.output_and_gradient();
        let pass = LossPass {
            y,
            dy: Some(dy),
            statistics: &mut statistics,
            step: 0,
            n_rows: N_ROWS,
        };
        loss.compute(&backend, &target, pass)?;
        let update = Update {
            // A tenth of it at the end.
            learning_rate: optimizer.learning_rate() * (1.0 - 0.9 * index as f32 / N_STEPS as f32),
            step: index + 1,
        };
        model.backward_and_step(&backend, &x, N_ROWS, step, &optimizer, update)?;
    }

    println!("     x   learned    sin x");
    let points: Vec<f32> = (0..13).map(|i| -3.0 + 0.5 * i as f32).collect();
    let x = backend.upload_floats(&points)?;
    let y = model.forward(&backend, &x, points.len(), Mode::Evaluation)?;
    let mut largest = 0.0_f32;
    for (x, y) in points.iter().zip(&backend.download_floats(y)?) {
        println!("{x:>6.2}  {y:>8.3}  {:>7.3}", x.sin());
        largest = largest.max((y - x.sin()).abs());
    }
    println!("largest error {largest:.3}");
    assert!(largest < 0.1, "it has not learned");
    Ok(())
}
