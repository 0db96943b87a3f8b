//! Loss and accuracy, epoch by epoch.

use std::ops::Range;

use cpu::Result;
use cpu::checkpoint::Epoch;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::element::{Circle, PathElement};
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, RGBColor};

use cpu::picture::{Contents, FAINT, GRID, INK, PAPER, Picture, TEST, TRAIN, draw, text};

const SIZE: (u32, u32) = (760, 420);
/// With more epochs than this a curve needs no dots to be seen as one.
const N_DOTS: usize = 60;

/// A value of each epoch, of the training images and of the test images.
struct Curves {
    file: &'static str,
    title: &'static str,
    /// What stands at the axis.
    unit: &'static str,
    /// Number of the epoch and value.
    train: Vec<(f64, f64)>,
    test: Vec<(f64, f64)>,
    range: Range<f64>,
}

/// The mean loss.
pub fn loss(history: &[Epoch]) -> Result<Picture> {
    let values = |value: fn(&Epoch) -> f64| series(history, value);
    let (train, test) = (values(|e| e.train_loss), values(|e| e.test_loss));
    let highest = highest(&[&train, &test]);
    let caption = caption("The mean loss", "", &train, &test, 4);
    Curves {
        file: "loss.svg",
        title: "Loss",
        unit: "mean loss",
        train,
        test,
        // A loss of nothing but zeros still needs an axis.
        range: 0.0..if highest > 0.0 { 1.05 * highest } else { 1.0 },
    }
    .picture(caption)
}

/// The share of images that are classified correctly, in percent.
pub fn accuracy(history: &[Epoch]) -> Result<Picture> {
    let values = |value: fn(&Epoch) -> f64| series(history, value);
    let train = values(|e| 100.0 * e.train_accuracy);
    let test = values(|e| 100.0 * e.test_accuracy);
    let lowest = -highest(&[&negative(&train), &negative(&test)]);
    let caption = caption("The share of correct answers", " %", &train, &test, 2);
    Curves {
        file: "accuracy.svg",
        title: "Accuracy",
        unit: "correct, %",
        train,
        test,
        range: (lowest - 0.05 * (100.0 - lowest)).clamp(0.0, 99.0)..100.0,
    }
    .picture(caption)
}

fn series(history: &[Epoch], value: fn(&Epoch) -> f64) -> Vec<(f64, f64)> {
    history
        .iter()
        .map(|epoch| (epoch.epoch as f64, value(epoch)))
        .collect()
}

fn negative(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().map(|&(x, y)| (x, -y)).collect()
}

fn highest(series: &[&[(f64, f64)]]) -> f64 {
    let values = series.iter().flat_map(|points| points.iter());
    values.map(|&(_, y)| y).fold(f64::NEG_INFINITY, f64::max)
}

fn caption(
    what: &str,
    unit: &str,
    train: &[(f64, f64)],
    test: &[(f64, f64)],
    digits: usize,
) -> String {
    match (train.last(), test.last()) {
        (Some((epoch, train)), Some((_, test))) => format!(
            "{what} after epoch {epoch}: {train:.digits$}{unit} of the training images, \
             {test:.digits$}{unit} of the test images."
        ),
        _ => format!("{what}: no epoch is complete."),
    }
}

impl Curves {
    fn picture(self, caption: String) -> Result<Picture> {
        let first = self.test.first().map_or(1.0, |&(epoch, _)| epoch);
        let last = self.test.last().map_or(1.0, |&(epoch, _)| epoch);
        // A single epoch has no extent.
        let (first, last) = if first == last {
            (first - 0.5, last + 0.5)
        } else {
            (first, last)
        };
        let n_epochs = self.test.len();
        let svg = draw(SIZE, |area| {
            let mut chart = ChartBuilder::on(area)
                .margin(14)
                .margin_right(24)
                .x_label_area_size(44)
                .y_label_area_size(64)
                .build_cartesian_2d(first..last, self.range.clone())?;
            let digits = if self.range.end - self.range.start < 0.1 {
                3
            } else {
                2
            };
            chart
                .configure_mesh()
                .bold_line_style(GRID)
                .light_line_style(GRID.mix(0.0))
                .axis_style(FAINT)
                .x_desc("epoch")
                .y_desc(self.unit)
                .x_labels(n_epochs.clamp(1, 10))
                .y_labels(6)
                .x_label_formatter(&|epoch| whole(*epoch))
                .y_label_formatter(&|value| match self.range.end {
                    end if end >= 10.0 => format!("{value:.1}"),
                    _ => format!("{value:.digits$}"),
                })
                .label_style(text(13, FAINT, HPos::Left, VPos::Top))
                .axis_desc_style(text(14, INK, HPos::Left, VPos::Top))
                .draw()?;
            for (name, points, color) in [
                ("training images", &self.train, TRAIN),
                ("test images", &self.test, TEST),
            ] {
                let style = color.stroke_width(2);
                chart
                    .draw_series(LineSeries::new(points.iter().copied(), style))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
                if points.len() <= N_DOTS {
                    chart.draw_series(points.iter().map(|&point| dot(point, color)))?;
                }
            }
            let position = if self.range.end == 100.0 {
                SeriesLabelPosition::LowerRight
            } else {
                SeriesLabelPosition::UpperRight
            };
            chart
                .configure_series_labels()
                .position(position)
                .margin(16)
                .legend_area_size(30)
                .background_style(PAPER)
                .border_style(GRID)
                .label_font(text(14, INK, HPos::Left, VPos::Top))
                .draw()
        })?;
        Ok(Picture {
            file: self.file,
            title: self.title,
            caption,
            contents: Contents::Svg(svg),
        })
    }
}

fn dot(point: (f64, f64), color: RGBColor) -> Circle<(f64, f64), i32> {
    Circle::new(point, 3, color.filled())
}

/// An epoch's number; nothing between two epochs.
fn whole(epoch: f64) -> String {
    if epoch.fract() == 0.0 {
        format!("{epoch}")
    } else {
        String::new()
    }
}
