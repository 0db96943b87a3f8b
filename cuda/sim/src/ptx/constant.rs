//! Numbers, and expressions of numbers and of the addresses of names.

use super::lexer::{Kind, Token};
use super::parser::Parser;
use super::{ElementValue, Literal, PtxError};

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// An integer is signed as PTX has it: `.s64` unless it ends in `U` or needs the 64th bit.
    Integer {
        bits: u64,
        signed: bool,
    },
    Single(u32),
    Double(f64),
    /// A name with a distance, see [`ElementValue::Address`].
    Address {
        name: String,
        addend: i64,
        generic: bool,
        mask: Option<u64>,
    },
}

impl Value {
    fn signed(value: i64) -> Self {
        Self::Integer {
            bits: value as u64,
            signed: true,
        }
    }

    fn name(name: String) -> Self {
        Self::Address {
            name,
            addend: 0,
            generic: false,
            mask: None,
        }
    }

    pub(super) fn into_element(self) -> ElementValue {
        ElementValue::Literal(match self {
            Self::Integer { bits, .. } => Literal::Integer(bits),
            Self::Single(bits) => Literal::Single(bits),
            Self::Double(value) => Literal::Double(value.to_bits()),
            Self::Address {
                name,
                addend,
                generic,
                mask,
            } => {
                return ElementValue::Address {
                    name,
                    addend,
                    generic,
                    mask,
                };
            }
        })
    }
}

/// The binary operators in the order of C: a higher number binds more tightly.
fn precedence(operator: &str) -> Option<u32> {
    Some(match operator {
        "||" => 1,
        "&&" => 2,
        "|" => 3,
        "^" => 4,
        "&" => 5,
        "==" | "!=" => 6,
        "<" | "<=" | ">" | ">=" => 7,
        "<<" | ">>" => 8,
        "+" | "-" => 9,
        "*" | "/" | "%" => 10,
        _ => return None,
    })
}

