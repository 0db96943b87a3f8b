//! The course of threads: divergence, loops, calls, waiting for each other.

use crate::program::{Program, elements};

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    branches(&mut programs);
    loops(&mut programs);
    tables(&mut programs);
    guards(&mut programs);
    calls(&mut programs);
    pointers(&mut programs);
    recursion(&mut programs);
    ends(&mut programs);
    waiting(&mut programs);
    blocks(&mut programs);
    programs
}

fn branches(programs: &mut Vec<Program>) {
    // A tree of branches: each lane goes down by its bits.
    let mut body = "mov.u32 %w1, 1;\n".to_owned();
    fn node(body: &mut String, depth: u32, path: u32) {
        if depth == 5 {
            *body += &format!("mul.lo.u32 %w1, %w1, {};\n", 2 * path + 3);
            return;
        }
        *body += &format!(
            "{{ .reg .pred %q; .reg .b32 %t; shr.u32 %t, %i, {depth}; and.b32 %t, %t, 1;\n\
             setp.ne.u32 %q, %t, 0; @%q bra ONE_{depth}_{path};\n"
        );
        node(body, depth + 1, path);
        *body += &format!(
            "bra.uni JOIN_{depth}_{path};\nONE_{depth}_{path}: add.u32 %w1, %w1, {depth};\n"
        );
        node(body, depth + 1, path | 1 << depth);
        *body += &format!("JOIN_{depth}_{path}: add.u32 %w1, %w1, 1; }}\n");
    }
    node(&mut body, 0, 0);
    body += "st.global.u32 [%to], %w1;";
    fn value(lane: u32) -> u32 {
        let ones: u32 = (0..5).filter(|depth| lane >> depth & 1 == 1).sum();
        (1 + ones) * (2 * lane + 3) + 5
    }
    programs.push(Program::new("a tree of branches", body).expect((0..32).map(value)));
    // A branch to what lies before, into the middle of a loop.
    let body = "mov.u32 %w1, 0; mov.u32 %w2, %i; and.b32 %w3, %i, 1; setp.eq.u32 %p0, %w3, 0;\n\
         @%p0 bra MIDDLE;\n\
         TOP: add.u32 %w1, %w1, 100;\n\
         MIDDLE: add.u32 %w1, %w1, 1; setp.eq.u32 %p1, %w2, 0; sub.u32 %w2, %w2, 1;\n\
         @!%p1 bra TOP; st.global.u32 [%to], %w1;";
    programs.push(
        Program::new("a loop with two entries", body)
            .expect((0..32_u32).map(|i| i * 101 + 1 + i % 2 * 100)),
    );
}

fn collatz(n: u32) -> [u32; 2] {
    let (mut value, mut steps, mut odd) = (n, 0, 0);
    while value != 1 {
        odd += value % 2;
        value = if value % 2 == 1 {
            3 * value + 1
        } else {
            value / 2
        };
        steps += 1;
    }
    [steps, odd]
}

fn loops(programs: &mut Vec<Program>) {
    let body = "add.u32 %w1, %i, 1; mov.u32 %w2, 0; mov.u32 %w3, 0;\n\
         TOP: setp.eq.u32 %p0, %w1, 1; @%p0 bra DONE; add.u32 %w2, %w2, 1;\n\
         and.b32 %w4, %w1, 1; setp.eq.u32 %p1, %w4, 0; @%p1 bra HALVE;\n\
         mad.lo.u32 %w1, %w1, 3, 1; add.u32 %w3, %w3, 1; bra TOP;\n\
         HALVE: shr.u32 %w1, %w1, 1; bra TOP;\n\
         DONE: st.global.v2.u32 [%to], {%w2, %w3};";
    programs.push(
        Program::new("Collatz", body)
            .shape(2, 77)
            .strides(4, 8)
            .expect((1..=154).flat_map(collatz)),
    );
    // Loops in a loop, with a break out of both and a continue of the outer one.
    let body = "mov.u32 %w1, 0; mov.u32 %w9, 0;\n\
         OUTER: setp.ge.u32 %p0, %w1, 20; @%p0 bra END; mov.u32 %w2, 0;\n\
         INNER: setp.ge.u32 %p1, %w2, %i; @%p1 bra NEXT;\n\
         mul.lo.u32 %w3, %w1, %w2; setp.eq.u32 %p2, %w3, 42; @%p2 bra END;\n\
         and.b32 %w4, %w3, 7; setp.eq.u32 %p3, %w4, 5; @%p3 bra NEXT;\n\
         add.u32 %w9, %w9, %w3; add.u32 %w9, %w9, 1; add.u32 %w2, %w2, 1; bra INNER;\n\
         NEXT: add.u32 %w1, %w1, 1; bra OUTER;\n\
         END: st.global.u32 [%to], %w9;";
    let expected = (0..32_u32).map(|i| {
        let mut sum = 0;
        'outer: for a in 0..20 {
            for b in 0..i {
                if a * b == 42 {
                    break 'outer;
                }
                if (a * b) & 7 == 5 {
                    continue 'outer;
                }
                sum += a * b + 1;
            }
        }
        sum
    });
    programs.push(Program::new("break and continue", body).expect(expected));
}

