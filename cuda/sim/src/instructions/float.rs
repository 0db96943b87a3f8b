//! Sums, products, quotients and roots of singles and doubles.

use super::half;
use super::lanes::{binary, ternary, unary};
use super::packed::{join_singles, singles};
use crate::exec::{Action, Slot};
use crate::numeric::{
    Rounding, approximate, canonical, canonical_double, double, flush, saturate, single,
};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// `.ftz` and `.sat`: what is done to operands and results beside the operation.
#[derive(Clone, Copy)]
pub(super) struct Modes {
    pub(super) flush: bool,
    pub(super) saturate: bool,
}

impl Modes {
    pub(super) fn take(operation: &mut Operation<'_, '_>) -> Self {
        Self {
            flush: operation.flag("ftz"),
            saturate: operation.flag("sat"),
        }
    }

    fn any(self) -> bool {
        self.flush || self.saturate
    }

    fn result(self, value: f32) -> f32 {
        let value = if self.saturate {
            saturate(value)
        } else {
            canonical(value)
        };
        if self.flush { flush(value) } else { value }
    }
}

/// `d = f(a)` of singles.
pub(super) fn unary_single(
    d: Slot,
    a: Slot,
    flushes: bool,
    f: impl Fn(f32) -> f32 + Send + Sync + 'static,
) -> Action {
    match flushes {
        false => unary(d, a, move |a| canonical(f(a))),
        true => unary(d, a, move |a| flush(canonical(f(flush(a))))),
    }
}

/// `d = f(a, b)` of singles. Without `.ftz` and `.sat` it is a loop of its own.
pub(super) fn binary_single(
    [d, a, b]: [Slot; 3],
    modes: Modes,
    f: impl Fn(f32, f32) -> f32 + Send + Sync + 'static,
) -> Action {
    match (modes.flush, modes.saturate) {
        (false, false) => binary(d, a, b, move |a, b| canonical(f(a, b))),
        (true, false) => binary(d, a, b, move |a, b| flush(canonical(f(flush(a), flush(b))))),
        (false, true) => binary(d, a, b, move |a, b| saturate(f(a, b))),
        (true, true) => binary(d, a, b, move |a, b| flush(saturate(f(flush(a), flush(b))))),
    }
}

/// `d = f(a, b, c)` of singles. Without `.ftz` and `.sat` it is a loop of its own.
fn ternary_single(
    [d, a, b, c]: [Slot; 4],
    modes: Modes,
    f: impl Fn(f32, f32, f32) -> f32 + Send + Sync + 'static,
) -> Action {
    if modes.any() {
        ternary(d, a, b, c, move |a: f32, b: f32, c: f32| {
            let [a, b, c] = [a, b, c].map(|x| if modes.flush { flush(x) } else { x });
            modes.result(f(a, b, c))
        })
    } else {
        ternary(d, a, b, c, move |a, b, c| canonical(f(a, b, c)))
    }
}

/// `d = f(a, b)` of each of two singles.
fn binary_singles(
    [d, a, b]: [Slot; 3],
    modes: Modes,
    f: impl Fn(f32, f32) -> f32 + Send + Sync + 'static,
) -> Action {
    let operand = move |x| if modes.flush { flush(x) } else { x };
    binary(d, a, b, move |a, b| {
        let ([a0, a1], [b0, b1]) = (singles(a).map(operand), singles(b).map(operand));
        join_singles([f(a0, b0), f(a1, b1)].map(|value| modes.result(value)))
    })
}

