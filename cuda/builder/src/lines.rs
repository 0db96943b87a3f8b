//! Tidies PTX that was written with source lines.
//!
//! LLVM writes what it knows of inlining into the comment beside a `.loc`, and only among other
//! comments, which triple the size of the text:
//!
//! ```text
//! $L__tmp9:
//!     .loc    7 58 9                 // lib/src/a.rs:58:9 @[ lib/src/b.rs:12:5 @[ lib/src/c.rs:3:1 ] ]
//! // %bb.1:                          // %bb4.i.i
//! ```
//!
//! Of this remains, with the numbers of files,
//!
//! ```text
//!     .loc    7 58 9 // @ 2:12:5 @ 3:3:1
//! ```

use std::collections::HashMap;
use std::fmt::Write as _;

/// The text without labels that nothing names, and without comments but those that say where a
/// line was inlined; and without source lines unless they are wanted, since code of the standard
/// library may bring some.
pub fn tidy(ptx: &str, keeps_lines: bool) -> String {
    let mut files = Files::default();
    for (number, path) in ptx.lines().filter_map(file) {
        files.numbers.insert(path, number);
        files.last = files.last.max(number);
    }
    let mut tidied = String::with_capacity(ptx.len() / 2);
    for line in ptx.lines() {
        let (code, comment) = match line.split_once("//") {
            // A quoted path may hold slashes.
            Some((code, comment)) if !code.contains('"') => (code.trim_end(), comment.trim()),
            _ => (line, ""),
        };
        let is_label = code.starts_with("$L__tmp") && code.ends_with(':');
        let is_source_line = [".loc\t", ".file\t"]
            .iter()
            .any(|directive| code.trim_start().starts_with(directive));
        if is_label || (is_source_line && !keeps_lines) || (code.is_empty() && !line.is_empty()) {
            continue;
        }
        tidied.push_str(code);
        if code.trim_start().starts_with(".loc") {
            let calls: Vec<_> = comment
                .split("@[")
                .skip(1)
                .map(|call| files.call(call))
                .collect();
            if !calls.is_empty() {
                tidied.push_str(" // @ ");
                tidied.push_str(&calls.join(" @ "));
            }
        }
        tidied.push('\n');
    }
    // LLVM numbers the files that code lies in, not those that it was only called from.
    for (path, number) in files.added {
        writeln!(tidied, "\t.file\t{number} \"{path}\"").expect("a String takes everything");
    }
    tidied
}

/// The number and the path of a `.file` line.
fn file(line: &str) -> Option<(u32, &str)> {
    let (number, path) = line
        .trim_start()
        .strip_prefix(".file")?
        .trim()
        .split_once(' ')?;
    Some((number.parse().ok()?, path.trim().trim_matches('"')))
}

#[derive(Default)]
struct Files<'a> {
    numbers: HashMap<&'a str, u32>,
    last: u32,
    added: Vec<(&'a str, u32)>,
}

impl<'a> Files<'a> {
    /// ` a.rs:12:5 ]` as `3:12:5`.
    fn call(&mut self, call: &'a str) -> String {
        let call = call.trim_end_matches([' ', ']']).trim();
        // The path may have colons, the line and the column have none.
        let mut parts = call.rsplitn(3, ':');
        let (Some(column), Some(line), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            return call.to_owned();
        };
        let number = *self.numbers.entry(path).or_insert_with(|| {
            self.last += 1;
            self.added.push((path, self.last));
            self.last
        });
        format!("{number}:{line}:{column}")
    }
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn only_comments_on_inlining_stay() {
        let ptx = r#"// Generated

.version 7.0
$L__tmp0:
	.loc	1 2 3                 // a//b.rs:2:3 @[ c:\d.rs:4:5 @[ a//b.rs:9:1 @[ e.rs:7:8 ] ] ]
	bar.sync 	0;                // wait
$L__BB0_1:                        // %loop
	// begin inline asm
	.loc	1 6 7                 // a//b.rs:6:7
	.file	1 "a//b.rs"
	.file	2 "c:\d.rs"
"#;
        let expected = r#"
.version 7.0
	.loc	1 2 3 // @ 2:4:5 @ 1:9:1 @ 3:7:8
	bar.sync 	0;
$L__BB0_1:
	.loc	1 6 7
	.file	1 "a//b.rs"
	.file	2 "c:\d.rs"
	.file	3 "e.rs"
"#;
        assert_eq!(tidy(ptx, true), expected);
        let without = "\n.version 7.0\n\tbar.sync \t0;\n$L__BB0_1:\n";
        assert_eq!(tidy(ptx, false), without);
    }
}
