//! What a head must be (RFC 9112 sections 2 to 6, RFC 9110 sections 7.2 and 8.6): whatever can be
//! read in two ways is refused, and the connection closed, so that nothing behind it is taken for a
//! request (threats L1 to L9).

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, Version, header};

use crate::{Fields, RequestHead, limits};

/// Why a head is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// It is not HTTP/1.1, or ambiguous.
    Malformed,
    /// It is too long or has too many fields.
    TooLarge,
    /// Its target is too long.
    TargetTooLong,
    /// It expects what we do not do.
    Expectation,
}

/// How the body of a request is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// This many bytes; not zero.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// A head that is to be served.
#[derive(Debug)]
pub struct Head {
    /// Method, target and fields.
    pub request: RequestHead,
    /// Where its body ends.
    pub framing: Framing,
    /// Whether the connection ends after the answer.
    pub closes: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

/// Reads the bytes of a head, up to and with its empty line. That every line ends with CR LF and
/// that no other CR or LF is inside was seen to where its end was found. The values of its fields are parts of these bytes, not copies.
///
/// # Errors
///
/// Why it is not to be served.
pub fn parse(bytes: &Bytes) -> Result<Head, HeadError> {
    let mut fields = [MaybeUninit::uninit(); limits::HEAD_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLarge),
        _ => return Err(HeadError::Malformed),
    }
    let version = match request.version {
        Some(0) => Version::HTTP_10,
        Some(1) => Version::HTTP_11,
        _ => return Err(HeadError::Malformed),
    };
    let method = method(request.method.unwrap_or_default())?;
    let path = request.path.unwrap_or_default();
    let uri = target_of(bytes.slice_ref(path.as_bytes()), path)?;
    let mut headers = Fields::with_capacity(request.headers.len());
    for field in request.headers.iter() {
        let name = name(field.name)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value))
            .map_err(|_| HeadError::Malformed)?;
        headers.append(name, value);
    }
    validate(method, uri, version, headers)
}

/// Names that `http` does not know, of most requests of MCP clients: it would allocate each anew.
static KNOWN: [HeaderName; 4] = [
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
];

fn name(text: &str) -> Result<HeaderName, HeadError> {
    let is_name = |known: &&HeaderName| known.as_str().eq_ignore_ascii_case(text);
    match KNOWN.iter().find(is_name) {
        Some(known) => Ok(known.clone()),
        None => HeaderName::from_bytes(text.as_bytes()).map_err(|_| HeadError::Malformed),
    }
}

/// Checks a head that was taken apart, by us or by another parser.
///
/// # Errors
///
/// Why it is not to be served.
pub fn validate(
    method: Method,
    uri: Uri,
    version: Version,
    headers: Fields,
) -> Result<Head, HeadError> {
    host(&headers)?;
    let framing = framing(&headers, version)?;
    let expects_continue = expectation(&headers, version)?;
    let closes = version == Version::HTTP_10 || asks_to_close(&headers);
    let mut request = RequestHead::new(method, uri, headers);
    request.version = version;
    to_origin_form(&mut request)?;
    Ok(Head {
        request,
        framing,
        closes,
        expects_continue,
    })
}

/// A method in capital letters. CONNECT has a target of another form, and is none of ours.
///
/// # Errors
///
/// It is no such method.
pub fn method(text: &str) -> Result<Method, HeadError> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_name || text == "CONNECT" {
        return Err(HeadError::Malformed);
    }
    Method::from_bytes(text.as_bytes()).map_err(|_| HeadError::Malformed)
}

/// A target in origin-form, or in absolute-form, which every server must take (RFC 9112 sections 3.2.1
/// and 3.2.2): clients send it that are configured to use a proxy, and proxies hand it on. (`OPTIONS *`
/// asks of the server as a whole, which has nothing to say.)
///
/// # Errors
///
/// It is no such target, or too long.
pub fn target(text: &str) -> Result<Uri, HeadError> {
    target_of(Bytes::copy_from_slice(text.as_bytes()), text)
}

/// The same of bytes that are this text, of which the target is a part then, not a copy.
fn target_of(bytes: Bytes, text: &str) -> Result<Uri, HeadError> {
    if text.len() > limits::TARGET_BYTES {
        return Err(HeadError::TargetTooLong);
    }
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    let uri = Uri::from_maybe_shared(bytes).map_err(|_| HeadError::Malformed)?;
    let is_served = match (uri.scheme_str(), uri.authority()) {
        (None, None) => text.starts_with('/'),
        (Some("http" | "https"), Some(authority)) => !authority.as_str().contains('@'),
        _ => false,
    };
    match is_plain && is_served {
        true => Ok(uri),
        false => Err(HeadError::Malformed),
    }
}

/// Turns a target in absolute-form into one in origin-form. The host that it names takes the place of
/// the field `Host`, so that there is one only (RFC 9112 section 3.2.2).
///
/// # Errors
///
/// The target has no path.
pub fn to_origin_form(head: &mut RequestHead) -> Result<(), HeadError> {
    let Some(authority) = head.uri.authority() else {
        return Ok(());
    };
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| HeadError::Malformed)?;
    head.headers.insert(header::HOST, host);
    let path = head
        .uri
        .path_and_query()
        .cloned()
        .ok_or(HeadError::Malformed)?;
    head.uri = Uri::from(path);
    Ok(())
}

