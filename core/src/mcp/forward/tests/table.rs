//! Every way in which a backend can fail, for every kind of client and of request, over both transports: what the client is told, with
//! which status, and what the log says. Each cell is tried. No failure of the backend is a 401 or a 4xx of the client's request, and
//! nothing is sent twice.

mod bounds;
mod client;
mod http;
mod stdio;

use self::client::{Client, Front, Kind, Told, Transport};
use super::*;

/// A way in which a backend, at an address or as a process, does not do what it is asked.
struct Row<Does> {
    what: &'static str,
    does: Does,
    outcome: Outcome,
    /// In how many seconds the client may come again, if it is told so.
    retry_after: Option<&'static str>,
    /// What the log says, and in it.
    event: LogEventId,
    line: &'static str,
    /// What a backend with sessions is told after a call.
    told: Option<&'static str>,
    /// Whether the request finds no session, though there was one, and opens another.
    is_anew: bool,
}

/// What the client gets.
#[derive(Clone, Copy)]
enum Outcome {
    /// It fails, in words with these in them.
    Words(&'static str),
    /// The answer of the backend.
    Answer,
}

fn row<Does>(
    what: &'static str,
    does: Does,
    words: &'static str,
    (event, line): (LogEventId, &'static str),
) -> Row<Does> {
    Row {
        what,
        does,
        outcome: Outcome::Words(words),
        retry_after: None,
        event,
        line,
        told: None,
        is_anew: false,
    }
}

/// What a client gets of a request that failed.
fn check<Does>(row: &Row<Does>, cell: &str, (client, kind): (Client, Kind), told: &Told) {
    let Told {
        status, message, ..
    } = told;
    for name in ["www-authenticate", "location", "set-cookie"] {
        assert!(!told.headers.contains_key(name), "{cell}");
    }
    let retry_after = told.headers.get("retry-after");
    let retry_after = retry_after.map(|after| after.to_str().unwrap());
    assert_eq!(message["jsonrpc"], "2.0", "{cell}: {message}");
    // On a stream of HTTP+SSE there are no statuses, and a call is a result.
    let has_status = client != Client::HttpSse;
    let is_begin = kind == Kind::Begin && client == Client::Sessions;
    match (row.outcome, kind) {
        (Outcome::Words(words), Kind::Call) => {
            assert_eq!(message["result"]["isError"], true, "{cell}: {message}");
            let said = message["result"]["content"][0]["text"].as_str().unwrap();
            assert!(said.contains(words), "{cell}: {said}");
            assert_eq!((*status, retry_after), (200, None), "{cell}");
        }
        (Outcome::Words(words), Kind::List | Kind::Begin) => {
            assert_eq!(message["error"]["code"], -32603, "{cell}: {message}");
            let said = message["error"]["message"].as_str().unwrap();
            assert!(said.contains(words), "{cell}: {said}");
            let is_unavailable = has_status && (is_begin || row.retry_after.is_some());
            let expected = if is_unavailable { 503 } else { 200 };
            assert_eq!(*status, expected, "{cell}");
            let expected = row.retry_after.filter(|_| has_status);
            assert_eq!(retry_after, expected, "{cell}");
        }
        (Outcome::Answer, _) => {
            assert!(message["result"].is_object(), "{cell}: {message}");
            assert!(message["result"].get("isError").is_none(), "{cell}");
            assert_eq!((*status, retry_after), (200, None), "{cell}");
        }
    }
}

/// What the log says of it: once, and of a call how it ended, too.
fn check_log<Does>(row: &Row<Does>, cell: &str, kind: Kind, world: &World) {
    let lines = logged(world, row.event);
    assert_eq!(lines.len(), 1, "{cell}: {lines:?}");
    assert!(!lines[0].contains('\u{1b}'), "{cell}: {lines:?}");
    let is_gateways = row.event.as_str().starts_with("gateway.");
    assert!(!is_gateways || lines[0].contains("backend="), "{cell}");
    if kind != Kind::Begin {
        assert!(lines[0].contains(row.line), "{cell}: {lines:?}");
    }
    let calls = logged(world, LogEventId::GatewayCalled);
    if kind != Kind::Call {
        return assert!(calls.is_empty(), "{cell}: {calls:?}");
    }
    let outcome = match row.outcome {
        Outcome::Words(_) => "failed",
        Outcome::Answer => "done",
    };
    let outcome = format!("outcome=\"{outcome}\"");
    let is_told = |calls: &[String]| calls.len() == 1 && calls[0].contains(&outcome);
    assert!(is_told(&calls), "{cell}: {calls:?}");
}

fn cells() -> impl Iterator<Item = (Client, Kind)> {
    let kinds = [Kind::Call, Kind::List, Kind::Begin];
    let clients = Client::ALL.into_iter();
    clients.flat_map(move |client| kinds.map(|kind| (client, kind)))
}

// R6, R8
#[test]
fn failure_of_a_backend_at_an_address_is_told_as_the_table_says() {
    for (client, kind) in cells() {
        for row in http::rows() {
            if kind == Kind::Begin && !matches!(row.outcome, Outcome::Words(_)) {
                continue;
            }
            let cell = format!("{client:?}, {kind:?}, HTTP, {}", row.what);
            let mut front = Front::of(client, kind, Transport::Http);
            let asked = front.ask(kind);
            let sent = front.world.pulled();
            (row.does)(&mut front.world, sent);
            // Backends of the older revisions answer what they do not know in many ways: they are asked once more, in theirs.
            if (client, kind) == (Client::Stateless, Kind::Begin)
                && let Some(sent) = front.world.next_pulled()
            {
                assert_eq!(sent.json()["method"], "initialize", "{cell}");
                (row.does)(&mut front.world, sent);
            }
            let told = front.told(asked, &cell);
            check(&row, &cell, (client, kind), &told);
            check_log(&row, &cell, kind, &front.world);
            let is_told = client != Client::Stateless && kind != Kind::Begin;
            if let (Some(method), true) = (row.told, is_told) {
                let told = front.world.pulled();
                assert_eq!(told.json()["method"], method, "{cell}");
            }
            assert!(
                front.world.pulls.is_empty(),
                "{cell}: nothing is sent again"
            );
        }
    }
}

// R6, R8
#[test]
fn failure_of_a_process_is_told_as_the_table_says() {
    for (client, kind) in cells() {
        for row in stdio::rows() {
            if kind == Kind::Begin && !matches!(row.outcome, Outcome::Words(_)) {
                continue;
            }
            let cell = format!("{client:?}, {kind:?}, stdio, {}", row.what);
            let mut front = Front::of(client, kind, Transport::Stdio);
            let mut process = 0;
            if row.is_anew && kind != Kind::Begin {
                front.world.exits(0, Ok(crate::ask::ChildExit::Code(0)));
                front.world.logged.clear();
                process = 1;
            }
            let asked = front.ask(kind);
            (row.does)(&mut front.world, process);
            let told = front.told(asked, &cell);
            check(&row, &cell, (client, kind), &told);
            check_log(&row, &cell, kind, &front.world);
            if let (Some(method), true) = (row.told, kind != Kind::Begin) {
                let told = front.world.reads(process);
                assert_eq!(told["method"], method, "{cell}");
            }
            assert_eq!(front.world.processes.len(), process + 1, "{cell}");
        }
    }
}
