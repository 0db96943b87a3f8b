//! The functions that the device itself provides: `vprintf`, `malloc`, `free`, `__assertfail`.

use crate::check::Kind;
use crate::exec::AccessSpace::Generic;
use crate::exec::{Action, Actual, Context, LANES, Lane, Order, Scope, Stop, lanes};
use crate::memory::{AllocationKind, MemoryError};
use crate::program::{Fate, Operation};
use crate::ptx::PtxError;

/// The longest string that a kernel may print or fail with.
const LONGEST_STRING: usize = 1 << 16;

/// The most bytes that one call prints, which is what a GPU's buffer holds at first.
const MOST_PRINTED: usize = 1 << 20;

/// A function that the device provides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Builtin {
    /// `vprintf(format, arguments)`: returns the number of arguments, or -1.
    Print,
    /// `malloc(size)`: returns null if there is no memory.
    Allocate,
    /// `free(pointer)`
    Free,
    /// `__assertfail(message, file, line, function, size of a character)`
    AssertFail,
}

impl Builtin {
    /// The function of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "vprintf" => Self::Print,
            "malloc" => Self::Allocate,
            "free" => Self::Free,
            "__assertfail" => Self::AssertFail,
            _ => return None,
        })
    }

    /// The bytes of its parameters, and of its result.
    fn signature(self) -> (&'static [u32], &'static [u32]) {
        match self {
            Self::Print => (&[8, 8], &[4]),
            Self::Allocate => (&[8], &[8]),
            Self::Free => (&[8], &[]),
            Self::AssertFail => (&[8, 8, 4, 8, 8], &[]),
        }
    }

    /// A call of the function.
    pub(crate) fn action(
        self,
        operation: &Operation<'_, '_>,
        arguments: Vec<Actual>,
        results: Vec<Actual>,
    ) -> Result<Action, PtxError> {
        let sizes = |actuals: &[Actual]| {
            actuals
                .iter()
                .map(|actual| actual.size())
                .collect::<Vec<_>>()
        };
        let (parameters, returns) = self.signature();
        // What it returns may be left out.
        let fits =
            sizes(&arguments) == parameters && (results.is_empty() || sizes(&results) == returns);
        if !fits {
            return Err(operation.error(format!(
                "the function takes arguments of {parameters:?} bytes and returns {returns:?}, it is \
                 called with {:?} and {:?}",
                sizes(&arguments),
                sizes(&results)
            )));
        }
        Ok(Action::access(move |context, mask| {
            for lane in lanes(mask) {
                let mut values = [0; 5];
                for (value, &argument) in values.iter_mut().zip(&arguments) {
                    *value = context.actual(argument, lane);
                }
                let result = match self {
                    Self::Print => print(context, lane, values[0], values[1])?,
                    Self::Allocate => allocate(context, values[0]),
                    Self::Free => {
                        free(context, lane, values[0]);
                        0
                    }
                    Self::AssertFail => return Err(assert_fail(context, lane, values)?),
                };
                if let Some(&target) = results.first() {
                    context.set_actual(target, lane, result);
                }
            }
            Ok(())
        }))
    }
}

impl Context<'_, '_> {
    /// The value of an argument of at most 8 bytes.
    fn actual(&self, actual: Actual, lane: usize) -> u64 {
        match actual {
            Actual::Memory { offset, size } => {
                let mut bytes = [0; 8];
                let size = (size as usize).min(8);
                self.local
                    .load(lane, self.local_frame + offset, &mut bytes[..size]);
                u64::from_le_bytes(bytes)
            }
            Actual::Register { slot, size: 8 } => u64::read(self.registers, slot)[lane],
            Actual::Register { slot, .. } => self.registers.row(slot)[lane].into(),
        }
    }

    /// Sets a result of at most 8 bytes.
    fn set_actual(&mut self, actual: Actual, lane: usize, value: u64) {
        match actual {
            Actual::Memory { offset, size } => {
                let bytes = value.to_le_bytes();
                let size = (size as usize).min(8);
                self.local
                    .store(lane, self.local_frame + offset, &bytes[..size]);
            }
            Actual::Register { slot, size: 8 } => {
                u64::write(self.registers, slot, 1 << lane, [value; LANES]);
            }
            Actual::Register { slot, .. } => {
                u32::write(self.registers, slot, 1 << lane, [value as u32; LANES]);
            }
        }
    }

