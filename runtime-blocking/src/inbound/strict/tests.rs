//! A client that writes bytes, against the strict loop on a real socket.

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
        .map(|(place, _)| said[place + 9..place + 12].parse().unwrap())
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

// HTTP-01, L1
#[test]
fn a_length_and_a_coding_together_hide_no_request() {
    refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nbody",
        ],
    );
}

// HTTP-02, HTTP-04, L2, L4
#[test]
fn repeated_and_odd_lengths_are_refused() {
    let odd = [
        "4\r\nContent-Length: 5",
        "4\r\nContent-Length: 4",
        "4, 4",
        "+4",
        "-1",
        "0x4",
        "4 4",
        "4.0",
        "",
        "18446744073709551616",
        "99999999999999999999999999",
        "\u{664}",
    ];
    for length in odd {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nbody");
        refused(400, &[&request]);
    }
}

// HTTP-03, L3
#[test]
fn a_coding_that_is_not_plainly_chunked_is_refused() {
    let odd = [
        "identity",
        "xchunked",
        "chunked, chunked",
        "gzip, chunked",
        "chunked, identity",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked;q=1",
        "\"chunked\"",
        "\u{b}chunked",
        "",
    ];
    for coding in odd {
        let request =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        refused(400, &[&request]);
    }
    refused(
        400,
        &["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    );
}

// HTTP-05, L5
#[test]
fn malformed_chunks_are_refused() {
    let odd = [
        "x\r\n",
        "\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-1\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "FFFFFFFFFFFFFFFF0\r\nabc",
        "100000000000000003\r\nabc\r\n0\r\n\r\n",
        "3;x=\n\r\nabc\r\n0\r\n\r\n",
        "3;\0\r\nabc\r\n0\r\n\r\n",
        "0\r\nno field\r\n\r\n",
        "0\r\n: x\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\n\r\n",
    ];
    for chunks in odd {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        refused(400, &[&format!("{head}{chunks}")]);
    }
    let long = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;{}\r\nabc",
        "x".repeat(300)
    );
    refused(400, &[&long]);
}

// HTTP-05, M8: a small body in an endless wrapping
#[test]
fn chunks_that_are_nearly_all_extension_and_endless_trailers_are_refused() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = "x".repeat(200);
    let wrapped = format!("1;{extension}\r\na\r\n").repeat(200);
    refused(400, &[&format!("{head}{wrapped}0\r\n\r\n")]);
    let trailers = format!("X: {extension}\r\n").repeat(200);
    refused(400, &[&format!("{head}0\r\n{trailers}\r\n")]);
}

