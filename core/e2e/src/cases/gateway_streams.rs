//! Between clients and a backend that comes and goes: what it sends of its own accord, what becomes of calls when it is killed, and
//! that nobody gets what is another's.

use std::{io::Read as _, net::Shutdown, time::Duration};

use serde_json::{Value, json};

use crate::{
    Program,
    client::{register_as, sign_in, sign_in_with},
    live_backend::LiveBackend,
    session::{Session, heard, listening, next, until},
};

/// R5. What a backend sends of its own accord reaches the client that listens, also after that stream has broken, and it is closed
/// when the client ends its session.
pub fn what_a_backend_sends_of_its_own_accord_reaches_its_client(program: &Program) {
    let backend = LiveBackend::start();
    let server = program.start_with(&["--backend", &backend.url()]);
    let session = Session::of(&server, "alice");
    let opened = session.client.stream(&server, "/mcp", &session.headers());
    let (head, mut events) = opened.unwrap();
    assert_eq!(head.status, 200);
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    backend.announce(7, &changed);
    assert_eq!(next(&mut events), changed);
    // It breaks, and goes on from there.
    let listeners = std::mem::take(&mut backend.state().listeners);
    for socket in &listeners {
        socket.shutdown(Shutdown::Both).unwrap();
    }
    backend.announce(8, &changed);
    assert_eq!(next(&mut events), changed);
    assert_eq!(backend.state().places, [None, Some("7".to_owned())]);
    let schema = json!({"type": "object", "properties": {}});
    let params = json!({"message": "Sure?", "requestedSchema": schema});
    let question =
        json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": params});
    backend.announce(9, &question);
    let asked = next(&mut events);
    assert_eq!(asked["params"], params);
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}});
    assert_eq!(session.post(&answer).status, 202);
    let answered = json!({"jsonrpc": "2.0", "id": 1, "result": {"action": "decline"}});
    let roots = json!({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"});
    assert_eq!(session.post(&roots).status, 202);
    for told in [answered, roots] {
        until("the backend is told", || {
            backend.state().told.contains(&told)
        });
    }
    let mut listener = backend.state().listeners.pop().unwrap();
    session.end();
    let mut rest = Vec::new();
    listener.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
}

/// R5. What a backend asks on the stream of its session reaches the call in flight of a client that has opened none.
pub fn what_a_backend_asks_on_its_own_stream_reaches_the_call(program: &Program) {
    let backend = LiveBackend::start();
    let server = program.start_with(&["--backend", &backend.url()]);
    let session = Session::of(&server, "alice");
    let params = json!({"name": "work", "arguments": {"key": "a", "asks": true}});
    let call = json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    let asked = next(&mut events);
    assert_eq!(asked["method"], "roots/list", "{asked}");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": []}});
    assert_eq!(session.post(&answer).status, 202);
    let answer = next(&mut events);
    assert_eq!(answer["id"], 4, "{answer}");
    assert_eq!(answer["result"]["content"][0]["text"], "a");
    // The stream ends with the call.
    let mut listener = backend.state().listeners.pop().unwrap();
    let mut rest = Vec::new();
    listener.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty() && backend.state().places == [None]);
}

/// R31. What a client of 2026-07-28 listens for at a backend with sessions shares one stream of it, which outlasts the end of each of them;
/// a resource is subscribed to once, as long as one listens for it.
pub fn listens_of_a_stateless_client_share_a_stream_of_the_backend(program: &Program) {
    let backend = LiveBackend::start();
    let server = program.start_with(&["--backend", &backend.url()]);
    let client = sign_in(&server, "alice");
    let [all, uris] = [
        json!({"toolsListChanged": true, "resourceSubscriptions": ["a://1"]}),
        json!({"resourceSubscriptions": ["a://1"]}),
    ];
    let mut one = listening(&server, &client, "one", &all);
    let mut two = listening(&server, &client, "two", &uris);
    let method = "notifications/resources/updated";
    let updated = json!({"jsonrpc": "2.0", "method": method, "params": {"uri": "a://1"}});
    backend.announce(
        7,
        &json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
    );
    assert_eq!(heard(&mut one, "one"), "tools/list_changed");
    backend.announce(8, &updated);
    assert_eq!(heard(&mut one, "one"), "resources/updated");
    assert_eq!(heard(&mut two, "two"), "resources/updated");
    assert_eq!(backend.state().places.len(), 1);
    let asked = |method: &str| {
        let state = backend.state();
        let asked = state.told.iter().filter(|told| told["method"] == method);
        asked.count()
    };
    assert_eq!(asked("resources/subscribe"), 1);
    drop(one);
    until("the other hears the backend", || {
        backend.state().places.len() == 2
    });
    backend.state().listeners.remove(0);
    // Whether it has changed meanwhile nobody knows.
    assert_eq!(heard(&mut two, "two"), "resources/updated");
    backend.announce(9, &updated);
    assert_eq!(heard(&mut two, "two"), "resources/updated");
    assert_eq!(asked("resources/unsubscribe"), 0);
    drop(two);
    until("the backend is told", || {
        asked("resources/unsubscribe") == 1
    });
}

