//! Which options go with which model, optimizer and schedule.

use clap::ValueEnum;
use cpu::{Error, Result};

use super::Training;
use super::choices::{Model, Optimizer, Schedule};
use crate::cli::arguments::name;

impl Training {
    /// Refuses what the model, the optimizer or the schedule has no use for.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] that names the option.
    pub(super) fn check(&self) -> Result<()> {
        use Model::{Cnn, Mlp};
        use Optimizer::{Adagrad, Adam, Adamw, Rmsprop, Sgd};
        use Schedule::{Exponential, Step};
        refuse(
            "--model",
            self.model,
            &[
                ("--hidden", self.hidden.is_some(), &[Mlp]),
                ("--activation", self.activation.is_some(), &[Mlp]),
                ("--dropout", self.dropout.is_some(), &[Mlp, Cnn]),
            ],
        )?;
        let has_betas = self.beta1.is_some() || self.beta2.is_some();
        refuse(
            "--optimizer",
            self.optimizer_kind(),
            &[
                ("--momentum", self.momentum.is_some(), &[Sgd, Rmsprop]),
                ("--nesterov", self.nesterov, &[Sgd]),
                (
                    if self.beta1.is_some() {
                        "--beta1"
                    } else {
                        "--beta2"
                    },
                    has_betas,
                    &[Adam, Adamw],
                ),
                ("--alpha", self.alpha.is_some(), &[Rmsprop]),
                (
                    "--epsilon",
                    self.epsilon.is_some(),
                    &[Adam, Adamw, Rmsprop, Adagrad],
                ),
            ],
        )?;
        refuse(
            "--schedule",
            self.schedule_kind(),
            &[
                ("--schedule-every", self.schedule_every.is_some(), &[Step]),
                (
                    "--schedule-factor",
                    self.schedule_factor.is_some(),
                    &[Step, Exponential],
                ),
            ],
        )?;
        if self.nesterov && !self.momentum.is_some_and(|momentum| momentum > 0.0) {
            return Err(Error::Input(
                "--nesterov is a kind of momentum: give a share by --momentum, such as 0.9"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// Refuses options that were given and are not for what was chosen.
fn refuse<T: ValueEnum + PartialEq>(
    flag: &str,
    chosen: T,
    options: &[(&str, bool, &[T])],
) -> Result<()> {
    for (option, is_given, is_for) in options {
        if *is_given && !is_for.contains(&chosen) {
            let names: Vec<String> = is_for.iter().map(|value| name(value.clone())).collect();
            return Err(Error::Input(format!(
                "{option} goes with {flag} {}, and not with {flag} {}",
                names.join(" or "),
                name(chosen)
            )));
        }
    }
    Ok(())
}
