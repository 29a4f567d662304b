//! Connections: whatever is sent, in whatever pieces, is read in one way only.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use entra_mcp_core::time::{Instant, Now, UnixTime};
use entra_mcp_http1::{Connection, Output, RequestHead, Timeouts, limits};
use http::{Response, Version, header};

/// The most bytes of a body that are accepted.
const BODY_BYTES: usize = 1000;

const SECOND: Duration = Duration::from_secs(1);

const TIMEOUTS: Timeouts = Timeouts {
    idle: SECOND,
    head: SECOND,
    body: SECOND,
    write: SECOND,
};

const NOW: Now = Now {
    instant: Instant(0),
    unix: UnixTime(1_790_000_000),
};

/// What is served has one host, one framing, and no byte that a proxy could take for a line of its own
/// (threats L1 to L11). Pieces are read as the whole is, and nothing makes the buffers grow.
pub(super) fn run(bytes: &[u8]) {
    for is_behind_proxy in [false, true] {
        let whole = serve(bytes, usize::MAX, is_behind_proxy);
        for piece in [1, 7] {
            let in_pieces = serve(bytes, piece, is_behind_proxy);
            assert_eq!(
                in_pieces, whole,
                "pieces of {piece} are read as the whole is"
            );
        }
    }
}

/// What was served, and what was written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Transcript {
    proxied: Vec<Option<IpAddr>>,
    heads: Vec<String>,
    bodies: Vec<Bytes>,
    written: Vec<u8>,
}

fn serve(bytes: &[u8], piece: usize, is_behind_proxy: bool) -> Transcript {
    let mut connection = Connection::new(TIMEOUTS, NOW.instant);
    if is_behind_proxy {
        connection.await_proxy_header(NOW.instant);
    }
    let mut transcript = Transcript::default();
    for piece in bytes.chunks(piece.min(bytes.len().max(1))) {
        connection.receive(piece);
        if run_until_idle(&mut connection, &mut transcript) {
            return transcript;
        }
        let most = limits::HEAD_BYTES.max(BODY_BYTES) + 2 * piece.len();
        assert!(
            connection.received_bytes() <= most,
            "what is held is bounded"
        );
    }
    connection.end_input();
    assert!(run_until_idle(&mut connection, &mut transcript), "it ends");
    transcript
}

/// Whether the connection reads no more.
fn run_until_idle(connection: &mut Connection, transcript: &mut Transcript) -> bool {
    loop {
        let output = connection.poll(NOW);
        let pending = connection.pending();
        let length = pending.len();
        transcript.written.extend_from_slice(pending);
        connection.written(length, NOW.instant);
        match output {
            Output::Proxied(client) => transcript.proxied.push(client),
            Output::Head(head) => {
                check(&head);
                transcript
                    .heads
                    .push(format!("{} {}", head.method, head.uri));
                connection.accept(BODY_BYTES, NOW);
            }
            Output::Request(body) => {
                assert!(body.len() <= BODY_BYTES);
                transcript.bodies.push(body);
                connection.respond(&Response::new(Bytes::from_static(b"ok")), NOW);
            }
            Output::Wait { .. } if length > 0 => {}
            Output::Wait { .. } => return false,
            Output::ShutdownWrite | Output::Close => return true,
        }
    }
}

fn check(head: &RequestHead) {
    let method = head.method.as_str();
    assert!(method.bytes().all(|byte| byte.is_ascii_uppercase()) && method != "CONNECT");
    assert!(head.uri.path().starts_with('/') && head.uri.authority().is_none());
    assert!([Version::HTTP_10, Version::HTTP_11].contains(&head.version));
    let headers = &head.headers;
    let count = |name: header::HeaderName| headers.get_all(&name).count();
    assert_eq!(count(header::HOST), 1, "one host");
    assert!(headers.len() <= limits::HEAD_FIELDS);
    assert!(head.uri.to_string().len() <= limits::TARGET_BYTES);
    let framings = count(header::CONTENT_LENGTH) + count(header::TRANSFER_ENCODING);
    assert!(framings <= 1, "one framing");
    for (_, value) in headers.iter() {
        assert!(!value.as_bytes().contains(&b'\n') && !value.as_bytes().contains(&b'\r'));
    }
}
