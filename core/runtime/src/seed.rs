//! Randomness: drawn from the operating system here, and nowhere else.

use std::sync::{Mutex, PoisonError};

use entra_mcp_core::entropy::Seed;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroize as _;

/// How many seeds are drawn at once: a system call is dearer than the bytes.
const SEEDS: usize = 16;

/// Those that are drawn and not used yet.
static DRAWN: Mutex<Drawn> = Mutex::new(Drawn {
    seeds: [[0; 32]; SEEDS],
    left: 0,
});

struct Drawn {
    seeds: [[u8; 32]; SEEDS],
    left: usize,
}

/// Thirty-two bytes of the operating system's generator: one seed for each exchange.
#[must_use]
pub fn seed() -> Seed {
    Seed::new(take_from(&DRAWN))
}

fn take_from(drawn: &Mutex<Drawn>) -> [u8; 32] {
    let lock = || drawn.lock().unwrap_or_else(PoisonError::into_inner);
    let mut taken = lock().take();
    loop {
        if let Some(taken) = taken {
            return taken;
        }
        // Not under the lock: others would wait for the operating system, too.
        let mut seeds = [[0; 32]; SEEDS];
        fill(seeds.as_flattened_mut());
        let mut drawn = lock();
        drawn.seeds = seeds;
        drawn.left = SEEDS;
        seeds.zeroize();
        taken = drawn.take();
    }
}

impl Drawn {
    /// One that nobody else gets, and that is not kept.
    fn take(&mut self) -> Option<[u8; 32]> {
        let left = self.left.checked_sub(1)?;
        let seed = self.seeds.get_mut(left)?;
        self.left = left;
        let taken = *seed;
        seed.zeroize();
        Some(taken)
    }
}

pub(crate) fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    fill(&mut bytes);
    bytes
}

fn fill(bytes: &mut [u8]) {
    SystemRandom::new()
        .fill(bytes)
        .expect("the operating system has a generator: without one nothing here is safe");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn seed_is_given_once_and_not_kept() {
        let drawn = Mutex::new(Drawn {
            seeds: [[0; 32]; SEEDS],
            left: 0,
        });
        let taken = BTreeSet::from_iter((0..3 * SEEDS).map(|_| take_from(&drawn)));
        assert_eq!(taken.len(), 3 * SEEDS);
        assert!(!taken.contains(&[0; 32]));
        assert_eq!(drawn.into_inner().unwrap().seeds, [[0; 32]; SEEDS]);
    }
}
