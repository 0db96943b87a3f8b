//! Small texts whose trees are known.

use ptx_sim::ptx::{
    Element, ElementValue, Instruction, Linkage, Literal, Operand, Space, Statement, Type, parse,
};

use super::{function, instructions, module, variable};

/// The statements of a function with this body.
fn body(text: &str) -> Vec<Statement> {
    let mut module = module(&format!(".entry f() {{\n{text}\n}}"));
    module.functions.remove(0).body.unwrap()
}

fn instruction(text: &str) -> Instruction {
    match body(text).as_slice() {
        [Statement::Instruction(instruction)] => instruction.clone(),
        other => panic!("{text} is {other:?}"),
    }
}

fn name(name: &str) -> Operand {
    Operand::Name(name.into())
}

fn integer(value: i64) -> Operand {
    Operand::Literal(Literal::Integer(value as u64))
}

fn address(base: Operand, offset: i64, rest: &[Operand]) -> Operand {
    Operand::Address {
        base: Box::new(base),
        offset,
        rest: rest.to_vec(),
    }
}

#[test]
fn reads_what_a_module_says_of_itself() {
    let module = parse(
        "// A comment\n/* and\n another */ .version 9.10 .target sm_103f, debug\n\
         .address_size 64 .file 7 \"folder/a b.rs\", 12, 34 .pragma \"x\", \"y\";\n\
         .func g(); .alias f, g; .section .debug_x { .b8 1, 2 { } } ",
    )
    .unwrap();
    assert_eq!(module.version, (9, 10));
    assert_eq!(module.architecture, 103);
    assert_eq!(module.architecture_suffix, Some('f'));
    assert_eq!(module.address_size, 64);
    assert_eq!(module.files[&7], "folder/a b.rs");
    assert_eq!(module.aliases["f"], "g");
    assert_eq!(module.functions.len(), 1);

    let module = parse(".version 7.0\r\n.target sm_52 // no size\r\n").unwrap();
    assert_eq!(module.architecture_suffix, None);
    assert_eq!(module.address_size, 32);
}

#[test]
fn reads_every_form_of_operand() {
    let vector = |names: &[&str]| Operand::Vector(names.iter().map(|it| name(it)).collect());
    let pair = |a: Operand, b: Operand| Operand::Pair(Box::new(a), Box::new(b));
    for (text, expected) in [
        ("%r1", name("%r1")),
        ("%tid.x", name("%tid.x")),
        ("$L__BB0_1", name("$L__BB0_1")),
        ("_", Operand::Discard),
        ("_x", name("_x")),
        ("!%p1", Operand::Not("%p1".into())),
        ("-%r1", Operand::Minus("%r1".into())),
        ("-%v.x", Operand::Minus("%v.x".into())),
        ("a|b", pair(name("a"), name("b"))),
        ("_|%p", pair(Operand::Discard, name("%p"))),
        ("%p|_", pair(name("%p"), Operand::Discard)),
        ("x+4", Operand::Offset("x".into(), 4)),
        ("x+4*2", Operand::Offset("x".into(), 8)),
        ("x-4", Operand::Offset("x".into(), -4)),
        ("x+0", name("x")),
        ("{a, b.x}", vector(&["a", "b.x"])),
        ("{}", vector(&[])),
        (
            "{_, 1}",
            Operand::Vector(vec![Operand::Discard, integer(1)]),
        ),
        ("[a]", address(name("a"), 0, &[])),
        ("[a+8]", address(name("a"), 8, &[])),
        ("[ a + -8 ]", address(name("a"), -8, &[])),
        ("[4096]", address(integer(4096), 0, &[])),
        ("[t, {x, y}]", address(name("t"), 0, &[vector(&["x", "y"])])),
        ("[t, s, x]", address(name("t"), 0, &[name("s"), name("x")])),
        ("WARP_SZ", integer(32)),
        ("-1", integer(-1)),
    ] {
        let instruction = instruction(&format!("op {text};"));
        assert_eq!(instruction.operands, [expected], "{text}");
    }
}

