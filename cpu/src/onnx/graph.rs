//! Layers as ONNX's operators.

use super::messages::{Attribute, Node, Tensor};
use crate::backend::Activation;
use crate::nn::LayerKind;

/// A chain of operators that grows, and the values that are known.
pub struct GraphBuilder {
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
    /// What the last operator gives, the next one's input.
    value: String,
}

impl GraphBuilder {
    /// A graph that begins with a value of this name.
    pub fn new(value: &str) -> Self {
        GraphBuilder {
            nodes: Vec::new(),
            initializers: Vec::new(),
            value: value.to_owned(),
        }
    }

    /// Adds a value that is known.
    pub fn tensor(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.initializers.push(Tensor {
            dimensions: shape.iter().map(|&n| n as i64).collect(),
            data_type: Tensor::FLOAT,
            name: name.to_owned(),
            bytes: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        });
    }

    /// Adds an operator, which and its value are called `name`.
    pub fn node(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) {
        self.nodes.push(Node {
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![name.to_owned()],
            name: name.to_owned(),
            operator: operator.to_owned(),
            attributes,
        });
        self.value = name.to_owned();
    }

    /// Gives the last operator's value this name.
    pub fn name_value(&mut self, name: &str) {
        match self.nodes.last_mut() {
            Some(node) => node.outputs = vec![name.to_owned()],
            // All layers leave their input as it is.
            None => {
                let value = self.value.clone();
                self.node(name, "Identity", &[&value], Vec::new());
            }
        }
        self.value = name.to_owned();
    }

    /// The operators and the values that are known.
    pub fn finish(self) -> (Vec<Node>, Vec<Tensor>) {
        (self.nodes, self.initializers)
    }

    /// Adds what computes layer `index`.
    pub fn layer(&mut self, index: usize, layer: &LayerKind) {
        let x = self.value.clone();
        let x = x.as_str();
        let of_layer = |name: &str| format!("{index}.{name}");
        let (weight, bias) = (&of_layer("weight"), &of_layer("bias"));
        match *layer {
            LayerKind::Flatten => {
                let axis = vec![attribute("axis", 1)];
                self.node(&of_layer("flatten"), "Flatten", &[x], axis);
            }
            LayerKind::Dense { .. } => {
                let transposed = vec![attribute("transB", 1)];
                self.node(&of_layer("dense"), "Gemm", &[x, weight, bias], transposed);
            }
            LayerKind::Conv2d { window, .. } => {
                let [above, left] = window.padding;
                let attributes = vec![
                    list("kernel_shape", &window.size),
                    list("strides", &window.stride),
                    list("pads", &[above, left, above, left]),
                ];
                self.node(&of_layer("conv"), "Conv", &[x, weight, bias], attributes);
            }
            LayerKind::Activation { activation } => self.activation(index, activation),
        }
    }

    /// Adds an activation.
    fn activation(&mut self, index: usize, activation: Activation) {
        let x = self.value.clone();
        let x = x.as_str();
        let mut node = |operator: &str| {
            let name = format!("{index}.{}", operator.to_lowercase());
            self.node(&name, operator, &[x], Vec::new());
        };
        match activation {
            Activation::Identity => {}
            Activation::Relu => node("Relu"),
            Activation::Sigmoid => node("Sigmoid"),
            Activation::Tanh => node("Tanh"),
        }
    }
}

/// A setting that is a whole number.
pub fn attribute(name: &str, value: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        int: Some(value),
        kind: Attribute::INT,
        ..Attribute::default()
    }
}

/// A setting that is a list of whole numbers.
fn list(name: &str, values: &[usize]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ints: values.iter().map(|&value| value as i64).collect(),
        kind: Attribute::INTS,
        ..Attribute::default()
    }
}
