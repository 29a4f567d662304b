//! Responses as bytes (RFC 9112 sections 2, 4 and 7.1). Values come from [`http::HeaderValue`],
//! which holds no line break or other control character.

use std::io::Write as _;

use bytes::Bytes;
use entra_mcp_wire::time::UnixTime;
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, header};

use crate::date;

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

/// Appends a whole response. Of HEAD, the head only, as GET would have it (RFC 9110 section 9.3.2).
pub fn response(
    out: &mut Vec<u8>,
    response: &Response<Bytes>,
    method: &Method,
    closes: bool,
    now: UnixTime,
) {
    let body = response.body();
    out.reserve(512 + body.len());
    fields(out, response.status(), response.headers(), closes, now);
    // RFC 9110 section 8.6: neither 1xx nor 204 has a length.
    let has_length = response.status() != StatusCode::NO_CONTENT;
    if has_length {
        out.extend_from_slice(b"content-length: ");
        decimal(out, body.len());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if has_length && *method != Method::HEAD {
        out.extend_from_slice(body);
    }
}

/// Appends a number. What formats any number costs several times as much.
fn decimal(out: &mut Vec<u8>, number: usize) {
    if number >= 10 {
        decimal(out, number / 10);
    }
    out.push(b'0' + (number % 10) as u8);
}

/// Appends the head of a response whose body follows.
pub fn head(out: &mut Vec<u8>, response: &Response<()>, end: BodyEnd, now: UnixTime) {
    let closes = end == BodyEnd::WithConnection;
    fields(out, response.status(), response.headers(), closes, now);
    if end == BodyEnd::WithLastChunk {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a piece of a body: one chunk. An empty one would be the last, and is left out.
pub fn chunk(out: &mut Vec<u8>, bytes: &[u8], end: BodyEnd) {
    match end {
        BodyEnd::WithConnection => out.extend_from_slice(bytes),
        BodyEnd::WithLastChunk if bytes.is_empty() => {}
        BodyEnd::WithLastChunk => {
            // Writing into a Vec does not fail.
            let _ = write!(out, "{:x}\r\n", bytes.len());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Appends the end of a body.
pub fn last_chunk(out: &mut Vec<u8>, end: BodyEnd) {
    if end == BodyEnd::WithLastChunk {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

fn fields(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap, closes: bool, now: UnixTime) {
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in headers {
        if !OURS.contains(name) {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    // RFC 9110 section 6.6.1: a server that has a clock sends the date.
    out.extend_from_slice(b"date: ");
    date::append(out, now);
    out.extend_from_slice(b"\r\n");
    if closes {
        out.extend_from_slice(b"connection: close\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(784_111_777);

    fn lines(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        let text = String::from_utf8(out).unwrap();
        text.replace("date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "")
            .replace("\r\n", "|")
    }

    #[test]
    fn response_has_its_length_and_to_head_no_body() {
        let response = Response::builder()
            .header("x-a", "b")
            .header("content-length", "99")
            .body(Bytes::from_static(b"body"))
            .unwrap();
        let written =
            |method, closes| lines(|out| super::response(out, &response, &method, closes, NOW));
        let expected = "HTTP/1.1 200 OK|x-a: b|content-length: 4||body";
        assert_eq!(written(Method::GET, false), expected);
        let expected = "HTTP/1.1 200 OK|x-a: b|connection: close|content-length: 4||";
        assert_eq!(written(Method::HEAD, true), expected);
    }

    #[test]
    fn status_204_has_no_content_length() {
        let response = Response::builder().status(204).body(Bytes::new()).unwrap();
        let written = lines(|out| super::response(out, &response, &Method::POST, false, NOW));
        assert_eq!(written, "HTTP/1.1 204 No Content||");
    }

    // L14
    #[test]
    fn response_does_not_name_the_software() {
        let response = Response::new(Bytes::new());
        let head = lines(|out| super::response(out, &response, &Method::GET, false, NOW));
        assert!(!head.to_lowercase().contains("server:"), "{head}");
    }

    #[test]
    fn empty_piece_does_not_end_the_chunked_body() {
        let piece = |bytes: &[u8], end| lines(|out| chunk(out, bytes, end));
        let expected = "10|0123456789abcdef|";
        assert_eq!(piece(b"0123456789abcdef", BodyEnd::WithLastChunk), expected);
        assert_eq!(piece(b"", BodyEnd::WithLastChunk), "");
        assert_eq!(piece(b"a", BodyEnd::WithConnection), "a");
        assert_eq!(lines(|out| last_chunk(out, BodyEnd::WithLastChunk)), "0||");
        assert_eq!(lines(|out| last_chunk(out, BodyEnd::WithConnection)), "");
    }

    #[test]
    fn date_beyond_the_year_9999_is_its_last_second() {
        let response = Response::new(Bytes::new());
        let end = UnixTime(u64::MAX);
        let head = lines(|out| super::response(out, &response, &Method::GET, false, end));
        assert!(head.contains("31 Dec 9999 23:59:59 GMT"), "{head}");
    }
}
