//! How often things may be asked for.

use entra_mcp_core::{
    config::{Rate, RateLimits},
    route::RateClass,
};

use super::{
    error::{ConfigError, RateLimitError},
    given::{Given, RATE_LIMIT},
    is_gap,
    lifetimes::duration,
};

/// Reads the limits that are set, each as `token=600/1m` or `token=off`; the others are as usual.
pub(super) fn read(given: &Given, is_local: bool, errors: &mut Vec<ConfigError>) -> RateLimits {
    let mut limits = RateLimits::usual(is_local);
    let values = given.values(&RATE_LIMIT);
    let texts = values.iter().flat_map(|text| text.split(is_gap));
    for text in texts.filter(|text| !text.is_empty()) {
        match setting(text) {
            Ok((class, rate)) => *limit(&mut limits, class) = rate,
            Err(error) => errors.push(ConfigError::RateLimit(error)),
        }
    }
    limits
}

fn setting(text: &str) -> Result<(RateClass, Option<Rate>), RateLimitError> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let class = RateClass::ALL
        .into_iter()
        .find(|class| class.as_str() == name);
    let class = class.ok_or(RateLimitError::UnknownName)?;
    if value == "off" {
        return Ok((class, None));
    }
    let rate = rate(value).ok_or(RateLimitError::InvalidRate)?;
    Ok((class, Some(rate)))
}

fn rate(text: &str) -> Option<Rate> {
    let (count, window) = text.split_once('/')?;
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Rate::new(count.parse().ok()?, duration(window)?)
}

fn limit(limits: &mut RateLimits, class: RateClass) -> &mut Option<Rate> {
    match class {
        RateClass::Registration => &mut limits.registration,
        RateClass::SignIn => &mut limits.sign_in,
        RateClass::Token => &mut limits.token,
        RateClass::Tools => &mut limits.tools,
    }
}
