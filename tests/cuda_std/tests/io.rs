//! `cuda_std::io` in the simulator.

use cuda_std_tests::Run;
use ptx_sim::Kind;

#[test]
fn print() {
    Run::new("io_print", 1, 40)
        .value(0.8125_f32)
        .check(|output| {
            let mut lines: Vec<&str> = output.printed.lines().collect();
            let mut expected: Vec<String> = (0..40)
                .map(|thread| format!("thread {thread:>3} of 40: 0.812 is  81.2 %s %d"))
                .collect();
            // Between the pieces of a line, others may print.
            assert!(output.printed.contains("no end of the line, "));
            assert!(output.printed.contains("Some(-1) 0x00ff ß"));
            let rest = output.printed.replace("no end of the line, ", "");
            let rest = rest.replacen("Some(-1) 0x00ff ß", "", 1);
            lines.clear();
            lines.extend(rest.lines().filter(|line| !line.is_empty()));
            expected.push("50 % {} \\ \"".to_owned());
            lines.sort_unstable();
            expected.sort_unstable();
            assert_eq!(lines, expected);
            assert_eq!(output.printed.matches('\n').count(), 42);
        });
}

#[test]
fn long_text() {
    // Around the length of a piece, and of two.
    for n in [0, 1, 253, 254, 255, 256, 509, 510, 511, 3000] {
        Run::new("io_print_long", 1, 1).value(n).check(|output| {
            let digits: String = (0..n).map(|idx: u32| (idx % 10).to_string()).collect();
            assert_eq!(output.printed, format!("{digits}\na\0b\n"));
        });
    }
}

#[test]
fn vprintf() {
    let run = Run::new("io_vprintf", 1, 1);
    run.check(|output| assert_eq!(output.printed, "-7 2.50 words\n"));
}

#[test]
fn assertions_that_hold() {
    let run = Run::new("io_assertions", 1, 1).slice(&[1_u32, 2, 3]);
    run.check(|output| assert_eq!(output.printed, ""));
}

/// Thread 3 fails, and the report has these parts and the line of the kernel's assertion.
#[track_caller]
fn fails(kernel: &str, parts: &[&str]) {
    let source = include_str!("../kernels/src/io.rs");
    let lines = source.lines().enumerate();
    let mut lines = lines.skip_while(|(_, line)| !line.contains(&format!("fn {kernel}(")));
    let (idx, _) = lines
        .find(|(_, line)| line.contains("assert_") && !line.contains("fn "))
        .expect("an assertion");
    let place = format!("tests/cuda_std/kernels/src/io.rs:{}", idx + 1);
    let mut values = [1_u32; 32];
    values[3] = 5;
    let run = Run::new(kernel, 1, 32).slice(&values);
    run.fails(|reports, _| {
        let [report] = reports else {
            panic!("{} reports", reports.len());
        };
        assert_eq!(report.kind, Kind::Assertion, "{report}");
        let party = report.party.as_ref().expect("a thread");
        assert_eq!(party.thread, [3, 0, 0], "{report}");
        let parts = parts.iter().copied();
        for part in parts.chain([place.as_str(), "cuda_std_kernels::io"]) {
            assert!(report.message.contains(part), "no {part:?} in {report}");
        }
    });
}

#[test]
fn assert_eq() {
    let assertion = "`x[thread::index() as usize] == 1 (left: 5, right: 1)`";
    fails("io_assert_eq", &[assertion]);
    fails(
        "io_assert_eq_message",
        &["`x[i] == 1 (left: 5, right: 1): element 3 of 32`"],
    );
}

#[test]
fn assert_ne() {
    let assertion = "`x[thread::index() as usize] != 5 (left: 5, right: 5)`";
    fails("io_assert_ne", &[assertion]);
    fails(
        "io_assert_ne_message",
        &["(left: Some(5), right: Some(5)): 100 % wrong`"],
    );
}

#[test]
fn assertfail() {
    Run::new("io_assertfail", 1, 1).fails(|reports, _| {
        let report = &reports[0];
        assert_eq!(report.kind, Kind::Assertion, "{report}");
        assert_eq!(report.message, "`never` in a function, a file:12");
    });
}