    /// A byte that a lane reads.
    fn byte(&mut self, lane: usize, address: u64) -> Result<u8, Stop> {
        let mut value = [[0_u8; LANES]];
        let order = (Order::WEAK, Scope::Device);
        self.load(
            1 << lane,
            Generic,
            &[address; LANES],
            order,
            Fate::Used,
            &mut value,
        )?;
        Ok(value[0][lane])
    }

    /// The string at an address, without the null byte at its end.
    fn string(&mut self, lane: usize, address: u64) -> Result<Vec<u8>, Stop> {
        let mut string = Vec::new();
        while string.len() < LONGEST_STRING {
            match self.byte(lane, address.wrapping_add(string.len() as u64))? {
                0 => break,
                byte => string.push(byte),
            }
        }
        Ok(string)
    }
}

fn allocate(context: &mut Context<'_, '_>, size: u64) -> u64 {
    let device = context.launch.device;
    if size == 0 || !device.take_heap(size) {
        return 0;
    }
    device
        .memory()
        .allocate(size, 16, AllocationKind::Heap)
        .unwrap_or_else(|_| {
            device.give_heap(size);
            0
        })
}

fn free(context: &mut Context<'_, '_>, lane: usize, address: u64) {
    if address == 0 {
        return;
    }
    let memory = context.launch.device.memory();
    let is_heap = memory.describe(address).is_some_and(|whereabouts| {
        whereabouts.allocation.kind == AllocationKind::Heap
            && whereabouts.allocation.address == address
    });
    let freed: Result<_, Option<MemoryError>> = if is_heap {
        memory.free(address).map_err(Some)
    } else {
        Err(None)
    };
    if let Ok(allocation) = &freed {
        context.launch.device.give_heap(allocation.size);
    }
    if let Err(error) = freed
        && context.launch.checks.heap
    {
        let message = match error {
            Some(error) => format!("frees {address:#x}: {error}"),
            None => format!("frees {address:#x}, which the kernels' `malloc` did not return"),
        };
        let mut report = context.report(Kind::InvalidFree, lane, "frees", message);
        report.address = Some(address);
        report.whereabouts = memory.describe(address);
        context.note(report);
    }
}

