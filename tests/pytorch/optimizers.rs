//! Optimizers, step by step.

use cpu::Result;
use cpu::backend::Memory;
use cpu::nn::{Adagrad, Adam, Optimizer, Parameter, Rmsprop, Sgd, Update};

use crate::backend;
use crate::data::{Case, Family, narrow};
use crate::reference;

/// The optimizer that a case describes.
fn optimizer(case: &Case) -> Result<Optimizer> {
    let learning_rate = case.number("lr") as f32;
    let weight_decay = case.number("weight_decay") as f32;
    let setting = |name| case.get(name).unwrap_or_default() as f32;
    Ok(match case.text("optimizer") {
        "SGD" => {
            let sgd = Sgd::new(learning_rate)?.weight_decay(weight_decay)?;
            let momentum = setting("momentum");
            if case.is("nesterov") {
                sgd.nesterov(momentum)?.into()
            } else {
                sgd.momentum(momentum)?.into()
            }
        }
        name @ ("Adam" | "AdamW") => {
            let adam = match name {
                "Adam" => Adam::new(learning_rate)?,
                _ => Adam::decoupled(learning_rate)?,
            };
            let [beta1, beta2] = case.pair("betas");
            adam.betas(beta1, beta2)?
                .epsilon(setting("eps"))?
                .weight_decay(weight_decay)?
                .into()
        }
        "RMSprop" => {
            let rmsprop = Rmsprop::new(learning_rate)?
                .alpha(case.number("alpha"))?
                .epsilon(setting("eps"))?
                .momentum(setting("momentum"))?
                .weight_decay(weight_decay)?;
            let is_centered = case.is("centered");
            if is_centered {
                rmsprop.centered()
            } else {
                rmsprop
            }
            .into()
        }
        "Adagrad" => Adagrad::new(learning_rate)?
            .learning_rate_decay(setting("lr_decay"))?
            .initial_accumulator(setting("initial_accumulator_value"))?
            .epsilon(setting("eps"))?
            .weight_decay(weight_decay)?
            .into(),
        other => panic!("{other}"),
    })
}

#[test]
fn parameters_after_each_step() -> Result<()> {
    let backend = backend();
    for case in Family::load("optimizers").cases() {
        let optimizer = optimizer(&case)?;
        let initial = case.narrow("parameter");
        let mut parameter = Parameter::new(&backend, "weight", &[initial.len()], &initial)?;
        for (idx, (gradient, expected)) in
            case.rows("gradients").zip(case.rows("steps")).enumerate()
        {
            parameter.gradient = backend.upload_floats(&narrow(gradient))?;
            let update = Update {
                learning_rate: optimizer.learning_rate(),
                step: idx as u64 + 1,
            };
            optimizer.step(&backend, &mut parameter, update)?;
            let actual = backend.download_floats(&parameter.value)?;
            case.check_single_part(&format!("step {}", idx + 1), &actual, expected);
        }
        let names = optimizer.state_names();
        assert_eq!(
            names.len(),
            parameter.optimizer_state.len(),
            "{}",
            case.name()
        );
        for (name, array) in names.iter().zip(&parameter.optimizer_state) {
            case.check_single(name, &backend.download_floats(array)?);
        }
    }
    Ok(())
}

/// What PyTorch's defaults are, ours are.
#[test]
fn defaults() -> Result<()> {
    for case in Family::load("optimizers").cases() {
        let learning_rate = case.number("lr") as f32;
        let by_default: Optimizer = match case.name() {
            "sgd" => Sgd::new(learning_rate)?.into(),
            "adam" => Adam::new(learning_rate)?.into(),
            "adamw" => Adam::decoupled(learning_rate)?.into(),
            "rmsprop" => Rmsprop::new(learning_rate)?.into(),
            "adagrad" => Adagrad::new(learning_rate)?.into(),
            _ => continue,
        };
        assert_eq!(optimizer(&case)?, by_default);
    }
    Ok(())
}

#[test]
fn the_reference_after_each_step() {
    for case in Family::load("optimizers").cases() {
        let mut parameter = case.values("parameter").to_vec();
        let n = parameter.len();
        let zeros = || vec![0.0; n];
        let [mut first, mut second, mut third] = [zeros(), zeros(), zeros()];
        if let Some(initial) = case.get("initial_accumulator_value") {
            first.fill(initial);
        }
        let momentum = case.get("momentum").unwrap_or_default();
        let has_velocity = momentum != 0.0;
        let is_centered = case.is("centered");
        let learning_rate = case.number("lr");
        let weight_decay = case.number("weight_decay");
        for (idx, (gradient, expected)) in
            case.rows("gradients").zip(case.rows("steps")).enumerate()
        {
            let step = idx as i32 + 1;
            match case.text("optimizer") {
                "SGD" => reference::sgd_step(
                    reference::Sgd {
                        learning_rate,
                        momentum,
                        nesterov: case.is("nesterov"),
                        weight_decay,
                    },
                    &mut parameter,
                    gradient,
                    has_velocity.then_some(&mut first[..]),
                ),
                name @ ("Adam" | "AdamW") => reference::adam_step(
                    reference::Adam {
                        learning_rate,
                        betas: case.pair("betas"),
                        epsilon: case.number("eps"),
                        weight_decay,
                        is_decoupled: name == "AdamW",
                    },
                    step,
                    &mut parameter,
                    gradient,
                    &mut first,
                    &mut second,
                ),
                "RMSprop" => reference::rmsprop_step(
                    reference::Rmsprop {
                        learning_rate,
                        alpha: case.number("alpha"),
                        epsilon: case.number("eps"),
                        momentum,
                        weight_decay,
                    },
                    &mut parameter,
                    gradient,
                    &mut first,
                    has_velocity.then_some(&mut second[..]),
                    is_centered.then_some(&mut third[..]),
                ),
                _ => reference::adagrad_step(
                    reference::Adagrad {
                        learning_rate,
                        learning_rate_decay: case.number("lr_decay"),
                        epsilon: case.number("eps"),
                        weight_decay,
                    },
                    step,
                    &mut parameter,
                    gradient,
                    &mut first,
                ),
            }
            case.check_part(&format!("step {step}"), &parameter, expected);
        }
    }
}
