//! Fetches, as a runtime's outbound side performs them: limits, timeouts, and which addresses are dialled.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::ask::{Ask, Fetch, FetchFault, FetchTarget};
use entra_mcp_runtime::egress::{Egress, Proxy};
use http::Request;

use super::open_fetches::Opened;

/// A runtime whose outbound side can be tried.
pub trait FetchRuntime {
    /// Returns an outbound side without connections, which makes them so.
    fn fetcher(&self, egress: Egress) -> impl Fn(Fetch) -> <Fetch as Ask>::Answer;

    /// Returns one that keeps the body of a good answer open for so long.
    fn opener(&self) -> impl Fn(Fetch, Duration) -> Opened;
}

/// A host that gives one answer to whoever connects; what it was asked arrives here.
fn host(answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            asked.send(head).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
            if answer.is_empty() {
                // The other side gives up first.
                let _ = reader.read_line(&mut String::new());
            }
        }
    });
    (address, asks)
}

fn fetch(uri: &str, target: impl FnOnce(Request<Bytes>) -> FetchTarget) -> Fetch {
    Fetch {
        target: target(Request::get(uri).body(Bytes::new()).unwrap()),
        body_limit: 10,
        within: Duration::from_secs(10),
        kept_open: None,
    }
}

fn fetched(runtime: &impl FetchRuntime, answer: &'static str) -> (<Fetch as Ask>::Answer, String) {
    let (address, asks) = host(answer);
    let answer = (runtime.fetcher(Egress::default()))(fetch(
        &format!("http://{address}/a?b"),
        FetchTarget::Configured,
    ));
    (answer, asks.recv().unwrap())
}

/// Nothing is sent that was not asked for.
pub fn request_has_no_headers_but_its_own(runtime: &impl FetchRuntime) {
    let (answer, asked) = fetched(runtime, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody");
    assert_eq!(answer.unwrap().body(), "body");
    let mut lines: Vec<_> = asked.trim_end().lines().map(str::to_lowercase).collect();
    lines.retain(|line| !line.starts_with("host: "));
    assert_eq!(lines, ["get /a?b http/1.1", "user-agent: entra-mcp"]);
}

/// A body goes out with its length and type, and does not wait for an invitation.
pub fn request_body_has_its_length_and_type(runtime: &impl FetchRuntime) {
    let (address, asks) = host("HTTP/1.1 204 No Content\r\n\r\n");
    let request = Request::post(format!("http://{address}/"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"a=b"))
        .unwrap();
    let fetch = Fetch {
        target: FetchTarget::Configured(request),
        ..fetch("http://x/", FetchTarget::Configured)
    };
    assert_eq!(
        (runtime.fetcher(Egress::default()))(fetch)
            .unwrap()
            .status(),
        204
    );
    let asked = asks.recv().unwrap().to_lowercase();
    assert!(asked.contains("content-length: 3\r\n"), "{asked}");
    assert!(!asked.contains("expect:"), "{asked}");
}

/// Every status is an answer, and no redirect is followed.
pub fn error_statuses_and_redirects_are_returned(runtime: &impl FetchRuntime) {
    for (answer, status) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n",
            302,
        ),
        ("HTTP/1.1 400 Bad\r\ncontent-length: 5\r\n\r\nerror", 400),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", 503),
    ] {
        assert_eq!(fetched(runtime, answer).0.unwrap().status(), status);
    }
}

/// RFC 9110 section 15.2.
pub fn interim_responses_are_passed_over(runtime: &impl FetchRuntime) {
    let (answer, _) = fetched(
        runtime,
        "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
    );
    let answer = answer.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"body"[..])
    );
}

/// However the body is delimited.
pub fn oversized_response_bodies_are_faults(runtime: &impl FetchRuntime) {
    for (answer, fault) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789",
            None,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n0123456789a",
            Some(FetchFault::TooLarge),
        ),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789a",
            Some(FetchFault::TooLarge),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n",
            Some(FetchFault::TooLarge),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            Some(FetchFault::Unreachable),
        ),
        ("no HTTP\r\n\r\n", Some(FetchFault::Unreachable)),
    ] {
        assert_eq!(fetched(runtime, answer).0.err(), fault, "{answer}");
    }
}

/// A host that does not answer costs no more than the time given.
pub fn silent_host_times_out(runtime: &impl FetchRuntime) {
    let (address, _asks) = host("");
    let fetch = Fetch {
        within: Duration::from_millis(100),
        ..fetch(&format!("http://{address}/"), FetchTarget::Configured)
    };
    assert_eq!(
        (runtime.fetcher(Egress::default()))(fetch).err(),
        Some(FetchFault::TimedOut)
    );
}

/// A host that sends a little now and then costs no more than that either, in TLS or after it.
pub fn dripping_host_times_out(runtime: &impl FetchRuntime) {
    let (head, record) = (
        "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n",
        // A handshake of TLS, of 16 KiB.
        "\x16\x03\x03\x40\x00",
    );
    for (scheme, begin) in [
        ("http", "HTTP/1.1 200 OK\r\nx: "),
        ("http", head),
        ("https", record),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(begin.as_bytes());
            for _ in 0..100 {
                std::thread::sleep(Duration::from_millis(50));
                if socket.write_all(b"a").is_err() {
                    return;
                }
            }
        });
        let fetch = Fetch {
            within: Duration::from_millis(200),
            body_limit: 1000,
            ..fetch(&format!("{scheme}://{address}/"), FetchTarget::Configured)
        };
        let answer = (runtime.fetcher(Egress::default()))(fetch);
        assert_eq!(answer.err(), Some(FetchFault::TimedOut), "{begin:?}");
    }
}

