//! The headers of MCP: each is given once or not at all (threats I3, K11).

use std::borrow::Cow;

use ::http::HeaderValue;
use entra_mcp_http1::Fields;

/// The revision that a request is written in.
pub(crate) const PROTOCOL_VERSION: &str = "mcp-protocol-version";

/// A request has as many headers of MCP at most, but for those that repeat arguments.
const USUAL: usize = 7;

/// The headers that say what a message is; nothing else of a head is kept while the caller is looked
/// up, least of all the session token.
fn relevant(name: &str) -> Option<&'static str> {
    Some(match name {
        "mcp-protocol-version" => PROTOCOL_VERSION,
        "mcp-session-id" => "mcp-session-id",
        "mcp-method" => "mcp-method",
        "mcp-name" => "mcp-name",
        "accept" => "accept",
        "last-event-id" => "last-event-id",
        "user-agent" => "user-agent",
        _ => return None,
    })
}

/// What the headers begin with that repeat arguments of a tool (2026-07-28).
pub(crate) const PARAMETER: &str = "mcp-param-";

/// The headers of MCP of a request, as often as each was given. They are few: looking at each is quicker than a map.
#[derive(Debug, Default)]
pub(crate) struct McpHeaders(Vec<(Cow<'static, str>, HeaderValue)>);

impl McpHeaders {
    /// Those of a head.
    pub(crate) fn of(headers: &Fields) -> Self {
        let mut selected = Vec::with_capacity(USUAL);
        for (name, value) in headers.iter() {
            let name = match relevant(name.as_str()) {
                Some(relevant) => Cow::Borrowed(relevant),
                None if name.as_str().starts_with(PARAMETER) => Cow::Owned(name.to_string()),
                None => continue,
            };
            selected.push((name, value.clone()));
        }
        Self(selected)
    }

    /// The values of a header, whose name is given in lower case.
    fn values(&self, name: &str) -> impl Iterator<Item = &HeaderValue> {
        let of_name = self.0.iter().filter(move |(one, _)| *one == *name);
        of_name.map(|(_, value)| value)
    }
}

/// Whether the client takes a stream for an answer. Who says nothing takes anything (RFC 9110
/// section 12.5.1).
pub(crate) fn accepts_streams(headers: &McpHeaders) -> bool {
    let mut accepted = headers.values("accept").peekable();
    if accepted.peek().is_none() {
        return true;
    }
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            // What every SDK sends, in one look.
            value == "application/json, text/event-stream"
                || value.split(',').any(|range| {
                    let kind = range.split(';').next().unwrap_or_default().trim();
                    let takes = |wanted: &str| kind.eq_ignore_ascii_case(wanted);
                    takes("text/event-stream") || takes("text/*") || takes("*/*")
                })
        })
}

/// The headers that repeat arguments, by their names in lower case.
pub(crate) fn parameters(headers: &McpHeaders) -> Vec<(String, String)> {
    let repeats = |name: &str| name.starts_with(PARAMETER);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    let all = headers.0.iter().filter(|(name, _)| repeats(name));
    all.map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// A header was given more than once, or is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The one value of a header, without the blanks around it.
pub(crate) fn one<'a>(headers: &'a McpHeaders, name: &str) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.values(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let value = value.to_str().map_err(|_| Malformed)?;
            Ok(Some(value.trim_ascii()))
        }
        (Some(_), Some(_)) => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use ::http::HeaderName;

    use super::*;

    #[test]
    fn stream_is_accepted_by_name_by_range_or_by_silence() {
        let accepts = |values: &[&str]| {
            let values = values.iter();
            let fields = values.map(|value| (::http::header::ACCEPT, value.parse().unwrap()));
            let mut headers = Fields::default();
            for (name, value) in fields {
                headers.append(name, value);
            }
            accepts_streams(&McpHeaders::of(&headers))
        };
        for taken in [
            &[] as &[&str],
            &["*/*"],
            &["text/*"],
            &["application/json, Text/Event-Stream;q=0.5"],
            &["application/json", "text/event-stream"],
        ] {
            assert!(accepts(taken), "{taken:?}");
        }
        for not_taken in [&["application/json"] as &[&str], &["text/plain"], &[""]] {
            assert!(!accepts(not_taken), "{not_taken:?}");
        }
    }

    // I3: what comes twice is seen twice, and the session token is not kept.
    #[test]
    fn headers_of_mcp_are_kept_as_often_as_given_and_others_are_not() {
        let mut headers = Fields::default();
        for (name, value) in [
            ("authorization", "Bearer secret"),
            ("mcp-name", "a"),
            ("x-other", "b"),
            ("mcp-param-region", " eu "),
            ("mcp-name", "c"),
            ("x-other", "d"),
        ] {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let headers = McpHeaders::of(&headers);
        assert_eq!(one(&headers, "mcp-name"), Err(Malformed));
        assert_eq!(one(&headers, "mcp-param-region"), Ok(Some("eu")));
        assert_eq!(one(&headers, "mcp-method"), Ok(None));
        assert_eq!(headers.0.len(), 3, "{headers:?}");
    }
}
