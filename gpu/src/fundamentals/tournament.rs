//! Rounds of pairs: in the rounds of a tournament each of `n` players meets each other one once, and
//! everyone plays in each round, so that all pairs of a round can be computed at the same time.
//!
//! The circle method: player 0 stays on its seat, the others move on by a seat from round to round, and
//! seats that face each other are a pair. For an odd number there is one player more, number `n`, whom to
//! meet is to have a break.

/// Rounds until all have met.
pub const fn n_rounds(n: u32) -> u32 {
    2 * n_pairs(n) - if n == 0 { 0 } else { 1 }
}

/// Pairs of a round.
pub const fn n_pairs(n: u32) -> u32 {
    n.div_ceil(2)
}

/// Pair `idx` of a round, the smaller one first, which is below `n`.
pub const fn pair(n: u32, round: u32, idx: u32) -> (u32, u32) {
    let n_moving = 2 * n_pairs(n) - 1;
    let (a, b) = (
        if idx == 0 {
            0
        } else {
            1 + (idx - 1 + round) % n_moving
        },
        1 + (n_moving - 1 - idx + round) % n_moving,
    );
    if a < b { (a, b) } else { (b, a) }
}
