//! The headers of MCP: each is given once or not at all (threats.md K11, SESS-12).

use ::http::HeaderMap;

/// The revision that a request is written in.
pub(crate) const PROTOCOL_VERSION: &str = "mcp-protocol-version";

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
