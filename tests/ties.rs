//! Layers that share a weight: one array is trained by the gradients of both, and saved once.

use std::num::NonZero;

use cpu::backend::{Activation, HostBackend, Memory};
use cpu::checkpoint::{Checkpoint, Description};
use cpu::nn::{
    Architecture, Initializer, LossPass, Mode, Optimizer, Sequential, Sgd, SoftmaxCrossEntropy,
    Step, Update, random_generator,
};

const N_ROWS: usize = 3;
const STEP: Step = Step { seed: 1, index: 0 };
const RATE: f32 = 0.25;

fn backend() -> HostBackend {
    HostBackend::new(NonZero::new(2)).unwrap()
}

/// Two equal dense layers, places 0 and 2.
fn dense_layers() -> Architecture {
    Architecture::new(&[5], Initializer::XavierNormal)
        .dense(5)
        .activation(Activation::Tanh)
        .dense(5)
}

/// An embedding of 5 entries, place 0, and a dense layer from its values back to the entries, place 2.
/// PyTorch keeps both weights as `[5, 4]`; the dense layer here reads it transposed.
fn entries() -> Architecture {
    Architecture::new(&[1], Initializer::XavierNormal)
        .embedding(5, 4)
        .flatten()
        .dense(5)
}

/// What goes in.
fn batch(architecture: &Architecture) -> Vec<f32> {
    let n = N_ROWS * architecture.input.iter().product::<usize>();
    // Whole numbers below 5 are entries as well.
    (0..n).map(|i| (i * i % 5) as f32).collect()
}

/// Runs the model forward and backward.
fn gradients(backend: &HostBackend, model: &mut Sequential<HostBackend>, x: &[f32]) {
    let x = backend.upload_floats(x).unwrap();
    let labels = backend.upload_bytes(&[4, 0, 2]).unwrap();
    let mut statistics = backend.statistics(1).unwrap();
    model
        .forward(backend, &x, N_ROWS, Mode::Training(STEP))
        .unwrap();
    let (y, dy) = model.output_and_gradient();
    let pass = LossPass {
        y,
        dy: Some(dy),
        statistics: &mut statistics,
        step: 0,
        n_rows: N_ROWS,
    };
    SoftmaxCrossEntropy::new(5)
        .compute(backend, &labels, pass)
        .unwrap();
    model.backward(backend, &x, N_ROWS, STEP).unwrap();
}

fn description(architecture: &Architecture) -> Description {
    Description {
        name: "tied".to_owned(),
        architecture: architecture.clone(),
        classes: (0..5).map(|class| class.to_string()).collect(),
        training: None,
    }
}

fn outputs(backend: &HostBackend, model: &mut Sequential<HostBackend>, x: &[f32]) -> Vec<f32> {
    let x = backend.upload_floats(x).unwrap();
    let y = model
        .forward(backend, &x, N_ROWS, Mode::Evaluation)
        .unwrap();
    backend.download_floats(y).unwrap()
}

/// A tensor of a model as files have it, PyTorch's way around.
fn tensor(
    backend: &HostBackend,
    model: &Sequential<HostBackend>,
    architecture: &Architecture,
    name: &str,
) -> Vec<f32> {
    let checkpoint = Checkpoint::of(backend, model, description(architecture)).unwrap();
    checkpoint.tensors[name].values.clone()
}

/// An optimizer's step of 1 turns values into values minus gradients: the gradients as files would have
/// them.
fn gradient(
    backend: &HostBackend,
    model: &mut Sequential<HostBackend>,
    architecture: &Architecture,
    name: &str,
) -> Vec<f32> {
    let before = tensor(backend, model, architecture, name);
    let optimizer = Optimizer::from(Sgd::new(RATE).unwrap());
    let update = Update {
        learning_rate: RATE,
        step: 1,
    };
    model.step(backend, &optimizer, update).unwrap();
    let after = tensor(backend, model, architecture, name);
    let gradient = |(before, after): (&f32, &f32)| (before - after) / RATE;
    before.iter().zip(&after).map(gradient).collect()
}

