//! Training as a whole, on the CPU: it learns, it repeats bit for bit, it stops where it must.

use std::num::NonZero;
use std::ops::ControlFlow;

use cpu::Error;
use cpu::backend::{Activation, HostBackend, Memory};
use cpu::data::Dataset;
use cpu::nn::{
    Adagrad, Adam, Clipping, Dense, Initializer, Layer, Mode, Optimizer, Parameter, Rmsprop,
    Schedule, Sequential, Sgd, models, random_generator,
};
use cpu::train::{EpochSummary, Evaluator, Recipe, Trainer};
use rand::{RngExt, SeedableRng};

/// Noise with a bright bar whose place is the class: `n_images` of 5 by 5 pixels, 5 classes.
fn bars(n_images: usize, seed: u64) -> Dataset {
    let mut random = rand::rngs::ChaCha8Rng::seed_from_u64(seed);
    let mut images = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..n_images {
        let label = random.random_range(0..5_u8);
        for pixel in 0..25 {
            let is_bar = pixel / 5 == label;
            images.push(random.random_range(0..100_u8) + if is_bar { 120 } else { 0 });
        }
        labels.push(label);
    }
    Dataset {
        images,
        labels,
        size: [5, 5],
        n_classes: 5,
    }
}

/// A multilayer perceptron of layers of these sizes, for batches of `max_rows`.
fn perceptron(
    backend: &HostBackend,
    sizes: &[usize],
    max_rows: usize,
    seed: u64,
) -> cpu::Result<Sequential<HostBackend>> {
    let (first, rest) = sizes.split_first().unwrap();
    let (last, hidden) = rest.split_last().unwrap();
    let (relu, he) = (Activation::Relu, Initializer::HeNormal);
    models::mlp(&[*first], hidden, *last, relu, he).build(
        backend,
        max_rows,
        &mut random_generator(seed),
    )
}

struct Run {
    summaries: Vec<EpochSummary>,
    /// The bits of all parameters.
    bits: Vec<u32>,
    accuracy: f64,
}

fn run(n_threads: usize, seed: u64, optimizer: impl Into<Optimizer>) -> Run {
    let backend = HostBackend::new(NonZero::new(n_threads)).unwrap();
    // 507 images: the last batch has 11 of 16.
    let (training, test) = (bars(507, 1), bars(100, 2));
    let mut model = perceptron(&backend, &[25, 80, 5], 16, seed).unwrap();
    let recipe = Recipe::new(optimizer, 16, seed);
    let mut trainer = Trainer::new(&backend, recipe, &training).unwrap();
    let summaries = (0..5)
        .map(|_| trainer.epoch(&backend, &mut model).unwrap())
        .collect();
    let evaluation = Evaluator::new(&backend, &test, 16)
        .unwrap()
        .evaluate(&backend, &mut model)
        .unwrap();
    let bits = model
        .parameters()
        .flat_map(|parameter| backend.download_floats(&parameter.value).unwrap())
        .map(f32::to_bits)
        .collect();
    Run {
        summaries,
        bits,
        accuracy: evaluation.accuracy(),
    }
}

#[test]
fn a_small_network_learns() {
    for optimizer in [
        Optimizer::from(Sgd::new(0.1).unwrap()),
        Sgd::new(0.02).unwrap().momentum(0.9).unwrap().into(),
    ] {
        let run = run(2, 1, optimizer);
        let losses: Vec<f64> = run.summaries.iter().map(|epoch| epoch.mean_loss).collect();
        assert!(
            losses.windows(2).all(|pair| pair[1] < pair[0]),
            "{losses:?}"
        );
        assert_eq!(run.accuracy, 1.0);
        let epochs: Vec<usize> = run.summaries.iter().map(|epoch| epoch.epoch).collect();
        assert_eq!(epochs, [1, 2, 3, 4, 5]);
    }
}

