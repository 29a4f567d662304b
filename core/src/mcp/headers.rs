//! The headers of MCP: each is given once or not at all (threats I3, K11).

use ::http::{HeaderMap, HeaderName};

/// The revision that a request is written in.
pub(crate) const PROTOCOL_VERSION: &str = "mcp-protocol-version";

/// The headers that say what a message is; nothing else of a head is kept while the caller is looked
/// up, least of all the session token.
const RELEVANT: [&str; 7] = [
    PROTOCOL_VERSION,
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
    "accept",
    "last-event-id",
    "user-agent",
];

/// What the headers begin with that repeat arguments of a tool (2026-07-28).
pub(crate) const PARAMETER: &str = "mcp-param-";

/// The headers of MCP, as often as each was given.
pub(crate) fn relevant(headers: HeaderMap) -> HeaderMap {
    let is_relevant = |name: &HeaderName| {
        RELEVANT.contains(&name.as_str()) || name.as_str().starts_with(PARAMETER)
    };
    let (mut selected, mut current) = (HeaderMap::with_capacity(RELEVANT.len()), None);
    // A name comes with the first of its values only.
    for (name, value) in headers {
        current = name.or(current);
        if let Some(name) = current.as_ref().filter(|name| is_relevant(name)) {
            selected.append(name.clone(), value);
        }
    }
    selected
}

/// Whether the client takes a stream for an answer. Who says nothing takes anything (RFC 9110
/// section 12.5.1).
pub(crate) fn accepts_streams(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all("accept").iter().peekable();
    if accepted.peek().is_none() {
        return true;
    }
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value.split(',').any(|range| {
                let kind = range.split(';').next().unwrap_or_default().trim();
                let takes = |wanted: &str| kind.eq_ignore_ascii_case(wanted);
                takes("text/event-stream") || takes("text/*") || takes("*/*")
            })
        })
}

/// A header was given more than once, or is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The one value of a header, without the blanks around it.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let value = value.to_str().map_err(|_| Malformed)?;
            Ok(Some(value.trim_matches([' ', '\t'])))
        }
        (Some(_), Some(_)) => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_is_accepted_by_name_by_range_or_by_silence() {
        let accepts = |values: &[&str]| {
            let values = values.iter();
            let fields = values.map(|value| (::http::header::ACCEPT, value.parse().unwrap()));
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(name, value);
            }
            accepts_streams(&headers)
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
}
