//! How long what is issued lasts.

use std::{ops::RangeInclusive, time::Duration};

use entra_mcp_core::{config::Lifetimes, limits};

use super::{
    error::ConfigError,
    given::{Given, REFRESH_REUSE, Setting},
};

/// Reads all of them; each has bounds.
pub(super) fn read(given: &Given, errors: &mut Vec<ConfigError>) -> Lifetimes {
    let mut lifetimes = Lifetimes::default();
    let mut read =
        |setting: &Setting, lifetime: &mut Duration, bounds: RangeInclusive<Duration>| {
            let Some(text) = given.value(setting) else {
                return;
            };
            match duration(text).filter(|duration| bounds.contains(duration)) {
                Some(duration) => *lifetime = duration,
                None => errors.push(ConfigError::InvalidDuration {
                    setting: setting.name(),
                    bounds,
                }),
            }
        };
    read(
        &REFRESH_REUSE,
        &mut lifetimes.refresh_reuse,
        limits::REFRESH_REUSE,
    );
    lifetimes
}

/// The units that a duration may have, the longest first.
const UNITS: [(char, u64); 4] = [('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];

/// A whole number and its unit, such as `30m`.
fn duration(text: &str) -> Option<Duration> {
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
    let (unit, seconds) = unit?;
    let number = text.strip_suffix(*unit)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(*seconds)?))
}

/// A duration as it is written: with the longest unit that leaves a whole number.
pub(super) fn written(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let whole = |(_, unit): &&(char, u64)| seconds > 0 && seconds.is_multiple_of(*unit);
    let (unit, length) = UNITS.iter().find(whole).unwrap_or(&('s', 1));
    format!("{}{unit}", seconds / length)
}
