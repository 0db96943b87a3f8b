//! Activations.

/// An activation function, as it is passed to kernels (by its number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum Activation {
    /// `x`
    #[default]
    Identity = 0,
    /// `max(x, 0)`
    Relu = 1,
    /// `1 / (1 + e^-x)`
    Sigmoid = 2,
    /// `tanh x`
    Tanh = 3,
}
