//! Target, learned and difference side by side: a PNG of each, and a GIF of them all.
//!
//! All pictures have the same palette of 256 colours, so that a GIF shows what the PNG files show.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use cpu::Result;
use cpu::files::Target;
use cpu::gaussian::{Errors, GRID, Normal};
use gif::{Encoder, Frame, Repeat};

use super::font;
use crate::cli::report::raster::Raster;

/// Pixels of a point of the grid, across and down, and of a letter's dot.
const SCALE: usize = 2;
/// Pixels of a density's side.
const SIDE: usize = SCALE * GRID;
const MARGIN: usize = 14;
const GAP: usize = 8;
/// Pixels of a letter, with what is free behind it.
const LETTER: usize = SCALE * (font::WIDTH + 1);
const LINE: usize = SCALE * font::HEIGHT;
const BAR: usize = 12;
/// Pixels of the longest number beside a bar: -0.0159.
const NUMBER: usize = 7 * LETTER;
const TOP: usize = MARGIN + LINE + GAP;
const WIDTH: usize = 2 * MARGIN + 3 * SIDE + 2 * (GAP + BAR + GAP + NUMBER) + 2 * GAP;
const HEIGHT: usize = TOP + SIDE + GAP + LINE + GAP + LINE + MARGIN;

/// The difference that has the strongest colour, as a share of the density's largest value.
const DIFFERENCE_SHARE: f64 = 0.1;

const PAPER: u8 = 0;
const INK: u8 = 1;
/// Where each map begins in the palette, and its colours.
const DENSITY: u8 = 2;
const DIFFERENCE: u8 = DENSITY + N_COLORS as u8;
const N_COLORS: usize = 127;

/// Viridis, by Smith and van der Walt: of equal steps for the eye, and growing lighter all the way.
const VIRIDIS: [[u8; 3]; 10] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x28, 0x78],
    [0x3E, 0x4A, 0x89],
    [0x31, 0x68, 0x8E],
    [0x26, 0x82, 0x8E],
    [0x1F, 0x9E, 0x89],
    [0x35, 0xB7, 0x79],
    [0x6E, 0xCE, 0x58],
    [0xB5, 0xDE, 0x2B],
    [0xFD, 0xE7, 0x25],
];
/// From blue (too little) over white to red (too much), after Brewer's RdBu.
const BLUE_TO_RED: [[u8; 3]; 5] = [
    [0x21, 0x66, 0xAC],
    [0x67, 0xA9, 0xCF],
    [0xF7, 0xF7, 0xF7],
    [0xEF, 0x8A, 0x62],
    [0xB2, 0x18, 0x2B],
];

/// Red, green and blue of all 256 colours.
fn palette() -> Vec<u8> {
    let mut palette = vec![0xFF, 0xFF, 0xFF, 0x1F, 0x23, 0x28];
    for anchors in [&VIRIDIS[..], &BLUE_TO_RED] {
        for idx in 0..N_COLORS {
            let place = idx as f64 / (N_COLORS - 1) as f64 * (anchors.len() - 1) as f64;
            let first = (place as usize).min(anchors.len() - 2);
            let share = place - first as f64;
            let channel = |c: usize| {
                let [from, to] = [anchors[first][c], anchors[first + 1][c]].map(f64::from);
                (from + share * (to - from)).round() as u8
            };
            palette.extend([channel(0), channel(1), channel(2)]);
        }
    }
    palette
}

/// The colour of a value between two others in the map that begins at `first`. What lies beyond has the
/// last one, and what is no number that of the ink.
fn color(first: u8, value: f64, [low, high]: [f64; 2]) -> u8 {
    let share = (value - low) / (high - low);
    if share.is_nan() {
        return INK;
    }
    first + (share.clamp(0.0, 1.0) * (N_COLORS - 1) as f64).round() as u8
}

/// A picture that is being drawn: the number of each pixel's colour.
struct Canvas(Vec<u8>);

impl Canvas {
    fn fill(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], color: u8) {
        for row in y..y + height {
            self.0[row * WIDTH + x..][..width].fill(color);
        }
    }

    fn text(&mut self, [x, y]: [usize; 2], text: &str) {
        for (idx, letter) in text.chars().enumerate() {
            for (row, bits) in font::rows(letter).into_iter().enumerate() {
                for column in 0..font::WIDTH {
                    if bits >> (font::WIDTH - 1 - column) & 1 == 1 {
                        let place = [x + idx * LETTER + SCALE * column, y + SCALE * row];
                        self.fill(place, [SCALE; 2], INK);
                    }
                }
            }
        }
    }

    /// A map of the grid's values, from `x` on, with its title and the numbers of its edges.
    fn map(&mut self, x: usize, title: &str, first: u8, values: &[f64], range: [f64; 2]) {
        self.text([x, MARGIN], title);
        self.fill([x - 1, TOP - 1], [SIDE + 2; 2], INK);
        for (row, values) in values.chunks_exact(GRID).enumerate() {
            for (column, &value) in values.iter().enumerate() {
                let place = [x + SCALE * column, TOP + SCALE * row];
                self.fill(place, [SCALE; 2], color(first, value, range));
            }
        }
        let below = TOP + SIDE + GAP;
        self.text([x, below], "-3");
        self.text([x + (SIDE - LETTER) / 2, below], "0");
        self.text([x + SIDE - LETTER, below], "3");
    }

    /// The colours of a map from `x` on, the largest value's at the top, with the numbers of its ends.
    fn bar(&mut self, x: usize, first: u8, [low, high]: [f64; 2]) {
        self.fill([x - 1, TOP - 1], [BAR + 2, SIDE + 2], INK);
        for row in 0..SIDE {
            let share = 1.0 - row as f64 / (SIDE - 1) as f64;
            self.fill([x, TOP + row], [BAR, 1], color(first, share, [0.0, 1.0]));
        }
        let x = x + BAR + GAP;
        self.text([x, TOP], &number(high));
        self.text([x, TOP + SIDE - LINE], &number(low));
    }
}

