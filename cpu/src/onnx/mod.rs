//! Models for other programs: ONNX.
//!
//! The graph's input `image` is `[N, ...]` with the shape that the model takes, for any N; pixels are
//! 0 to 1. Its outputs are `logits` and `probabilities`, `[N, C]`. Weights keep the names and shapes that
//! they have in checkpoints.
//!
//! Operators: <https://onnx.ai/onnx/operators/>.

mod graph;
pub mod messages;

use prost::Message;

use self::graph::{GraphBuilder, attribute};
use self::messages::{
    Dimension, Entry, Extent, Graph, Model, OperatorSet, Shape, Tensor, TensorType, ValueInfo,
    ValueType,
};
use crate::Result;
use crate::checkpoint::Checkpoint;

/// The version of ONNX's operators that the export uses, the first one with `LayerNormalization`.
pub const OPSET: i64 = 17;
/// The version of the format that came with it.
const IR_VERSION: i64 = 8;
/// Name of the dimension that may be of any size.
const BATCH: &str = "N";
/// The value that the graph takes.
pub const IMAGE: &str = "image";
/// What the model's last layer gives.
pub const LOGITS: &str = "logits";
/// Their softmax.
pub const PROBABILITIES: &str = "probabilities";
/// The entry of the file's metadata that has the names of the classes, as a list in JSON.
pub const CLASSES: &str = "classes";

/// The bytes of an ONNX file that computes what the checkpoint's model does when it is used, not
/// trained: nothing is dropped, running statistics normalize.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use cpu::backend::Activation;
/// use cpu::checkpoint::{Checkpoint, Description, Tensor};
/// use cpu::nn::{Initializer, models};
/// use cpu::onnx::{export, messages::Model};
/// use prost::Message;
///
/// let architecture = models::mlp(&[2], &[], 2, Activation::Relu, Initializer::HeNormal);
/// let description = Description {
///     name: "swap".to_owned(),
///     architecture,
///     classes: vec!["first".to_owned(), "second".to_owned()],
///     training: None,
/// };
/// let tensors = BTreeMap::from([
///     ("0.weight".to_owned(), Tensor::new(&[2, 2], vec![0.0, 1.0, 1.0, 0.0])),
///     ("0.bias".to_owned(), Tensor::new(&[2], vec![0.0; 2])),
/// ]);
/// let bytes = export(&Checkpoint { description, tensors })?;
/// let graph = Model::decode(bytes.as_slice())?.graph.unwrap_or_default();
/// let operators: Vec<&str> = graph.nodes.iter().map(|node| node.operator.as_str()).collect();
/// assert_eq!(operators, ["Gemm", "Softmax"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Input`](crate::Error::Input) if a tensor is missing or has another shape than the model needs.
pub fn export(checkpoint: &Checkpoint) -> Result<Vec<u8>> {
    let description = &checkpoint.description;
    let architecture = &description.architecture;
    let mut builder = GraphBuilder::new(IMAGE);
    for (name, shape) in architecture.tensors()? {
        builder.tensor(&name, &shape, &checkpoint.tensor(&name, &shape)?.values);
    }
    for (index, layer) in architecture.layers.iter().enumerate() {
        builder.layer(index, architecture.weight_owner(index), layer);
    }
    builder.name_value(LOGITS);
    let axis = attribute("axis", -1);
    builder.node(PROBABILITIES, "Softmax", &[LOGITS], vec![axis]);
    builder.name_value(PROBABILITIES);

    let output = architecture.output()?;
    let (nodes, initializers) = builder.finish();
    let graph = Graph {
        nodes,
        name: description.name.clone(),
        initializers,
        inputs: vec![value(IMAGE, &architecture.input)],
        outputs: vec![value(LOGITS, &output), value(PROBABILITIES, &output)],
    };
    let classes = serde_json::to_string(&description.classes).expect("text is JSON");
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: OPSET,
        }],
        metadata: vec![Entry {
            key: CLASSES.to_owned(),
            value: classes,
        }],
    };
    Ok(model.encode_to_vec())
}

/// Floats in batches of any size.
fn value(name: &str, shape: &[usize]) -> ValueInfo {
    let batch = Extent::Named(BATCH.to_owned());
    let others = shape.iter().map(|&n| Extent::Known(n as i64));
    let dimensions = std::iter::once(batch)
        .chain(others)
        .map(|extent| Dimension {
            extent: Some(extent),
        })
        .collect();
    ValueInfo {
        name: name.to_owned(),
        value_type: Some(ValueType {
            tensor: Some(TensorType {
                data_type: Tensor::FLOAT,
                shape: Some(Shape { dimensions }),
            }),
        }),
    }
}