// HTTP-06, L6
#[test]
fn folded_and_broken_lines_are_refused() {
    let odd = [
        "X-A: b\r\n c",
        "X-A: b\r\n\tc",
        " X-A: b",
        "\tX-A: b",
        "X-A : b",
        "X-A\t: b",
        "X A: b",
        ": b",
        "no colon",
        "X-A: b\rc",
        "X-A: b\nX-B: c",
        "X-A: b\n",
        "X-A: \0",
        "X-A: \u{1}",
        "X-A: \u{7f}",
        "X-\u{e4}: b",
        "X-(A): b",
    ];
    for field in odd {
        refused(
            400,
            &[&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")],
        );
        refused(
            400,
            &[&format!("GET / HTTP/1.1\r\n{field}\r\nHost: a\r\n\r\n")],
        );
    }
    refused(
        400,
        &[
            "GET / HTTP/1.1\nHost: a\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
}

// HTTP-07, L8
#[test]
fn there_is_exactly_one_host_and_a_whole_one() {
    refused(
        400,
        &[
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n",
        ],
    );
}

// HTTP-08, L9
#[test]
fn a_request_line_that_is_not_ours_is_refused() {
    let odd = [
        "GET / HTTP/2.0",
        "GET / HTTP/1.2",
        "GET / HTTP/0.9",
        "GET / HTTP/01.1",
        "GET / http/1.1",
        "GET / HTTP/1.1 x",
        "GET / HTTP/1.1 ",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET",
        "get / HTTP/1.1",
        "Get / HTTP/1.1",
        "G/T / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET http://a/ HTTP/1.1",
        "GET a HTTP/1.1",
        "GET * HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT a:443 HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "GET /#fragment HTTP/1.1",
        "GET /\u{e4} HTTP/1.1",
        "GET /\u{7f} HTTP/1.1",
        "PRI * HTTP/2.0",
        "\u{16}\u{3}\u{1}",
    ];
    for line in odd {
        refused(400, &[&format!("{line}\r\nHost: a\r\n\r\n")]);
    }
}

// HTTP-09, L7
#[test]
fn a_refusal_before_the_body_is_read_leaves_no_request_behind() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    refused(
        401,
        &[
            &format!(
                "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
            "POST /refused HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        ],
    );
    let said =
        said(b"GET /refused HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        statuses(&said),
        [401, 200],
        "without a body the connection goes on: {said}"
    );
}

// HTTP-11, HTTP-12, HTTP-13, L11
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

// DOS-01, DOS-14, M6
#[test]
fn a_slow_head_or_body_is_cut_off_and_an_idle_connection_closed() {
    assert_eq!(statuses(&said(b"GET / HTTP/1.1\r\nHost: a\r\n")), [408]);
    assert_eq!(said(b""), "", "nothing was asked");
    let body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo";
    assert_eq!(statuses(&said(body)), [408]);
    let chunk = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo";
    assert_eq!(statuses(&said(chunk)), [408]);
}

// DOS-07, DOS-08, M8
#[test]
fn a_body_beyond_its_limit_is_refused_before_it_is_read() {
    refused(
        413,
        &[
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
        ],
    );
    let chunk = format!("64\r\n{}\r\n", "x".repeat(100)).repeat(11);
    let endless =
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    refused(413, &[&endless]);
}

// HTTP-18, L13
#[test]
fn who_expects_is_answered_by_the_verdict_on_the_head() {
    let head = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let mut socket = connect(server(Patience::USUAL));
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

// HTTP-17, L13
#[test]
fn no_upgrade_is_entered() {
    let said = said(
        b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
          HTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    assert_eq!(statuses(&said), [200], "{said}");
}

// HTTP-21
#[test]
fn head_has_no_body() {
    let said = said(b"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&said), [200, 200]);
    assert!(
        said.contains("content-length: 8\r\n\r\nHTTP/1.1 200"),
        "{said}"
    );
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
    assert!(said.ends_with("4\r\nhalf\r\n"), "{said}");
}

/// Serves one connection; the thread ends when the connection does.
fn one_connection() -> (TcpStream, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(listener.local_addr().unwrap());
    let (socket, _) = listener.accept().unwrap();
    let thread = std::thread::spawn(move || connection(socket, &Echo, PATIENCE));
    (client, thread)
}

// DOS-13, M11
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

// DOS-10, M7
#[test]
fn a_reader_that_does_not_read_is_left() {
    let (mut client, thread) = one_connection();
    client
        .write_all(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    thread.join().unwrap();
    drop(client);
}

// M10, DOS-11
#[test]
fn a_full_house_answers_health_and_metadata_and_turns_others_away() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let service: Arc<dyn Service> = Arc::new(Echo);
    // One place, and it is taken below.
    let gate = Arc::new(Gate::new(1));
    std::thread::spawn(move || serve(&listener, &service, &gate));
    let mut inside = connect(address);
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    inside.write_all(request("/stream").as_bytes()).unwrap();
    inside.read_exact(&mut [0]).unwrap();
    for (path, status) in [
        ("/mcp", 503),
        ("/healthz", 200),
        ("/.well-known/oauth-authorization-server", 200),
    ] {
        let said = talk(&mut connect(address), request(path).as_bytes());
        assert_eq!(statuses(&said), [status], "{path}: {said}");
        assert!(said.contains("connection: close\r\n"), "{said}");
    }
}