/// `add`, `sub` and `mul`
pub(super) fn arithmetic(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let opcode = operation.instruction.opcode.as_str();
    let rounding = operation.rounding().unwrap_or(Rounding::Nearest);
    let modes = Modes::take(operation);
    let ty = operation.ty()?;
    if ty == Type::F32 && opcode != "mul" && !modes.flush && operation.peek().is_some() {
        return half::mixed_add(operation, rounding, modes.saturate);
    }
    operation.finish(3..=3)?;
    let slots @ [d, a, b] = operation.operands3(ty)?;
    let nearest = rounding == Rounding::Nearest;
    Ok(match (ty, opcode) {
        (Type::F32, "add") if nearest => binary_single(slots, modes, |a, b| a + b),
        (Type::F32, "sub") if nearest => binary_single(slots, modes, |a, b| a - b),
        (Type::F32, "mul") if nearest => binary_single(slots, modes, |a, b| a * b),
        (Type::F32, "add") => binary_single(slots, modes, move |a, b| single::add(a, b, rounding)),
        (Type::F32, "sub") => binary_single(slots, modes, move |a, b| single::add(a, -b, rounding)),
        (Type::F32, _) => binary_single(slots, modes, move |a, b| single::mul(a, b, rounding)),
        (Type::F32x2, _) if modes.saturate => return Err(operation.unknown()),
        (Type::F32x2, "add") => {
            binary_singles(slots, modes, move |a, b| single::add(a, b, rounding))
        }
        (Type::F32x2, "sub") => {
            binary_singles(slots, modes, move |a, b| single::add(a, -b, rounding))
        }
        (Type::F32x2, _) => binary_singles(slots, modes, move |a, b| single::mul(a, b, rounding)),
        (Type::F64, _) if modes.any() => return Err(operation.unknown()),
        (Type::F64, "add") if nearest => binary(d, a, b, |a: f64, b: f64| canonical_double(a + b)),
        (Type::F64, "sub") if nearest => binary(d, a, b, |a: f64, b: f64| canonical_double(a - b)),
        (Type::F64, "mul") if nearest => binary(d, a, b, |a: f64, b: f64| canonical_double(a * b)),
        (Type::F64, "add") => binary(d, a, b, move |a, b| {
            canonical_double(double::add(a, b, rounding))
        }),
        (Type::F64, "sub") => binary(d, a, b, move |a, b: f64| {
            canonical_double(double::add(a, -b, rounding))
        }),
        (Type::F64, _) => binary(d, a, b, move |a, b| {
            canonical_double(double::mul(a, b, rounding))
        }),
        _ => return Err(operation.unknown()),
    })
}

/// `fma`, and `mad` of floating-point numbers, which is the same.
pub(super) fn fma(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let rounding = operation.required_rounding()?;
    let modes = Modes::take(operation);
    let ty = operation.ty()?;
    let is_fma = operation.instruction.opcode == "fma";
    if ty == Type::F32 && is_fma && !modes.flush && operation.peek().is_some() {
        return half::mixed_fma(operation, rounding, modes.saturate);
    }
    operation.finish(4..=4)?;
    let slots @ [d, a, b, c] = operation.operands4(ty)?;
    let nearest = rounding == Rounding::Nearest;
    Ok(match ty {
        Type::F32 if nearest => ternary_single(slots, modes, f32::mul_add),
        Type::F32 => ternary_single(slots, modes, move |a, b, c| single::fma(a, b, c, rounding)),
        Type::F32x2 if is_fma && !modes.saturate => ternary(d, a, b, c, move |a, b, c| {
            let operand = |x| if modes.flush { flush(x) } else { x };
            let [a, b, c] = [a, b, c].map(|bits| singles(bits).map(operand));
            let value = |at: usize| modes.result(single::fma(a[at], b[at], c[at], rounding));
            join_singles([value(0), value(1)])
        }),
        Type::F64 if modes.any() => return Err(operation.unknown()),
        Type::F64 if nearest => {
            ternary(d, a, b, c, |a: f64, b, c| canonical_double(a.mul_add(b, c)))
        }
        Type::F64 => ternary(d, a, b, c, move |a, b, c| {
            canonical_double(double::fma(a, b, c, rounding))
        }),
        _ => return Err(operation.unknown()),
    })
}

/// How a quotient, reciprocal or root is computed.
#[derive(Clone, Copy, PartialEq)]
enum Method {
    Approximate,
    Full,
    Rounded(Rounding),
}

fn method(operation: &mut Operation<'_, '_>) -> Result<Method, PtxError> {
    match operation.choice(&[("approx", Method::Approximate), ("full", Method::Full)]) {
        Some(method) => Ok(method),
        None => operation.required_rounding().map(Method::Rounded),
    }
}

/// `div` of floating-point numbers.
pub(super) fn div(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let method = method(operation)?;
    let flush = operation.flag("ftz");
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let slots @ [d, a, b] = operation.operands3(ty)?;
    let modes = Modes {
        flush,
        saturate: false,
    };
    Ok(match (ty, method) {
        (Type::F32, Method::Approximate) => binary_single(slots, modes, approximate::div),
        (Type::F32, Method::Full | Method::Rounded(Rounding::Nearest)) => {
            binary_single(slots, modes, |a, b| a / b)
        }
        (Type::F32, Method::Rounded(rounding)) => {
            binary_single(slots, modes, move |a, b| single::div(a, b, rounding))
        }
        (Type::F64, _) if flush => return Err(operation.unknown()),
        (Type::F64, Method::Rounded(Rounding::Nearest)) => {
            binary(d, a, b, |a: f64, b: f64| canonical_double(a / b))
        }
        (Type::F64, Method::Rounded(rounding)) => binary(d, a, b, move |a, b| {
            canonical_double(double::div(a, b, rounding))
        }),
        _ => return Err(operation.unknown()),
    })
}

