//! How often things may be asked for.

use std::time::Duration;

use entra_mcp_core::config::{Rate, RateLimits};

use super::*;

#[test]
fn rate_is_a_count_within_a_time_or_off_and_the_others_stay_as_usual() {
    let usual = RateLimits::usual(true);
    assert_eq!(config(&[], &[]).rate_limits, usual);
    let rate = |count, seconds| Rate::new(count, Duration::from_secs(seconds));
    let arguments = [
        "--rate-limit",
        "token=30/10s",
        "--rate-limit",
        "tools=100/1m",
    ];
    let expected = RateLimits {
        token: rate(30, 10),
        tools: rate(100, 60),
        ..usual
    };
    assert_eq!(config(&arguments, &[]).rate_limits, expected);
    let variables = [("ENTRA_MCP_RATE_LIMITS", "sign-in=off, registration=5/1h")];
    let expected = RateLimits {
        sign_in: None,
        registration: rate(5, 3600),
        ..usual
    };
    assert_eq!(config(&[], &variables).rate_limits, expected);
}

#[test]
fn wrong_rate_is_an_error_with_a_right_one() {
    for (text, wrong) in [
        ("tokens=1/1s", "it names nothing that is limited"),
        ("600/1m", "it names nothing that is limited"),
        (
            "token",
            "it is not a count from 1 to 1000000 within a time from 1s to 1h",
        ),
        (
            "token=0/1m",
            "it is not a count from 1 to 1000000 within a time from 1s to 1h",
        ),
        (
            "token=1000001/1m",
            "it is not a count from 1 to 1000000 within a time from 1s to 1h",
        ),
        (
            "token=+1/1m",
            "it is not a count from 1 to 1000000 within a time from 1s to 1h",
        ),
        (
            "token=1/2h",
            "it is not a count from 1 to 1000000 within a time from 1s to 1h",
        ),
        (
            "token=1/1",
            "it is not a count from 1 to 1000000 within a time from 1s to 1h",
        ),
    ] {
        let message = message(&["--rate-limit", text], &[]);
        let expected = format!(
            "--rate-limit (ENTRA_MCP_RATE_LIMITS): {wrong}. Write registration, sign-in, token or tools, and how many \
             within what time, such as token=1200/1m, or token=off."
        );
        assert_eq!(message, expected, "{text}");
    }
}