#[test]
fn evaluates_constant_expressions() {
    let integer = |value: u64| Literal::Integer(value);
    let double = |value: f64| Literal::Double(value.to_bits());
    for (text, expected) in [
        ("0", integer(0)),
        ("12", integer(12)),
        ("12U", integer(12)),
        ("0x1F", integer(31)),
        ("0X1fU", integer(31)),
        ("017", integer(15)),
        ("0b101U", integer(5)),
        ("18446744073709551615", integer(u64::MAX)),
        ("-9223372036854775808", integer(1 << 63)),
        ("- -4", integer(4)),
        ("+4", integer(4)),
        ("~0", integer(u64::MAX)),
        ("!3", integer(0)),
        ("1 + 2 * 3", integer(7)),
        ("(1 + 2) * 3", integer(9)),
        ("10 - 4 - 3", integer(3)),
        ("7 / 2 % 2", integer(1)),
        ("-7 / 2", integer(-3_i64 as u64)),
        ("-7 / 2U", integer((u64::MAX - 6) / 2)),
        ("-8 >> 1", integer(-4_i64 as u64)),
        ("(.u64)-8 >> 1", integer((u64::MAX - 7) >> 1)),
        ("-8 >> 64", integer(u64::MAX)),
        ("1 << 63", integer(1 << 63)),
        ("1 << 64", integer(0)),
        ("1 << 0x100000000", integer(0)),
        ("6 & 3 | 8 ^ 1", integer(2 | 9)),
        ("-1 < 1", integer(1)),
        ("-1 < 1U", integer(0)),
        ("1 < 2 == 1 && 0 || 5 >= 5", integer(1)),
        ("0 ? 1 : 2 ? 3 : 4", integer(3)),
        ("0f3F800000", Literal::Single(0x3F80_0000)),
        ("-0F3f800000", Literal::Single(0xBF80_0000)),
        ("0d3FF0000000000000", double(1.0)),
        ("1.5", double(1.5)),
        ("1.", double(1.0)),
        ("-2.5e-1", double(-0.25)),
        ("1E+3", double(1000.0)),
        ("1.5 + 2.5 / 2.0", double(2.75)),
        ("1.5 < 2.5", integer(1)),
        ("(.s64)-2.5", integer(-2_i64 as u64)),
    ] {
        let operands = instruction(&format!("op {text};")).operands;
        assert_eq!(operands, [Operand::Literal(expected)], "{text}");
    }
}

#[test]
fn reads_instructions() {
    let at = instruction("  @!%p1 ld.global.L1::no_allocate.v2.f32 {a, b}, [%rd1+4];");
    let guard = at.guard.as_ref().unwrap();
    assert!(guard.negated && guard.register == "%p1");
    assert_eq!(at.opcode, "ld");
    assert_eq!(at.modifiers, ["global", "L1::no_allocate", "v2", "f32"]);
    assert_eq!(at.operands.len(), 2);
    // The body begins on line 3, and the opcode after two blanks and the guard.
    assert_eq!((at.position.line, at.position.column), (3, 9));

    assert!(instruction("ret;").operands.is_empty());
    let list = |names: &[&str]| Operand::List(names.iter().map(|it| name(it)).collect());
    for (text, operands) in [
        ("call f;", vec![name("f")]),
        ("call.uni f, (a, b);", vec![name("f"), list(&["a", "b"])]),
        (
            "call (r), %rd1, (), proto;",
            vec![list(&["r"]), name("%rd1"), list(&[]), name("proto")],
        ),
    ] {
        assert_eq!(instruction(text).operands, operands, "{text}");
    }
    let copy = instruction("cp.async.bulk [a], [t, {x}], [b], 1;");
    assert_eq!(copy.operands.len(), 4);
}

#[test]
fn instructions_know_their_source_line() {
    let statements = body(
        "bar; .loc 1 20 5\n add x, y; { .loc 2 7 0, function_name $L__info+4, inlined_at 1 9 9\n\
         sub; } mul;",
    );
    let lines: Vec<_> = instructions(&statements)
        .iter()
        .map(|it| it.location.map(|it| (it.file, it.line, it.column)))
        .collect();
    let inlined = Some((2, 7, 0));
    assert_eq!(lines, [None, Some((1, 20, 5)), inlined, inlined]);

    // The next function begins anew.
    let module = module(
        ".func f() { .loc 1 2 3, function_name $L__name\n.loc 1 4 5 ret; } .func g() { ret; }",
    );
    let body = function(&module, "g").body.as_ref().unwrap();
    assert_eq!(instructions(body)[0].location, None);
}

