//! Layers and their gradients.

use cpu::Result;
use cpu::backend::{
    Activation, ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward,
    ConvolutionOperations, ConvolutionShape, HostBackend, Memory, Pooling, PoolingBackward,
    PoolingForward, PoolingOperations, PoolingShape, Window,
};
use cpu::nn::{
    ActivationLayer, Backward, BatchNorm, Dense, Dropout, Embedding, Forward, Layer, LayerNorm,
    Mode, Parameter, Softmax, Step,
};

use crate::backend;
use crate::data::{Case, Family, narrow};
use crate::reference::{self, DenseShape, Normalization};

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

/// A forward pass for training, and a backward pass, which goes on to the input if there is a gradient
/// by it.
fn compute(
    layer: &mut dyn Layer<HostBackend>,
    x: &[f32],
    dy: &[f32],
    has_dx: bool,
) -> Result<Computed> {
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
            dx: has_dx.then_some(&mut dx),
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

/// Gives a layer that has them the weight and the bias of a case.
fn set_weight_and_bias(layer: &mut dyn Layer<HostBackend>, case: &Case) -> Result<()> {
    for parameter in layer.parameters_mut() {
        parameter.value = backend().upload_floats(&case.narrow(parameter.name))?;
    }
    Ok(())
}

/// Compares what a layer makes of the case's `x` and `dy`.
fn check_layer(case: &Case, layer: &mut dyn Layer<HostBackend>) -> Result<()> {
    let computed = compute(layer, &case.narrow("x"), &case.narrow("dy"), true)?;
    case.check_single("y", &computed.y);
    case.check_single("dx", &computed.dx);
    for (parameter, gradient) in &computed.gradients {
        case.check_single(&format!("d{parameter}"), gradient);
    }
    Ok(())
}

/// The output of a layer that is not trained.
fn evaluate(layer: &mut dyn Layer<HostBackend>, x: &[f32]) -> Result<Vec<f32>> {
    let backend = backend();
    let n_rows = x.len() / layer.n_inputs();
    let mut y = backend.zeros(n_rows * layer.n_outputs())?;
    layer.forward(
        &backend,
        Forward {
            x: &backend.upload_floats(x)?,
            y: &mut y,
            n_rows,
            mode: Mode::Evaluation,
        },
    )?;
    backend.download_floats(&y)
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
    let computed = compute(&mut layer, &case.narrow("x"), &case.narrow("dy"), true)?;
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

#[test]
fn batch_normalization() -> Result<()> {
    let backend = backend();
    let family = Family::load("normalization");
    for case in family
        .cases()
        .filter(|case| case.text("layer") == "batch_norm")
    {
        let shape = case.shape("x0");
        let n_channels = case.number("n_channels") as usize;
        let n_pixels = shape[2..].iter().product::<usize>();
        let (epsilon, momentum) = (case.number("epsilon"), case.number("momentum"));
        let (weight, bias) = (case.values("weight"), case.values("bias"));
        let groups = Normalization::of_batch([shape[0], n_channels, n_pixels]);
        let mut running = [vec![0.0; n_channels], vec![1.0; n_channels]];

        let mut layer = BatchNorm::new(&backend, n_channels, n_pixels, Activation::Identity)?;
        set_weight_and_bias(&mut layer, &case)?;
        for step in 0..2 {
            let name = |array: &str| format!("{array}{step}");
            let (x, dy) = (case.values(&name("x")), case.values(&name("dy")));
            let (mean, variance) = groups.moments(x);
            let z = groups.normalized(x, &mean, &variance, epsilon);
            case.check_double(&name("y"), &groups.scaled(&z, weight, bias));
            let deviation: Vec<f64> = variance.iter().map(|v| (v + epsilon).sqrt()).collect();
            let gradients = groups.backward(&z, &deviation, weight, dy);
            case.check_double(&name("dx"), &gradients.dx);
            case.check_double(&name("dweight"), &gradients.dweight);
            case.check_double(&name("dbias"), &gradients.dbias);
            // What runs along is the variance of the population.
            let n = groups.n_per_group();
            let population: Vec<f64> = variance.iter().map(|v| v * n / (n - 1.0)).collect();
            for (running, new) in running.iter_mut().zip([&mean, &population]) {
                for (running, new) in running.iter_mut().zip(new) {
                    *running += momentum * (new - *running);
                }
            }
            case.check_double(&name("running_mean"), &running[0]);
            case.check_double(&name("running_var"), &running[1]);

            let computed = compute(&mut layer, &narrow(x), &narrow(dy), true)?;
            case.check_single(&name("y"), &computed.y);
            case.check_single(&name("dx"), &computed.dx);
            for (parameter, gradient) in &computed.gradients {
                case.check_single(&name(&format!("d{parameter}")), gradient);
            }
            for buffer in Layer::<HostBackend>::buffers(&layer) {
                let values = backend.download_floats(&buffer.value)?;
                case.check_single(&name(buffer.name), &values);
            }
        }

        let x = case.values("x_evaluation");
        let z = groups.normalized(x, &running[0], &running[1], epsilon);
        case.check_double("y_evaluation", &groups.scaled(&z, weight, bias));
        case.check_single("y_evaluation", &evaluate(&mut layer, &narrow(x))?);
    }
    Ok(())
}

#[test]
fn layer_normalization() -> Result<()> {
    let backend = backend();
    let family = Family::load("normalization");
    let case = family
        .cases()
        .find(|case| case.name() == "layer_norm")
        .unwrap();
    let [n_rows, n_values] = dimensions(&case, "x");
    let epsilon = case.number("epsilon");
    let (x, dy) = (case.values("x"), case.values("dy"));
    let (weight, bias) = (case.values("weight"), case.values("bias"));
    let groups = Normalization::of_rows([n_rows, n_values]);
    let (mean, variance) = groups.moments(x);
    let z = groups.normalized(x, &mean, &variance, epsilon);
    case.check_double("y", &groups.scaled(&z, weight, bias));
    let deviation: Vec<f64> = variance.iter().map(|v| (v + epsilon).sqrt()).collect();
    let gradients = groups.backward(&z, &deviation, weight, dy);
    case.check_double("dx", &gradients.dx);
    case.check_double("dweight", &gradients.dweight);
    case.check_double("dbias", &gradients.dbias);

    let mut layer = LayerNorm::new(&backend, n_rows, 1, &[n_values])?;
    set_weight_and_bias(&mut layer, &case)?;
    check_layer(&case, &mut layer)
}

#[test]
fn activations() -> Result<()> {
    for case in Family::load("elementwise").cases() {
        let activation = match case.name() {
            "identity" => Activation::Identity,
            "relu" => Activation::Relu,
            "leaky_relu" => Activation::LeakyRelu(case.number("slope") as f32),
            "sigmoid" => Activation::Sigmoid,
            "tanh" => Activation::Tanh,
            "gelu" => Activation::Gelu,
            "gelu_tanh" => Activation::GeluTanh,
            "silu" => Activation::Silu,
            "softmax" | "dropout" => continue,
            other => panic!("{other}"),
        };
        let (x, dy) = (case.values("x"), case.values("dy"));
        let y: Vec<f64> = x
            .iter()
            .map(|&x| reference::activation(activation, x))
            .collect();
        case.check_double("y", &y);
        // Some derivatives follow from the output, the others from the input.
        let known = if activation.is_known_from_output() {
            &y
        } else {
            x
        };
        let backward = |(&known, &dy)| reference::activation_backward(activation, known, dy);
        let dx: Vec<f64> = known.iter().zip(dy).map(backward).collect();
        case.check_double("dx", &dx);
        check_layer(
            &case,
            &mut ActivationLayer::new(activation, case.shape("x")[1]),
        )?;
    }
    Ok(())
}

#[test]
fn softmax_and_dropout() -> Result<()> {
    let family = Family::load("elementwise");
    let find = |name| family.cases().find(|case| case.name() == name).unwrap();
    let case = find("softmax");
    let n_values = case.shape("x")[1];
    let y = reference::softmax_forward(case.values("x"), n_values);
    case.check_double("y", &y);
    case.check_double(
        "dx",
        &reference::softmax_backward(&y, case.values("dy"), n_values),
    );
    check_layer(&case, &mut Softmax::new(1, n_values)?)?;

    // Only as it is used: what it leaves out while training is its own.
    let case = find("dropout");
    let mut layer = Dropout::new(0.4, n_values, 0)?;
    case.check_single("y", &evaluate(&mut layer, &case.narrow("x"))?);
    Ok(())
}

#[test]
fn embedding() -> Result<()> {
    let family = Family::load("embedding");
    for case in family.cases() {
        let [n_rows, n_indices] = dimensions(&case, "indices");
        let [n_entries, n_values] = dimensions(&case, "weight");
        let (indices, dy) = (case.values("indices"), case.values("dy"));
        let weight = case.values("weight");
        case.check_double(
            "y",
            &reference::embedding_forward(indices, weight, n_values),
        );
        let dweight = reference::embedding_backward(indices, dy, n_entries, n_values);
        case.check_double("dweight", &dweight);
        let mut layer = Embedding::with_values(
            &backend(),
            n_indices,
            n_entries,
            n_values,
            &case.narrow("weight"),
        )?;
        let computed = compute(&mut layer, &narrow(indices), &case.narrow("dy"), false)?;
        assert_eq!(computed.y.len(), n_rows * n_indices * n_values);
        case.check_single("y", &computed.y);
        case.check_single("dweight", &computed.gradients[0].1);
    }
    Ok(())
}
