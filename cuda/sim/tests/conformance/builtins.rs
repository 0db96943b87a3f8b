//! What the device itself provides: special registers, `malloc` and `free`, `vprintf` against the
//! host's `printf`, `__assertfail`.

use std::ffi::{CStr, CString, c_char};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ptx_sim::{Device, Launch, LaunchError, Options};

use crate::program::{Program, elements};

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    places(&mut programs);
    lanes(&mut programs);
    clocks(&mut programs);
    heap(&mut programs);
    programs
}

/// Where a thread is in its block, and that in its grid.
fn places(programs: &mut Vec<Program>) {
    let (grid, block) = ([3_u32, 2, 4], [5_u32, 3, 7]);
    let names = [
        "tid.x", "tid.y", "tid.z", "ntid.x", "ntid.y", "ntid.z", "ctaid.x", "ctaid.y", "ctaid.z",
        "nctaid.x", "nctaid.y", "nctaid.z",
    ];
    let moves: String = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("mov.u32 %w{}, %{name};\n", at + 1))
        .collect();
    let stores: String = (1..=12)
        .map(|at| format!("st.global.u32 [%l1+{}], %w{at};\n", at * 4 - 4))
        .collect();
    let body = format!(
        "{moves} mad.lo.u32 %w20, %w9, %w11, %w8; mad.lo.u32 %w20, %w20, %w10, %w7;\n\
         mad.lo.u32 %w20, %w20, %w6, %w3; mad.lo.u32 %w20, %w20, %w5, %w2; mad.lo.u32 %w20, %w20, %w4, %w1;\n\
         mad.wide.u32 %l1, %w20, 48, %out; {stores}"
    );
    let mut expected = Vec::new();
    let boxed = |size: [u32; 3]| {
        (0..size.iter().product()).map(move |at: u32| {
            [
                at % size[0],
                at / size[0] % size[1],
                at / (size[0] * size[1]),
            ]
        })
    };
    for [x, y, z] in boxed(grid) {
        for [a, b, c] in boxed(block) {
            expected.extend([
                a, b, c, block[0], block[1], block[2], x, y, z, grid[0], grid[1], grid[2],
            ]);
        }
    }
    programs.push(
        Program::new("%tid, %ntid, %ctaid, %nctaid", body)
            .boxes(grid, block)
            .expect(expected),
    );
    // A special register stands where any operand may; 16 bits of it can be moved.
    let body = "add.u32 %w1, %tid.x, %ctaid.x; setp.eq.u32 %p0, %laneid, 5; selp.u32 %w2, 1, 0, %p0;\n\
         mad.lo.u32 %w1, %w2, 1000, %w1; cvt.u64.u32 %l1, %ntid.x; cvt.u32.u64 %w3, %l1;\n\
         cvt.u16.u32 %h1, %tid.x; cvt.u32.u16 %w4, %h1; sub.u32 %w4, %w4, %tid.x; add.u32 %w3, %w3, %w4;\n\
         st.global.v2.u32 [%to], {%w1, %w3};";
    programs.push(
        Program::new("special registers as operands", body)
            .shape(2, 40)
            .strides(4, 8)
            .expect(
                (0..80_u32)
                    .flat_map(|i| [i % 40 + i / 40 + u32::from(i % 40 % 32 == 5) * 1000, 40]),
            ),
    );
}

