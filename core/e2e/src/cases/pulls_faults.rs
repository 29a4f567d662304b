//! Requests to backends that come to no good end: broken answers, limits, nobody there.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use entra_mcp_core::ask::{Pull, PullFault, PullLimits};
use entra_mcp_runtime::PullMessage;

use super::pulls::{PATIENT, PullRuntime, backend, ended, public_tls, pull, rest, sending};

/// A connection that breaks, or an answer that is none, is not a nice end.
pub fn broken_answer_is_a_fault_of_the_pull(runtime: &impl PullRuntime) {
    for answer in [
        "",
        "HTTP/1.1 200",
        "no HTTP at all\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhalf\r\n",
    ] {
        let (address, _asks) = sending(answer);
        let mut under_way = (runtime.puller(public_tls()))(pull(&address));
        let fault = match under_way.next() {
            PullMessage::Ended(end) => end,
            PullMessage::Head(_) => rest(&mut *under_way).1,
            PullMessage::Piece(piece) => panic!("a piece without a head: {piece:?}"),
        };
        assert_eq!(fault, Err(PullFault::Broken), "{answer:?}");
    }
}

/// R17. A head without end is given up.
pub fn endless_head_is_a_fault_of_the_pull(runtime: &impl PullRuntime) {
    let (address, _asks) = backend(|mut socket| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while socket.write_all(&[b'a'; 1024]).is_ok() {}
    });
    let mut under_way = (runtime.puller(public_tls()))(pull(&address));
    assert_eq!(ended(&mut *under_way), Err(PullFault::Broken));
}

/// R17. Each limit ends it: before the head, between pieces, while bytes drip, and while nobody reads.
pub fn pull_ends_at_its_limits(runtime: &impl PullRuntime) {
    let short = Some(Duration::from_millis(100));
    let (whole, idle) = (
        PullLimits {
            whole: short,
            ..PATIENT
        },
        PullLimits {
            idle: short,
            ..PATIENT
        },
    );
    for (begin, limits, reads) in [
        ("", whole, true),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n",
            whole,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n",
            whole,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n",
            idle,
            true,
        ),
    ] {
        let drips = limits == whole;
        let (address, _asks) = backend(move |mut socket| {
            let _ = socket.write_all(begin.as_bytes());
            while drips && !begin.is_empty() && socket.write_all(b"a").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = socket.read(&mut [0]);
        });
        let mut under_way = (runtime.puller(public_tls()))(Pull {
            limits,
            ..pull(&address)
        });
        let end = match under_way.next() {
            PullMessage::Ended(end) => end,
            PullMessage::Head(_) if reads => rest(&mut *under_way).1,
            PullMessage::Head(_) => ended(&mut *under_way),
            PullMessage::Piece(piece) => panic!("a piece without a head: {piece:?}"),
        };
        assert_eq!(
            end,
            Err(PullFault::TimedOut),
            "{begin:?} {limits:?} {reads}"
        );
    }
}

/// Nobody is there, or it has no name: nothing was sent.
pub fn absent_backend_is_unreachable(runtime: &impl PullRuntime) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let absent = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    for address in [
        absent.as_str(),
        "http://backend.invalid/mcp",
        "unix:/nonexistent/x.sock:/mcp",
    ] {
        let mut under_way = (runtime.puller(public_tls()))(pull(address));
        assert_eq!(
            ended(&mut *under_way),
            Err(PullFault::Unreachable),
            "{address}"
        );
    }
}
