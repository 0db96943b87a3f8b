//! `export`: what an ONNX file holds. What it computes is asked of ONNX's own programs by
//! `tests/onnx/check.py`.

use std::fs;

use cpu::backend::{Activation, HostBackend, Pooling, Window};
use cpu::checkpoint::{Checkpoint, Description};
use cpu::nn::{Architecture, Initializer, LayerKind, random_generator};
use cpu::onnx::messages::{Attribute, Extent, Graph, Model, Node, Tensor, ValueInfo};
use prost::Message;

use super::{Place, model};

/// The bytes as the format's own description reads them.
fn decode(bytes: &[u8]) -> Model {
    Model::decode(bytes).unwrap()
}

fn graph_of(architecture: Architecture) -> Graph {
    let backend = HostBackend::new(None).unwrap();
    let model = architecture
        .build(&backend, 1, &mut random_generator(1))
        .unwrap();
    let [n_classes] = architecture.output().unwrap()[..] else {
        panic!("a classifier gives a row of numbers");
    };
    let description = Description {
        name: "test".to_owned(),
        architecture,
        classes: vec![String::new(); n_classes],
        training: None,
    };
    let checkpoint = Checkpoint::of(&backend, &model, description).unwrap();
    let graph = decode(&cpu::onnx::export(&checkpoint).unwrap())
        .graph
        .unwrap();
    check_graph(&graph, &checkpoint);
    graph
}

/// What holds of every graph: each value is given once before it is taken, and the known ones are the
/// model's tensors, bit for bit, or constants of a single number.
fn check_graph(graph: &Graph, checkpoint: &Checkpoint) {
    let mut values: Vec<&str> = vec!["image"];
    values.extend(graph.initializers.iter().map(|tensor| tensor.name.as_str()));
    for node in &graph.nodes {
        for input in &node.inputs {
            assert!(values.contains(&input.as_str()), "{input} of {}", node.name);
        }
        assert!(
            node.outputs
                .iter()
                .all(|output| !values.contains(&output.as_str()))
        );
        values.extend(node.outputs.iter().map(String::as_str));
        for attribute in &node.attributes {
            let Attribute {
                float, int, ints, ..
            } = attribute;
            let kind = match (float, int, ints.as_slice()) {
                (Some(_), None, []) => Attribute::FLOAT,
                (None, Some(_), []) => Attribute::INT,
                (None, None, [_, ..]) => Attribute::INTS,
                _ => panic!("{} has one value: {attribute:?}", attribute.name),
            };
            assert_eq!(attribute.kind, kind, "{}", attribute.name);
        }
    }
    for tensor in &graph.initializers {
        assert_eq!(tensor.data_type, Tensor::FLOAT);
        let floats = tensor.bytes.as_chunks::<4>().0.iter();
        let bits: Vec<u32> = floats.map(|&bytes| u32::from_le_bytes(bytes)).collect();
        match checkpoint.tensors.get(&tensor.name) {
            Some(expected) => {
                let shape: Vec<i64> = expected.shape.iter().map(|&n| n as i64).collect();
                assert_eq!(tensor.dimensions, shape, "{}", tensor.name);
                let expected = expected.values.iter().map(|value| value.to_bits());
                assert!(bits.into_iter().eq(expected), "{}", tensor.name);
            }
            None => assert!(
                tensor.dimensions.is_empty() && bits.len() == 1,
                "{}",
                tensor.name
            ),
        }
    }
    for tensor in checkpoint.tensors.keys() {
        assert!(values.contains(&tensor.as_str()), "{tensor}");
    }
    for output in &graph.outputs {
        assert!(values.contains(&output.name.as_str()), "{}", output.name);
    }
}

/// The dimensions as text, `N` for any.
fn shape(value: &ValueInfo) -> String {
    let tensor = value.value_type.clone().unwrap().tensor.unwrap();
    assert_eq!(tensor.data_type, Tensor::FLOAT);
    let extent = |extent| match extent {
        Some(Extent::Known(n)) => n.to_string(),
        Some(Extent::Named(name)) => name,
        None => "?".to_owned(),
    };
    let dimensions = tensor.shape.unwrap().dimensions.into_iter();
    let dimensions: Vec<String> = dimensions.map(|d| extent(d.extent)).collect();
    format!("{} [{}]", value.name, dimensions.join(", "))
}

