//! The table of limits in `core/docs/settings.md`, which is written from the code.

use std::time::Duration;

use Bound::{Bytes, Number, Rate, Time};
use entra_mcp_core::limits;

const MARKS: [&str; 2] = ["<!-- limits -->\n", "<!-- end of limits -->\n"];

/// With commas between thousands.
fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(count: usize) -> String {
    match count {
        count if count.is_multiple_of(1024 * 1024) => format!("{} MiB", count / 1024 / 1024),
        count => format!("{} KiB", count / 1024),
    }
}

fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        seconds if seconds.is_multiple_of(86_400) => (seconds / 86_400, "day"),
        seconds if seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        seconds if seconds.is_multiple_of(60) && seconds > 60 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    match (count, unit) {
        (1, "hour") => "an hour".to_owned(),
        (1, unit) => format!("a {unit}"),
        (count, unit) => format!("{count} {unit}s"),
    }
}

fn rate(at_once: u32, recovery: Duration) -> String {
    let at_once = number(at_once.try_into().unwrap());
    match recovery.as_millis() {
        1000 => format!("{at_once}, then one a second"),
        500 => format!("{at_once}, then two a second"),
        _ => format!("{at_once}, then one in {}", time(recovery)),
    }
}

/// A bound.
enum Bound {
    Number(usize),
    Bytes(usize),
    Time(Duration),
    /// So many at once, and then one in this time.
    Rate(u32, Duration),
}

