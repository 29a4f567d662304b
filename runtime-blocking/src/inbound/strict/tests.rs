//! A client that writes bytes, against the strict loop on a real socket.

mod framing;
mod peers;

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
};

use entra_mcp_core::admit::Admission;
use http::{StatusCode, request::Parts};

use super::*;

const SHORT: Duration = Duration::from_millis(80);

const PATIENCE: Patience = Patience {
    idle: SHORT,
    head: SHORT,
    body: SHORT,
    write: Duration::from_millis(300),
};

/// Says what it was asked: `METHOD path body`.
struct Echo;

impl Service for Echo {
    fn admit(&self, head: &Parts) -> Result<Admission, Box<Response<Bytes>>> {
        if head.uri.path() == "/refused" {
            let mut answer = Response::new(Bytes::from_static(b"refused"));
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            return Err(Box::new(answer));
        }
        Ok(Admission { body_limit: 1000 })
    }

    fn serve(&self, request: Request<Bytes>, peer: &mut dyn Peer) {
        match request.uri().path() {
            "/panic" => panic!("a bug"),
            "/panic-late" => {
                peer.open(Response::new(()));
                peer.write(b"half");
                panic!("a bug");
            }
            "/stream" => {
                peer.open(Response::new(()));
                peer.write(b"data: 1\n\n");
                peer.write(b"data: 2\n\n");
                peer.close();
            }
            "/until-gone" => {
                peer.open(Response::new(()));
                while !peer.is_gone() {
                    std::thread::yield_now();
                }
            }
            "/flood" => {
                peer.open(Response::new(()));
                while !peer.is_gone() {
                    peer.write(&[b'x'; 64 * 1024]);
                }
            }
            path => {
                let body = String::from_utf8_lossy(request.body());
                let said = format!("{} {path} {body}", request.method());
                peer.respond(Response::new(Bytes::from(said)));
            }
        }
    }
}

/// A server for the tests of one thread, and what became of its connections.
fn server(patience: Patience) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            std::thread::spawn(move || connection(socket.unwrap(), &Echo, patience));
        }
    });
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    socket
}

/// Sends bytes, waits until the server closes; all that it said.
fn said(bytes: &[u8]) -> String {
    talk(&mut connect(server(PATIENCE)), bytes)
}

fn talk(socket: &mut TcpStream, bytes: &[u8]) -> String {
    let mut rest = bytes;
    while !rest.is_empty() {
        match socket.write(rest) {
            Ok(length) => rest = &rest[length..],
            // It closed on us: what it said before is to be read.
            Err(_) => break,
        }
    }
    let mut said = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = socket.read(&mut chunk) {
        said.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(said).unwrap()
}

/// The statuses of all answers.
fn statuses(said: &str) -> Vec<u16> {
    said.match_indices("HTTP/1.1 ")
        .map(|(place, _)| said.get(place + 9..place + 12).unwrap().parse().unwrap())
        .collect()
}

/// Every one of these is answered once, with this status, and nothing behind it is served.
fn refused(status: u16, requests: &[&str]) {
    for request in requests {
        let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
        let said = said(format!("{request}{hidden}").as_bytes());
        assert_eq!(statuses(&said), [status], "{request:?}: {said}");
        assert!(
            said.contains("connection: close\r\n"),
            "{request:?}: {said}"
        );
    }
}

#[test]
fn a_request_is_answered_and_the_connection_kept() {
    let said = said(
        b"GET /a?b=c HTTP/1.1\r\nHost: localhost:3001\r\n\r\n\
          POST /b HTTP/1.1\r\nhost: a\r\nContent-Length: 4\r\n\r\nbody\
          \r\nGET /c HTTP/1.1\r\nHost: [::1]:3001\r\nConnection: x, Close\r\n\r\n\
          GET /never HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(statuses(&said), [200, 200, 200], "{said}");
    // HTTP-20: in their order.
    let places = ["GET /a ", "POST /b body", "GET /c "].map(|text| said.find(text).unwrap());
    assert!(places.is_sorted(), "{said}");
    assert_eq!(said.matches("connection: close").count(), 1);
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let patience = Patience {
        head: Duration::from_secs(10),
        body: Duration::from_secs(10),
        ..PATIENCE
    };
    let mut socket = connect(server(patience));
    socket.set_nodelay(true).unwrap();
    let request = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
        3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for byte in request {
        socket.write_all(&[*byte]).unwrap();
    }
    let said = talk(&mut socket, b"");
    assert!(said.ends_with("POST /a abc0123456789"), "{said}");
}