#[test]
fn the_file_holds_the_model() {
    let place = Place::new();
    let run = place
        .run(&["export", "model.safetensors", "model.onnx"])
        .succeeds();
    for part in ["model.onnx: ", "opset 17", "image [N, 1, 20, 16]", "[N, 3]"] {
        assert!(run.stdout.contains(part), "no {part:?} in: {}", run.stdout);
    }
    let file = decode(&fs::read(place.path("model.onnx")).unwrap());
    assert_eq!(file.ir_version, 8);
    assert_eq!(file.opset_import.len(), 1);
    assert_eq!(
        (
            file.opset_import[0].domain.as_str(),
            file.opset_import[0].version
        ),
        ("", 17)
    );
    assert_eq!(file.metadata[0].key, "classes");
    assert_eq!(file.metadata[0].value, r#"["bar","dash","ring"]"#);
    let graph = file.graph.unwrap();
    check_graph(&graph, &model());
    assert_eq!(graph.name, "nearest");
    let shapes: Vec<String> = graph
        .inputs
        .iter()
        .chain(&graph.outputs)
        .map(shape)
        .collect();
    assert_eq!(
        shapes,
        [
            "image [N, 1, 20, 16]",
            "logits [N, 3]",
            "probabilities [N, 3]"
        ]
    );
    let nodes: Vec<String> = graph
        .nodes
        .iter()
        .map(|node| format!("{} {:?} {:?}", node.operator, node.inputs, node.outputs))
        .collect();
    assert_eq!(
        nodes,
        [
            r#"Flatten ["image"] ["0.flatten"]"#,
            r#"Gemm ["0.flatten", "1.weight", "1.bias"] ["logits"]"#,
            r#"Softmax ["logits"] ["probabilities"]"#,
        ]
    );
    assert_eq!(graph.nodes[1].attributes[0].name, "transB");
    assert_eq!(graph.nodes[1].attributes[0].int, Some(1));
    assert_eq!(graph.nodes[2].attributes[0].int, Some(-1));
}

#[test]
fn activations_are_operators_of_their_own() {
    let architecture = |activation| {
        Architecture::new(&[4], Initializer::HeNormal)
            .dense(3)
            .activation(activation)
    };
    for (activation, operator) in [
        (Activation::Relu, "Relu"),
        (Activation::Sigmoid, "Sigmoid"),
        (Activation::Tanh, "Tanh"),
        (Activation::LeakyRelu(0.25), "LeakyRelu"),
    ] {
        let graph = graph_of(architecture(activation));
        let operators: Vec<&str> = graph
            .nodes
            .iter()
            .map(|node| node.operator.as_str())
            .collect();
        assert_eq!(operators, ["Gemm", operator, "Softmax"]);
        assert_eq!(graph.nodes[1].outputs, ["logits"]);
    }
    for (activation, steps) in [
        (Activation::Silu, &["Sigmoid", "Mul"][..]),
        (Activation::Gelu, &["Mul", "Erf", "Add", "Mul", "Mul"]),
        (
            Activation::GeluTanh,
            &[
                "Mul", "Mul", "Add", "Mul", "Mul", "Tanh", "Add", "Mul", "Mul",
            ],
        ),
    ] {
        let graph = graph_of(architecture(activation));
        let operators = graph.nodes.iter().map(|node| node.operator.as_str());
        assert!(operators.eq([&["Gemm"], steps, &["Softmax"]].concat()));
    }
    let graph = graph_of(architecture(Activation::Identity));
    assert_eq!(graph.nodes.len(), 2);
    let graph =
        graph_of(Architecture::new(&[4], Initializer::HeNormal).activation(Activation::Identity));
    assert_eq!(graph.nodes[0].operator, "Identity");
}

/// Once in the file, under the name of the layer that it belongs to.
#[test]
fn a_shared_weight_is_there_once() {
    let dense = Architecture::new(&[5], Initializer::HeNormal)
        .dense(5)
        .dense(5)
        .tie(1, 0);
    let entries = Architecture::new(&[1], Initializer::HeNormal)
        .embedding(5, 4)
        .flatten()
        .dense(5)
        .tie(2, 0);
    for (architecture, layer) in [(dense, 1), (entries, 2)] {
        let graph = graph_of(architecture);
        let names = graph.initializers.iter().map(|tensor| tensor.name.as_str());
        let weights: Vec<&str> = names.filter(|name| name.ends_with("weight")).collect();
        assert_eq!(weights, ["0.weight"]);
        let product = graph.nodes.iter().rfind(|node| node.operator == "Gemm");
        let product = product.expect("the last layer is dense");
        assert_eq!(product.inputs[1..], ["0.weight", &format!("{layer}.bias")]);
        assert_eq!(told(product), "Gemm: transB 1");
    }

    // What a file says need not be possible.
    let mut checkpoint = model();
    for (layer, owner) in [(1, 0), (1, 1), (1, 7)] {
        let architecture = &mut checkpoint.description.architecture;
        architecture.ties.clear();
        *architecture = architecture.clone().tie(layer, owner);
        let message = cpu::onnx::export(&checkpoint).unwrap_err().to_string();
        let expected = format!("layer {layer} cannot share the weight of layer {owner}");
        assert!(message.starts_with(&expected), "{message}");
    }
}

/// Every kind of layer, with what its operator is told.
#[test]
fn layers_are_operators() {
    let window = Window {
        size: [3, 2],
        stride: [2, 1],
        padding: [1, 0],
    };
    let pool2d = |pooling| LayerKind::Pool2d { pooling, window };
    let of_window = "kernel_shape [3, 2], strides [2, 1], pads [1, 0, 1, 0]";
    for (layers, expected) in [
        (
            vec![LayerKind::Conv2d {
                n_outputs: 3,
                window,
            }],
            vec![format!("Conv: {of_window}")],
        ),
        (
            vec![pool2d(Pooling::Max)],
            vec![format!("MaxPool: {of_window}")],
        ),
        (
            vec![pool2d(Pooling::Average)],
            vec![format!("AveragePool: {of_window}, count_include_pad 1")],
        ),
        (
            vec![LayerKind::BatchNorm],
            vec!["BatchNormalization: epsilon 0.00001".to_owned()],
        ),
        (
            vec![LayerKind::LayerNorm { n_dimensions: 2 }],
            vec!["LayerNormalization: axis -2, epsilon 0.00001".to_owned()],
        ),
        (
            vec![LayerKind::Embedding {
                n_entries: 4,
                n_values: 5,
            }],
            vec!["Cast: to 7".to_owned(), "Gather: axis 0".to_owned()],
        ),
        (
            vec![LayerKind::Dropout { probability: 0.5 }, LayerKind::Softmax],
            vec!["Softmax: axis -1".to_owned()],
        ),
    ] {
        let mut architecture = Architecture::new(&[2, 6, 7], Initializer::HeNormal);
        architecture.layers = layers;
        let graph = graph_of(architecture.flatten().dense(3));
        let nodes: Vec<String> = graph.nodes.iter().map(told).collect();
        let around = ["Flatten: axis 1", "Gemm: transB 1", "Softmax: axis -1"];
        let around = around.map(str::to_owned).to_vec();
        assert_eq!(nodes, [expected, around].concat());
    }
}

/// An operator and its settings.
fn told(node: &Node) -> String {
    let settings = node.attributes.iter().map(|attribute| {
        let Attribute {
            name, float, int, ..
        } = attribute;
        match (float, int) {
            (Some(real), _) => format!("{name} {real}"),
            (_, Some(whole)) => format!("{name} {whole}"),
            _ => format!("{name} {:?}", attribute.ints),
        }
    });
    let settings: Vec<String> = settings.collect();
    format!("{}: {}", node.operator, settings.join(", "))
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let place = Place::new();
    let before = fs::read(place.path("model.safetensors")).unwrap();
    let mut missing = model();
    missing.tensors.remove("1.bias");
    place.write("missing.safetensors", &missing.to_bytes());
    for (model, file, parts) in [
        ("none", "a.onnx", &["none: ", "cannot be read"][..]),
        (
            "missing.safetensors",
            "a.onnx",
            &["missing.safetensors: ", "`1.bias`"],
        ),
        (
            "model.safetensors",
            "none/a.onnx",
            &["none/a.onnx: ", "there is no folder"],
        ),
        ("model.safetensors", ".", &["this is a folder"]),
        (
            "model.safetensors",
            "./model.safetensors",
            &["this is the model itself"],
        ),
    ] {
        place.run(&["export", model, file]).refused(parts);
    }
    assert_eq!(fs::read(place.path("model.safetensors")).unwrap(), before);
    assert_eq!(fs::read_dir(place.path(".")).unwrap().count(), 2);
}
