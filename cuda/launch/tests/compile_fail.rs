//! Misuse of kernels that must not compile, with the messages that it gets.
//!
//! `TRYBUILD=overwrite cargo test -p cuda_launch` writes the messages anew.

#[path = "refused/accepted.rs"]
mod accepted;

/// What the others are changed from compiles, with this test: trybuild would compile all dependencies
/// to link it, and only checks them otherwise.
#[test]
fn right_kernels_compile() {
    accepted::main();
}

#[test]
fn misused_kernels_do_not_compile() {
    let tests = trybuild::TestCases::new();
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
        "kernel_returns_a_value",
        "kernel_takes_a_mutable_slice",
        "kernel_takes_a_mutable_reference",
        "kernel_takes_a_host_type",
        "body_is_wrong",
        "value_without_a_layout",
        "slice_for_a_reference",
        "generic_kernel_without_instances",
        "instance_of_another_kernel",
        "instance_of_too_many_types",
        "instance_of_a_type_that_does_not_fit",
        "instance_of_a_kernel_that_is_not_generic",
        "instances_of_one_name",
        "launch_bounds_that_no_device_has",
        "dimension_that_is_none",
        "option_that_is_unknown",
    ] {
        tests.compile_fail(format!("tests/refused/{case}.rs"));
    }
}
