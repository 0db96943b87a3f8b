//! Misuse of shared memory, groups and matrices that must not compile, with the messages that it gets.
//!
//! `TRYBUILD=overwrite cargo test -p cuda_std --test refused` writes the messages anew.

#[test]
fn misuse_does_not_compile() {
    let tests = trybuild::TestCases::new();
    tests.pass("tests/refused/accepted.rs");
    for case in [
        "tile_made_without_unsafe",
        "tile_published_without_unsafe",
        "tile_read_before_it_is_filled",
        "tile_read_before_it_is_published",
        "tile_written_while_it_is_readable",
        "writable_tile_used_after_it_was_published",
        "reference_kept_while_the_tile_is_reused",
        "tile_kept_in_a_static",
        "tile_of_references",
        "stage_kept_while_the_next_one_comes",
        "channel_tile_kept_after_it_was_released",
        "channel_both_roles",
        "collective_call_without_unsafe",
        "group_of_three_threads",
        "matrix_of_no_such_shape",
        "matrices_that_do_not_fit",
    ] {
        tests.compile_fail(format!("tests/refused/{case}.rs"));
    }
}
