//! Instructions that are wrong are refused when the module is loaded: with an error that names them,
//! and never ignored in part.

use crate::case::{self, Kind, Runner, case};

/// Instructions that are none, each with what its error must say.
const WRONG: [(&str, &str); 48] = [
    ("add.s32 $d, $a;", "3..=3 operands"),
    ("add.s32 $d, $a, $b, $c;", "3..=3 operands"),
    ("add.s32 %l0, $a, $b;", "%l0"),
    ("add.s32 $d, %l0, $b;", "%l0"),
    ("add.s32 $d, %h0, $b;", "%h0"),
    ("add.u16 $d, %h0, %h1;", "%d"),
    ("add.s32 $d, $a, %p0;", "%p0"),
    ("add.s32 $d, $a, %nothing;", "%nothing"),
    ("add.s32.sat $d, $a, $b;", ".sat"),
    ("add.sat.u32 $d, $a, $b;", "add.sat.u32"),
    ("add.ftz.rn.f32 $d, $a, $b;", "rn"),
    ("add.rna.f32 $d, $a, $b;", "rna"),
    ("add.ftz.f64 %l0, %l1, %l2;", "add.ftz.f64"),
    ("add.pred %p0, %p1, %p2;", "add.pred"),
    ("add $d, $a, $b;", "type"),
    ("sub.u16x2 $d, $a, $b;", "sub.u16x2"),
    ("mul.s32 $d, $a, $b;", ".lo"),
    ("mul.wide.s64 %l0, %l1, %l2;", "mul.wide.s64"),
    ("mul.wide.s32 $d, $a, $b;", "%d"),
    ("mad.lo.sat.s32 $d, $a, $b, $c;", "mad.lo.sat.s32"),
    ("fma.f32 $d, $a, $b, $c;", "rounding"),
    ("fma.rz.f16 %h0, %h1, %h2, %h3;", ".rn"),
    ("min.relu.u32 $d, $a, $b;", "min.relu.u32"),
    ("min.xorsign.f32 $d, $a, $b;", "min.xorsign.f32"),
    ("min.abs.f32 $d, $a, $b;", "min.abs.f32"),
    ("div.f32 $d, $a, $b;", "rounding"),
    ("div.approx.f64 %l0, %l1, %l2;", "div.approx.f64"),
    ("sqrt.full.f32 $d, $a;", "sqrt.full.f32"),
    ("sin.f32 $d, $a;", ".approx"),
    ("ex2.approx.bf16 %h0, %h1;", "ex2.approx.bf16"),
    ("setp.lt.b32 %p0, $a, $b;", "comparison"),
    ("setp.lo.s32 %p0, $a, $b;", "comparison"),
    ("setp.ltu.s32 %p0, $a, $b;", "comparison"),
    ("setp.lt.and.s32 %p0, $a, $b;", "4..=4 operands"),
    ("setp.lt.s32 $d, $a, $b;", "%d"),
    ("selp.b32 $d, $a, $b, $c;", "%c"),
    ("cvt.s32.f32 $d, $a;", ".rni"),
    ("cvt.f32.s32 $d, $a;", "rounding"),
    ("cvt.rn.f64.f32 %l0, $a;", "rounding"),
    ("cvt.rni.f64.f32 %l0, $a;", "rounding"),
    ("cvt.u64.u32 $d, $a;", "u64"),
    ("cvt.sat.u64.u32 %l0, $a;", ".sat"),
    ("cvt.rn.sat.bf16.f32 %h0, $a;", ".sat"),
    ("cvt.rn.rn.f32.s32 $d, $a;", "rn"),
    ("setp.lt.f16 %p0|%p1, %h0, %h1;", "destination"),
    ("cvt.rn.e4m3x2.f32 %h0, $a, $b;", ".satfinite"),
    ("lop3.b32 $d, $a, $b, $c, 256;", "255"),
    ("frobnicate.b32 $d, $a;", "frobnicate"),
];

/// A sentence for each that is taken, or whose error does not say what is wrong.
pub fn failures(runner: &mut dyn Runner) -> Vec<String> {
    let mut failures = Vec::new();
    for (text, expected) in WRONG {
        let case = case(text, &[Kind::I32; 3], Kind::I32, |_| 0);
        match runner.load(&case::module("sm_90", &[case])) {
            Ok(()) => failures.push(format!("`{text}` is taken")),
            Err(error) if !error.contains(expected) || !error.contains("line") => {
                failures.push(format!(
                    "`{text}`: expected a word of {expected}, found {error}"
                ));
            }
            Err(_) => {}
        }
    }
    failures
}
