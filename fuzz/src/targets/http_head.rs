//! Heads of requests: what is served can be read in one way only.

use entra_mcp_core::{
    limits,
    request_head::{self, Framing},
};
use http::header;

/// A head ends where its empty line does, in whatever pieces it comes; what is served has one host, one
/// framing, and no byte that a proxy could take for a line of its own (threats L1 to L11).
pub(super) fn run(bytes: &[u8]) {
    let whole = request_head::find_end(bytes, &mut 0);
    // Byte by byte, as a slow sender has it: the first verdict is the one of the whole.
    let mut scanned = 0;
    let verdict = (1..=bytes.len())
        .map(|length| request_head::find_end(bytes.get(..length).unwrap_or_default(), &mut scanned))
        .find(|verdict| *verdict != Ok(None));
    let verdict = verdict.unwrap_or(Ok(None));
    assert_eq!(verdict, whole, "pieces are read as the whole is");
    let Ok(Some(end)) = whole else {
        return;
    };
    assert!(end <= limits::HEAD_BYTES);
    let Ok(served) = request_head::parse(bytes.get(..end).unwrap_or_default()) else {
        return;
    };
    let method = served.parts.method.as_str();
    assert!(method.bytes().all(|byte| byte.is_ascii_uppercase()) && method != "CONNECT");
    assert!(served.parts.uri.path().starts_with('/') && served.parts.uri.authority().is_none());
    assert!(served.closes || served.parts.version == http::Version::HTTP_11);
    let headers = &served.parts.headers;
    let count = |name: header::HeaderName| headers.get_all(name).iter().count();
    assert_eq!(count(header::HOST), 1, "one host");
    assert!(headers.len() <= limits::HEAD_FIELDS);
    assert!(served.parts.uri.to_string().len() <= limits::TARGET_BYTES);
    let (length, coding) = (
        count(header::CONTENT_LENGTH),
        count(header::TRANSFER_ENCODING),
    );
    match served.framing {
        Framing::Chunked => assert_eq!((length, coding), (0, 1), "one framing"),
        Framing::Length(_) => assert_eq!((length, coding), (1, 0), "one framing"),
        Framing::Empty => assert!(coding == 0 && length <= 1, "one framing"),
    }
    for value in headers.values() {
        assert!(!value.as_bytes().contains(&b'\n') && !value.as_bytes().contains(&b'\r'));
    }
}
