//! The configured master keys: nobody may be able to guess one (threat F5).

use std::collections::BTreeSet;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    error::{ConfigError, KeyError},
    given::{Given, KEY},
    is_gap,
};
use entra_mcp_core::keys::MasterKey;

/// All keys, in the order given. An error tells the place of a key, never the key.
pub(super) fn ring(given: &Given, errors: &mut Vec<ConfigError>) -> Vec<MasterKey> {
    let mut keys = Vec::new();
    let all = given.value(&KEY).unwrap_or_default();
    let texts = all.split(is_gap).filter(|text| !text.is_empty());
    for (index, text) in texts.enumerate() {
        match key(text) {
            Ok(key) => keys.push(MasterKey::new(key)),
            Err(problem) => errors.push(ConfigError::InvalidKey {
                position: index + 1,
                problem,
            }),
        }
    }
    keys
}

/// 32 bytes that look random, as base64 or base64url.
fn key(text: &str) -> Result<[u8; 32], KeyError> {
    let padding =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.replace('-', "+").replace('_', "/");
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, padding).decode(text);
    let bytes = bytes.map_err(|_| KeyError::NotBase64)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::WrongLength)?;
    if is_random(&bytes) {
        Ok(bytes)
    } else {
        Err(KeyError::NotRandom)
    }
}

/// Refuses what people and examples take for a key: one byte or a few repeated, a sentence, bytes
/// that count up or down. Random bytes are refused once in more than 10^10 times.
fn is_random(bytes: &[u8; 32]) -> bool {
    let distinct: BTreeSet<_> = bytes.iter().collect();
    let next = bytes.iter().skip(1);
    let steps: BTreeSet<_> = bytes
        .iter()
        .zip(next)
        .map(|(a, b)| b.wrapping_sub(*a))
        .collect();
    let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    distinct.len() >= 16 && steps.len() >= 8 && !is_text
}
