//! What nvcc and rustc write, and what they could.

use std::fs;
use std::path::Path;

use ptx_sim::ptx::{ElementValue, Literal, Location, Operand, Space, Statement, Variable, parse};

use super::{function, instructions, variable};

#[test]
fn reads_what_nvcc_writes() {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/ptx")
            .join(name);
        let text = fs::read_to_string(&path).unwrap();
        parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };

    let calls = read("calls.ptx");
    let operations = variable(&calls, "operations");
    assert_eq!(operations.size(), Some(24));
    let ElementValue::Address { name, .. } = &operations.initializer[2].value else {
        panic!("{operations:?}");
    };
    assert_eq!(name, "_Z8subtractff");
    assert!(function(&calls, "malloc").body.is_none());
    let entry = function(&calls, "calls");
    assert_eq!(entry.parameters[1].size(), Some(32));
    let prototypes = (entry.body.as_ref().unwrap().iter())
        .filter(|it| matches!(it, Statement::Scope(scope) if scope.iter().any(|it| matches!(it, Statement::Prototype(..)))))
        .count();
    assert_eq!(prototypes, 3);

    let memory = read("memory.ptx");
    assert_eq!(memory.version, (9, 5));
    let weights = variable(&memory, "weights");
    assert_eq!(
        (weights.space, weights.initializer.len()),
        (Space::Const, 16)
    );
    let middle = &variable(&memory, "middle").initializer[0];
    let expected = ElementValue::Address {
        name: "matrix".into(),
        addend: 24,
        generic: true,
        mask: None,
    };
    assert_eq!(middle.value, expected);
    let limits = &function(&memory, "memory").limits;
    assert_eq!(limits.max_threads, Some([128, 1, 1]));
    assert_eq!(limits.min_blocks, Some(2));

    let control = read("control.ptx");
    assert_eq!(function(&control, "halves").limits.max_registers, Some(64));

    let hopper = read("hopper.ptx");
    assert_eq!(hopper.architecture_suffix, Some('a'));
    let limits = &function(&hopper, "clusters").limits;
    assert_eq!(limits.required_cluster, Some([2, 1, 1]));
    let copies = function(&hopper, "copies");
    let map = &copies.parameters[0];
    assert_eq!((map.alignment, map.size()), (64, Some(128)));
    let all = instructions(copies.body.as_ref().unwrap());
    let product = all
        .iter()
        .find(|it| it.opcode == "wgmma" && it.operands.len() == 8);
    assert!(matches!(&product.unwrap().operands[0], Operand::Vector(d) if d.len() == 4));

    let lines = read("lines.ptx");
    assert_eq!(lines.files[&1], "debug.cu");
    let all = instructions(function(&lines, "debug").body.as_ref().unwrap());
    let line_of = |opcode: &str| {
        let found = all.iter().find(|it| it.opcode == opcode).unwrap();
        found.location.map(|it| (it.file, it.line, it.column))
    };
    // The line of the inlined function, and not that which it was inlined at.
    assert_eq!(line_of("selp"), Some((1, 5, 5)));
    assert_eq!(line_of("ret"), Some((1, 14, 1)));

    let debug = read("debug.ptx");
    let body = function(&debug, "debug").body.as_ref().unwrap();
    let location = instructions(body).last().unwrap().location;
    assert_eq!(
        location,
        Some(Location {
            file: 1,
            line: 14,
            column: 1
        })
    );
}

/// The forms that compilers seldom write; ptxas accepts the file.
#[test]
fn reads_seldom_forms() {
    let text = include_str!("../ptx/syntax.ptx");
    let module = parse(text).unwrap();
    assert_eq!(module.files[&2], "folder\\other.cuh");
    let value = |name: &str, at: usize| match &variable(&module, name).initializer[at].value {
        ElementValue::Literal(literal) => *literal,
        other => panic!("{other:?}"),
    };
    assert_eq!(value("limits", 1), Literal::Integer(-15_i64 as u64));
    assert_eq!(value("grid", 3), Literal::Integer(21));
    assert_eq!(variable(&module, "grid").initializer[3].index, 4);
    assert_eq!(value("conditional", 0), Literal::Integer(224));
    assert_eq!(variable(&module, "text").dimensions, [None]);
    let body = function(&module, "kernel").body.as_ref().unwrap();
    let count = |test: fn(&Statement) -> bool| body.iter().filter(|it| test(it)).count();
    assert_eq!(count(|it| matches!(it, Statement::BranchTargets(..))), 1);
    assert_eq!(count(|it| matches!(it, Statement::CallTargets(..))), 1);
    assert_eq!(count(|it| matches!(it, Statement::Label(..))), 3);
    assert_eq!(instructions(body).len(), 27);
}

#[test]
fn reads_what_rustc_writes() {
    let module = parse(include_str!("../ptx/rust.ptx")).unwrap();
    assert_eq!(module.files[&1], "rust.rs");
    let kernel = function(&module, "operations");
    let sizes: Vec<_> = kernel.parameters.iter().map(Variable::size).collect();
    assert_eq!(sizes, [8, 4, 16, 16].map(Some));
    let body = kernel.body.as_ref().unwrap();
    let targets = body.iter().find_map(|it| match it {
        Statement::BranchTargets(name, targets) => Some((name, targets)),
        _ => None,
    });
    let (name, targets) = targets.unwrap();
    assert_eq!((name.as_str(), targets.len()), ("$L_brx_0", 9));
    // The line of the assembler that the source holds.
    let all = instructions(body);
    let guarded = all
        .iter()
        .find(|it| it.opcode == "add" && it.guard.is_some());
    let source = include_str!("../ptx/rust.rs");
    let line = source.lines().position(|it| it.contains("asm!(")).unwrap() + 1;
    assert_eq!(guarded.unwrap().location.unwrap().line as usize, line);
}

/// The kernels of the repository.
#[test]
fn reads_the_kernels() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gpu/ptx");
    let mut n_files = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|it| it != "ptx") {
            continue;
        }
        n_files += 1;
        let text = fs::read_to_string(&path).unwrap();
        let module = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let n_entries = text.matches(".visible .entry ").count();
        let n_semicolons = text.matches(";\n").count();
        let entries: Vec<_> = module.functions.iter().filter(|it| it.is_entry).collect();
        assert!(
            n_entries > 0 && entries.len() == n_entries,
            "{}",
            path.display()
        );
        // Nothing is left out: instructions and declarations end in semicolons.
        let n_instructions: usize = (module.functions.iter())
            .filter_map(|it| it.body.as_ref())
            .map(|body| instructions(body).len())
            .sum();
        assert!(
            n_instructions > n_semicolons / 2 && n_instructions < n_semicolons,
            "{n_instructions} instructions of {n_semicolons} statements"
        );
    }
    assert!(n_files > 0);
}
