//! Layers and their gradients.

use cpu::Result;
use cpu::backend::{
    Activation, ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward,
    ConvolutionOperations, ConvolutionShape, HostBackend, Memory, Pooling, PoolingBackward,
    PoolingForward, PoolingOperations, PoolingShape, Window,
};
use cpu::nn::{Backward, Dense, Forward, Layer, Mode, Parameter, Step};

use crate::backend;
use crate::data::{Case, Family, narrow};
use crate::reference::{self, DenseShape};

/// Rows, columns, and so on.
fn dimensions<const N: usize>(case: &Case, tensor: &str) -> [usize; N] {
    case.shape(tensor).try_into().unwrap()
}

/// `values[rows, columns]` as `[columns, rows]`: PyTorch keeps a weight with its outputs first, products
/// here take it with its outputs last.
fn transposed<T: Copy>(values: &[T], n_rows: usize) -> Vec<T> {
    let n_columns = values.len() / n_rows;
    (0..values.len())
        .map(|idx| values[idx % n_rows * n_columns + idx / n_rows])
        .collect()
}

fn window(case: &Case) -> Window {
    let pair = |setting| case.pair(setting).map(|n| n as usize);
    Window {
        size: pair("size"),
        stride: pair("strides"),
        padding: pair("padding"),
    }
}

