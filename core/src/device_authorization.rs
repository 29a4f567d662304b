//! The code by which the user of a device without a browser finds what it asked for (RFC 8628).

use crate::entropy::Entropy;

/// The letters of a user code: no vowels, so that they make no words, and nothing that looks alike (RFC 8628
/// section 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

const LETTERS: usize = 8;

/// The code that a user types: eight letters, 34 random bits. Guesses of it are limited.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UserCode([u8; LETTERS]);

impl UserCode {
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        let mut letters = [0; LETTERS];
        for letter in &mut letters {
            *letter = loop {
                // 240 is a multiple of 20: each letter is as likely as the others.
                let byte = entropy.bytes::<1>()[0];
                if let (true, Some(drawn)) =
                    (byte < 240, ALPHABET.iter().cycle().nth(usize::from(byte)))
                {
                    break *drawn;
                }
            };
        }
        Self(letters)
    }

    /// The letters, as ASCII.
    pub(crate) fn letters(&self) -> &[u8] {
        &self.0
    }

    /// Reads what a user typed: in any case, with hyphens and spaces where they like.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let typed = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let letters: Vec<u8> = typed.map(|byte| byte.to_ascii_uppercase()).collect();
        let is_known = |letter: &u8| ALPHABET.contains(letter);
        letters
            .iter()
            .all(is_known)
            .then(|| letters.try_into().ok().map(Self))?
    }
}

impl std::fmt::Display for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, letter) in self.0.iter().enumerate() {
            if place == LETTERS / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whoever knows it can decide for the device.
        f.write_str("UserCode(..)")
    }
}

/// By what a device is known: the SHA-256 of its device code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeviceName(pub(crate) [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Seed;

    #[test]
    fn user_code_is_read_however_it_is_typed() {
        let mut entropy = Entropy::new(&Seed::new([1; 32]));
        let code = UserCode::new(&mut entropy);
        let text = code.to_string();
        assert_eq!(text.len(), 9);
        let typed = [
            text.clone(),
            text.to_lowercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            format!("  {text} "),
        ];
        for typed in typed {
            assert_eq!(UserCode::parse(&typed), Some(code), "{typed}");
        }
        assert_ne!(UserCode::new(&mut entropy), code);
        assert_eq!(format!("{code:?}"), "UserCode(..)");
    }

    #[test]
    fn text_that_is_no_user_code_is_refused() {
        for text in [
            "",
            "BCDF-GHJ",
            "BCDF-GHJKL",
            "BCDF-GHJA",
            "BCDF-GHJ0",
            "BCDFGHJ\u{212a}",
        ] {
            assert_eq!(UserCode::parse(text), None, "{text}");
        }
    }

    #[test]
    fn letters_of_user_codes_are_equally_likely() {
        let mut entropy = Entropy::new(&Seed::new([2; 32]));
        let mut counts = std::collections::BTreeMap::<u8, u32>::new();
        for _ in 0..2_000 {
            for letter in UserCode::new(&mut entropy).0 {
                *counts.entry(letter).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), ALPHABET.len());
        assert!(counts.values().all(|count| (600..1_000).contains(count)));
    }
}
