//! Steps of optimizers.

use cpu::backend::SgdStep;

use crate::activation::LENGTHS;
use crate::buffers::*;
use crate::compare::*;
use crate::devices::devices;
use crate::reference;

#[test]
fn sgd_step() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            for (momentum, weight_decay) in [(0.0, 0.0), (0.0, 0.01), (0.9, 0.0), (0.9, 0.01)] {
                let name = format!("sgd_step, {n}, momentum {momentum}, decay {weight_decay}");
                let random = &mut generator(idx as u64);
                let parameter = uniform(random, n, 2.0);
                let gradient = uniform(random, n, 1.0);
                let velocity = uniform(random, n, 3.0);
                let has_velocity = momentum != 0.0;
                let mut parameter_buffer = output(backend, &parameter)?;
                let mut velocity_buffer = output(backend, &velocity)?;
                let learning_rate = 0.1;
                backend.sgd_step(SgdStep {
                    parameter: &mut parameter_buffer,
                    gradient: &input(backend, &gradient)?,
                    velocity: has_velocity.then_some(&mut velocity_buffer),
                    n,
                    learning_rate,
                    momentum,
                    weight_decay,
                })?;
                let sgd = reference::Sgd {
                    learning_rate: learning_rate.into(),
                    momentum: momentum.into(),
                    weight_decay: weight_decay.into(),
                };
                let mut expected = wide(&parameter);
                let mut expected_velocity = wide(&velocity);
                let velocity = has_velocity.then_some(&mut expected_velocity[..]);
                reference::sgd_step(sgd, &mut expected, &wide(&gradient), velocity);
                // The inputs' ranges bound every number on the way by 8, and each has at most six
                // roundings behind it.
                let limit = vec![6.0 * 8.0 * UNIT; n];
                let actual = read(backend, &name, &parameter_buffer)?;
                outputs.push(Output::new(name.clone(), actual, expected, limit.clone()));
                let actual = read(backend, &name, &velocity_buffer)?;
                let name = format!("{name}, velocity");
                outputs.push(Output::new(name, actual, expected_velocity, limit));
            }
        }
        Ok(outputs)
    });
}
