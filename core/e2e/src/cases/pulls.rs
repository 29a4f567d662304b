//! Requests to backends whose answers are read piece by piece: nothing is lost, nothing is read that was not let come,
//! and a cancelled one is closed.

use std::{
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{
    ask::{PIECE_BYTES, Pull, PullFault, PullLimits},
    config::{BackendAddress, Endpoint},
};
use entra_mcp_runtime::{BackendTls, PullMessage, egress::Egress};
use http::{HeaderMap, HeaderValue, Method, Response};

use crate::unix::{UnixListener, UnixStream};

/// A runtime whose requests to backends can be tried.
pub trait PullRuntime {
    /// Begins with no connections.
    fn puller(&self, tls: BackendTls) -> impl Fn(Pull) -> Box<dyn PullUnderWay>;
}

/// A request under way. To drop it cancels it.
pub trait PullUnderWay {
    /// Lets one more piece come.
    fn more(&mut self);

    /// Waits for what comes next.
    fn next(&mut self) -> PullMessage;

    /// Goes on until this is over, in which nothing may come.
    fn silent_until(&mut self, over: Box<dyn FnOnce() + Send>);
}

/// No limit that a test could meet.
pub(super) const PATIENT: PullLimits = PullLimits {
    connect: Duration::from_secs(60),
    whole: None,
    idle: None,
};

/// A `POST` to a backend.
pub(super) fn pull(address: &str) -> Pull {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("text/event-stream"));
    Pull {
        backend: Arc::new(BackendAddress::parse(address).unwrap()),
        endpoint: Endpoint::MAIN,
        method: Method::POST,
        headers,
        body: Bytes::from_static(b"{}"),
        limits: PATIENT,
    }
}

pub(super) fn public_tls() -> BackendTls {
    BackendTls::of_egress(&Egress::default())
}

/// A backend that does this with each connection, once a request was read, which arrives here. Returns its address.
pub(super) fn backend(
    answer: impl Fn(TcpStream) + Send + Clone + 'static,
) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mcp?a=b", listener.local_addr().unwrap());
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, asked, answer) = (socket.unwrap(), asked.clone(), answer.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                asked.send(request(&mut reader)).unwrap();
                answer(socket);
            });
        }
    });
    (address, asks)
}

