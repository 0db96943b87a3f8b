//! Samples: random ones, or those of a CSV file.

use clap::Args;
use cuda_std::random::Philox;

use crate::fundamentals::Harness;
use crate::fundamentals::basics::random::Ziggurat;
use crate::fundamentals::data::{Columns, count, rows};
use crate::{Error, Result};

/// What the help of a subcommand says that learns to predict a column.
pub const TARGET: &str = "Of a CSV file the last of the --columns is the target.";

/// Most columns of a table of which all pairs of columns are looked at.
const MAX_COLUMNS: usize = 1025;
/// Most numbers of a random table.
const MAX_NUMBERS: usize = 1 << 31;

/// Parses what the squares of weights cost.
pub fn penalty(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "expected a number from 0 on".to_owned())
}

/// Where samples with a target come from.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// How many random samples there are
    #[arg(long, value_name = "N", default_value_t = 1 << 18, value_parser = count)]
    samples: usize,

    /// Features of each
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = count)]
    features: usize,

    #[command(flatten)]
    columns: Columns,
}

/// Rows of features, each with a target as its last number.
pub struct Samples {
    /// The table, `[N, D]`.
    pub table: Vec<f64>,
    /// D, the target among them.
    pub n_columns: usize,
    /// The weights of the features and the bias that random targets were made with.
    pub truth: Option<Vec<f64>>,
}

impl Samples {
    /// N.
    pub fn n_rows(&self) -> usize {
        self.table.len() / self.n_columns
    }
}

impl Source {
    /// The file's samples; or random ones with normal features, all of them with the same correlation,
    /// each of whose targets `target` makes of the weighted sum of the features and of random numbers.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or there are too few or too many columns.
    pub fn read(
        &self,
        harness: &Harness,
        correlation: f64,
        target: impl Fn(f64, &mut Random) -> f64,
    ) -> Result<Samples> {
        if let Some(columns) = self.columns.read()? {
            check_columns(columns.len(), 2)?;
            return Ok(Samples {
                table: rows(&columns).collect(),
                n_columns: columns.len(),
                truth: None,
            });
        }
        let n_columns = self.features.saturating_add(1);
        check_columns(n_columns, 2)?;
        check_numbers(self.samples, n_columns)?;
        let mut random = Random::new(harness.seed());
        let truth: Vec<f64> = (0..n_columns).map(|_| random.normal()).collect();
        let mut table = Vec::with_capacity(self.samples * n_columns);
        let [shared, own] = [correlation, 1.0 - correlation].map(f64::sqrt);
        for _ in 0..self.samples {
            let mut sum = truth[self.features];
            let of_all = shared * random.normal();
            for weight in &truth[..self.features] {
                let x = of_all + own * random.normal();
                sum += weight * x;
                table.push(x);
            }
            table.push(target(sum, &mut random));
        }
        Ok(Samples {
            table,
            n_columns,
            truth: Some(truth),
        })
    }
}

/// Random numbers, one after the other.
pub struct Random {
    philox: Philox,
    ziggurat: Ziggurat,
}

impl Random {
    /// Those of a seed.
    pub fn new(seed: u64) -> Self {
        Random {
            philox: Philox::new(seed, 0),
            ziggurat: Ziggurat::default(),
        }
    }

    /// A normal number.
    pub fn normal(&mut self) -> f64 {
        f64::from(self.ziggurat.sample(&mut self.philox))
    }

    /// A uniform number, from 0 to below 1.
    pub fn uniform(&mut self) -> f64 {
        self.philox.uniform_f64()
    }

    /// A whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        // Rounding may give `n` itself.
        ((self.uniform() * n as f64) as usize).min(n - 1)
    }
}

/// Points about `n_groups` random centers, and the group of each: the points' coordinates are normal, with a
/// standard deviation of 1 about the center, and the centers' have one of `distance`. `[D, N]`.
pub fn groups(
    random: &mut Random,
    [n_points, n_dimensions, n_groups]: [usize; 3],
    distance: f64,
) -> Result<(Vec<f32>, Vec<u32>)> {
    check_numbers(n_points, n_dimensions)?;
    check_numbers(n_groups, n_dimensions)?;
    let centers: Vec<f64> = (0..n_groups * n_dimensions)
        .map(|_| distance * random.normal())
        .collect();
    let groups: Vec<u32> = (0..n_points)
        .map(|_| random.below(n_groups) as u32)
        .collect();
    let mut points = Vec::with_capacity(n_points * n_dimensions);
    for dimension in 0..n_dimensions {
        for &group in &groups {
            let center = centers[group as usize * n_dimensions + dimension];
            points.push((center + random.normal()) as f32);
        }
    }
    Ok((points, groups))
}

/// The coordinates of points, `[D, N]`, from the columns of a file.
///
/// # Errors
///
/// [`Error::Input`] if one is so large that the squares of distances would overflow.
pub fn coordinates(columns: &[Vec<f64>]) -> Result<Vec<f32>> {
    const LARGEST: f64 = 1e15;
    for (idx, column) in columns.iter().enumerate() {
        if let Some(x) = column.iter().find(|x| x.abs() > LARGEST) {
            return Err(Error::Input(format!(
                "column {}: {x:e} is too large, expected at most {LARGEST:e}; take other units",
                idx + 1
            )));
        }
    }
    Ok(columns.iter().flatten().map(|&x| x as f32).collect())
}

/// Checks that a table has at least so many columns, and not too many to look at all pairs of them.
pub fn check_columns(n_columns: usize, least: usize) -> Result<()> {
    if !(least..=MAX_COLUMNS).contains(&n_columns) {
        return Err(Error::Input(format!(
            "a table of {n_columns} columns: expected {least} to {MAX_COLUMNS}, the target among them"
        )));
    }
    Ok(())
}

/// Checks that a random table is not too large.
pub fn check_numbers(n_rows: usize, n_columns: usize) -> Result<()> {
    if n_rows.saturating_mul(n_columns) > MAX_NUMBERS {
        return Err(Error::Input(format!(
            "{n_rows} samples of {n_columns} numbers: at most 2^31 numbers are taken"
        )));
    }
    Ok(())
}