/// Nobody listens there.
pub fn absent_host_is_unreachable(runtime: &impl FetchRuntime) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let answer = (runtime.fetcher(Egress::default()))(fetch(&uri, FetchTarget::Configured));
    assert_eq!(answer.err(), Some(FetchFault::Unreachable));
}

/// H7. Not even on a connection that the operator's fetch left open.
pub fn public_fetch_cannot_reach_private_addresses(runtime: &impl FetchRuntime) {
    let (address, asks) = host("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let fetcher = runtime.fetcher(Egress::default());
    let port = address.port();
    // A connection that the operator's fetch left open is no way in.
    let uri = format!("http://127.0.0.1:{port}/");
    assert!(fetcher(fetch(&uri, FetchTarget::Configured)).is_ok());
    asks.recv().unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
    ] {
        let uri = format!("http://{host}:{port}/");
        let answer = fetcher(fetch(&uri, FetchTarget::PublicOnly));
        assert_eq!(answer.err(), Some(FetchFault::Forbidden), "{host}");
    }
    assert!(asks.try_recv().is_err());
}

/// A proxy that gives this answer to whoever asks for a tunnel; what it was asked arrives here, and then what comes
/// through the tunnel, up to its first pause.
fn proxy(answer: &'static str) -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut head = Vec::new();
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            while !head.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut head).unwrap() > 0 {
            }
            asked.send(head).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
            let mut through = vec![0; 4096];
            let length = reader.read(&mut through).unwrap_or(0);
            through.truncate(length);
            asked.send(through).unwrap();
        }
    });
    (port, asks)
}

fn through(port: u16, no_proxy: &str) -> Egress {
    let proxy = Proxy::parse(&format!("http://user:word@127.0.0.1:{port}"));
    Egress::new(Some(proxy.unwrap()), no_proxy, None)
}

/// The host is asked for by its name, which only the proxy may know, and TLS with it goes through the tunnel.
pub fn https_fetch_goes_through_the_proxy(runtime: &impl FetchRuntime) {
    let (port, asks) = proxy("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n");
    let fetcher = runtime.fetcher(through(port, "other.example"));
    let answer = fetcher(fetch(
        "https://login.example/secret?code",
        FetchTarget::Configured,
    ));
    assert_eq!(answer.err(), Some(FetchFault::Unreachable));
    let asked = String::from_utf8(asks.recv().unwrap()).unwrap();
    assert!(
        asked.starts_with("CONNECT login.example:443 HTTP/1.1\r\nHost: login.example:443\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\n")
            && !asked.contains("secret"),
        "{asked}"
    );
    let tls = asks.recv().unwrap();
    assert_eq!(tls.first(), Some(&0x16), "a handshake of TLS");
    assert!(
        tls.windows(13).any(|bytes| bytes == b"login.example"),
        "for the host"
    );
}

/// Nothing is sent to a host that the proxy does not connect to.
pub fn refusal_of_the_proxy_is_a_fault(runtime: &impl FetchRuntime) {
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "no HTTP\r\n\r\n",
    ] {
        let (port, asks) = proxy(answer);
        let fetcher = runtime.fetcher(through(port, ""));
        let answered = fetcher(fetch("https://login.example/", FetchTarget::Configured));
        assert_eq!(answered.err(), Some(FetchFault::Unreachable), "{answer}");
        asks.recv().unwrap();
        assert!(asks.recv().unwrap().is_empty(), "{answer}");
    }
}

/// Those of this computer, those that are left out, and those without TLS.
pub fn other_hosts_are_reached_without_the_proxy(runtime: &impl FetchRuntime) {
    let (port, asks) = proxy("");
    let (address, _asks) = host("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let fetcher = runtime.fetcher(through(port, "*.invalid"));
    assert!(
        fetcher(fetch(
            &format!("http://{address}/"),
            FetchTarget::Configured
        ))
        .is_ok()
    );
    for uri in [
        format!("https://{address}/"),
        "https://login.invalid/".to_owned(),
    ] {
        let answer = fetcher(fetch(&uri, FetchTarget::Configured));
        assert_eq!(answer.err(), Some(FetchFault::Unreachable), "{uri}");
    }
    assert!(asks.try_recv().is_err());
}

/// H7. A proxy reaches what a stranger may not: it is told addresses that were judged, and no names.
pub fn public_fetch_through_the_proxy_names_public_addresses_only(runtime: &impl FetchRuntime) {
    let (port, asks) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let fetcher = runtime.fetcher(through(port, ""));
    for host in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
    ] {
        let answer = fetcher(fetch(&format!("https://{host}/"), FetchTarget::PublicOnly));
        assert_eq!(answer.err(), Some(FetchFault::Forbidden), "{host}");
    }
    assert!(asks.try_recv().is_err());
    let _ = fetcher(fetch(
        "https://93.184.216.34:8443/",
        FetchTarget::PublicOnly,
    ));
    let asked = asks.recv().unwrap();
    assert!(asked.starts_with(b"CONNECT 93.184.216.34:8443 HTTP/1.1\r\n"));
}
