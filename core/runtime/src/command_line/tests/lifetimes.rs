//! How long what is issued lasts.

use std::time::Duration;

use entra_mcp_core::config::Lifetimes;

use super::*;
use crate::command_line::lifetimes::written;

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
