//! Pictures from files, and what a classifier of digits is to see of them.

use std::io::Cursor;
use std::path::Path;

use ::image::imageops::{self, FilterType};
use ::image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageReader, Limits};

use crate::{Error, Result, files};

/// A file of more bytes is not read.
const MAX_FILE: u64 = 1 << 26;
/// Pixels in either direction.
const MAX_SIDE: u32 = 1 << 14;
/// What the pixels may take when they are decoded: a file of a few bytes can promise any number.
const MAX_DECODED: u64 = 1 << 27;
/// Difference between the lightest and the darkest grey value below which nothing is drawn.
const MIN_CONTRAST: u8 = 24;
/// Share of the strongest ink below which a pixel is background: paper's texture, and what JPEG
/// leaves around edges.
const NOISE: f32 = 0.1;

/// A picture in grey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Height and width.
    size: [usize; 2],
    /// From black, 0, to white, 255, a row after the other.
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture from grey values, 0 is black.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it has no pixels, too many, or not as many as its size says.
    pub fn new(size: [usize; 2], pixels: Vec<u8>) -> Result<Self> {
        let [height, width] = size;
        let sides = 1..=MAX_SIDE as usize;
        if !sides.contains(&height) || !sides.contains(&width) || pixels.len() != height * width {
            return Err(Error::Input(format!(
                "a picture of {height} x {width} pixels cannot be made of {} grey values; its sides \
                 must be 1 to {MAX_SIDE} pixels long",
                pixels.len()
            )));
        }
        Ok(Picture { size, pixels })
    }

    /// Reads a PNG, JPEG or PNM file (PGM, PPM, PBM), whatever its name says.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it cannot be read, is damaged or too large; the error names the file.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::Input(format!("{}: {reason}", path.display()));
        let bytes = files::read(path, MAX_FILE)
            .map_err(|error| refuse(format!("the picture cannot be read: {error}")))?;
        Self::decode(&bytes).map_err(|error| refuse(error.to_string()))
    }

    /// Decodes the bytes of a PNG, JPEG or PNM file. Colours become grey by Rec. 709's weights; what is
    /// transparent lies on white; the orientation that a camera noted is applied.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if they are damaged, of another format, or of a picture that is too large.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let refuse = |error: ImageError| {
            Error::Input(match error {
                ImageError::Limits(_) => format!(
                    "the picture is too large: at most {MAX_SIDE} pixels in either direction and \
                     {MAX_DECODED} bytes when decoded are taken"
                ),
                ImageError::Unsupported(_) => {
                    format!("the file cannot be decoded, expected PNG, JPEG or PGM: {error}")
                }
                _ => format!("the picture is damaged: {error}"),
            })
        };
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_DECODED);
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        let mut reader = reader.map_err(|error| refuse(error.into()))?;
        if reader.format().is_none() {
            return Err(Error::Input(
                "this is no picture that can be read, expected PNG, JPEG or PGM".to_owned(),
            ));
        }
        reader.limits(limits.clone());
        let mut decoder = reader.into_decoder().map_err(refuse)?;
        limits.reserve(decoder.total_bytes()).map_err(refuse)?;
        let orientation = decoder.orientation().map_err(refuse)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(refuse)?;
        image.apply_orientation(orientation);
        let size = [image.height() as usize, image.width() as usize];
        let pixels = if image.color().has_alpha() {
            let image = image.into_luma_alpha8().into_raw();
            let over_white = |pixel: &[u8]| {
                let (grey, alpha) = (u32::from(pixel[0]), u32::from(pixel[1]));
                ((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8
            };
            image.chunks_exact(2).map(over_white).collect()
        } else {
            image.into_luma8().into_raw()
        };
        Self::new(size, pixels)
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Grey values, from black, 0, to white, 255, a row after the other.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The whole picture at another size, not cropped, inverted or centred: `[height, width]` values.
    pub fn scaled(&self, size: [usize; 2]) -> Vec<u8> {
        resize(self.size, self.pixels.clone(), size)
    }

    /// What a classifier of digits is to see, `[height, width]` values where 0 is the background and
    /// 255 the ink, in the way in which MNIST was made: the drawing is cropped, scaled to fit into 20/28
    /// of either side without changing its proportions, and put where its centre of mass is in the middle
    /// pixel, that of row and column 14 of 28.
    ///
    /// The border shows what the background is: its median is paper, and ink is what is darker than light
    /// paper or lighter than dark paper.
    ///
    /// Source: <https://yann.lecun.org/exdb/mnist/>.
    ///
    /// ```
    /// use cpu::image::Picture;
    ///
    /// // A dark stroke on light paper.
    /// let mut pixels = vec![230; 100 * 60];
    /// for row in 10..90 {
    ///     pixels[row * 60 + 15..][..8].fill(30);
    /// }
    /// let seen = Picture::new([100, 60], pixels)?.prepared([28, 28])?;
    /// assert_eq!(seen[14 * 28 + 14], 255);
    /// assert_eq!(seen[14 * 28], 0);
    /// # Ok::<(), cpu::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if nothing is drawn.
    pub fn prepared(&self, size: [usize; 2]) -> Result<Vec<u8>> {
        let ink = self.ink()?;
        let [height, width] = self.size;
        let is_drawn = |row: usize, column: usize| ink[row * width + column] > 0;
        let rows = extent(height, |row| (0..width).any(|column| is_drawn(row, column)));
        let columns = extent(width, |column| (0..height).any(|row| is_drawn(row, column)));
        let cropped: Vec<u8> = ink
            .chunks_exact(width)
            .skip(rows.start)
            .take(rows.len())
            .flat_map(|row| &row[columns.clone()])
            .copied()
            .collect();

        // The box that the drawing has to fit into, and the drawing in it.
        let inner = size.map(|side| (side * 20).div_ceil(28));
        let scale = f64::min(
            inner[0] as f64 / rows.len() as f64,
            inner[1] as f64 / columns.len() as f64,
        );
        let scaled_size = [(rows.len(), inner[0]), (columns.len(), inner[1])]
            .map(|(side, most)| ((side as f64 * scale).round() as usize).clamp(1, most));
        let scaled = resize([rows.len(), columns.len()], cropped, scaled_size);

        let centre = centre_of_mass(&scaled, scaled_size[1]);
        let place = |axis: usize| {
            // MNIST's centres lie in the pixel that begins in the middle.
            let begin = ((size[axis] / 2) as f64 - centre[axis]).ceil();
            (begin.max(0.0) as usize).min(size[axis] - scaled_size[axis])
        };
        let mut seen = vec![0; size[0] * size[1]];
        for (row, values) in scaled.chunks_exact(scaled_size[1]).enumerate() {
            let begin = (place(0) + row) * size[1] + place(1);
            seen[begin..begin + values.len()].copy_from_slice(values);
        }
        Ok(seen)
    }

    /// How much ink is on each pixel, from none, 0, to the most that there is, 255.
    fn ink(&self) -> Result<Vec<u8>> {
        let [height, width] = self.size;
        let mut border: Vec<u8> = (0..width)
            .flat_map(|column| [column, (height - 1) * width + column])
            .chain((0..height).flat_map(|row| [row * width, (row + 1) * width - 1]))
            .map(|index| self.pixels[index])
            .collect();
        let middle = border.len() / 2;
        let paper = *border.select_nth_unstable(middle).1;
        let is_light = paper >= 128;
        let ink = |&grey: &u8| match is_light {
            true => paper.saturating_sub(grey),
            false => grey.saturating_sub(paper),
        };
        let most = self.pixels.iter().map(ink).max().unwrap_or(0);
        if most < MIN_CONTRAST {
            return Err(Error::Input(format!(
                "there is nothing drawn in the picture: no pixel is much {} than its border, which is \
                 taken for the background",
                if is_light { "darker" } else { "lighter" }
            )));
        }
        let stretched = |grey: &u8| {
            let share = f32::from(ink(grey)) / f32::from(most);
            if share < NOISE {
                0
            } else {
                (255.0 * share).round() as u8
            }
        };
        Ok(self.pixels.iter().map(stretched).collect())
    }
}

/// From the first to the last for which `is_drawn` holds.
fn extent(n: usize, is_drawn: impl Fn(usize) -> bool) -> std::ops::Range<usize> {
    let first = (0..n).find(|&index| is_drawn(index)).unwrap_or(0);
    let last = (first..n).rev().find(|&index| is_drawn(index));
    first..last.map_or(n, |last| last + 1)
}

/// Row and column of the centre, in pixels from the upper left corner.
fn centre_of_mass(ink: &[u8], width: usize) -> [f64; 2] {
    let mut sums = [0.0; 3];
    for (index, &value) in ink.iter().enumerate() {
        let value = f64::from(value);
        sums[0] += value * ((index / width) as f64 + 0.5);
        sums[1] += value * ((index % width) as f64 + 0.5);
        sums[2] += value;
    }
    [sums[0] / sums[2], sums[1] / sums[2]]
}

/// `from` and `to` are height and width. A filter as wide as a pixel of the smaller picture averages
/// what falls onto it.
fn resize(from: [usize; 2], pixels: Vec<u8>, to: [usize; 2]) -> Vec<u8> {
    let [height, width] = from.map(|side| side as u32);
    let image = GrayImage::from_raw(width, height, pixels).expect("a picture has all its pixels");
    imageops::resize(&image, to[1] as u32, to[0] as u32, FilterType::Triangle).into_raw()
}
