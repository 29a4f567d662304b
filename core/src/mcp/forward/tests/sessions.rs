//! Sessions of the backend: whose they are, and what happens when one is lost.

use super::*;

// R5
#[test]
fn each_client_has_a_session_of_its_own_at_the_backend() {
    let mut world = world();
    let alices = begin(&mut world, "alice", "for alice");
    let bobs = begin(&mut world, "bob", "for bob");
    send(&mut world, "bob", &bobs, CALL);
    assert_eq!(world.pulled().header("mcp-session-id"), Some("for bob"));
    let id = send(&mut world, "bob", &alices, CALL);
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 404);
    assert!(world.pulls.is_empty());
    send(&mut world, "alice", &alices, CALL);
    assert_eq!(world.pulled().header("mcp-session-id"), Some("for alice"));
}

#[test]
fn session_that_the_backend_has_lost_is_opened_again_and_the_request_sent_again() {
    for (status, body) in [
        (
            404,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session not found"}}"#,
        ),
        (
            400,
            r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32000,"message":"No valid session ID provided"}}"#,
        ),
        (404, "not found"),
    ] {
        let mut world = world();
        let session = begin(&mut world, "alice", "first");
        let id = send(&mut world, "alice", &session, CALL);
        let sent = world.pulled();
        world.answers(sent, status, body);
        let sent = world.pulled();
        // As the client has begun it.
        assert_eq!(
            sent.json()["params"]["capabilities"]["roots"],
            json!({"listChanged": true})
        );
        let answer = result(&sent, RESULT);
        let headers = [
            ("content-type", "application/json"),
            ("mcp-session-id", "second"),
        ];
        world.answers_with(sent, 200, &headers, &answer);
        let sent = world.pulled();
        world.answers(sent, 202, "");
        let sent = world.pulled();
        assert_eq!(sent.header("mcp-session-id"), Some("second"));
        let answer = result(&sent, "{}");
        world.answers(sent, 200, &answer);
        assert_eq!(body_of(&world, id)["result"], json!({}));
        assert_eq!(logged(&world, LogEventId::GatewaySessionReopened).len(), 1);
    }
}

#[test]
fn session_that_is_lost_again_at_once_is_a_fault() {
    let mut world = world();
    let session = begin(&mut world, "alice", "first");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    opens(&mut world, "second");
    let sent = world.pulled();
    world.answers(sent, 404, "");
    let result = &body_of(&world, id)["result"];
    assert_eq!(result["isError"], json!(true), "{result}");
    assert!(world.pulls.is_empty());
}

// R6: not one more session, and not one more request, for each call that the backend refuses so.
#[test]
fn backend_that_answers_400_in_a_new_session_too_is_taken_at_its_word_there() {
    let mut world = world();
    let session = begin(&mut world, "alice", "first");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.answers(sent, 400, "");
    opens(&mut world, "second");
    let sent = world.pulled();
    world.answers(sent, 400, "");
    assert_eq!(body_of(&world, id)["result"]["isError"], json!(true));
    let told = world.pulled();
    assert_eq!(told.pull.method, ::http::Method::DELETE);
    assert_eq!(told.header("mcp-session-id"), Some("first"));
    world.answers(told, 200, "");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    assert_eq!(sent.header("mcp-session-id"), Some("second"));
    world.answers(sent, 400, "");
    let said = &body_of(&world, id)["result"]["content"][0]["text"];
    assert!(said.as_str().unwrap().contains("status 400"), "{said}");
    assert!(world.pulls.is_empty());
    // What 404 means is certain.
    send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    opens(&mut world, "third");
    assert_eq!(world.pulled().header("mcp-session-id"), Some("third"));
}

#[test]
fn session_that_another_call_uses_still_is_ended_with_the_one_that_was_opened_instead() {
    let mut world = world();
    let session = begin(&mut world, "alice", "first");
    let other = send(&mut world, "alice", &session, CALL);
    let goes_on = world.pulled();
    send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.answers(sent, 400, "");
    opens(&mut world, "second");
    let sent = world.pulled();
    world.answers(sent, 400, "");
    assert!(world.pulls.is_empty());
    let answer = result(&goes_on, "{}");
    world.answers(goes_on, 200, &answer);
    assert_eq!(body_of(&world, other)["result"], json!({}));
    let headers = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "DELETE", "/mcp", &headers, "");
    assert_eq!(world.send(request).status(), 204);
    let told = [world.pulled(), world.pulled()];
    let mut told = told.map(|one| one.header("mcp-session-id").unwrap().to_owned());
    told.sort();
    assert_eq!(told, ["first", "second"]);
}

// As after a restart, and on another replica.
#[test]
fn session_that_this_server_does_not_remember_is_opened_once_for_all_who_need_it() {
    let mut world = world();
    let session = begin(&mut world, "alice", "first");
    world.hub = crate::hub::Hub::new();
    let ids = [(); 3].map(|()| send(&mut world, "alice", &session, CALL));
    let sent = world.pulled();
    let params = &sent.json()["params"];
    assert_eq!(
        params["capabilities"],
        json!({"elicitation": {"form": {}}, "roots": {}})
    );
    assert_eq!(params["protocolVersion"], "2025-11-25");
    assert!(world.pulls.is_empty(), "the others wait");
    let answer = result(&sent, RESULT);
    world.answers_with(
        sent,
        200,
        &[
            ("content-type", "application/json"),
            ("mcp-session-id", "second"),
        ],
        &answer,
    );
    let sent = world.pulled();
    world.answers(sent, 202, "");
    for _ in ids {
        let sent = world.pulled();
        assert_eq!(sent.header("mcp-session-id"), Some("second"));
        let answer = result(&sent, "{}");
        world.answers(sent, 200, &answer);
    }
    assert!(ids.into_iter().all(|id| world.is_over(id)));
}