fn lanes(programs: &mut Vec<Program>) {
    let body = "mov.u32 %w1, %laneid; mov.u32 %w2, %lanemask_eq; mov.u32 %w3, %lanemask_lt;\n\
         mov.u32 %w4, %lanemask_le; mov.u32 %w5, %lanemask_gt; mov.u32 %w6, %lanemask_ge;\n\
         st.global.v2.u32 [%to], {%w1, %w2}; st.global.v2.u32 [%to+8], {%w3, %w4};\n\
         st.global.v2.u32 [%to+16], {%w5, %w6};";
    let expected = (0..77_u32).flat_map(|i| {
        let below = |lane: u32| ((1_u64 << lane) - 1) as u32;
        let lane = i % 32;
        [
            lane,
            1 << lane,
            below(lane),
            below(lane + 1),
            !below(lane + 1),
            !below(lane),
        ]
    });
    programs.push(
        Program::new("%laneid and masks", body)
            .shape(1, 77)
            .strides(4, 24)
            .expect(expected.collect::<Vec<u32>>()),
    );
    // What the manual leaves open has relations at least.
    let body = "mov.u32 %w1, %warpid; mov.u32 %w2, %nwarpid; mov.u32 %w3, %smid; mov.u32 %w4, %nsmid;\n\
         mov.u64 %l1, %gridid; mov.u32 %w5, %dynamic_smem_size; mov.u32 %w6, %total_smem_size;\n\
         mov.u32 %w8, %envreg3; mov.b32 %w9, %clusterid.x;\n\
         mov.u32 %w10, %nclusterid.x; mov.u32 %w11, %cluster_ctaid.x; mov.u32 %w12, %cluster_nctaid.x;\n\
         mov.u32 %w13, %cluster_ctarank; mov.u32 %w14, %cluster_nctarank; mov.u32 %w15, %aggr_smem_size;\n\
         mov.pred %p0, %is_explicit_cluster; selp.u32 %w16, 1, 0, %p0;\n\
         mov.u32 %w17, %reserved_smem_offset_begin; mov.u32 %w18, %reserved_smem_offset_end;\n\
         mov.u32 %w19, %reserved_smem_offset_cap; mov.u32 %w20, %reserved_smem_offset_0;\n\
         mov.u32 %w20, %reserved_smem_offset_1; mov.u32 %w21, %pm0;\n\
         st.global.v4.u32 [%to], {%w1, %w2, %w3, %w4}; st.global.v2.u32 [%to+16], {%w5, %w6};\n\
         st.global.v4.u32 [%to+32], {%w10, %w11, %w12, %w13}; st.global.v2.u32 [%to+48], {%w14, %w16};\n\
         mov.u32 %w22, tile; st.shared.u8 [%w22], 0; st.global.u32 [%to+56], %w9;";
    programs.push(
        Program::new("registers of the machine", body)
            .head(".shared .align 4 .b8 tile[100];")
            .shape(6, 1)
            .shared(200)
            .strides(4, 64)
            .output(&[0_u32; 96])
            .check(|bytes| {
                let found: Vec<u32> = elements(bytes);
                for (block, it) in (0..).zip(found.chunks(16)) {
                    let [warp, warps, sm, sms, dynamic, total] = it[..6] else {
                        return Err("too few words".to_owned());
                    };
                    let fits = warp < warps
                        && sm < sms
                        && dynamic == 200
                        && (300..2048).contains(&total)
                        && it[8..14] == [6, 0, 1, 0, 1, 0]
                        && it[14] == block;
                    if !fits {
                        return Err(format!("block {block} finds {it:?}"));
                    }
                }
                Ok(())
            }),
    );
}

fn clocks(programs: &mut Vec<Program>) {
    for (register, bits) in [
        ("clock", 32),
        ("clock_hi", 32),
        ("clock64", 64),
        ("globaltimer", 64),
        ("globaltimer_lo", 32),
        ("globaltimer_hi", 32),
    ] {
        let letter = if bits == 32 { "w" } else { "l" };
        let body = format!(
            "mov.u32 %w9, 0; mov.u{bits} %{letter}2, %{register}; mov.u32 %w8, 0;\n\
             MORE: mov.u{bits} %{letter}1, %{letter}2; mov.u{bits} %{letter}2, %{register};\n\
             setp.lt.u{bits} %p0, %{letter}2, %{letter}1; @%p0 add.u32 %w9, %w9, 1;\n\
             add.u32 %w8, %w8, 1; setp.lt.u32 %p1, %w8, 100; @%p1 bra MORE; st.global.u32 [%to], %w9;"
        );
        // A counter of 32 bits may wrap once.
        programs.push(
            Program::new(format!("%{register} goes on"), body)
                .output(&[0_u32; 32])
                .check(move |bytes| {
                    let backwards: Vec<u32> = elements(bytes);
                    match backwards
                        .iter()
                        .all(|&count| count <= u32::from(bits == 32))
                    {
                        true => Ok(()),
                        false => Err(format!("went back {backwards:?} times")),
                    }
                }),
        );
    }
    let body = "mov.u64 %l1, %clock64; mov.u32 %w1, 0; MORE: add.u32 %w1, %w1, 1;\n\
         setp.lt.u32 %p0, %w1, 200; @%p0 bra MORE; mov.u64 %l2, %clock64; sub.u64 %l2, %l2, %l1;\n\
         st.global.u64 [%to], %l2;";
    programs.push(
        Program::new("%clock64 measures", body)
            .strides(4, 8)
            .output(&[0_u64; 32])
            .check(|bytes| {
                let times: Vec<u64> = elements(bytes);
                match times.iter().all(|time| (200..1_000_000).contains(time)) {
                    true => Ok(()),
                    false => Err(format!("found {times:?}")),
                }
            }),
    );
}

