//! How long what is issued lasts.

use std::time::Duration;

use entra_mcp_core::config::{CallLimits, Capacity, Lifetimes};

use super::*;
use crate::{
    InboundLimits,
    command_line::{LifetimeError, lifetimes::written},
};

#[test]
fn duration_is_a_whole_number_with_a_unit_within_its_bounds() {
    for (text, seconds) in [
        ("0s", 0),
        ("90s", 90),
        ("2m", 120),
        ("60m", 3600),
        ("1h", 3600),
    ] {
        let config = config(&["--refresh-reuse", text], &[]);
        assert_eq!(config.lifetimes.refresh_reuse, Duration::from_secs(seconds));
    }
    for wrong in [
        "1",
        "m",
        "1 m",
        "-1m",
        "+1m",
        "1.5m",
        "1w",
        "61m",
        "2h",
        "99999999999999999999s",
        "999999999999999999d",
        "1m30s",
        "soon",
    ] {
        let message = message(&[], &[("ENTRA_MCP_REFRESH_REUSE", wrong)]);
        assert_eq!(
            message,
            "--refresh-reuse (ENTRA_MCP_REFRESH_REUSE): it is not a duration from 0s to 1h. Write a \
             whole number and s, m, h or d for its unit, such as 30m or 14d."
        );
    }
    assert_eq!(config(&[], &[]).lifetimes, Lifetimes::default());
}

#[test]
fn duration_is_written_with_the_longest_unit_that_fits() {
    for (seconds, text) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (90, "90s"),
        (7200, "2h"),
        (14 * 24 * 3600, "14d"),
    ] {
        assert_eq!(written(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn lifetime_is_a_setting_within_its_bounds_both_ways() {
    type Field = fn(&Lifetimes) -> Duration;
    let all: [(&str, &str, &str, Field); 5] = [
        ("code-lifetime", "10s", "10m", |of| of.code),
        ("session-token-lifetime", "5m", "1d", |of| of.session_token),
        ("session-idle-lifetime", "1h", "90d", |of| of.session_idle),
        ("session-lifetime", "1h", "365d", |of| of.session_absolute),
        ("consent-lifetime", "1m", "365d", |of| of.consent),
    ];
    for (name, least, most, field) in all {
        let flag = format!("--{name}");
        for text in [least, most] {
            let config = config(&[&flag, text], &[]);
            assert_eq!(written(field(&config.lifetimes)), text, "{name}");
        }
        let variable = flag.trim_start_matches('-').replace('-', "_");
        let variable = format!("ENTRA_MCP_{}", variable.to_uppercase());
        for wrong in ["1s", "366d"] {
            let message = message(&[], &[(&variable, wrong)]);
            let expected =
                format!("{flag} ({variable}): it is not a duration from {least} to {most}.");
            assert!(message.starts_with(&expected), "{message}");
        }
    }
}

#[test]
fn what_is_served_at_once_is_set_within_bounds() {
    assert_eq!(config(&[], &[]).capacity, Capacity::default());
    let set = config(
        &["--connections", "65536", "--message-bytes", "65536"],
        &[
            ("ENTRA_MCP_CALLS_PER_USER", "1024"),
            ("ENTRA_MCP_TASKS_PER_USER", "32"),
            ("ENTRA_MCP_STREAMS_PER_USER", "1"),
        ],
    );
    let expected = Capacity {
        connections: 65_536,
        message_bytes: 65_536,
        calls_per_user: 1024,
        tasks_per_user: 32,
        streams_per_user: 1,
    };
    assert_eq!(set.capacity, expected);
    let few = InboundLimits::of(&config(&["--connections", "16"], &[]));
    assert_eq!((few.connections, few.connections_per_address), (16, 8));
    for (flag, wrong, range) in [
        ("connections", "15", "16 to 65536"),
        ("message-bytes", "4194305", "65536 to 4194304"),
        ("calls-per-user", "0", "1 to 1024"),
        ("tasks-per-user", "33", "1 to 32"),
        ("streams-per-user", "257", "1 to 256"),
    ] {
        let said = message(&[&format!("--{flag}"), wrong], &[]);
        assert!(said.starts_with(&format!("--{flag} (ENTRA_MCP_")), "{said}");
        assert!(
            said.contains(&format!("it is not a number from {range}.")),
            "{said}"
        );
    }
}

#[test]
fn what_calls_may_take_is_set_within_bounds() {
    let usual = config(&[], &[]).call_limits;
    assert_eq!(usual, CallLimits::default());
    let set = config(
        &[
            "--input-timeout",
            "20m",
            "--progress-per-second",
            "4",
            "--graph-answer-bytes",
            "67108864",
        ],
        &[],
    );
    let set = set.call_limits;
    assert_eq!(written(set.input), "20m");
    assert_eq!(set.progress, Duration::from_millis(250));
    assert_eq!(set.graph_answer_bytes, 64 * 1024 * 1024);
    for (flag, wrong, range) in [
        ("progress-per-second", "0", "1 to 1000"),
        ("progress-per-second", "+5", "1 to 1000"),
        ("graph-answer-bytes", "1MB", "65536 to 67108864"),
        ("graph-answer-bytes", "67108865", "65536 to 67108864"),
    ] {
        let variable = format!("ENTRA_MCP_{}", flag.replace('-', "_").to_uppercase());
        assert_eq!(
            message(&[], &[(&variable, wrong)]),
            format!(
                "--{flag} ({variable}): it is not a number from {range}. Write a whole number within these bounds."
            )
        );
    }
    let message = message(&["--input-timeout", "2h"], &[]);
    assert!(
        message.contains("it is not a duration from 10s to 1h"),
        "{message}"
    );
}

#[test]
fn session_token_lasts_no_longer_than_its_session() {
    let short = config(&["--session-idle-lifetime", "1h"], &[]).lifetimes;
    assert_eq!(written(short.session_token), "1h");
    let flags = ["--session-lifetime", "2h", "--session-token-lifetime", "3h"];
    let longer = ConfigError::Lifetime(LifetimeError::LongerThanSession);
    assert_eq!(error(&flags, &[]), longer);
}