/// Reads a request with its body, as it is on the wire.
pub(crate) fn request(reader: &mut impl std::io::BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let length = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

/// A backend that sends this and closes the connection.
pub(super) fn sending(answer: &'static str) -> (String, Receiver<String>) {
    backend(move |mut socket| socket.write_all(answer.as_bytes()).unwrap())
}

pub(super) fn head(under_way: &mut dyn PullUnderWay) -> Response<()> {
    match under_way.next() {
        PullMessage::Head(head) => head,
        other => panic!("no head: {other:?}"),
    }
}

/// Reads to the end.
pub(super) fn rest(under_way: &mut dyn PullUnderWay) -> (Vec<u8>, Result<(), PullFault>) {
    let mut body = Vec::new();
    loop {
        under_way.more();
        match under_way.next() {
            PullMessage::Piece(piece) => {
                assert!((1..=PIECE_BYTES).contains(&piece.len()), "{}", piece.len());
                body.extend_from_slice(&piece);
            }
            PullMessage::Ended(answer) => return (body, answer),
            PullMessage::Head(head) => panic!("a second head: {head:?}"),
        }
    }
}

pub(super) fn ended(under_way: &mut dyn PullUnderWay) -> Result<(), PullFault> {
    match under_way.next() {
        PullMessage::Ended(answer) => answer,
        other => panic!("not the end: {other:?}"),
    }
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// Nothing is sent that was not asked for.
pub fn pull_sends_no_headers_but_its_own(runtime: &impl PullRuntime) {
    let (address, asks) = sending("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
    let mut under_way = (runtime.puller(public_tls()))(pull(&address));
    assert_eq!(head(&mut *under_way).status(), 202);
    assert_eq!(rest(&mut *under_way), (Vec::new(), Ok(())));
    let asked = asks.recv().unwrap().to_lowercase();
    let mut lines: Vec<_> = asked.split("\r\n").collect();
    lines.sort_unstable();
    let host = address.split('/').nth(2).unwrap();
    let host = format!("host: {host}");
    assert_eq!(
        lines,
        [
            "",
            "accept: text/event-stream",
            "content-length: 2",
            &host,
            "post /mcp?a=b http/1.1",
            "user-agent: entra-mcp",
            "{}",
        ]
    );
}

/// Every status is an answer; no redirect is followed; interim responses are passed over.
pub fn pull_returns_every_status_and_follows_no_redirect(runtime: &impl PullRuntime) {
    for (answer, status, body) in [
        ("HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno", 401, "no"),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", 503, ""),
        (
            "HTTP/1.1 307 Go\r\nlocation: /x\r\ncontent-length: 2\r\n\r\ngo",
            307,
            "go",
        ),
        (
            "HTTP/1.1 307 Go\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
            307,
            "",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end",
            200,
            "to the end",
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            200,
            "ok",
        ),
    ] {
        let (address, asks) = sending(answer);
        let mut under_way = (runtime.puller(public_tls()))(pull(&address));
        assert_eq!(head(&mut *under_way).status(), status, "{answer}");
        let (read, end) = rest(&mut *under_way);
        assert_eq!((read, end), (body.as_bytes().to_vec(), Ok(())), "{answer}");
        asks.recv().unwrap();
        assert!(asks.try_recv().is_err(), "{answer}");
    }
}

/// Ten thousand events, each a chunk of its own, and one large one.
pub fn pull_loses_no_piece_of_a_long_stream(runtime: &impl PullRuntime) {
    let event = |number: usize| format!("id: {number}\ndata: {{\"n\":{number}}}\n\n");
    let large = "x".repeat(1 << 20);
    let sent = large.clone();
    let (address, _asks) = backend(move |mut socket| {
        socket.write_all(CHUNKED).unwrap();
        for number in 0..10_000 {
            let event = event(number);
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            socket.write_all(chunk.as_bytes()).unwrap();
        }
        let chunk = format!("{:x}\r\n{sent}\r\n0\r\n\r\n", sent.len());
        socket.write_all(chunk.as_bytes()).unwrap();
    });
    let mut under_way = (runtime.puller(public_tls()))(pull(&address));
    head(&mut *under_way);
    let (read, end) = rest(&mut *under_way);
    let expected: String = (0..10_000).map(event).collect();
    assert!(
        read == (expected + &large).as_bytes(),
        "{} bytes",
        read.len()
    );
    assert_eq!(end, Ok(()));
}

/// What was let come ahead comes without being asked for again.
pub fn pull_lets_come_what_was_allowed_before_the_head(runtime: &impl PullRuntime) {
    let (address, _asks) = sending("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let mut under_way = (runtime.puller(public_tls()))(pull(&address));
    for _ in 0..4 {
        under_way.more();
    }
    head(&mut *under_way);
    let mut read = Vec::new();
    let end = loop {
        match under_way.next() {
            PullMessage::Piece(piece) => read.extend_from_slice(&piece),
            PullMessage::Ended(end) => break end,
            PullMessage::Head(head) => panic!("a second head: {head:?}"),
        }
    };
    assert_eq!((&read[..], end), (&b"ok"[..], Ok(())));
}

/// R17. The backend sees it while its answer is open.
pub fn cancelled_pull_closes_its_connection(runtime: &impl PullRuntime) {
    for begin in [
        &b""[..],
        CHUNKED,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na",
    ] {
        let (closed, closes) = channel();
        let (address, asks) = backend(move |mut socket| {
            socket.write_all(begin).unwrap();
            // A connection that is closed with bytes unread is reset.
            let read = socket.read(&mut [0]);
            closed.send(read.unwrap_or(0)).unwrap();
        });
        let puller = runtime.puller(public_tls());
        let mut under_way = puller(pull(&address));
        if begin.is_empty() {
            under_way.silent_until(Box::new(move || drop(asks.recv().unwrap())));
        } else {
            head(&mut *under_way);
        }
        under_way.more();
        drop(under_way);
        assert_eq!(closes.recv().unwrap(), 0);
    }
}

/// R17. Without a `More` the bytes stay where they are: the backend has to wait, after no more than sockets hold.
pub fn pull_that_is_not_read_stops_the_backend(runtime: &impl PullRuntime) {
    const SENT: usize = 256 << 20;
    let (stopped, stops) = channel();
    let (address, _asks) = backend(move |mut socket| {
        socket
            .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            .unwrap();
        socket
            .set_write_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let (piece, mut sent) = ([0; 64 * 1024], 0);
        while let Ok(length) = socket.write(&piece)
            && sent < SENT
        {
            sent += length;
        }
        stopped.send(sent).unwrap();
        // Open until the other side has gone.
        let _ = socket.read(&mut [0]);
    });
    let mut under_way = (runtime.puller(public_tls()))(pull(&address));
    head(&mut *under_way);
    for _ in 0..10 {
        under_way.more();
        assert!(matches!(under_way.next(), PullMessage::Piece(_)));
    }
    under_way.silent_until(Box::new(move || {
        let sent = stops.recv().unwrap();
        assert!(sent < SENT / 4, "{sent} bytes were taken");
    }));
}

/// Its `Host` is `localhost`.
pub fn backend_is_reached_through_a_unix_socket(runtime: &impl PullRuntime) {
    let folder = std::env::temp_dir().join(format!("entra-mcp-pull-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("backend.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let served = std::thread::spawn(move || {
        let (mut socket, _): (UnixStream, _) = listener.accept().unwrap();
        let asked = request(&mut BufReader::new(socket.try_clone().unwrap()));
        socket
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .unwrap();
        asked
    });
    let address = format!("unix:{}:/mcp", path.display());
    let mut under_way = (runtime.puller(public_tls()))(pull(&address));
    assert_eq!(head(&mut *under_way).status(), 200);
    assert_eq!(rest(&mut *under_way), (b"ok".to_vec(), Ok(())));
    let asked = served.join().unwrap().to_lowercase();
    assert!(asked.starts_with("post /mcp http/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\nhost: localhost\r\n"), "{asked}");
    std::fs::remove_dir_all(&folder).unwrap();
}
