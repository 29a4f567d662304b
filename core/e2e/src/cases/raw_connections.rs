//! Connections: many requests on one, large and slow ones, streams and panics (threats L10, L11, L13, M6 to M9,
//! M11).

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use entra_mcp_core::limits;
use entra_mcp_http1::Timeouts;
use entra_mcp_runtime::{PermitKind, timeouts_of};

use crate::echo::{
    EchoRuntime, TIMEOUTS, assert_refused, connect, exchange, one_connection, statuses, talk,
};

/// L10. Until one of them asks to close.
pub fn pipelined_requests_share_a_connection_in_order(runtime: &impl EchoRuntime) {
    let received = exchange(
        runtime,
        b"GET /a?b=c HTTP/1.1\r\nHost: localhost:3001\r\n\r\n\
          POST /b HTTP/1.1\r\nhost: a\r\nContent-Length: 4\r\n\r\nbody\
          \r\nGET /c HTTP/1.1\r\nHost: [::1]:3001\r\nConnection: x, Close\r\n\r\n\
          GET /never HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(statuses(&received), [200, 200, 200], "{received}");
    // L10: in their order.
    let places = ["GET /a ", "POST /b body", "GET /c "].map(|text| received.find(text).unwrap());
    assert!(places.is_sorted(), "{received}");
    assert_eq!(received.matches("connection: close").count(), 1);
}

/// Where a read ends means nothing.
pub fn request_sent_byte_by_byte_is_answered(runtime: &impl EchoRuntime) {
    let timeouts = Timeouts {
        head: Duration::from_secs(10),
        body: Duration::from_secs(10),
        ..TIMEOUTS
    };
    let mut socket = connect(runtime.start(timeouts));
    socket.set_nodelay(true).unwrap();
    let request = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
        3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for byte in request {
        socket.write_all(&[*byte]).unwrap();
    }
    let received = talk(&mut socket, b"");
    assert!(received.ends_with("POST /a abc0123456789"), "{received}");
}

/// L11. In bytes, in fields and in the target.
pub fn oversized_heads_are_refused(runtime: &impl EchoRuntime) {
    let many = "X-A: b\r\n".repeat(limits::HEAD_FIELDS);
    assert_refused(
        runtime,
        431,
        &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")],
    );
    let big = "x".repeat(limits::HEAD_BYTES);
    assert_refused(
        runtime,
        431,
        &[&format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {big}\r\n\r\n")],
    );
    let endless = "X-A: b\r\n".repeat(100_000);
    assert_refused(
        runtime,
        431,
        &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{endless}")],
    );
    let long = "x".repeat(limits::TARGET_BYTES);
    assert_refused(
        runtime,
        414,
        &[&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")],
    );
    let longer = "x".repeat(10 * limits::TARGET_BYTES);
    assert_refused(
        runtime,
        414,
        &[&format!("GET /{longer} HTTP/1.1\r\nHost: a\r\n\r\n")],
    );
    let fits = "x".repeat(limits::TARGET_BYTES - 1);
    let request = format!("GET /{fits} HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&exchange(runtime, request.as_bytes())), [200]);
}

/// M6.
pub fn slow_heads_and_bodies_time_out_and_idle_connections_close(runtime: &impl EchoRuntime) {
    assert_eq!(
        statuses(&exchange(runtime, b"GET / HTTP/1.1\r\nHost: a\r\n")),
        [408]
    );
    assert_eq!(exchange(runtime, b""), "", "nothing was asked");
    let body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo";
    assert_eq!(statuses(&exchange(runtime, body)), [408]);
    let chunk = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo";
    assert_eq!(statuses(&exchange(runtime, chunk)), [408]);
}

/// M6: an empty line before a request may be passed over, but gives the head no more time.
pub fn empty_lines_before_a_request_do_not_renew_its_time(runtime: &impl EchoRuntime) {
    let mut socket = connect(runtime.start(TIMEOUTS));
    socket.set_read_timeout(Some(TIMEOUTS.head / 4)).unwrap();
    let closed = (0..100).any(|_| {
        let written = socket.write_all(b"\r\n");
        let read = socket.read(&mut [0; 512]);
        written.is_err() || read.is_ok()
    });
    assert!(closed, "the connection lives as long as empty lines come");
}

/// M8.
pub fn oversized_bodies_are_refused_before_they_are_read(runtime: &impl EchoRuntime) {
    assert_refused(
        runtime,
        413,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n",
        ],
    );
    let chunk = format!("64\r\n{}\r\n", "x".repeat(100)).repeat(11);
    let endless =
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    assert_refused(runtime, 413, &[&endless]);
}

/// L13. The verdict by the head comes before the body.
pub fn expect_continue_is_answered_after_admission(runtime: &impl EchoRuntime) {
    let head = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let mut socket = connect(runtime.start(timeouts_of(PermitKind::Normal)));
    socket
        .write_all(format!("POST /a HTTP/1.1\r\nConnection: close\r\n{head}").as_bytes())
        .unwrap();
    let mut invited = [0; 25];
    socket.read_exact(&mut invited).unwrap();
    assert_eq!(&invited, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(talk(&mut socket, b"body").ends_with("POST /a body"));
    assert_refused(
        runtime,
        401,
        &[&format!("POST /refused HTTP/1.1\r\n{head}")],
    );
    assert_refused(
        runtime,
        417,
        &["POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 4\r\n\r\nbody"],
    );
}

/// L13. The answer is that of HTTP/1.1.
pub fn upgrade_is_ignored(runtime: &impl EchoRuntime) {
    let received = exchange(
        runtime,
        b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
          HTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    assert_eq!(statuses(&received), [200], "{received}");
}

/// L13.
pub fn head_response_without_body_keeps_the_connection(runtime: &impl EchoRuntime) {
    let received = exchange(
        runtime,
        b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(statuses(&received), [200, 200]);
    assert!(received.contains("content-length: 8\r\n"), "{received}");
    assert!(!received.contains("HEAD"), "{received}");
}

/// A stream ends with its last chunk.
pub fn stream_is_sent_in_chunks_and_the_connection_kept(runtime: &impl EchoRuntime) {
    let received = exchange(
        runtime,
        b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let chunks = "\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\nHTTP/1.1 200";
    assert!(received.contains(chunks), "{received}");
}

/// HTTP/1.0 has no chunks.
pub fn stream_over_http_1_0_ends_with_the_connection(runtime: &impl EchoRuntime) {
    let received = exchange(runtime, b"GET /stream HTTP/1.0\r\nHost: a\r\n\r\n");
    assert!(!received.contains("chunked"), "{received}");
    assert!(
        received.ends_with("\r\n\r\ndata: 1\n\ndata: 2\n\n"),
        "{received}"
    );
}

/// O2. And the connection serves the next request.
pub fn panic_before_the_response_is_a_500(runtime: &impl EchoRuntime) {
    let received = exchange(
        runtime,
        b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(statuses(&received), [500, 200], "{received}");
}

/// O2. The client can tell that it did not end.
pub fn panic_inside_a_stream_leaves_it_unfinished(runtime: &impl EchoRuntime) {
    let received = exchange(
        runtime,
        b"GET /panic-late HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    // No last chunk, and no next answer: how much of the first half went out is chance.
    assert!(statuses(&received).len() <= 1, "{received}");
    assert!(
        received.is_empty() || received.ends_with("half\r\n"),
        "{received}"
    );
}

/// M11.
pub fn disconnect_during_a_stream_is_noticed(runtime: &impl EchoRuntime) {
    let (mut client, thread) = one_connection(runtime);
    client
        .write_all(b"GET /until-disconnected HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).unwrap();
    drop(client);
    thread.join().unwrap();
}

/// M7. Of a stream.
pub fn stalled_reader_is_disconnected(runtime: &impl EchoRuntime) {
    let (mut client, thread) = one_connection(runtime);
    client
        .write_all(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    thread.join().unwrap();
    drop(client);
}

/// M7. Of many responses.
pub fn client_that_reads_no_response_is_disconnected(runtime: &impl EchoRuntime) {
    let (mut client, thread) = one_connection(runtime);
    // The path comes back in the response.
    let path = "x".repeat(limits::TARGET_BYTES - 1);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n");
    while client.write_all(request.as_bytes()).is_ok() {}
    thread.join().unwrap();
}

/// RFC 9112 section 3.2.2.
pub fn absolute_target_is_served_as_its_path(runtime: &impl EchoRuntime) {
    let request = b"GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let received = exchange(runtime, request);
    assert_eq!(statuses(&received), [200], "{received}");
    assert!(received.ends_with("GET /b "), "{received}");
}
