//! The messages of an ONNX file that the export needs, with the numbers of their fields.
//!
//! Source: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use prost::{Message, Oneof};

/// A file.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// Version of the format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// Which program has written it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// Its version.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// What is computed.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    /// Which versions of which operators it uses.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    /// Anything else.
    #[prost(message, repeated, tag = "14")]
    pub metadata: Vec<Entry>,
}

/// A set of operators.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    /// Empty for ONNX's own.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Its version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// Text by name.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// Name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Text.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Operators, in an order in which they can be computed.
#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    /// The operators.
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<Node>,
    /// What it is called.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Values that are known.
    #[prost(message, repeated, tag = "5")]
    pub initializers: Vec<Tensor>,
    /// Values that somebody gives.
    #[prost(message, repeated, tag = "11")]
    pub inputs: Vec<ValueInfo>,
    /// Values that somebody gets.
    #[prost(message, repeated, tag = "12")]
    pub outputs: Vec<ValueInfo>,
}

/// An operator with the names of the values that it takes and gives.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// What it takes.
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    /// What it gives.
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    /// What it is called.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Which operator.
    #[prost(string, tag = "4")]
    pub operator: String,
    /// Its settings.
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
}

/// A setting of an operator: the one of its fields that `kind` says.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// For [`Attribute::FLOAT`].
    #[prost(float, optional, tag = "2")]
    pub float: Option<f32>,
    /// For [`Attribute::INT`].
    #[prost(int64, optional, tag = "3")]
    pub int: Option<i64>,
    /// For [`Attribute::INTS`].
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which kind of value it has.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

impl Attribute {
    /// The kind of a real number.
    pub const FLOAT: i32 = 1;
    /// The kind of a whole number.
    pub const INT: i32 = 2;
    /// The kind of a list of whole numbers.
    pub const INTS: i32 = 7;
}

/// An array.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// Dimensions, the slowest first.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dimensions: Vec<i64>,
    /// Type of its elements.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// What it is called.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Elements, row-major, little-endian.
    #[prost(bytes = "vec", tag = "9")]
    pub bytes: Vec<u8>,
}

impl Tensor {
    /// The type of 32-bit floats.
    pub const FLOAT: i32 = 1;
    /// The type of 64-bit integers.
    pub const INT64: i32 = 7;
}

/// The name of a value, and what it is.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it is.
    #[prost(message, optional, tag = "2")]
    pub value_type: Option<ValueType>,
}

/// What a value is.
#[derive(Clone, PartialEq, Message)]
pub struct ValueType {
    /// An array: the one kind of value that is used here.
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

/// What an array is.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// Type of its elements, as in [`Tensor::data_type`].
    #[prost(int32, tag = "1")]
    pub data_type: i32,
    /// Dimensions.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// Dimensions, the slowest first.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// One for each.
    #[prost(message, repeated, tag = "1")]
    pub dimensions: Vec<Dimension>,
}

/// A dimension.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    /// How large it is.
    #[prost(oneof = "Extent", tags = "1, 2")]
    pub extent: Option<Extent>,
}

/// How large a dimension is.
#[derive(Clone, PartialEq, Oneof)]
pub enum Extent {
    /// So large.
    #[prost(int64, tag = "1")]
    Known(i64),
    /// As large as all others of this name.
    #[prost(string, tag = "2")]
    Named(String),
}
