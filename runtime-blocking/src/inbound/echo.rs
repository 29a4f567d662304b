//! For tests of both implementations: a service that says what it was asked, and a client that
//! writes bytes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::admit::Admission;
use http::{Request, Response, StatusCode, request::Parts};

use super::{ResponseWriter, Service};

/// Says what it was asked: `METHOD path body`.
pub(super) struct Echo;

impl Service for Echo {
    fn admit(&self, head: &Parts) -> Result<Admission, Box<Response<Bytes>>> {
        if head.uri.path() == "/refused" {
            let mut answer = Response::new(Bytes::from_static(b"refused"));
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            return Err(Box::new(answer));
        }
        Ok(Admission { body_limit: 1000 })
    }

    fn serve(&self, request: Request<Bytes>, writer: &mut dyn ResponseWriter) {
        match request.uri().path() {
            "/panic" => panic!("a bug"),
            "/panic-late" => {
                writer.open(Response::new(()));
                writer.write(b"half");
                panic!("a bug");
            }
            "/stream" => {
                writer.open(Response::new(()));
                writer.write(b"data: 1\n\n");
                writer.write(b"data: 2\n\n");
                writer.close();
            }
            "/until-gone" => {
                writer.open(Response::new(()));
                while !writer.is_disconnected() {
                    std::thread::yield_now();
                }
            }
            "/flood" => {
                writer.open(Response::new(()));
                while !writer.is_disconnected() {
                    writer.write(&[b'x'; 64 * 1024]);
                }
            }
            path => {
                let body = String::from_utf8_lossy(request.body());
                let said = format!("{} {path} {body}", request.method());
                writer.respond(Response::new(Bytes::from(said)));
            }
        }
    }
}

/// A connection that does not wait for ever.
pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    socket
}

/// Sends bytes, reads until the server closes.
pub(super) fn talk(socket: &mut TcpStream, bytes: &[u8]) -> String {
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
pub(super) fn statuses(said: &str) -> Vec<u16> {
    said.match_indices("HTTP/1.1 ")
        .map(|(place, _)| said.get(place + 9..place + 12).unwrap().parse().unwrap())
        .collect()
}
