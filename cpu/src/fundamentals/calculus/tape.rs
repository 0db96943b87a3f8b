//! Derivatives in reverse mode: a tape that trains a network on XOR.
//!
//! A computation is written down, operation by operation, on a **tape**; each entry has its value, and
//! for each of its operands the derivative of the entry by it. Going back from the result, whose
//! derivative by itself is 1, each entry hands its own derivative on to its operands, times theirs: the
//! chain rule, with every entry visited once. So **all** derivatives of one result cost about as much as
//! the result, whatever the number of variables: this is what trains networks.
//!
//! **Caveats.** The tape holds every value of the computation, which is what limits the sizes of networks
//! that are trained; the layers in [`nn`](crate::nn) keep what their own backward pass needs and no more.
//! Entries are handed out as numbers: one of another tape is a wrong number, or a panic.
//!
//! An entry waits for those before it, and has one number: there is nothing here for vectors, threads or
//! devices. What they need is one entry for a whole matrix, and that is the network library.
//!
//! Source: Griewank and Walther, "Evaluating Derivatives" (2008), chapter 3; Rumelhart, Hinton and
//! Williams, "Learning representations by back-propagating errors", Nature 323 (1986).

use clap::Args;
use rand::RngExt;

use crate::Result;
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness};

/// The options of `tape`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Steps of gradient descent
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = count)]
    steps: usize,

    /// Hidden units
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = count)]
    hidden: usize,
}

/// A number on a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable(usize);

/// What was computed, in order.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    value: f64,
    /// Up to two operands, and the derivatives by them.
    operands: [Option<(Variable, f64)>; 2],
}

impl Tape {
    /// A number that nothing is known of but its value: a constant, or a variable to differentiate by.
    pub fn number(&mut self, value: f64) -> Variable {
        self.push(value, [None; 2])
    }

    /// The value of a number.
    pub fn value(&self, x: Variable) -> f64 {
        self.entries[x.0].value
    }

    /// `x + y`.
    pub fn add(&mut self, x: Variable, y: Variable) -> Variable {
        self.push(
            self.value(x) + self.value(y),
            [Some((x, 1.0)), Some((y, 1.0))],
        )
    }

    /// `x - y`.
    pub fn subtract(&mut self, x: Variable, y: Variable) -> Variable {
        self.push(
            self.value(x) - self.value(y),
            [Some((x, 1.0)), Some((y, -1.0))],
        )
    }

    /// `x y`.
    pub fn multiply(&mut self, x: Variable, y: Variable) -> Variable {
        let (a, b) = (self.value(x), self.value(y));
        self.push(a * b, [Some((x, b)), Some((y, a))])
    }

    /// The hyperbolic tangent of `x`.
    pub fn tanh(&mut self, x: Variable) -> Variable {
        let value = self.value(x).tanh();
        self.push(value, [Some((x, 1.0 - value * value)), None])
    }

    /// The derivatives of `result` by all numbers on the tape.
    pub fn gradient(&self, result: Variable) -> Gradient {
        let mut derivatives = vec![0.0; self.entries.len()];
        derivatives[result.0] = 1.0;
        for (idx, entry) in self.entries.iter().enumerate().rev() {
            for (operand, derivative) in entry.operands.into_iter().flatten() {
                derivatives[operand.0] += derivatives[idx] * derivative;
            }
        }
        Gradient(derivatives)
    }

    /// Forgets all but the first numbers, so that the same tape can be written anew.
    pub fn truncate(&mut self, n_numbers: usize) {
        self.entries.truncate(n_numbers);
    }

    /// Sets the value of a number of which nothing else is known.
    pub fn set(&mut self, x: Variable, value: f64) {
        self.entries[x.0].value = value;
    }

    fn push(&mut self, value: f64, operands: [Option<(Variable, f64)>; 2]) -> Variable {
        self.entries.push(Entry { value, operands });
        Variable(self.entries.len() - 1)
    }
}

/// The derivatives of one number by all others.
pub struct Gradient(Vec<f64>);

impl Gradient {
    /// The derivative by `x`.
    pub fn by(&self, x: Variable) -> f64 {
        self.0[x.0]
    }
}

/// A network with two inputs, hidden units with a hyperbolic tangent, and one output: on a tape whose
/// first numbers are its parameters.
pub struct Network {
    tape: Tape,
    parameters: Vec<Variable>,
    n_hidden: usize,
}