/// Exactly one `Host`, a host and perhaps a port (RFC 9112 section 3.2). Whether it is ours is
/// not checked here.
fn host(headers: &Fields) -> Result<(), HeadError> {
    let mut hosts = headers.get_all(&header::HOST);
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(HeadError::Malformed);
    };
    let host = host.to_str().map_err(|_| HeadError::Malformed)?;
    let is_host =
        is_plain_host(host) || !host.contains('@') && host.parse::<http::uri::Authority>().is_ok();
    is_host.then_some(()).ok_or(HeadError::Malformed)
}

/// Whether a host is a name or an IPv4 address and perhaps a port, as almost all are. To parse one copies it.
fn is_plain_host(host: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let end = host.bytes().position(|byte| !is_of_name(byte));
    let (name, port) = host.split_at(end.unwrap_or(host.len()));
    let is_port = |port: &str| {
        (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
    };
    !name.is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Where the body ends, if that can be read in one way only.
fn framing(headers: &Fields, version: Version) -> Result<Framing, HeadError> {
    let mut codings = headers.get_all(&header::TRANSFER_ENCODING);
    let mut lengths = headers.get_all(&header::CONTENT_LENGTH);
    match (
        codings.next(),
        codings.next(),
        lengths.next(),
        lengths.next(),
    ) {
        (None, None, None, None) => Ok(Framing::Empty),
        (None, None, Some(length), None) => match content_length(length.as_bytes())? {
            0 => Ok(Framing::Empty),
            length => Ok(Framing::Length(length)),
        },
        // HTTP/1.0 has no transfer codings: who sends one is confused, or wants us to be.
        (Some(coding), None, None, None)
            if version == Version::HTTP_11
                && coding.as_bytes().eq_ignore_ascii_case(b"chunked") =>
        {
            Ok(Framing::Chunked)
        }
        _ => Err(HeadError::Malformed),
    }
}

/// Digits and nothing else: no sign, list, space or hexadecimal (RFC 9110 section 8.6).
fn content_length(value: &[u8]) -> Result<u64, HeadError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(HeadError::Malformed);
    }
    let text = std::str::from_utf8(value).map_err(|_| HeadError::Malformed)?;
    text.parse().map_err(|_| HeadError::Malformed)
}

fn expectation(headers: &Fields, version: Version) -> Result<bool, HeadError> {
    let mut expectations = headers.get_all(&header::EXPECT);
    match (expectations.next(), expectations.next()) {
        (None, _) => Ok(false),
        (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            // RFC 9110 section 10.1.1: of HTTP/1.0 it is ignored.
            Ok(version == Version::HTTP_11)
        }
        _ => Err(HeadError::Expectation),
    }
}

fn asks_to_close(headers: &Fields) -> bool {
    headers
        .get_all(&header::CONNECTION)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, host: &str) -> Result<Head, HeadError> {
        parse(&format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n").into())
    }

    // RFC 9112 section 3.2.2
    #[test]
    fn absolute_form_target_gives_path_and_host() {
        for (target, path, host) in [
            ("http://mcp.example/mcp?a=b", "/mcp?a=b", "mcp.example"),
            ("https://mcp.example:443", "/", "mcp.example:443"),
            ("HTTP://[::1]:3001/sse", "/sse", "[::1]:3001"),
        ] {
            let head = parsed(&format!("GET {target}"), "other.example").unwrap();
            assert_eq!(head.request.uri, *path, "{target}");
            assert_eq!(head.request.uri.authority(), None, "{target}");
            let hosts = head.request.headers.get_all(&header::HOST);
            assert_eq!(Vec::from_iter(hosts), [host], "{target}");
        }
    }

    #[test]
    fn name_of_a_field_is_known_in_any_case() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nMCP-Name: b\r\nmcp-names: c\r\n\r\n";
        let head = parse(&Bytes::from_static(head)).unwrap();
        let headers = http::HeaderMap::from(head.request.headers);
        assert_eq!(headers["mcp-name"], "b");
        assert_eq!(headers["mcp-names"], "c");
    }

    // L5
    #[test]
    fn host_is_plain_only_if_it_is_a_host() {
        for (host, is_plain) in [
            ("localhost:3001", true),
            ("mcp.example", true),
            ("127.0.0.1:65535", true),
            ("[::1]:3001", false),
            ("", false),
            (":80", false),
            ("mcp.example:", false),
            ("mcp.example:80a", false),
            ("mcp.example:123456", false),
            ("mcp.example:80:80", false),
            ("user@mcp.example", false),
            ("mcp.example/", false),
            ("mcp example", false),
            ("mcp_example", false),
        ] {
            assert_eq!(is_plain_host(host), is_plain, "{host}");
            let parsed = host.parse::<http::uri::Authority>();
            assert!(!is_plain || parsed.is_ok(), "{host}");
        }
    }

    #[test]
    fn target_of_another_form_is_refused() {
        for target in [
            "*",
            "mcp.example:443",
            "mcp",
            "//mcp.example/mcp#a",
            "http:///mcp",
            "http://user@mcp.example/mcp",
            "http://mcp.example/mcp#a",
            "ftp://mcp.example/mcp",
            "file:///etc/passwd",
        ] {
            let head = parsed(&format!("GET {target}"), "mcp.example");
            assert_eq!(head.err(), Some(HeadError::Malformed), "{target}");
        }
    }
}
