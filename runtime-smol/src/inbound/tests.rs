//! A client that writes bytes, against the connection loop on a real socket.

mod echo;
mod framing;
mod peers;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use async_channel::bounded;
use async_io::Async;
use entra_mcp_runtime::{ConnectionLimit, ConnectionPermit, PermitKind};

use self::echo::{Echo, connect, statuses, talk};
use super::{connection::serve, wire::Timeouts};
use crate::executor::Executor;

const SHORT: Duration = Duration::from_millis(80);

const TIMEOUTS: Timeouts = Timeouts {
    idle: SHORT,
    head: SHORT,
    body: SHORT,
    write: Duration::from_millis(300),
};

/// A place in a house that is full, or is not.
fn permit(kind: PermitKind) -> ConnectionPermit {
    let limit = ConnectionLimit::new(match kind {
        PermitKind::Normal => 1,
        PermitKind::Overflow => 0,
    });
    Arc::new(limit).acquire().unwrap()
}

/// A server for the tests of one thread, which ends with the process.
fn server(timeouts: Timeouts, kind: PermitKind) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let executor = Executor::new();
    let accept = {
        let executor = executor.clone();
        async move {
            let listener = Async::new(listener).unwrap();
            let (open, closing) = bounded(1);
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (served, closing) = (executor.clone(), closing.clone());
                executor.spawn(async move {
                    serve(
                        socket,
                        Arc::new(Echo),
                        served,
                        permit(kind),
                        closing,
                        timeouts,
                    )
                    .await;
                });
                let _ = &open;
            }
        }
    };
    std::thread::spawn(move || executor.run(accept));
    address
}

/// Sends bytes, waits until the server closes; all that it said.
fn said(bytes: &[u8]) -> String {
    talk(&mut connect(server(TIMEOUTS, PermitKind::Normal)), bytes)
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
    // L10: in their order.
    let places = ["GET /a ", "POST /b body", "GET /c "].map(|text| said.find(text).unwrap());
    assert!(places.is_sorted(), "{said}");
    assert_eq!(said.matches("connection: close").count(), 1);
}

#[test]
fn a_request_may_come_byte_by_byte() {
    use std::io::Write as _;
    let timeouts = Timeouts {
        head: Duration::from_secs(10),
        body: Duration::from_secs(10),
        ..TIMEOUTS
    };
    let mut socket = connect(server(timeouts, PermitKind::Normal));
    socket.set_nodelay(true).unwrap();
    let request = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
        3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for byte in request {
        socket.write_all(&[*byte]).unwrap();
    }
    let said = talk(&mut socket, b"");
    assert!(said.ends_with("POST /a abc0123456789"), "{said}");
}
