//! Learning a density: points, and many steps of training at once.

use cpu::backend::{Activation, Density, DrawPoints, SmallNetwork, SmallOptimizer, TrainNetwork};

use crate::buffers::{generator, output, read, uniform};
use crate::compare::{Output, UNIT, wide};
use crate::devices::devices;
use crate::reference::gaussian::{Descent, Network};
use crate::reference::{self, Adam, Sgd};

const STANDARD: Density = Density {
    mean: [0.0, 0.0],
    whitening: [1.0, 0.0, 1.0],
};

const OBLIQUE: Density = Density {
    mean: [-0.75, 1.25],
    whitening: [1.5, -0.5, 0.75],
};

/// Points: `6 u - 3` with two roundings of numbers up to 6. Shares: the exponent's differences have that
/// error and one rounding more, its terms a handful of roundings, and the derivative of `e^(-q²/2)` is
/// below 1; then the exponential's own error, of a few units.
#[test]
fn points_are_those_of_the_seed() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, n_rows) in [1, 7, 8, 15, 16, 17, 40, 131, 0].into_iter().enumerate() {
            for (density, name) in [(STANDARD, "standard"), (OBLIQUE, "oblique")] {
                let (seed, step) = (idx as u64 + (3 << 40), (5 << 33) + idx as u64);
                let mut x = output(backend, &vec![f32::NAN; 2 * n_rows])?;
                let mut target = output(backend, &vec![f32::NAN; n_rows])?;
                backend.draw_points(DrawPoints {
                    density,
                    seed,
                    step,
                    x: &mut x,
                    target: &mut target,
                    n_rows,
                })?;
                let expected = reference::gaussian::draw_points(density, seed, step, n_rows);
                for (what, buffer, expected, limit) in [
                    ("points", &x, expected.0, 12.0 * UNIT),
                    ("shares", &target, expected.1, 100.0 * UNIT),
                ] {
                    let name = format!("{what}, {name}, {n_rows}");
                    let actual = read(backend, &name, buffer)?;
                    let limit = vec![limit; expected.len()];
                    outputs.push(Output::new(name, actual, expected, limit));
                }
            }
        }
        Ok(outputs)
    });
}

/// What is trained in a test, and how often.
struct Case {
    hidden: &'static [usize],
    activation: Activation,
    n_rows: usize,
    n_steps: u64,
    is_adam: bool,
}

const LEARNING_RATE: f32 = 0.03125;
const BETAS: [f64; 2] = [0.75, 0.9];
/// So large that a gradient which is nearly 0 and of either sign moves nothing by the whole rate.
const EPSILON: f32 = 0.5;

fn case(
    hidden: &'static [usize],
    activation: Activation,
    [n_rows, n_steps]: [usize; 2],
    is_adam: bool,
) -> Case {
    Case {
        hidden,
        activation,
        n_rows,
        n_steps: n_steps as u64,
        is_adam,
    }
}

#[test]
fn steps_at_once_are_those_of_the_definition() {
    use Activation::{Identity, Relu, Sigmoid, Tanh};
    on_each!(devices(), |backend| {
        let leaky = Activation::LEAKY_RELU;
        let mut outputs = Vec::new();
        for (idx, case) in [
            case(&[8, 8], Relu, [16, 1], false),
            case(&[8, 8], Relu, [16, 3], false),
            case(&[8, 8], Tanh, [16, 3], true),
            case(&[], Relu, [3, 2], false),
            case(&[1], Sigmoid, [1, 2], true),
            case(&[7], leaky, [17, 3], false),
            case(&[5, 9, 2], Tanh, [40, 3], false),
            case(&[3, 17, 1, 4, 33, 6], Identity, [21, 2], true),
            case(&[64, 64], Relu, [16, 1], true),
            case(&[31, 64], Sigmoid, [5, 2], false),
        ]
        .into_iter()
        .enumerate()
        {
            outputs.extend(train(backend, idx as u64, &case)?);
        }
        Ok(outputs)
    });
}

