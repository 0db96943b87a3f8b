//! The smallest network that needs a hidden layer: `cargo run -p cpu --example xor`.
//!
//! Two inputs, one output, and the mean squared error; a step takes all four rows at once.

use cpu::backend::{Activation, HostBackend, Memory};
use cpu::nn::{
    Architecture, ElementwiseLoss, Initializer, LossPass, Mode, Optimizer, Sgd, Step, Update,
    random_generator,
};

fn main() -> cpu::Result<()> {
    let backend = HostBackend::new(None)?;
    let x = backend.upload_floats(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?; // [4, 2]
    let target = backend.upload_floats(&[0.0, 1.0, 1.0, 0.0])?; // [4, 1]

    let mut model = Architecture::new(&[2], Initializer::XavierNormal)
        .dense(8)
        .activation(Activation::Tanh)
        .dense(1)
        .build(&backend, 4, &mut random_generator(1))?;
    let optimizer = Optimizer::from(Sgd::new(0.1)?.momentum(0.9)?);
    let loss = ElementwiseLoss::mean_squared_error(1);
    let mut statistics = backend.statistics(1)?;

    for index in 0..500 {
        let step = Step { seed: 1, index };
        model.forward(&backend, &x, 4, Mode::Training(step))?;
        let (y, dy) = model.output_and_gradient();
        let pass = LossPass {
            y,
            dy: Some(dy),
            statistics: &mut statistics,
            step: 0,
            n_rows: 4,
        };
        loss.compute(&backend, &target, pass)?;
        let update = Update {
            learning_rate: optimizer.learning_rate(),
            step: index + 1,
        };
        model.backward_and_step(&backend, &x, 4, step, &optimizer, update)?;
        if (index + 1) % 100 == 0 {
            let loss = backend.read_statistics(&statistics)?.loss[0];
            println!("step {:>3}: loss {loss:.6}", index + 1);
        }
    }

    let y = model.forward(&backend, &x, 4, Mode::Evaluation)?;
    let y = backend.download_floats(y)?;
    for (row, y) in backend.download_floats(&x)?.chunks(2).zip(&y) {
        println!("{} xor {} = {y:.3}", row[0], row[1]);
    }
    let is_right = |(y, target): (&f32, &f32)| (y - target).abs() < 0.1;
    let targets = backend.download_floats(&target)?;
    assert!(y.iter().zip(&targets).all(is_right), "it has not learned");
    Ok(())
}
