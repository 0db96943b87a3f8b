//! Crates from crates.io.

use rust_cuda::run;
use sha2::{Digest, Sha256};

#[test]
fn sha2() {
    let message: Vec<u8> = (0..300_u32).map(|i| (i * 7 % 251) as u8).collect();
    let run = run("hash", 1, 48)
        .slice(&message)
        .uninitialized::<[u8; 32]>(48);
    run.check(|output| {
        let messages = (0..48).map(|idx| &message[..300.min(7 * idx)]);
        let expected: Vec<[u8; 32]> = messages.map(|m| Sha256::digest(m).into()).collect();
        assert_eq!(output.buffer::<[u8; 32]>(1), expected);
    });
}
