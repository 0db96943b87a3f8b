//! The files that make.py wrote, and how numbers are compared with theirs.

use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// For the reference, which computes in double precision as PyTorch did: a few roundings, each of 1e-16,
/// in sums of up to a few hundred terms.
const DOUBLE_LIMIT: f64 = 1e-12;

/// For devices, which compute in single precision: a few roundings, each of 6e-8, in such sums.
const SINGLE_LIMIT: f64 = 1e-5;

struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// One of the files.
pub struct Family {
    cases: Vec<Value>,
    tensors: HashMap<String, Tensor>,
}

/// What PyTorch computed for some settings.
pub struct Case<'a> {
    family: &'a Family,
    settings: &'a Value,
}

impl Family {
    pub fn load(name: &str) -> Family {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/pytorch");
        let path = folder.join(name).with_extension("safetensors");
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let made = &header.metadata().as_ref().unwrap()["made"];
        let mut made: Value = serde_json::from_str(made).unwrap();
        let mut tensors = HashMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
            let words = view.data().as_chunks::<8>().0.iter().copied();
            let values = match view.dtype() {
                Dtype::F64 => words.map(f64::from_le_bytes).collect(),
                Dtype::I64 => words.map(|word| i64::from_le_bytes(word) as f64).collect(),
                other => panic!("{name} is of {other:?}"),
            };
            let shape = view.shape().to_vec();
            tensors.insert(name, Tensor { shape, values });
        }
        Family {
            cases: serde_json::from_value(made["cases"].take()).unwrap(),
            tensors,
        }
    }

    pub fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        assert!(!self.cases.is_empty());
        self.cases.iter().map(|settings| Case {
            family: self,
            settings,
        })
    }
}

impl Case<'_> {
    pub fn name(&self) -> &str {
        self.text("name")
    }

    pub fn text(&self, setting: &str) -> &str {
        let value = &self.settings[setting];
        value
            .as_str()
            .unwrap_or_else(|| panic!("{setting}: {value}"))
    }

    /// A setting, if there is such.
    pub fn get(&self, setting: &str) -> Option<f64> {
        self.settings.get(setting)?.as_f64()
    }

    pub fn number(&self, setting: &str) -> f64 {
        self.get(setting)
            .unwrap_or_else(|| panic!("{}: no number {setting}", self.name()))
    }

    pub fn is(&self, setting: &str) -> bool {
        self.settings[setting].as_bool() == Some(true)
    }

    pub fn pair(&self, setting: &str) -> [f64; 2] {
        [0, 1].map(|idx| self.settings[setting][idx].as_f64().unwrap())
    }

    fn tensor(&self, name: &str) -> &Tensor {
        let name = format!("{}.{name}", self.name());
        self.family
            .tensors
            .get(&name)
            .unwrap_or_else(|| panic!("there is no tensor {name}"))
    }

    pub fn shape(&self, tensor: &str) -> &[usize] {
        &self.tensor(tensor).shape
    }

    pub fn values(&self, tensor: &str) -> &[f64] {
        &self.tensor(tensor).values
    }

    /// The rows of a tensor: what its first dimension counts.
    pub fn rows(&self, tensor: &str) -> impl Iterator<Item = &[f64]> {
        let Tensor { shape, values } = self.tensor(tensor);
        values.chunks_exact(values.len() / shape[0])
    }

    /// In single precision, which holds them exactly where PyTorch started from them.
    pub fn narrow(&self, tensor: &str) -> Vec<f32> {
        narrow(self.values(tensor))
    }

    /// Compares with what the reference computed.
    pub fn check_double(&self, tensor: &str, actual: &[f64]) {
        self.check(
            &format!("{tensor} of the reference"),
            actual,
            self.values(tensor),
            DOUBLE_LIMIT,
        );
    }

    /// Compares with what a device computed.
    pub fn check_single(&self, tensor: &str, actual: &[f32]) {
        self.check(tensor, &wide(actual), self.values(tensor), SINGLE_LIMIT);
    }

    /// The same, for a part of a tensor.
    pub fn check_part(&self, what: &str, actual: &[f64], expected: &[f64]) {
        self.check(
            &format!("{what} of the reference"),
            actual,
            expected,
            DOUBLE_LIMIT,
        );
    }

    /// The same, for a part of a tensor.
    pub fn check_single_part(&self, what: &str, actual: &[f32], expected: &[f64]) {
        self.check(what, &wide(actual), expected, SINGLE_LIMIT);
    }

    /// Errors are relative to the largest magnitude of the array: where terms of a sum cancel each
    /// other, or an update what it updates, an element's own digits are lost in PyTorch as well.
    fn check(&self, what: &str, actual: &[f64], expected: &[f64], limit: f64) {
        let what = format!("{}, {what}", self.name());
        assert_eq!(actual.len(), expected.len(), "{what}");
        let scale = expected.iter().fold(0.0_f64, |scale, x| scale.max(x.abs()));
        for (idx, (actual, expected)) in actual.iter().zip(expected).enumerate() {
            let error = (actual - expected).abs();
            assert!(
                error <= limit * scale,
                "{what}: [{idx}] is {actual:e}, in PyTorch {expected:e}: an error of {:e} of the \
                 largest magnitude, {limit:e} is the limit",
                error / scale
            );
        }
    }
}

pub fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// Whole numbers.
pub fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().map(|&value| value as u8).collect()
}
