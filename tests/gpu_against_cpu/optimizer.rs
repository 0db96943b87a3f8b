//! Steps of optimizers.

use cpu::Result;
use cpu::backend::{AdagradStep, AdamStep, Backend, RmspropStep, SgdStep};
use rand::rngs::ChaCha8Rng;

use crate::activation::LENGTHS;
use crate::buffers::*;
use crate::compare::*;
use crate::devices::devices;
use crate::reference;

const LEARNING_RATE: f32 = 0.1;
const WEIGHT_DECAYS: [f32; 2] = [0.0, 0.01];

/// The inputs' ranges bound every number on the way by 8, and each has at most so many roundings
/// behind it.
fn limit(n_roundings: usize, n: usize) -> Vec<f64> {
    vec![n_roundings as f64 * 8.0 * UNIT; n]
}

/// A parameter and its gradient.
fn draw(random: &mut ChaCha8Rng, n: usize) -> (Vec<f32>, Vec<f32>) {
    (uniform(random, n, 2.0), uniform(random, n, 1.0))
}

/// Means of squares, which a root is taken of: not as small as to magnify their errors.
fn squares(random: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
    let draws = uniform(random, n, 0.5);
    draws.into_iter().map(|draw| 0.75 + draw).collect()
}

/// What each array holds after the step beside what it should.
fn outputs<B: Backend>(
    backend: &B,
    name: &str,
    n_roundings: usize,
    arrays: &[(&str, &B::Floats, Vec<f64>)],
) -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    for (array, buffer, expected) in arrays {
        let name = format!("{name}, {array}");
        let actual = read(backend, &name, buffer)?;
        let limit = limit(n_roundings, expected.len());
        outputs.push(Output::new(name, actual, expected.clone(), limit));
    }
    Ok(outputs)
}

#[test]
fn sgd_step() {
    on_each!(devices(), |backend| {
        let mut all = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
                for weight_decay in WEIGHT_DECAYS {
                    let name =
                        format!("sgd_step, {n}, momentum {momentum} {nesterov} {weight_decay}");
                    let random = &mut generator(idx as u64);
                    let (parameter, gradient) = draw(random, n);
                    let velocity = uniform(random, n, 3.0);
                    let has_velocity = momentum != 0.0;
                    let mut parameter_buffer = output(backend, &parameter)?;
                    let mut velocity_buffer = output(backend, &velocity)?;
                    backend.sgd_step(SgdStep {
                        parameter: &mut parameter_buffer,
                        gradient: &input(backend, &gradient)?,
                        velocity: has_velocity.then_some(&mut velocity_buffer),
                        n,
                        learning_rate: LEARNING_RATE,
                        momentum,
                        nesterov,
                        weight_decay,
                    })?;
                    let sgd = reference::Sgd {
                        learning_rate: LEARNING_RATE.into(),
                        momentum: momentum.into(),
                        nesterov,
                        weight_decay: weight_decay.into(),
                    };
                    let mut parameter = wide(&parameter);
                    let mut velocity = wide(&velocity);
                    let expected = has_velocity.then_some(&mut velocity[..]);
                    reference::sgd_step(sgd, &mut parameter, &wide(&gradient), expected);
                    all.extend(outputs(
                        backend,
                        &name,
                        8,
                        &[
                            ("parameter", &parameter_buffer, parameter),
                            ("velocity", &velocity_buffer, velocity),
                        ],
                    )?);
                }
            }
        }
        Ok(all)
    });
}

