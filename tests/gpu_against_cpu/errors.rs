//! What is refused, and how.

use std::process::Command;

use cpu::backend::*;
use cpu::{Error, Result};

use crate::devices::*;

/// The error of each operation that is given a buffer which is too short, or nothing to take a mean
/// over, is the same on every device.
#[test]
fn wrong_shapes_are_refused() {
    fn errors<B: Backend>(backend: &B) -> Result<Vec<String>> {
        let five = backend.zeros(5)?;
        let six = backend.zeros(6)?;
        let mut out = backend.zeros(6)?;
        let mut short = backend.zeros(5)?;
        let bytes = backend.upload_bytes(&[0; 6])?;
        let mut labels = backend.upload_bytes(&[0; 2])?;
        let indices = backend.upload_indices(&[0; 3])?;
        let mut statistics = backend.statistics(1)?;
        let (n_rows, n_inputs, n_outputs) = (2, 3, 2);
        let pooling = |window| PoolingShape {
            n_rows: 1,
            n_channels: 1,
            image: [2, 3],
            window,
        };
        let results = [
            backend.dense_forward(DenseForward {
                x: &five,
                weight: &six,
                bias: &six,
                activation: Activation::Relu,
                y: &mut out,
                n_rows,
                n_inputs,
                n_outputs,
            }),
            backend.dense_backward_input(DenseBackwardInput {
                dy: &six,
                weight: &six,
                dx: &mut short,
                n_rows,
                n_inputs,
                n_outputs,
            }),
            backend.dense_backward_weight(DenseBackwardWeight {
                x: &six,
                dy: &six,
                dweight: &mut out,
                dbias: &mut short,
                n_rows: 1,
                n_inputs: 1,
                n_outputs: 6,
            }),
            backend.activation_forward(Activation::Tanh, &six, &mut short, 6),
            backend.activation_backward(Activation::Tanh, &five, &mut out, 6),
            backend.pooling_forward(PoolingForward {
                pooling: Pooling::Max,
                x: &six,
                y: &mut short,
                shape: pooling(Window::square(1)),
            }),
            backend.pooling_backward(PoolingBackward {
                pooling: Pooling::Average,
                x: &six,
                dy: &five,
                dx: &mut out,
                shape: pooling(Window::square(1)),
            }),
            backend.pooling_backward(PoolingBackward {
                pooling: Pooling::Max,
                x: &six,
                dy: &six,
                dx: &mut out,
                shape: pooling(Window::square(3)),
            }),
            backend.softmax_cross_entropy(SoftmaxCrossEntropy {
                logits: &five,
                labels: &bytes,
                dlogits: None,
                statistics: &mut statistics,
                step: 0,
                n_rows: 2,
                n_classes: 3,
                label_smoothing: 0.0,
            }),
            backend.softmax_cross_entropy(SoftmaxCrossEntropy {
                logits: &six,
                labels: &bytes,
                dlogits: None,
                statistics: &mut statistics,
                step: 1,
                n_rows: 2,
                n_classes: 3,
                label_smoothing: 0.0,
            }),
            backend.softmax_cross_entropy(SoftmaxCrossEntropy {
                logits: &six,
                labels: &bytes,
                dlogits: None,
                statistics: &mut statistics,
                step: 0,
                n_rows: 0,
                n_classes: 3,
                label_smoothing: 0.0,
            }),
            backend.elementwise_loss(ElementwiseLoss {
                function: LossFunction::SquaredError,
                y: &six,
                target: &five,
                dy: None,
                statistics: &mut statistics,
                step: 0,
                n: 6,
            }),
            backend.sgd_step(SgdStep {
                parameter: &mut out,
                gradient: &six,
                velocity: Some(&mut short),
                n: 6,
                learning_rate: 0.1,
                momentum: 0.9,
                nesterov: false,
                weight_decay: 0.0,
            }),
            backend.adam_step(AdamStep {
                parameter: &mut out,
                gradient: &six,
                exp_avg: &mut backend.zeros(6)?,
                exp_avg_sq: &mut short,
                n: 6,
                learning_rate: 0.1,
                betas: [0.9, 0.999],
                epsilon: 1e-8,
                weight_decay: 0.0,
                is_decoupled: false,
                step: 1,
            }),
            backend.rmsprop_step(RmspropStep {
                parameter: &mut out,
                gradient: &six,
                square_avg: &mut backend.zeros(6)?,
                velocity: None,
                grad_avg: Some(&mut short),
                n: 6,
                learning_rate: 0.1,
                alpha: 0.9,
                epsilon: 1e-8,
                momentum: 0.0,
                weight_decay: 0.0,
            }),
            backend.adagrad_step(AdagradStep {
                parameter: &mut out,
                gradient: &five,
                sum: &mut backend.zeros(6)?,
                n: 6,
                learning_rate: 0.1,
                epsilon: 1e-8,
                weight_decay: 0.0,
            }),
            backend.sum_of_squares(SumOfSquares {
                values: &six,
                n: 6,
                sum: &mut backend.zeros(0)?,
                adds: true,
            }),
            backend.clip_norm(ClipNorm {
                values: &mut short,
                n: 6,
                sum_of_squares: &six,
                max_norm: 1.0,
            }),
            backend.clip_value(&mut short, 6, 1.0),
            backend.gather_batch(GatherBatch {
                images: &bytes,
                labels: &backend.upload_bytes(&[0; 3])?,
                order: &indices,
                first_row: 2,
                n_rows: 2,
                n_pixels: 2,
                scale: 1.0,
                x: &mut out,
                batch_labels: &mut labels,
            }),
            backend.predictions(&six, 2, 0).map(|_| ()),
            backend.predictions(&six, usize::MAX, 2).map(|_| ()),
        ];
        Ok(results
            .into_iter()
            .map(|result| result.unwrap_err().to_string())
            .collect())
    }
    let expected = [
        "dense_forward: `x` holds 5 elements, its shape needs 6".to_owned(),
        "dense_backward_input: `dx` holds 5 elements, its shape needs 6".to_owned(),
        "dense_backward_weight: `dbias` holds 5 elements, its shape needs 6".to_owned(),
        "activation_forward: `y` holds 5 elements, its shape needs 6".to_owned(),
        "activation_backward: `known` holds 5 elements, its shape needs 6".to_owned(),
        "pooling_forward: `y` holds 5 elements, its shape needs 6".to_owned(),
        "pooling_backward: `dy` holds 5 elements, its shape needs 6".to_owned(),
        "a window of 3x3 does not fit onto an image of 2x3 pixels".to_owned(),
        "softmax_cross_entropy: `logits` holds 5 elements, its shape needs 6".to_owned(),
        "softmax_cross_entropy: `statistics` holds 1 elements, its shape needs 2".to_owned(),
        "softmax_cross_entropy: `n_rows` is 0, it must be at least 1".to_owned(),
        "elementwise_loss: `target` holds 5 elements, its shape needs 6".to_owned(),
        "sgd_step: `velocity` holds 5 elements, its shape needs 6".to_owned(),
        "adam_step: `exp_avg_sq` holds 5 elements, its shape needs 6".to_owned(),
        "rmsprop_step: `grad_avg` holds 5 elements, its shape needs 6".to_owned(),
        "adagrad_step: `gradient` holds 5 elements, its shape needs 6".to_owned(),
        "sum_of_squares: `sum` holds 0 elements, its shape needs 1".to_owned(),
        "clip_norm: `values` holds 5 elements, its shape needs 6".to_owned(),
        "clip_value: `values` holds 5 elements, its shape needs 6".to_owned(),
        "gather_batch: `order` holds 3 elements, its shape needs 4".to_owned(),
        "predictions: `n_classes` is 0, it must be at least 1".to_owned(),
        format!(
            "predictions: `logits` holds 6 elements, its shape needs {}",
            usize::MAX
        ),
    ];
    for (name, device) in devices() {
        let errors = match &device {
            Device::Host(backend) => errors(backend),
            Device::Cuda(backend) => errors(&**backend),
        };
        assert_eq!(errors.unwrap(), expected, "{name}");
    }
}

