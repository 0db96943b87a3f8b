//! Minima by following the gradient: plain descent, momentum, Adam and BFGS in Rosenbrock's valley.
//!
//! `f(x, y) = (1 - x)² + 100 (y - x²)²` falls steeply into a bent valley and then hardly at all towards its
//! only minimum, 0 at `(1, 1)`. There its second derivatives have the eigenvalues 0.4 and 1002: the ratio
//! `κ ≈ 2500` says how hard it is.
//!
//! | method   | step                                                    | errors fall in each by        |
//! |----------|---------------------------------------------------------|-------------------------------|
//! | descent  | `x ← x - η g`                                           | `1 - 2/κ` with the best `η`   |
//! | momentum | `v ← β v + g`, `x ← x - η v`                            | `1 - 2/√κ` with the best both |
//! | Adam     | `x ← x - η m̂ / (√v̂ + ε)`, means of `g` and `g²`         | no such bound                 |
//! | BFGS     | `x ← x - t H g`, `H` from the gradients' differences    | more and more                 |
//!
//! with `g = ∇f(x)`. Descent and momentum need `η` below `2/λ`, `λ` the largest eigenvalue anywhere on the
//! way, or they diverge. Adam divides each coordinate by the size of its own gradients. **BFGS** learns what
//! `H`, the inverse of the second derivatives, is: `H ← (I - ρ s yᵀ) H (I - ρ y sᵀ) + ρ s sᵀ` with `s` the
//! last step, `y` the gradients' difference and `ρ = 1 / sᵀy`; each step is halved until `f` falls by at
//! least a small share of what the slope promises. `H` stays positive definite as long as `sᵀy > 0`, and is
//! kept as it is where that does not hold.
//!
//! **Caveats.** A small gradient is not a small distance: the valley's floor is almost level. `H` has `N²`
//! entries, which no network's weights allow.
//!
//! Each step waits for the last one, and takes a dozen operations: there is nothing here for vectors, threads
//! or devices. Where many minima are looked for at once, each is a thread's own, as in [`ode`](super::ode).
//!
//! Source: Nocedal and Wright, "Numerical Optimization" (2006), sections 3.3, 6.1 and 8.1; Kingma and Ba,
//! "Adam: A Method for Stochastic Optimization" (2015); Polyak (1964) for momentum's rate.

use std::cell::Cell;
use std::path::PathBuf;

use clap::Args;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::element::{Circle, PathElement};
use plotters::series::LineSeries;
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use crate::files::Target;
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness, Work};
use crate::picture::{self, FAINT, GRID, INK, PAPER, SERIES, text};
use crate::{Error, Result};

/// The eigenvalues of the second derivatives at the minimum, `501 ± √(501² - 400)`: the smaller one.
const SMALLEST_EIGENVALUE: f64 = 0.399_360_8;
/// Where paths are drawn, at least.
const SHOWN: [[f64; 2]; 2] = [[-1.8, 1.8], [-0.8, 2.4]];
/// A place of a path is drawn if it is so far from the last one that was.
const SEEN_APART: f64 = 0.004;

/// The options of `rosenbrock`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where to begin: x,y
    #[arg(
        long, value_name = "X,Y", value_delimiter = ',', num_args = 1, default_values_t = [-1.2, 1.0],
        allow_hyphen_values = true
    )]
    from: Vec<f64>,

    /// Steps after which a method is given up
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = count)]
    steps: usize,

    /// Draw the paths into this file, an SVG
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A value, and the gradient beside it.
pub type Value = (f64, [f64; 2]);

/// When a method ends.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// The gradient is no longer than this.
    pub gradient: f64,
    /// So many steps were made.
    pub n_steps: usize,
}

/// Where a method came by.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The places, from the first to the last.
    pub points: Vec<[f64; 2]>,
    /// How often the function was computed.
    pub n_evaluations: usize,
    /// Whether the gradient has become as small as was asked for.
    pub is_complete: bool,
}

/// Rosenbrock's function.
pub fn rosenbrock([x, y]: [f64; 2]) -> Value {
    let (slope, height) = (1.0 - x, y - x * x);
    let value = slope * slope + 100.0 * height * height;
    (value, [-2.0 * slope - 400.0 * x * height, 200.0 * height])
}

/// Follows the gradient by steps of `rate` times it.
pub fn descent(f: impl Fn([f64; 2]) -> Value, from: [f64; 2], rate: f64, stop: Stop) -> Path {
    follow(&f, from, stop, |_, x, (_, gradient)| {
        along(x, -rate, gradient)
    })
}

/// Follows the sum of all gradients, each by `momentum` weaker than the next one.
pub fn momentum(
    f: impl Fn([f64; 2]) -> Value,
    from: [f64; 2],
    [rate, momentum]: [f64; 2],
    stop: Stop,
) -> Path {
    let mut velocity = [0.0; 2];
    follow(&f, from, stop, |_, x, (_, gradient)| {
        velocity = along(gradient, momentum, velocity);
        along(x, -rate, velocity)
    })
}

