//! What is full, or passes: a call says so in words, and whatever else is asked gets 503 (2024-11-05 on the stream: an error).

use super::*;
use crate::limits;

/// What a client of this kind is told of a request for which there is no room, and what the log says.
fn is_busy(front: &Front, kind: Kind, cell: &str, told: &Told, (words, line): (&str, &str)) {
    let message = &told.message;
    let said = match kind {
        Kind::Call => {
            assert_eq!(message["result"]["isError"], true, "{cell}: {message}");
            assert_eq!(told.status, 200, "{cell}");
            &message["result"]["content"][0]["text"]
        }
        Kind::List | Kind::Begin => {
            assert_eq!(message["error"]["code"], -32603, "{cell}: {message}");
            let is_stream = front.is_http_sse();
            let expected = if is_stream { 200 } else { 503 };
            assert_eq!(told.status, expected, "{cell}");
            let has_seconds = told.headers.contains_key("retry-after");
            assert_eq!(has_seconds, !is_stream, "{cell}");
            &message["error"]["message"]
        }
    };
    assert!(said.as_str().unwrap().contains(words), "{cell}: {said}");
    let lines = logged(&front.world, LogEventId::GatewayFull);
    let is_told = |lines: &[String]| lines.len() == 1 && lines[0].contains(line);
    assert!(is_told(&lines), "{cell}: {lines:?}");
}

// R17
#[test]
fn request_beyond_the_calls_of_its_owner_is_told_that_there_are_too_many() {
    for (client, kind) in cells().filter(|(_, kind)| *kind != Kind::Begin) {
        let cell = format!("{client:?}, {kind:?}, too many calls");
        let mut front = Front::of(client, kind, Transport::Http);
        for _ in 0..limits::CALLS_PER_PRINCIPAL {
            front.ask(Kind::Call);
            front.world.pulled();
        }
        let asked = front.ask(kind);
        assert!(front.world.pulls.is_empty(), "{cell}: it is not sent");
        let told = front.told(asked, &cell);
        let expected = ("Too many calls: 64", "too many calls");
        is_busy(&front, kind, &cell, &told, expected);
    }
}

// R9
#[test]
fn answer_beyond_the_bytes_of_all_is_told_that_the_backend_is_busy() {
    for (client, kind) in cells() {
        let cell = format!("{client:?}, {kind:?}, too many bytes");
        let mut front = Front::of(client, kind, Transport::Http);
        let gateway = front.world.server.server.config.gateway.as_mut().unwrap();
        gateway.answer_bytes = 16 * limits::BACKEND_HELD_STEP;
        gateway.held_bytes = limits::BACKEND_HELD_STEP - 1;
        let asked = front.ask(kind);
        let sent = front.world.pulled();
        front
            .world
            .head(&sent, 200, &[("content-type", "application/json")]);
        for text in [&" ".repeat(limits::BACKEND_FREE_BYTES), " "] {
            front.world.piece(&sent, text);
        }
        let told = front.told(asked, &cell);
        let expected = ("busy. Try again in 5 seconds", "no room for what it sends");
        is_busy(&front, kind, &cell, &told, expected);
    }
}

// R16
#[test]
fn session_beyond_the_processes_of_all_is_told_that_the_backend_is_busy() {
    for client in Client::ALL {
        let cell = format!("{client:?}, too many processes");
        let mut front = Front::of(client, Kind::Begin, Transport::Stdio);
        // Three at most, each of which has something to do.
        for user in ["bob", "bob", "bob"] {
            let body = initialize_with("2025-11-25", &json!({}));
            let request = front.world.request(user, "POST", "/mcp", &[], &body);
            front.world.begin(request);
        }
        assert_eq!(front.world.processes.len(), 3);
        let asked = front.ask(Kind::Begin);
        assert_eq!(front.world.processes.len(), 3, "{cell}");
        let told = front.told(asked, &cell);
        let expected = ("busy. Try again in 30 seconds", "too many processes");
        is_busy(&front, Kind::Begin, &cell, &told, expected);
    }
}

#[test]
fn error_of_the_backend_is_the_clients_whichever_of_them_it_is() {
    for (client, kind) in cells().filter(|(_, kind)| *kind != Kind::Begin) {
        for transport in [Transport::Http, Transport::Stdio] {
            let cell = format!("{client:?}, {kind:?}, {transport:?}, an error");
            let mut front = Front::of(client, kind, transport);
            let asked = front.ask(kind);
            let error = match transport {
                Transport::Stdio => stdio::with_error(&mut front.world, 0),
                Transport::Http => http::with_error(&mut front.world),
            };
            let told = front.told(asked, &cell);
            let error: Value = serde_json::from_str(error).unwrap();
            assert_eq!(told.message["error"], error, "{cell}");
            let is_stateless = client == Client::Stateless;
            assert_eq!(told.status, if is_stateless { 400 } else { 200 }, "{cell}");
            assert!(!told.headers.contains_key("retry-after"), "{cell}");
        }
    }
}

#[test]
fn session_that_the_backend_has_lost_is_opened_again_and_the_client_does_not_see_it() {
    for status in [404, 400] {
        for client in [Client::Sessions, Client::HttpSse] {
            for kind in [Kind::Call, Kind::List] {
                let cell = format!("{client:?}, {kind:?}, {status} for its session");
                let mut front = Front::of(client, kind, Transport::Http);
                let asked = front.ask(kind);
                let world = &mut front.world;
                let sent = world.pulled();
                world.answers(sent, status, "");
                opens(world, "theirs again");
                let sent = world.pulled();
                assert_eq!(sent.header("mcp-session-id"), Some("theirs again"));
                let answer = result(&sent, r#"{"content":[],"tools":[]}"#);
                world.answers(sent, 200, &answer);
                let reopened = logged(world, LogEventId::GatewaySessionReopened);
                assert_eq!(reopened.len(), 1, "{cell}");
                let told = front.told(asked, &cell);
                assert_eq!(told.status, 200, "{cell}");
                assert!(told.message["result"].is_object(), "{cell}");
            }
        }
    }
}
