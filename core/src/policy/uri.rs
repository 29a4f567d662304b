//! The one spelling of a URI among those that name the same: without it, a rule for `file:///etc/*` would not see `file:///x/../etc/y`.
//!
//! Of a file only the path counts: servers look at nothing else, and would open the same file for `file://x/etc/y`, `file:///etc/y?` and
//! `file:///etc/y#`.
//!
//! Source: RFC 3986 section 6.2.2; RFC 8089.

use std::borrow::Cow;

use url::Url;

/// How a URI is written normally: scheme and host in small letters, no dots among the segments, nothing encoded that need not be, one
/// slash where several are. What is no URI is as it is.
pub(super) fn normal(uri: &str) -> Cow<'_, str> {
    let decoded = decoded(uri);
    let Ok(mut url) = Url::parse(&decoded) else {
        return Cow::Borrowed(uri);
    };
    let path = url.path();
    if path.contains("//") {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let joined: Vec<_> = segments.collect();
        let end = if path.ends_with('/') && !joined.is_empty() {
            "/"
        } else {
            ""
        };
        let joined = format!("/{}{end}", joined.join("/"));
        url.set_path(&joined);
    }
    match url.scheme() {
        "file" => Cow::Owned(format!("file://{}", url.path())),
        _ => Cow::Owned(url.into()),
    }
}

/// Without the encoding of letters, digits, `-`, `.`, `_`, `~`, and of slashes, which many servers decode before they look.
fn decoded(uri: &str) -> String {
    let mut decoded = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let byte = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let plain = byte.map(char::from).filter(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_' | '~' | '/' | '\\')
        });
        match plain {
            Some(letter) => {
                decoded.push(letter);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}
