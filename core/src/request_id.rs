//! The id of a request: what its log lines, its audit lines, the page with an error and the response have in common.
//!
//! A trusted proxy may name it, in `traceparent` (W3C Trace Context, section 3.2) or `X-Request-ID`, so that its log and ours
//! fit together. Otherwise it is the runtime's own. It proves nothing: it is text to search for.

use std::fmt;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use entra_mcp_http1::Fields;
use entra_mcp_wire::text::HexDigits;

use crate::limits::REQUEST_ID_CHARS;

/// The header by which a proxy names a request, and the response names it again.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What tracing calls the request: version, trace, caller and flags.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest `traceparent` that is kept, for later versions have more behind the flags.
const TRACEPARENT_BYTES: usize = 128;

/// The id of a request, or of a job of the server's own.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Repr);

#[derive(Clone, PartialEq, Eq)]
enum Repr {
    Own(u64),
    Given(Box<str>),
    /// A whole `traceparent` that is well-formed; its trace is the id.
    Traced(Box<str>),
}

impl RequestId {
    /// Creates an id of ours from a number that no other request has: sixteen hexadecimal digits.
    #[must_use]
    pub const fn own(number: u64) -> Self {
        Self(Repr::Own(number))
    }

    /// Returns the id that a trusted proxy gave the request: the trace of `traceparent`, or else `X-Request-ID`. `None` if
    /// there is neither, or none that is well-formed: what is too long, given twice or has other characters than ids have is
    /// as if it were not there.
    #[must_use]
    pub fn of_proxy(headers: &Fields) -> Option<Self> {
        let traced = one(headers, &TRACEPARENT).filter(|value| Self::is_traceparent(value));
        let traced = traced.map(|value| Self(Repr::Traced(Box::from(value))));
        traced.or_else(|| {
            let given = one(headers, &X_REQUEST_ID).filter(|id| is_id(id));
            given.map(|id| Self(Repr::Given(Box::from(id))))
        })
    }

    /// Returns whether this is a `traceparent` as W3C Trace Context, section 3.2, has it: visible ASCII, and bounded.
    #[must_use]
    pub fn is_traceparent(value: &str) -> bool {
        value.len() <= TRACEPARENT_BYTES
            && trace_id(value).is_some()
            && value.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Returns the whole `traceparent`, if the id is from there.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        match &self.0 {
            Repr::Traced(value) => Some(value),
            Repr::Own(_) | Repr::Given(_) => None,
        }
    }

    /// Returns it as a text of its own.
    pub(crate) fn to_text(&self) -> String {
        self.with_text(str::to_owned)
    }

