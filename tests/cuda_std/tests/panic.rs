//! `cuda_std::panic` in the simulator: what is printed, and that the launch ends.

use cuda_std_tests::Run;

/// The kernels' source, in which each cause has its line.
const SOURCE: &str = include_str!("../kernels/src/panic.rs");
const FILE: &str = "tests/cuda_std/kernels/src/panic.rs";

/// Line and column of a piece of the line that ends in this comment.
fn position(comment: &str, code: &str) -> String {
    let comment = format!("// {comment}");
    let (idx, line) = SOURCE
        .lines()
        .enumerate()
        .find(|(_, line)| line.ends_with(&comment))
        .expect("each cause has its line");
    let column = line.find(code).expect("the code is there");
    format!("{FILE}:{}:{}", idx + 1, column + 1)
}

/// What a cause prints, in one line.
#[track_caller]
fn assert_prints(cause: u32, position: &str, message: &str) {
    Run::new("panics", 2, 32)
        .value(cause)
        .value(0u32)
        .slice(&[0u32, 1, 2, 3])
        .uninitialized::<u32>(1)
        .fails(|reports, output| {
            let expected =
                format!("block (1, 0, 0) thread (5, 0, 0) panicked at {position}: {message}\n");
            assert_eq!(output.printed, expected);
            let [report] = reports else {
                panic!("{reports:?}");
            };
            assert!(report.to_string().contains("trap"), "{report}");
        });
}

#[test]
fn a_panic_prints_where_and_why() {
    for (cause, comment, code, message) in [
        (
            0,
            "bounds",
            "x[9",
            "index out of bounds: the len is 4 but the index is 9",
        ),
        (
            1,
            "unwrap",
            "unwrap()",
            "called `Option::unwrap()` on a `None` value",
        ),
        (2, "expect", "expect(", "there are ten"),
        (3, "division", "7 / zero", "attempt to divide by zero"),
        (4, "overflow", "strict_add", "attempt to add with overflow"),
        (5, "message", "panic!", "1 of Some(0)"),
        (6, "assert", "assert!", "zero is 0"),
        (
            7,
            "assert_eq",
            "core::assert_eq!",
            "assertion `left == right` failed left: 0 right: 1",
        ),
        (
            11,
            "unreachable",
            "unreachable!",
            "internal error: entered unreachable code",
        ),
    ] {
        assert_prints(cause, &position(comment, code), message);
    }
}

#[test]
fn a_failed_allocation_is_a_panic() {
    Run::new("panics", 2, 32)
        .value(8u32)
        .value(0u32)
        .slice(&[0u32, 1, 2, 3])
        .uninitialized::<u32>(1)
        .fails(|_, output| {
            assert!(
                output
                    .printed
                    .ends_with("memory allocation of 1099511627776 bytes failed\n"),
                "{}",
                output.printed
            );
        });
}

#[test]
fn a_long_message_is_cut() {
    // 256 bytes with the zero that ends it, of which the ellipsis has 3.
    assert_prints(
        9,
        &position("long", "panic!"),
        &format!("{}…", " ".repeat(252)),
    );
}

#[test]
fn a_panic_in_a_panics_message_ends_it() {
    let message = "called `Result::unwrap()` on an `Err` value: half of it, ";
    // The second panic is where the thread is.
    let (idx, line) = SOURCE
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains("and a panic"))
        .expect("it panics");
    let column = line.find("panic!").expect("it panics") + 1;
    assert_prints(10, &format!("{FILE}:{}:{column}", idx + 1), message);
}

#[test]
fn of_many_threads_one_speaks() {
    Run::new("all_panic", 8, 128)
        .slice(&[0u32; 0])
        .uninitialized_slice::<u32>(1024)
        .fails(|_, output| {
            assert_eq!(output.printed.lines().count(), 1, "{}", output.printed);
            assert!(
                output.printed.contains("the len is 0 but the index is "),
                "{}",
                output.printed
            );
        });
}
