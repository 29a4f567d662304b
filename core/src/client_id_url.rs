//! A `client_id` that is the URL of the client's own metadata document (OAuth Client ID Metadata Document, section
//! 3; MCP 2025-11-25, authorization).
//!
//! It is compared and fetched as it is written: nothing is normalised, and what a parser would read otherwise
//! than it is written is refused, so that the host that a user is shown is the host that is asked (threat H9).

use url::{Host, Url};

use crate::limits;
use entra_mcp_wire::address::is_loopback;

/// What such a `client_id` begins with; no id that this server gives does.
pub(crate) const SCHEME: &str = "https://";

/// A `client_id` that keeps the rules for the address of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientIdUrl(String);

impl ClientIdUrl {
    /// Takes a URL: https, a host, a path other than `/`, no user, no fragment, no dot segments however they are
    /// spelt.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(SCHEME)?;
        let is_short = text.len() <= limits::CLIENT_ID_URL_BYTES;
        if !is_short || !text.bytes().all(may_stand_in_it) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let (authority, path_and_query) = rest.split_at(rest.find('/')?);
        let path = path_and_query.split('?').next().unwrap_or_default();
        let is_as_written = url.username().is_empty()
            && url.password().is_none()
            && is_authority(authority, &url)
            && url.path() == path
            && url.fragment().is_none();
        (is_as_written && path != "/").then(|| Self(text.to_owned()))
    }

    /// The URL as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, with the port if one is written: who vouches for the client.
    pub(crate) fn host(&self) -> &str {
        let rest = self.0.strip_prefix(SCHEME).unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }

    /// Whether the host is this machine, by its name.
    pub(crate) fn is_loopback(&self) -> bool {
        let url = Url::parse(&self.0).ok();
        url.is_some_and(|url| url.host().is_some_and(|host| is_loopback(&host)))
    }
}

/// Visible ASCII without what RFC 3986 leaves out of a URI, and without a fragment.
fn may_stand_in_it(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#'
        )
}

/// Whether host and port are written as a parser reads them: `0x7f.1` and `%6c` were written to deceive.
fn is_authority(authority: &str, url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let is_name = matches!(url.host(), Some(Host::Domain(name)) if !name.ends_with('.'));
    let is_host = is_name || matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
    let port = authority.strip_prefix(host);
    is_host
        && port.is_some_and(|port| match port.strip_prefix(':') {
            None => port.is_empty(),
            Some(port) => port.parse().is_ok_and(|number: u16| {
                number != 0
                    && number.to_string() == port
                    && url.port_or_known_default() == Some(number)
            }),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    // H9: what the clients of 2026 use.
    #[test]
    fn url_of_a_document_is_taken_as_it_is_written() {
        for (text, host) in [
            (
                "https://vscode.dev/oauth/client-metadata.json",
                "vscode.dev",
            ),
            (
                "https://claude.ai/oauth/mcp-oauth-client-metadata",
                "claude.ai",
            ),
            ("https://chatgpt.com/oauth/a_b-1/client.json", "chatgpt.com"),
            ("https://app.example:8443/c", "app.example:8443"),
            ("https://app.example:443/c", "app.example:443"),
            ("https://app.example/c?v=1", "app.example"),
            ("https://app.example/c?next=/a/../b", "app.example"),
            ("https://app.example/c/", "app.example"),
            ("https://app.example/a%20b", "app.example"),
            ("https://app.example/..a/.b./c...", "app.example"),
            ("https://xn--bcher-kva.example/c", "xn--bcher-kva.example"),
            ("https://localhost/c", "localhost"),
        ] {
            let url = ClientIdUrl::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(url.as_str(), text);
            assert_eq!(url.host(), host);
        }
    }

    // H9, SSRF by spelling (H7)
    #[test]
    fn url_that_breaks_a_rule_or_reads_otherwise_is_refused() {
        for text in [
            "",
            "https://",
            "https:///c",
            "https://app.example",
            "https://app.example/",
            "https://app.example/?a=b",
            "https://app.example?/c",
            "http://app.example/c",
            "HTTPS://app.example/c",
            "https:app.example/c",
            "https:/app.example/c",
            "https:\\\\app.example/c",
            "https://app.example\\c",
            "https://user@app.example/c",
            "https://user:word@app.example/c",
            "https://@app.example/c",
            "https://:@app.example/c",
            "https://app.example/c#f",
            "https://app.example/c#",
            "https://app.example/./c",
            "https://app.example/../c",
            "https://app.example/c/.",
            "https://app.example/c/..",
            "https://app.example/%2e/c",
            "https://app.example/a/%2E%2e/c",
            "https://app.example/a/.%2e/c",
            "https://App.Example/c",
            "https://app.example./c",
            "https://localhost./c",
            "https://0x7f.1/c",
            "https://2130706433/c",
            "https://0177.0.0.1/c",
            "https://127.1/c",
            "https://%6cocalhost/c",
            "https://bücher.example/c",
            "https://[::ffff:127.0.0.1]/c",
            "https://[0:0::1]/c",
            "https://app.example:/c",
            "https://app.example:0/c",
            "https://app.example:0443/c",
            "https://app.example:99999/c",
            "https://app.example:+443/c",
            "https://app.example/a b",
            "https://app.example/a\tb",
            "https://app.example/a\r\nHost: x",
            "https://app.example/<c>",
            "https://app.example/\u{202e}c",
        ] {
            assert_eq!(ClientIdUrl::parse(text), None, "{text}");
        }
        let long = format!(
            "https://app.example/{}",
            "c".repeat(limits::CLIENT_ID_URL_BYTES)
        );
        assert_eq!(ClientIdUrl::parse(&long), None);
    }

    #[test]
    fn loopback_is_known_by_every_name() {
        for (text, is_local) in [
            ("https://localhost:1/c", true),
            ("https://127.0.0.1/c", true),
            ("https://127.9.9.9/c", true),
            ("https://[::1]:8443/c", true),
            ("https://localhost.example/c", false),
            ("https://10.0.0.1/c", false),
        ] {
            assert_eq!(
                ClientIdUrl::parse(text).unwrap().is_loopback(),
                is_local,
                "{text}"
            );
        }
    }
}