#[test]
fn the_gradient_is_the_sum_of_both() {
    let backend = backend();
    for free in [dense_layers(), entries()] {
        let tied = free.clone().tie(2, 0);
        let x = batch(&free);
        let build = |architecture: &Architecture| {
            architecture
                .build(&backend, N_ROWS, &mut random_generator(3))
                .unwrap()
        };
        let mut tied_model = build(&tied);
        assert_eq!(
            tied_model.n_parameters() + tied.tensors().unwrap()[0].1.iter().product::<usize>(),
            build(&free).n_parameters()
        );

        // The same numbers in two arrays.
        let weight = tensor(&backend, &tied_model, &tied, "0.weight");
        let mut twice = Checkpoint::of(&backend, &build(&free), description(&free)).unwrap();
        for name in ["0.weight", "2.weight"] {
            twice
                .tensors
                .get_mut(name)
                .unwrap()
                .values
                .clone_from(&weight);
        }
        let mut free_model = twice.build(&backend, N_ROWS).unwrap();
        assert_eq!(
            outputs(&backend, &mut tied_model, &x),
            outputs(&backend, &mut free_model, &x)
        );

        gradients(&backend, &mut tied_model, &x);
        gradients(&backend, &mut free_model, &x);
        let actual = gradient(&backend, &mut tied_model, &tied, "0.weight");
        let mut other = twice.build(&backend, N_ROWS).unwrap();
        gradients(&backend, &mut other, &x);
        let first = gradient(&backend, &mut free_model, &free, "0.weight");
        let second = gradient(&backend, &mut other, &free, "2.weight");
        assert!(first.iter().chain(&second).any(|g| g.abs() > 1e-2));
        for (idx, actual) in actual.iter().enumerate() {
            let expected = first[idx] + second[idx];
            // Weights of the order of 1, subtracted and divided by a quarter.
            if !((actual - expected).abs() <= 2e-6) {
                panic!("{tied:?}: [{idx}] is {actual}, expected {expected}");
            }
        }
    }
}

#[test]
fn a_saved_model_has_the_weight_once_and_computes_the_same() {
    let backend = backend();
    for architecture in [dense_layers().tie(2, 0), entries().tie(2, 0)] {
        let x = batch(&architecture);
        let mut model = architecture
            .build(&backend, N_ROWS, &mut random_generator(3))
            .unwrap();
        let checkpoint = Checkpoint::of(&backend, &model, description(&architecture)).unwrap();
        assert!(checkpoint.tensors.contains_key("0.weight"));
        assert!(!checkpoint.tensors.contains_key("2.weight"));
        let read = Checkpoint::parse(&checkpoint.to_bytes()).unwrap();
        let mut again = read.build(&backend, N_ROWS).unwrap();
        assert_eq!(
            outputs(&backend, &mut again, &x),
            outputs(&backend, &mut model, &x)
        );
    }
}

#[test]
fn what_cannot_be_shared_is_refused_by_name() {
    let backend = backend();
    let refused = |architecture: Architecture| {
        let error = architecture
            .build(&backend, N_ROWS, &mut random_generator(3))
            .err()
            .expect("it is refused");
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    let shapes = refused(
        Architecture::new(&[5], Initializer::XavierNormal)
            .dense(4)
            .dense(5)
            .tie(1, 0),
    );
    assert!(
        shapes.contains("[5, 4]") && shapes.contains("[4, 5]"),
        "{shapes}"
    );
    assert!(refused(dense_layers().tie(2, 7)).contains("there is no layer 7"));
    for ties in [(2, 2), (2, 1)] {
        let message = refused(dense_layers().tie(ties.0, ties.1));
        assert!(message.contains("cannot share the weight"), "{message}");
    }
}
