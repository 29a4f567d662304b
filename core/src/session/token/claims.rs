//! The claims of a session token.

use serde::Serialize;

use crate::{id::SessionId, time::UnixTime};

/// The claims, in the order in which they are written.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Claims<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: &'a str,
    pub(super) client_id: &'a str,
    pub(super) sid: SessionId,
    pub(super) iat: UnixTime,
    pub(super) exp: UnixTime,
    pub(super) jti: &'a str,
    /// The share: our own claim, opaque to clients.
    pub(super) key: &'a str,
    /// Which scopes of the session, if not all of them: a [`super::ScopeMask`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) narrowed: Option<&'a str>,
}

impl<'a> Claims<'a> {
    /// Reads what was written here: the MAC has shown that it was. So the claims stand in their one order and spelling,
    /// and whatever is not that is no token of ours. None of the texts has a character that JSON escapes.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        let mut rest = Rest(json);
        let claims = Self {
            iss: rest.text("{\"iss\":\"")?,
            aud: rest.text(",\"aud\":\"")?,
            sub: rest.text(",\"sub\":\"")?,
            client_id: rest.text(",\"client_id\":\"")?,
            sid: SessionId::parse(rest.text(",\"sid\":\"")?)?,
            iat: UnixTime(rest.number(",\"iat\":")?),
            exp: UnixTime(rest.number(",\"exp\":")?),
            jti: rest.text(",\"jti\":\"")?,
            key: rest.text(",\"key\":\"")?,
            narrowed: rest.text(",\"narrowed\":\""),
        };
        (rest.0 == "}").then_some(claims)
    }
}

/// What was not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// The text that follows this beginning of a member. Nothing is taken if it does not follow.
    fn text(&mut self, member: &str) -> Option<&'a str> {
        let rest = self.0.strip_prefix(member)?;
        let end = memchr::memchr2(b'"', b'\\', rest.as_bytes())?;
        let (text, rest) = rest.split_at_checked(end)?;
        self.0 = rest.strip_prefix('"')?;
        Some(text)
    }

    /// The number that follows this beginning of a member.
    fn number(&mut self, member: &str) -> Option<u64> {
        let rest = self.0.strip_prefix(member)?;
        let mut number: Option<u64> = None;
        let mut digits = 0;
        for byte in rest.bytes().take_while(u8::is_ascii_digit) {
            let so_far = number.unwrap_or(0).checked_mul(10)?;
            number = Some(so_far.checked_add(u64::from(byte - b'0'))?);
            digits += 1;
        }
        self.0 = rest.get(digits..)?;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: Claims<'_> = Claims {
        iss: "https://mcp.example",
        aud: "https://mcp.example/mcp",
        sub: "a",
        client_id: "h.b",
        sid: SessionId::new([1; 16]),
        iat: UnixTime(1_900_000_000),
        exp: UnixTime(u64::MAX),
        jti: "c",
        key: "",
        narrowed: None,
    };

    #[test]
    fn claims_are_read_as_they_were_written() {
        for narrowed in [None, Some("AQ")] {
            let claims = Claims { narrowed, ..CLAIMS };
            let json = serde_json::to_string(&claims).unwrap();
            assert_eq!(Claims::read(&json), Some(claims), "{json}");
        }
    }

    // F6
    #[test]
    fn claims_of_another_spelling_are_none_of_ours() {
        let json = serde_json::to_string(&CLAIMS).unwrap();
        for (part, instead) in [
            ("{", "{ "),
            ("}", "} "),
            ("}", ",\"narrowed\":\"AQ\",\"narrowed\":\"Ag\"}"),
            ("}", ",\"scope\":\"user.read\"}"),
            ("}", ",\"narrowed\":null}"),
            ("\"aud\"", "\"iss\""),
            (",\"jti\":\"c\"", ""),
            ("h.b", "h\\u002eb"),
            ("1900000000", "1900000000.0"),
            ("1900000000", "-1"),
            ("1900000000", ""),
            ("18446744073709551615", "18446744073709551616"),
            ("{\"iss\"", "{\"jti\":\"c\",\"iss\""),
        ] {
            let other = json.replacen(part, instead, 1);
            assert_ne!(json, other);
            assert_eq!(Claims::read(&other), None, "{other}");
        }
        for length in 0..json.len() {
            assert_eq!(Claims::read(json.get(..length).unwrap()), None);
        }
    }
}
