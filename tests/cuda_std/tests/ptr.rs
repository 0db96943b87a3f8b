//! `cuda_std::ptr` in the simulator.

use cuda_std_tests::Run;

#[test]
fn spaces() {
    let run = Run::new("ptr_spaces", 1, 1)
        .pointer(&[10_u32, 11, 12])
        .uninitialized::<[[u32; 6]; 4]>(1);
    run.check(|output| {
        let expected = [
            [1, 0, 0, 0, 1, 12],
            [0, 1, 0, 0, 1, 22],
            [0, 0, 1, 0, 1, 4],
            [0, 0, 0, 1, 1, 33],
        ];
        let mut actual = output.buffer::<[[u32; 6]; 4]>(1);
        // Whether constant memory counts as global too is the device's business.
        actual[0][2][0] = 0;
        assert_eq!(actual, [expected]);
    });
}

#[test]
fn specific_address() {
    let run = Run::new("ptr_specific", 1, 1).uninitialized::<u32>(1);
    run.check(|output| assert_eq!(output.buffer::<u32>(0), [99]));
}