fn tables(programs: &mut Vec<Program>) {
    for (opcode, kinds) in [("brx.idx", 4), ("brx.idx.uni", 1)] {
        let body = format!(
            "rem.u32 %w1, %i, {kinds}; mov.u32 %w2, 5; TARGETS: .branchtargets A, B, C, A;\n\
             {opcode} %w1, TARGETS;\n\
             A: add.u32 %w2, %w2, 10; bra END; B: mul.lo.u32 %w2, %w2, %i;\n\
             C: sub.u32 %w2, %w2, 1; END: st.global.u32 [%to], %w2;"
        );
        let expected = (0..32_u32).map(move |i| match i % kinds {
            0 | 3 => 15,
            1 => 5 * i - 1,
            _ => 4,
        });
        programs.push(Program::new(opcode, body).expect(expected.collect::<Vec<u32>>()));
    }
    let body = "setp.lt.u32 %p0, %i, 7; mov.u32 %w2, 0; mov.u32 %w1, 1; T: .branchtargets A, B;\n\
         @%p0 brx.idx %w1, T; mov.u32 %w2, 3; bra END; A: trap; B: mov.u32 %w2, 9;\n\
         END: st.global.u32 [%to], %w2;";
    programs.push(
        Program::new("brx.idx with a guard", body)
            .expect((0..32_u32).map(|i| if i < 7 { 9 } else { 3 })),
    );
}

/// A guard on an instruction of each group.
fn guards(programs: &mut Vec<Program>) {
    let cases = [
        "add.u32 %w2, %w2, 1;",
        "mov.b64 {%w2, %w3}, %l2;",
        "setp.eq.u32 %p3|%p4, %i, %i; selp.u32 %w2, 8, %w2, %p3;",
        "ld.global.u32 %w2, [%from];",
        "ld.global.v2.u32 {%w2, %w3}, [%in];",
        "atom.shared.add.u32 %w2, [cell], 1;",
        "cvt.rn.f32.u32 %f1, %i; mov.b32 %w2, %f1;",
        "call (%w2), three, (%w2);",
        "cvta.shared.u64 %l2, cell; cvt.u32.u64 %w2, %l2;",
        "isspacep.shared %p3, %l2; selp.u32 %w2, 8, %w2, %p3;",
        "mov.u32 %w2, %clock;",
        "activemask.b32 %w2;",
        "bra AWAY;",
        "nanosleep.u32 20; membar.gl; prefetch.global.L1 [%in];",
        "exit;",
        "ret;",
        "trap;",
        "bar.warp.sync 0xffffffff; add.u32 %w2, %w2, 1;",
        "call (%l2), malloc, (%l2);",
        "red.global.add.u32 [%out], 1; st.global.u32 [%out], 7;",
        "alloca.u64 %l2, %l2; cvt.u32.u64 %w2, %l2;",
    ];
    for text in cases {
        // It runs in no lane, so nothing may change.
        let body = format!(
            "mov.u32 %w2, 5; mov.u64 %l2, 8; setp.ne.u32 %p0, %i, %i; setp.eq.u32 %p3, %i, 77;\n\
             setp.eq.u32 %p4, %i, 77;\n{}\n\
             st.global.u32 [%to], %w2; bra END; AWAY: trap; END:",
            text.split_inclusive(';')
                .map(|one| format!("@%p0 {}\n", one.trim()))
                .collect::<String>(),
        );
        programs.push(
            Program::new(format!("a guard that holds nowhere: {text}"), body)
                .head(
                    ".shared .u32 cell; .extern .func (.param .b64 r) malloc (.param .b64 n);\n\
                     .func (.reg .u32 r) three (.reg .u32 a) { mul.lo.u32 r, a, 3; ret; }",
                )
                .input(&[1_u32; 32])
                .expect([5_u32; 32]),
        );
    }
}

const FUNCTIONS: &str = "
.func (.param .b32 r) scaled (.param .b32 a, .param .b64 b)
{ .reg .b32 %a; .reg .b64 %b; ld.param.b32 %a, [a]; ld.param.b64 %b, [b]; cvt.u32.u64 %a, %b;
  .reg .b32 %c; ld.param.b32 %c, [a]; mul.lo.u32 %a, %a, %c; st.param.b32 [r], %a; ret; }