#[test]
fn a_small_network_learns_with_every_optimizer() {
    for optimizer in [
        Optimizer::from(Sgd::new(0.02).unwrap().nesterov(0.9).unwrap()),
        Adam::new(0.005).unwrap().into(),
        Adam::decoupled(0.005).unwrap().into(),
        Rmsprop::new(0.002).unwrap().into(),
        Rmsprop::new(0.002).unwrap().centered().into(),
        Adagrad::new(0.03).unwrap().into(),
    ] {
        let run = run(2, 1, optimizer);
        assert_eq!(run.accuracy, 1.0, "{optimizer:?}");
    }
}

/// A step that is clipped and warms up has the length that both leave it.
#[test]
fn steps_are_clipped_and_scheduled() {
    let backend = HostBackend::new(NonZero::new(2)).unwrap();
    let data = bars(32, 1);
    let mut model = perceptron(&backend, &[25, 8, 5], 32, 1).unwrap();
    let values = |model: &Sequential<HostBackend>| -> Vec<f32> {
        let values = |parameter: &Parameter<_>| backend.download_floats(&parameter.value).unwrap();
        model.parameters().flat_map(values).collect()
    };
    let recipe = Recipe {
        schedule: Schedule::constant().warm_up(3),
        clipping: Some(Clipping::norm(1e-2).unwrap()),
        label_smoothing: 0.1,
        n_epochs: 4,
        ..Recipe::new(Sgd::new(1.0).unwrap(), 32, 1)
    };
    let mut trainer = Trainer::new(&backend, recipe, &data).unwrap();
    for share in [0.25, 0.5, 0.75, 1.0] {
        let before = values(&model);
        trainer.epoch(&backend, &mut model).unwrap();
        let after = values(&model);
        let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
        let length = before.iter().zip(&after).map(square).sum::<f64>().sqrt();
        // Parameters of up to 1 are rounded by 3e-8 each, about 250 of them; and PyTorch's 1e-6 beside
        // the norm.
        let error = (length - 1e-2 * share).abs();
        assert!(error <= 1e-6, "{share}: a step of {length}");
    }
}

#[test]
fn the_same_seed_and_thread_count_give_the_same_bits() {
    let optimizer = Sgd::new(0.1).unwrap();
    for n_threads in [1, 2, 3] {
        let (first, second) = (run(n_threads, 1, optimizer), run(n_threads, 1, optimizer));
        assert_eq!(first.bits, second.bits, "{n_threads} threads");
        for (first, second) in first.summaries.iter().zip(&second.summaries) {
            assert_eq!(first.mean_loss.to_bits(), second.mean_loss.to_bits());
        }
        assert_ne!(
            first.bits,
            run(n_threads, 2, optimizer).bits,
            "another seed"
        );
    }
}