/// The parameters after the steps, and their mean loss.
fn train<B: cpu::backend::Backend>(
    backend: &B,
    seed: u64,
    case: &Case,
) -> cpu::Result<[Output; 2]> {
    let Case {
        hidden,
        activation,
        n_rows,
        n_steps,
        is_adam,
    } = *case;
    let network = SmallNetwork::new(hidden).expect("it is small");
    let widths = [&[2], hidden, &[1]].concat();
    let n = network.n_parameters();
    let before = uniform(&mut generator(seed), n, 0.5);
    let (density, first_step) = (OBLIQUE, 1000 + seed);
    let mut parameters = output(backend, &before)?;
    let mut means = [
        output(backend, &vec![0.0; n])?,
        output(backend, &vec![0.0; n])?,
    ];
    let mut gradient = output(backend, &vec![f32::NAN; n])?;
    let mut loss = output(backend, &[f32::NAN])?;
    let [exp_avg, exp_avg_sq] = &mut means;
    backend.train_network(TrainNetwork {
        network,
        activation,
        parameters: &mut parameters,
        optimizer: match is_adam {
            false => SmallOptimizer::Sgd,
            true => SmallOptimizer::Adam {
                exp_avg,
                exp_avg_sq,
                betas: BETAS,
                powers: [1.0; 2],
                epsilon: EPSILON,
            },
        },
        gradient: &mut gradient,
        loss: &mut loss,
        density,
        seed,
        first_step,
        n_steps,
        n_rows,
        learning_rate: LEARNING_RATE,
    })?;

    let mut expected = Network {
        widths: widths.clone(),
        activation,
        parameters: wide(&before),
    };
    let mut descent = match is_adam {
        false => Descent::Sgd(Sgd {
            learning_rate: LEARNING_RATE.into(),
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        }),
        true => Descent::Adam(
            Adam {
                learning_rate: LEARNING_RATE.into(),
                betas: BETAS,
                epsilon: EPSILON.into(),
                weight_decay: 0.0,
                is_decoupled: false,
            },
            [vec![0.0; n], vec![0.0; n]],
        ),
    };
    // A gradient passes forward and back through sums over all widths, and then one over the batch, each
    // of which rounds once for each term; the share, activations and their slopes round a hundred times
    // more at most. To first order, each is relative to the sums of the absolute values.
    let n_roundings = 2.0 * widths.iter().sum::<usize>() as f64 + n_rows as f64 + 100.0;
    // By how much an update changes with the gradient: the rate, over ε where Adam divides by that.
    let slope = match is_adam {
        false => f64::from(LEARNING_RATE),
        true => f64::from(LEARNING_RATE / EPSILON),
    };
    let mut limit = vec![0.0; n];
    let mut mean_loss = 0.0;
    let mut loss_limit = 0.0;
    for step in 0..n_steps {
        let (x, target) =
            reference::gaussian::draw_points(density, seed, first_step + step, n_rows);
        let (loss, gradient) = expected.gradient(&x, &target);
        let magnitude = expected.gradient_magnitude(&x, &target);
        mean_loss += loss / n_steps as f64;
        // The last bias's magnitude is twice the mean of the outputs' and targets' sizes, and each
        // difference is at most all of them together.
        let of_outputs = 0.5 * magnitude[n - 1] * n_rows as f64;
        loss_limit += 4.0 * n_roundings * UNIT * of_outputs.powi(2) / n_steps as f64;
        descent.step(step as i32 + 1, &mut expected, &gradient);
        for (idx, limit) in limit.iter_mut().enumerate() {
            // What the steps before have left of errors, they pass on; at this rate by less than twice.
            let parameter = expected.parameters[idx].abs();
            let of_step = slope * n_roundings * magnitude[idx] + 4.0 * parameter.max(0.1);
            *limit = 2.0 * *limit + of_step * UNIT;
        }
    }
    let name = format!(
        "{hidden:?}, {activation:?}, {n_rows} points, {n_steps} steps, {}",
        if is_adam { "adam" } else { "sgd" }
    );
    let actual = read(backend, &name, &parameters)?;
    for mean in &means {
        read(backend, &name, mean)?;
    }
    read(backend, &name, &gradient)?;
    let actual_loss = read(backend, &name, &loss)?;
    // The steps that followed began with parameters that were off.
    let loss_limit = loss_limit * n_steps as f64;
    Ok([
        Output::new(name.clone(), actual, expected.parameters, limit),
        Output::new(
            format!("loss of {name}"),
            actual_loss,
            vec![mean_loss],
            vec![loss_limit],
        ),
    ])
}

/// Where launches are cut changes no bit.
#[test]
fn steps_in_two_launches_are_the_same_steps() {
    on_each!(devices(), |backend| {
        let network = SmallNetwork::new(&[8, 8]).expect("it is small");
        let n = network.n_parameters();
        let before = uniform(&mut generator(5), n, 0.5);
        let run = |launches: &[u64]| -> cpu::Result<Vec<f32>> {
            let mut parameters = backend.upload_floats(&before)?;
            let [mut exp_avg, mut exp_avg_sq] = [backend.zeros(n)?, backend.zeros(n)?];
            let (mut gradient, mut loss) = (backend.zeros(n)?, backend.zeros(1)?);
            let mut powers = [1.0; 2];
            let mut first_step = 0;
            for &n_steps in launches {
                backend.train_network(TrainNetwork {
                    network,
                    activation: Activation::Tanh,
                    parameters: &mut parameters,
                    optimizer: SmallOptimizer::Adam {
                        exp_avg: &mut exp_avg,
                        exp_avg_sq: &mut exp_avg_sq,
                        betas: BETAS,
                        powers,
                        epsilon: 1e-8,
                    },
                    gradient: &mut gradient,
                    loss: &mut loss,
                    density: STANDARD,
                    seed: 3,
                    first_step,
                    n_steps,
                    n_rows: 18,
                    learning_rate: 0.01,
                })?;
                for _ in 0..n_steps {
                    powers = [powers[0] * BETAS[0], powers[1] * BETAS[1]];
                }
                first_step += n_steps;
            }
            backend.download_floats(&parameters)
        };
        let (together, apart) = (run(&[5])?, run(&[2, 1, 2])?);
        assert_eq!(together, apart);
        assert_ne!(together, before);
        Ok(Vec::new())
    });
}
