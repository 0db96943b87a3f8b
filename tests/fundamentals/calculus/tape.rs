//! `tape`.

use cpu::fundamentals::calculus::tape::{Network, Tape, XOR, worst_difference};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

#[test]
fn each_operation_has_its_derivatives() {
    let mut tape = Tape::default();
    let (x, y) = (tape.number(3.0), tape.number(-2.0));
    let product = tape.multiply(x, y);
    let difference = tape.subtract(product, x);
    let square = tape.multiply(difference, difference);
    let result = tape.add(square, y);
    // (x y - x)² + y: by x 2 (x y - x)(y - 1), by y 2 (x y - x) x + 1.
    assert_eq!(tape.value(result), 79.0);
    let gradient = tape.gradient(result);
    assert_eq!(
        (gradient.by(x), gradient.by(y), gradient.by(result)),
        (54.0, -53.0, 1.0)
    );
    let bent = tape.tanh(x);
    let expected = 1.0 - 3.0_f64.tanh().powi(2);
    assert!((tape.gradient(bent).by(x) - expected).abs() < 1e-17);
    assert_eq!(tape.gradient(bent).by(y), 0.0);
}

#[test]
fn a_number_used_twice_gets_both_parts() {
    let mut tape = Tape::default();
    let x = tape.number(5.0);
    let twice = tape.add(x, x);
    let result = tape.multiply(twice, x);
    assert_eq!(tape.gradient(result).by(x), 20.0);
}

#[test]
fn it_learns_xor() {
    for seed in 1..=5 {
        let mut network = Network::new(8, ChaCha8Rng::seed_from_u64(seed));
        let (_, gradient) = network.loss_and_gradient(&XOR);
        assert!(worst_difference(&mut network, &gradient) < 1e-8);
        for _ in 0..2000 {
            let (_, gradient) = network.loss_and_gradient(&XOR);
            network.descend(&gradient, 0.1);
        }
        for (x, target) in XOR {
            let y = network.evaluate(x);
            assert!((y - target).abs() < 0.1, "seed {seed}: {x:?} gives {y}");
        }
    }
}
