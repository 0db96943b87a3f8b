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
        "activation_backward: `y` holds 5 elements, its shape needs 6".to_owned(),
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

/// A kernel that panics takes its context with it, so this runs in a process of its own: this test,
/// started again.
#[test]
fn a_kernel_that_panics_is_named() {
    const CHILD_VARIABLE: &str = "TEST_PANICKING_KERNEL";
    if std::env::var_os(CHILD_VARIABLE).is_some() {
        for name in names().iter().filter(|name| *name != "cpu") {
            panicking_kernel(&cuda_backend(name)).unwrap();
        }
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["a_kernel_that_panics_is_named", "--exact", "--nocapture"])
        .env(CHILD_VARIABLE, "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
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