/// What is bounded, and how.
const ROWS: [(&str, &str, &[Bound]); 25] = [
    (
        "session token, session without a refresh, session at most",
        "{}, {}, {}, unless set",
        &[
            Time(limits::SESSION_TOKEN_LIFETIME),
            Time(limits::SESSION_IDLE),
            Time(limits::SESSION_ABSOLUTE),
        ],
    ),
    (
        "sessions of one user with all clients; the one that was used longest ago ends for another",
        "{} unless set",
        &[Number(limits::SESSIONS_PER_USER)],
    ),
    (
        "authorization code, sign-in under way",
        "{} unless set, {}",
        &[
            Time(limits::AUTHORIZATION_CODE_LIFETIME),
            Time(limits::SIGN_IN_TIMEOUT),
        ],
    ),
    (
        "sign-ins at once; codes that Entra refuses, from browsers in which nobody has signed in, and from one in which a user has",
        "{}; {}; {}",
        &[
            Number(limits::CODE_REDEMPTIONS),
            Rate(
                limits::REFUSED_CODES_OF_STRANGERS,
                limits::REFUSED_CODE_OF_STRANGERS_RECOVERY,
            ),
            Rate(
                limits::REFUSED_CODES_OF_DEVICE,
                limits::REFUSED_CODE_OF_DEVICE_RECOVERY,
            ),
        ],
    ),
    (
        "a device code; devices that wait in all, of one address",
        "{}; {}, {}",
        &[
            Time(limits::DEVICE_CODE_LIFETIME),
            Number(limits::DEVICE_AUTHORIZATIONS),
            Number(limits::DEVICE_AUTHORIZATIONS_OF_ADDRESS),
        ],
    ),
    (
        "wrong user codes, of one browser or address, and from browsers in which nobody has signed in",
        "{}; {}",
        &[
            Rate(
                limits::WRONG_USER_CODES_OF_ADDRESS,
                limits::WRONG_USER_CODE_OF_ADDRESS_RECOVERY,
            ),
            Rate(limits::WRONG_USER_CODES, limits::WRONG_USER_CODE_RECOVERY),
        ],
    ),
    (
        "connections in all, of one address, and of one address without a session token",
        "{} unless set; {}; {}",
        &[
            Number(limits::CONNECTIONS),
            Number(limits::CONNECTIONS_PER_ADDRESS),
            Number(limits::UNAUTHENTICATED_CONNECTIONS_PER_ADDRESS),
        ],
    ),
    (
        "open streams in all, and of one user with one client",
        "{}; {} unless set",
        &[
            Number(limits::STREAMS),
            Number(limits::STREAMS_PER_PRINCIPAL),
        ],
    ),
    (
        "bytes buffered of unauthenticated requests, in all and of one address",
        "{}; {}",
        &[
            Bytes(limits::UNAUTHENTICATED_BYTES),
            Bytes(limits::UNAUTHENTICATED_BYTES_PER_ADDRESS),
        ],
    ),
    (
        "an MCP message; a body of an unauthenticated client; a request's head",
        "{} unless set; {}; {}",
        &[
            Bytes(limits::MESSAGE_BODY_BYTES),
            Bytes(limits::UNAUTHENTICATED_BODY_BYTES),
            Bytes(limits::HEAD_BYTES),
        ],
    ),
    (
        "MCP sessions of one sign-in that are remembered as ended by `DELETE`",
        "{}",
        &[Number(limits::ENDED_MCP_SESSIONS)],
    ),
    (
        "a call; a task; a user's answer to a question of a call, before 2026-07-28",
        "{}; {}; {}; each unless set",
        &[
            Time(limits::CALL_TIMEOUT),
            Time(limits::TASK_TIMEOUT),
            Time(limits::INPUT_TIMEOUT),
        ],
    ),
    (
        "an answer of Microsoft Graph: unless a tool asks for more, and the most that one may; how long it is waited for, likewise",
        "{}, {} unless set; {}, {}",
        &[
            Bytes(limits::FETCH_BODY_BYTES),
            Bytes(limits::GRAPH_RESPONSE_BYTES),
            Time(limits::FETCH_TIMEOUT),
            Time(limits::GRAPH_TIMEOUT),
        ],
    ),
    (
        "calls, tasks at once of one user with one client; calls in all; stored tasks",
        "{}, {}, unless set; {}; {} or {} for {}",
        &[
            Number(limits::CALLS_PER_PRINCIPAL),
            Number(limits::TASKS_PER_PRINCIPAL),
            Number(limits::CALLS),
            Number(limits::TASK_RECORDS_PER_PRINCIPAL),
            Bytes(limits::TASK_RECORD_BYTES_PER_PRINCIPAL),
            Time(limits::TASK_TTL),
        ],
    ),
    (
        "MCP sessions of one sign-in with a log level or subscriptions; subscriptions of one of them, and of all",
        "{}; {}, {}",
        &[
            Number(limits::MCP_SESSION_SETTINGS),
            Number(limits::SUBSCRIPTIONS),
            Number(limits::SUBSCRIPTIONS_PER_SIGN_IN),
        ],
    ),
    (
        "responses that wait to be written, of one session, in all; one of each always may",
        "{}, {}; then 429, 503",
        &[
            Bytes(limits::SESSION_RESPONSE_BYTES),
            Bytes(limits::RESPONSE_BYTES),
        ],
    ),
    (
        "a call of a backend: in all, without a byte; its connection; a session that it opens",
        "{}, {}; {}; {}; each unless set",
        &[
            Time(limits::BACKEND_CALL),
            Time(limits::BACKEND_IDLE),
            Time(limits::BACKEND_CONNECT),
            Time(limits::BACKEND_OPENING),
        ],
    ),
    (
        "one message of a backend; those of all calls that are not whole yet; messages before the answer to one call; what is of no message between two",
        "{} unless set, at most {}; {}; {}; each unless set; {}",
        &[
            Bytes(limits::BACKEND_MESSAGE_BYTES),
            Bytes(limits::BACKEND_MESSAGE_BYTES_CEILING),
            Bytes(limits::BACKEND_HELD_BYTES),
            Number(limits::BACKEND_MESSAGES),
            Bytes(limits::BACKEND_IDLE_BYTES),
        ],
    ),
    (
        "sessions at a backend, in all and of one user with one client; the one that was used longest ago is ended for another",
        "{}; {}",
        &[
            Number(limits::BACKEND_SESSIONS),
            Number(limits::BACKEND_SESSIONS_OF_PRINCIPAL),
        ],
    ),
    (
        "a stream on which a backend sends what it likes, until it is opened anew; the waits after it has broken",
        "{}; {}, doubled up to {}",
        &[
            Time(limits::BACKEND_LISTENING),
            Time(limits::BACKEND_LISTEN_AGAIN),
            Time(limits::BACKEND_LISTEN_AGAIN_LONGEST),
        ],
    ),
    (
        "a call whose stream its backend closes to be polled: the wait, and the longest that it can ask for; polls without a message",
        "{}, {}; {}",
        &[
            Time(limits::BACKEND_POLL),
            Time(limits::BACKEND_POLL_LONGEST),
            Number(limits::BACKEND_POLLS_IN_VAIN),
        ],
    ),
    (
        "processes that are servers: in all, of one user with one client; until one has begun; without a request",
        "{}, {}; {}; {}; each unless set",
        &[
            Number(limits::PROCESSES),
            Number(limits::PROCESSES_OF_PRINCIPAL),
            Time(limits::PROCESS_OPENING),
            Time(limits::PROCESS_IDLE),
        ],
    ),
    (
        "one that is to end: until it is asked to, until it is killed; the next one, after those before have failed, at most",
        "{}, {}; {} unless set",
        &[
            Time(limits::PROCESS_CLOSING),
            Time(limits::PROCESS_TERMINATING),
            Time(limits::PROCESS_REST),
        ],
    ),
    (
        "lines of the error stream of a process that are logged in a minute",
        "{} unless set",
        &[Number(limits::PROCESS_COMPLAINTS as usize)],
    ),
    (
        "addresses, clients and users that are counted for limits of rate",
        "{}; further ones are not limited",
        &[Number(limits::RATES)],
    ),
];

fn text(bound: &Bound) -> String {
    match *bound {
        Number(count) => number(count),
        Bytes(count) => bytes(count),
        Time(duration) => time(duration),
        Rate(at_once, recovery) => rate(at_once, recovery),
    }
}

fn table() -> String {
    let row = |(what, pattern, bounds): &(&str, &str, &[Bound])| {
        let words = bounds.iter().fold((*pattern).to_owned(), |words, bound| {
            words.replacen("{}", &text(bound), 1)
        });
        format!("| {what} | {words} |\n")
    };
    let rows: String = ROWS.iter().map(row).collect();
    format!("| what | bound |\n| --- | --- |\n{rows}")
}

#[test]
fn table_of_settings_has_the_limits_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
    let written = std::fs::read_to_string(path).unwrap();
    let (above, rest) = written.split_once(MARKS[0]).unwrap();
    let (_, below) = rest.split_once(MARKS[1]).unwrap();
    let expected = format!("{above}{}{}{}{below}", MARKS[0], table(), MARKS[1]);
    if std::env::var("UPDATE_SETTINGS_MD").is_ok() {
        std::fs::write(path, &expected).unwrap();
        return;
    }
    assert!(
        written == expected,
        "core/docs/settings.md is old: UPDATE_SETTINGS_MD=1 cargo test -p entra-mcp-runtime table_of_settings"
    );
}