#[test]
fn adam_step() {
    on_each!(devices(), |backend| {
        let mut all = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            // The last: a single mean, which follows each gradient at once.
            for (is_decoupled, step, betas) in [
                (false, 1, [0.9, 0.999]),
                (false, 1000, [0.9, 0.999]),
                (true, 7, [0.8, 0.99]),
                (false, 2, [0.0, 0.9]),
            ] {
                for weight_decay in WEIGHT_DECAYS {
                    let name = format!(
                        "adam_step, {n}, step {step}, {betas:?}, decay {weight_decay} {is_decoupled}"
                    );
                    let random = &mut generator(idx as u64);
                    let (parameter, gradient) = draw(random, n);
                    let exp_avg = uniform(random, n, 1.0);
                    let exp_avg_sq = squares(random, n);
                    let mut parameter_buffer = output(backend, &parameter)?;
                    let mut exp_avg_buffer = output(backend, &exp_avg)?;
                    let mut exp_avg_sq_buffer = output(backend, &exp_avg_sq)?;
                    let epsilon = 1e-8;
                    backend.adam_step(AdamStep {
                        parameter: &mut parameter_buffer,
                        gradient: &input(backend, &gradient)?,
                        exp_avg: &mut exp_avg_buffer,
                        exp_avg_sq: &mut exp_avg_sq_buffer,
                        n,
                        learning_rate: LEARNING_RATE,
                        betas,
                        epsilon,
                        weight_decay,
                        is_decoupled,
                        step,
                    })?;
                    let adam = reference::Adam {
                        learning_rate: LEARNING_RATE.into(),
                        betas,
                        epsilon: epsilon.into(),
                        weight_decay: weight_decay.into(),
                        is_decoupled,
                    };
                    let mut parameter = wide(&parameter);
                    let mut exp_avg = wide(&exp_avg);
                    let mut exp_avg_sq = wide(&exp_avg_sq);
                    reference::adam_step(
                        adam,
                        step as i32,
                        &mut parameter,
                        &wide(&gradient),
                        &mut exp_avg,
                        &mut exp_avg_sq,
                    );
                    all.extend(outputs(
                        backend,
                        &name,
                        16,
                        &[
                            ("parameter", &parameter_buffer, parameter),
                            ("exp_avg", &exp_avg_buffer, exp_avg),
                            ("exp_avg_sq", &exp_avg_sq_buffer, exp_avg_sq),
                        ],
                    )?);
                }
            }
        }
        Ok(all)
    });
}

#[test]
fn rmsprop_step() {
    on_each!(devices(), |backend| {
        let mut all = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            for (momentum, is_centered) in [(0.0, false), (0.9, false), (0.0, true), (0.9, true)] {
                for weight_decay in WEIGHT_DECAYS {
                    let name = format!(
                        "rmsprop_step, {n}, momentum {momentum}, {is_centered}, {weight_decay}"
                    );
                    let random = &mut generator(idx as u64);
                    let (parameter, gradient) = draw(random, n);
                    let square_avg = squares(random, n);
                    let velocity = uniform(random, n, 3.0);
                    // The squares are at least 1/4, their mean stays clearly below that.
                    let grad_avg = uniform(random, n, 0.25);
                    let has_velocity = momentum != 0.0;
                    let mut parameter_buffer = output(backend, &parameter)?;
                    let mut square_avg_buffer = output(backend, &square_avg)?;
                    let mut velocity_buffer = output(backend, &velocity)?;
                    let mut grad_avg_buffer = output(backend, &grad_avg)?;
                    let (alpha, epsilon) = (0.99, 1e-8);
                    backend.rmsprop_step(RmspropStep {
                        parameter: &mut parameter_buffer,
                        gradient: &input(backend, &gradient)?,
                        square_avg: &mut square_avg_buffer,
                        velocity: has_velocity.then_some(&mut velocity_buffer),
                        grad_avg: is_centered.then_some(&mut grad_avg_buffer),
                        n,
                        learning_rate: LEARNING_RATE,
                        alpha,
                        epsilon,
                        momentum,
                        weight_decay,
                    })?;
                    let rmsprop = reference::Rmsprop {
                        learning_rate: LEARNING_RATE.into(),
                        alpha,
                        epsilon: epsilon.into(),
                        momentum: momentum.into(),
                        weight_decay: weight_decay.into(),
                    };
                    let mut parameter = wide(&parameter);
                    let mut square_avg = wide(&square_avg);
                    let mut velocity = wide(&velocity);
                    let mut grad_avg = wide(&grad_avg);
                    reference::rmsprop_step(
                        rmsprop,
                        &mut parameter,
                        &wide(&gradient),
                        &mut square_avg,
                        has_velocity.then_some(&mut velocity[..]),
                        is_centered.then_some(&mut grad_avg[..]),
                    );
                    all.extend(outputs(
                        backend,
                        &name,
                        16,
                        &[
                            ("parameter", &parameter_buffer, parameter),
                            ("square_avg", &square_avg_buffer, square_avg),
                            ("velocity", &velocity_buffer, velocity),
                            ("grad_avg", &grad_avg_buffer, grad_avg),
                        ],
                    )?);
                }
            }
        }
        Ok(all)
    });
}

