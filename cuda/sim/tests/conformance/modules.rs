//! Modules that are wrong as a whole are refused, with an error that says where and what.

use crate::case::Runner;

/// Modules behind their header, `§` before what the error must point at, and what it must say.
const WRONG: &[(&str, &str)] = &[
    // Names.
    (".entry k() { §bra NOWHERE; }", "`NOWHERE` is not declared"),
    (".entry k() { A: .reg .b32 %r; §mov.u32 %r, A; }", "`A`"),
    (".entry k() { .reg .b32 %r; §bra %r; }", "`%r` is no label"),
    (
        ".entry k() { A: ret; §A: ret; }",
        "`A` is declared twice in the same scope",
    ),
    (
        ".entry k() { .reg .b32 %r; §.reg .b64 %r; }",
        "`%r` is declared twice",
    ),
    (
        ".entry k() { { .reg .b32 %r; } .reg .b32 %s; §mov.u32 %s, %r; }",
        "`%r` is not declared",
    ),
    (".entry k() { { A: ret; } §bra A; }", "`A` is not declared"),
    (".entry k(.param .u32 a, .param .u32 §a) { }", "`a`"),
    (".global .u32 v; .global .u32 §v;", "`v` is defined twice"),
    (".entry k() { } .entry §k() { }", "`k`"),
    (".func f() { } .func §f() { }", "`f`"),
    (
        ".entry k() { .reg .b32 %r<4>; §mov.u32 %r4, 0; }",
        "`%r4` is not declared",
    ),
    (
        ".entry k() { .reg .b32 %r; §ld.global.u32 %r, [v]; }",
        "`v` is not declared",
    ),
    (
        ".entry k() { .reg .b32 %r; §mov.u32 %r, %tid.q; }",
        "%tid.q",
    ),
    (
        ".entry k() { .reg .b32 %r; §mov.u32 %r, %sreg; }",
        "`%sreg` is not declared",
    ),
    // Functions.
    (".entry k() { §call f; }", "`f` is not declared"),
    (
        ".extern .func §f(); .entry k() { call f; }",
        "`f` is declared and not defined",
    ),
    (
        ".func §f(); .entry k() { call f; }",
        "`f` is declared and not defined",
    ),
    (
        ".entry §a() { } .entry k() { call a; }",
        "`a` is used as a function",
    ),
    (
        ".entry k() { .reg .b32 %r; §call %r; }",
        "`%r` is no function",
    ),
    (".entry k() { §call (1), f; } .func f() { }", "expected"),
    (
        ".extern .func (.param .b64 r) malloc (.param .b64 n); .entry k() { §call malloc; }",
        "arguments",
    ),
    (
        ".func f(.reg .pred §%p) { } .entry k() { call f; }",
        "a predicate is no parameter",
    ),
    // Types and sizes.
    (
        ".entry k() { .reg .b64 %r; §ld.global.v2.u32 {%r, %r, %r}, [%r]; }",
        "3 registers for 2 values",
    ),
    (
        ".entry k() { .reg .b64 %r; §ld.global.v4.b128 {%r, %r, %r, %r}, [%r]; }",
        "at once",
    ),
    (
        ".entry k() { .reg .b16 %h; .reg .b64 %r; §ld.global.u32 %h, [%r]; }",
        "`%h`",
    ),
    (
        ".entry k() { .reg .b16 %h; .reg .b64 %r; §st.global.u32 [%r], %h; }",
        "`%h`",
    ),
    (
        ".entry k() { .reg .b16 %h; §ld.global.u16 %h, [%h]; }",
        "the address register `%h`",
    ),
    (
        ".entry k() { .reg .pred %p; .reg .b64 %r; §ld.global.u32 %p, [%r]; }",
        "`%p`",
    ),
    (
        ".entry k() { .reg .b32 %r; @%r §ret; }",
        "`%r` is no predicate",
    ),
    (
        ".entry k() { .reg .b32 %r; §atom.local.add.u32 %r, [%r], 1; }",
        "global and shared",
    ),
    (
        ".entry k() { .reg .b32 %r; §atom.global.mul.u32 %r, [%r], 1; }",
        "not known",
    ),
    (
        ".entry k() { .reg .b32 %r; §atom.global.and.s32 %r, [%r], 1; }",
        "not known",
    ),
    (
        ".entry k() { .reg .b32 %r; §atom.global.cas.b32 %r, [%r], 1; }",
        "operands",
    ),
    (
        ".entry k() { .reg .b32 %r; §red.global.exch.b32 [%r], 1; }",
        "use `atom`",
    ),
    (
        ".entry k() { .reg .b32 %r; .shared .u32 s; §ld.global.u32 %r, [s]; }",
        "another state space",
    ),
    (
        ".const .u32 c; .entry k() { §st.const.u32 [c], 1; }",
        "cannot be written",
    ),
    (
        ".entry k() { .reg .b32 %r; §cvta.shared.u32 %r, %r; }",
        "64 bits",
    ),
    (
        ".entry k() { .reg .b32 %r; §shfl.up.b32 %r, %r, 1, 0; }",
        "not known",
    ),
    (
        ".entry k() { .reg .b32 %r; §shfl.sync.up.b64 %r, %r, 1, 0, -1; }",
        "not known",
    ),
    (
        ".entry k() { .reg .b32 %r; §vote.ballot.b32 %r, 1; }",
        "not known",
    ),
    (
        ".entry k() { .reg .b32 %r; §bar.red.popc.u32 %r, 0; }",
        "operand",
    ),
    (
        ".entry k() { §bar.arrive 0; }",
        "the number of threads is missing",
    ),
    (".entry k() { §barrier.wait 0; }", "not known"),
    (".entry k() { §fence.sc; }", "scope"),
    (".entry k() { §fence.seq.gpu; }", "not known"),
    (".entry k() { §membar.block; }", "not known"),
    (
        ".entry k() { .reg .b32 %r; §brx.idx %r, T; T: ret; }",
        "`T` is no `.branchtargets`",
    ),
    (
        ".entry k() { .reg .b32 %r; T: .branchtargets A, B; §brx.idx %r, T; A: ret; }",
        "`B` is not declared",
    ),
    (
        ".entry k() { .reg .b32 %r; §prefetch.global.L3 [%r]; }",
        "L3",
    ),
    (
        ".entry k() { .reg .b32 %r; §ld.global.L1::evict_sometimes.u32 %r, [%r]; }",
        "evict_sometimes",
    ),
    (
        ".entry k() { .reg .b32 %r; §ld.warm.global.u32 %r, [%r]; }",
        "warm",
    ),
    // Too much.
    (
        ".shared .b8 §s[300000]; .entry k() { .reg .b64 %r; mov.u64 %r, s; }",
        "`s` does not fit",
    ),
    (".entry k() { .shared .b8 §s[300000]; }", "`s` does not fit"),
    (".entry k() { .local .b8 §l[600000]; }", "`l` does not fit"),
    (
        ".entry k() { .local .b8 l[§9999999999999999999]; }",
        "elements",
    ),
    (".global .b8 v[§0xFFFFFFFFFFFFFFF0];", "elements"),
    (
        ".entry k(.param .b8 §p[40000]) { }",
        "parameters take at most",
    ),
    (".entry k() { .reg .b32 §%r<2000000>; }", "registers"),
    // Initializers.
    (".global .u64 §a = b;", "`b`, which is no variable"),
    (
        ".global .u32 a[2] = {1, 2, §3};",
        "more than the 2 elements",
    ),
    (".global .u32 a[2] = {1, §;", "expected"),
    (
        ".shared .u32 §s = 1; .entry k() { .reg .b64 %r; mov.u64 %r, s; }",
        "no initial values",
    ),
    (".global .u32 a = 1 §/ 0;", "zero"),
    (
        ".extern .global .u32 §v; .entry k() { }",
        "`v` is declared and not defined",
    ),
    (".entry k() { .global .u32 §v; }", "inside of a function"),
    // Directives.
    (
        ".entry k() { §frobnicate; }",
        "this instruction is not known",
    ),
    ("§.frobnicate 1;", ".frobnicate"),
    (".entry k() .maxntid §a { }", "expected"),
    (".entry k() { .reg .b32 %r §}", "expected"),
    (".entry k() { §+ }", "expected"),
    (".global .texref §t; .entry k() { }", "textures"),
];

const HEADER: &str = ".version 9.0\n.target sm_90\n.address_size 64\n";

/// A sentence for each that is taken, or whose error is another.
pub fn failures(runner: &mut dyn Runner) -> Vec<String> {
    let mut failures = Vec::new();
    for &(marked, message) in WRONG {
        let text = marked.replace('§', "");
        // Each behind a line of its own, so that lines count.
        let before = marked.split('§').next().unwrap_or_default();
        let place = format!("line 5, column {}: ", before.chars().count() + 1);
        match runner.load(&format!("{HEADER}\n{text}\n")) {
            Ok(()) => failures.push(format!("`{marked}` is taken")),
            Err(error) if !error.starts_with(&place) || !error.contains(message) => {
                failures.push(format!(
                    "`{marked}`: expected {place}{message}; found {error}"
                ));
            }
            Err(_) => {}
        }
    }
    failures
}
