//! Images drawn in the terminal.

use std::env;
use std::fmt::Write;
use std::io::{self, IsTerminal};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// 24-bit colours.
    TrueColor,
    /// The 24 greys of the 256 colours.
    Palette,
    /// No colours: a pipe, a file, a terminal that cannot or shall not.
    Plain,
}

/// From no ink to the most.
const RAMP: &[u8] = b" .:-=+*#%@";
/// Its dots are of the upper pixel's colour, what is around them of the lower one's.
const HALF_BLOCK: char = '▀';

impl Style {
    /// What the standard output can show, by what the environment says.
    pub fn detect() -> Self {
        let variable = |name| env::var(name).unwrap_or_default();
        let is_plain = !io::stdout().is_terminal()
            || !variable("NO_COLOR").is_empty()
            || matches!(variable("TERM").as_str(), "" | "dumb");
        match variable("COLORTERM").as_str() {
            _ if is_plain => Style::Plain,
            "truecolor" | "24bit" => Style::TrueColor,
            _ => Style::Palette,
        }
    }
}

/// An image of values from 0 to 255, `width` in a row, as lines of text.
pub fn draw(pixels: &[u8], width: usize, style: Style) -> String {
    let rows: Vec<&[u8]> = pixels.chunks_exact(width).collect();
    let mut text = String::new();
    if style == Style::Plain {
        for row in rows {
            // A character is about twice as high as it is wide.
            let line: String = row.iter().flat_map(|&value| [ramp(value); 2]).collect();
            text += line.trim_end();
            text.push('\n');
        }
        return text;
    }
    for pair in rows.chunks(2) {
        let mut last = None;
        for column in 0..width {
            let lower = pair.get(1).map_or(0, |row| row[column]);
            let colours = (pair[0][column], lower);
            if last != Some(colours) {
                text += &colour(38, colours.0, style);
                text += &colour(48, colours.1, style);
                last = Some(colours);
            }
            text.push(HALF_BLOCK);
        }
        text += "\x1b[0m\n";
    }
    text
}

fn ramp(value: u8) -> char {
    char::from(RAMP[usize::from(value) * RAMP.len() / 256])
}

/// The escape sequence that sets the colour of the dots (38) or of what is around them (48).
fn colour(of: u8, value: u8, style: Style) -> String {
    let mut text = String::new();
    let result = match style {
        Style::TrueColor => write!(text, "\x1b[{of};2;{value};{value};{value}m"),
        _ => write!(text, "\x1b[{of};5;{}m", 232 + u16::from(value) * 24 / 256),
    };
    result.expect("a string takes all that is written to it");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_style_shows_each_pixel() {
        let pixels = [0, 255, 128, 0, 255, 255]; // [3, 2]
        assert_eq!(draw(&pixels, 2, Style::Plain), "  @@\n++\n@@@@\n");
        let palette = draw(&pixels, 2, Style::Palette);
        let expected = "\x1b[38;5;232m\x1b[48;5;244m▀\x1b[38;5;255m\x1b[48;5;232m▀\x1b[0m\n\
                        \x1b[38;5;255m\x1b[48;5;232m▀▀\x1b[0m\n";
        assert_eq!(palette, expected);
        let true_color = draw(&pixels, 2, Style::TrueColor);
        assert!(true_color.starts_with("\x1b[38;2;0;0;0m\x1b[48;2;128;128;128m▀"));
    }
}
