//! Misuse of kernels that must not compile, with the messages that it gets.
//!
//! `TRYBUILD=overwrite cargo test -p cuda_launch` writes the messages anew.

#[test]
fn misused_kernels_do_not_compile() {
    let tests = trybuild::TestCases::new();
    tests.pass("tests/refused/accepted.rs");
    for case in [
        "argument_missing",
        "argument_too_many",
        "argument_of_wrong_type",
        "arguments_in_wrong_order",
        "element_of_wrong_type",
        "input_for_output",
        "output_read_by_the_same_launch",
        "launch_without_unsafe",
        "two_kernels_of_one_name",
        "kernel_is_generic",
        "kernel_returns_a_value",
        "kernel_takes_a_mutable_slice",
        "kernel_takes_a_reference",
        "kernel_takes_a_host_type",
        "barrier_without_unsafe",
        "body_is_wrong",
    ] {
        tests.compile_fail(format!("tests/refused/{case}.rs"));
    }
}
