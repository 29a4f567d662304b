//! Cookies (RFC 6265): few, short-lived, sealed or MACed by whoever uses them.
//!
//! On https they are `__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`; on plain-http loopback, where
//! some browsers refuse `Secure`, without the prefix and the flag. Where the public address has a path they are bound to
//! it, and `__Secure-`: what else lives on that host does not get them, nor does it share their names.

use ::http::{HeaderMap, HeaderValue, header};

use crate::config::PublicUrl;

/// The name of a cookie on this server: with the `__Host-` prefix where there is https and the host is its own. The path
/// is in the name as well, for the cookies of a server above it come along.
pub(crate) fn name(base: &str, public_url: &PublicUrl) -> String {
    let path = public_url.base_path().as_str();
    let prefix = match (public_url.is_secure(), path) {
        (false, _) => "",
        (true, "") => "__Host-",
        (true, _) => "__Secure-",
    };
    format!("{prefix}entra-mcp{}-{base}", path.replace('/', "."))
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
    let path = public_url.base_path().for_cookies();
    let cookie =
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
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

/// Others on this host set what they like: a cookie of theirs that is no ASCII hides none of ours.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter(|pair| pair.is_ascii())
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
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

#[cfg(test)]
mod tests {
    use super::*;

    // N5
    #[test]
    fn cookies_of_others_that_are_no_ascii_hide_none_of_ours() {
        let public_url = PublicUrl::parse("http://localhost:3001").unwrap();
        let mut headers = HeaderMap::new();
        let sent = "theme=hell ☀; entra-mcp-device=ours; name=Zoë".as_bytes();
        headers.insert(header::COOKIE, HeaderValue::from_bytes(sent).unwrap());
        assert_eq!(get("device", &headers, &public_url), Some("ours"));
        let all = with_prefix("dev", &headers, &public_url);
        assert_eq!(all, [("ice", "ours")]);
        // One of ours that is no ASCII was never ours.
        let made_up = "entra-mcp-device=ö".as_bytes();
        headers.insert(header::COOKIE, HeaderValue::from_bytes(made_up).unwrap());
        assert_eq!(get("device", &headers, &public_url), None);
    }
}