.func (.reg .u32 %r) difference (.reg .u32 %a, .reg .u32 %b) { sub.u32 %r, %a, %b; ret; }
.func (.param .align 8 .b8 r[16]) swapped (.param .align 8 .b8 a[16])
{ .reg .b64 %x, %y; ld.param.b64 %x, [a]; ld.param.b64 %y, [a+8]; st.param.b64 [r], %y;
  st.param.b64 [r+8], %x; ret; }
.func (.param .align 16 .b8 r[16]) doubled (.param .align 16 .b8 a[16])
{ .reg .b32 %a<4>; ld.param.v4.b32 {%a0, %a1, %a2, %a3}, [a]; add.u32 %a0, %a0, %a0;
  add.u32 %a3, %a3, %a3; st.param.v4.b32 [r], {%a0, %a1, %a2, %a3}; ret; }
.func (.param .b32 r) byte (.param .b8 a)
{ .reg .b16 %h; .reg .b32 %w; ld.param.s8 %h, [a]; cvt.s32.s16 %w, %h; st.param.b32 [r], %w; ret; }
.func (.param .b64 q, .param .b32 r) divided (.param .b32 a, .param .b32 b)
{ .reg .b32 %a, %b, %c; .reg .b64 %q; ld.param.b32 %a, [a]; ld.param.b32 %b, [b];
  div.u32 %c, %a, %b; cvt.u64.u32 %q, %c; st.param.b64 [q], %q; rem.u32 %c, %a, %b;
  st.param.b32 [r], %c; ret; }
.func add_to (.param .b64 to, .param .b32 a)
{ .reg .b64 %l; .reg .b32 %a, %b; ld.param.b64 %l, [to]; ld.param.b32 %a, [a]; ld.u32 %b, [%l];
  add.u32 %b, %b, %a; st.u32 [%l], %b; }
.func nothing { ret; }
";

/// A name, instructions, and what they make of the thread's number.
type Case = (&'static str, &'static str, fn(u32) -> u32);

fn calls(programs: &mut Vec<Program>) {
    let cases: [Case; 9] = [
        (
            "parameters in memory",
            "{ .param .b32 a; .param .b64 b; .param .b32 r; st.param.b32 [a], %i; cvt.u64.u32 %l1, %i;\n\
             add.u64 %l1, %l1, 3; st.param.b64 [b], %l1; call.uni (r), scaled, (a, b);\n\
             ld.param.b32 %w1, [r]; }",
            |i| i * (i + 3),
        ),
        (
            "parameters in registers, and numbers",
            "call (%w2), difference, (%i, 7); call (%w1), difference, (1000, %w2);",
            |i| 1000_u32.wrapping_sub(i.wrapping_sub(7)),
        ),
        (
            "a structure by value",
            "{ .param .align 8 .b8 a[16]; .param .align 8 .b8 r[16]; cvt.u64.u32 %l1, %i;\n\
             st.param.b64 [a], %l1; st.param.b64 [a+8], 50; call (r), swapped, (a);\n\
             ld.param.b32 %w1, [r]; ld.param.b32 %w2, [r+8]; mad.lo.u32 %w1, %w2, 1000, %w1; }",
            |i| i * 1000 + 50,
        ),
        (
            "a vector",
            "{ .param .align 16 .b8 a[16]; .param .align 16 .b8 r[16]; mov.u32 %w2, 4;\n\
             st.param.v4.b32 [a], {%i, %w2, %w2, %i}; call (r), doubled, (a);\n\
             ld.param.v4.b32 {%w1, %w2, %w3, %w4}, [r]; add.u32 %w1, %w1, %w4; add.u32 %w1, %w1, %w2; }",
            |i| 4 * i + 4,
        ),
        (
            "a byte",
            "{ .param .b8 a; .param .b32 r; sub.u32 %w2, %i, 20; cvt.u16.u32 %h1, %w2;\n\
             st.param.b8 [a], %h1; call (r), byte, (a); ld.param.b32 %w1, [r]; }",
            |i| i.wrapping_sub(20),
        ),
        (
            "two results",
            "{ .param .b32 a; .param .b32 b; .param .b64 q; .param .b32 r; add.u32 %w2, %i, 100;\n\
             st.param.b32 [a], %w2; st.param.b32 [b], 7; call (q, r), divided, (a, b);\n\
             ld.param.b64 %l1, [q]; cvt.u32.u64 %w1, %l1; ld.param.b32 %w2, [r];\n\
             mad.lo.u32 %w1, %w1, 10, %w2; }",
            |i| (i + 100) / 7 * 10 + (i + 100) % 7,
        ),
        (
            "no result, and the address of a local variable",
            ".local .u32 own; st.local.u32 [own], 5; cvta.local.u64 %l1, own;\n\
             { .param .b64 to; .param .b32 a; st.param.b64 [to], %l1; st.param.b32 [a], %i;\n\
             call add_to, (to, a); call nothing; call.uni add_to, (to, a); } ld.local.u32 %w1, [own];",
            |i| 2 * i + 5,
        ),
        (
            "in some lanes alone",
            "mov.u32 %w1, 1; and.b32 %w2, %i, 2; setp.ne.u32 %p0, %w2, 0;\n\
             @%p0 call (%w1), difference, (%i, 1); add.u32 %w1, %w1, 1;",
            |i| if i & 2 != 0 { i } else { 2 },
        ),
        (
            "registers live over a call",
            "mov.u32 %w5, 50; add.u32 %w6, %i, 60; setp.gt.u32 %p1, %i, 9;\n\
             call (%w1), difference, (%w6, %w5); add.u32 %w1, %w1, %w5; sub.u32 %w6, %w6, %i;\n\
             add.u32 %w1, %w1, %w6; @%p1 add.u32 %w1, %w1, 1;",
            |i| i + 120 + u32::from(i > 9),
        ),
    ];
    for (name, text, value) in cases {
        programs.push(
            Program::new(
                format!("a call with {name}"),
                format!("{text} st.global.u32 [%to], %w1;"),
            )
            .head(FUNCTIONS)
            .shape(1, 40)
            .expect((0..40).map(value)),
        );
    }
}