/// What a layer computes.
struct Computed {
    y: Vec<f32>,
    dx: Vec<f32>,
    /// Gradients by the parameters, each with its name.
    gradients: Vec<(&'static str, Vec<f32>)>,
}

/// A forward pass for training, and a backward pass.
fn compute(layer: &mut dyn Layer<HostBackend>, x: &[f32], dy: &[f32]) -> Result<Computed> {
    let backend = backend();
    let n_rows = x.len() / layer.n_inputs();
    let x = backend.upload_floats(x)?;
    let mut y = backend.zeros(dy.len())?;
    let step = Step { seed: 1, index: 0 };
    layer.forward(
        &backend,
        Forward {
            x: &x,
            y: &mut y,
            n_rows,
            mode: Mode::Training(step),
        },
    )?;
    let mut dx = backend.zeros(n_rows * layer.n_inputs())?;
    layer.backward(
        &backend,
        Backward {
            x: &x,
            y: &y,
            dy: &mut backend.upload_floats(dy)?,
            dx: Some(&mut dx),
            n_rows,
            step,
        },
    )?;
    let gradient = |p: &Parameter<HostBackend>| Ok((p.name, backend.download_floats(&p.gradient)?));
    Ok(Computed {
        y: backend.download_floats(&y)?,
        dx: backend.download_floats(&dx)?,
        gradients: layer
            .parameters()
            .iter()
            .map(gradient)
            .collect::<Result<_>>()?,
    })
}

#[test]
fn dense() -> Result<()> {
    let backend = backend();
    let family = Family::load("products");
    let case = family.cases().find(|case| case.name() == "dense").unwrap();
    let [n_rows, n_inputs] = dimensions(&case, "x");
    let [n_outputs, _] = dimensions(&case, "weight");
    let weight = transposed(case.values("weight"), n_outputs);
    let shape = DenseShape {
        n_rows,
        n_inputs,
        n_outputs,
    };
    let (x, dy) = (case.values("x"), case.values("dy"));
    case.check_double(
        "y",
        &reference::dense_forward(shape, x, &weight, case.values("bias")),
    );
    case.check_double("dx", &reference::dense_backward_input(shape, dy, &weight));
    let dweight = reference::dense_backward_weight(shape, x, dy);
    case.check_double("dweight", &transposed(&dweight, n_inputs));
    case.check_double("dbias", &reference::dense_backward_bias(shape, dy));

    let mut layer = Dense::with_values(
        &backend,
        n_inputs,
        n_outputs,
        Activation::Identity,
        &narrow(&weight),
        &case.narrow("bias"),
    )?;
    let computed = compute(&mut layer, &case.narrow("x"), &case.narrow("dy"))?;
    case.check_single("y", &computed.y);
    case.check_single("dx", &computed.dx);
    let [(_, dweight), (_, dbias)] = &computed.gradients[..] else {
        panic!("a weight and a bias")
    };
    case.check_single("dweight", &transposed(dweight, n_inputs));
    case.check_single("dbias", dbias);
    Ok(())
}

#[test]
fn convolutions() -> Result<()> {
    let backend = backend();
    let family = Family::load("products");
    for case in family.cases().filter(|case| case.name() != "dense") {
        let [n_rows, n_channels, height, width] = dimensions(&case, "x");
        let [n_outputs, ..] = dimensions::<4>(&case, "weight");
        let shape = ConvolutionShape {
            n_rows,
            n_channels,
            image: [height, width],
            n_outputs,
            window: window(&case),
        };
        let weight = transposed(case.values("weight"), n_outputs);
        let (x, dy) = (case.values("x"), case.values("dy"));
        let y = reference::convolution::forward(shape, x, &weight, case.values("bias"));
        case.check_double("y", &y);
        let dx = reference::convolution::backward_input(shape, dy, &weight);
        case.check_double("dx", &dx);
        let dweight = reference::convolution::backward_weight(shape, x, dy);
        case.check_double("dweight", &transposed(&dweight, shape.depth()));
        let dbias = reference::convolution::backward_bias(shape, dy);
        case.check_double("dbias", &dbias);

        let x = backend.upload_floats(&case.narrow("x"))?;
        let dy = backend.upload_floats(&case.narrow("dy"))?;
        let weight = backend.upload_floats(&narrow(&weight))?;
        let mut y = backend.zeros(y.len())?;
        backend.convolution_forward(ConvolutionForward {
            x: &x,
            weight: &weight,
            bias: &backend.upload_floats(&case.narrow("bias"))?,
            activation: Activation::Identity,
            y: &mut y,
            shape,
        })?;
        case.check_single("y", &backend.download_floats(&y)?);
        let mut dx = backend.zeros(dx.len())?;
        backend.convolution_backward_input(ConvolutionBackwardInput {
            dy: &dy,
            weight: &weight,
            dx: &mut dx,
            shape,
        })?;
        case.check_single("dx", &backend.download_floats(&dx)?);
        let mut dweight = backend.zeros(dweight.len())?;
        let mut dbias = backend.zeros(n_outputs)?;
        backend.convolution_backward_weight(ConvolutionBackwardWeight {
            x: &x,
            dy: &dy,
            dweight: &mut dweight,
            dbias: &mut dbias,
            shape,
        })?;
        let dweight = transposed(&backend.download_floats(&dweight)?, shape.depth());
        case.check_single("dweight", &dweight);
        case.check_single("dbias", &backend.download_floats(&dbias)?);
    }
    Ok(())
}

#[test]
fn pooling() -> Result<()> {
    let backend = backend();
    for case in Family::load("pooling").cases() {
        let [n_rows, n_channels, height, width] = dimensions(&case, "x");
        let pooling = match case.text("pooling") {
            "max" => Pooling::Max,
            _ => Pooling::Average,
        };
        let shape = PoolingShape {
            n_rows,
            n_channels,
            image: [height, width],
            window: window(&case),
        };
        let (x, dy) = (case.values("x"), case.values("dy"));
        case.check_double("y", &reference::pooling_forward(pooling, shape, x));
        case.check_double("dx", &reference::pooling_backward(pooling, shape, x, dy));

        let x = backend.upload_floats(&case.narrow("x"))?;
        let mut y = backend.zeros(dy.len())?;
        backend.pooling_forward(PoolingForward {
            pooling,
            x: &x,
            y: &mut y,
            shape,
        })?;
        case.check_single("y", &backend.download_floats(&y)?);
        let mut dx = backend.zeros(case.values("x").len())?;
        backend.pooling_backward(PoolingBackward {
            pooling,
            x: &x,
            dy: &backend.upload_floats(&case.narrow("dy"))?,
            dx: &mut dx,
            shape,
        })?;
        case.check_single("dx", &backend.download_floats(&dx)?);
    }
    Ok(())
}
