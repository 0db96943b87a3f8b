//! Principal components: the directions along which points vary most.
//!
//! Of all directions `v` of length 1 the first component is that along which the points' variance, `v · C v`, is
//! largest, where `C` is their covariance; each further one is that among the directions orthogonal to those
//! before. They are the eigenvectors of `C`, and the variances its eigenvalues. The first `K` of them are what
//! a point is best told by in `K` numbers, `zₖ = vₖ · (x - m)`: of all planes of that dimension theirs, through
//! the mean, leaves the least squared distances, `N - 1` times the sum of the variances that are left out.
//!
//! `C` is the [`scatter`] divided by `N - 1`, `N D²` operations; its eigenvectors are found by Jacobi's
//! rotations, [`eigen`](crate::fundamentals::linear_algebra::eigen), `D³` of them times some twenty, which do not
//! depend on the number of points.
//!
//! **Caveats.** `C` has the squares of the singular values of the centered table: a deviation below `√u`,
//! 10⁻⁸, of the largest is lost in rounding, which the [SVD](crate::fundamentals::linear_algebra::svd) of the
//! table itself would find. Columns in other units have other components. A component's sign is arbitrary: its
//! largest coordinate is made positive; and those of equal variances are any orthogonal directions of their plane.
//!
//! Source: Jolliffe, "Principal Component Analysis" (2002), chapters 2 and 3.

use clap::Args;

use super::samples::{Random, check_columns, check_numbers};
use super::scatter::{self, OnDevice, Scatter};
use crate::fundamentals::data::{Columns, count, rows};
use crate::fundamentals::linear_algebra::eigen::{Eigen, jacobi_with_threads};
use crate::fundamentals::{Algorithm, Harness};
use crate::{Error, Result};

/// Directions along which random points vary.
const N_HIDDEN: usize = 3;
/// The standard deviation of what random coordinates have besides.
const NOISE: f64 = 0.1;
/// Coordinates of a component that are shown.
const MAX_SHOWN: usize = 6;

/// The options of `pca`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random points there are
    #[arg(long, value_name = "N", default_value_t = 1 << 17, value_parser = count)]
    points: usize,

    /// Coordinates of each
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = count)]
    dimensions: usize,

    /// Components that are shown, and by which points are told
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = count)]
    components: usize,

    #[command(flatten)]
    columns: Columns,
}

/// The components of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// The points' mean, `[D]`.
    pub mean: Vec<f64>,
    /// The variance along each component, the largest first, `[D]`.
    pub variances: Vec<f64>,
    /// Row `k` is the direction of component `k`, `[D, D]`.
    pub directions: Vec<f64>,
}

/// All components, from the points' scatter; and the eigenvalues as they came.
///
/// # Errors
///
/// [`Error::Input`] if there are not two points, or the squares of their coordinates overflow.
pub fn components(scatter: &Scatter) -> Result<(Components, Eigen)> {
    let n = scatter.means.len();
    if scatter.n_rows < 2 {
        return Err(Error::Input(format!(
            "{} point varies in no direction: at least 2 are needed",
            scatter.n_rows
        )));
    }
    if let Some(column) = (0..n).find(|&column| !scatter.squares(column).is_finite()) {
        return Err(Error::Input(format!(
            "column {}: the squares of its numbers overflow; take smaller units",
            column + 1
        )));
    }
    let eigen = jacobi_with_threads(&covariance(scatter), n)?;
    let mut directions = eigen.vectors.clone();
    for direction in directions.chunks_exact_mut(n) {
        let largest =
            direction.iter().fold(
                0.0_f64,
                |largest, &x| {
                    if x.abs() > largest.abs() { x } else { largest }
                },
            );
        if largest < 0.0 {
            direction.iter_mut().for_each(|x| *x = -*x);
        }
    }
    let components = Components {
        mean: scatter.means.clone(),
        // Rounding leaves something below 0 of a variance of 0.
        variances: eigen.values.iter().map(|value| value.max(0.0)).collect(),
        directions,
    };
    Ok((components, eigen))
}

/// The covariance, `[D, D]`, of at least two points.
pub fn covariance(scatter: &Scatter) -> Vec<f64> {
    let degrees = (scatter.n_rows - 1) as f64;
    scatter.products.iter().map(|sum| sum / degrees).collect()
}

impl Components {
    /// A point's `zₖ` along the first components.
    pub fn project(&self, point: &[f64], n_components: usize) -> Vec<f64> {
        let directions = self.directions.chunks_exact(self.mean.len());
        directions
            .take(n_components)
            .map(|direction| {
                let terms = point.iter().zip(&self.mean).zip(direction);
                terms.map(|((x, mean), v)| (x - mean) * v).sum()
            })
            .collect()
    }

    /// The point that is told by its `zₖ`.
    pub fn restore(&self, along: &[f64]) -> Vec<f64> {
        let mut point = self.mean.clone();
        for (z, direction) in along.iter().zip(self.directions.chunks_exact(point.len())) {
            for (x, v) in point.iter_mut().zip(direction) {
                *x += z * v;
            }
        }
        point
    }

