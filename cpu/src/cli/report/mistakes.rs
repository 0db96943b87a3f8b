//! The images that the model is most sure of and wrong about.

use std::fmt::Write;

use cpu::Result;
use cpu::backend::Backend;
use cpu::data::Dataset;
use cpu::nn::Sequential;
use cpu::predict::{logits, probabilities};
use cpu::train::Evaluation;
use plotters::element::Text;
use plotters::style::text_anchor::{HPos, VPos};

use super::raster::{Raster, data_url};
use cpu::picture::{Contents, FAINT, INK, Picture, WRONG, draw, shown, text};

/// Mistakes that are shown.
const N_SHOWN: usize = 24;
const N_COLUMNS: usize = 6;
/// Letters of a class's name.
const N_LETTERS: usize = 14;

/// A place in the picture, with what it holds.
const TILE: [i32; 2] = [140, 160];
/// Side of the square that an image lies in.
const IMAGE: i32 = 96;

/// An image that was classified wrongly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mistake {
    /// Its number in the data set.
    pub image_idx: usize,
    /// What it is.
    pub label: usize,
    /// What the model takes it for.
    pub prediction: usize,
    /// How sure of that the model is.
    pub probability: f32,
}

/// All mistakes, the surest first.
pub fn find<B: Backend>(
    backend: &B,
    model: &mut Sequential<B>,
    test: &Dataset,
    evaluation: &Evaluation,
) -> Result<Vec<Mistake>> {
    let labelled = test.labels.iter().zip(&evaluation.predictions).enumerate();
    let mut mistakes: Vec<Mistake> = labelled
        .filter(|(_, (label, prediction))| label != prediction)
        .map(|(image_idx, (&label, &prediction))| Mistake {
            image_idx,
            label: label.into(),
            prediction: prediction.into(),
            probability: 0.0,
        })
        .collect();
    let images: Vec<u8> = mistakes
        .iter()
        .flat_map(|mistake| test.image(mistake.image_idx))
        .copied()
        .collect();
    let probabilities = probabilities(&logits(backend, model, &images)?, test.n_classes);
    for (mistake, row) in mistakes
        .iter_mut()
        .zip(probabilities.chunks_exact(test.n_classes))
    {
        mistake.probability = row[mistake.prediction];
    }
    // Sorting keeps the order of those that are equally sure.
    mistakes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    Ok(mistakes)
}

/// The surest of the mistakes, with what was predicted.
pub fn picture(mistakes: &[Mistake], test: &Dataset, class_names: &[String]) -> Result<Picture> {
    let worst = &mistakes[..mistakes.len().min(N_SHOWN)];
    let n_rows = worst.len().div_ceil(N_COLUMNS).max(1);
    let n_columns = worst.len().clamp(1, N_COLUMNS);
    let [width, height] = TILE;
    let place = |index: usize| {
        let (row, column) = (index / N_COLUMNS, index % N_COLUMNS);
        (width * column as i32, height * row as i32)
    };
    let size = |n: usize, side: i32| n as u32 * side as u32;
    let mut svg = draw((size(n_columns, width), size(n_rows, height)), |area| {
        if worst.is_empty() {
            let style = text(14, INK, HPos::Center, VPos::Center);
            area.draw(&Text::new("no mistake", (width / 2, height / 2), style))?;
        }
        for (index, mistake) in worst.iter().enumerate() {
            let (x, y) = place(index);
            let name = |class: usize| shown(&class_names[class], N_LETTERS);
            let percent = 100.0 * mistake.probability;
            for (line, color, down) in [
                (format!("is {}", name(mistake.label)), INK, 14),
                (format!("taken for {}", name(mistake.prediction)), WRONG, 30),
                (
                    format!("{percent:.1} %, image {}", mistake.image_idx),
                    FAINT,
                    46,
                ),
            ] {
                let style = text(12, color, HPos::Center, VPos::Center);
                let place = (x + width / 2, y + IMAGE + down);
                area.draw(&Text::new(line, place, style))?;
            }
        }
        Ok(())
    })?;
    // Plotters draws an image pixel by pixel unless it is built with a decoder for images.
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    let mut images = String::new();
    for (index, mistake) in worst.iter().enumerate() {
        let (x, y) = place(index);
        let png = Raster::grey(test.size[1], test.image(mistake.image_idx)).png();
        // Writing to a string cannot fail.
        let _ = writeln!(
            images,
            r#"<image x="{}" y="{}" width="{IMAGE}" height="{IMAGE}" style="image-rendering: pixelated" href="{}"/>"#,
            x + (width - IMAGE) / 2,
            y + 4,
            data_url(&png)
        );
    }
    svg.insert_str(end, &images);
    let n_images = test.n_images();
    Ok(Picture {
        file: "mistakes.svg",
        title: "Worst mistakes",
        caption: match mistakes.len() {
            0 => format!("None: all {n_images} images were classified correctly."),
            n => format!(
                "{n} of {n_images} images were classified wrongly; these are the ones that the \
                 model was most sure of, with the probability it gave its answer."
            ),
        },
        contents: Contents::Svg(svg),
    })
}