fn heap(programs: &mut Vec<Program>) {
    let head =
        ".extern .func (.param .b64 r) malloc (.param .b64 n); .extern .func free (.param .b64 p);";
    let body = "add.u32 %w1, %i, 1; mul.wide.u32 %l1, %w1, 12;\n\
         { .param .b64 n; .param .b64 r; st.param.b64 [n], %l1; call.uni (r), malloc, (n); ld.param.b64 %l2, [r]; }\n\
         mov.u32 %w2, 0;\n\
         FILL: mad.wide.u32 %l3, %w2, 4, %l2; mad.lo.u32 %w3, %i, 1000, %w2; st.u32 [%l3], %w3;\n\
         add.u32 %w2, %w2, 1; mul.lo.u32 %w4, %w1, 3; setp.lt.u32 %p0, %w2, %w4; @%p0 bra FILL;\n\
         bar.sync 0; mov.u32 %w2, 0; mov.u32 %w9, 0;\n\
         READ: mad.wide.u32 %l3, %w2, 4, %l2; ld.u32 %w3, [%l3]; add.u32 %w9, %w9, %w3;\n\
         add.u32 %w2, %w2, 1; setp.lt.u32 %p0, %w2, %w4; @%p0 bra READ;\n\
         { .param .b64 p; st.param.b64 [p], %l2; call.uni free, (p); }\n\
         { .param .b64 p; st.param.b64 [p], 0; call.uni free, (p); }\n\
         { .param .b64 n; .param .b64 r; st.param.b64 [n], 0x10000000000; call.uni (r), malloc, (n);\n\
         ld.param.b64 %l5, [r]; } and.b64 %l2, %l2, 15; or.b64 %l5, %l5, %l2; cvt.u32.u64 %w5, %l5;\n\
         st.global.v2.u32 [%to], {%w9, %w5};";
    let expected = (0..70_u32).flat_map(|i| {
        let n = 3 * (i + 1);
        [1000 * i * n + n * (n - 1) / 2, 0]
    });
    programs.push(
        Program::new("malloc and free", body)
            .head(head)
            .shape(1, 70)
            .strides(4, 8)
            .expect(expected.collect::<Vec<u32>>()),
    );
}