    /// The sum of the squared distances of points from what the first components tell of them.
    pub fn left_out(&self, table: &[f64], n_components: usize) -> f64 {
        let squares = table.chunks_exact(self.mean.len()).map(|point| {
            let restored = self.restore(&self.project(point, n_components));
            let differences = point.iter().zip(restored).map(|(a, b)| a - b);
            differences.map(|x| x * x).sum::<f64>()
        });
        squares.sum()
    }
}

impl Options {
    fn table(&self, harness: &Harness) -> Result<(Vec<f64>, usize)> {
        if let Some(columns) = self.columns.read()? {
            check_columns(columns.len(), 1)?;
            return Ok((rows(&columns).collect(), columns.len()));
        }
        let n = self.dimensions;
        check_columns(n, 1)?;
        check_numbers(self.points, n)?;
        let mut random = Random::new(harness.seed());
        let hidden: Vec<f64> = (0..N_HIDDEN * n).map(|_| random.normal()).collect();
        let mut table = Vec::with_capacity(self.points * n);
        for _ in 0..self.points {
            let along = [(); N_HIDDEN].map(|()| random.normal());
            for column in 0..n {
                let products = along.iter().zip(hidden.chunks_exact(n));
                let sum: f64 = products.map(|(z, direction)| z * direction[column]).sum();
                table.push(sum + NOISE * random.normal());
            }
        }
        Ok((table, n))
    }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let (table, n) = self.table(harness)?;
        let n_points = table.len() / n;
        let mut timed = harness.table(scatter::work(n_points, n));
        let mut results = Vec::new();
        for (version, sum_up) in scatter::VERSIONS {
            let version = format!("covariance, {version}");
            let scatter = timed.host(&version, || sum_up(&table, n));
            results.push((version, scatter));
        }
        if let Some(device) = harness.device() {
            let mut on_device = OnDevice::new(device, &table, n)?;
            let version = "covariance, GPU";
            let scatter = timed.device(version, device, || on_device.scatter())?;
            results.push((version.to_owned(), scatter));
        }

        let scatter = &results[0].1;
        let (components, eigen) = components(scatter)?;
        let n_components = self.components.min(n);
        print_components(harness, &components, n_components)?;
        let covariance = covariance(scatter);
        harness.check("eigenvectors", eigen.residual(&covariance), eigen.limit())?;
        harness.check("orthogonality", eigen.orthogonality(), eigen.limit())?;
        harness.check(
            "squared distances left out",
            left_out_error(&components, &table, n_components),
            left_out_limit(n_points, &eigen),
        )?;
        for (what, other) in &results[1..] {
            // Each of the sums rounds once for each point.
            let limit = n_points as f64 * f64::EPSILON;
            harness.check(what, scatter.difference(other), limit)?;
        }
        harness.print_table(timed)
    }
}

/// By how much what the first components leave out differs from what their variances say, as a share of all
/// of the points' scatter.
pub fn left_out_error(components: &Components, table: &[f64], n_components: usize) -> f64 {
    let degrees = (table.len() / components.mean.len() - 1) as f64;
    let all: f64 = components.variances.iter().sum();
    let rest: f64 = components.variances.iter().skip(n_components).sum();
    let error = (components.left_out(table, n_components) / degrees - rest).abs();
    if error == 0.0 { 0.0 } else { error / all }
}

/// What [`left_out_error`] may be: the rounding of the covariance, and of its eigenvalues, each of which may
/// be off.
pub fn left_out_limit(n_points: usize, eigen: &Eigen) -> f64 {
    let n = eigen.values.len() as f64;
    n_points as f64 * f64::EPSILON + n * eigen.limit()
}

/// Shows the first components and their variances.
fn print_components(
    harness: &mut Harness,
    components: &Components,
    n_components: usize,
) -> Result<()> {
    let n = components.mean.len();
    let all: f64 = components.variances.iter().sum();
    if all == 0.0 {
        return harness.print("all points are the same: they vary in no direction");
    }
    harness.print(format_args!(
        "{:>10}{:>14}{:>10}{:>10}   direction",
        "component", "variance", "share", "together"
    ))?;
    let mut together = 0.0;
    let directions = components.directions.chunks_exact(n);
    let shown = components.variances.iter().zip(directions);
    for (idx, (variance, direction)) in shown.take(n_components).enumerate() {
        together += variance;
        let coordinates: Vec<String> = direction
            .iter()
            .take(MAX_SHOWN)
            .map(|x| format!("{x:.3}"))
            .collect();
        let more = if n > MAX_SHOWN { " ..." } else { "" };
        harness.print(format_args!(
            "{:>10}{variance:>14.6}{:>8.2} %{:>8.2} %   {}{more}",
            idx + 1,
            100.0 * variance / all,
            100.0 * together / all,
            coordinates.join(" ")
        ))?;
    }
    Ok(())
}