impl Parser<'_> {
    /// An expression, all operators included.
    pub(super) fn expression(&mut self) -> Result<Value, PtxError> {
        self.nested(|parser| {
            let condition = parser.binary(1)?;
            let question = parser.token;
            if !parser.accept("?") {
                return Ok(condition);
            }
            let Value::Integer { bits, .. } = condition else {
                return Err(PtxError::new(
                    question.position,
                    "the condition before `?` is not an integer",
                ));
            };
            let yes = parser.expression()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            Ok(if bits != 0 { yes } else { no })
        })
    }

    /// An expression that comes to an integer.
    pub(super) fn integer_expression(&mut self, what: &str) -> Result<u64, PtxError> {
        let position = self.token.position;
        match self.expression()? {
            Value::Integer { bits, .. } => Ok(bits),
            _ => Err(PtxError::new(position, format!("{what} is not an integer"))),
        }
    }

    fn binary(&mut self, weakest: u32) -> Result<Value, PtxError> {
        let mut left = self.unary()?;
        while let Some(strength) = precedence(self.token.text).filter(|&it| it >= weakest) {
            // `%p|%q` is a pair of destinations, which the caller knows.
            let address = matches!(left, Value::Address { .. });
            if address && !matches!(self.token.text, "+" | "-") {
                break;
            }
            let operator = self.advance();
            let right = self.nested(|parser| parser.binary(strength + 1))?;
            left = combine(operator, left, right)
                .map_err(|message| PtxError::new(operator.position, message))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Value, PtxError> {
        let operator = self.token;
        match operator.text {
            "+" | "-" | "~" | "!" => {
                self.advance();
                let value = self.nested(Self::unary)?;
                negate(operator.text, value).ok_or_else(|| {
                    let message =
                        format!("`{}` before what it cannot be applied to", operator.text);
                    PtxError::new(operator.position, message)
                })
            }
            "(" => {
                self.advance();
                if self.token.kind == Kind::Dotted {
                    return self.cast();
                }
                let value = self.expression()?;
                self.expect(")")?;
                Ok(value)
            }
            _ if operator.kind == Kind::Number => {
                self.advance();
                let value = number(operator)?;
                match value {
                    Value::Integer { bits, .. } if self.at("(") => {
                        self.in_parentheses(|_, mask| *mask = Some(bits))
                    }
                    _ => Ok(value),
                }
            }
            "WARP_SZ" => {
                self.advance();
                Ok(Value::signed(32))
            }
            "generic" if self.next.text == "(" => {
                self.advance();
                self.in_parentheses(|generic, _| *generic = true)
            }
            _ if operator.kind == Kind::Word => Ok(Value::name(self.name("a name")?)),
            _ => Err(self.expected("a name or a number")),
        }
    }

    /// `(.s64) 1` or `(.u64) 1`, from the type on.
    fn cast(&mut self) -> Result<Value, PtxError> {
        let signed = match self.token.text {
            ".s64" => true,
            ".u64" => false,
            _ => return Err(self.expected("`.s64` or `.u64`")),
        };
        self.advance();
        self.expect(")")?;
        let position = self.token.position;
        match self.nested(Self::unary)? {
            Value::Integer { bits, .. } => Ok(Value::Integer { bits, signed }),
            Value::Double(value) if signed => Ok(Value::signed(value as i64)),
            Value::Double(value) => Ok(Value::Integer {
                bits: value as u64,
                signed,
            }),
            _ => Err(PtxError::new(position, "only a number can be converted")),
        }
    }

    /// The address in parentheses, with its `generic` or its mask changed: `generic(name)`,
    /// `0xFF00(name)`.
    fn in_parentheses(
        &mut self,
        change: impl FnOnce(&mut bool, &mut Option<u64>),
    ) -> Result<Value, PtxError> {
        self.expect("(")?;
        let position = self.token.position;
        let mut value = self.expression()?;
        self.expect(")")?;
        match &mut value {
            Value::Address {
                generic,
                mask: mask @ None,
                ..
            } => change(generic, mask),
            _ => {
                let message = "expected the name of a variable or function";
                return Err(PtxError::new(position, message));
            }
        }
        Ok(value)
    }
}

/// The value of a number's text.
pub(super) fn number(token: Token<'_>) -> Result<Value, PtxError> {
    let text = token.text;
    let error = |message: &str| PtxError::new(token.position, format!("`{text}` {message}"));
    let bits_of = |digits: &str, count: usize| {
        u64::from_str_radix(digits, 16)
            .ok()
            .filter(|_| digits.len() == count)
    };
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'f' | b'F', ..] => {
            return bits_of(&text[2..], 8)
                .map(|bits| Value::Single(bits as u32))
                .ok_or_else(|| error("is not a single: it has 8 hexadecimal digits"));
        }
        [b'0', b'd' | b'D', ..] => {
            return bits_of(&text[2..], 16)
                .map(|bits| Value::Double(f64::from_bits(bits)))
                .ok_or_else(|| error("is not a double: it has 16 hexadecimal digits"));
        }
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, &text[2..]),
        [b'0', b'0'..=b'9', ..] if !text.contains('.') => (8, &text[1..]),
        _ if text.contains(['.', 'e', 'E']) => {
            let value: f64 = text.parse().map_err(|_| error("is not a number"))?;
            return match value.is_finite() {
                true => Ok(Value::Double(value)),
                false => Err(error("does not fit into a double")),
            };
        }
        _ => (10, text),
    };
    let (digits, unsigned) = match digits.strip_suffix('U') {
        Some(digits) => (digits, true),
        None => (digits, false),
    };
    let bits = u64::from_str_radix(digits, radix).map_err(|cause| match cause.kind() {
        std::num::IntErrorKind::PosOverflow => error("does not fit into 64 bits"),
        _ => error("is not a number"),
    })?;
    Ok(Value::Integer {
        bits,
        signed: !unsigned && i64::try_from(bits).is_ok(),
    })
}