#[test]
fn the_progress_counts_every_image_once() {
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let data = bars(10, 1);
    let mut model = perceptron(&backend, &[25, 5], 4, 1).unwrap();
    let recipe = Recipe::new(Sgd::new(0.1).unwrap(), 4, 1);
    let mut trainer = Trainer::new(&backend, recipe, &data).unwrap();
    let mut n_images = Vec::new();
    let summary = trainer
        .epoch_until(&backend, &mut model, |n| {
            n_images.push(n);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(summary.unwrap().epoch, 1);
    assert_eq!(n_images, [4, 8, 10]);
}

#[test]
fn a_loss_that_is_no_number_ends_training_and_names_the_step() {
    let backend = HostBackend::new(NonZero::new(2)).unwrap();
    let data = bars(64, 1);
    let mut model = perceptron(&backend, &[25, 80, 5], 16, 1).unwrap();
    let recipe = Recipe::new(Sgd::new(1e30).unwrap(), 16, 1);
    let mut trainer = Trainer::new(&backend, recipe, &data).unwrap();
    let error = trainer.epoch(&backend, &mut model).unwrap_err();
    assert!(matches!(error, Error::Training(_)), "{error:?}");
    assert_eq!(error.exit_code(), 1);
    // The first step's loss comes before the first update.
    let message = error.to_string();
    assert!(message.starts_with("the loss became "), "{message}");
    assert!(message.contains("at step 2 of 4 in epoch 1"), "{message}");
    assert!(message.contains("try a smaller learning rate"), "{message}");
}

#[test]
fn what_does_not_fit_is_refused_with_a_sentence() {
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let sgd = Sgd::new(0.1).unwrap();
    let good = bars(4, 1);
    let data = |change: fn(&mut Dataset)| {
        let mut data = good.clone();
        change(&mut data);
        data
    };
    let refused = |data: &Dataset, batch_size| {
        let recipe = Recipe::new(sgd, batch_size, 1);
        let error = Trainer::new(&backend, recipe, data).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let none = data(|data| data.truncate(0));
    assert_eq!(refused(&none, 4), "the data set has no images");
    assert_eq!(
        refused(&good, 0),
        "the batch size is 0, it must be at least 1"
    );
    let label = refused(&data(|data| data.labels[2] = 5), 4);
    assert_eq!(label, "label 2 of the data set is 5, it must be below 5");
    let pixels = refused(&data(|data| data.images.truncate(99)), 4);
    assert!(
        pixels.contains("99 bytes of images, 4 labels and 25 pixels"),
        "{pixels}"
    );

    for (sizes, message) in [
        (
            vec![24, 5],
            "the model takes 24 values per image, the data set has 25 pixels",
        ),
        (
            vec![25, 6],
            "the model gives 6 values per image, the data set has 25 pixels",
        ),
    ] {
        let mut model = perceptron(&backend, &sizes, 4, 1).unwrap();
        let mut trainer = Trainer::new(&backend, Recipe::new(sgd, 4, 1), &good).unwrap();
        let error = trainer.epoch(&backend, &mut model).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }

    for (sizes, message) in [
        (
            &[25, 0, 5][..],
            "layer 0 (dense): its output's shape [0] has a dimension of 0",
        ),
        (
            &[usize::MAX, 2],
            "the input's shape [18446744073709551615] has more than",
        ),
        (&[1 << 20, 1 << 20], "cannot be made"),
    ] {
        let error = perceptron(&backend, sizes, 4, 1).err().unwrap();
        assert!(error.to_string().contains(message), "{error}");
    }
    for (learning_rate, momentum, weight_decay) in [
        (f32::NAN, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (f32::INFINITY, 0.0, 0.0),
        (0.1, 1.0, 0.0),
        (0.1, f32::NAN, 0.0),
        (0.1, 0.0, -1.0),
        (0.1, 0.0, f32::NAN),
    ] {
        let sgd = Sgd::new(learning_rate)
            .and_then(|sgd| sgd.momentum(momentum))
            .and_then(|sgd| sgd.weight_decay(weight_decay));
        let error = sgd.unwrap_err();
        assert!(error.to_string().contains("it must be"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn layers_that_do_not_fit_together_are_refused() {
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let (identity, he) = (Activation::Identity, Initializer::HeNormal);
    let dense = |n_inputs, n_outputs| -> Box<dyn Layer<HostBackend>> {
        let mut random = random_generator(1);
        let layer = Dense::new(&backend, n_inputs, n_outputs, identity, he, &mut random);
        Box::new(layer.unwrap())
    };
    let layers = vec![dense(4, 3), dense(2, 1)];
    let error = Sequential::new(&backend, 4, layers)
        .err()
        .unwrap()
        .to_string();
    let expected = "layer 0 (dense 4 -> 3) gives 3 values, layer 1 (dense 2 -> 1) takes 2";
    assert_eq!(error, expected);
    assert!(Sequential::<HostBackend>::new(&backend, 4, Vec::new()).is_err());

    let mut model = Sequential::new(&backend, 4, vec![dense(4, 3)]).unwrap();
    let x = backend.zeros(5 * 4).unwrap();
    assert!(matches!(
        model.forward(&backend, &x, 5, Mode::Evaluation),
        Err(Error::Shape { .. })
    ));
}
