//! A layer of one's own, with a kernel of its own: a sine in place of an activation, with which a
//! network learns to tell rings from each other.
//!
//! `cargo run --release -p own_layer` trains it on the CPU, `... -- cuda` on a GPU,
//! and `... -- sim` on kernels in the simulator.
//!
//! 1. [`SineOperations`] says what a device has to compute, and is implemented for each backend.
//! 2. [`Sine`] is a layer on any backend that can compute it.
//! 3. [`train`] puts it between layers of the library.

use std::num::NonZero;

use cpu::Result;
use cpu::backend::{Activation, Backend, CudaBackend, HostBackend, cuda};
use cpu::data::Dataset;
use cpu::nn::{Backward, Dense, Forward, Initializer, Layer, Sequential, Sgd, random_generator};
use cpu::train::{Evaluator, Recipe, Trainer};
use cuda_launch::LaunchConfig;
use own_layer_kernels::{N_THREADS, sine_backward, sine_forward};

/// The PTX of `kernels/`; empty if the build found neither a compiler nor PTX that fits the sources.
static PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/own_layer_kernels_ptx.rs"));

// --- 1. What a device computes -------------------------------------------------------------------

/// The sine on a device.
trait SineOperations: Backend {
    /// `y[i] = sin(frequency x[i])` for `i < n`.
    fn sine_forward(
        &self,
        frequency: f32,
        x: &Self::Floats,
        y: &mut Self::Floats,
        n: usize,
    ) -> Result<()>;
    /// `dx[i] = dy[i] frequency cos(frequency x[i])` for `i < n`.
    fn sine_backward(
        &self,
        frequency: f32,
        x: &Self::Floats,
        dy: &Self::Floats,
        dx: &mut Self::Floats,
        n: usize,
    ) -> Result<()>;
}

impl SineOperations for HostBackend {
    fn sine_forward(
        &self,
        frequency: f32,
        x: &Self::Floats,
        y: &mut Self::Floats,
        n: usize,
    ) -> Result<()> {
        for (y, x) in y[..n].iter_mut().zip(&x[..n]) {
            *y = (frequency * x).sin();
        }
        Ok(())
    }

    fn sine_backward(
        &self,
        frequency: f32,
        x: &Self::Floats,
        dy: &Self::Floats,
        dx: &mut Self::Floats,
        n: usize,
    ) -> Result<()> {
        for ((dx, x), dy) in dx[..n].iter_mut().zip(&x[..n]).zip(&dy[..n]) {
            *dx = dy * frequency * (frequency * x).cos();
        }
        Ok(())
    }
}

impl SineOperations for CudaBackend {
    fn sine_forward(
        &self,
        frequency: f32,
        x: &Self::Floats,
        y: &mut Self::Floats,
        n: usize,
    ) -> Result<()> {
        let config = LaunchConfig::for_elements(n, N_THREADS);
        let (x, y) = (x.slice(0..n), y.slice_mut(0..n));
        // SAFETY: a thread per element, and lengths that agree.
        unsafe { self.launch_own(PTX, config, sine_forward { frequency, x, y }) }
    }

    fn sine_backward(
        &self,
        frequency: f32,
        x: &Self::Floats,
        dy: &Self::Floats,
        dx: &mut Self::Floats,
        n: usize,
    ) -> Result<()> {
        let config = LaunchConfig::for_elements(n, N_THREADS);
        let kernel = sine_backward {
            frequency,
            x: x.slice(0..n),
            dy: dy.slice(0..n),
            dx: dx.slice_mut(0..n),
        };
        // SAFETY: a thread per element, and lengths that agree.
        unsafe { self.launch_own(PTX, config, kernel) }
    }
}

// --- 2. The layer --------------------------------------------------------------------------------

/// `y = sin(frequency x)`, element by element; backward `dx = dy ∘ frequency cos(frequency x)`.
///
/// Source: Sitzmann et al., "Implicit neural representations with periodic activation functions" (2020).
struct Sine {
    frequency: f32,
    n: usize,
}

impl<B: SineOperations> Layer<B> for Sine {
    fn describe(&self) -> String {
        format!("sine of {} x", self.frequency)
    }

    fn n_inputs(&self) -> usize {
        self.n
    }

