//! Layers as ONNX's operators.

use super::messages::{Attribute, Node, Tensor};
use crate::backend::{Activation, Pooling, Window};
use crate::nn::{self, LayerKind};

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

    /// Adds what computes layer `index`, with the weight of layer `owner`, which mostly is the same.
    pub fn layer(&mut self, index: usize, owner: usize, layer: &LayerKind) {
        let x = self.value.clone();
        let x = x.as_str();
        let of_layer = |name: &str| format!("{index}.{name}");
        let (weight, bias) = (&format!("{owner}.weight"), &of_layer("bias"));
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
                let settings = of_window(window);
                self.node(&of_layer("conv2d"), "Conv", &[x, weight, bias], settings);
            }
            LayerKind::Pool2d { pooling, window } => {
                let mut settings = of_window(window);
                let operator = match pooling {
                    Pooling::Max => "MaxPool",
                    Pooling::Average => {
                        settings.push(attribute("count_include_pad", 1));
                        "AveragePool"
                    }
                };
                self.node(&of_layer("pool2d"), operator, &[x], settings);
            }
            // What is used leaves out nothing.
            LayerKind::Dropout { .. } => {}
            LayerKind::BatchNorm => {
                let (mean, variance) = (&of_layer("running_mean"), &of_layer("running_var"));
                let inputs = [x, weight, bias, mean, variance];
                let settings = vec![real("epsilon", nn::batch_norm::EPSILON)];
                self.node(
                    &of_layer("batch_norm"),
                    "BatchNormalization",
                    &inputs,
                    settings,
                );
            }
            LayerKind::LayerNorm { n_dimensions } => {
                let settings = vec![
                    attribute("axis", -(n_dimensions as i64)),
                    real("epsilon", nn::layer_norm::EPSILON),
                ];
                let inputs = [x, weight, bias];
                self.node(
                    &of_layer("layer_norm"),
                    "LayerNormalization",
                    &inputs,
                    settings,
                );
            }
            LayerKind::Embedding { .. } => {
                let indices = &of_layer("indices");
                let to = vec![attribute("to", Tensor::INT64.into())];
                self.node(indices, "Cast", &[x], to);
                let axis = vec![attribute("axis", 0)];
                self.node(&of_layer("embedding"), "Gather", &[weight, indices], axis);
            }
            LayerKind::Softmax => {
                let axis = vec![attribute("axis", -1)];
                self.node(&of_layer("softmax"), "Softmax", &[x], axis);
            }
            LayerKind::Activation { activation } => self.activation(index, activation),
        }
    }

    /// Adds an activation. ONNX has no SiLU, and GELU from a later version on: these are put together.
    fn activation(&mut self, index: usize, activation: Activation) {
        let x = self.value.clone();
        let x = x.as_str();
        match activation {
            Activation::Identity => {}
            Activation::Relu => drop(self.step(index, "Relu", &[x])),
            Activation::Sigmoid => drop(self.step(index, "Sigmoid", &[x])),
            Activation::Tanh => drop(self.step(index, "Tanh", &[x])),
            Activation::LeakyRelu(slope) => {
                let settings = vec![real("alpha", slope)];
                self.node(&format!("{index}.leakyrelu"), "LeakyRelu", &[x], settings);
            }
            Activation::Gelu => {
                let scaled = self.scaled(index, "scaled", x, std::f32::consts::FRAC_1_SQRT_2);
                let erf = self.step(index, "Erf", &[&scaled]);
                self.half_of_product(index, x, &erf);
            }
            Activation::GeluTanh => {
                let square = self.product(index, "square", x, x);
                let cubic = self.scaled(index, "cubic", &square, 0.044715);
                let factor = self.one_more(index, "factor", &cubic);
                let argument = self.product(index, "argument", x, &factor);
                // √(2/π)
                let scaled = self.scaled(index, "scaled", &argument, 0.797_884_6);
                let tanh = self.step(index, "Tanh", &[&scaled]);
                self.half_of_product(index, x, &tanh);
            }
            Activation::Silu => {
                let sigmoid = self.step(index, "Sigmoid", &[x]);
                self.product(index, "product", x, &sigmoid);
            }
        }
    }

    /// `x (1 + y) / 2`
    fn half_of_product(&mut self, index: usize, x: &str, y: &str) {
        let sum = self.one_more(index, "sum", y);
        let product = self.product(index, "product", x, &sum);
        self.scaled(index, "half", &product, 0.5);
    }

    /// Adds an operator without settings, and gives its value's name.
    fn step(&mut self, index: usize, operator: &str, inputs: &[&str]) -> String {
        let name = format!("{index}.{}", operator.to_lowercase());
        self.node(&name, operator, inputs, Vec::new());
        name
    }

    /// `x y`
    fn product(&mut self, index: usize, name: &str, x: &str, y: &str) -> String {
        let name = format!("{index}.{name}");
        self.node(&name, "Mul", &[x, y], Vec::new());
        name
    }

    /// `factor x`
    fn scaled(&mut self, index: usize, name: &str, x: &str, factor: f32) -> String {
        self.with_number(index, name, "Mul", x, factor)
    }

    /// `1 + x`
    fn one_more(&mut self, index: usize, name: &str, x: &str) -> String {
        self.with_number(index, name, "Add", x, 1.0)
    }

    fn with_number(
        &mut self,
        index: usize,
        name: &str,
        operator: &str,
        x: &str,
        number: f32,
    ) -> String {
        let (name, constant) = (format!("{index}.{name}"), format!("{index}.{name}.number"));
        self.tensor(&constant, &[], &[number]);
        self.node(&name, operator, &[x, &constant], Vec::new());
        name
    }
}

/// The settings that say how a window moves over an image.
fn of_window(window: Window) -> Vec<Attribute> {
    let [above, left] = window.padding;
    vec![
        list("kernel_shape", &window.size),
        list("strides", &window.stride),
        list("pads", &[above, left, above, left]),
    ]
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

/// A setting that is a real number.
fn real(name: &str, value: f32) -> Attribute {
    Attribute {
        name: name.to_owned(),
        float: Some(value),
        kind: Attribute::FLOAT,
        ..Attribute::default()
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
