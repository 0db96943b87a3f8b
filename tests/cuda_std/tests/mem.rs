//! `cuda_std::mem` in the simulator, which reports what was not freed or not so.

use cuda_std_tests::Run;
use ptx_sim::Kind;

#[test]
fn collections() {
    let run = Run::new("mem_collections", 2, 24).uninitialized::<[u32; 4]>(48);
    run.check(|output| {
        for (sums, number) in output.buffer::<[u32; 4]>(0).into_iter().zip(1_u32..) {
            let divisors: Vec<u32> = (1..=number).filter(|d| number.is_multiple_of(*d)).collect();
            let weighted = (1_u32..).zip(&divisors).map(|(i, d)| i * d).sum();
            let total: u32 = divisors.iter().sum();
            assert_eq!(
                sums,
                [divisors.len() as u32, weighted, 3 * total, number + 2]
            );
        }
    });
}

#[test]
fn text() {
    for number in [0, 7, 123_456] {
        let expected = format!("{number:04} = {number}!?");
        let run = Run::new("mem_text", 1, 1)
            .value::<u32>(number)
            .uninitialized::<u8>(expected.len());
        run.check(|output| assert_eq!(output.buffer::<u8>(0), expected.as_bytes()));
    }
}

#[test]
fn growth() {
    let run = Run::new("mem_growth", 1, 1)
        .value::<u32>(5)
        .uninitialized::<[u32; 2]>(1);
    let text: u32 = "éab".bytes().map(u32::from).sum();
    run.check(|output| assert_eq!(output.buffer::<[u32; 2]>(0), [[6, text + 4]]));
}

#[test]
fn alignment() {
    let run = Run::new("mem_alignment", 1, 40).uninitialized::<[u32; 8]>(40);
    run.check(|output| {
        for (results, thread) in output.buffer::<[u32; 8]>(0).into_iter().zip(0..) {
            assert_eq!(results, [0, 0, 0, 0, thread, 5 * thread, thread + 7, 10]);
        }
    });
}

#[test]
fn raw() {
    let run = Run::new("mem_raw", 1, 1).uninitialized::<u32>(4);
    run.check(|output| assert_eq!(output.buffer::<u32>(0), [120, 1, 1, 1]));
}

/// A full heap is a panic, which says what was asked for.
#[test]
fn too_much() {
    let run = |bytes: u64| {
        Run::new("mem_too_much", 1, 1)
            .value(bytes)
            .uninitialized::<u64>(1)
    };
    run(1000).check(|output| assert!(output.buffer::<u64>(0)[0] >= 1000));
    run(123_456_789_000).fails(|reports, output| {
        let [report] = reports else {
            panic!("{} reports", reports.len());
        };
        assert_eq!(report.kind, Kind::Trap, "{report}");
        assert!(
            output
                .printed
                .contains("memory allocation of 123456789000 bytes failed"),
            "{}",
            output.printed
        );
    });
}

#[test]
fn leak() {
    Run::new("mem_leak", 1, 3)
        .uninitialized::<u64>(1)
        .fails(|reports, _| {
            let is_leak = |kind| kind == Kind::Leak;
            let n_leaks = reports.iter().filter(|report| is_leak(report.kind)).count();
            assert_eq!(n_leaks, 3);
        });
}

#[test]
fn double_free() {
    Run::new("mem_double_free", 1, 1).fails(|reports, _| {
        assert_eq!(reports.len(), 1, "{}", reports[0]);
        assert_eq!(reports[0].kind, Kind::InvalidFree, "{}", reports[0]);
    });
}

#[test]
fn shared_sizes() {
    for dynamic in [0, 100, 1024] {
        let run = Run::new("mem_shared_sizes", 2, 64)
            .dynamic_shared(dynamic)
            .uninitialized::<[u32; 2]>(128);
        run.check(|output| {
            for [actual, total] in output.buffer::<[u32; 2]>(0) {
                assert_eq!(actual, dynamic);
                // The array, the word of panics, what the launch adds, and rounding up.
                let least = 256 + dynamic;
                assert!(total >= least && total < least + 256, "{total} bytes");
            }
        });
    }
}
