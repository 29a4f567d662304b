//! Every random decision of a run, from one source: a seed, or bytes that a fuzzer made up.
//!
//! A seeded run writes down what it drew, so a failing seed becomes a file of bytes that a fuzzer
//! can shrink. When made-up bytes run out, every further choice is the first one: a world without faults.

use std::time::Duration;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// Where decisions come from.
#[derive(Debug)]
pub struct Choice {
    source: Source,
    drawn: Vec<u8>,
    material: ChaCha8Rng,
}

#[derive(Debug)]
enum Source {
    Seed(Box<ChaCha8Rng>),
    Bytes { bytes: Vec<u8>, at: usize },
}

impl Choice {
    /// All decisions follow from a number.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            source: Source::Seed(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            drawn: Vec::new(),
            material: ChaCha8Rng::seed_from_u64(0),
        }
    }

    /// All decisions follow from these bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            source: Source::Bytes {
                bytes: bytes.to_vec(),
                at: 0,
            },
            drawn: Vec::new(),
            material: ChaCha8Rng::seed_from_u64(0),
        }
    }

    /// What was drawn so far, as bytes that give the same run to [`Choice::of_bytes`].
    #[must_use]
    pub fn drawn(&self) -> &[u8] {
        &self.drawn
    }

    /// Whether bytes were made up, and all of them were used: from here on nothing unlikely happens.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        matches!(&self.source, Source::Bytes { bytes, at } if *at >= bytes.len())
    }

    /// A number below `count`; 0 if there is nothing to choose from.
    pub fn below(&mut self, count: u64) -> u64 {
        if count <= 1 {
            return 0;
        }
        // As few bytes as hold every number below `count`, so that a fuzzer's bytes go far.
        let width = usize::try_from((u64::BITS - (count - 1).leading_zeros()).div_ceil(8))
            .expect("at most eight");
        let mut bytes = [0; 8];
        let bytes = bytes.get_mut(..width).expect("at most eight");
        match &mut self.source {
            Source::Seed(generator) => generator.fill_bytes(bytes),
            Source::Bytes { bytes: given, at } => {
                for byte in bytes.iter_mut() {
                    *byte = given.get(*at).copied().unwrap_or(0);
                    *at += 1;
                }
            }
        }
        let number = bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.drawn.extend_from_slice(bytes);
        number % count
    }

    /// True this many times in a thousand. Something that never happens costs no draw.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && 1000 - self.below(1000) <= u64::from(per_mille)
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len() as u64);
        from.get(usize::try_from(at).expect("an index"))
            .expect("there is something to pick from")
    }

    /// A whole number of milliseconds between the two, both included.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let [least, most] = [least, most]
            .map(|duration| u64::try_from(duration.as_millis()).expect("a short time"));
        Duration::from_millis(least + self.below(most.saturating_sub(least) + 1))
    }

    /// Thirty-two bytes for keys and exchanges. They are no decision: they come from a generator
    /// of their own and cost a fuzzer nothing.
    pub fn material(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.material.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_bytes_give_the_same_choices() {
        let mut seeded = Choice::seeded(7);
        let counts = [2, 3, 1000, 70_000, 1, 5];
        let first = counts.map(|count| seeded.below(count));
        let mut replayed = Choice::of_bytes(seeded.drawn());
        assert_eq!(counts.map(|count| replayed.below(count)), first);
    }

    #[test]
    fn exhausted_bytes_choose_nothing_unlikely() {
        let mut exhausted = Choice::of_bytes(&[]);
        assert!(!exhausted.chance(999));
        assert!(exhausted.chance(1000));
        assert_eq!(exhausted.below(70), 0);
    }
}