    /// Shows it as text to a function, without an allocation.
    pub(crate) fn with_text<T>(&self, show: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Repr::Own(number) => show(HexDigits::of(*number).as_str()),
            Repr::Given(id) => show(id),
            Repr::Traced(value) => show(trace_id(value).unwrap_or_default()),
        }
    }

    /// Writes it into the headers of the response.
    pub fn name_in(&self, headers: &mut HeaderMap) {
        // Both kinds are visible ASCII.
        let value = match &self.0 {
            Repr::Own(number) => HeaderValue::from_bytes(HexDigits::of(*number).as_bytes()),
            Repr::Given(id) => HeaderValue::from_str(id),
            Repr::Traced(value) => HeaderValue::from_str(trace_id(value).unwrap_or_default()),
        };
        if let Ok(value) = value {
            headers.insert(X_REQUEST_ID, value);
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

fn one<'a>(headers: &'a Fields, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// What can stand in a line of a log, a page and an `error_description` (RFC 6749 section 5.2) as it is.
fn is_id(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:=+/".contains(&byte);
    (1..=REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(is_known)
}

/// The trace of a `traceparent`, whose version may be a later one, with more behind the flags.
fn trace_id(value: &str) -> Option<&str> {
    let mut parts = value.splitn(5, '-');
    let version = parts.next().filter(|part| is_hex(part, 2))?;
    let trace = parts.next().filter(|part| is_hex(part, 32))?;
    let caller = parts.next().filter(|part| is_hex(part, 16))?;
    parts.next().filter(|part| is_hex(part, 2))?;
    let is_nothing = |part: &str| part.bytes().all(|byte| byte == b'0');
    let is_known = match version {
        "ff" => false,
        "00" => parts.next().is_none(),
        _ => true,
    };
    (is_known && !is_nothing(trace) && !is_nothing(caller)).then_some(trace)
}

fn is_hex(part: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    part.len() == digits && part.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn response_names_the_id_as_it_is_displayed() {
        let given = of_id(TRACE);
        for id in [RequestId::own(0), RequestId::own(u64::MAX - 1), given] {
            let mut headers = HeaderMap::new();
            id.name_in(&mut headers);
            assert_eq!(headers[X_REQUEST_ID], id.to_string());
        }
    }

    fn of_id(id: &str) -> RequestId {
        RequestId(Repr::Given(Box::from(id)))
    }

    fn of(headers: &[(&'static str, &[u8])]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_bytes(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        let mut all = Fields::default();
        for (name, value) in headers {
            all.append(name, value);
        }
        RequestId::of_proxy(&all).map(|id| id.to_string())
    }

    // W3C Trace Context section 3.2.2
    #[test]
    fn trace_of_traceparent_is_the_id() {
        for (value, is_good) in [
            (format!("00-{TRACE}-00f067aa0ba902b7-01"), true),
            (format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes"), true),
            (format!("00-{TRACE}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{TRACE}-00f067aa0ba902b7-01"), false),
            (format!("00-{TRACE}-0000000000000000-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (
                format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
                false,
            ),
            (format!("00-{TRACE}-00f067aa0ba902b7"), false),
            (TRACE.to_owned(), false),
            (String::new(), false),
        ] {
            let id = of(&[("traceparent", value.as_bytes())]);
            assert_eq!(id.as_deref(), is_good.then_some(TRACE), "{value}");
            assert_eq!(RequestId::is_traceparent(&value), is_good, "{value}");
            let headers = Fields::from_iter([(TRACEPARENT, value.parse().unwrap())]);
            let id = RequestId::of_proxy(&headers);
            let kept = id.as_ref().and_then(RequestId::traceparent);
            assert_eq!(kept, is_good.then_some(value.as_str()));
        }
    }

    #[test]
    fn x_request_id_is_the_id_where_no_trace_is() {
        for id in [
            "1",
            "7b7e1f6c-0f5c-4bd8-9b8e-0d6f3b0d6a11",
            "Root=1-67891233-abcdef012345678912345678",
            "YWJj+/==",
        ] {
            let broken = ("traceparent", &b"00-nothing"[..]);
            let named = ("x-request-id", id.as_bytes());
            assert_eq!(of(&[broken, named]).as_deref(), Some(id));
        }
        let trace = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let both = [
            ("x-request-id", &b"other"[..]),
            ("traceparent", trace.as_bytes()),
        ];
        assert_eq!(of(&both).as_deref(), Some(TRACE));
    }

    // O4
    #[test]
    fn hostile_id_is_as_if_it_were_not_there() {
        let long = "x".repeat(REQUEST_ID_CHARS + 1);
        for id in [
            &b""[..],
            b"two words",
            b"a\tb",
            b"a\"b",
            b"a\\b",
            b"<script>",
            b"a,b",
            b"\xc3\xa9",
            b"\xff",
            long.as_bytes(),
        ] {
            assert_eq!(of(&[("x-request-id", id)]), None, "{id:?}");
        }
        assert_eq!(of(&[("x-request-id", b"a"), ("x-request-id", b"b")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn id_of_ours_is_sixteen_digits_and_stands_in_the_response() {
        let id = RequestId::own(0x1f);
        let mut headers = HeaderMap::new();
        id.name_in(&mut headers);
        assert_eq!(id.to_string(), "000000000000001f");
        assert_eq!(headers[X_REQUEST_ID], "000000000000001f");
    }
}
