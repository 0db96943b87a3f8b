//! The rounds of pairs that Jacobi's rotations take on a device.

use gpu::fundamentals::tournament::{n_pairs, n_rounds, pair};

#[test]
fn each_meets_each_once_and_plays_in_each_round() {
    for n in 0..20 {
        let mut met = Vec::new();
        for round in 0..n_rounds(n) {
            let mut players = Vec::new();
            for idx in 0..n_pairs(n) {
                let (a, b) = pair(n, round, idx);
                assert!(a < b && a < n);
                players.extend([a, b]);
                if b < n {
                    met.push((a, b));
                }
            }
            players.sort_unstable();
            assert!(players.into_iter().eq(0..n.next_multiple_of(2)), "{n}");
        }
        met.sort_unstable();
        let expected = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
        assert!(met.into_iter().eq(expected), "{n}");
    }
}
