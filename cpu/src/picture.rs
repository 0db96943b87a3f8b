//! What all pictures share: their colours, by day and by night, and the files that they become.

use std::io;

use crate::{Error, Result};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, TextStyle};

/// What is drawn on.
pub const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
/// Text and axes.
pub const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Text that explains.
pub const FAINT: RGBColor = RGBColor(0x66, 0x70, 0x7B);
/// Lines behind the curves.
pub const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);
/// What the training images measured.
pub const TRAIN: RGBColor = RGBColor(0xD9, 0x77, 0x06);
/// What the test images measured, and what is right.
pub const TEST: RGBColor = RGBColor(0x25, 0x63, 0xEB);
/// What is wrong.
pub const WRONG: RGBColor = RGBColor(0xDC, 0x26, 0x26);

/// Of curves that nothing else tells apart.
pub const SERIES: [RGBColor; 4] = [
    TEST,
    TRAIN,
    RGBColor(0x05, 0x96, 0x69),
    RGBColor(0xA8, 0x55, 0xF7),
];

/// What a colour becomes where a dark page is preferred. The others are seen on both.
const DARK: [(RGBColor, &str); 6] = [
    (PAPER, "#171A1F"),
    (INK, "#E7EAEE"),
    (FAINT, "#9AA4AF"),
    (GRID, "#2F353D"),
    (TEST, "#6B9BFF"),
    (WRONG, "#F87171"),
];

/// Where a picture is drawn.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What drawing returns.
pub type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// A file to look at.
pub struct Picture {
    /// The name of its file.
    pub file: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// What it says, for those who cannot see it, and below it for those who can.
    pub caption: String,
    /// The file's contents.
    pub contents: Contents,
}

/// What a [`Picture`] is made of.
pub enum Contents {
    /// The text of an SVG, which begins with the tag `<svg`.
    Svg(String),
    /// The bytes of a PNG.
    Png(Vec<u8>),
}

impl Picture {
    /// What the file holds.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.contents {
            Contents::Svg(text) => file(text),
            Contents::Png(bytes) => bytes.clone(),
        }
    }
}

/// A file of an SVG's text, which follows the reader's preference for light or dark by itself.
pub fn file(svg: &str) -> Vec<u8> {
    let (tag, rest) = split_tag(svg);
    format!("{tag}<style>{}</style>{rest}", dark_rules()).into_bytes()
}

/// The tag `<svg ...>`, and what follows it.
pub fn split_tag(svg: &str) -> (&str, &str) {
    svg.split_at(svg.find('>').map_or(0, |end| end + 1))
}

/// CSS that gives pictures the colours of the night.
pub fn dark_rules() -> String {
    let rules: String = DARK
        .iter()
        .map(|(RGBColor(red, green, blue), dark)| {
            let light = format!("#{red:02X}{green:02X}{blue:02X}");
            format!(
                "svg [fill=\"{light}\"] {{ fill: {dark} }}\nsvg [stroke=\"{light}\"] {{ stroke: {dark} }}\n"
            )
        })
        .collect();
    format!("@media (prefers-color-scheme: dark) {{\n{rules}}}\n")
}

/// Draws an SVG of so many pixels.
pub fn draw((width, height): (u32, u32), body: impl FnOnce(&Area) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
    area.fill(&PAPER)
        .and_then(|()| body(&area))
        .and_then(|()| area.present())
        .map_err(|error| Error::Io(format!("a picture cannot be drawn: {error}")))?;
    drop(area);
    Ok(svg)
}

/// How text of so many pixels looks. No font is looked for: who shows the picture has one.
pub fn text(size: u32, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    // The SVG has 1 / 1.24 of what plotters is told.
    let font = FontDesc::new(
        FontFamily::SansSerif,
        f64::from(size) * 1.24,
        FontStyle::Normal,
    );
    TextStyle {
        font,
        color: color.to_backend_color(),
        pos: Pos::new(h, v),
    }
}

/// The same, from below upwards.
pub fn upwards(style: TextStyle<'static>) -> TextStyle<'static> {
    style.transform(FontTransform::Rotate270)
}

/// A name as it can be shown: what is no letter to look at is replaced, and what is too long cut off.
pub fn shown(name: &str, n_letters: usize) -> String {
    let mut letters: Vec<char> = name
        .chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if letters.len() > n_letters {
        letters.truncate(n_letters - 1);
        letters.push('…');
    }
    letters.into_iter().collect()
}