impl Network {
    /// Draws the parameters between -1 and 1.
    pub fn new(n_hidden: usize, mut random: impl rand::Rng) -> Self {
        let mut tape = Tape::default();
        // Two weights and a bias into each hidden unit, one weight out of it, and the output's bias.
        let parameters = (0..4 * n_hidden + 1)
            .map(|_| tape.number(random.random_range(-1.0..1.0)))
            .collect();
        Network {
            tape,
            parameters,
            n_hidden,
        }
    }

    fn output(&mut self, x: [f64; 2]) -> Variable {
        let tape = &mut self.tape;
        let x = x.map(|x| tape.number(x));
        let mut sum = self.parameters[4 * self.n_hidden];
        for weights in self.parameters.chunks_exact(4) {
            let [a, b] = [0, 1].map(|idx| tape.multiply(weights[idx], x[idx]));
            let inputs = tape.add(a, b);
            let biased = tape.add(inputs, weights[2]);
            let hidden = tape.tanh(biased);
            let out = tape.multiply(weights[3], hidden);
            sum = tape.add(sum, out);
        }
        sum
    }

    /// What the network gives for an input.
    pub fn evaluate(&mut self, x: [f64; 2]) -> f64 {
        let output = self.output(x);
        let value = self.tape.value(output);
        self.tape.truncate(self.parameters.len());
        value
    }

    /// The mean squared error over examples, and its derivatives by the parameters.
    pub fn loss_and_gradient(&mut self, examples: &[([f64; 2], f64)]) -> (f64, Vec<f64>) {
        let mut loss = self.tape.number(0.0);
        let share = self.tape.number(1.0 / examples.len() as f64);
        for &(x, target) in examples {
            let output = self.output(x);
            let target = self.tape.number(target);
            let error = self.tape.subtract(output, target);
            let squared = self.tape.multiply(error, error);
            let part = self.tape.multiply(squared, share);
            loss = self.tape.add(loss, part);
        }
        let value = self.tape.value(loss);
        let gradient = self.tape.gradient(loss);
        let gradient = self.parameters.iter().map(|&p| gradient.by(p)).collect();
        self.tape.truncate(self.parameters.len());
        (value, gradient)
    }

    /// Goes down along a gradient.
    pub fn descend(&mut self, gradient: &[f64], rate: f64) {
        for (&parameter, derivative) in self.parameters.iter().zip(gradient) {
            let value = self.tape.value(parameter) - rate * derivative;
            self.tape.set(parameter, value);
        }
    }

    /// The parameters, to look at or to change.
    pub fn parameters(&mut self) -> (&[Variable], &mut Tape) {
        (&self.parameters, &mut self.tape)
    }
}

/// Exclusive or, with -1 for false and 1 for true.
pub const XOR: [([f64; 2], f64); 4] = [
    ([-1.0, -1.0], -1.0),
    ([-1.0, 1.0], 1.0),
    ([1.0, -1.0], 1.0),
    ([1.0, 1.0], -1.0),
];

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        const RATE: f64 = 0.1;
        let mut network = Network::new(self.hidden, harness.random());
        let (_, gradient) = network.loss_and_gradient(&XOR);
        let worst = worst_difference(&mut network, &gradient);
        // Central differences with a step of 6e-6 are exact to 4e-11 where derivatives are about 1.
        harness.check("gradient, against central differences", worst, 1e-8)?;
        for step in 0..self.steps {
            let (loss, gradient) = network.loss_and_gradient(&XOR);
            network.descend(&gradient, RATE);
            if step % self.steps.div_ceil(8) == 0 {
                harness.print(format_args!("step {step:>6}  loss {loss:.6}"))?;
            }
        }
        for (x, target) in XOR {
            let y = network.evaluate(x);
            harness.print(format_args!("{x:>5?} -> {y:>7.4}, should be {target:>2}"))?;
        }
        Ok(())
    }
}

/// The largest difference between the gradient and central differences of the loss.
pub fn worst_difference(network: &mut Network, gradient: &[f64]) -> f64 {
    const STEP: f64 = 6e-6;
    let mut worst = 0.0_f64;
    for (idx, derivative) in gradient.iter().enumerate() {
        let mut loss_at = |offset: f64| {
            let (parameters, tape) = network.parameters();
            let parameter = parameters[idx];
            let value = tape.value(parameter);
            tape.set(parameter, value + offset);
            let (loss, _) = network.loss_and_gradient(&XOR);
            network.parameters().1.set(parameter, value);
            loss
        };
        let difference = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
        worst = worst.max((difference - derivative).abs());
    }
    worst
}