/// The variance of gradients that are all the same is 0, and rounding can take it below.
#[test]
fn a_centered_step_takes_no_root_of_a_negative_number() {
    on_each!(devices(), |backend| {
        let n = 37;
        let gradient = uniform(&mut generator(1), n, 1.0);
        let gradient = backend.upload_floats(&gradient)?;
        let mut parameter = backend.zeros(n)?;
        let mut square_avg = backend.zeros(n)?;
        let mut grad_avg = backend.zeros(n)?;
        for _ in 0..40 {
            backend.rmsprop_step(RmspropStep {
                parameter: &mut parameter,
                gradient: &gradient,
                square_avg: &mut square_avg,
                velocity: None,
                grad_avg: Some(&mut grad_avg),
                n,
                learning_rate: 1e-6,
                alpha: 0.5,
                epsilon: 1e-8,
                momentum: 0.0,
                weight_decay: 0.0,
            })?;
        }
        let parameter = backend.download_floats(&parameter)?;
        assert!(
            parameter.iter().all(|value| value.is_finite()),
            "{parameter:?}"
        );
        Ok(Vec::new())
    });
}

#[test]
fn adagrad_step() {
    on_each!(devices(), |backend| {
        let mut all = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            for weight_decay in WEIGHT_DECAYS {
                let name = format!("adagrad_step, {n}, decay {weight_decay}");
                let random = &mut generator(idx as u64);
                let (parameter, gradient) = draw(random, n);
                let sum = squares(random, n);
                let mut parameter_buffer = output(backend, &parameter)?;
                let mut sum_buffer = output(backend, &sum)?;
                let epsilon = 1e-10;
                backend.adagrad_step(AdagradStep {
                    parameter: &mut parameter_buffer,
                    gradient: &input(backend, &gradient)?,
                    sum: &mut sum_buffer,
                    n,
                    learning_rate: LEARNING_RATE,
                    epsilon,
                    weight_decay,
                })?;
                let adagrad = reference::Adagrad {
                    learning_rate: LEARNING_RATE.into(),
                    learning_rate_decay: 0.0,
                    epsilon: epsilon.into(),
                    weight_decay: weight_decay.into(),
                };
                let mut parameter = wide(&parameter);
                let mut sum = wide(&sum);
                reference::adagrad_step(adagrad, 1, &mut parameter, &wide(&gradient), &mut sum);
                all.extend(outputs(
                    backend,
                    &name,
                    8,
                    &[
                        ("parameter", &parameter_buffer, parameter),
                        ("sum", &sum_buffer, sum),
                    ],
                )?);
            }
        }
        Ok(all)
    });
}

/// Zeros everywhere: nothing is divided by 0. NaN and infinite gradients reach the parameter.
#[test]
fn steps_of_special_gradients() {
    on_each!(devices(), |backend| {
        let gradients = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-30];
        let n = gradients.len();
        let gradient = input(backend, &gradients)?;
        let zeros = || output(backend, &vec![0.0; n]);
        let mut parameters = [zeros()?, zeros()?, zeros()?];
        let mut state = [zeros()?, zeros()?, zeros()?, zeros()?];
        let [adam, rmsprop, adagrad] = &mut parameters;
        let [exp_avg, exp_avg_sq, square_avg, sum] = &mut state;
        backend.adam_step(AdamStep {
            parameter: adam,
            gradient: &gradient,
            exp_avg,
            exp_avg_sq,
            n,
            learning_rate: 0.5,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.0,
            is_decoupled: false,
            step: 1,
        })?;
        backend.rmsprop_step(RmspropStep {
            parameter: rmsprop,
            gradient: &gradient,
            square_avg,
            velocity: None,
            grad_avg: None,
            n,
            learning_rate: 0.5,
            alpha: 0.99,
            epsilon: 1e-8,
            momentum: 0.0,
            weight_decay: 0.0,
        })?;
        backend.adagrad_step(AdagradStep {
            parameter: adagrad,
            gradient: &gradient,
            sum,
            n,
            learning_rate: 0.5,
            epsilon: 1e-10,
            weight_decay: 0.0,
        })?;
        let mut all = Vec::new();
        for (name, buffer, epsilon) in [
            ("adam", &parameters[0], 1e-8),
            ("rmsprop", &parameters[1], 1e-8),
            ("adagrad", &parameters[2], 1e-10),
        ] {
            // The square of 1e-30 is 0 in single precision.
            let last = -0.5 * 1e-30 / epsilon;
            let expected = vec![0.0, 0.0, f64::NAN, f64::NAN, f64::NAN, last];
            let limit = vec![8.0 * UNIT * last.abs(); n];
            let actual = read(backend, name, buffer)?;
            all.push(Output::new(
                format!("{name} of special gradients"),
                actual,
                expected,
                limit,
            ));
        }
        Ok(all)
    });
}