/// At most seven letters.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    match value.abs() {
        0.0 => "0".to_owned(),
        0.01..100.0 if text.len() <= 7 => text,
        _ => format!("{value:.1e}"),
    }
}

/// Writes pictures to a folder.
pub struct Film {
    folder: PathBuf,
    palette: Vec<u8>,
    normal: Normal,
    target: Vec<f64>,
    gif: Target,
    encoder: Encoder<BufWriter<File>>,
    /// Of the largest iteration.
    n_digits: usize,
}

impl Film {
    /// Begins the GIF. The folder is there.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn new(folder: &Path, normal: Normal, n_iterations: u64) -> Result<Film> {
        let palette = palette();
        let gif = Target::new("--out", &folder.join("learning.gif"))?;
        let file = File::create(gif.part()).map_err(|error| gif.failed(&error))?;
        let size = |n: usize| u16::try_from(n).expect("pictures are smaller than that");
        let encoder = Encoder::new(BufWriter::new(file), size(WIDTH), size(HEIGHT), &palette);
        let mut encoder = encoder.map_err(|error| gif.failed(&error))?;
        encoder
            .set_repeat(Repeat::Infinite)
            .map_err(|error| gif.failed(&error))?;
        Ok(Film {
            folder: folder.to_owned(),
            palette,
            normal,
            target: normal.values(),
            gif,
            encoder,
            n_digits: n_iterations.to_string().len(),
        })
    }

    /// Adds what was learned on the grid: a PNG file, and a frame of the GIF, which stays for so many
    /// hundredths of a second.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn add(&mut self, iteration: u64, learned: &[f64], delay: u16) -> Result<()> {
        let canvas = self.draw(iteration, learned);
        let rgb = canvas.0.iter().flat_map(|&color| {
            let first = 3 * usize::from(color);
            self.palette[first..first + 3].iter().copied()
        });
        let raster = Raster {
            width: WIDTH,
            height: HEIGHT,
            rgb: rgb.collect(),
        };
        let name = format!("iteration-{iteration:0digits$}.png", digits = self.n_digits);
        Target::new("--out", &self.folder.join(name))?.replace(&raster.png())?;

        let frame = Frame {
            width: WIDTH as u16,
            height: HEIGHT as u16,
            buffer: canvas.0.into(),
            delay,
            ..Frame::default()
        };
        self.encoder
            .write_frame(&frame)
            .map_err(|error| self.gif.failed(&error))
    }

    /// Gives the GIF its name.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(self) -> Result<()> {
        let gif = self.gif;
        let writer = self.encoder.into_inner();
        let writer = writer.map_err(|error| gif.failed(&error))?;
        let file = writer.into_inner().map_err(|error| gif.failed(&error))?;
        gif.complete(&file)
    }

    fn draw(&self, iteration: u64, learned: &[f64]) -> Canvas {
        let peak = self.normal.peak();
        let densities = [0.0, peak];
        let differences = [-DIFFERENCE_SHARE * peak, DIFFERENCE_SHARE * peak];
        let mut canvas = Canvas(vec![PAPER; WIDTH * HEIGHT]);
        let mut x = MARGIN;
        canvas.map(x, "target", DENSITY, &self.target, densities);
        x += SIDE + GAP;
        canvas.map(x, "learned", DENSITY, learned, densities);
        x += SIDE + GAP;
        canvas.bar(x, DENSITY, densities);
        x += BAR + GAP + NUMBER + GAP;
        let difference: Vec<f64> = learned
            .iter()
            .zip(&self.target)
            .map(|(l, t)| l - t)
            .collect();
        canvas.map(x, "difference", DIFFERENCE, &difference, differences);
        canvas.bar(x + SIDE + GAP, DIFFERENCE, differences);
        let Errors {
            mean_squared,
            largest,
        } = Errors::of(&self.target, learned);
        canvas.text(
            [MARGIN, HEIGHT - MARGIN - LINE],
            &format!("iteration {iteration}  mean squared error {mean_squared:.1e}  largest {largest:.1e}"),
        );
        canvas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_has_256_colours_and_its_ends_are_those_of_the_maps() {
        let palette = palette();
        assert_eq!(palette.len(), 3 * 256);
        let at = |idx: u8| &palette[3 * usize::from(idx)..][..3];
        assert_eq!(at(color(DENSITY, 0.0, [0.0, 2.0])), VIRIDIS[0]);
        assert_eq!(at(color(DENSITY, 9.0, [0.0, 2.0])), VIRIDIS[9]);
        assert_eq!(at(color(DIFFERENCE, 0.0, [-1.0, 1.0])), BLUE_TO_RED[2]);
        assert_eq!(color(DIFFERENCE, 1.0, [-1.0, 1.0]), 255);
        assert_eq!(color(DENSITY, f64::NAN, [0.0, 1.0]), INK);
    }

    #[test]
    fn numbers_fit_beside_their_bars() {
        for (value, expected) in [
            (0.0, "0"),
            (0.159_154, "0.159"),
            (-0.0159, "-0.016"),
            (99.99, "99.990"),
            (12345.0, "1.2e4"),
            (-1.59e-12, "-1.6e-12"),
        ] {
            assert_eq!(number(value), expected);
        }
    }
}
