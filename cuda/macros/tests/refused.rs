//! Statics and functions that the attributes refuse, with the compiler's messages.

#[test]
fn refused() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
