//! The confusion matrix as a map: how often each label got each prediction.

use cpu::Result;
use plotters::element::{Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use cpu::picture::{Contents, FAINT, INK, Picture, TEST, WRONG, draw, shown, text, upwards};

/// Letters of a class's name.
const N_LETTERS: usize = 14;
/// Columns are named from left to right up to this many letters, and upwards beyond.
const N_LETTERS_ACROSS: usize = 3;

/// `confusion[label][prediction]` images, `[C][C]`, with the names of the classes.
pub fn picture(confusion: &[Vec<usize>], class_names: &[String]) -> Result<Picture> {
    let n_classes = confusion.len();
    let names: Vec<String> = class_names
        .iter()
        .map(|name| shown(name, N_LETTERS))
        .collect();
    let n_letters = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(1);
    let are_across = n_letters <= N_LETTERS_ACROSS;
    // Few classes have room for four digits in a cell.
    let cell: i32 = if n_classes <= 16 { 46 } else { 24 };
    let letters: u32 = if n_classes <= 16 { 13 } else { 8 };
    let (label, name_width) = (34, 8 * n_letters as i32 + 12);
    let left = label + name_width;
    let top = label + if are_across { 22 } else { name_width };
    let side = cell * n_classes as i32;
    let size = ((left + side + 14) as u32, (top + side + 14) as u32);

    let is_wrong = |(label, prediction): &(usize, usize)| label != prediction;
    let cells = || (0..n_classes).flat_map(|label| (0..n_classes).map(move |p| (label, p)));
    let share = |(label, prediction): (usize, usize)| {
        let n_images: usize = confusion[label].iter().sum();
        confusion[label][prediction] as f64 / n_images.max(1) as f64
    };
    let worst = cells()
        .filter(is_wrong)
        .max_by(|&a, &b| share(a).total_cmp(&share(b)));
    let worst_share = worst.map_or(0.0, share);

    let svg = draw(size, |area| {
        let middle = left + side / 2;
        let heading = text(14, INK, HPos::Center, VPos::Top);
        area.draw(&Text::new("prediction", (middle, 10), heading.clone()))?;
        let heading = upwards(text(14, INK, HPos::Center, VPos::Top));
        area.draw(&Text::new("label", (10, top + side / 2), heading))?;
        for (class, name) in names.iter().enumerate() {
            let center = cell * class as i32 + cell / 2;
            let style = text(13, FAINT, HPos::Right, VPos::Center);
            area.draw(&Text::new(name.clone(), (left - 8, top + center), style))?;
            let (style, place) = if are_across {
                let style = text(13, FAINT, HPos::Center, VPos::Bottom);
                (style, (left + center, top - 6))
            } else {
                let style = upwards(text(13, FAINT, HPos::Left, VPos::Center));
                (style, (left + center, top - 8))
            };
            area.draw(&Text::new(name.clone(), place, style))?;
        }
        for (row, column) in cells() {
            let count = confusion[row][column];
            let (x, y) = (left + cell * column as i32, top + cell * row as i32);
            let corners = [(x + 1, y + 1), (x + cell - 1, y + cell - 1)];
            let share = share((row, column));
            // Mistakes are rare where a model is any good: they are shown beside the worst one, and
            // their square root lets the lesser ones be seen.
            let (color, strength) = match row == column {
                true => (TEST, 0.5 * share),
                false if count == 0 => (INK, 0.0),
                false => (WRONG, 0.08 + 0.5 * (share / worst_share).sqrt()),
            };
            area.draw(&Rectangle::new(corners, FAINT.mix(0.08).filled()))?;
            area.draw(&Rectangle::new(corners, color.mix(strength).filled()))?;
            if count > 0 {
                let style = text(letters, INK, HPos::Center, VPos::Center);
                let place = (x + cell / 2, y + cell / 2);
                area.draw(&Text::new(count.to_string(), place, style))?;
            }
        }
        Ok(())
    })?;
    let caption = match worst.filter(|_| worst_share > 0.0) {
        Some((label, prediction)) => format!(
            "A row per label, a column per prediction, with numbers of images. The most frequent \
             mistake of a class: {:.1} % of {} were taken for {}.",
            100.0 * worst_share,
            class_names[label],
            class_names[prediction]
        ),
        None => "A row per label, a column per prediction, with numbers of images. There is no \
                 mistake."
            .to_owned(),
    };
    Ok(Picture {
        file: "confusion.svg",
        title: "Confusion matrix",
        caption,
        contents: Contents::Svg(svg),
    })
}