    fn n_outputs(&self) -> usize {
        self.n
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        backend.sine_forward(self.frequency, pass.x, pass.y, pass.n_rows * self.n)
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let n = pass.n_rows * self.n;
        match pass.dx {
            Some(dx) => backend.sine_backward(self.frequency, pass.x, pass.dy, dx, n),
            None => Ok(()),
        }
    }
}

// --- 3. The network ------------------------------------------------------------------------------

/// Points of a square, in rings of two classes around its middle.
fn rings(n_side: u8) -> Dataset {
    let place = |i: u8| (f32::from(i) + 0.5) / f32::from(n_side);
    let points = (0..n_side).flat_map(|row| (0..n_side).map(move |column| [row, column]));
    let label = |[row, column]: [u8; 2]| {
        let distance = (place(row) - 0.5).hypot(place(column) - 0.5);
        ((5.0 * distance) as u8) % 2
    };
    Dataset {
        images: points
            .clone()
            .flat_map(|point| point.map(|i| (255.0 * place(i)) as u8))
            .collect(),
        labels: points.map(label).collect(),
        size: [1, 2],
        n_classes: 2,
    }
}

/// Trains on the points, and gives the share of them that is then classified correctly.
fn train<B: SineOperations + 'static>(backend: &B, n_side: u8, n_epochs: usize) -> Result<f64> {
    let mut random = random_generator(1);
    let mut dense = |n_inputs, n_outputs, activation| -> Result<Box<dyn Layer<B>>> {
        let xavier = Initializer::XavierNormal;
        let layer = Dense::new(
            backend,
            n_inputs,
            n_outputs,
            activation,
            xavier,
            &mut random,
        )?;
        Ok(Box::new(layer))
    };
    let layers = vec![
        dense(2, 32, Activation::Identity)?,
        Box::new(Sine {
            frequency: 10.0,
            n: 32,
        }),
        dense(32, 32, Activation::Relu)?,
        dense(32, 2, Activation::Identity)?,
    ];
    let mut model = Sequential::new(backend, 32, layers)?;
    let data = rings(n_side);
    let recipe = Recipe::new(Sgd::new(0.001)?.momentum(0.9)?, 32, 1);
    let mut trainer = Trainer::new(backend, recipe, &data)?;
    for _ in 0..n_epochs {
        trainer.epoch(backend, &mut model)?;
    }
    let evaluation = Evaluator::new(backend, &data, 32)?.evaluate(backend, &mut model)?;
    Ok(evaluation.accuracy())
}

fn main() -> Result<()> {
    let accuracy = match std::env::args().nth(1).as_deref() {
        Some("cuda") => train(&CudaBackend::new()?, 40, 60)?,
        Some("sim") => {
            cuda::simulate(false)?;
            train(&CudaBackend::new()?, 16, 3)?
        }
        _ => {
            let backend = HostBackend::new(NonZero::new(1))?;
            backend.install(|| train(&backend, 40, 60))?
        }
    };
    println!(
        "{:.1} % of the points are in the right ring",
        100.0 * accuracy
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_learns_what_it_is_for() {
        let backend = HostBackend::new(NonZero::new(1)).unwrap();
        let accuracy = train(&backend, 40, 60).unwrap();
        // 97.6 % was measured.
        assert!(accuracy > 0.93, "{accuracy}");
    }

    #[test]
    fn devices_agree() {
        cuda::simulate(false).unwrap();
        let values: Vec<f32> = (0..300).map(|i| 0.05 * (i as f32 - 150.0)).collect();
        fn both<B: SineOperations>(backend: &B, values: &[f32]) -> Vec<f32> {
            let n = values.len();
            let x = backend.upload_floats(values).unwrap();
            let (mut y, mut dx) = (backend.zeros(n).unwrap(), backend.zeros(n).unwrap());
            backend.sine_forward(3.0, &x, &mut y, n).unwrap();
            backend.sine_backward(3.0, &x, &y, &mut dx, n).unwrap();
            let (y, dx) = (backend.download_floats(&y), backend.download_floats(&dx));
            [y.unwrap(), dx.unwrap()].concat()
        }
        let on_host = both(&HostBackend::new(NonZero::new(1)).unwrap(), &values);
        let on_device = both(&CudaBackend::new().unwrap(), &values);
        assert!(cuda::findings().is_empty());
        for (host, device) in on_host.iter().zip(&on_device) {
            // Both are a rounding or two of the true sine away, times a frequency of 3.
            let error = (host - device).abs();
            if !(error <= 1e-6) {
                panic!("{host} and {device}");
            }
        }
    }
}
