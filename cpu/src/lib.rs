//! Networks trained on CUDA kernels written in Rust, or on the CPU.
//!
//! - [`nn`]: layers, losses, optimizers, and models that are made of them.
//! - [`backend`]: what devices compute, one trait for each family of operations; on the host and on CUDA.
//! - [`gaussian`]: the smallest example, a network that learns a density.
//! - [`data`] and [`train`]: data sets, training and evaluation.
//! - [`checkpoint`]: models in files.
//!
//! A network that reads digits:
//!
//! ```
//! use cpu::backend::{Activation, HostBackend};
//! use cpu::data::digits;
//! use cpu::nn::{Architecture, Initializer, Sgd, random_generator};
//! use cpu::train::{Evaluator, Recipe, Trainer};
//!
//! fn main() -> cpu::Result<()> {
//!     let (train, test) = (digits::generate(1, 0..4000), digits::generate(1, 4000..5000));
//!     let backend = HostBackend::new(None)?;
//!     let mut model = Architecture::new(&[1, 28, 28], Initializer::HeNormal)
//!         .flatten()
//!         .dense(64)
//!         .activation(Activation::Relu)
//!         .dense(10)
//!         .build(&backend, 64, &mut random_generator(1))?;
//!     let mut trainer = Trainer::new(&backend, Recipe::new(Sgd::new(0.3)?, 64, 1), &train)?;
//!     for _ in 0..5 {
//!         println!("loss {:.3}", trainer.epoch(&backend, &mut model)?.mean_loss);
//!     }
//!     let evaluation = Evaluator::new(&backend, &test, 64)?.evaluate(&backend, &mut model)?;
//!     println!("{:.1} % are read correctly", 100.0 * evaluation.accuracy());
//! #   assert!(evaluation.accuracy() > 0.8, "{}", evaluation.accuracy());
//!     Ok(())
//! }
//! ```
//!
//! `cpu/examples` has more, and `examples/own_layer` a layer of one's own with its own kernel.

pub mod backend;
pub mod bench;
pub mod checkpoint;
pub mod data;
mod error;
pub mod files;
pub mod fundamentals;
pub mod gaussian;
pub mod image;
pub mod metrics;
pub mod nn;
pub mod onnx;
pub mod picture;
pub mod predict;
mod simd;
pub mod train;

pub use error::{Error, Result};

#[cfg(test)]
mod tests {
    /// The README shows what the doctest above runs.
    #[test]
    fn the_readme_shows_the_example_of_this_page() {
        let lines = include_str!("lib.rs").lines();
        let text = lines.skip_while(|line| *line != "//! ```").skip(1);
        let example: Vec<&str> = text
            .take_while(|line| *line != "//! ```")
            .filter(|line| !line.starts_with("//! #"))
            .map(|line| line.strip_prefix("//!").unwrap())
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        assert!(example.len() > 15, "{example:?}");
        assert!(include_str!("../../README.md").contains(&example.join("\n")));
    }
}
