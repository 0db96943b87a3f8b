//! Settles how floats round and whether they keep subnormal numbers, where LLVM has no option for it.
//!
//! Where LLVM may contract `a * b + c` it contracts what it sees, and leaves the rest without a
//! rounding mode: `add.f32`. The assembler may then contract more, and what a kernel computes would
//! depend on who assembles it. So the rest gets the mode that it has anyway: `add.rn.f32`.
//!
//! That `f32` instructions flush subnormal numbers to zero is an attribute of functions in LLVM, which
//! no flag of rustc sets; in PTX it is the modifier `.ftz`.
//!
//! Inline assembly stays as it was written.

/// The PTX with a rounding mode at every sum, difference and product of floats, and with `.ftz` at
/// every `f32` instruction that has it, if `flushes`.
pub fn settle(ptx: &str, flushes: bool) -> String {
    let mut settled = String::with_capacity(ptx.len() + ptx.len() / 64);
    let mut is_assembly = false;
    for line in ptx.split_inclusive('\n') {
        let statement = line.trim_start();
        if statement.starts_with("// begin inline asm") {
            is_assembly = true;
        } else if statement.starts_with("// end inline asm") {
            is_assembly = false;
        }
        let end = statement.find(char::is_whitespace).unwrap_or(0);
        match instruction(&statement[..end], flushes) {
            Some(instruction) if !is_assembly => {
                settled.push_str(&line[..line.len() - statement.len()]);
                settled.push_str(&instruction);
                settled.push_str(&statement[end..]);
            }
            _ => settled.push_str(line),
        }
    }
    settled
}

/// The instruction with what it lacks.
fn instruction(text: &str, flushes: bool) -> Option<String> {
    const FLOATS: [&str; 7] = ["f16", "f16x2", "bf16", "bf16x2", "f32", "f32x2", "f64"];
    const ROUNDINGS: [&str; 4] = ["rn", "rz", "rm", "rp"];
    let mut parts: Vec<&str> = text.split('.').collect();
    let &[operation, first, ..] = &parts[..] else {
        return None;
    };
    let count = parts.len();
    if matches!(operation, "add" | "sub" | "mul")
        && FLOATS.contains(parts.last()?)
        && !ROUNDINGS.contains(&first)
    {
        parts.insert(1, "rn");
    }
    if flushes
        && !parts.contains(&"ftz")
        && let Some(position) = flush_position(&parts)
    {
        parts.insert(position, "ftz");
    }
    (parts.len() > count).then(|| parts.join("."))
}

/// Where `.ftz` stands in an instruction that takes it.
fn flush_position(parts: &[&str]) -> Option<usize> {
    let is_single = matches!(parts.last(), Some(&("f32" | "f32x2")));
    match parts[0] {
        // `add.rn.ftz.f32`, `rcp.approx.ftz.f32`
        "add" | "sub" | "mul" | "fma" | "mad" | "div" | "rcp" | "sqrt" | "rsqrt" | "sin"
        | "cos" | "lg2" | "ex2"
            if is_single =>
        {
            Some(2)
        }
        // `max.ftz.NaN.f32`
        "abs" | "neg" | "min" | "max" | "slct" if is_single => Some(1),
        // `setp.lt.and.ftz.f32`, `set.lt.ftz.u32.f32`
        "setp" if is_single => Some(parts.len() - 1),
        "set" if is_single => Some(parts.len() - 2),
        // `cvt.rzi.ftz.s32.f32`, `cvt.rn.ftz.sat.f32.f64`: narrower floats take none.
        "cvt" => {
            let types = &parts[parts.len().checked_sub(2)?..];
            let is_wide = |name: &&str| matches!(*name, "f32" | "f64") || is_integer(name);
            (types.contains(&"f32") && types.iter().all(is_wide) && !is_integer(types[1])).then(
                || {
                    let has_rounding =
                        parts.len() > 3 && parts[1].starts_with('r') && parts[1] != "relu";
                    if has_rounding { 2 } else { 1 }
                },
            )
        }
        _ => None,
    }
}

fn is_integer(name: &str) -> bool {
    name.strip_prefix(['s', 'u'])
        .is_some_and(|bits| bits.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{instruction, settle};

    /// What `text` becomes if it changes.
    fn flushed(text: &str) -> String {
        instruction(text, true).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn sums_and_products_get_a_rounding_mode() {
        let rounded = |text| instruction(text, false);
        assert_eq!(rounded("add.f32").as_deref(), Some("add.rn.f32"));
        assert_eq!(rounded("mul.sat.f32").as_deref(), Some("mul.rn.sat.f32"));
        assert_eq!(rounded("sub.bf16x2").as_deref(), Some("sub.rn.bf16x2"));
        for complete in [
            "add.rz.f64",
            "mul.rn.f32",
            "add.s32",
            "mul.wide.u16",
            "fma.rn.f32",
            "ret;",
        ] {
            assert_eq!(rounded(complete), None, "{complete}");
        }
    }

    #[test]
    fn single_precision_flushes() {
        for expected in [
            "add.rn.ftz.f32",
            "mul.rn.ftz.sat.f32",
            "fma.rn.ftz.f32x2",
            "div.full.ftz.f32",
            "rcp.rn.ftz.f32",
            "sqrt.approx.ftz.f32",
            "ex2.approx.ftz.f32",
            "abs.ftz.f32",
            "min.ftz.NaN.f32",
            "setp.lt.ftz.f32",
            "setp.ltu.and.ftz.f32",
            "set.eq.ftz.u32.f32",
            "cvt.rzi.ftz.s32.f32",
            "cvt.rni.ftz.f32.f32",
            "cvt.rn.ftz.f32.f64",
            "cvt.ftz.f64.f32",
            "cvt.ftz.sat.f32.f32",
        ] {
            assert_eq!(flushed(&expected.replace(".ftz", "")), expected);
            assert_eq!(flushed(expected), expected);
        }
        for unflushed in [
            "add.rn.f64",
            "add.rn.f16x2",
            "tanh.approx.f32",
            "selp.f32",
            "copysign.f32",
            "cvt.rn.f32.s32",
            "cvt.rn.f16.f32",
            "cvt.f32.f16",
            "cvt.rn.bf16x2.f32",
            "cvt.rn.relu.f16.f32",
            "mov.f32",
            "cvt.u64.u32",
        ] {
            assert_eq!(flushed(unflushed), unflushed);
        }
    }

    #[test]
    fn inline_assembly_stays() {
        let ptx = "\tadd.f32 \t%r1, %r2, %r3;\n\t// begin inline asm\n\tadd.f32 %r1, %r2, %r3;\n\t// end inline asm\n\tmul.f32 \t%r1, %r1, %r3;\n\tret;\n";
        let expected = "\tadd.rn.ftz.f32 \t%r1, %r2, %r3;\n\t// begin inline asm\n\tadd.f32 %r1, %r2, %r3;\n\t// end inline asm\n\tmul.rn.ftz.f32 \t%r1, %r1, %r3;\n\tret;\n";
        assert_eq!(settle(ptx, true), expected);
        assert_eq!(settle("no statement", true), "no statement");
    }
}
