//! Clients of one era in front of a backend of the other, and of HTTP+SSE in front of either: what the backend asks before it answers
//! reaches the user, and the answer the backend.

mod backend;

use serde_json::{Value, json};

use self::backend::{Backend, Era};
use crate::{
    Program, Server,
    client::{Client, Events, register, sign_in, sign_in_to},
    raw_http::Response,
    session::{Session, answer, next, stateless_headers, until},
};

/// What the user is asked by forms, and the model of the client by sampling: the method, and what answers it.
fn questions() -> [(&'static str, Value); 2] {
    let said = json!({"type": "text", "text": "accept"});
    [
        (
            "elicitation/create",
            json!({"action": "accept", "content": {"value": true}}),
        ),
        (
            "sampling/createMessage",
            json!({"role": "assistant", "content": said, "model": "m"}),
        ),
    ]
}

/// A call of a client of 2026-07-28 that can be asked both.
fn call(server: &Server, client: &Client, by: &str, more: &Value) -> Response {
    let mut params = json!({"name": "ask", "arguments": {"by": by}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "end to end", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}, "sampling": {}},
        "progressToken": "mine",
    }});
    let members = params.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let headers = stateless_headers("tools/call", "ask");
    client.post(server, &headers, &message)
}

/// R5, R22. What a backend with sessions asks within a call ends a request of 2026-07-28, and the next one of the same user brings the
/// answer: once, and of nobody else.
pub fn question_of_a_backend_with_sessions_is_a_round_of_a_stateless_client(program: &Program) {
    let backend = Backend::start(Era::Sessions);
    let server = program.start_with(&["--backend", &backend.address]);
    let [alice, bob] = ["alice", "bob"].map(|user| sign_in(&server, user));
    let listed = crate::session::stateless(&server, &alice, "tools/list", "", json!({}));
    assert_eq!(listed["tools"][0]["name"], "ask", "{listed}");
    assert_eq!(listed["resultType"], "complete", "{listed}");
    for (method, response) in questions() {
        let asked = call(&server, &alice, method, &json!({}));
        assert!(
            asked.body.contains("\"progressToken\":\"mine\""),
            "{}",
            asked.body
        );
        let asked = answer(&asked)["result"].clone();
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let requests = asked["inputRequests"].as_object().unwrap();
        let (key, request) = requests.iter().next().unwrap();
        assert_eq!(request["method"], method, "{asked}");
        let more =
            json!({"inputResponses": {key: response}, "requestState": asked["requestState"]});
        let thief = call(&server, &bob, method, &more);
        assert!(thief.body.contains("call anew"), "{}", thief.body);
        let done = answer(&call(&server, &alice, method, &more));
        assert_eq!(done["result"]["content"][0]["text"], "accept", "{done}");
        assert_eq!(done["result"]["resultType"], "complete", "{done}");
        let again = call(&server, &alice, method, &more);
        assert!(again.body.contains("Call again"), "{}", again.body);
    }
    assert_eq!(
        backend.calls(),
        2,
        "nothing is called for who is not answered"
    );
}

/// R5. What a backend of 2026-07-28 has to know is asked on the stream of the call of a client with a session, and the call is made again.
pub fn rounds_of_a_stateless_backend_are_questions_to_a_client_with_a_session(program: &Program) {
    let backend = Backend::start(Era::Stateless);
    let server = program.start_with(&["--backend", &backend.address]);
    let session = Session::of(&server, "alice");
    let listed = session.request("tools/list", &json!({}))["result"].clone();
    assert_eq!(listed["tools"][0]["name"], "ask", "{listed}");
    assert!(listed.get("ttlMs").is_none(), "{listed}");
    let [(by, response), _] = questions();
    let params =
        json!({"name": "ask", "arguments": {"by": by}, "_meta": {"progressToken": "mine"}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    let asked = until_asked(&mut events, by);
    let told = json!({"jsonrpc": "2.0", "id": asked["id"], "result": response});
    assert_eq!(session.post(&told).status, 202);
    let done = until_answered(&mut events);
    assert_eq!(
        (&done["id"], &done["result"]["content"][0]["text"]),
        (&json!(9), &json!("accept"))
    );
    assert!(done["result"].get("resultType").is_none(), "{done}");
    assert_eq!(backend.calls(), 2);
}

/// R5. A client of HTTP+SSE uses a backend of either era, and answers what that asks.
pub fn client_of_http_sse_is_asked_by_a_backend_of_either_era(program: &Program) {
    for era in [Era::Sessions, Era::Stateless] {
        let backend = Backend::start(era);
        let server = program.start_with(&["--backend", &backend.address]);
        let client = sign_in_to(&server, register(&server), Some("/sse"), "alice");
        let (head, mut events) = client.stream(&server, "/sse", &[]).unwrap();
        assert_eq!(head.status, 200);
        let (_, target) = events.next_event().unwrap().expect("the endpoint is told");
        let post = |message: &Value| {
            let bearer = format!("Bearer {}", client.access_token);
            let json = ("Content-Type", "application/json");
            let headers = [("Authorization", bearer.as_str()), json];
            let response = server.request("POST", &target, &headers, &message.to_string());
            assert_eq!(response.status, 202, "{}", response.body);
        };
        post(
            &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2024-11-05", "capabilities": {"sampling": {}},
            "clientInfo": {"name": "end to end", "version": "1"}}}),
        );
        let begun = next(&mut events)["result"].clone();
        assert_eq!(begun["serverInfo"]["name"], "orders", "{begun}");
        let [_, (by, response)] = questions();
        let params =
            json!({"name": "ask", "arguments": {"by": by}, "_meta": {"progressToken": "mine"}});
        post(&json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params}));
        let asked = until_asked(&mut events, by);
        post(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": response}));
        let done = until_answered(&mut events);
        assert_eq!(
            (&done["id"], &done["result"]["content"][0]["text"]),
            (&json!(9), &json!("accept"))
        );
        until("the call is in the log", || {
            server.log().contains("outcome=\"done\"")
        });
    }
}

/// The question of the call, after its progress.
fn until_asked(events: &mut Events, by: &str) -> Value {
    let mut progress = Vec::new();
    loop {
        let message = next(events);
        match message["method"].as_str() {
            Some("notifications/progress") => {
                progress.push(message["params"]["progressToken"].clone());
            }
            Some(method) => {
                assert_eq!((method, progress), (by, vec![json!("mine")]), "{message}");
                return message;
            }
            None => panic!("the question comes first, not {message}"),
        }
    }
}

/// The answer to the call, after its progress.
fn until_answered(events: &mut Events) -> Value {
    loop {
        let message = next(events);
        if message.get("method").is_none() {
            return message;
        }
    }
}
