//! A backend with sessions (2025-11-25) that lives in the test: it can be killed, started again, and made to say what it likes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufReader, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{cases::pulls::request, server::free_port, session::until};

/// A backend that can be killed and started again.
#[derive(Clone)]
pub(crate) struct LiveBackend {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    is_up: bool,
    /// All connections, to be cut.
    sockets: Vec<TcpStream>,
    /// Those on which it sends what it likes, and after which event each was to go on.
    pub(crate) listeners: Vec<TcpStream>,
    pub(crate) places: Vec<Option<String>>,
    sessions: BTreeSet<String>,
    pub(crate) opened: usize,
    /// How often each work was done.
    pub(crate) done: BTreeMap<String, usize>,
    /// What it was told that needs no answer.
    pub(crate) told: Vec<Value>,
    /// The sessions that it was told are over.
    pub(crate) ended: Vec<String>,
    /// How many answers to its pings it takes just now, and the most that it took at once.
    pub(crate) pongs: (usize, usize),
}

const RESULT: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true}},"serverInfo":{"name":"orders","version":"1"}}"#;
const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

impl LiveBackend {
    pub(crate) fn start() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let listener = TcpListener::bind(address).unwrap();
        let backend = Self {
            address,
            state: Arc::default(),
        };
        backend.listen(listener);
        backend
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
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
    pub(crate) fn kill(&self) {
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

    pub(crate) fn start_again(&self) {
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
        if head.starts_with("DELETE ") {
            let session = session.unwrap_or_default().to_owned();
            state.sessions.remove(&session);
            state.ended.push(session);
        } else if message["id"] == "ping" {
            let (now, most) = (state.pongs.0 + 1, state.pongs.1);
            state.pongs = (now, most.max(now));
            drop(state);
            std::thread::sleep(Duration::from_millis(5));
            state = self.state();
            state.pongs.0 -= 1;
        } else {
            let (method, id) = (message["method"].clone(), message["id"].clone());
            state.told.push(message);
            if method == "resources/subscribe" || method == "resources/unsubscribe" {
                drop(state);
                let body = json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string();
                return respond(&mut socket, "200 OK", "", &body);
            }
        }
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
        for _ in 0..arguments["pings"].as_u64().unwrap_or(0) {
            socket.write_all(
                b"data: {\"jsonrpc\":\"2.0\",\"id\":\"ping\",\"method\":\"ping\"}\n\n",
            )?;
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
    pub(crate) fn announce(&self, id: u64, message: &Value) {
        until("somebody listens", || !self.state().listeners.is_empty());
        for socket in &mut self.state().listeners {
            let event = format!("id: {id}\nevent: message\ndata: {message}\n\n");
            socket.write_all(event.as_bytes()).unwrap();
        }
    }
}

/// Answers a request as JSON, and says that the connection ends.
pub fn respond(
    socket: &mut TcpStream,
    status: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    socket.write_all((head + body).as_bytes())
}

/// The value of a header in a head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines();
    lines.find_map(|line| {
        let (one, value) = line.split_once(':')?;
        one.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
