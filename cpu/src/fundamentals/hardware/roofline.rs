//! How near every algorithm comes to what the machine can do, as a picture.
//!
//! An algorithm that does `I` operations for each byte it has to move is done at most `min(P, I B)`
//! operations a second: `P` are the machine's, `B` its bandwidth ([`machine`](super::machine) measures
//! both). With both axes logarithmic this is a roof: a slope where memory is the limit, level where
//! arithmetic is. A point far below it is bound by something else: a chain of operations that wait for each
//! other, divisions and exponentials, which count as one operation and take as long as ten, a cache.
//!
//! **How it is measured.** Every other subcommand is run at its default sizes with all of its checks; the
//! fastest of its versions is the point. `I` counts what any version has to read, write and compute, once:
//! numbers that are read again come out of a cache, and a point can lie above the slope if all of its data
//! fit there. What never leaves the registers has no `I`, and stands at the right edge. What does no
//! operations on floating-point numbers that could be counted is left out, and named.
//!
//! **Caveats.** One number for a machine hides its caches, of which each has a roof of its own; operations
//! on `f64` have half of the roof of `f32`. The simulator has no speed: with it only the CPU is shown.
//!
//! Source: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore
//! architectures", CACM 2009.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches};
use plotters::chart::ChartBuilder;
use plotters::coord::combinators::IntoLogRange;
use plotters::element::{Circle, Text};
use plotters::series::LineSeries;
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use super::machine::Speed;
use crate::files::Target;
use crate::fundamentals::{self, Algorithm, Fundamental, Harness, Place, Record};
use crate::picture::{self, FAINT, GRID, INK, TEST, TRAIN, text};
use crate::{Error, Result};

/// Operations a byte that the picture shows.
const INTENSITIES: Range<f64> = 1.0 / 32.0..4096.0;
/// Pixels of the picture, and how many across are the plot's.
const SIZE: (u32, u32) = (940, 720);
const WIDTH_OF_PLOT: u32 = 740;

/// The options of `roofline`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Run these algorithms only [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Option<Vec<String>>,

    /// Draw the picture into this file, an SVG
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A point: the fastest version of an algorithm in one place.
struct Point {
    algorithm: String,
    record: Record,
}

impl Point {
    /// Operations a byte; infinite for what never leaves the registers.
    fn intensity(&self) -> f64 {
        self.record.work.operations / self.record.work.bytes
    }

    /// Operations a second.
    fn rate(&self) -> f64 {
        self.record.work.operations / self.record.seconds
    }
}

/// What a machine can do with so many operations a byte, in operations a second.
pub fn roof(speed: Speed, intensity: f64) -> f64 {
    speed.operations.min(intensity * speed.bandwidth)
}

/// All subcommands but this one, or those that were asked for, in the order of `list`.
fn commands(only: Option<&[String]>) -> Result<Vec<Command>> {
    let all: Vec<Command> = (fundamentals::groups().into_iter())
        .flat_map(|(_, group)| group.get_subcommands().cloned().collect::<Vec<_>>())
        .filter(|command| command.get_name() != "roofline")
        .collect();
    let Some(only) = only else { return Ok(all) };
    let is_one = |name: &String| all.iter().any(|command| command.get_name() == name);
    if let Some(name) = only.iter().find(|name| !is_one(name)) {
        return Err(Error::Input(format!(
            "--only {name}: there is no such algorithm to measure; `list` shows all"
        )));
    }
    let is_wanted = |command: &Command| only.iter().any(|name| command.get_name() == name);
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// An algorithm with its default options.
fn with_defaults(command: &Command) -> Fundamental {
    let name = command.get_name().to_owned();
    let matches = Command::new("")
        .subcommand(command.clone())
        .try_get_matches_from(["", &name]);
    matches
        .and_then(|matches| Fundamental::from_arg_matches(&matches))
        .expect("every algorithm runs without options")
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let out = self.out.as_deref();
        let out = out.map(|path| Target::new("--out", path)).transpose()?;
        let commands = commands(self.only.as_deref())?;
        let machine = harness.machine()?;
        let speeds = [
            (Place::Host, "CPU", Some(machine.host)),
            (Place::Device, "GPU", machine.device),
        ];

        let mut points = Vec::new();
        let mut left_out = Vec::new();
        for command in &commands {
            let name = command.get_name();
            harness.print(format_args!("measuring {name}"))?;
            let records = harness.measure(with_defaults(command).algorithm())?;
            let n_points = points.len();
            for (place, ..) in speeds {
                let counted = (records.iter())
                    .filter(|record| record.place == place && record.work.operations > 0.0);
                let fastest = counted.max_by(|a, b| {
                    let rate = |record: &Record| record.work.operations / record.seconds;
                    rate(a).total_cmp(&rate(b))
                });
                points.extend(fastest.map(|record| Point {
                    algorithm: name.to_owned(),
                    record: record.clone(),
                }));
            }
            if points.len() == n_points {
                left_out.push(name);
            }
        }

        harness.print(format_args!(
            "\n{:<4}{:<22}{:<36}{:>10}{:>12}{:>8}",
            "", "algorithm", "fastest version", "FLOP/byte", "GFLOP/s", "roof"
        ))?;
        for (number, point) in points.iter().enumerate() {
            let speed = speeds
                .iter()
                .find(|(place, ..)| *place == point.record.place);
            let roof = speed
                .and_then(|(.., speed)| *speed)
                .map_or(0.0, |speed| roof(speed, point.intensity()));
            let intensity = match point.intensity() {
                intensity if intensity.is_finite() => format!("{intensity:.2}"),
                _ => "-".to_owned(),
            };
            harness.print(format_args!(
                "{:<4}{:<22}{:<36}{intensity:>10}{:>12.2}{:>6.0} %",
                number + 1,
                point.algorithm,
                point.record.version,
                point.rate() / 1e9,
                100.0 * point.rate() / roof
            ))?;
        }
        if !left_out.is_empty() {
            harness.print(format_args!(
                "without operations that are counted: {}",
                left_out.join(", ")
            ))?;
        }
        if let Some(target) = &out {
            let roofs: Vec<(Place, &str, Speed)> = (speeds.into_iter())
                .filter_map(|(place, name, speed)| Some((place, name, speed?)))
                .collect();
            target.replace(&picture::file(&draw(&roofs, &points)?))?;
            harness.print(format_args!(
                "the picture is in {}",
                target.file().display()
            ))?;
        }
        Ok(())
    }
}