/// A unary operator's result.
fn negate(operator: &str, value: Value) -> Option<Value> {
    Some(match (operator, value) {
        ("+", value @ (Value::Integer { .. } | Value::Single(_) | Value::Double(_))) => value,
        ("-", Value::Integer { bits, signed }) => Value::Integer {
            bits: bits.wrapping_neg(),
            signed,
        },
        ("-", Value::Single(bits)) => Value::Single(bits ^ (1 << 31)),
        ("-", Value::Double(value)) => Value::Double(-value),
        ("~", Value::Integer { bits, signed }) => Value::Integer {
            bits: !bits,
            signed,
        },
        ("!", Value::Integer { bits, .. }) => Value::signed(i64::from(bits == 0)),
        _ => return None,
    })
}

/// A binary operator's result, or why it has none.
fn combine(operator: Token<'_>, left: Value, right: Value) -> Result<Value, String> {
    let operator = operator.text;
    let (left, right) = match (left, right) {
        (number @ Value::Integer { .. }, address @ Value::Address { .. }) if operator == "+" => {
            (address, number)
        }
        operands => operands,
    };
    match (left, right) {
        (
            Value::Integer { bits: a, signed },
            Value::Integer {
                bits: b,
                signed: right_signed,
            },
        ) => {
            // The type of a shift is that of what is shifted.
            let signed = signed && (right_signed || matches!(operator, "<<" | ">>"));
            integers(operator, a, b, signed)
                .ok_or_else(|| format!("the divisor of `{operator}` is zero"))
        }
        (Value::Double(a), Value::Double(b)) => doubles(operator, a, b)
            .ok_or_else(|| format!("`{operator}` does not apply to floating-point numbers")),
        (
            Value::Address {
                name,
                addend,
                generic,
                mask: None,
            },
            Value::Integer { bits, .. },
        ) if matches!(operator, "+" | "-") => Ok(Value::Address {
            name,
            addend: match operator {
                "+" => addend.wrapping_add(bits as i64),
                _ => addend.wrapping_sub(bits as i64),
            },
            generic,
            mask: None,
        }),
        _ => Err(format!(
            "`{operator}` between operands that it does not apply to; \
             an address takes only an integer that is added or subtracted"
        )),
    }
}

fn integers(operator: &str, a: u64, b: u64, signed: bool) -> Option<Value> {
    let (x, y) = (a as i64, b as i64);
    let truth = |unsigned: bool, otherwise: bool| {
        Some(Value::signed(i64::from(if signed {
            otherwise
        } else {
            unsigned
        })))
    };
    let bits = match operator {
        "||" => return truth(a != 0 || b != 0, a != 0 || b != 0),
        "&&" => return truth(a != 0 && b != 0, a != 0 && b != 0),
        "==" => return truth(a == b, a == b),
        "!=" => return truth(a != b, a != b),
        "<" => return truth(a < b, x < y),
        "<=" => return truth(a <= b, x <= y),
        ">" => return truth(a > b, x > y),
        ">=" => return truth(a >= b, x >= y),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        // A shift by 64 or more takes all bits out.
        "<<" => u32::try_from(b)
            .ok()
            .and_then(|b| a.checked_shl(b))
            .unwrap_or(0),
        ">>" if signed => (x >> b.min(63)) as u64,
        ">>" => u32::try_from(b)
            .ok()
            .and_then(|b| a.checked_shr(b))
            .unwrap_or(0),
        _ if b == 0 => return None,
        "/" if signed => x.wrapping_div(y) as u64,
        "/" => a / b,
        _ if signed => x.wrapping_rem(y) as u64,
        _ => a % b,
    };
    Some(Value::Integer { bits, signed })
}

fn doubles(operator: &str, a: f64, b: f64) -> Option<Value> {
    Some(match operator {
        "+" => Value::Double(a + b),
        "-" => Value::Double(a - b),
        "*" => Value::Double(a * b),
        "/" => Value::Double(a / b),
        "<" => Value::signed(i64::from(a < b)),
        "<=" => Value::signed(i64::from(a <= b)),
        ">" => Value::signed(i64::from(a > b)),
        ">=" => Value::signed(i64::from(a >= b)),
        "==" => Value::signed(i64::from(a == b)),
        "!=" => Value::signed(i64::from(a != b)),
        _ => return None,
    })
}
