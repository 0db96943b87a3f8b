//! Where a line was inlined: what follows the numbers of a `.loc`.

use crate::check::SourceLine;

/// The calls that a `.loc` line says its code was inlined through, the innermost first.
///
/// nvcc has the one call in the directive, `, inlined_at 1 40 9`. LLVM has them all in the comment
/// beside it, `// a.rs:2:3 @[ b.rs:4:5 @[ c.rs:6:7 ] ]`, which `cuda_builder` shortens to
/// `// @ 2:4:5 @ 3:6:7` with the numbers of the files.
pub(crate) fn calls(loc: &str, file_name: impl Fn(u32) -> String) -> Vec<SourceLine> {
    if let Some((_, place)) = loc.split_once("inlined_at") {
        let mut numbers = place
            .split_whitespace()
            .map_while(|number| number.parse().ok());
        return match [(); 3].map(|()| numbers.next()) {
            [Some(file), Some(line), Some(column)] if line > 0 => vec![SourceLine {
                file: file_name(file),
                line,
                column,
            }],
            _ => Vec::new(),
        };
    }
    let Some((_, comment)) = loc.split_once("//") else {
        return Vec::new();
    };
    let places = comment.split(" @").skip(1);
    let mut calls: Vec<_> = places
        .map_while(|place| parse(place.trim_matches(['[', ']', ' '])))
        .collect();
    for call in &mut calls {
        if let Ok(number) = call.file.parse() {
            call.file = file_name(number);
        }
    }
    calls
}

/// `src/a.rs:12:5`, or without a column. Colons may be part of the path.
fn parse(place: &str) -> Option<SourceLine> {
    let (rest, last) = place.rsplit_once(':')?;
    let last = last.parse().ok()?;
    let (file, line, column) = match rest
        .rsplit_once(':')
        .map(|(file, line)| (file, line.parse()))
    {
        Some((file, Ok(line))) => (file, line, last),
        _ => (rest, last, 0),
    };
    Some(SourceLine {
        file: file.to_owned(),
        line,
        column,
    })
}

#[cfg(test)]
mod tests {
    use super::calls;

    fn text(loc: &str) -> Vec<String> {
        let calls = calls(loc, |file| format!("{file}.cu"));
        calls.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn calls_are_read_from_comments_and_directives() {
        assert!(text("\t.loc 1 2 3").is_empty());
        assert!(text("\t.loc 1 2 3 // a.rs:2:3").is_empty());
        assert_eq!(
            text("\t.loc 1 2 3   // a.rs:2:3 @[ c:\\b.rs:4:5 @[ c.rs:6 ] ]"),
            ["c:\\b.rs:4:5", "c.rs:6"]
        );
        assert_eq!(
            text(".loc 1 2 3 // @ 2:4:5 @ 3:6:7"),
            ["2.cu:4:5", "3.cu:6:7"]
        );
        assert_eq!(
            text(".loc 1 2 3, function_name $L__i0, inlined_at 7 20 9"),
            ["7.cu:20:9"]
        );
        assert!(text(".loc 1 2 3, inlined_at 7 x 9").is_empty());
        assert!(text(".loc 1 2 3 // @[ ] @[").is_empty());
    }
}