/// A value to print.
enum Value {
    Int(i32),
    Long(i64),
    Double(f64),
    Text(&'static CStr),
}

/// What the host's `snprintf` makes of a format with up to two stars and a value.
fn printed(format: &CStr, stars: &[i32], value: &Value) -> Vec<u8> {
    let mut buffer = vec![0_u8; 4096];
    let to = buffer.as_mut_ptr().cast::<c_char>();
    let (n, f) = (buffer.len(), format.as_ptr());
    macro_rules! print {
        ($value:expr) => {
            // SAFETY: the buffer has n bytes, and the table gives each format what it takes.
            unsafe {
                match *stars {
                    [] => libc::snprintf(to, n, f, $value),
                    [one] => libc::snprintf(to, n, f, one, $value),
                    [one, two] => libc::snprintf(to, n, f, one, two, $value),
                    _ => panic!("a format has at most two stars"),
                }
            }
        };
    }
    let length = match *value {
        Value::Int(value) => print!(value),
        Value::Long(value) => print!(value),
        Value::Double(value) => print!(value),
        Value::Text(text) => print!(text.as_ptr()),
    };
    buffer.truncate(usize::try_from(length).expect("snprintf prints"));
    buffer
}

/// Formats with a value each.
fn formats() -> Vec<(CString, Vec<i32>, Value)> {
    let mut cases = Vec::new();
    let mut add = |format: String, stars: &[i32], value: Value| {
        cases.push((
            CString::new(format).expect("no null byte"),
            stars.to_vec(),
            value,
        ));
    };
    let flags = [
        "", "-", "+", " ", "0", "#", "-0", "+0", " 0", "#0", "-#", "+-", "+ ",
    ];
    let sizes = [
        "", "1", "5", "12", ".0", ".1", ".5", "8.3", "12.9", ".", "15.",
    ];
    for flag in flags {
        for size in sizes {
            for value in [0, 1, -1, 42, -12345, i32::MAX, i32::MIN] {
                for kind in ["d", "i", "u", "x", "X", "o"] {
                    add(format!("<%{flag}{size}{kind}>"), &[], Value::Int(value));
                    let long = i64::from(value) << 20 | 5;
                    for length in ["l", "ll"] {
                        add(
                            format!("<%{flag}{size}{length}{kind}>"),
                            &[],
                            Value::Long(long),
                        );
                    }
                }
            }
            for value in [
                0.0,
                -0.0,
                1.0,
                -1.5,
                0.1,
                123456.789,
                1e-5,
                9.99999e-5,
                1e20,
                2.5,
                999999.5,
                -1e-300,
                1e300,
                5e-324,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::NAN,
                0.5,
                1234567.0,
                100000.0,
            ] {
                for kind in ["f", "e", "g", "F", "E", "G", "a", "A"] {
                    // The C library drops zeros here that the standard keeps.
                    if value == 999999.5 && flag.contains('#') && "gG".contains(kind) {
                        continue;
                    }
                    add(format!("<%{flag}{size}{kind}>"), &[], Value::Double(value));
                }
            }
        }
    }
    for size in ["", "1", "8", "-8", ".2", "-6.1", "8.0"] {
        for text in [c"", c"a", c"some text"] {
            add(format!("<%{size}s>"), &[], Value::Text(text));
        }
    }
    for size in ["", "3", "-3"] {
        add(format!("<%{size}c>"), &[], Value::Int('x' as i32));
    }
    for width in [-7, -1, 0, 1, 9] {
        add("%%<%*d>%%".to_owned(), &[width], Value::Int(-42));
        add("<%0*x>".to_owned(), &[width], Value::Int(42));
        add("<%.*f>".to_owned(), &[width], Value::Double(1.0 / 3.0));
        for precision in [-1, 0, 4] {
            add(
                "<%*.*s>".to_owned(),
                &[width, precision],
                Value::Text(c"some text"),
            );
            add("<%*.*d>".to_owned(), &[width, precision], Value::Int(7));
            add(
                "<%-*.*e>".to_owned(),
                &[width, precision],
                Value::Double(-1234.5),
            );
        }
    }
    add("<%hd>".to_owned(), &[], Value::Int(-7));
    add("<%hhd>".to_owned(), &[], Value::Int(100));
    add("<%zu>".to_owned(), &[], Value::Long(1 << 40));
    cases
}

/// What a device has printed.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test has panicked").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bytes_of(text: &CStr) -> String {
    let bytes: Vec<String> = text.to_bytes_with_nul().iter().map(u8::to_string).collect();
    bytes.join(", ")
}

const HEADER: &str = ".version 9.0\n.target sm_90\n.address_size 64\n\
    .extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n\
    .extern .func __assertfail (.param .b64 m, .param .b64 f, .param .b32 l, .param .b64 n, .param .b64 s) .noreturn;\n";