/// Adam with its authors' constants.
pub fn adam(f: impl Fn([f64; 2]) -> Value, from: [f64; 2], rate: f64, stop: Stop) -> Path {
    const BETAS: [f64; 2] = [0.9, 0.999];
    const EPSILON: f64 = 1e-8;
    let mut means = [[0.0; 2]; 2];
    // What the means still lack, having begun at 0.
    let mut powers = [1.0; 2];
    follow(&f, from, stop, |_, x, (_, gradient)| {
        for (idx, beta) in BETAS.into_iter().enumerate() {
            powers[idx] *= beta;
            for (mean, g) in means[idx].iter_mut().zip(gradient) {
                let power = if idx == 0 { g } else { g * g };
                *mean = beta * *mean + (1.0 - beta) * power;
            }
        }
        let [first, second] = [0, 1].map(|idx| means[idx].map(|mean| mean / (1.0 - powers[idx])));
        [0, 1].map(|axis| x[axis] - rate * first[axis] / (second[axis].sqrt() + EPSILON))
    })
}

/// The method of Broyden, Fletcher, Goldfarb and Shanno.
pub fn bfgs(f: impl Fn([f64; 2]) -> Value, from: [f64; 2], stop: Stop) -> Path {
    /// The share of what the slope promises that a step has to keep.
    const SHARE: f64 = 1e-4;
    let mut inverse = [[1.0, 0.0], [0.0, 1.0]];
    let mut last: Option<([f64; 2], [f64; 2])> = None;
    follow(&f, from, stop, |f, x, (value, gradient)| {
        if let Some((last_x, last_gradient)) = last {
            let step = along(x, -1.0, last_x);
            update(&mut inverse, step, along(gradient, -1.0, last_gradient));
        }
        last = Some((x, gradient));
        let direction = inverse.map(|row| -dot(row, gradient));
        let slope = dot(direction, gradient);
        // Beyond what numbers hold there is no way down.
        if !(slope < 0.0 && slope.is_finite()) {
            return x;
        }
        let mut length = 1.0;
        loop {
            let next = along(x, length, direction);
            // What does not move any more ends the search.
            if next == x || f(next).0 <= value + SHARE * length * slope {
                return next;
            }
            length /= 2.0;
        }
    })
}

/// BFGS's update of the inverse of the second derivatives.
fn update(inverse: &mut [[f64; 2]; 2], step: [f64; 2], change: [f64; 2]) {
    let curvature = dot(step, change);
    if !(curvature > 0.0) {
        return;
    }
    let image = inverse.map(|row| dot(row, change));
    let scale = (1.0 + dot(change, image) / curvature) / curvature;
    for (i, row) in inverse.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry +=
                scale * step[i] * step[j] - (image[i] * step[j] + step[i] * image[j]) / curvature;
        }
    }
}

/// Goes from place to place. `step` gets the function, the place and what the function is there, and says
/// where the next place is.
fn follow(
    f: &dyn Fn([f64; 2]) -> Value,
    from: [f64; 2],
    stop: Stop,
    mut step: impl FnMut(&dyn Fn([f64; 2]) -> Value, [f64; 2], Value) -> [f64; 2],
) -> Path {
    let n_evaluations = Cell::new(0);
    let f = |x| {
        n_evaluations.set(n_evaluations.get() + 1);
        f(x)
    };
    let mut points = vec![from];
    let is_complete = loop {
        let x = points[points.len() - 1];
        let value = f(x);
        let length = dot(value.1, value.1).sqrt();
        if length <= stop.gradient || !length.is_finite() || points.len() > stop.n_steps {
            break length <= stop.gradient;
        }
        let next = step(&f, x, value);
        if next == x {
            break false;
        }
        points.push(next);
    };
    Path {
        points,
        n_evaluations: n_evaluations.get(),
        is_complete,
    }
}

