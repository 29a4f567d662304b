//! Large, slow, leaving and many peers, streams and panics (threats L11, L13, M6 to M11).

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use entra_mcp_core::limits;

use super::*;

// L11
#[test]
fn heads_are_bounded_in_bytes_and_number() {
    let many = "X-A: b\r\n".repeat(limits::HEAD_FIELDS);
    refused(431, &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")]);
    let big = "x".repeat(limits::HEAD_BYTES);
    refused(
        431,
        &[&format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {big}\r\n\r\n")],
    );
    let endless = "X-A: b\r\n".repeat(100_000);
    refused(431, &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{endless}")]);
    let long = "x".repeat(limits::TARGET_BYTES);
    refused(414, &[&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")]);
    let longer = "x".repeat(10 * limits::TARGET_BYTES);
    refused(
        414,
        &[&format!("GET /{longer} HTTP/1.1\r\nHost: a\r\n\r\n")],
    );
    let fits = "x".repeat(limits::TARGET_BYTES - 1);
    let request = format!("GET /{fits} HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&said(request.as_bytes())), [200]);
}

// M6
#[test]
fn a_slow_head_or_body_is_cut_off_and_an_idle_connection_closed() {
    assert_eq!(statuses(&said(b"GET / HTTP/1.1\r\nHost: a\r\n")), [408]);
    assert_eq!(said(b""), "", "nothing was asked");
    let body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo";
    assert_eq!(statuses(&said(body)), [408]);
    let chunk = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo";
    assert_eq!(statuses(&said(chunk)), [408]);
}

// M8
#[test]
fn a_body_beyond_its_limit_is_refused_before_it_is_read() {
    refused(
        413,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n",
        ],
    );
    let chunk = format!("64\r\n{}\r\n", "x".repeat(100)).repeat(11);
    let endless =
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    refused(413, &[&endless]);
}

// L13
#[test]
fn who_expects_is_answered_by_the_verdict_on_the_head() {
    let head = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let mut socket = connect(server(Timeouts::NORMAL, PermitKind::Normal));
    socket
        .write_all(format!("POST /a HTTP/1.1\r\nConnection: close\r\n{head}").as_bytes())
        .unwrap();
    let mut invited = [0; 25];
    socket.read_exact(&mut invited).unwrap();
    assert_eq!(&invited, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(talk(&mut socket, b"body").ends_with("POST /a body"));
    refused(401, &[&format!("POST /refused HTTP/1.1\r\n{head}")]);
    refused(
        417,
        &["POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 4\r\n\r\nbody"],
    );
}

// L13
#[test]
fn no_upgrade_is_entered() {
    let said = said(
        b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
          HTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    assert_eq!(statuses(&said), [200], "{said}");
}

// L13
#[test]
fn head_has_no_body() {
    let said = said(b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&said), [200, 200]);
    assert!(said.contains("content-length: 8\r\n"), "{said}");
    assert!(!said.contains("HEAD"), "{said}");
}

#[test]
fn a_stream_goes_out_piece_by_piece_and_the_connection_is_kept() {
    let said = said(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    let chunks = "\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\nHTTP/1.1 200";
    assert!(said.contains(chunks), "{said}");
}

#[test]
fn a_stream_to_http_1_0_ends_with_the_connection() {
    let said = said(b"GET /stream HTTP/1.0\r\nHost: a\r\n\r\n");
    assert!(!said.contains("chunked"), "{said}");
    assert!(said.ends_with("\r\n\r\ndata: 1\n\ndata: 2\n\n"), "{said}");
}

// O2
#[test]
fn a_panic_is_a_500_and_the_server_lives() {
    let said = said(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&said), [500, 200], "{said}");
}

#[test]
fn a_panic_inside_a_stream_ends_it_visibly_broken() {
    let said =
        said(b"GET /panic-late HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    // No last chunk, and no next answer: how much of the first half went out is chance.
    assert!(statuses(&said).len() <= 1, "{said}");
    assert!(said.is_empty() || said.ends_with("half\r\n"), "{said}");
}

/// Serves one connection on a thread that ends when the connection does.
fn one_connection() -> (TcpStream, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(listener.local_addr().unwrap());
    let (socket, _) = listener.accept().unwrap();
    let thread = std::thread::spawn(move || {
        let executor = Executor::new();
        let (_open, closing) = bounded(1);
        let socket = Async::new(socket).unwrap();
        let served = serve(
            socket,
            Arc::new(Echo),
            executor.clone(),
            permit(PermitKind::Normal),
            closing,
            TIMEOUTS,
        );
        executor.run(served).unwrap();
    });
    (client, thread)
}

// M11
#[test]
fn a_client_that_left_its_stream_is_noticed() {
    let (mut client, thread) = one_connection();
    client
        .write_all(b"GET /until-gone HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).unwrap();
    drop(client);
    thread.join().unwrap();
}

// M7
#[test]
fn a_reader_that_does_not_read_is_left() {
    let (mut client, thread) = one_connection();
    client
        .write_all(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    thread.join().unwrap();
    drop(client);
}

#[test]
fn whoever_asks_and_does_not_read_is_left_too() {
    let (mut client, thread) = one_connection();
    // It is said back.
    let path = "x".repeat(limits::TARGET_BYTES - 1);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n");
    while client.write_all(request.as_bytes()).is_ok() {}
    thread.join().unwrap();
}

// M10
#[test]
fn a_full_house_answers_health_and_metadata_and_turns_others_away() {
    let address = server(Timeouts::OVERFLOW, PermitKind::Overflow);
    for (request, status) in [
        ("GET /mcp", 503),
        ("POST /healthz", 503),
        ("GET /healthz", 200),
        ("GET /.well-known/oauth-authorization-server", 200),
    ] {
        let request = format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n");
        let said = talk(&mut connect(address), request.as_bytes());
        assert_eq!(statuses(&said), [status], "{request}: {said}");
        assert!(said.contains("connection: close\r\n"), "{said}");
    }
}

#[test]
fn when_the_server_ends_streams_end_and_idle_connections_close() {
    for (request, end) in [
        ("GET /until-gone HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\r\n"),
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a "),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = connect(listener.local_addr().unwrap());
        let (socket, _) = listener.accept().unwrap();
        let (open, closing) = bounded(1);
        let thread = std::thread::spawn(move || {
            let executor = Executor::new();
            let (socket, echo) = (Async::new(socket).unwrap(), Arc::new(Echo));
            let permit = permit(PermitKind::Normal);
            let served = serve(
                socket,
                echo,
                executor.clone(),
                permit,
                closing,
                Timeouts::NORMAL,
            );
            executor.run(served).unwrap();
        });
        client.write_all(request.as_bytes()).unwrap();
        client.read_exact(&mut [0]).unwrap();
        drop(open);
        let said = talk(&mut client, b"");
        assert!(said.ends_with(end), "{said}");
        drop(client);
        thread.join().unwrap();
    }
}
