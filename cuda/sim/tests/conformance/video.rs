//! The "video" instructions on the lanes of a word, against arithmetic in 128 bits.

use crate::case::{Case, Kind, case};
use crate::integer::{Int, S32, U32};

/// The instructions on the bytes and half words of a word.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, f) in VIDEO {
        for (lanes, part) in [(2, 16), (4, 8)] {
            for signs in 0..8 {
                let types = [0, 1, 2].map(|k| [U32, S32][signs >> k & 1]);
                let [d, a, b] = types.map(|ty| Int { bits: part, ..ty });
                let names = types.map(|ty| ty.name).join(".");
                for mode in ["", ".sat", ".add"] {
                    let text = format!("{name}{lanes}.{names}{mode} $d, $a, $b, $c;");
                    let reference = move |values: &[u64]| {
                        let results = (0..lanes).map(|k| {
                            let [x, y] =
                                [(a, 0), (b, 1)].map(|(ty, k2)| ty.value(values[k2] >> (k * part)));
                            f(x, y)
                        });
                        match mode {
                            ".add" => U32.bits_of(i128::from(values[2]) + results.sum::<i128>()),
                            _ => results.enumerate().fold(0, |word, (k, value)| {
                                let value = match mode {
                                    ".sat" => value.clamp(d.least(), d.most()),
                                    _ => value,
                                };
                                word | d.bits_of(value) << (k as u32 * part)
                            }),
                        }
                    };
                    cases.push(case(text, &[Kind::I32; 3], Kind::I32, reference));
                }
            }
        }
    }
    cases
}

type Video = (&'static str, fn(i128, i128) -> i128);

const VIDEO: [Video; 6] = [
    ("vadd", |a, b| a + b),
    ("vsub", |a, b| a - b),
    ("vabsdiff", |a, b| (a - b).abs()),
    ("vmin", i128::min),
    ("vmax", i128::max),
    ("vavrg", |a, b| match a + b {
        sum @ 0.. => (sum + 1).div_euclid(2),
        sum => sum.div_euclid(2),
    }),
];
