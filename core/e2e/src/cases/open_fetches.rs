//! Fetches of which the body is kept open, as a runtime's outbound side reads them: piece by piece, and only what is wanted.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::ask::{Fetch, FetchFault, FetchTarget, PIECE_BYTES};
use http::{Request, Response};

use super::outbound::FetchRuntime;

const LONG: Duration = Duration::from_secs(20);

/// Reads the next piece of a body; `None` at the end. To drop it closes the connection.
pub type Pieces = Box<dyn FnMut() -> Result<Option<Bytes>, FetchFault>>;

/// An answer, and what was kept open of it.
pub type Opened = Result<(Response<Bytes>, Option<Pieces>), FetchFault>;

/// A host that does this with whoever connects, once the head of a request has come; what came of that arrives here.
fn host<T: Send + 'static>(
    answer: impl Fn(TcpStream) -> T + Send + 'static,
) -> (String, Receiver<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let (did, done) = channel();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            if did.send(answer(socket)).is_err() {
                return;
            }
        }
    });
    (uri, done)
}

fn open(runtime: &impl FetchRuntime, uri: &str, piece: Duration, whole: Duration) -> Opened {
    let request = Request::get(uri).body(Bytes::new()).unwrap();
    let fetch = Fetch {
        target: FetchTarget::Configured(request),
        body_limit: 10,
        within: piece,
        kept_open: Some(whole),
    };
    runtime.opener()(fetch, whole)
}

fn body(runtime: &impl FetchRuntime, uri: &str, piece: Duration, whole: Duration) -> Pieces {
    let (head, pieces) = open(runtime, uri, piece, whole).unwrap();
    assert!(head.body().is_empty());
    pieces.unwrap()
}

/// Whatever its size and however it is delimited, no piece is larger than one may be.
pub fn body_that_is_kept_open_comes_piece_by_piece(runtime: &impl FetchRuntime) {
    const LENGTH: usize = 3 * 1024 * 1024 + 7;
    for head in [
        format!("content-length: {LENGTH}\r\n\r\n"),
        "connection: close\r\n\r\n".to_owned(),
        format!("transfer-encoding: chunked\r\n\r\n{LENGTH:x}\r\n"),
    ] {
        let end = if head.contains("chunked") {
            "\r\n0\r\n\r\n"
        } else {
            ""
        };
        let (uri, _done) = host(move |mut socket| {
            let content: Vec<_> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
            let head = format!("HTTP/1.1 200 OK\r\n{head}");
            for part in [head.as_bytes(), &content, end.as_bytes()] {
                socket.write_all(part).unwrap();
            }
        });
        let mut next = body(runtime, &uri, LONG, LONG);
        let mut read = 0;
        while let Some(piece) = next().unwrap() {
            assert!((1..=PIECE_BYTES).contains(&piece.len()));
            for byte in piece {
                assert_eq!(usize::from(byte), read % 251);
                read += 1;
            }
        }
        assert_eq!(read, LENGTH);
        assert_eq!(next(), Ok(None));
    }
}

/// What an error says is read at once, and is under the limit.
pub fn answer_that_is_no_success_is_not_kept_open(runtime: &impl FetchRuntime) {
    for (length, expected) in [(10, Ok(10)), (11, Err(FetchFault::TooLarge))] {
        let (uri, _done) = host(move |mut socket| {
            let words = "x".repeat(length);
            write!(
                socket,
                "HTTP/1.1 404 No\r\ncontent-length: {length}\r\n\r\n{words}"
            )
            .unwrap();
        });
        let answer = open(runtime, &uri, LONG, LONG).map(|(whole, pieces)| {
            assert!(pieces.is_none());
            whole.body().len()
        });
        assert_eq!(answer, expected);
    }
}

/// The sockets hold some of it, and that is all; and who wants no more has closed the connection.
pub fn body_that_is_not_read_stops_its_host(runtime: &impl FetchRuntime) {
    let (uri, done) = host(|mut socket| {
        let piece = vec![b'x'; PIECE_BYTES];
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        (0..4096).try_for_each(|_| socket.write_all(&piece)).is_ok()
    });
    let mut next = body(runtime, &uri, LONG, LONG);
    assert!(next().unwrap().is_some());
    let waited = done.recv_timeout(Duration::from_millis(300));
    assert_eq!(waited, Err(RecvTimeoutError::Timeout), "256 MiB were taken");
    drop(next);
    assert_eq!(
        done.recv_timeout(LONG),
        Ok(false),
        "the connection is closed"
    );
}

/// Whoever has read a part of it is told that this is not all.
pub fn body_without_its_end_is_a_fault(runtime: &impl FetchRuntime) {
    let half = |mut socket: TcpStream| {
        socket
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            .unwrap();
        socket
    };
    let (uri, _done) = host(move |socket| drop(half(socket)));
    let mut next = body(runtime, &uri, LONG, LONG);
    assert_eq!(next(), Ok(Some(Bytes::from_static(b"half"))));
    assert_eq!(next(), Err(FetchFault::Unreachable));
    // The host keeps the connection open, and is silent.
    let (uri, _sockets) = host(half);
    let short = Duration::from_millis(300);
    for (piece, whole) in [(short, LONG), (LONG, short)] {
        let opened = open(runtime, &uri, piece, whole);
        // On a machine with much to do the head is late already.
        let Ok((_, pieces)) = opened else { continue };
        let next = pieces.unwrap();
        let late = std::iter::repeat_with(next).find(|piece| !matches!(piece, Ok(Some(_))));
        assert_eq!(late, Some(Err(FetchFault::TimedOut)));
    }
}
