//! What a backend does that is at an address.

use super::*;
use crate::{ask::PullFault, limits};

/// What it does with a request.
type Does = fn(&mut World, Sent);

fn ends(world: &mut World, sent: Sent, end: Result<(), PullFault>) {
    world.head(&sent, 200, &STREAM);
    world.end(sent, end);
}

fn never_ends(world: &mut World, sent: &Sent, head: &[(&str, &str)], piece: &str) {
    let gateway = world.server.server.config.gateway.as_ref().unwrap();
    let pieces = gateway.answer_bytes / piece.len() + 1;
    world.head(sent, 200, head);
    for _ in 0..pieces {
        world.piece(sent, piece);
    }
}

/// An error for what it was sent.
fn error_of(sent: &Sent) -> String {
    let id = id_of(sent);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32001,"message":"its own words"}}}}"#)
}

fn answers_error(world: &mut World, sent: Sent, status: u16, headers: &[(&str, &str)]) {
    let error = error_of(&sent);
    let headers = [&JSON[..], headers].concat();
    world.answers_with(sent, status, &headers, &error);
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const HTML: &str = "<html>\u{1b}[31m an error page";

#[expect(clippy::too_many_lines, reason = "a row for each way to fail")]
pub(super) fn rows() -> Vec<Row<Does>> {
    use LogEventId::{GatewayBusy, GatewayFailed, GatewayRefused};
    let fails = |line| (GatewayFailed, line);
    let mut rows = vec![
        Row {
            retry_after: Some("5"),
            ..row::<Does>(
                "connection refused, no such name, TLS, no socket",
                |world, sent| world.end(sent, Err(PullFault::Unreachable)),
                "cannot be reached. Try again in a minute",
                fails("it cannot be reached"),
            )
        },
        row::<Does>(
            "closed before a head",
            |world, sent| world.end(sent, Err(PullFault::Broken)),
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row::<Does>(
            "closed in the middle of the answer",
            |world, sent| {
                world.head(&sent, 200, &JSON);
                world.piece(&sent, "{\"jsonrpc\":\"2.0\",");
                world.end(sent, Err(PullFault::Broken));
            },
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row::<Does>(
            "a stream without the answer",
            |world, sent| ends(world, sent, Ok(())),
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row::<Does>(
            "an answer to nothing that was asked",
            |world, sent| {
                world.answers(sent, 200, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
            },
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row::<Does>(
            "a page in place of a message",
            |world, sent| world.answers_with(sent, 200, &[("content-type", "text/html")], HTML),
            "no MCP message",
            fails("text=\"<html>"),
        ),
        row::<Does>(
            "JSON that is no message",
            |world, sent| world.answers(sent, 200, r#"{"detail":"oops"}"#),
            "no MCP message",
            fails("detail"),
        ),
        row::<Does>(
            "an event that is no message",
            |world, sent| {
                world.head(&sent, 200, &STREAM);
                world.piece(&sent, "data: hello\n\n");
            },
            "no MCP message",
            fails("text=\"hello\""),
        ),
        row::<Does>(
            "endless JSON",
            |world, sent| never_ends(world, &sent, &JSON, &"[".repeat(100)),
            "too large to be passed on",
            fails("its answer is too large"),
        ),
        row::<Does>(
            "an endless event",
            |world, sent| never_ends(world, &sent, &STREAM, &"data".repeat(25)),
            "too large to be passed on",
            fails("its answer is too large"),
        ),
        row::<Does>(
            "401 with a challenge",
            |world, sent| {
                let challenge = [("www-authenticate", "Bearer realm=\"theirs\"")];
                world.answers_with(sent, 401, &challenge, "sign in");
            },
            "does not accept this sign-in",
            (GatewayRefused, "status=\"401\""),
        ),
        row::<Does>(
            "403",
            |world, sent| world.answers(sent, 403, ""),
            "does not accept this sign-in",
            (GatewayRefused, "status=\"403\""),
        ),
        row::<Does>(
            "401 with an error that has the id of the request",
            |world, sent| answers_error(world, sent, 401, &[]),
            "does not accept this sign-in",
            (GatewayRefused, "status=\"401\""),
        ),
        row::<Does>(
            "403 with an error that has the id of the request, on a stream",
            |world, sent| {
                let error = event(&error_of(&sent));
                world.answers_with(sent, 403, &STREAM, &error);
            },
            "does not accept this sign-in",
            (GatewayRefused, "status=\"403\""),
        ),
        row::<Does>(
            "a redirect",
            |world, sent| {
                let to = [("location", "http://elsewhere.example/mcp")];
                world.answers_with(sent, 307, &to, "");
            },
            "HTTP status 307",
            fails("status=\"307\""),
        ),
        row::<Does>(
            "a failure of a proxy before it",
            |world, sent| world.answers_with(sent, 502, &[("content-type", "text/html")], HTML),
            "HTTP status 502",
            fails("status=\"502\""),
        ),
        Row {
            retry_after: Some("17"),
            ..row::<Does>(
                "too many requests",
                |world, sent| world.answers_with(sent, 429, &[("retry-after", "17")], ""),
                "Try again in 17 seconds",
                (GatewayBusy, "17 seconds"),
            )
        },
        Row {
            retry_after: Some("30"),
            ..row::<Does>(
                "not available",
                |world, sent| world.answers_with(sent, 503, &[("retry-after", "30")], HTML),
                "Try again in 30 seconds",
                (GatewayBusy, "30 seconds"),
            )
        },
        Row {
            retry_after: Some("9"),
            ..row::<Does>(
                "too many requests, with an error that has the id of the request",
                |world, sent| answers_error(world, sent, 429, &[("retry-after", "9")]),
                "Try again in 9 seconds",
                (GatewayBusy, "9 seconds"),
            )
        },
        Row {
            retry_after: Some("9"),
            ..row::<Does>(
                "not available, with an error that has the id of the request",
                |world, sent| answers_error(world, sent, 503, &[("retry-after", "9")]),
                "Try again in 9 seconds",
                (GatewayBusy, "9 seconds"),
            )
        },
        Row {
            retry_after: Some("5"),
            ..row::<Does>(
                "not available, for nobody knows how long",
                |world, sent| world.answers(sent, 503, ""),
                "Try again in 5 seconds",
                (GatewayBusy, "5 seconds"),
            )
        },
    ];
    let too_long: [(_, Does, _, _); 3] = [
        (
            "no head in time",
            |world, sent| world.end(sent, Err(PullFault::TimedOut)),
            "did not answer in time",
            fails("it did not answer in time"),
        ),
        (
            "a body that stops",
            |world, sent| ends(world, sent, Err(PullFault::TimedOut)),
            "did not answer in time",
            fails("it did not answer in time"),
        ),
        (
            "messages without end",
            |world, sent| {
                let line = event(r#"{"jsonrpc":"2.0","method":"notifications/message"}"#);
                world.head(&sent, 200, &STREAM);
                for _ in 0..=limits::BACKEND_MESSAGES / 500 {
                    world.piece(&sent, &line.repeat(500));
                }
            },
            "too many messages",
            fails("too many messages"),
        ),
    ];
    rows.extend(too_long.map(|(what, does, words, log)| Row {
        told: Some("notifications/cancelled"),
        ..row::<Does>(what, does, words, log)
    }));
    rows
}

/// It answers what it was sent with an error.
pub(super) fn with_error(world: &mut World) -> &'static str {
    const ERROR: &str = r#"{"code":-32602,"message":"no such tool","data":{"a":1.50}}"#;
    let sent = world.pulled();
    let answer = format!(
        r#"{{"jsonrpc":"2.0","id":{},"error":{ERROR}}}"#,
        id_of(&sent)
    );
    world.answers(sent, 200, &answer);
    ERROR
}
