//! The assertion, verified by a server of others as its makers have it: `JWTVerifier` of FastMCP, as `.ci/gateway` installs it. Without
//! that script there is no such server, and nothing to try.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    Program,
    server::free_port,
    session::{Session, text, until},
};

/// Ends with the test.
struct Verifier(Child);

impl Drop for Verifier {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The status of a request that comes past the gateway.
fn status(port: u16, bearer: Option<&str>) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let body = crate::client::initialize("2025-11-25").to_string();
    let bearer = bearer.map(|bearer| format!("authorization: Bearer {bearer}\r\n"));
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\naccept: application/json, \
         text/event-stream\r\nconnection: close\r\n{}content-length: {}\r\n\r\n",
        bearer.unwrap_or_default(),
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    let _cut = socket.read_to_string(&mut answer);
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// R2. A server that verifies what it is sent, and was not changed for that, knows the user by the assertion, and takes neither a session
/// token nor an assertion that is over or for another backend.
pub fn assertion_is_verified_by_a_server_of_others(program: &Program) {
    let Ok(command) = std::env::var("GATEWAY_VERIFIER") else {
        return;
    };
    let port = free_port();
    let address = format!("http://127.0.0.1:{port}/mcp");
    let server = program.start_with(&["--backend", &address, "--identity", "bearer"]);
    let words: Vec<String> = serde_json::from_str(&command).unwrap();
    let child = Command::new(&words[0])
        .args(&words[1..])
        .args([port.to_string(), server.url(), address])
        .stdout(Stdio::null())
        .spawn();
    let _verifier = Verifier(child.unwrap());
    until("the verifying server listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let session = Session::of(&server, "alice");
    let told = session.call("whoami", &json!({}));
    assert!(text(&told).starts_with("alice"), "{told}");
    let told = session.call("verdicts", &json!({}));
    let verdicts: Value = serde_json::from_str(text(&told)).unwrap();
    let expected =
        json!({"as it is": true, "after two minutes": false, "for another backend": false});
    assert_eq!(verdicts, expected);
    assert_eq!(status(port, Some(&session.client.access_token)), "401");
    assert_eq!(status(port, None), "401");
}
