//! How each of them ends, and what of the others and of the backend that concerns.

use std::time::Duration;

use super::*;
use crate::limits;

#[test]
fn resource_is_unsubscribed_from_when_the_last_has_left_and_the_next_hears_the_backend() {
    let mut world = world();
    let (one, _stream) = first(&mut world);
    let two = listen(
        &mut world,
        "alice",
        "two",
        &json!({"resourceSubscriptions": ["a://2"]}),
    );
    let closed = world.cancelled;
    world.handle(one, Event::Disconnected);
    assert_eq!(world.cancelled, closed + 1);
    let mut sent = vec![world.pulled(), world.pulled()];
    sent.sort_by_key(|sent| sent.pull.method == Method::POST);
    let told_of = sent.pop().unwrap().json();
    assert_eq!(
        (&told_of["method"], &told_of["params"]["uri"]),
        (&json!("resources/unsubscribe"), &json!("a://1"))
    );
    let stream = sent.pop().unwrap();
    assert_eq!(stream.pull.method, Method::GET);
    world.head(&stream, 200, &STREAM);
    // Nobody has heard the backend meanwhile.
    assert_eq!(told(&world, two, "two")[1..], ["updated a://2"]);
    says(
        &mut world,
        &stream,
        "resources/updated",
        &json!({"uri": "a://2"}),
    );
    assert_eq!(told(&world, two, "two").len(), 3);
    let closed = world.cancelled;
    world.handle(two, Event::Disconnected);
    assert_eq!(world.cancelled, closed + 1);
    let sent = about_resource(&mut world, "unsubscribe", "a://2");
    assert_eq!(sent.header("mcp-session-id"), Some("theirs"));
    accepts(&mut world, sent);
    assert!(world.pulls.is_empty());
}

// I6, R31
#[test]
fn revocation_of_the_sign_in_that_opened_the_session_ends_its_own_listens_and_no_others() {
    let mut world = world();
    let (one, _stream) = first(&mut world);
    let token = world.sign_in_anew("alice");
    let other = listen_as(&mut world, &token);
    assert_eq!(told(&world, other, "other"), [HONOURED]);
    world.end_session("alice");
    assert!(world.is_over(one) && !world.is_over(other));
    assert_eq!(told(&world, one, "one"), [HONOURED]);
    let mut pulls = vec![world.pulled(), world.pulled()];
    pulls.sort_by_key(|sent| sent.pull.method == Method::POST);
    let discover = pulls.pop().unwrap();
    let over = pulls.pop().unwrap();
    assert_eq!(over.pull.method, Method::DELETE);
    assert_eq!(over.header("mcp-session-id"), Some("theirs"));
    assert_eq!(discover.json()["method"], "server/discover");
    world.answers(discover, 404, "");
    opens_again(&mut world, "second");
    for uri in ["a://1", "a://2"] {
        let sent = about_resource(&mut world, "subscribe", uri);
        accepts(&mut world, sent);
    }
    is_heard(&mut world, "second");
    assert_eq!(told(&world, other, "other").len(), 4);
}

fn listen_as(world: &mut World, token: &str) -> ExchangeId {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {"roots": {}}});
    let params = json!({"notifications": everything(), "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": "other", "method": "subscriptions/listen", "params": params});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "subscriptions/listen"),
    ];
    let mut request = world.request("alice", "POST", "/mcp", &headers, &body.to_string());
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    world.begin(request)
}

#[test]
fn listen_ends_with_a_result_when_its_token_does() {
    let mut world = world();
    let (one, _stream) = first(&mut world);
    let lifetime: Duration = limits::SESSION_TOKEN_LIFETIME;
    world.server.now.instant = world.server.now.instant.after(lifetime);
    world.server.now.unix.0 += lifetime.as_secs();
    world.handle(one, Event::Tick);
    assert_eq!(told(&world, one, "one"), [HONOURED, "result"]);
    assert!(world.is_over(one));
    for uri in ["a://1", "a://2"] {
        about_resource(&mut world, "unsubscribe", uri);
    }
}

#[test]
fn listen_keeps_the_session_of_the_backend_from_its_idle_end() {
    let mut world = world();
    let (one, _stream) = first(&mut world);
    let idle = idle(&world);
    let pass = |world: &mut World| {
        world.server.now.instant = world.server.now.instant.after(idle * 2);
        let now = world.server.now.instant;
        world.hub.expire(now);
    };
    pass(&mut world);
    assert!(world.pulls.is_empty());
    world.handle(one, Event::Disconnected);
    while let Some(sent) = world.next_pulled() {
        assert_eq!(sent.json()["method"], "resources/unsubscribe");
        accepts(&mut world, sent);
    }
    pass(&mut world);
    let id = listen(
        &mut world,
        "alice",
        "again",
        &json!({"toolsListChanged": true}),
    );
    assert!(!world.is_over(id));
    let sent = world.pulled();
    assert_eq!(sent.pull.method, Method::DELETE, "it was over");
}

fn idle(world: &World) -> Duration {
    let gateway = world.server.server.config.gateway.as_ref();
    gateway.and_then(|gateway| gateway.session_idle()).unwrap()
}

#[test]
fn backend_that_cannot_be_reached_is_not_heard_before_it_can() {
    let mut world = world();
    let wanted = json!({"toolsListChanged": true});
    let id = listen(&mut world, "alice", "mine", &wanted);
    has_sessions(&mut world, "theirs");
    let sent = world.pulled();
    assert_eq!(sent.pull.method, Method::GET);
    world.end(sent, Err(PullFault::Broken));
    assert!(streamed(&world, id).is_empty());
    world.wait(1);
    is_heard(&mut world, "theirs");
    assert_eq!(told(&world, id, "mine"), [wanted.to_string()]);
}

#[test]
fn session_in_which_nothing_was_said_may_be_lost_any_number_of_times() {
    let mut world = world();
    let wanted = json!({"toolsListChanged": true});
    let id = listen(&mut world, "alice", "mine", &wanted);
    has_sessions(&mut world, "session 0");
    let mut stream = is_heard(&mut world, "session 0");
    for number in 1..4 {
        world.end(stream, Err(PullFault::Broken));
        world.wait(60);
        let again = world.pulled();
        assert_eq!(again.pull.method, Method::GET);
        world.answers(again, 404, "");
        let ping = world.pulled();
        assert_eq!(ping.json()["method"], "ping");
        world.answers(ping, 404, "");
        let session = format!("session {number}");
        has_sessions(&mut world, &session);
        stream = is_heard(&mut world, &session);
        assert_eq!(told(&world, id, "mine").len(), 1 + number);
    }
}
