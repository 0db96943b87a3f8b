//! What the first layer looks for: its weights as images.

use cpu::Result;
use cpu::backend::Backend;
use cpu::nn::Sequential;

use super::raster::Raster;
use cpu::picture::{Contents, Picture};

/// Images that are shown, at most.
const N_SHOWN: usize = 128;
/// About as wide as the picture becomes, in pixels.
const WIDTH: usize = 720;
/// What lies between two images.
const GAP: [u8; 3] = [0x80, 0x86, 0x8E];

/// Weights of the first layer that lie as an image does.
#[derive(Debug, PartialEq)]
pub struct FirstWeights {
    /// `[n_tiles, height, width]`.
    pub values: Vec<f32>,
    /// Of an image.
    pub height: usize,
    /// Of an image.
    pub width: usize,
    /// What one image belongs to.
    pub of: &'static str,
}

impl FirstWeights {
    /// The weights of the layer that takes images of `size`, height and width: of each unit if it is
    /// dense, of each kernel if it is a convolution; `None` if there is no such layer.
    pub fn of<B: Backend>(
        backend: &B,
        model: &Sequential<B>,
        size: [usize; 2],
    ) -> Result<Option<Self>> {
        let Some(weight) = model
            .parameters()
            .find(|parameter| parameter.name == "weight")
        else {
            return Ok(None);
        };
        let ([height, width], of) = match weight.shape[..] {
            [_, n_inputs] if n_inputs == size[0] * size[1] => (size, "unit"),
            [_, _, height, width] => ([height, width], "kernel"),
            _ => return Ok(None),
        };
        Ok(Some(FirstWeights {
            values: weight.download(backend, &weight.value)?,
            height,
            width,
            of,
        }))
    }

    /// As one picture: red adds to what a unit gives, blue takes away.
    pub fn picture(&self) -> Picture {
        let n_pixels = self.height * self.width;
        let n_tiles = self.values.len() / n_pixels;
        let n_shown = n_tiles.min(N_SHOWN);
        // Small kernels side by side in one row would be a line.
        let n_columns = if n_shown <= 8 {
            n_shown
        } else {
            n_shown.div_ceil(8).clamp(8, 16)
        };
        let n_rows = n_shown.div_ceil(n_columns);
        let (across, down) = (self.width + 1, self.height + 1);
        let mut raster = Raster::new(n_columns * across + 1, n_rows * down + 1, GAP);
        for (tile, values) in self.values.chunks_exact(n_pixels).take(n_shown).enumerate() {
            let (x, y) = (tile % n_columns * across + 1, tile / n_columns * down + 1);
            let largest = values
                .iter()
                .fold(0.0_f32, |largest, v| largest.max(v.abs()));
            for (pixel, &value) in values.iter().enumerate() {
                let color = diverging(if largest > 0.0 { value / largest } else { 0.0 });
                raster.set(x + pixel % self.width, y + pixel / self.width, color);
            }
        }
        let factor = (WIDTH / raster.width).clamp(1, 16);
        let count = if n_shown < n_tiles {
            format!("The first {n_shown} of {n_tiles} images")
        } else {
            format!("{n_tiles} images")
        };
        Picture {
            file: "weights.png",
            title: "First layer",
            caption: format!(
                "{count} of {} x {} weights, one per {}. Red adds to what it gives, blue takes away, \
                 white is 0; each image has a scale of its own.",
                self.height, self.width, self.of
            ),
            contents: Contents::Png(raster.enlarged(factor).png()),
        }
    }
}

/// From blue at -1 over white to red at 1.
fn diverging(value: f32) -> [u8; 3] {
    const RED: [f32; 3] = [190.0, 20.0, 40.0];
    const BLUE: [f32; 3] = [25.0, 80.0, 190.0];
    let end = if value < 0.0 { BLUE } else { RED };
    end.map(|end| (255.0 + (end - 255.0) * value.abs().min(1.0)).round() as u8)
}
