//! Images made of pixels: PNG files, and how they are written into an SVG or a page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Pixels, row by row.
pub struct Raster {
    /// Of the image.
    pub width: usize,
    /// Of the image.
    pub height: usize,
    /// Red, green and blue of each pixel, `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

impl Raster {
    /// An image of one colour.
    pub fn new(width: usize, height: usize, color: [u8; 3]) -> Self {
        Raster {
            width,
            height,
            rgb: color.repeat(width * height),
        }
    }

    /// Grey values, `[height, width]`.
    pub fn grey(width: usize, values: &[u8]) -> Self {
        Raster {
            width,
            height: values.len() / width,
            rgb: values.iter().flat_map(|&grey| [grey; 3]).collect(),
        }
    }

    /// Overwrites a pixel.
    pub fn set(&mut self, x: usize, y: usize, color: [u8; 3]) {
        self.rgb[3 * (y * self.width + x)..][..3].copy_from_slice(&color);
    }

    /// The same with `factor` pixels for each, across and down.
    pub fn enlarged(&self, factor: usize) -> Self {
        let row = |row: &[u8]| -> Vec<u8> {
            row.chunks_exact(3)
                .flat_map(|pixel| pixel.repeat(factor))
                .collect()
        };
        Raster {
            width: factor * self.width,
            height: factor * self.height,
            rgb: self
                .rgb
                .chunks_exact(3 * self.width)
                .flat_map(|pixels| row(pixels).repeat(factor))
                .collect(),
        }
    }

    /// As a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let size = |n: usize| u32::try_from(n).expect("pictures are smaller than that");
        PngEncoder::new(&mut bytes)
            .write_image(
                &self.rgb,
                size(self.width),
                size(self.height),
                ExtendedColorType::Rgb8,
            )
            .expect("memory can be written, and the pixels are as many as the size says");
        bytes
    }
}

/// A PNG file as an address that holds all of it.
pub fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}