#[test]
fn reads_statements() {
    let statements = body(
        ".reg .v4 .f32 %v<3>, w; .reg .pred p;\n\
         .local .align 8 .b8 depot[16]; .shared .u32 s, t[2][3];\n\
         here: { there: ret; } table: .branchtargets here, there;\n\
         callees: .calltargets f, g; p0: .callprototype (.param .b32 _) _ \
         (.param .b64 _, .reg .f32 x) .noreturn; .pragma \"nounroll\"; end:",
    );
    let [
        Statement::Registers {
            ty: Type::F32,
            vector: 4,
            names,
            position,
        },
        Statement::Registers { ty: Type::Pred, .. },
        Statement::Variable(depot),
        Statement::Variable(s),
        Statement::Variable(t),
        Statement::Label(at, here),
        Statement::Scope(scope),
        Statement::BranchTargets(table, labels),
        Statement::CallTargets(callees, functions),
        Statement::Prototype(_, prototype),
        Statement::Label(_, end),
    ] = statements.as_slice()
    else {
        panic!("{statements:#?}");
    };
    assert_eq!(*names, [("%v".into(), Some(3)), ("w".into(), None)]);
    assert_eq!((position.line, position.column), (3, 1));
    assert_eq!((depot.space, depot.alignment), (Space::Local, 8));
    assert_eq!(depot.size(), Some(16));
    assert_eq!((s.space, s.size()), (Space::Shared, Some(4)));
    assert_eq!(t.dimensions, [Some(2), Some(3)]);
    assert_eq!(t.size(), Some(24));
    assert_eq!((at.line, here.as_str(), end.as_str()), (5, "here", "end"));
    assert!(matches!(
        scope.as_slice(),
        [Statement::Label(..), Statement::Instruction(_)]
    ));
    assert_eq!((table.as_str(), labels.len()), ("table", 2));
    assert_eq!((callees.as_str(), functions.len()), ("callees", 2));
    assert_eq!(
        (prototype.returns.len(), prototype.parameters.len()),
        (1, 2)
    );
    assert!(!prototype.parameters[0].register && prototype.parameters[1].register);
}

#[test]
fn reads_functions() {
    let module = module(
        ".extern .func (.param .b32 r) vprintf (.param .b64 a, .param .b64 b);\n\
         .func late(); .visible .func (.reg .u32 r) late (.reg .u32 x) { ret; }\n\
         .weak .entry f (.param .u64 .ptr .shared .align 16 p, .param .align 4 .b8 s[12], \
         .param .u32 n) .maxntid 128, 2 .reqntid 64 .minnctapersm 3 .maxnreg 40 \
         .reqnctapercluster 2, 1, 1 .explicitcluster .blocksareclusters .noreturn \
         .maxclusterrank 8 .abi_preserve 4 .pragma \"x\"; { }",
    );
    let names: Vec<_> = module.functions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["vprintf", "late", "f"]);

    let vprintf = function(&module, "vprintf");
    assert_eq!(vprintf.linkage, Linkage::Extern);
    assert!(vprintf.body.is_none() && !vprintf.is_entry);
    assert_eq!((vprintf.position.line, vprintf.position.column), (2, 31));

    let late = function(&module, "late");
    assert_eq!(late.linkage, Linkage::Visible);
    assert!(late.body.is_some() && late.returns[0].register && late.parameters[0].register);
    assert_eq!(late.returns[0].space, Space::Param);

    let f = function(&module, "f");
    assert!(f.is_entry && f.linkage == Linkage::Weak);
    let shapes: Vec<_> = (f.parameters.iter())
        .map(|it| (it.name.as_str(), it.ty, it.alignment, it.size()))
        .collect();
    assert_eq!(
        shapes,
        [
            ("p", Type::U64, 8, Some(8)),
            ("s", Type::B8, 4, Some(12)),
            ("n", Type::U32, 4, Some(4)),
        ]
    );
    assert_eq!(f.limits.max_threads, Some([128, 2, 1]));
    assert_eq!(f.limits.required_threads, Some([64, 1, 1]));
    assert_eq!(f.limits.required_cluster, Some([2, 1, 1]));
    assert_eq!(f.limits.min_blocks, Some(3));
    assert_eq!(f.limits.max_registers, Some(40));
    assert!(f.limits.explicit_cluster && f.limits.blocks_are_clusters && f.limits.no_return);
}

