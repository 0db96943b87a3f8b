//! What the page is told of a drawing: probabilities, and what every layer made of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cpu::backend::Backend;
use cpu::image::Picture;
use cpu::nn::Sequential;
use cpu::predict::{logits, probabilities};
use cpu::{Error, Result};
use serde::Serialize;

use super::http::Answer;
use super::state::State;

/// Feature maps of a layer that are shown, and values of a layer that has no maps.
const MAX_MAPS: usize = 32;
const MAX_VALUES: usize = 1024;

#[derive(Serialize)]
struct Told {
    /// Of each class.
    probabilities: Vec<f32>,
    /// What the model saw: bytes as Base64, `[height, width]`.
    input: String,
    layers: Vec<Layer>,
}

/// What a layer gave.
#[derive(Serialize)]
struct Layer {
    name: String,
    description: String,
    /// Of one image: `[C, H, W]` or `[n]`.
    shape: Vec<usize>,
    /// The value that a byte of 0 stands for, at most 0.
    low: f32,
    /// The value that a byte of 255 stands for, at least 0.
    high: f32,
    /// The first values, as Base64.
    values: String,
}

/// Answers from the model. `shapes` are those of [`Architecture::shapes`](cpu::nn::Architecture::shapes).
///
/// # Errors
///
/// If the device fails; a drawing that the model cannot be asked about is an answer.
pub fn answer<B: Backend>(
    backend: &B,
    model: &mut Sequential<B>,
    shapes: &[Vec<usize>],
    state: &State,
    drawing: Vec<u8>,
) -> Result<Answer> {
    let prepared =
        Picture::new(state.drawing_size(), drawing).and_then(|p| p.prepared(state.size()));
    let input = match prepared {
        Ok(input) => input,
        Err(Error::Input(sentence)) => return Ok(Err(sentence)),
        Err(error) => return Err(error),
    };
    let logits = logits(backend, model, &input)?;
    if logits.iter().any(|logit| !logit.is_finite()) {
        let sentence = "the model gives numbers that are not finite: it has learned nothing of use";
        return Ok(Err(sentence.to_owned()));
    }
    let layers = model
        .activations()
        .map(|(name, description, n_outputs, values)| {
            // A layer's name is its place among all layers.
            let shape = name.parse().ok().and_then(|index: usize| shapes.get(index));
            let shape = shape.filter(|shape| shape.iter().product::<usize>() == n_outputs);
            let values = backend.download_floats(values)?;
            Ok(Layer::new(
                name,
                description,
                shape.cloned().unwrap_or_else(|| vec![n_outputs]),
                &values[..n_outputs],
            ))
        })
        .collect::<Result<_>>()?;
    let told = Told {
        probabilities: probabilities(&logits, logits.len()),
        input: STANDARD.encode(input),
        layers,
    };
    Ok(Ok(
        serde_json::to_string(&told).expect("numbers and text become JSON")
    ))
}

impl Layer {
    fn new(name: &str, description: String, shape: Vec<usize>, values: &[f32]) -> Self {
        let n_shown = match shape[..] {
            [n_maps, height, width] => n_maps.min(MAX_MAPS) * height * width,
            _ => values.len().min(MAX_VALUES),
        };
        let shown = &values[..n_shown];
        let low = shown.iter().copied().fold(0.0, f32::min);
        let high = shown.iter().copied().fold(0.0, f32::max);
        // One step of a byte; of what is 0 throughout, any.
        let step = if high > low {
            (high - low) / 255.0
        } else {
            1.0
        };
        let bytes: Vec<u8> = shown
            .iter()
            .map(|value| ((value - low) / step).round() as u8)
            .collect();
        Layer {
            name: name.to_owned(),
            description,
            shape,
            low,
            high,
            values: STANDARD.encode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_between_their_extremes_and_0() {
        let layer = Layer::new("0", String::new(), vec![3], &[-1.0, 0.0, 4.1]);
        assert_eq!((layer.low, layer.high), (-1.0, 4.1));
        assert_eq!(STANDARD.decode(layer.values).unwrap(), [0, 50, 255]);
        let layer = Layer::new("0", String::new(), vec![2], &[0.0, 0.0]);
        assert_eq!(STANDARD.decode(layer.values).unwrap(), [0, 0]);
        let layer = Layer::new("0", String::new(), vec![40, 1, 2], &[1.0; 80]);
        assert_eq!(STANDARD.decode(layer.values).unwrap(), [255; 64]);
    }
}
