//! Randomness: drawn from the operating system here, and nowhere else.

use entra_mcp_core::entropy::Seed;
use ring::rand::{SecureRandom as _, SystemRandom};

/// Thirty-two bytes of the operating system's generator: one seed for each exchange.
#[must_use]
pub fn seed() -> Seed {
    Seed::new(bytes())
}

pub(crate) fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system has a generator: without one nothing here is safe");
    bytes
}
