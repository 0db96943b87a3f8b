//! What the options of training choose among.

use clap::ValueEnum;
use cpu::backend;

/// What `--model` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// One dense layer
    Linear,
    /// Dense hidden layers, see --hidden
    Mlp,
    /// Two convolutions with pooling, two dense layers
    Lenet,
    /// Five convolutions with batch normalization, pooling, dropout: the best one, with --augment
    Cnn,
}

/// What `--activation` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x, or 0.01 x where that is negative
    LeakyRelu,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// Hyperbolic tangent
    Tanh,
    /// x times the normal distribution function of x
    Gelu,
    /// The same by a hyperbolic tangent
    GeluTanh,
    /// x / (1 + exp(-x))
    Silu,
}

impl Activation {
    /// As the library has it.
    pub fn to_backend(self) -> backend::Activation {
        match self {
            Activation::Relu => backend::Activation::Relu,
            Activation::LeakyRelu => backend::Activation::LEAKY_RELU,
            Activation::Sigmoid => backend::Activation::Sigmoid,
            Activation::Tanh => backend::Activation::Tanh,
            Activation::Gelu => backend::Activation::Gelu,
            Activation::GeluTanh => backend::Activation::GeluTanh,
            Activation::Silu => backend::Activation::Silu,
        }
    }
}

/// What `--init` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Initializer {
    /// Uniform within ±sqrt(6 / (inputs + outputs))
    XavierUniform,
    /// Normal with variance 2 / (inputs + outputs)
    XavierNormal,
    /// Uniform within ±sqrt(6 / inputs)
    HeUniform,
    /// Normal with variance 2 / inputs
    HeNormal,
}

/// What `--optimizer` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Optimizer {
    /// Stochastic gradient descent
    Sgd,
    /// Adam
    Adam,
    /// Adam with decoupled weight decay
    Adamw,
    /// RMSprop
    Rmsprop,
    /// Adagrad
    Adagrad,
}

/// What `--schedule` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Schedule {
    /// The same at all steps
    Constant,
    /// Falls by a factor every so many epochs
    Step,
    /// Falls by a factor in every epoch
    Exponential,
    /// Falls to 0 along half a cosine
    Cosine,
    /// Rises to its highest in 30 % of the steps, then falls to 0, both along half a cosine
    OneCycle,
}
