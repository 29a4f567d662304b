//! Randomness, as the runtime seeds it: the core never asks the operating system.
//!
//! A runtime draws 32 bytes for each exchange; everything random in that exchange follows from
//! them, so a recorded exchange replays byte for byte.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use zeroize::ZeroizeOnDrop;

use crate::secret::wipe_on_drop;

/// Thirty-two bytes from the operating system's generator.
pub struct Seed([u8; 32]);

wipe_on_drop!(Seed);

impl Seed {
    /// Takes the bytes that the runtime drew.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The random generator of one exchange: ChaCha20, seeded by a [`Seed`]. Most exchanges draw nothing, so it is
/// begun with the first draw.
pub struct Entropy {
    seed: Seed,
    begun: Option<Box<Generator>>,
}

// Both parts wipe themselves.
impl ZeroizeOnDrop for Entropy {}

/// Keys and tokens are drawn from it, so its state is overwritten when it is dropped.
struct Generator(ChaCha20Rng);

impl ZeroizeOnDrop for Generator {}

impl Drop for Generator {
    fn drop(&mut self) {
        self.0 = ChaCha20Rng::from_seed([0; 32]);
        // Nobody reads it again, but it must be written.
        std::hint::black_box(&self.0);
    }
}

impl Generator {
    fn new(seed: &Seed) -> Self {
        Self(ChaCha20Rng::from_seed(seed.0))
    }
}

impl Entropy {
    /// Starts the generator.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        Self {
            seed: Seed::new(seed.0),
            begun: None,
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let begin = || Box::new(Generator::new(&self.seed));
        let generator = self.begun.get_or_insert_with(begin);
        generator.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Returns a number to tell by: always the same one of this generator, and it takes nothing from what is drawn.
    #[must_use]
    pub fn number_aside(&self) -> u64 {
        let mut aside = Generator::new(&self.seed);
        aside.0.set_stream(1);
        aside.0.next_u64()
    }

    /// `N` random bytes as base64url without padding, for codes, states and nonces.
    pub fn token<const N: usize>(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_depends_on_the_seed_only() {
        let draw = |first| Entropy::new(&Seed::new([first; 32])).token::<20>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn number_aside_does_not_depend_on_draws() {
        let mut entropy = Entropy::new(&Seed::new([1; 32]));
        let id = entropy.number_aside();
        let drawn = entropy.token::<20>();
        assert_eq!(entropy.number_aside(), id);
        assert_eq!(drawn, Entropy::new(&Seed::new([1; 32])).token::<20>());
        assert_ne!(id, Entropy::new(&Seed::new([2; 32])).number_aside());
    }
}