/// Numbers that look like chance, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

fn work(session: &Session<'_>, key: &str, milliseconds: u64) -> Value {
    session.call("work", &json!({"key": key, "milliseconds": milliseconds}))
}

/// R6. A backend that is killed and started again at any time holds up no call, does no work twice, and the next call works without
/// the client doing anything.
pub fn backend_that_is_killed_at_any_time_does_nothing_twice(program: &Program) {
    let backend = LiveBackend::start();
    let server = program.start_with(&["--backend", &backend.url()]);
    let sessions = ["alice", "bob"].map(|user| Session::of(&server, user));
    let answered = std::thread::scope(|scope| {
        let callers = [0, 1, 2, 3].map(|number| {
            let session = &sessions[number % 2];
            scope.spawn(move || {
                let mut numbers = Numbers(number as u64);
                let mut answered = Vec::new();
                for call in 0..40 {
                    let key = format!("{number}-{call}");
                    let result = work(session, &key, numbers.below(10));
                    let text = result["content"][0]["text"].as_str().unwrap();
                    match result["isError"] == true {
                        true => assert!(text.contains("behind this gateway"), "{text}"),
                        false => {
                            assert_eq!(text, key);
                            answered.push(key);
                        }
                    }
                }
                answered
            })
        });
        let mut numbers = Numbers(99);
        while !callers.iter().all(|caller| caller.is_finished()) {
            std::thread::sleep(Duration::from_millis(numbers.below(40)));
            backend.kill();
            std::thread::sleep(Duration::from_millis(numbers.below(10)));
            backend.start_again();
        }
        callers.map(|caller| caller.join().unwrap()).concat()
    });
    let done = backend.state().done.clone();
    let twice: Vec<_> = done.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(answered.iter().all(|key| done[key] == 1));
    for session in &sessions {
        assert_eq!(work(session, "last", 0)["content"][0]["text"], "last");
    }
}

/// R5. Two users with two clients each call at once, with the same ids and progress tokens: every answer and all progress is its own, and
/// what names another's session is as if it did not exist.
pub fn calls_with_equal_ids_and_tokens_are_not_mixed_up(program: &Program) {
    let backend = LiveBackend::start();
    let server = program.start_with(&["--backend", &backend.url()]);
    let clients = [
        ("alice", "one"),
        ("alice", "two"),
        ("bob", "one"),
        ("bob", "two"),
    ];
    let sessions = clients.map(|(user, name)| {
        let client = sign_in_with(&server, register_as(&server, name), user);
        Session::of_client(&server, client)
    });
    assert_eq!(backend.state().opened, 4);
    std::thread::scope(|scope| {
        for (number, session) in sessions.iter().enumerate() {
            scope.spawn(move || {
                for call in 0..25 {
                    let key = format!("{number}-{call}");
                    let arguments = json!({"key": key, "milliseconds": 2});
                    let params = json!({"name": "work", "arguments": arguments, "_meta": {"progressToken": "t"}});
                    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
                    let body = session.post(&call).body;
                    let data = body.lines().filter_map(|line| line.strip_prefix("data:"));
                    let messages: Vec<Value> =
                        data.filter_map(|data| serde_json::from_str(data).ok()).collect();
                    let [progress, result] = &messages[..] else {
                        panic!("progress and a result, not {body}");
                    };
                    assert_eq!(progress["params"]["progressToken"], "t");
                    assert_eq!(progress["params"]["message"], *key);
                    assert_eq!(result["id"], 1);
                    assert_eq!(result["result"]["content"][0]["text"], *key);
                }
            });
        }
    });
    assert!(backend.state().done.values().all(|times| *times == 1));
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let [alice, other, bob, _] = &sessions;
    for thief in [&other.client, &bob.client] {
        let response = thief.post(&server, &alice.headers(), &list);
        assert_eq!(response.status, 404);
        let stream = thief.stream(&server, "/mcp", &alice.headers());
        assert_eq!(stream.unwrap().0.status, 404);
    }
}