fn along(x: [f64; 2], length: f64, direction: [f64; 2]) -> [f64; 2] {
    [x[0] + length * direction[0], x[1] + length * direction[1]]
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let &[x, y] = &self.from[..] else {
            let n = self.from.len();
            return Err(Error::Input(format!(
                "--from: expected x,y, not {n} numbers"
            )));
        };
        let from = [x, y];
        if !rosenbrock(from).0.is_finite() {
            return Err(Error::Input(format!(
                "--from {x},{y}: the function has no finite value there"
            )));
        }
        let out = self.out.as_deref();
        let out = out.map(|path| Target::new("--out", path)).transpose()?;
        let stop = Stop {
            gradient: 1e-8,
            n_steps: self.steps,
        };

        // The steps of a path are as many as they are: there is no work to compare with the machine's.
        let mut table = harness.table(Work {
            bytes: 0.0,
            operations: 0.0,
        });
        type Method = fn([f64; 2], Stop) -> Path;
        let methods: [(&str, Method); 4] = [
            ("descent", |from, stop| {
                descent(rosenbrock, from, 1e-3, stop)
            }),
            ("momentum", |from, stop| {
                momentum(rosenbrock, from, [5e-4, 0.95], stop)
            }),
            ("Adam", |from, stop| adam(rosenbrock, from, 0.02, stop)),
            ("BFGS", |from, stop| bfgs(rosenbrock, from, stop)),
        ];
        let paths = methods.map(|(name, method)| (name, table.host(name, || method(from, stop))));

        harness.print(format_args!(
            "{:<10}{:>10}{:>14}{:>12}{:>26}",
            "method", "steps", "evaluations", "value", "ends at"
        ))?;
        for (name, path) in &paths {
            let end = path.points[path.points.len() - 1];
            let (value, [x, y]) = (rosenbrock(end).0, end);
            harness.print(format_args!(
                "{name:<10}{:>10}{:>14}{value:>12.1e}{:>26}",
                path.points.len() - 1,
                path.n_evaluations,
                format!("{x:.6}, {y:.6}")
            ))?;
        }
        for (name, path) in &paths {
            let end = path.points[path.points.len() - 1];
            if !path.is_complete {
                let what = match rosenbrock(end).0.is_finite() {
                    true => "did not reach the minimum",
                    false => "diverged: its steps are too long this far away",
                };
                harness.print(format_args!("{name} {what}"))?;
                continue;
            }
            let [x, y] = end;
            let distance = (x - 1.0).hypot(y - 1.0);
            // Near the minimum the gradient is the second derivatives times the distance; twice that, for
            // what bends.
            let limit = 2.0 * stop.gradient / SMALLEST_EIGENVALUE;
            harness.check(&format!("{name}, distance to (1, 1)"), distance, limit)?;
        }
        if let Some(target) = &out {
            target.replace(&picture::file(&draw(from, &paths)?))?;
            harness.print(format_args!("the paths are in {}", target.file().display()))?;
        }
        harness.print_table(table)
    }
}

/// The paths on a map of the valley, as an SVG.
fn draw(from: [f64; 2], paths: &[(&str, Path)]) -> Result<String> {
    let [xs, ys] = [0, 1].map(|axis| {
        let [least, most] = SHOWN[axis];
        least.min(from[axis] - 0.3)..most.max(from[axis] + 0.3)
    });
    picture::draw((760, 620), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(54)
            .build_cartesian_2d(xs.clone(), ys.clone())?;
        let label = text(13, FAINT, HPos::Left, VPos::Top);
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(FAINT)
            .x_desc("x")
            .y_desc("y")
            .x_labels(8)
            .y_labels(8)
            .label_style(label)
            .axis_desc_style(text(14, INK, HPos::Left, VPos::Top))
            .draw()?;
        let is_shown = |&(x, y): &(f64, f64)| xs.contains(&x) && ys.contains(&y);
        for power in -2..=5 {
            // The places of the value `level` are y = x² ± √(level - (1 - x)²) / 10.
            let level = 10.0_f64.powi(power);
            let half = level.sqrt();
            let x_at =
                |idx: i32| 1.0 - half * (f64::from(idx) / 400.0 * std::f64::consts::PI).cos();
            for sign in [-1.0, 1.0] {
                let places: Vec<(f64, f64)> = (0..=400)
                    .map(|idx| {
                        let x = x_at(idx);
                        let root = (level - (1.0 - x) * (1.0 - x)).max(0.0).sqrt();
                        (x, x * x + sign * root / 10.0)
                    })
                    .collect();
                // Parts of it, where it leaves the map and comes back.
                for part in places.split(|place| !is_shown(place)) {
                    chart.draw_series(LineSeries::new(part.iter().copied(), FAINT.mix(0.4)))?;
                }
            }
        }
        for ((name, path), color) in paths.iter().zip(SERIES) {
            let mut places: Vec<(f64, f64)> = Vec::new();
            let all = path.points.iter().map(|&[x, y]| (x, y));
            for (x, y) in all.take_while(is_shown) {
                let last = places.last();
                if last.is_none_or(|last| (x - last.0).hypot(y - last.1) >= SEEN_APART) {
                    places.push((x, y));
                }
            }
            let style = color.stroke_width(2);
            let n_steps = path.points.len() - 1;
            chart
                .draw_series(LineSeries::new(places.iter().copied(), style))?
                .label(format!("{name}, {n_steps} steps"))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
            if n_steps <= 200 {
                let dots = places
                    .iter()
                    .map(|&place| Circle::new(place, 3, color.filled()));
                chart.draw_series(dots)?;
            }
        }
        chart.draw_series([Circle::new((1.0, 1.0), 5, INK.stroke_width(2))])?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperMiddle)
            .margin(16)
            .legend_area_size(30)
            .background_style(PAPER)
            .border_style(GRID)
            .label_font(text(14, INK, HPos::Left, VPos::Top))
            .draw()
    })
}