/// The same for layers that normalize, and for embeddings.
#[test]
fn wrong_normalizations_and_embeddings_are_refused() {
    fn errors<B: Backend>(backend: &B) -> Result<Vec<String>> {
        let six = backend.zeros(6)?;
        let five = backend.zeros(5)?;
        let buffers = (0..5)
            .map(|_| backend.zeros(6))
            .collect::<Result<Vec<_>>>()?;
        let Ok([mut a, mut b, mut c, mut d, mut y]) = <[_; 5]>::try_from(buffers) else {
            unreachable!("there are five");
        };
        let [a, b, c, d, y] = [&mut a, &mut b, &mut c, &mut d, &mut y];
        let shape = |n_rows, n_channels, n_pixels| ChannelShape {
            n_rows,
            n_channels,
            n_pixels,
        };
        let embedding = |n_positions, n_entries, n_values| EmbeddingShape {
            n_positions,
            n_entries,
            n_values,
        };
        let mut results = Vec::new();
        for (x, shape) in [
            (&six, shape(1, 6, 1)),
            (&five, shape(2, 1, 3)),
            (&six, shape(2, 7, 1)),
        ] {
            results.push(backend.batch_norm_training(BatchNormTraining {
                x,
                weight: &six,
                bias: &six,
                epsilon: 1e-5,
                momentum: 0.1,
                activation: Activation::Identity,
                mean: &mut *a,
                variance: &mut *b,
                running_mean: &mut *c,
                running_variance: &mut *d,
                y: &mut *y,
                shape,
            }));
        }
        results.push(backend.layer_norm_forward(LayerNormForward {
            x: &six,
            weight: &six,
            bias: &six,
            epsilon: 1e-5,
            mean: a,
            variance: b,
            y,
            n_rows: 2,
            n_values: 0,
        }));
        results.push(backend.softmax_forward(SoftmaxForward {
            x: &five,
            y,
            n_rows: 2,
            n_values: 3,
        }));
        results.push(backend.dropout(Mask::new(0.5, 1, 1), &six, y, 7));
        for shape in [embedding(2, 3, 4), embedding(2, 0, 3), embedding(7, 1, 1)] {
            results.push(backend.embedding_forward(EmbeddingForward {
                x: &six,
                table: &six,
                y,
                shape,
            }));
        }
        Ok(results
            .into_iter()
            .map(|result| result.unwrap_err().to_string())
            .collect())
    }
    let expected = [
        "batch_norm_training: a batch of 1 rows with 1 values per channel has no variance, training \
         needs at least 2 values per channel; take larger batches",
        "batch_norm_training: `x` holds 5 elements, its shape needs 6",
        "batch_norm_training: `weight` holds 6 elements, its shape needs 7",
        "layer_norm_forward: `n_values` is 0, it must be at least 1",
        "softmax_forward: `x` holds 5 elements, its shape needs 6",
        "dropout: `x` holds 6 elements, its shape needs 7",
        "embedding_forward: `table` holds 6 elements, its shape needs 12",
        "an embedding with 0 entries of 3 values cannot be made: it needs 1 to 16777216 entries of at \
         least 1 value",
        "embedding_forward: `x` holds 6 elements, its shape needs 7",
    ];
    for (name, device) in devices() {
        let errors = match &device {
            Device::Host(backend) => errors(backend),
            Device::Cuda(backend) => errors(&**backend),
        };
        assert_eq!(errors.unwrap(), expected, "{name}");
    }
}

