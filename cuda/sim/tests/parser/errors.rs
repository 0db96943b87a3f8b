//! What the parser refuses: errors with their places, and the bounds of what a text may ask for.

use std::time::{Duration, Instant};

use ptx_sim::ptx::parse;

use super::{HEADER, module};

/// The error of a text that starts on line 2, after the directives that must come first.
fn error(text: &str) -> String {
    let text = format!("{HEADER}{text}");
    match parse(&text) {
        Ok(module) => panic!("{text}\nis accepted: {module:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    for (text, expected) in [
        (
            "",
            "line 1, column 1: expected `.version`, with which every PTX text begins, found the end of the text; is it complete?",
        ),
        (
            "hello",
            "line 1, column 1: expected `.version`, with which every PTX text begins, found `hello`",
        ),
        (
            "\u{7f}ELF\u{2}",
            "line 1, column 1: this is an ELF file (a cubin?) and no PTX: only PTX, which is text, can be run",
        ),
        (
            "P\u{fffd}U\u{fffd}\0",
            "line 1, column 1: this is binary data (a fatbin?) and no PTX: only PTX, which is text, can be run",
        ),
        (
            ".version 8",
            "line 1, column 10: expected a version such as 8.0, found `8`",
        ),
        (
            ".version 8.0",
            "line 1, column 13: expected `.target` after `.version`, found the end of the text; is it complete?",
        ),
        (
            ".version 8.0\n.address_size 64",
            "line 2, column 1: expected `.target` after `.version`, found `.address_size`",
        ),
        (
            ".version 8.0 .target debug",
            "line 1, column 27: expected a target such as sm_80, found the end of the text; is it complete?",
        ),
        (
            ".version 8.0 .target compute_80",
            "line 1, column 22: expected a target such as sm_80 or `debug`, found `compute_80`",
        ),
        (
            ".version 8.0 .target sm_80xy",
            "line 1, column 22: expected a target such as sm_80, found `sm_80xy`",
        ),
        (
            "/* é */ .version /*",
            "line 1, column 18: expected a version such as 8.0, found a comment that no `*/` ends",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert_eq!(error, expected, "{text}");
    }
    for (text, expected) in [
        (
            ".address_size 16",
            "line 2, column 15: an address has 32 or 64 bits, not 16",
        ),
        (
            ".dwarf 1",
            "line 2, column 1: expected `.entry`, `.func`, a variable (`.global`, `.shared`, `.const`) or another directive of a module, found `.dwarf`",
        ),
        (
            ".visible .reg",
            "line 2, column 10: expected `.entry`, `.func`, a variable (`.global`, `.shared`, `.const`) or another directive of a module, found `.reg`",
        ),
        (
            ".file 1 \"a",
            "line 2, column 9: expected the path of the file, found a text that no `\"` ends on its line",
        ),
        (
            ".section .x { {}",
            "line 2, column 17: expected `}` at the end of the section, found the end of the text; is it complete?",
        ),
        (
            ".global .q32 x;",
            "line 2, column 9: expected a type, `.align` or the name of a variable, found `.q32`",
        ),
        (
            ".global x;",
            "line 2, column 9: expected a type before the name, found `x`",
        ),
        (
            ".global .align 3 .u32 x;",
            "line 2, column 16: an alignment is a power of two, not 3",
        ),
        (
            ".global .align 0x100000000 .u32 x;",
            "line 2, column 16: the alignment of 4294967296 does not fit into 32 bits",
        ),
        (
            ".global .u32 x",
            "line 2, column 15: expected `,`, `;`, `[` or `=` after a variable's name, found the end of the text; is it complete?",
        ),
        (
            ".global .u32 x[-1];",
            "line 2, column 16: no array has -1 elements",
        ),
        (
            ".global .u32 x[y];",
            "line 2, column 16: the size of an array is not an integer",
        ),
        (
            ".global .u32 x[2] = 5;",
            "line 2, column 21: expected `{`, found `5`",
        ),
        (
            ".global .u32 x[2] = {1, 2, 3};",
            "line 2, column 28: more than the 2 elements that fit in here",
        ),
        (
            ".global .u32 x[2] = {{1}};",
            "line 2, column 22: a list in braces that is deeper than the array has dimensions",
        ),
        (
            ".global .u32 x[2][1] = {{1}, {2}, {3}};",
            "line 2, column 35: more than the 2 elements that fit in here",
        ),
        (
            ".global .u32 x[][] = {1};",
            "line 2, column 23: the array does not fit into 64 bits, or an inner dimension is open",
        ),
        (
            ".global .u32 x[4294967296][4294967296] = {1};",
            "line 2, column 43: the array does not fit into 64 bits, or an inner dimension is open",
        ),
        (
            ".global .u64 x = 1 + y * 2;",
            "line 2, column 24: expected `,`, `;`, `[` or `=` after a variable's name, found `*`",
        ),
        (
            ".global .u64 x = y + z;",
            "line 2, column 20: `+` between operands that it does not apply to; an address takes only an integer that is added or subtracted",
        ),
        (
            ".global .u64 x = generic(5);",
            "line 2, column 26: expected the name of a variable or function",
        ),
        (
            ".global .u64 x = 1 / (2 - 2);",
            "line 2, column 20: the divisor of `/` is zero",
        ),
        (
            ".global .u64 x = 0f3F8;",
            "line 2, column 18: `0f3F8` is not a single: it has 8 hexadecimal digits",
        ),
        (
            ".global .u64 x = 0x;",
            "line 2, column 18: `0x` is not a number",
        ),
        (
            ".global .u64 x = 09;",
            "line 2, column 18: `09` is not a number",
        ),
        (
            ".global .u64 x = 12abc;",
            "line 2, column 18: `12abc` is not a number",
        ),
        (
            ".global .u64 x = 18446744073709551616;",
            "line 2, column 18: `18446744073709551616` does not fit into 64 bits",
        ),
        (
            ".global .f64 x = 1e999;",
            "line 2, column 18: `1e999` does not fit into a double",
        ),
        (
            ".entry f(.u32 x) {}",
            "line 2, column 10: expected `.param` or `.reg`, found `.u32`",
        ),
        (
            ".entry f(.param .u32 x {}",
            "line 2, column 24: expected `,` or `)`, found `{`",
        ),
        (
            ".entry f() .maxnreg {}",
            "line 2, column 21: expected the number after `.maxnreg`, found `{`",
        ),
        (
            ".entry f() .frob {}",
            "line 2, column 12: expected `{`, `;` or a directive of a function, found `.frob`",
        ),
        (
            ".entry f() { add",
            "line 2, column 17: expected an operand, found the end of the text; is it complete?",
        ),
        (
            ".entry f() { add a b; }",
            "line 2, column 20: expected `,` or `;`, found `b`",
        ),
        (
            ".entry f() {\n\tadd.u32 %r1, %r2, €;",
            "line 3, column 20: expected an operand, found the character \"€\"",
        ),
        (
            ".entry f() {\n\tadd.u32 . %r1;",
            "line 3, column 10: expected an operand, found a `.` that no word follows",
        ),
        (
            ".entry f() { ; }",
            "line 2, column 14: expected an instruction, a label, a declaration (`.reg`, `.local`, `.shared`, `.param`) or `}`, found `;`",
        ),
        (
            ".entry f() { ret; ",
            "line 2, column 19: expected an instruction, a label, a declaration (`.reg`, `.local`, `.shared`, `.param`) or `}`, found the end of the text; is it complete?",
        ),
        (
            ".entry f() { @p: ret; }",
            "line 2, column 16: expected an instruction, found `:`",
        ),
        (
            ".entry f() { mov a, generic(x); }",
            "line 2, column 21: `generic()` and the parts of an address are for initializers only",
        ),
        (
            ".entry f() { ld a, [b; }",
            "line 2, column 22: expected `]`, found `;`",
        ),
        (
            ".entry f() { .loc 1 2 }",
            "line 2, column 23: expected the number of a column, found `}`",
        ),
        (
            ".entry f() { .loc 1 2 3, here }",
            "line 2, column 26: expected `function_name` or `inlined_at`, found `here`",
        ),
        (
            ".entry f() { .extern .reg }",
            "line 2, column 22: expected a variable, found `.reg`",
        ),
        (
            ".entry f() { .reg .b32 %r<4000000000>; }",
            "line 2, column 24: the text declares far more registers than it has words to use them",
        ),
        (
            ".entry f() { .reg .b32 %r<99999999999>; }",
            "line 2, column 27: there cannot be `99999999999` registers",
        ),
        (
            ".entry f() { an_identifier_of_more_than_forty_characters.u32 x y",
            "line 2, column 64: expected `,` or `;`, found `y`",
        ),
        (
            "an_identifier_of_more_than_forty_characters",
            "line 2, column 1: expected `.entry`, `.func`, a variable (`.global`, `.shared`, `.const`) or another directive of a module, found `an_identifier_of_more_than_forty_charact...`",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

/// What is nested is bounded, or the stack would be the bound.
#[test]
fn bounds_nesting() {
    for (before, open, inside, close, after) in [
        (".entry f() {", "{", "ret;", "}", "}"),
        (".entry f() { op ", "{", "x", "}", "; }"),
        (".entry f() { op ", "(", "1", ")", "; }"),
        (".entry f() { op ", "- ", "1", "", "; }"),
        (".entry f() { op ", "1 ? 2 : ", "1", "", "; }"),
        (".entry f() { op ", "1 ? ", "1", " : 2", "; }"),
        (".entry f() { op ", "[x, ", "x", "]", "; }"),
        (".global .u64 x = ", "generic(", "x", ")", ";"),
        (".global .u64 x = ", "(.s64)", "1", "", ";"),
    ] {
        let text = |depth: usize| {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            format!("{before}{open}{inside}{close}{after}")
        };
        // An expression in parentheses counts itself and what it begins with.
        module(&text(60));
        for depth in [201, 1_000_000] {
            let error = error(&text(depth));
            assert!(
                error.ends_with("nested more than 200 levels deep"),
                "{open}: {error}"
            );
        }
    }
    let dimensions = "[1]".repeat(1_000_000);
    let error = error(&format!(".global .u32 x{dimensions};"));
    assert!(
        error.ends_with("an array of more than 32 dimensions"),
        "{error}"
    );
}

/// However often a register directive is repeated, the registers stay in proportion to the text.
#[test]
fn bounds_registers() {
    module(".entry f() { .reg .b32 %r<65536>; }");
    module(&format!(
        ".entry f() {{ .reg .b32 {}x; }}",
        "x, ".repeat(200_000)
    ));
    let many = ".func f() { .reg .b32 %r<60000>; }\n";
    let error = error(&many.repeat(2));
    assert!(error.starts_with("line 3, column 23: "), "{error}");
}

/// Sixteen times the text may take sixteen times the time; the limit lies far above that and far
/// below what a quadratic step would take.
#[test]
fn long_texts_take_linear_time() {
    for (before, repeated) in [
        ("", "a"),
        ("", "\n"),
        ("", "/**/"),
        ("", "// \n"),
        ("", "/"),
        ("", ".global .u32 x;"),
        ("", ".func f();"),
        ("", ".alias a, b;"),
        ("", ".file 1 \"a\""),
        (".section .x {", "{"),
        (".global .u32 x[] = {", "1, "),
        (".global .u32 x[][1][1][1] = {", "{}, "),
        (".global .u64 x = 1", "+1"),
        (".global .u64 x = 1", "-y"),
        (".global .u64 x = ", "9"),
        (".global .f64 x = 1.", "9"),
        (".file 1 \"", "a"),
        (".entry f(", ".param .u32 x, "),
        (".entry f() {", "a:"),
        (".entry f() {", ".x::y"),
        (".entry f() {", "ret;"),
        (".entry f() {", "{}"),
        (".entry f() {", ".loc 1 2 3 "),
        (".entry f() { op", ".m"),
        (".entry f() { op ", "x, "),
        (".entry f() { op {", "x, "),
        (".entry f() { .reg .b32 ", "x, "),
        (".entry f() { .reg .b32 ", "x<1>, "),
    ] {
        let mut fastest = [Duration::MAX; 2];
        for (fastest, size) in fastest.iter_mut().zip([1 << 16, 1 << 20]) {
            let text = format!("{HEADER}{before}{}", repeated.repeat(size / repeated.len()));
            for _ in 0..3 {
                let start = Instant::now();
                // Most are errors at the end of the text.
                drop(parse(&text));
                *fastest = start.elapsed().min(*fastest);
            }
        }
        let [short, long] = fastest;
        // A quadratic step of a nanosecond per pair would take 18 minutes.
        assert!(
            long < 100 * short + Duration::from_secs(1),
            "{repeated}: {short:?} for 64 KiB, {long:?} for 1 MiB"
        );
    }
}
