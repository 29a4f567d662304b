//! How long what is issued lasts, how much calls may take and how much is served at once, and how long the server takes to end.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use entra_mcp_core::{
    config::{CallLimits, Capacity, Lifetimes, Shutdown},
    limits,
};

use super::{
    capacity,
    error::{ConfigError, LifetimeError},
    given::{
        CALL_TIMEOUT, CODE_LIFETIME, CONSENT_LIFETIME, GRAPH_ANSWER_BYTES, Given, INPUT_TIMEOUT,
        PROGRESS_PER_SECOND, REFRESH_REUSE, SESSION_ABSOLUTE, SESSION_IDLE, SESSION_TOKEN_LIFETIME,
        SHUTDOWN_DELAY, SHUTDOWN_TIMEOUT, Setting, TASK_TIMEOUT,
    },
};

/// Reads all of them; each has bounds.
pub(super) fn read(
    given: &Given,
    errors: &mut Vec<ConfigError>,
) -> (Lifetimes, CallLimits, Capacity, Shutdown) {
    (
        lifetimes(given, errors),
        call_limits(given, errors),
        capacity::read(given, errors),
        shutdown(given, errors),
    )
}

/// Reads how much calls may take.
fn call_limits(given: &Given, errors: &mut Vec<ConfigError>) -> CallLimits {
    let usual = CallLimits::default();
    let mut read =
        |setting: &Setting, usual, bounds| bounded(given, setting, usual, bounds, errors);
    let call = read(&CALL_TIMEOUT, usual.call, limits::CALL_TIMEOUT_BOUNDS);
    let task = read(&TASK_TIMEOUT, usual.task, limits::TASK_TIMEOUT_BOUNDS);
    let input = read(&INPUT_TIMEOUT, usual.input, limits::INPUT_TIMEOUT_BOUNDS);
    let bounds = limits::PROGRESS_PER_SECOND_BOUNDS;
    let progress = count(given, &PROGRESS_PER_SECOND, bounds, errors);
    let bounds = limits::GRAPH_RESPONSE_BYTES_BOUNDS;
    let graph_answer_bytes = count(given, &GRAPH_ANSWER_BYTES, bounds, errors);
    CallLimits {
        call,
        task,
        input,
        progress: progress.map_or(usual.progress, |number| Duration::from_secs(1) / number),
        graph_answer_bytes: graph_answer_bytes.unwrap_or(usual.graph_answer_bytes),
    }
}

/// A whole number within its bounds, if it is given.
pub(super) fn count<T>(
    given: &Given,
    setting: &Setting,
    bounds: RangeInclusive<T>,
    errors: &mut Vec<ConfigError>,
) -> Option<T>
where
    T: Copy + PartialOrd + FromStr + TryInto<usize>,
{
    let text = given.value(setting)?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    let number = number.filter(|_| is_number);
    if number.is_none() {
        let bound = |bound: &T| (*bound).try_into().unwrap_or(usize::MAX);
        errors.push(ConfigError::Lifetime(LifetimeError::Count {
            setting: setting.name(),
            bounds: bound(bounds.start())..=bound(bounds.end()),
        }));
    }
    number
}

fn lifetimes(given: &Given, errors: &mut Vec<ConfigError>) -> Lifetimes {
    let usual = Lifetimes::default();
    let mut read =
        |setting: &Setting, usual, bounds| bounded(given, setting, usual, bounds, errors);
    let lifetimes = Lifetimes {
        code: read(
            &CODE_LIFETIME,
            usual.code,
            limits::AUTHORIZATION_CODE_BOUNDS,
        ),
        session_token: read(
            &SESSION_TOKEN_LIFETIME,
            usual.session_token,
            limits::SESSION_TOKEN_BOUNDS,
        ),
        session_idle: read(
            &SESSION_IDLE,
            usual.session_idle,
            limits::SESSION_IDLE_BOUNDS,
        ),
        session_absolute: read(
            &SESSION_ABSOLUTE,
            usual.session_absolute,
            limits::SESSION_ABSOLUTE_BOUNDS,
        ),
        consent: read(&CONSENT_LIFETIME, usual.consent, limits::CONSENT_BOUNDS),
        refresh_reuse: read(
            &REFRESH_REUSE,
            usual.refresh_reuse,
            limits::REFRESH_REUSE_BOUNDS,
        ),
    };
    in_order(given, lifetimes, errors)
}

/// Reads how the server ends.
fn shutdown(given: &Given, errors: &mut Vec<ConfigError>) -> Shutdown {
    let usual = Shutdown::default();
    let mut read =
        |setting: &Setting, usual, bounds| bounded(given, setting, usual, bounds, errors);
    Shutdown {
        delay: read(&SHUTDOWN_DELAY, usual.delay, limits::SHUTDOWN_DELAY_BOUNDS),
        timeout: read(
            &SHUTDOWN_TIMEOUT,
            usual.timeout,
            limits::SHUTDOWN_TIMEOUT_BOUNDS,
        ),
    }
}

pub(super) fn bounded(
    given: &Given,
    setting: &Setting,
    usual: Duration,
    bounds: RangeInclusive<Duration>,
    errors: &mut Vec<ConfigError>,
) -> Duration {
    let Some(text) = given.value(setting) else {
        return usual;
    };
    let duration = duration(text).filter(|duration| bounds.contains(duration));
    duration.unwrap_or_else(|| {
        let setting = setting.name();
        let error = LifetimeError::Invalid { setting, bounds };
        errors.push(ConfigError::Lifetime(error));
        usual
    })
}

/// A session that ended sooner than its session token would leave its client with one that is good for nothing. What
/// is usual gives way.
fn in_order(given: &Given, lifetimes: Lifetimes, errors: &mut Vec<ConfigError>) -> Lifetimes {
    let shortest = lifetimes.session_idle.min(lifetimes.session_absolute);
    if lifetimes.session_token <= shortest {
        return lifetimes;
    }
    if given.value(&SESSION_TOKEN_LIFETIME).is_some() {
        errors.push(ConfigError::Lifetime(LifetimeError::LongerThanSession));
    }
    Lifetimes {
        session_token: shortest,
        ..lifetimes
    }
}

/// The units that a duration may have, the longest first.
const UNITS: [(char, u64); 4] = [('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];

/// A whole number and its unit, such as `30m`.
pub(super) fn duration(text: &str) -> Option<Duration> {
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