/// A sentence for each format that is not printed as the host prints it.
pub fn wrong_formats() -> Vec<String> {
    let cases = formats();
    let output = Output::default();
    let device = Device::new(Options {
        seed: 1,
        workers: 1,
        ..Options::default()
    });
    device.set_output(Box::new(output.clone()));
    let mut wrong = Vec::new();
    for cases in cases.chunks(500) {
        let (mut variables, mut calls) = (String::new(), String::new());
        for (at, (format, stars, value)) in cases.iter().enumerate() {
            variables += &format!(".global .b8 format{at}[] = {{{}}};\n", bytes_of(format));
            // The values lie one after the other, each at a multiple of its size.
            let mut place = stars.len() * 4;
            for (star, value) in stars.iter().enumerate() {
                calls += &format!("st.local.s32 [own+{}], {value};\n", star * 4);
            }
            if !matches!(value, Value::Int(_)) {
                place = place.next_multiple_of(8);
            }
            calls += &match value {
                Value::Int(value) => format!("st.local.s32 [own+{place}], {value};\n"),
                Value::Long(value) => {
                    format!("st.local.u64 [own+{place}], {:#x};\n", *value as u64)
                }
                Value::Double(value) => {
                    format!("st.local.u64 [own+{place}], {:#x};\n", value.to_bits())
                }
                Value::Text(text) => {
                    variables += &format!(".global .b8 text{at}[] = {{{}}};\n", bytes_of(text));
                    format!("cvta.global.u64 %l1, text{at}; st.local.u64 [own+{place}], %l1;\n")
                }
            };
            calls += &format!(
                "cvta.global.u64 %l1, format{at}; st.param.b64 [f], %l1; st.param.b64 [a], %l2;\n\
                 call.uni (r), vprintf, (f, a); ld.param.s32 %w, [r]; setp.ne.s32 %p, %w, {}; @%p trap;\n",
                stars.len() + 1
            );
        }
        let ptx = format!(
            "{HEADER}{variables}.entry test() {{ .reg .b64 %l<3>; .reg .b32 %w; .reg .pred %p;\n\
             .local .align 8 .b8 own[32]; .param .b64 f, a; .param .b32 r;\n\
             cvta.local.u64 %l2, own;\n{calls} }}"
        );
        let program = match device.load(&ptx) {
            Ok(program) => program,
            Err(error) => return vec![error.to_string()],
        };
        output.0.lock().expect("no test has panicked").clear();
        let kernel = program.kernel("test").expect("it was loaded");
        if let Err(error) = device.launch(kernel, &Launch::default()) {
            return vec![error.to_string()];
        }
        let text = output.0.lock().expect("no test has panicked").clone();
        let mut rest = text.as_slice();
        for (format, stars, value) in cases {
            let expected = printed(format, stars, value);
            // What is wrong is as long as it is up to the `>` that all formats end with.
            let end = rest
                .iter()
                .position(|&byte| byte == b'>')
                .map_or(rest.len(), |at| at + 1);
            let percent = expected.ends_with(b"%");
            let (found, behind) = rest.split_at((end + usize::from(percent)).min(rest.len()));
            rest = behind;
            if found != expected {
                wrong.push(format!(
                    "{format:?} with {stars:?}: expected {:?}, found {:?}",
                    String::from_utf8_lossy(&expected),
                    String::from_utf8_lossy(found)
                ));
            }
        }
        device.unload(&program);
    }
    wrong
}

/// What a failed assertion says.
pub fn assertion() -> String {
    let text = |name: &str, text: &CStr| format!(".const .b8 {name}[] = {{{}}};\n", bytes_of(text));
    let ptx = format!(
        "{HEADER}{}{}{}.entry test() {{ .reg .b64 %l<4>; .param .b64 m, f, n, s; .param .b32 l;\n\
         .reg .pred %p; .reg .b32 %w; mov.u32 %w, %tid.x; setp.ne.u32 %p, %w, 4; @%p ret;\n\
         cvta.const.u64 %l1, message; cvta.const.u64 %l2, path; cvta.const.u64 %l3, name;\n\
         st.param.b64 [m], %l1; st.param.b64 [f], %l2; st.param.b32 [l], 42; st.param.b64 [n], %l3;\n\
         st.param.b64 [s], 1; call.uni __assertfail, (m, f, l, n, s); }}",
        text("message", c"x > 0"),
        text("path", c"kernel.cu"),
        text("name", c"void f(int)"),
    );
    let device = Device::new(Options {
        seed: 1,
        workers: 1,
        ..Options::default()
    });
    let program = device.load(&ptx).expect("it is right");
    let launch = Launch {
        block: [8, 1, 1],
        ..Launch::default()
    };
    match device.launch(program.kernel("test").expect("it was loaded"), &launch) {
        Err(LaunchError::Fault(report)) => report.to_string(),
        other => format!("{other:?}"),
    }
}