/// The roofs, and the points below them by their numbers in the table, as an SVG.
fn draw(roofs: &[(Place, &str, Speed)], points: &[Point]) -> Result<String> {
    let color = |place| if place == Place::Host { TEST } else { TRAIN };
    let rates = points.iter().map(Point::rate);
    let highest = roofs.iter().map(|(.., speed)| speed.operations);
    let highest = highest.chain(rates.clone()).fold(0.0, f64::max);
    let lowest = rates.fold(highest / 1e3, f64::min);
    picture::draw(SIZE, |area| {
        let (plot, legend) = area.split_horizontally(WIDTH_OF_PLOT);
        let mut chart = ChartBuilder::on(&plot)
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(74)
            .build_cartesian_2d(
                INTENSITIES.log_scale(),
                (lowest / 2e9..highest * 2e-9).log_scale(),
            )?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(GRID.mix(0.0))
            .axis_style(FAINT)
            .x_desc("operations for each byte")
            .y_desc("billions of operations a second")
            .label_style(text(13, FAINT, HPos::Left, VPos::Top))
            .axis_desc_style(text(14, INK, HPos::Left, VPos::Top))
            .draw()?;
        for &(place, name, speed) in roofs {
            let ridge = speed.operations / speed.bandwidth;
            let corners = [INTENSITIES.start, ridge, INTENSITIES.end]
                .map(|intensity| (intensity, roof(speed, intensity) / 1e9));
            chart.draw_series(LineSeries::new(corners, color(place).stroke_width(2)))?;
            let label = format!(
                "{name}: {:.0} GB/s, {:.0} GFLOP/s",
                speed.bandwidth / 1e9,
                speed.operations / 1e9
            );
            let style = text(13, color(place), HPos::Right, VPos::Bottom);
            let above = (INTENSITIES.end, 1.06 * corners[2].1);
            chart.draw_series([Text::new(label, above, style)])?;
        }
        let mut taken: Vec<(i32, i32)> = Vec::new();
        for (idx, point) in points.iter().enumerate() {
            let color = color(point.record.place);
            let intensity = point.intensity().clamp(INTENSITIES.start, INTENSITIES.end);
            let at = (intensity, point.rate() / 1e9);
            chart.draw_series([Circle::new(at, 4, color.filled())])?;
            // The number stands beside the point, or lower, where no other one is.
            let (x, y) = chart.backend_coord(&at);
            let (x, mut y) = (x - 6, y - 7);
            while taken
                .iter()
                .any(|&(a, b)| (a - x).abs() < 20 && (b - y).abs() < 12)
            {
                y += 4;
            }
            taken.push((x, y));
            let number = (idx + 1).to_string();
            area.draw_text(&number, &text(12, INK, HPos::Right, VPos::Top), (x, y))?;
            let name = format!("{number}  {}", point.algorithm);
            let place = (10, 24 + 17 * idx as i32);
            legend.draw_text(&name, &text(13, color, HPos::Left, VPos::Top), place)?;
        }
        Ok(())
    })
}
