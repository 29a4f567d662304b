//! The headers of MCP: each is given once or not at all (threats.md K11, SESS-12).

use ::http::HeaderMap;

/// The revision that a request is written in.
pub(crate) const PROTOCOL_VERSION: &str = "mcp-protocol-version";

/// The headers that say what a message is; nothing else of a head is kept while the caller is looked
/// up, least of all the session token.
const KEPT: [&str; 4] = [PROTOCOL_VERSION, "mcp-session-id", "mcp-method", "mcp-name"];

/// The headers of MCP, as often as each was given.
pub(crate) fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in KEPT {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// A header was given more than once, or is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Odd;

/// The one value of a header, without the blanks around it.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Odd> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let value = value.to_str().map_err(|_| Odd)?;
            Ok(Some(value.trim_matches([' ', '\t'])))
        }
        (Some(_), Some(_)) => Err(Odd),
    }
}
