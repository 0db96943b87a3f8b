//! The kernels of a PTX file with their parameters, and whether arguments fit them.

use std::fmt;

use cpu::{Error, Result};
use ptx_sim::ptx::{self, Function, PtxError, Type, Variable};

use super::argument::{Argument, Value};
use super::element::Element;

/// The bytes of an address.
const ADDRESS: u64 = 8;

/// A kernel's name and parameters.
pub struct Signature {
    pub name: String,
    parameters: Vec<Parameter>,
}

struct Parameter {
    name: String,
    ty: Type,
    /// Its bytes, more than those of its type if it is an array of them.
    size: u64,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.ty, self.name)?;
        match self.size / u64::from(self.ty.size().max(1)) {
            1 => Ok(()),
            count => write!(f, "[{count}]"),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<_> = self.parameters.iter().map(ToString::to_string).collect();
        write!(f, "{}({})", self.name, parameters.join(", "))
    }
}

impl Signature {
    /// The kernels of a text.
    pub fn all(text: &str) -> Result<Vec<Self>, PtxError> {
        let module = ptx::parse(text)?;
        let kernels = module.functions.iter().filter(|function| function.is_entry);
        Ok(kernels.map(Self::of).collect())
    }

    fn of(function: &Function) -> Self {
        let parameter = |variable: &Variable| Parameter {
            name: variable.name.clone(),
            ty: variable.ty,
            size: variable.size().unwrap_or(0),
        };
        Self {
            name: function.name.clone(),
            parameters: function.parameters.iter().map(parameter).collect(),
        }
    }

    /// Whether the arguments fit the parameters.
    pub fn check(&self, arguments: &[Argument]) -> Result<()> {
        if arguments.len() != self.parameters.len() {
            return Err(Error::Input(format!(
                "{self} takes {} arguments, {} are given; each --arg is one, in this order",
                self.parameters.len(),
                arguments.len()
            )));
        }
        for (index, (argument, parameter)) in arguments.iter().zip(&self.parameters).enumerate() {
            parameter.check(argument).map_err(|complaint| {
                Error::Input(format!(
                    "argument {index}, {argument}, {complaint} of kernel {}",
                    self.name
                ))
            })?;
        }
        Ok(())
    }
}

impl Parameter {
    fn check(&self, argument: &Argument) -> Result<(), String> {
        let (what, bytes) = match &argument.value {
            Value::Array(_) => ("is an array, whose address", ADDRESS),
            Value::Scalar { bytes, .. } | Value::Bytes(bytes) => ("", bytes.len() as u64),
        };
        if bytes != self.size {
            return Err(format!(
                "{what}{}has {bytes} bytes, but {} are in the parameter `{self}`",
                if what.is_empty() { "" } else { " " },
                self.size
            ));
        }
        let Value::Scalar { element, .. } = &argument.value else {
            return Ok(());
        };
        // Bits may be anything; what PTX declares as a number is one.
        let is_float = match self.ty {
            Type::F16 | Type::BF16 | Type::F32 | Type::F64 => Some(true),
            Type::S8 | Type::S16 | Type::S32 | Type::S64 => Some(false),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Some(false),
            _ => None,
        };
        match is_float {
            Some(is_float) if is_float != Element::is_float(*element) => {
                Err(format!("has not the type of the parameter `{self}`"))
            }
            _ => Ok(()),
        }
    }
}
