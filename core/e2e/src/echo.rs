//! A raw echo service behind a runtime's own inbound side, in this process: for what is decided of bytes,
//! time and connections before any service is asked. And a client that writes bytes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{limits, rate_limit::Subject};
use entra_mcp_http1::{RequestHead, Timeouts};
use entra_mcp_runtime::{InboundLimits, SessionKey, TokenHolder};
use http::{Request, Response, StatusCode, header};

use crate::unix::{self, AddressFamily, SocketType, socket};

/// A runtime whose inbound side can serve the echo service.
pub trait EchoRuntime {
    /// Starts a server without a limit of connections, which ends with the process.
    fn start(&self, timeouts: Timeouts) -> SocketAddr;

    /// Starts a server with these limits and the timeouts of every server.
    fn start_limited(&self, limits: InboundLimits) -> SocketAddr;

    /// Serves one connection on a thread that ends when the connection does.
    fn serve(&self, socket: TcpStream, timeouts: Timeouts) -> JoinHandle<()>;
}

/// What the echo service does with a request: its path says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echo {
    /// Responds with the method, the path and the body.
    Respond(String),
    /// Streams two events.
    Stream,
    /// Opens a stream, writes nothing and waits until the client disconnects.
    UntilDisconnected,
    /// Streams until the client disconnects, as fast as it can.
    Flood,
    /// Panics before it responds.
    Panic,
    /// Panics in the middle of a stream.
    PanicLate,
}

impl Echo {
    /// The events of [`Echo::Stream`].
    pub const EVENTS: [&[u8]; 2] = [b"data: 1\n\n", b"data: 2\n\n"];

    /// Returns the verdict by the head.
    ///
    /// # Errors
    ///
    /// The path is `/refused`.
    pub fn admit(head: &RequestHead) -> Result<usize, Box<Response<Bytes>>> {
        if head.uri.path() == "/refused" {
            let mut response = Response::new(Bytes::from_static(b"refused"));
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            return Err(Box::new(response));
        }
        Ok(if head.uri.path() == "/large" {
            limits::UNAUTHENTICATED_BODY_BYTES
        } else {
            1000
        })
    }

    /// Returns the user of a request that bears a token; each is good.
    #[must_use]
    pub fn holder(head: &RequestHead) -> Option<TokenHolder> {
        let token = head.headers.get(&header::AUTHORIZATION);
        token.map(|_| TokenHolder {
            session: SessionKey::from([1; 16]),
            subject: Subject::of("user"),
        })
    }

    /// Returns what to do with a request.
    #[must_use]
    pub fn of(request: &Request<Bytes>) -> Self {
        match request.uri().path() {
            "/stream" => Self::Stream,
            "/until-disconnected" => Self::UntilDisconnected,
            "/flood" => Self::Flood,
            "/panic" => Self::Panic,
            "/panic-late" => Self::PanicLate,
            "/large" => Self::Respond(request.body().len().to_string()),
            path => {
                let body = String::from_utf8_lossy(request.body());
                let text = format!("{} {path} {body}", request.method());
                Self::Respond(text)
            }
        }
    }
}

const SHORT: Duration = Duration::from_millis(80);

/// Timeouts that a test can wait for.
pub const TIMEOUTS: Timeouts = Timeouts {
    idle: SHORT,
    head: SHORT,
    body: SHORT,
    write: Duration::from_millis(300),
};

/// Opens a connection on which nothing is waited for without an end.
#[must_use]
pub fn connect(address: SocketAddr) -> TcpStream {
    connect_from("127.0.0.1", address)
}

/// The same, from one of the many addresses of this machine (Linux).
#[must_use]
pub fn connect_from(from: &str, address: SocketAddr) -> TcpStream {
    let from = SocketAddr::new(from.parse().unwrap(), 0);
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    unix::bind(&bound, &from).unwrap();
    unix::connect(&bound, &address).unwrap();
    let socket = TcpStream::from(bound);
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    socket
}

/// Opens the one connection of a server; the thread ends when the connection does.
pub fn one_connection(runtime: &impl EchoRuntime) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(listener.local_addr().unwrap());
    let (socket, _) = listener.accept().unwrap();
    (client, runtime.serve(socket, TIMEOUTS))
}

/// Sends bytes and reads until the server closes.
pub fn talk(socket: &mut TcpStream, bytes: &[u8]) -> String {
    let mut rest = bytes;
    while !rest.is_empty() {
        match socket.write(rest) {
            Ok(length) => rest = rest.get(length..).unwrap_or_default(),
            // The server has closed: what it sent before is to be read.
            Err(_) => break,
        }
    }
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = socket.read(&mut chunk) {
        received.extend_from_slice(chunk.get(..length).unwrap_or_default());
    }
    String::from_utf8(received).unwrap()
}

/// Sends bytes to a server of their own and returns all that it sends until it closes.
pub fn exchange(runtime: &impl EchoRuntime, bytes: &[u8]) -> String {
    talk(&mut connect(runtime.start(TIMEOUTS)), bytes)
}

/// The statuses of all responses.
#[must_use]
pub fn statuses(received: &str) -> Vec<u16> {
    received
        .match_indices("HTTP/1.")
        .map(|(place, _)| {
            received
                .get(place + 9..place + 12)
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect()
}

/// Asserts that each of these gets one response, with this status, and nothing behind it is served.
pub fn assert_refused(runtime: &impl EchoRuntime, status: u16, requests: &[&str]) {
    for request in requests {
        let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
        let received = exchange(runtime, format!("{request}{hidden}").as_bytes());
        assert_eq!(statuses(&received), [status], "{request:?}: {received}");
        assert!(
            received.contains("connection: close\r\n"),
            "{request:?}: {received}"
        );
    }
}
