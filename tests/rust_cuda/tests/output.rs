//! What kernels print, and how they fail.

use ptx_sim::Kind;
use rust_cuda::run;

#[test]
fn prints() {
    let values: Vec<i32> = (0..4).map(|i| 5 - 3 * i).collect();
    run("prints", 2, 2).slice(&values).check(|output| {
        // Another thread may print between any two calls.
        let lines = output.printed.lines();
        let (mut lines, of_first): (Vec<&str>, Vec<&str>) =
            lines.partition(|line| line.starts_with("thread"));
        assert_eq!(
            of_first,
            [
                "Some([5, 2, -1, -4])",
                "Point {",
                "    x: -7,",
                "    name: \"one\",",
                "} 0.667"
            ]
        );
        lines.sort_unstable();
        let expected: Vec<String> = (0..4)
            .map(|t| format!("thread {t} has {}", values[t]))
            .collect();
        assert_eq!(lines, expected);
    });
}

#[test]
fn failures() {
    let values = [3_u32, 4, 5, 9];
    let cases = [
        (1, "index out of bounds: the len is 4 but the index is 15"),
        (2, "called `Option::unwrap()` on a `None` value"),
        (3, "a value that fits: \"too small\""),
        (4, "way 4 of 4"),
        (5, "attempt to divide by zero"),
        (6, "left: 3"),
        (7, "range start index 9 out of range for slice of length 4"),
        (8, "TryFromIntError"),
        (9, "entered unreachable code: there is no way 9"),
    ];
    for (way, message) in cases {
        let run = run("fails", 2, 8)
            .value(way)
            .slice(&values)
            .uninitialized::<u32>(16);
        run.fails(|reports, output| {
            let [report] = reports else {
                panic!("{} reports of way {way}", reports.len());
            };
            assert_eq!(report.kind, Kind::Trap, "{report}");
            let party = report.party.as_ref().expect("a thread has trapped");
            assert_eq!((party.block[0], party.thread[0]), (1, 3), "{report}");
            assert!(
                output.printed.contains(message),
                "way {way} should print {message:?}: {:?}",
                output.printed
            );
        });
    }
}