/// `rcp` and `sqrt`
pub(super) fn root(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let reciprocal = operation.instruction.opcode == "rcp";
    let method = method(operation)?;
    let flush = operation.flag("ftz");
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let [d, a] = operation.operands2(ty)?;
    Ok(match (ty, method) {
        (_, Method::Full) => return Err(operation.unknown()),
        (Type::F32, Method::Approximate | Method::Rounded(Rounding::Nearest)) => match reciprocal {
            true => unary_single(d, a, flush, |a| 1.0 / a),
            false => unary_single(d, a, flush, f32::sqrt),
        },
        (Type::F32, Method::Rounded(rounding)) => match reciprocal {
            true => unary_single(d, a, flush, move |a| single::div(1.0, a, rounding)),
            false => unary_single(d, a, flush, move |a| single::sqrt(a, rounding)),
        },
        (Type::F64, Method::Approximate) if reciprocal && flush => {
            unary(d, a, |a| canonical_double(approximate::reciprocal_upper(a)))
        }
        (Type::F64, Method::Rounded(rounding)) if !flush => match (reciprocal, rounding) {
            (true, Rounding::Nearest) => unary(d, a, |a: f64| canonical_double(1.0 / a)),
            (true, _) => unary(d, a, move |a| {
                canonical_double(double::div(1.0, a, rounding))
            }),
            (false, Rounding::Nearest) => unary(d, a, |a: f64| canonical_double(a.sqrt())),
            (false, _) => unary(d, a, move |a| canonical_double(double::sqrt(a, rounding))),
        },
        _ => return Err(operation.unknown()),
    })
}

/// `rsqrt`
pub(super) fn reciprocal_root(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    approx(operation)?;
    let flush = operation.flag("ftz");
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let [d, a] = operation.operands2(ty)?;
    Ok(match ty {
        Type::F32 => unary_single(d, a, flush, approximate::rsqrt),
        Type::F64 if flush => unary(d, a, |a| canonical_double(approximate::rsqrt_upper(a))),
        Type::F64 => unary(d, a, |a: f64| canonical_double(1.0 / a.sqrt())),
        _ => return Err(operation.unknown()),
    })
}

/// Takes `.approx`, which must be there.
pub(super) fn approx(operation: &mut Operation<'_, '_>) -> Result<(), PtxError> {
    match operation.flag("approx") {
        true => Ok(()),
        false => Err(operation.error("expected `.approx`")),
    }
}

/// `ex2`, `lg2`, `sin`, `cos` and `tanh`
pub(super) fn function(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let opcode = operation.instruction.opcode.as_str();
    approx(operation)?;
    let flush = operation.flag("ftz");
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let [d, a] = operation.operands2(ty)?;
    let function: fn(f32) -> f32 = match opcode {
        "ex2" => approximate::exp2,
        "lg2" => approximate::log2,
        "sin" => approximate::sin,
        "cos" => approximate::cos,
        _ => approximate::tanh,
    };
    match (ty, opcode) {
        (Type::F32, "tanh") if flush => Err(operation.unknown()),
        (Type::F32, "ex2") if flush => Ok(unary(d, a, approximate::exp2_flush)),
        (Type::F32, "ex2") => Ok(unary(d, a, approximate::exp2)),
        (Type::F32, "lg2") if flush => Ok(unary(d, a, approximate::log2_flush)),
        (Type::F32, "lg2") => Ok(unary(d, a, approximate::log2)),
        (Type::F32, "tanh") => Ok(unary(d, a, approximate::tanh)),
        (Type::F32, _) => Ok(unary_single(d, a, flush, function)),
        (Type::F16 | Type::F16x2, "ex2" | "tanh") if !flush => {
            Ok(half::function(ty, d, a, false, function))
        }
        (Type::BF16 | Type::BF16x2, "ex2") if flush => Ok(half::function(ty, d, a, true, function)),
        (Type::BF16 | Type::BF16x2, "tanh") if !flush => {
            Ok(half::function(ty, d, a, false, function))
        }
        _ => Err(operation.unknown()),
    }
}
