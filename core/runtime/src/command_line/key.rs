//! The configured master keys: nobody may be able to guess one (threat F5).

use std::collections::BTreeSet;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    error::ConfigError,
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
            Err(wrong) => {
                let wrong = format!("key {} {wrong}", index + 1);
                let right = "Make one with `openssl rand -base64 32`.";
                errors.push(ConfigError::new(&KEY.name(), &wrong, right));
            }
        }
    }
    keys
}

/// 32 bytes that look random, as base64 or base64url.
fn key(text: &str) -> Result<[u8; 32], &'static str> {
    let padding =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.replace('-', "+").replace('_', "/");
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, padding).decode(text);
    let bytes = bytes.map_err(|_| "is not base64")?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| "has not 32 bytes")?;
    if is_random(&bytes) {
        Ok(bytes)
    } else {
        Err("is not random")
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