#[test]
fn backend_without_sessions_is_sent_none() {
    let mut world = world();
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    let answer = result(&sent, RESULT);
    world.answers(sent, 200, &answer);
    let sent = world.pulled();
    world.answers(sent, 202, "");
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    assert!(sent.header("mcp-session-id").is_none());
    world.answers(sent, 404, "");
    assert_eq!(body_of(&world, id)["result"]["isError"], json!(true));
}

#[test]
fn session_that_the_client_ends_is_ended_at_the_backend() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let headers = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "DELETE", "/mcp", &headers, "");
    assert_eq!(world.send(request).status(), 204);
    let told = world.pulled();
    assert_eq!(told.pull.method, ::http::Method::DELETE);
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
    // Some do not let clients end sessions: that is their matter.
    world.answers(told, 405, "");
    let id = send(&mut world, "alice", &session, CALL);
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 404);
    assert!(world.pulls.is_empty());
}

/// Alice's session over HTTP+SSE, for which the backend has the session `theirs` and no stream; its stream, and where it takes messages.
fn begin_http_sse(world: &mut World) -> (ExchangeId, String) {
    let request = world.request("alice", "GET", "/sse", &[], "");
    let stream = world.begin(request);
    let body = &world.sent(stream).body;
    let target = body.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
    let (target, body) = (target.to_owned(), initialize_with("2024-11-05", &json!({})));
    let request = world.request("alice", "POST", &target, &[], &body);
    assert_eq!(world.send(request).status(), 202);
    opens(world, "theirs");
    let listening = world.pulled();
    assert_eq!(listening.pull.method, ::http::Method::GET);
    world.answers(listening, 405, "");
    (stream, target)
}

// R5
#[test]
fn session_of_http_sse_is_ended_at_the_backend_with_its_stream() {
    let mut world = world();
    let (stream, _) = begin_http_sse(&mut world);
    world.handle(stream, crate::event::Event::Disconnected);
    let told = world.pulled();
    assert_eq!(told.pull.method, ::http::Method::DELETE);
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
    world.answers(told, 200, "");
}

const ROOTS: &str = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;

// R5: what came in one message with it is answered, too.
#[test]
fn change_of_roots_in_a_batch_with_a_request_is_told_to_the_backend() {
    let mut world = world();
    let body = initialize_with("2025-03-26", &json!({"roots": {"listChanged": true}}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    let answer = result(&sent, &RESULT.replace("2025-11-25", "2025-03-26"));
    world.answers(sent, 200, &answer);
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "notifications/initialized");
    world.answers(sent, 202, "");
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    let id = send(&mut world, "alice", &session, &format!("[{ROOTS},{CALL}]"));
    let mut sent = [world.pulled(), world.pulled()];
    sent.sort_by_key(|sent| sent.text() != ROOTS);
    let [told, called] = sent;
    assert_eq!(told.text(), ROOTS);
    world.answers(told, 202, "");
    let done = result(&called, r#"{"content":[]}"#);
    world.answers(called, 200, &done);
    assert_eq!(body_of(&world, id)[0]["id"], "mine");
}

#[test]
fn change_of_roots_of_a_client_of_http_sse_is_told_to_the_backend() {
    let mut world = world();
    let (_, target) = begin_http_sse(&mut world);
    let request = world.request("alice", "POST", &target, &[], ROOTS);
    assert_eq!(world.send(request).status(), 202);
    let told = world.pulled();
    assert_eq!(told.text(), ROOTS);
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
}

// A client of 2026-07-28 has none to end, and one with sessions has to say which.
#[test]
fn delete_that_names_no_session_ends_none() {
    let mut world = world();
    begin(&mut world, "alice", "theirs");
    for (version, status) in [
        (None, 400),
        (Some("2025-11-25"), 400),
        (Some("2026-07-28"), 405),
    ] {
        let version = version.map(|version| ("mcp-protocol-version", version));
        let headers: Vec<_> = version.into_iter().collect();
        let request = world.request("alice", "DELETE", "/mcp", &headers, "");
        let response = world.send(request);
        assert_eq!(response.status(), status, "{headers:?}");
        assert!(!response.body().is_empty(), "it is told in words");
    }
    assert!(world.pulls.is_empty());
}

// I7: who had it cannot end it any more.
#[test]
fn session_of_a_sign_in_that_is_revoked_ends_at_the_backend() {
    let mut world = world();
    begin(&mut world, "alice", "for alice");
    begin(&mut world, "bob", "for bob");
    world.end_session("alice");
    let told = world.pulled();
    assert_eq!(told.pull.method, "DELETE");
    assert_eq!(told.header("mcp-session-id"), Some("for alice"));
    assert!(world.pulls.is_empty(), "bob's goes on");
}
