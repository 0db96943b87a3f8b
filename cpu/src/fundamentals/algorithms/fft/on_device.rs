//! Many transforms of one length on a device.

use gpu::fundamentals::fft;
use num_complex::Complex32;

use super::Plan;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::{Error, Result};

impl Plan {
    /// On a device, a block for each signal.
    ///
    /// # Errors
    ///
    /// If the signals are too long for it, or the device fails.
    pub fn on_device(&self, device: &CudaBackend, x: &[Complex32]) -> Result<Vec<Complex32>> {
        let mut transforms = OnDevice::new(device, self, x)?;
        transforms.launch()?;
        transforms.result()
    }

    /// Whether a block of a device can hold a signal.
    pub fn fits_a_device(&self) -> bool {
        self.roots.len() <= fft::MAX_VALUES
    }
}

/// Signals, transforms and tables on a device, all of them pairs of floats.
pub struct OnDevice<'a> {
    device: &'a CudaBackend,
    n: usize,
    x: Buffer<f32>,
    y: Buffer<f32>,
    roots: Buffer<f32>,
    /// The chirp and its filter.
    chirp: Option<[Buffer<f32>; 2]>,
}

impl<'a> OnDevice<'a> {
    pub fn new(device: &'a CudaBackend, plan: &Plan, x: &[Complex32]) -> Result<OnDevice<'a>> {
        if !plan.fits_a_device() {
            return Err(Error::Input(format!(
                "signals of {} numbers: on a device powers of two up to {}, and others up to half of \
                 that, are transformed",
                plan.n,
                fft::MAX_VALUES
            )));
        }
        let upload = |z: &[Complex32]| device.upload_floats(bytemuck::must_cast_slice(z));
        let chirp = plan.chirp.as_ref();
        Ok(OnDevice {
            device,
            n: plan.n,
            x: upload(x)?,
            y: device.zeros(2 * x.len())?,
            roots: upload(&plan.roots)?,
            chirp: chirp
                .map(|chirp| Ok::<_, Error>([upload(&chirp.factors)?, upload(&chirp.filter)?]))
                .transpose()?,
        })
    }

    pub fn launch(&mut self) -> Result<()> {
        let n_signals = self.x.len() / (2 * self.n);
        let n_quads = (self.roots.len() / 8).next_multiple_of(32) as u32;
        let n_threads = n_quads.clamp(32, fft::MAX_THREADS);
        let check = Operation("fourier_transforms");
        let config = check.blocks(n_signals, n_threads)?;
        let x = self.x.slice(0..self.x.len());
        let twiddles = self.roots.slice(0..self.roots.len());
        let y = self.y.slice_mut(0..self.x.len());
        // SAFETY: a block for each signal, and tables of the lengths that the plan gave them.
        unsafe {
            match &self.chirp {
                None => {
                    let n_values = check.dimension("n", self.n)?;
                    let arguments = fft::fourier_transforms {
                        x,
                        twiddles,
                        n_values,
                        y,
                    };
                    self.device.launch(config, arguments)
                }
                Some([chirp, filter]) => {
                    let arguments = fft::fourier_transforms_by_chirps {
                        x,
                        chirp: chirp.slice(0..chirp.len()),
                        filter: filter.slice(0..filter.len()),
                        twiddles,
                        y,
                    };
                    self.device.launch(config, arguments)
                }
            }
        }
    }

    pub fn result(&self) -> Result<Vec<Complex32>> {
        let y = self.device.download_floats(&self.y)?;
        Ok(y.as_chunks()
            .0
            .iter()
            .map(|&[re, im]| Complex32::new(re, im))
            .collect())
    }
}
