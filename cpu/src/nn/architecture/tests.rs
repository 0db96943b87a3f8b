//! What architectures say of their shapes.

use super::*;
use crate::backend::HostBackend;
use crate::nn::random_generator;

fn images() -> Architecture {
    Architecture::new(&[2, 7, 6], Initializer::HeNormal)
}

fn names_and_shapes(architecture: &Architecture) -> Vec<(String, Vec<usize>)> {
    let backend = HostBackend::new(None).unwrap();
    let model = architecture
        .build(&backend, 3, &mut random_generator(1))
        .unwrap();
    let parameters = model
        .named_parameters()
        .map(|(name, p)| (name, p.shape.clone()));
    let buffers = model
        .named_buffers()
        .map(|(name, b)| (name, b.shape.clone()));
    let mut all: Vec<_> = parameters.chain(buffers).collect();
    all.sort();
    all
}

#[test]
fn shapes_and_tensors_are_those_of_the_model_that_is_built() {
    let image = images()
        .batch_norm()
        .activation(Activation::Relu)
        .max_pool2d(Window::square(3).stride(2).padding(1))
        .avg_pool2d(Window::square(2))
        .dropout(0.5)
        .layer_norm(2)
        .softmax()
        .flatten()
        .batch_norm()
        .dense(5);
    assert_eq!(
        image.shapes().unwrap()[2..],
        [
            &[2, 4, 3][..],
            &[2, 3, 2],
            &[2, 3, 2],
            &[2, 3, 2],
            &[2, 3, 2],
            &[12],
            &[12],
            &[5]
        ]
    );
    let text = Architecture::new(&[4], Initializer::HeNormal)
        .embedding(10, 3)
        .layer_norm(1)
        .flatten()
        .dense(2);
    assert_eq!(text.shapes().unwrap()[..2], [[4, 3], [4, 3]]);
    for architecture in [image, text] {
        let mut tensors: Vec<_> = architecture.tensors().unwrap();
        tensors.sort();
        assert_eq!(tensors, names_and_shapes(&architecture));
        let file = serde_json::to_string(&architecture).unwrap();
        assert_eq!(
            serde_json::from_str::<Architecture>(&file).unwrap(),
            architecture
        );
    }
}

#[test]
fn a_layer_that_does_not_take_its_input_is_named() {
    for (architecture, expected) in [
        (
            images().flatten().max_pool2d(Window::square(2)),
            "layer 1 (max_pool2d): it takes images, [C, H, W], and got [84]",
        ),
        (
            images().avg_pool2d(Window::square(8)),
            "layer 0 (avg_pool2d): a window of 8x8 does not fit onto an image of 7x6 pixels",
        ),
        (
            images().dropout(1.5),
            "layer 0 (dropout): its probability must be from 0 to 1, it is 1.5",
        ),
        (
            images().layer_norm(4),
            "layer 0 (layer_norm): it normalizes over 4 dimensions, and got [2, 7, 6]; it needs 1 \
             to 3",
        ),
        (
            images().softmax().embedding(3, 2),
            "layer 1 (embedding): it has no gradient by its indices, and must be the first layer",
        ),
        (
            images().embedding(0, 2),
            "layer 0 (embedding): it has 0 entries, it needs 1 to 16777216",
        ),
    ] {
        assert_eq!(architecture.shapes().unwrap_err().to_string(), expected);
    }
}
