//! `cuda_std::thread` in the simulator.

use cuda_std_tests::Run;

#[test]
fn index() {
    let run = Run::new("thread_index", [2, 3, 2], [4, 2, 3]).uninitialized::<u32>(12 * 24);
    run.check(|output| {
        let expected: Vec<u32> = (0..12 * 24).collect();
        assert_eq!(output.buffer::<u32>(0), expected);
    });
}