/// What stands where an index should is an error at once on the CPU.
#[test]
fn what_is_no_index_is_refused() {
    let backend = HostBackend::new(None).unwrap();
    for wrong in [3.0, -1.0, 0.5, f32::NAN, f32::INFINITY] {
        let error = embed(&backend, wrong).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("embedding_forward: `x[4]` is {wrong}, indices are whole numbers below 3")
        );
    }
    embed(&backend, -0.0).unwrap();
}

/// Looks up six indices, of which one is given, in a table of three.
fn embed<B: Backend>(backend: &B, index: f32) -> Result<()> {
    backend.embedding_forward(EmbeddingForward {
        x: &backend.upload_floats(&[0.0, 1.0, 2.0, 0.0, index, 1.0])?,
        table: &backend.zeros(3 * 2)?,
        y: &mut backend.zeros(6 * 2)?,
        shape: EmbeddingShape {
            n_positions: 6,
            n_entries: 3,
            n_values: 2,
        },
    })
}

#[test]
fn a_kernel_that_panics_is_named() {
    on_a_device_of_its_own("a_kernel_that_panics_is_named", panicking_kernel);
}

#[test]
fn what_is_no_index_stops_the_kernel() {
    on_a_device_of_its_own("what_is_no_index_stops_the_kernel", |backend| {
        embed(backend, 2.5)?;
        let error = backend.synchronize().unwrap_err();
        // Element 8 of the output is the first of the fifth index.
        assert_eq!(
            error.to_string(),
            "cuda: kernel `embedding_forward` panicked in block (0, 0, 0), thread (8, 0, 0)"
        );
        Ok(())
    });
}

/// A kernel that panics takes its context with it, so this runs in a process of its own: the test of
/// this name, started again.
fn on_a_device_of_its_own(test: &str, body: impl Fn(&CudaBackend) -> Result<()>) {
    const CHILD_VARIABLE: &str = "TEST_PANICKING_KERNEL";
    if std::env::var_os(CHILD_VARIABLE).is_some() {
        for name in names().iter().filter(|name| *name != "cpu") {
            body(&cuda_backend(name)).unwrap();
        }
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&format!("errors::{test}"), "--exact", "--nocapture"])
        .env(CHILD_VARIABLE, "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // A name that is no test's would pass, too.
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

/// A label that is no class is an index past the end of a row of logits.
fn panicking_kernel(backend: &CudaBackend) -> Result<()> {
    let logits = backend.zeros(20 * 4)?;
    let mut labels = [3; 20];
    labels[17] = 4;
    let labels = backend.upload_bytes(&labels)?;
    let mut statistics = backend.statistics(1)?;
    let error = backend
        .softmax_cross_entropy(SoftmaxCrossEntropy {
            logits: &logits,
            labels: &labels,
            dlogits: None,
            statistics: &mut statistics,
            step: 0,
            n_rows: 20,
            n_classes: 4,
            label_smoothing: 0.0,
        })
        .and_then(|()| backend.synchronize())
        .unwrap_err();
    assert!(matches!(error, Error::Device(_)), "{error:?}");
    // Row 17 is that of warp 1 of the third block, whose first lane adds up the loss.
    assert_eq!(
        error.to_string(),
        "cuda: kernel `softmax_cross_entropy` panicked in block (2, 0, 0), thread (32, 0, 0)"
    );
    // Whatever is asked for afterwards says the same.
    assert_eq!(
        backend.zeros(1).map(|_| ()).unwrap_err().to_string(),
        error.to_string()
    );
    Ok(())
}
