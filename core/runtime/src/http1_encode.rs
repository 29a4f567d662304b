//! Responses as bytes (RFC 9112 sections 2, 4 and 7.1). Values come from [`http::HeaderValue`],
//! which holds no line break or other control character.

use std::{io::Write as _, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, header};

/// How the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// After the last chunk.
    WithLastChunk,
    /// With the connection: for HTTP/1.0, which has no chunks.
    WithConnection,
}

/// Framing is decided here, whatever the response says of it.
const OURS: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::TRANSFER_ENCODING,
];

/// A whole response. Of HEAD, the head only, as GET would have it (RFC 9110 section 9.3.2).
#[must_use]
pub fn response(response: &Response<Bytes>, method: &Method, closes: bool) -> Vec<u8> {
    let body = response.body();
    let mut bytes = head_bytes(response.status(), response.headers(), closes);
    // RFC 9110 section 8.6: neither 1xx nor 204 has a length.
    let has_length = response.status() != StatusCode::NO_CONTENT;
    if has_length {
        let _ = write!(bytes, "content-length: {}\r\n", body.len());
    }
    bytes.extend_from_slice(b"\r\n");
    if has_length && *method != Method::HEAD {
        bytes.extend_from_slice(body);
    }
    bytes
}

/// The head of a response whose body follows.
#[must_use]
pub fn head(response: &Response<()>, end: BodyEnd) -> Vec<u8> {
    let closes = end == BodyEnd::WithConnection;
    let mut bytes = head_bytes(response.status(), response.headers(), closes);
    if end == BodyEnd::WithLastChunk {
        bytes.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A piece of a body: one chunk, one write, one flush.
#[must_use]
pub fn chunk(bytes: &[u8], end: BodyEnd) -> Vec<u8> {
    // An empty chunk would be the last.
    if end == BodyEnd::WithConnection || bytes.is_empty() {
        return bytes.to_vec();
    }
    let mut chunk = Vec::with_capacity(bytes.len() + 20);
    let _ = write!(chunk, "{:x}\r\n", bytes.len());
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// The end of a body.
#[must_use]
pub fn last_chunk(end: BodyEnd) -> &'static [u8] {
    match end {
        BodyEnd::WithLastChunk => b"0\r\n\r\n",
        BodyEnd::WithConnection => b"",
    }
}

fn head_bytes(status: StatusCode, headers: &HeaderMap, closes: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let reason = status.canonical_reason().unwrap_or_default();
    // Writing into a Vec does not fail.
    let _ = write!(bytes, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in headers {
        if !OURS.contains(name) {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
    }
    // RFC 9110 section 6.6.1: whoever has a clock tells the date.
    let _ = write!(
        bytes,
        "date: {}\r\n",
        httpdate::HttpDate::from(SystemTime::now())
    );
    if closes {
        bytes.extend_from_slice(b"connection: close\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines()
            .filter(|line| !line.starts_with("date: "))
            .collect::<Vec<_>>()
            .join("|")
    }

    #[test]
    fn response_has_its_length_and_to_head_no_body() {
        let response = Response::builder()
            .header("x-a", "b")
            .header("content-length", "99")
            .body(Bytes::from_static(b"body"))
            .unwrap();
        let expected = "HTTP/1.1 200 OK|x-a: b|content-length: 4||body";
        assert_eq!(
            text(&super::response(&response, &Method::GET, false)),
            expected
        );
        let expected = "HTTP/1.1 200 OK|x-a: b|connection: close|content-length: 4|";
        assert_eq!(
            text(&super::response(&response, &Method::HEAD, true)),
            expected
        );
    }

    #[test]
    fn status_204_has_no_content_length() {
        let response = Response::builder().status(204).body(Bytes::new()).unwrap();
        let expected = "HTTP/1.1 204 No Content|";
        assert_eq!(
            text(&super::response(&response, &Method::POST, false)),
            expected
        );
    }

    // L14
    #[test]
    fn response_does_not_name_the_software() {
        let response = Response::new(Bytes::new());
        let head = text(&super::response(&response, &Method::GET, false)).to_lowercase();
        assert!(!head.contains("server:"), "{head}");
    }

    #[test]
    fn empty_piece_does_not_end_the_chunked_body() {
        assert_eq!(
            chunk(b"0123456789abcdef", BodyEnd::WithLastChunk),
            b"10\r\n0123456789abcdef\r\n"
        );
        assert_eq!(chunk(b"", BodyEnd::WithLastChunk), b"");
        assert_eq!(chunk(b"a", BodyEnd::WithConnection), b"a");
        assert_eq!(last_chunk(BodyEnd::WithLastChunk), b"0\r\n\r\n");
    }
}
