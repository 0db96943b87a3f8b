//! The kernels on a simulated GPU, which looks for races, accesses out of bounds, uninitialized reads
//! and more.

use cuda_driver::{Source, sim};

#[test]
fn axpy_adds_the_scaled_vector() {
    cuda_driver::select(Source::Simulator(sim::Options::default())).expect("nothing has run yet");
    for n in [0, 1, 255, 256, 257, 1000] {
        let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let mut y = vec![0.5; n];
        @crate::axpy(2.0, &x, &mut y).unwrap_or_else(|error| panic!("{n} elements: {error}"));
        let expected: Vec<f32> = x.iter().map(|x| 2.0 * x + 0.5).collect();
        assert_eq!(y, expected, "{n} elements");
    }
    let reports = sim::reports();
    assert!(reports.is_empty(), "{reports:#?}");
}