/// Calls through pointers: of tables in global and constant memory, of objects, to other functions
/// in each lane.
fn pointers(programs: &mut Vec<Program>) {
    let functions = "
        .func (.param .b32 r) one (.param .b32 a) { .reg .b32 %a; ld.param.b32 %a, [a];
          add.u32 %a, %a, 1; st.param.b32 [r], %a; ret; }
        .func (.param .b32 r) two (.param .b32 a) { .reg .b32 %a; ld.param.b32 %a, [a];
          mul.lo.u32 %a, %a, 2; st.param.b32 [r], %a; ret; }
        .func (.param .b32 r) three (.param .b32 a) { .reg .b32 %a; .reg .pred %p; ld.param.b32 %a, [a];
          setp.lt.u32 %p, %a, 20; @%p bra SMALL; mul.lo.u32 %a, %a, 100; SMALL: st.param.b32 [r], %a; ret; }\n";
    let value = |i: u32| match i % 3 {
        0 => i + 1,
        1 => i * 2,
        _ => {
            if i < 20 {
                i
            } else {
                i * 100
            }
        }
    };
    for space in ["global", "const"] {
        for kind in ["proto", "targets"] {
            let listed = match kind {
                "proto" => "LIST: .callprototype (.param .b32 _) _ (.param .b32 _);",
                _ => "LIST: .calltargets one, two, three;",
            };
            let body = format!(
                "rem.u32 %w1, %i, 3; mov.u64 %l1, table; mad.wide.u32 %l1, %w1, 8, %l1;\n\
                 ld.{space}.u64 %l2, [%l1];\n\
                 {{ .param .b32 a; .param .b32 r; st.param.b32 [a], %i; {listed}\n\
                 call (r), %l2, (a), LIST; ld.param.b32 %w2, [r]; }} st.global.u32 [%to], %w2;"
            );
            programs.push(
                Program::new(format!("pointers in .{space}, {kind}"), body)
                    .head(format!(
                        "{functions} .{space} .u64 table[3] = {{one, two, three}};"
                    ))
                    .shape(1, 64)
                    .expect((0..64).map(value)),
            );
        }
    }
    let body = "rem.u32 %w1, %i, 3; setp.eq.u32 %p0, %w1, 0; setp.eq.u32 %p1, %w1, 1;\n\
         mov.u64 %l1, one; mov.u64 %l2, two; mov.u64 %l3, three;\n\
         selp.b64 %l4, %l2, %l3, %p1; selp.b64 %l4, %l1, %l4, %p0;\n\
         P: .callprototype (.param .b32 _) _ (.param .b32 _);\n\
         { .param .b32 a; .param .b32 r; st.param.b32 [a], %i;\n\
         call (r), %l4, (a), P; ld.param.b32 %w2, [r]; } st.global.u32 [%to], %w2;";
    programs.push(
        Program::new("pointers in registers", body)
            .head(functions)
            .expect((0..32).map(value)),
    );
    // Two objects, whose first word points to their table.
    let head = "
        .func (.param .b32 r) square (.param .b64 self) { .reg .b64 %s; .reg .b32 %a;
          ld.param.b64 %s, [self]; ld.u32 %a, [%s+8]; mul.lo.u32 %a, %a, %a; st.param.b32 [r], %a; ret; }
        .func (.param .b32 r) area (.param .b64 self) { .reg .b64 %s; .reg .b32 %a, %b;
          ld.param.b64 %s, [self]; ld.u32 %a, [%s+8]; ld.u32 %b, [%s+12]; mul.lo.u32 %a, %a, %b;
          st.param.b32 [r], %a; ret; }
        .global .u64 square_table[3] = {0, 0, square};
        .global .u64 area_table[3] = {0, 0, area};\n";
    let body = ".local .align 8 .b8 object[16]; and.b32 %w1, %i, 1; setp.eq.u32 %p0, %w1, 0;\n\
         mov.u64 %l1, square_table; mov.u64 %l2, area_table; selp.b64 %l1, %l1, %l2, %p0;\n\
         cvta.global.u64 %l1, %l1; st.local.u64 [object], %l1; st.local.v2.u32 [object+8], {%i, 5};\n\
         cvta.local.u64 %l3, object; ld.u64 %l4, [%l3]; ld.u64 %l5, [%l4+16];\n\
         { .param .b64 self; .param .b32 r; st.param.b64 [self], %l3;\n\
         P: .callprototype (.param .b32 _) _ (.param .b64 _); call (r), %l5, (self), P;\n\
         ld.param.b32 %w2, [r]; } st.global.u32 [%to], %w2;";
    programs.push(
        Program::new("virtual functions", body)
            .head(head)
            .expect((0..32_u32).map(|i| if i % 2 == 0 { i * i } else { i * 5 })),
    );
    programs.push(
        Program::new(
            "another name of a function",
            "{ .param .b32 a; .param .b32 r; st.param.b32 [a], %i; call (r), uno, (a);\n\
             ld.param.b32 %w2, [r]; } st.global.u32 [%to], %w2;",
        )
        .head(format!(
            "{functions} .visible .func (.param .b32 r) uno (.param .b32 a); .alias uno, one;"
        ))
        .expect(1..33_u32),
    );
}

