//! What an operation computed beside what it should have.

/// Half the distance from 1 to the next `f32`: the relative error of one rounding.
pub const UNIT: f64 = 1.0 / (1 << 24) as f64;

/// Below this, `f32` has fewer digits: errors are absolute there.
pub const SMALLEST_NORMAL: f64 = f32::MIN_POSITIVE as f64;

/// What an operation computed, and what it should have.
pub struct Output {
    pub name: String,
    pub actual: Vec<f32>,
    pub expected: Vec<f64>,
    /// How far from `expected` each element may lie.
    pub limit: Vec<f64>,
}

impl Output {
    pub fn new(name: String, actual: Vec<f32>, expected: Vec<f64>, limit: Vec<f64>) -> Output {
        assert_eq!(actual.len(), expected.len(), "{name}");
        assert_eq!(actual.len(), limit.len(), "{name}");
        Output {
            name,
            actual,
            expected,
            limit,
        }
    }

    pub fn exact(name: String, actual: Vec<f32>, expected: Vec<f64>) -> Output {
        let limit = vec![0.0; expected.len()];
        Output::new(name, actual, expected, limit)
    }

    pub fn check(&self, device: &str) {
        compare(
            &format!("{device}: {}", self.name),
            &self.actual,
            &self.expected,
            &self.limit,
        );
    }

    /// Both are within the limit of the reference, so they are within twice that of each other.
    pub fn check_against(&self, device: &str, other: &Output, other_device: &str) {
        assert_eq!(self.name, other.name);
        let limit: Vec<f64> = self.limit.iter().map(|limit| 2.0 * limit).collect();
        let what = format!("{device} against {other_device}: {}", self.name);
        compare(&what, &self.actual, &wide(&other.actual), &limit);
    }
}

/// Fails unless each element lies within its limit, or is as infinite or as little a number as it
/// should be.
pub fn compare(what: &str, actual: &[f32], expected: &[f64], limit: &[f64]) {
    let n = actual.len();
    let mut n_bad = 0;
    let mut first_bad = None;
    let mut largest = 0.0_f64;
    for (idx, ((&actual, &expected), &limit)) in actual.iter().zip(expected).zip(limit).enumerate()
    {
        // What overflows in `f32` is infinite there.
        let expected = if (expected as f32).is_infinite() {
            f64::from(expected as f32)
        } else {
            expected
        };
        let error = (f64::from(actual) - expected).abs();
        let is_good = if expected.is_nan() {
            actual.is_nan()
        } else if expected.is_infinite() {
            f64::from(actual) == expected
        } else {
            error <= limit
        };
        if !is_good {
            n_bad += 1;
            largest = largest.max(error);
            first_bad.get_or_insert((idx, actual, expected, limit));
        }
    }
    if let Some((idx, actual, expected, limit)) = first_bad {
        panic!(
            "{what}: {n_bad} of {n} elements are wrong, by up to {largest:e}; the first is [{idx}]: \
             {actual:e}, expected {expected:e} within {limit:e}"
        );
    }
}

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

pub fn absolute(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.abs()).collect()
}
