//! Cookies (RFC 6265): few, short-lived, sealed or MACed by whoever uses them.
//!
//! On https they are `__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`; on plain-http loopback, where
//! some browsers refuse `Secure`, without the prefix and the flag.

use ::http::{HeaderMap, HeaderValue, header};

use crate::config::PublicUrl;

/// The name of a cookie on this server: with the `__Host-` prefix where there is https.
pub(crate) fn name(base: &str, public_url: &PublicUrl) -> String {
    let prefix = if public_url.is_secure() {
        "__Host-"
    } else {
        ""
    };
    format!("{prefix}entra-mcp-{base}")
}

/// The value of `Set-Cookie`; a lifetime of zero takes the cookie away.
pub(crate) fn set(
    base: &str,
    value: &str,
    seconds: u64,
    public_url: &PublicUrl,
) -> Option<HeaderValue> {
    let name = name(base, public_url);
    let secure = if public_url.is_secure() {
        "; Secure"
    } else {
        ""
    };
    let cookie =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).ok()
}

/// The cookies of ours whose name begins so, as the browser sent them: what follows in the name, and the
/// value.
pub(crate) fn with_prefix<'a>(
    base: &str,
    headers: &'a HeaderMap,
    public_url: &PublicUrl,
) -> Vec<(&'a str, &'a str)> {
    let prefix = name(base, public_url);
    pairs(headers)
        .filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?, value)))
        .collect()
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// The value of a cookie of ours, as the browser sent it; `None` if it sent none or several of
/// that name, for then we cannot know which is ours.
pub(crate) fn get<'a>(
    base: &str,
    headers: &'a HeaderMap,
    public_url: &PublicUrl,
) -> Option<&'a str> {
    let name = name(base, public_url);
    let mut values = pairs(headers)
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}
