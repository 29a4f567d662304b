//! Between clients and a backend that comes and goes: what it sends of its own accord, what becomes of calls when it is killed, and
//! that nobody gets what is another's.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};

use super::pulls::request;
use crate::{
    Program,
    client::{register_as, sign_in_with},
    server::free_port,
    session::{Session, next, until},
};

/// A backend that can be killed and started again.
#[derive(Clone)]
struct LiveBackend {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_up: bool,
    /// All connections, to be cut.
    sockets: Vec<TcpStream>,
    /// Those on which it sends what it likes, and after which event each was to go on.
    listeners: Vec<TcpStream>,
    places: Vec<Option<String>>,
    sessions: BTreeSet<String>,
    opened: usize,
    /// How often each work was done.
    done: BTreeMap<String, usize>,
    /// What it was told that needs no answer.
    told: Vec<Value>,
}

const RESULT: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"orders","version":"1"}}"#;
const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

impl LiveBackend {
    fn start() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let listener = TcpListener::bind(address).unwrap();
        let backend = Self {
            address,
            state: Arc::default(),
        };
        backend.listen(listener);
        backend
    }

    fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn listen(&self, listener: TcpListener) {
        self.state().is_up = true;
        let backend = self.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (one, socket) = (backend.clone(), socket.unwrap());
                let mut state = backend.state();
                if !state.is_up {
                    return;
                }
                state.sockets.push(socket.try_clone().unwrap());
                drop(state);
                std::thread::spawn(move || one.serve(socket));
            }
        });
    }

    /// Cuts all connections, forgets all sessions and takes no more.
    fn kill(&self) {
        let mut state = self.state();
        state.is_up = false;
        state.sessions.clear();
        state.listeners.clear();
        for socket in std::mem::take(&mut state.sockets) {
            let _gone = socket.shutdown(Shutdown::Both);
        }
        drop(state);
        // Whoever waits for a connection finds out.
        let _refused = TcpStream::connect(self.address);
    }

    fn start_again(&self) {
        until("the port is free", || {
            match TcpListener::bind(self.address) {
                Ok(listener) => {
                    self.listen(listener);
                    true
                }
                Err(_) => false,
            }
        });
    }

    /// One request a connection. Whoever leaves early is no matter of the backend's.
    fn serve(&self, socket: TcpStream) {
        let text =
            std::panic::catch_unwind(|| request(&mut BufReader::new(socket.try_clone().unwrap())));
        if let Ok(text) = text {
            let _left = self.answer(socket, &text);
        }
    }

    fn answer(&self, mut socket: TcpStream, text: &str) -> std::io::Result<()> {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let session = header(head, "mcp-session-id");
        let message: Value = serde_json::from_str(body).unwrap_or_default();
        let mut state = self.state();
        if message["method"] == "initialize" {
            // When the server starts it asks in nobody's name.
            state.opened += usize::from(header(head, "entra-mcp-assertion").is_some());
            let name = format!("session-{}", state.opened);
            state.sessions.insert(name.clone());
            drop(state);
            let body = format!(
                r#"{{"result":{RESULT},"jsonrpc":"2.0","id":{}}}"#,
                message["id"]
            );
            return respond(
                &mut socket,
                "200 OK",
                &format!("mcp-session-id: {name}\r\n"),
                &body,
            );
        }
        if !session.is_some_and(|session| state.sessions.contains(session)) {
            drop(state);
            return respond(&mut socket, "404 Not Found", "", "");
        }
        if head.starts_with("GET ") {
            socket.write_all(STREAM.as_bytes())?;
            let place = header(head, "last-event-id").map(str::to_owned);
            state.places.push(place);
            state.listeners.push(socket);
            return Ok(());
        }
        if message["method"] == "tools/call" {
            drop(state);
            return self.work(&mut socket, &message);
        }
        state.told.push(message);
        drop(state);
        respond(&mut socket, "202 Accepted", "", "")
    }

    /// A tool that says how far it is, takes its time and gives back what it was given.
    fn work(&self, socket: &mut TcpStream, message: &Value) -> std::io::Result<()> {
        let arguments = &message["params"]["arguments"];
        let key = arguments["key"].as_str().unwrap();
        *self.state().done.entry(key.to_owned()).or_default() += 1;
        socket.write_all(STREAM.as_bytes())?;
        let token = &message["params"]["_meta"]["progressToken"];
        if !token.is_null() {
            let progress = json!({"progressToken": token, "progress": 1, "message": key});
            let progress =
                json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress});
            socket.write_all(format!("data: {progress}\n\n").as_bytes())?;
        }
        if arguments["asks"] == true {
            self.announce(
                1,
                &json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}),
            );
            until("it is answered", || {
                self.state().told.iter().any(|told| told["id"] == 1)
            });
        }
        std::thread::sleep(Duration::from_millis(
            arguments["milliseconds"].as_u64().unwrap_or(0),
        ));
        let content = json!([{"type": "text", "text": key}]);
        let result = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"content": content}});
        socket.write_all(format!("data: {result}\n\n").as_bytes())
    }

    /// Sends a message to whoever listens.
    fn announce(&self, id: u64, message: &Value) {
        until("somebody listens", || !self.state().listeners.is_empty());
        for socket in &mut self.state().listeners {
            let event = format!("id: {id}\nevent: message\ndata: {message}\n\n");
            socket.write_all(event.as_bytes()).unwrap();
        }
    }
}

fn respond(socket: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    socket.write_all((head + body).as_bytes())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines();
    lines.find_map(|line| {
        let (one, value) = line.split_once(':')?;
        one.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

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