#[test]
fn reads_variables() {
    let module = module(
        ".extern .shared .align 16 .b8 dynamic[]; .extern .global .u32 here;\n\
         .visible .global .attribute(.managed) .attribute(.unified(1, 0x2)) .u32 here;\n\
         .common .global .v2 .f64 twice, next[3]; .const .b8 empty[4] = {}; .global .texref t;",
    );
    let dynamic = variable(&module, "dynamic");
    assert_eq!(dynamic.dimensions, [None]);
    assert_eq!((dynamic.linkage, dynamic.size()), (Linkage::Extern, None));
    assert_eq!(module.variables.len(), 6);
    assert_eq!(variable(&module, "here").linkage, Linkage::Visible);
    let next = variable(&module, "next");
    assert_eq!((next.linkage, next.vector), (Linkage::Common, 2));
    assert_eq!((next.size(), next.alignment), (Some(48), 16));
    assert_eq!((next.position.line, next.position.column), (4, 33));
    let empty = variable(&module, "empty");
    assert!(empty.has_initializer && empty.initializer.is_empty());
    assert!(!next.has_initializer);
    assert_eq!(variable(&module, "t").ty, Type::Opaque);
}

#[test]
fn reads_initializers() {
    let number = |index: u64, value: u64| Element {
        index,
        value: ElementValue::Literal(Literal::Integer(value)),
    };
    let address = |index: u64, addend: i64, generic: bool, mask: Option<u64>| Element {
        index,
        value: ElementValue::Address {
            name: "x".into(),
            addend,
            generic,
            mask,
        },
    };
    for (text, expected) in [
        (".u32 a = 5", vec![number(0, 5)]),
        (
            ".u32 a[] = {1, 2, 3}",
            vec![number(0, 1), number(1, 2), number(2, 3)],
        ),
        (
            ".u8 a[2][3] = {1, 2, 3, 4}",
            (0..4).map(|i| number(i, i + 1)).collect(),
        ),
        (
            ".u8 a[3][2] = {{1}, {2, 3}}",
            vec![number(0, 1), number(2, 2), number(3, 3)],
        ),
        // A list in braces begins a new row.
        (
            ".u8 a[3][2] = {1, {2}, 3}",
            vec![number(0, 1), number(2, 2), number(4, 3)],
        ),
        (
            ".u8 a[][2][2] = {{{1}, {2}}, {{}, {3}}}",
            vec![number(0, 1), number(2, 2), number(6, 3)],
        ),
        (
            ".v2 .u32 a[2] = {{1, 2}, {3, 4}}",
            (0..4).map(|i| number(i, i + 1)).collect(),
        ),
        (".v2 .u32 a = {1, 2}", vec![number(0, 1), number(1, 2)]),
        (".u64 a = x", vec![address(0, 0, false, None)]),
        (
            ".u64 a[2] = {0, x+16}",
            vec![number(0, 0), address(1, 16, false, None)],
        ),
        (".u64 a = generic(x)+8-4", vec![address(0, 4, true, None)]),
        (".u64 a = generic(x+8)", vec![address(0, 8, true, None)]),
        (
            ".u8 a[2] = {0xFF(x), 0xFF00(generic(x)+4)}",
            vec![
                address(0, 0, false, Some(0xFF)),
                address(1, 4, true, Some(0xFF00)),
            ],
        ),
    ] {
        let module = module(&format!(".global {text};"));
        assert!(module.variables[0].has_initializer);
        assert_eq!(module.variables[0].initializer, expected, "{text}");
    }
}
