//! Schedules of the learning rate, and clipping of gradients.

use cpu::Result;
use cpu::backend::{Backend, Memory};
use cpu::nn::{Backward, Clipping, Forward, Layer, Parameter, Schedule, Sequential};

use crate::backend;
use crate::data::{Case, Family};

fn schedule(case: &Case) -> Result<Schedule> {
    let schedule = match case.text("schedule") {
        "constant" => Schedule::constant(),
        "step" => Schedule::step(case.number("every") as u64, case.number("factor"))?,
        "exponential" => Schedule::exponential(case.number("factor"))?,
        "cosine" => Schedule::cosine(case.number("minimum") as f32)?,
        "one_cycle" => Schedule::one_cycle(),
        other => panic!("{other}"),
    };
    Ok(schedule.warm_up(case.number("n_warm_up") as u64))
}

#[test]
fn rates_of_each_step() -> Result<()> {
    // Of the rate itself, since it is computed in double precision and rounded once.
    const LIMIT: f64 = 1e-7;
    for case in Family::load("schedules").cases() {
        let schedule = schedule(&case)?;
        let expected = case.values("rates");
        for (step, expected) in expected.iter().enumerate() {
            let n_steps = case.values("rates").len() as u64;
            let rate = schedule.rate(case.number("base") as f32, step as u64, n_steps);
            let error = (f64::from(rate) - expected).abs();
            assert!(
                error <= LIMIT * expected,
                "{}: the rate of step {step} is {rate:e}, in PyTorch {expected:e}",
                case.name()
            );
        }
    }
    Ok(())
}

/// A layer that has parameters and does nothing with them.
struct Holder<B: Backend>(Vec<Parameter<B>>);

impl<B: Backend> Layer<B> for Holder<B> {
    fn describe(&self) -> String {
        "holder".to_owned()
    }

    fn n_inputs(&self) -> usize {
        1
    }

    fn n_outputs(&self) -> usize {
        1
    }

    fn forward(&mut self, _: &B, _: Forward<'_, B::Floats>) -> Result<()> {
        Ok(())
    }

    fn backward(&mut self, _: &B, _: Backward<'_, B::Floats>) -> Result<()> {
        Ok(())
    }

    fn parameters(&self) -> &[Parameter<B>] {
        &self.0
    }

    fn parameters_mut(&mut self) -> &mut [Parameter<B>] {
        &mut self.0
    }
}

#[test]
fn clipped_gradients() -> Result<()> {
    let backend = backend();
    for case in Family::load("clipping").cases() {
        let mut parameters = Vec::new();
        for idx in 0..case.number("n_parameters") as usize {
            let gradient = format!("gradient{idx}");
            let zeros = vec![0.0; case.values(&gradient).len()];
            let shape = case.shape(&gradient);
            let mut parameter = Parameter::new(&backend, "weight", shape, &zeros)?;
            parameter.gradient = backend.upload_floats(&case.narrow(&gradient))?;
            parameters.push(parameter);
        }
        let mut model = Sequential::new(&backend, 1, vec![Box::new(Holder(parameters))])?;
        // What the last step left does not count.
        let mut sum_of_squares = backend.upload_floats(&[f32::NAN])?;
        let clipping = match case.get("norm") {
            Some(norm) => Clipping::norm(norm as f32)?,
            None => Clipping::value(case.number("value") as f32)?,
        };
        clipping.clip(&backend, &mut model, &mut sum_of_squares)?;
        for (idx, parameter) in model.parameters().enumerate() {
            let actual = backend.download_floats(&parameter.gradient)?;
            case.check_single(&format!("clipped{idx}"), &actual);
        }
        if let Clipping::Norm(_) = clipping {
            let norm = backend.download_floats(&sum_of_squares)?[0].sqrt();
            case.check_single("total_norm", &[norm]);
        }
    }
    Ok(())
}