fn assert_fail(
    context: &mut Context<'_, '_>,
    lane: usize,
    [message, file, line, function, _]: [u64; 5],
) -> Result<Stop, Stop> {
    let mut text = |address| -> Result<String, Stop> {
        let bytes = context.string(lane, address)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (message, file, function) = (text(message)?, text(file)?, text(function)?);
    let message = format!("`{message}` in {function}, {file}:{line}");
    Ok(context.stop(Kind::Assertion, lane, "asserts", message))
}

/// Prints as C's `printf` does. The arguments lie one after the other at an address, each aligned
/// to its size; what is narrower than 32 bits was widened, and floats to doubles.
fn print(
    context: &mut Context<'_, '_>,
    lane: usize,
    format: u64,
    mut arguments: u64,
) -> Result<u64, Stop> {
    let format = context.string(lane, format)?;
    let mut output = Vec::new();
    let mut count = 0;
    let mut rest = format.as_slice();
    while let Some((&byte, behind)) = rest.split_first()
        && output.len() < MOST_PRINTED
    {
        rest = behind;
        if byte != b'%' {
            output.push(byte);
            continue;
        }
        if let Some(behind) = rest.strip_prefix(b"%") {
            output.push(b'%');
            rest = behind;
            continue;
        }
        let mut take = |context: &mut Context<'_, '_>, size: u64| -> Result<u64, Stop> {
            arguments = arguments.next_multiple_of(size);
            let mut value = 0;
            for index in 0..size {
                value |=
                    u64::from(context.byte(lane, arguments.wrapping_add(index))?) << (8 * index);
            }
            arguments = arguments.wrapping_add(size);
            count += 1;
            Ok(value)
        };
        let Some((mut conversion, behind)) = Conversion::parse(rest) else {
            output.push(b'%');
            continue;
        };
        rest = behind;
        if conversion.star_width {
            let width = take(context, 4)? as i32;
            conversion.left |= width < 0;
            conversion.width = (width.unsigned_abs() as usize).min(LONGEST_STRING);
        }
        if conversion.star_precision {
            let precision = take(context, 4)? as i32;
            conversion.precision = usize::try_from(precision)
                .ok()
                .map(|p| p.min(LONGEST_STRING));
        }
        let size = if conversion.wide { 8 } else { 4 };
        let text = match conversion.kind {
            b'd' | b'i' => {
                let value = take(context, size)?;
                let value = if size == 8 {
                    value as i64
                } else {
                    value as i32 as i64
                };
                conversion.signed(value)
            }
            b'u' | b'x' | b'X' | b'o' => {
                let value = take(context, size)?;
                conversion.unsigned(value)
            }
            b'c' => conversion.pad(vec![take(context, 4)? as u8], false),
            b'p' => {
                let value = take(context, 8)?;
                conversion.pad(format!("{value:#x}").into_bytes(), false)
            }
            b's' => {
                let address = take(context, 8)?;
                let mut text = context.string(lane, address)?;
                text.truncate(conversion.precision.unwrap_or(text.len()));
                conversion.pad(text, false)
            }
            _ => {
                let value = f64::from_bits(take(context, 8)?);
                conversion.float(value)
            }
        };
        output.extend(text);
    }
    context.launch.device.print(&output);
    Ok(count)
}

/// A conversion of a format: `%-08.3lld`.
#[derive(Clone, Debug, Default)]
struct Conversion {
    left: bool,
    plus: bool,
    space: bool,
    alternative: bool,
    zero: bool,
    width: usize,
    star_width: bool,
    precision: Option<usize>,
    star_precision: bool,
    /// Whether the value has 64 bits.
    wide: bool,
    kind: u8,
}

impl Conversion {
    /// Parses what follows `%`; returns what is behind it.
    fn parse(mut rest: &[u8]) -> Option<(Self, &[u8])> {
        fn number(rest: &mut &[u8]) -> Option<usize> {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (number, behind) = rest.split_at(digits);
            *rest = behind;
            let number = std::str::from_utf8(number).ok()?;
            number
                .parse()
                .ok()
                .map(|number: usize| number.min(LONGEST_STRING))
        }
        let mut conversion = Self::default();
        while let Some((&byte, behind)) = rest.split_first() {
            let flag = match byte {
                b'-' => &mut conversion.left,
                b'+' => &mut conversion.plus,
                b' ' => &mut conversion.space,
                b'#' => &mut conversion.alternative,
                b'0' => &mut conversion.zero,
                _ => break,
            };
            *flag = true;
            rest = behind;
        }
        if let Some(behind) = rest.strip_prefix(b"*") {
            conversion.star_width = true;
            rest = behind;
        } else {
            conversion.width = number(&mut rest).unwrap_or(0);
        }
        if let Some(behind) = rest.strip_prefix(b".") {
            rest = behind;
            if let Some(behind) = rest.strip_prefix(b"*") {
                conversion.star_precision = true;
                rest = behind;
            } else {
                conversion.precision = Some(number(&mut rest).unwrap_or(0));
            }
        }
        while let Some((byte @ (b'l' | b'h' | b'z' | b'j' | b't' | b'L'), behind)) =
            rest.split_first()
        {
            // A `long` of device code has 64 bits.
            conversion.wide |= !matches!(byte, b'h' | b'L');
            rest = behind;
        }
        let (&kind, behind) = rest.split_first()?;
        conversion.kind = kind;
        b"diuxXocpsfFeEgGaA"
            .contains(&kind)
            .then_some((conversion, behind))
    }

    /// Fills up to the width.
    fn pad(&self, text: Vec<u8>, is_number: bool) -> Vec<u8> {
        let missing = self.width.saturating_sub(text.len());
        if missing == 0 {
            return text;
        }
        if self.left {
            return [text, vec![b' '; missing]].concat();
        }
        if self.zero && is_number {
            // Zeros go between the sign or prefix and the digits.
            let sign = usize::from(matches!(text.first(), Some(b'-' | b'+' | b' ')));
            let prefix = sign
                + if text[sign..].starts_with(b"0x") || text[sign..].starts_with(b"0X") {
                    2
                } else {
                    0
                };
            return [&text[..prefix], &vec![b'0'; missing], &text[prefix..]].concat();
        }
        [vec![b' '; missing], text].concat()
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn digits(&self, digits: String) -> String {
        match self.precision {
            Some(0) if digits == "0" => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        }
    }

    fn signed(&self, value: i64) -> Vec<u8> {
        let digits = self.digits(value.unsigned_abs().to_string());
        let text = format!("{}{digits}", self.sign(value < 0));
        self.pad(text.into_bytes(), self.precision.is_none())
    }

    fn unsigned(&self, value: u64) -> Vec<u8> {
        let (digits, prefix) = match self.kind {
            b'x' => (format!("{value:x}"), "0x"),
            b'X' => (format!("{value:X}"), "0X"),
            b'o' => (format!("{value:o}"), ""),
            _ => (value.to_string(), ""),
        };
        let prefix = if self.alternative && value != 0 {
            prefix
        } else {
            ""
        };
        let mut digits = self.digits(digits);
        if self.kind == b'o' && self.alternative && !digits.starts_with('0') {
            digits.insert(0, '0');
        }
        let text = format!("{prefix}{digits}");
        self.pad(text.into_bytes(), self.precision.is_none())
    }

    fn float(&self, value: f64) -> Vec<u8> {
        let upper = self.kind.is_ascii_uppercase();
        let magnitude = value.abs();
        let mut text = if !value.is_finite() {
            if value.is_nan() {
                "nan".to_owned()
            } else {
                "inf".to_owned()
            }
        } else {
            let precision = self.precision.unwrap_or(6);
            match self.kind.to_ascii_lowercase() {
                b'f' => format!("{magnitude:.precision$}"),
                b'e' => exponential(magnitude, precision),
                b'g' => general(magnitude, precision, self.alternative),
                _ => hexadecimal(magnitude, self.precision),
            }
        };
        if self.alternative && value.is_finite() && !text.contains('.') {
            // A number is told from an integer by its point.
            let exponent = if text.starts_with("0x") { 'p' } else { 'e' };
            let end = text.find(exponent).unwrap_or(text.len());
            text.insert(end, '.');
        }
        if upper {
            text = text.to_uppercase();
        }
        let text = format!(
            "{}{text}",
            self.sign(value.is_sign_negative() && !value.is_nan())
        );
        self.pad(text.into_bytes(), value.is_finite())
    }
}

/// `1.500000e+02`
fn exponential(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        None => text,
    }
}

/// The shorter one of the other two forms, without zeros at the end.
fn general(value: f64, precision: usize, keep_zeros: bool) -> String {
    let precision = precision.max(1);
    let form = exponential(value, precision - 1);
    let exponent: i32 = form
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let trim = |digits: &str| {
        if keep_zeros || !digits.contains('.') {
            digits.to_owned()
        } else {
            digits
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        }
    };
    if exponent < -4 || exponent >= precision as i32 {
        match form.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", trim(digits)),
            None => form,
        }
    } else {
        let places = (precision as i32 - 1 - exponent).max(0) as usize;
        trim(&format!("{value:.places$}"))
    }
}

/// `0x1.8p+1`
fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    const DIGITS: usize = 13;
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mut leading, exponent) = match exponent {
        0 if fraction == 0 => (0, 0),
        0 => (0, -1022),
        _ => (1, exponent - 1023),
    };
    let digits = match precision {
        None => format!("{fraction:013x}").trim_end_matches('0').to_owned(),
        Some(precision) if precision < DIGITS => {
            // To the nearest, and of two that are as near to the even one.
            let whole = leading << 52 | fraction;
            let dropped = 4 * (DIGITS - precision);
            let (kept, rest, half) = (
                whole >> dropped,
                whole & ((1 << dropped) - 1),
                1 << (dropped - 1),
            );
            let kept = kept + u64::from(rest > half || rest == half && kept & 1 == 1);
            leading = kept >> (4 * precision);
            match precision {
                0 => String::new(),
                _ => format!("{:0precision$x}", kept & ((1 << (4 * precision)) - 1)),
            }
        }
        Some(precision) => format!("{fraction:013x}{}", "0".repeat(precision - DIGITS)),
    };
    let point = if digits.is_empty() { "" } else { "." };
    format!("0x{leading}{point}{digits}p{exponent:+}")
}