fn recursion(programs: &mut Vec<Program>) {
    let head = "
        .func (.param .b32 r) fibonacci (.param .b32 n)
        { .reg .b32 %n, %a, %b; .reg .pred %p; ld.param.b32 %n, [n]; setp.ge.u32 %p, %n, 2; @%p bra DEEPER;
          st.param.b32 [r], %n; ret;
          DEEPER: { .param .b32 x; .param .b32 y; sub.u32 %a, %n, 1; st.param.b32 [x], %a;
          call.uni (y), fibonacci, (x); ld.param.b32 %a, [y]; }
          { .param .b32 x; .param .b32 y; sub.u32 %b, %n, 2; st.param.b32 [x], %b;
          call.uni (y), fibonacci, (x); ld.param.b32 %b, [y]; }
          add.u32 %a, %a, %b; st.param.b32 [r], %a; ret; }
        .func (.reg .u32 %r) ackermann (.reg .u32 %m, .reg .u32 %n)
        { .reg .pred %p; .reg .u32 %t; setp.eq.u32 %p, %m, 0; @!%p bra NOT; add.u32 %r, %n, 1; ret;
          NOT: sub.u32 %t, %m, 1; setp.eq.u32 %p, %n, 0; @!%p bra BOTH; call (%r), ackermann, (%t, 1); ret;
          BOTH: sub.u32 %n, %n, 1; call (%n), ackermann, (%m, %n); call (%r), ackermann, (%t, %n); ret; }
        .func (.reg .u32 %r) is_odd (.reg .u32 %n);
        .func (.reg .u32 %r) is_even (.reg .u32 %n)
        { .reg .pred %p; setp.eq.u32 %p, %n, 0; mov.u32 %r, 1; @%p ret; sub.u32 %n, %n, 1;
          call (%r), is_odd, (%n); ret; }
        .func (.reg .u32 %r) is_odd (.reg .u32 %n)
        { .reg .pred %p; setp.eq.u32 %p, %n, 0; mov.u32 %r, 0; @%p ret; sub.u32 %n, %n, 1;
          call (%r), is_even, (%n); ret; }
        .func (.reg .u32 %r) sum_of_frame (.reg .u32 %n)
        { .local .align 4 .b8 own[64]; .reg .pred %p; .reg .u32 %t; .reg .b64 %a;
          st.local.u32 [own+32], %n; mov.u32 %r, 0; setp.eq.u32 %p, %n, 0; @%p ret;
          sub.u32 %t, %n, 1; call (%t), sum_of_frame, (%t); ld.local.u32 %r, [own+32];
          add.u32 %r, %r, %t; ret; }\n";
    fn ackermann(m: u32, n: u32) -> u32 {
        match (m, n) {
            (0, _) => n + 1,
            (_, 0) => ackermann(m - 1, 1),
            _ => ackermann(m - 1, ackermann(m, n - 1)),
        }
    }
    fn fibonacci(n: u32) -> u32 {
        (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
    }
    let cases: [Case; 4] = [
        (
            "fibonacci",
            "and.b32 %w1, %i, 15; { .param .b32 x; .param .b32 y; st.param.b32 [x], %w1;\n\
             call (y), fibonacci, (x); ld.param.b32 %w2, [y]; }",
            |i| fibonacci(i & 15),
        ),
        (
            "ackermann",
            "rem.u32 %w1, %i, 3; shr.u32 %w3, %i, 2; call (%w2), ackermann, (%w1, %w3);",
            |i| ackermann(i % 3, i >> 2),
        ),
        ("even and odd", "call (%w2), is_even, (%i);", |i| 1 - i % 2),
        (
            "local memory of each call",
            "call (%w2), sum_of_frame, (%i);",
            |i| i * (i + 1) / 2,
        ),
    ];
    for (name, text, value) in cases {
        programs.push(
            Program::new(
                format!("recursion: {name}"),
                format!("{text} st.global.u32 [%to], %w2;"),
            )
            .head(head)
            .expect((0..32).map(value)),
        );
    }
}

/// `exit` and `ret` where lanes differ.
fn ends(programs: &mut Vec<Program>) {
    let head = "
        .func leave (.reg .u32 %a, .reg .b64 %to) { .reg .pred %p; setp.lt.u32 %p, %a, 10;
          @%p exit; st.global.u32 [%to], 1; ret; }
        .func early (.reg .u32 %a, .reg .b64 %to) { .reg .pred %p; .reg .u32 %b; and.b32 %b, %a, 1;
          setp.eq.u32 %p, %b, 0; @%p ret; add.u32 %b, %b, %a; st.global.u32 [%to], %b; }
        .func stop (.reg .b64 %to) .noreturn { st.global.u32 [%to], 44; exit; }\n";
    programs.push(
        Program::new(
            "exit in a function",
            "call leave, (%i, %to); st.global.u32 [%to], 2;",
        )
        .head(head)
        .output(&[7_u32; 32])
        .expect((0..32).map(|i| if i < 10 { 7_u32 } else { 2 })),
    );
    programs.push(
        Program::new(
            "ret in some lanes",
            "call early, (%i, %to); red.global.add.u32 [%to], 100;",
        )
        .head(head)
        .output(&[7_u32; 32])
        .expect((0..32_u32).map(|i| if i % 2 == 0 { 107 } else { i + 101 })),
    );
    let body = "setp.gt.u32 %p0, %i, 5; @%p0 bra ON; call stop, (%to); ON:";
    programs.push(
        Program::new("a function that does not return", body)
            .head(head)
            .output(&[7_u32; 32])
            .expect((0..32).map(|i| if i < 6 { 44_u32 } else { 7 })),
    );
    let body = "and.b32 %w1, %i, 3; setp.eq.u32 %p0, %w1, 2; @%p0 ret; setp.eq.u32 %p0, %w1, 1; @%p0 exit;\n\
         st.global.u32 [%to], %i;";
    programs.push(
        Program::new("ret and exit in the kernel", body)
            .shape(2, 50)
            .output(&[999_u32; 100])
            .expect((0..100_u32).map(|i| if matches!(i & 3, 1 | 2) { 999 } else { i })),
    );
}

/// Lanes of a warp, and warps of a block, that wait for each other in loops.
fn waiting(programs: &mut Vec<Program>) {
    let body = "MORE: atom.acquire.gpu.global.cas.b32 %w1, [%out], 0, 1; setp.ne.u32 %p0, %w1, 0;\n\
         @%p0 bra MORE; ld.global.u32 %w2, [%out+4]; add.u32 %w2, %w2, %i; st.global.u32 [%out+4], %w2;\n\
         fence.acq_rel.gpu; atom.release.gpu.global.exch.b32 %w1, [%out], 0;";
    for (blocks, threads) in [(1, 48), (5, 1)] {
        let name = format!("a spin lock of {blocks} blocks of {threads}");
        let sum: u32 = (0..blocks * threads).sum();
        programs.push(
            Program::new(name, body)
                .shape(blocks, threads)
                .expect([0, sum]),
        );
    }
    // The same as a compiler writes it: the lock is tried, and what it guards is in the loop.
    let body = "mov.u32 %w9, 0; TRY: atom.shared.cas.b32 %w1, [lock], 0, 1; setp.ne.u32 %p0, %w1, 0;\n\
         @%p0 bra NEXT; fence.acq_rel.cta; ld.volatile.shared.u32 %w2, [lock+4]; add.u32 %w2, %w2, 1;\n\
         st.volatile.shared.u32 [lock+4], %w2; fence.acq_rel.cta; mov.u32 %w9, 1;\n\
         atom.shared.exch.b32 %w1, [lock], 0;\n\
         NEXT: setp.eq.u32 %p1, %w9, 0; @%p1 bra TRY;\n\
         bar.sync 0; ld.shared.u32 %w3, [lock+4]; st.global.u32 [%to], %w3;";
    programs.push(
        Program::new(
            "a lock in shared memory",
            format!(
                "setp.eq.u32 %p0, %i, 0; @%p0 st.shared.v2.u32 [lock], {{0, 0}}; bar.sync 0; {body}"
            ),
        )
        .head(".shared .align 8 .b8 lock[8];")
        .shape(1, 70)
        .expect([70_u32; 70]),
    );
    // Lane 0 waits for lane 31, which runs behind it in the code.
    let body = "setp.eq.u32 %p0, %i, 0; @!%p0 bra OTHERS;\n\
         WAIT: ld.acquire.gpu.global.u32 %w1, [%out]; setp.eq.u32 %p1, %w1, 0; @%p1 bra WAIT;\n\
         ld.global.u32 %w2, [%out+4]; st.global.u32 [%out+8], %w2; bra END;\n\
         OTHERS: setp.eq.u32 %p2, %i, 31; @!%p2 bra END; st.global.u32 [%out+4], 5;\n\
         st.release.gpu.global.u32 [%out], 1; END:";
    programs.push(Program::new("a lane that waits for another", body).expect([1_u32, 5, 5]));
    // Two warps hand a token to and fro.
    let body = "shr.u32 %w1, %i, 5; and.b32 %w2, %i, 31; setp.ne.u32 %p0, %w2, 0; @%p0 bra END;\n\
         mov.u32 %w3, 0;\n\
         ROUND: WAIT: ld.acquire.cta.shared.u32 %w4, [token]; and.b32 %w5, %w4, 1; setp.ne.u32 %p1, %w5, %w1;\n\
         @%p1 bra WAIT; ld.shared.u32 %w6, [token+4]; mad.lo.u32 %w6, %w6, 3, %w1;\n\
         st.shared.u32 [token+4], %w6; add.u32 %w4, %w4, 1; st.release.cta.shared.u32 [token], %w4;\n\
         add.u32 %w3, %w3, 1; setp.lt.u32 %p1, %w3, 10; @%p1 bra ROUND;\n\
         END: bar.sync 0; ld.shared.u32 %w6, [token+4]; st.global.u32 [%to], %w6;";
    let value = (0..20).fold(1_u32, |value, round| value.wrapping_mul(3) + round % 2);
    programs.push(
        Program::new(
            "a token between two warps",
            format!(
                "setp.eq.u32 %p0, %i, 0; mov.u32 %w1, 0; mov.u32 %w2, 1;\n\
             @%p0 st.shared.v2.u32 [token], {{%w1, %w2}}; bar.sync 0; {body}"
            ),
        )
        .head(".shared .align 8 .b8 token[8];")
        .shape(1, 64)
        .expect([value; 64]),
    );
}

/// Blocks that wait for each other.
fn blocks(programs: &mut Vec<Program>) {
    // The first word counts blocks. Each takes a number in the order in which it begins, so those
    // that it waits for run already: a scan with decoupled look-back, one element for each thread.
    let body = "setp.ne.u32 %p0, %tid.x, 0; mov.u32 %w30, %tid.x; mov.u32 %w31, %laneid;\n\
         @%p0 bra SYNC; atom.global.add.u32 %w1, [%out], 1; st.shared.u32 [place], %w1;\n\
         SYNC: bar.sync 0; ld.shared.u32 %w1, [place]; mad.lo.u32 %w2, %w1, 32, %w30;\n\
         mad.wide.u32 %l1, %w2, 4, %in; ld.global.u32 %w3, [%l1];\n\
         shfl.sync.up.b32 %w4|%p1, %w3, 1, 0, -1; @%p1 add.u32 %w3, %w3, %w4;\n\
         shfl.sync.up.b32 %w4|%p1, %w3, 2, 0, -1; @%p1 add.u32 %w3, %w3, %w4;\n\
         shfl.sync.up.b32 %w4|%p1, %w3, 4, 0, -1; @%p1 add.u32 %w3, %w3, %w4;\n\
         shfl.sync.up.b32 %w4|%p1, %w3, 8, 0, -1; @%p1 add.u32 %w3, %w3, %w4;\n\
         shfl.sync.up.b32 %w4|%p1, %w3, 16, 0, -1; @%p1 add.u32 %w3, %w3, %w4;\n\
         mov.u32 %w10, 0; setp.ne.u32 %p2, %w31, 31; @%p2 bra SHARE;\n\
         mad.wide.u32 %l2, %w1, 16, %out; add.u64 %l2, %l2, 16;\n\
         cvt.u64.u32 %l3, %w3; or.b64 %l3, %l3, 0x100000000; st.release.gpu.global.u64 [%l2], %l3;\n\
         mov.u64 %l4, %l2;\n\
         LOOK: setp.eq.u32 %p3, %w1, 0; @%p3 bra FOUND; sub.u64 %l4, %l4, 16;\n\
         WAIT: ld.acquire.gpu.global.u64 %l5, [%l4]; setp.eq.u64 %p4, %l5, 0; @%p4 bra WAIT;\n\
         mov.b64 {%w11, %w12}, %l5; add.u32 %w10, %w10, %w11; sub.u32 %w1, %w1, 1;\n\
         setp.eq.u32 %p4, %w12, 1; @%p4 bra LOOK;\n\
         FOUND: add.u32 %w13, %w10, %w3; cvt.u64.u32 %l3, %w13; or.b64 %l3, %l3, 0x200000000;\n\
         st.release.gpu.global.u64 [%l2], %l3;\n\
         SHARE: shfl.sync.idx.b32 %w10, %w10, 31, 31, -1; add.u32 %w3, %w3, %w10;\n\
         mad.wide.u32 %l6, %w2, 4, %out; st.global.u32 [%l6+4096], %w3;";
    let count = 64 * 32;
    let input: Vec<u32> = (0..count).map(|at| at * 7 % 13).collect();
    let scan: Vec<u32> = input
        .iter()
        .scan(0, |sum, value| {
            *sum += value;
            Some(*sum)
        })
        .collect();
    let words = 1024 + count as usize;
    programs.push(
        Program::new("a scan with decoupled look-back", body)
            .head(".shared .u32 place;")
            .shape(64, 32)
            .input(&input)
            .output(&vec![0_u32; words])
            .check(move |bytes| {
                let found: Vec<u32> = elements(bytes);
                match found[1024..] == scan[..] {
                    true => Ok(()),
                    false => Err(format!("found {:?}...", &found[1024..1100])),
                }
            }),
    );
    // All blocks meet at a barrier of the grid, several times.
    let body = "mov.u32 %w9, 0; mov.u32 %w20, %nctaid.x;\n\
         ROUND: mad.lo.u32 %w1, %w9, 1000, %i; mad.wide.u32 %l1, %i, 4, %out; st.global.u32 [%l1+64], %w1;\n\
         bar.sync 0; setp.ne.u32 %p0, %tid.x, 0; @%p0 bra MEET; fence.acq_rel.gpu;\n\
         atom.global.add.u32 %w2, [%out], 1; add.u32 %w3, %w9, 1; mul.lo.u32 %w3, %w3, %w20;\n\
         WAIT: ld.relaxed.gpu.global.u32 %w2, [%out]; setp.lt.u32 %p1, %w2, %w3; @%p1 bra WAIT;\n\
         fence.acq_rel.gpu;\n\
         MEET: bar.sync 0;\n\
         mul.lo.u32 %w4, %w20, %n; not.b32 %w5, %i; add.u32 %w5, %w5, %w4;\n\
         mad.wide.u32 %l2, %w5, 4, %out; ld.global.u32 %w6, [%l2+64];\n\
         bar.sync 0; @%p0 bra MEET2; fence.acq_rel.gpu; atom.global.add.u32 %w2, [%out+4], 1;\n\
         WAIT2: ld.relaxed.gpu.global.u32 %w2, [%out+4]; setp.lt.u32 %p1, %w2, %w3; @%p1 bra WAIT2;\n\
         fence.acq_rel.gpu;\n\
         MEET2: bar.sync 0; add.u32 %w9, %w9, 1; setp.lt.u32 %p2, %w9, 4; @%p2 bra ROUND;\n\
         st.global.u32 [%l1+64], %w6;";
    let threads = 8 * 64;
    programs.push(
        Program::new("a barrier of the grid", body)
            .shape(8, 64)
            .cooperative()
            .output(&vec![0_u32; 16 + threads as usize])
            .check(move |bytes| {
                let found: Vec<u32> = elements(bytes);
                let expected: Vec<u32> = (0..threads).map(|i| 3000 + threads - 1 - i).collect();
                match found[..2] == [32, 32] && found[16..] == expected[..] {
                    true => Ok(()),
                    false => Err(format!("found {:?}...", &found[..60])),
                }
            }),
    );
    // The first block waits for a flag of the last one.
    let body = "setp.ne.u32 %p0, %tid.x, 0; @%p0 bra END; mov.u32 %w1, %ctaid.x; setp.eq.u32 %p1, %w1, 0;\n\
         @%p1 bra WAIT; setp.ne.u32 %p2, %w1, 5; @%p2 bra END; st.global.u32 [%out+4], 99;\n\
         fence.release.gpu; st.relaxed.gpu.global.u32 [%out], 1; bra END;\n\
         WAIT: ld.relaxed.gpu.global.u32 %w2, [%out]; setp.eq.u32 %p3, %w2, 0; @%p3 bra WAIT;\n\
         fence.acquire.gpu; ld.global.u32 %w3, [%out+4]; st.global.u32 [%out+8], %w3; END:";
    programs.push(
        Program::new("a flag between blocks", body)
            .shape(6, 64)
            .expect([1_u32, 99, 99]),
    );
}
