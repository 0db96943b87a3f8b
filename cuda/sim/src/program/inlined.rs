//! Where a line was inlined: what follows the numbers of a `.loc`.

use crate::check::SourceLine;

/// The calls that code was inlined through, the innermost first. `locs` are the `.loc` lines of its
/// function from the one that holds for it backwards.
///
/// nvcc has one call in the directive, `, inlined_at 1 40 9`, and the directive of that call stands
/// before it. LLVM has them all in the comment beside it, `// a.rs:2:3 @[ b.rs:4:5 @[ c.rs:6:7 ] ]`,
/// which `cuda_builder` shortens to `// @ 2:4:5 @ 3:6:7` with the numbers of the files.
pub(crate) fn calls<'l>(
    mut locs: impl Iterator<Item = &'l str>,
    file_name: impl Fn(u32) -> String,
) -> Vec<SourceLine> {
    let Some(loc) = locs.next() else {
        return Vec::new();
    };
    if loc.contains("inlined_at") {
        let mut calls = Vec::new();
        let mut directive = Some(loc);
        while let Some(place @ [file, line, column]) = directive.and_then(call)
            && line > 0
        {
            calls.push(SourceLine {
                file: file_name(file),
                line,
                column,
            });
            directive = locs.find(|loc| numbers(loc.trim_start_matches(".loc")) == Some(place));
        }
        return calls;
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

/// The call that a directive of nvcc's names.
fn call(loc: &str) -> Option<[u32; 3]> {
    numbers(loc.split_once("inlined_at")?.1)
}

/// The numbers of a file, a line and a column that a text begins with.
fn numbers(text: &str) -> Option<[u32; 3]> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    let mut numbers = words.filter(|word| !word.is_empty()).map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
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
        texts(&[loc])
    }

    fn texts(locs: &[&str]) -> Vec<String> {
        let calls = calls(locs.iter().copied(), |file| format!("{file}.cu"));
        calls.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_directive_of_a_call_stands_before() {
        let locs = [
            ".loc 3 201 13, function_name $L__i4, inlined_at 3 219 9",
            ".loc\t3 219 9, function_name $L__i3, inlined_at 1 15 13",
            ".loc\t3 219 9, function_name $L__i3, inlined_at 1 14 13",
            ".loc\t1 14 13, function_name $L__i0, inlined_at 1 99 5",
            ".loc\t1 15 13, function_name $L__i0, inlined_at 1 20 5",
            ".loc\t1 20 5",
        ];
        assert_eq!(texts(&locs), ["3.cu:219:9", "1.cu:15:13", "1.cu:20:5"]);
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
