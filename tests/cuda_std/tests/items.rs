//! Every public item of Rust-CUDA's `cuda_std` 0.2.2 is here, and in the table of
//! `docs/rust-cuda.md`, which names a test for each.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

// A function that uses every item of the list: it compiles only if all are there.
include!(concat!(env!("OUT_DIR"), "/published_items.rs"));

/// Paths below `cuda_std`.
fn published() -> Vec<&'static str> {
    let lines = include_str!("../published-items.txt").lines();
    lines
        .map(|line| line.split_once(": ").expect("a kind and a path").1)
        .collect()
}

fn workspace() -> &'static Path {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.ancestors().nth(2).expect("tests/cuda_std")
}

/// The code in backticks of each cell of each row.
fn rows() -> Vec<[Vec<String>; 3]> {
    let text = fs::read_to_string(workspace().join("docs/rust-cuda.md")).expect("the page");
    let section = text
        .split("## Every public item\n")
        .nth(1)
        .expect("the section");
    let section = section.split("\n## ").next().expect("a part");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let code = |cell: &str| -> Vec<String> {
        let parts = cell.split('`').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [items, state, tests] = cells[..] else {
            panic!("three cells in {row}");
        };
        [code(items), code(state), code(tests)]
    })
    .collect()
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[test]
fn every_item_is_in_the_table() {
    let (published, rows) = (published(), rows());
    let patterns = || rows.iter().flat_map(|[items, ..]| items);
    for item in &published {
        let n = patterns().filter(|pattern| fits(pattern, item)).count();
        // A module's row may stand beside those of its items.
        assert!(n > 0, "{item} is not in the table of docs/rust-cuda.md");
    }
    for pattern in patterns() {
        let known = published.iter().any(|item| fits(pattern, item));
        assert!(known, "{pattern} of docs/rust-cuda.md is no published item");
    }
}

#[test]
fn every_test_of_the_table_is_there() {
    let mut sources = HashMap::new();
    for [items, _, tests] in rows() {
        assert!(!tests.is_empty(), "no test of {items:?}");
        for test in tests {
            let (file, name) = test.split_once("::").expect("a file and a name");
            let path = match file.split_once('/') {
                Some((package, file)) => format!("tests/{package}/tests/{file}.rs"),
                None => format!("tests/cuda_std/tests/{file}.rs"),
            };
            let source: &String = sources.entry(path.clone()).or_insert_with(|| {
                let source = fs::read_to_string(workspace().join(&path));
                source.unwrap_or_else(|error| panic!("{path}, for {items:?}: {error}"))
            });
            let code = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let is_word = |character: char| character.is_alphanumeric() || character == '_';
            let found = code
                .flat_map(|line| line.split(|character| !is_word(character)))
                .any(|word| !word.is_empty() && fits(name, word));
            assert!(found, "there is no test {name} in {path}, for {items:?}");
        }
    }
}

/// Why `assert_eq` is not in the prelude: this would not compile if it were.
#[test]
fn core_assertions_stay_usable() {
    #[allow(unused_imports, reason = "what is tested is that it hides nothing")]
    use cuda_std::prelude::*;
    assert_eq!(1 + 1, 2);
    assert_ne!(1, 2);
}
