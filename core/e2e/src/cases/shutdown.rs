//! What is under way when the server is asked to end.

use std::{
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::json;

use super::{gateway_tls::answer, pulls::request};
use crate::{
    Program,
    session::{Session, next, until},
};

/// A backend whose only tool reports progress, and once it is told to, goes on until it has reported a hundred times more.
fn slow_backend() -> (String, impl Fn()) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (go_on, told) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            // Whoever leaves early is no matter of the backend's.
            let _left = serve(&mut socket.unwrap(), &told);
        }
    });
    (address, move || go_on.send(()).unwrap())
}

fn serve(socket: &mut TcpStream, told: &Receiver<()>) -> std::io::Result<()> {
    let text = request(&mut BufReader::new(socket.try_clone()?));
    if !text.contains("\"tools/call\"") {
        return socket.write_all(answer(&text).as_bytes());
    }
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let message: serde_json::Value = serde_json::from_str(body)?;
    let token = &message["params"]["_meta"]["progressToken"];
    let progress = json!({"progressToken": token, "progress": 0.5});
    let method = "notifications/progress";
    let progress = json!({"jsonrpc": "2.0", "method": method, "params": progress});
    let content = json!([{"type": "text", "text": "done"}]);
    let result = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"content": content}});
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    socket.write_all(format!("{head}data: {progress}\n\n").as_bytes())?;
    let _ = told.recv();
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(10));
        socket.write_all(format!("data: {progress}\n\n").as_bytes())?;
    }
    socket.write_all(format!("data: {result}\n\n").as_bytes())
}

/// A call that has begun to answer by a stream has `--shutdown-timeout` for the rest, as any other.
pub fn call_with_progress_is_answered_while_the_server_shuts_down(program: &Program) {
    let (backend, go_on) = slow_backend();
    let server = program.start_with(&["--backend", &backend, "--shutdown-timeout", "1m"]);
    let session = Session::of(&server, "alice");
    let params = json!({"name": "ask", "arguments": {}, "_meta": {"progressToken": 1}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    until("the call has reported progress", || {
        next(&mut events)["method"] == "notifications/progress"
    });
    server.signal("TERM");
    go_on();
    let result = std::iter::from_fn(|| Some(next(&mut events)))
        .find(|message| message["method"].is_null())
        .unwrap();
    assert_eq!(result["result"]["content"][0]["text"], "done", "{result}");
    assert!(events.next_event().is_ok_and(|event| event.is_none()));
}
