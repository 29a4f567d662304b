//! Every way in which a backend can fail, and who is told what: the client in words, the log in its own. No failure of the backend is a 401
//! or any other status of the client's request, and nothing is sent twice.

use super::*;
use crate::{ask::PullFault, event::Event, limits};

/// What a backend does with a request.
type Does = fn(&mut World, Sent);

struct Row {
    what: &'static str,
    does: Does,
    /// What the client is told.
    words: &'static str,
    /// What the log says, and in it.
    event: LogEventId,
    line: &'static str,
    /// What the backend is told after that.
    told: Option<&'static str>,
}

const fn row(
    what: &'static str,
    does: Does,
    words: &'static str,
    (event, line): (LogEventId, &'static str),
) -> Row {
    Row {
        what,
        does,
        words,
        event,
        line,
        told: None,
    }
}

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

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const HTML: &str = "<html>\u{1b}[31m an error page";

#[expect(clippy::too_many_lines, reason = "a row for each way to fail")]
fn rows() -> Vec<Row> {
    use LogEventId::{GatewayBusy, GatewayFailed, GatewayRefused};
    let fails = |line| (GatewayFailed, line);
    let mut rows = vec![
        row(
            "connection refused, no such name, TLS, no socket",
            |world, sent| world.end(sent, Err(PullFault::Unreachable)),
            "cannot be reached. Try again in a minute",
            fails("it cannot be reached"),
        ),
        row(
            "closed before a head",
            |world, sent| world.end(sent, Err(PullFault::Broken)),
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row(
            "closed in the middle of the answer",
            |world, sent| {
                world.head(&sent, 200, &JSON);
                world.piece(&sent, "{\"jsonrpc\":\"2.0\",");
                world.end(sent, Err(PullFault::Broken));
            },
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row(
            "a stream without the answer",
            |world, sent| ends(world, sent, Ok(())),
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row(
            "an answer to nothing that was asked",
            |world, sent| {
                world.answers(sent, 200, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
            },
            "may have done its work",
            fails("it ended before it answered"),
        ),
        row(
            "a page in place of a message",
            |world, sent| world.answers_with(sent, 200, &[("content-type", "text/html")], HTML),
            "no MCP message",
            fails("text=\"<html>"),
        ),
        row(
            "JSON that is no message",
            |world, sent| world.answers(sent, 200, r#"{"detail":"oops"}"#),
            "no MCP message",
            fails("detail"),
        ),
        row(
            "an event that is no message",
            |world, sent| {
                world.head(&sent, 200, &STREAM);
                world.piece(&sent, "data: hello\n\n");
            },
            "no MCP message",
            fails("text=\"hello\""),
        ),
        row(
            "endless JSON",
            |world, sent| never_ends(world, &sent, &JSON, &"[".repeat(100)),
            "too large to be passed on",
            fails("its answer is too large"),
        ),
        row(
            "an endless event",
            |world, sent| never_ends(world, &sent, &STREAM, &"data".repeat(25)),
            "too large to be passed on",
            fails("its answer is too large"),
        ),
        row(
            "401 with a challenge",
            |world, sent| {
                let challenge = [("www-authenticate", "Bearer realm=\"theirs\"")];
                world.answers_with(sent, 401, &challenge, "sign in");
            },
            "does not accept this sign-in",
            (GatewayRefused, "status=\"401\""),
        ),
        row(
            "403",
            |world, sent| world.answers(sent, 403, ""),
            "does not accept this sign-in",
            (GatewayRefused, "status=\"403\""),
        ),
        row(
            "a redirect",
            |world, sent| {
                let to = [("location", "http://elsewhere.example/mcp")];
                world.answers_with(sent, 307, &to, "");
            },
            "HTTP status 307",
            fails("status=\"307\""),
        ),
        row(
            "a failure of a proxy before it",
            |world, sent| world.answers_with(sent, 502, &[("content-type", "text/html")], HTML),
            "HTTP status 502",
            fails("status=\"502\""),
        ),
        row(
            "too many requests",
            |world, sent| world.answers_with(sent, 429, &[("retry-after", "17")], ""),
            "Try again in 17 seconds",
            (GatewayBusy, "17 seconds"),
        ),
        row(
            "not available",
            |world, sent| world.answers_with(sent, 503, &[("retry-after", "30")], HTML),
            "Try again in 30 seconds",
            (GatewayBusy, "30 seconds"),
        ),
        row(
            "not available, for nobody knows how long",
            |world, sent| world.answers(sent, 503, ""),
            "Try again in 5 seconds",
            (GatewayBusy, "5 seconds"),
        ),
    ];
    let too_long: [(&str, Does, &str, _); 3] = [
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
        ..row(what, does, words, log)
    }));
    rows
}

/// Alice sends this, and the backend does that: the answer, and all that came of it.
fn told(body: &str, row: &Row) -> (World, Value) {
    let mut world = world();
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.answer_bytes = 2000;
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, body);
    let sent = world.pulled();
    (row.does)(&mut world, sent);
    assert!(world.is_over(id), "{}", row.what);
    let answer = match &world.sent(id).response {
        Some(response) => {
            assert_eq!(response.status(), 200, "{}", row.what);
            for name in ["www-authenticate", "location", "set-cookie"] {
                assert!(!response.headers().contains_key(name), "{}", row.what);
            }
            body_of(&world, id)
        }
        None => streamed(&world, id).pop().unwrap(),
    };
    assert_eq!(answer["id"], "mine", "{}", row.what);
    (world, answer)
}

// R6, R8
#[test]
fn call_that_fails_is_a_result_in_words_and_never_made_twice() {
    for row in rows() {
        let what = row.what;
        let (mut world, answer) = told(CALL, &row);
        assert_eq!(answer["result"]["isError"], true, "{what}: {answer}");
        let words = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(words.contains(row.words), "{what}: {words}");
        let lines = logged(&world, row.event);
        let is_told = |lines: &[String]| lines.len() == 1 && lines[0].contains(row.line);
        assert!(is_told(&lines), "{what}: {lines:?}");
        assert!(lines[0].contains("backend=\"http://127.0.0.1:8000/mcp\""));
        assert!(!lines[0].contains('\u{1b}'), "{what}: {lines:?}");
        let calls = logged(&world, LogEventId::GatewayCalled);
        assert!(
            calls.len() == 1 && calls[0].contains("outcome=\"failed\""),
            "{what}: {calls:?}"
        );
        if let Some(method) = row.told {
            let told = world.pulled();
            assert_eq!(told.json()["method"], method, "{what}");
        }
        assert!(world.pulls.is_empty(), "{what}: nothing is sent again");
    }
}

// R8
#[test]
fn other_request_that_fails_is_an_error_with_the_same_words() {
    let list = r#"{"jsonrpc":"2.0","id":"mine","method":"tools/list"}"#;
    for row in rows() {
        let (_, answer) = told(list, &row);
        assert_eq!(answer["error"]["code"], -32603, "{}: {answer}", row.what);
        let words = answer["error"]["message"].as_str().unwrap();
        assert!(words.contains(row.words), "{}: {words}", row.what);
    }
}

// R8
#[test]
fn session_that_cannot_begin_is_503_whatever_the_backend_says() {
    for row in rows() {
        let mut world = world();
        let gateway = world.server.server.config.gateway.as_mut().unwrap();
        gateway.answer_bytes = 2000;
        let body = initialize_with("2025-11-25", &json!({}));
        let request = world.request("alice", "POST", "/mcp", &[], &body);
        let id = world.begin(request);
        let sent = world.pulled();
        (row.does)(&mut world, sent);
        let response = world.sent(id).response.as_ref();
        let response = response.unwrap_or_else(|| panic!("{}: it is answered", row.what));
        assert_eq!(response.status(), 503, "{}", row.what);
        assert!(!response.headers().contains_key("www-authenticate"));
        let error = &testing::json(response)["error"];
        assert_eq!(error["code"], -32603, "{}", row.what);
        let is_busy = row.event == LogEventId::GatewayBusy;
        let after = response.headers().get("retry-after");
        assert!(after.is_some() || !is_busy, "{}", row.what);
        if is_busy {
            assert!(row.words.contains(after.unwrap().to_str().unwrap()));
        }
        assert_eq!(logged(&world, row.event).len(), 1, "{}", row.what);
        world.handle(id, Event::Disconnected);
    }
}
