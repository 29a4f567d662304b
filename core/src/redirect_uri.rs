//! Redirect URIs: which may be registered, and when a requested one is a registered one.
//!
//! RFC 9700 section 4.1.3 (simple string comparison), RFC 8252 sections 7.1 and 7.3 (private-use
//! schemes; the port of a loopback address is free), threats B1 to B3.

use serde::Serialize;
use url::Url;

use crate::{config::PublicUrl, limits};

/// The hosts of loopback redirect URIs. They do not stand for one another (RFC 8252 section 8.3).
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The page from which a user copies a code, below the public address of this server.
const CODE_PAGE: &str = "/authorize/code";

/// Private-use schemes without a dot, which RFC 8252 section 7.1 asks for, of clients that
/// exist, such as `cursor:`. A list of what is let in, because no list of what is dangerous is ever
/// whole.
const KNOWN_SCHEMES: [&str; 16] = [
    "claude",
    "code-oss",
    "codex",
    "copilot",
    "cursor",
    "cursor-nightly",
    "goose",
    "jetbrains",
    "kiro",
    "raycast",
    "trae",
    "vscode",
    "vscode-insiders",
    "vscodium",
    "windsurf",
    "zed",
];

/// A redirect URI that is well-formed and of a kind that may be registered. It holds visible ASCII
/// only, so it can be written in a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct RedirectUri(String);

/// Where a redirect URI leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination<'a> {
    /// A web site: its host, with the port if there is one.
    Web(&'a str),
    /// A program that listens on the user's own computer: the host, with the port.
    ThisComputer(&'a str),
    /// A program that has claimed this URI scheme on the user's own computer.
    App(&'a str),
}

impl RedirectUri {
    /// Takes a URI that a client wants to register: https, http on loopback, or a private-use
    /// scheme; as it is written, nothing is normalised.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > limits::REDIRECT_URI_BYTES || !text.bytes().all(may_stand_in_a_uri) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let (scheme, rest) = text.split_once(':')?;
        let good = match scheme {
            // A host that reads otherwise after parsing (0x7f.1, %6c) was written to deceive.
            "https" => {
                let (host, _) = split_authority(rest)?;
                url.host_str()
                    .is_some_and(|parsed| parsed.eq_ignore_ascii_case(host))
            }
            "http" => {
                let (host, _) = split_authority(rest)?;
                LOOPBACK.contains(&host)
            }
            _ => is_private_use(scheme) && rest.len() > 1 && !authority(rest).contains('@'),
        };
        good.then(|| Self(text.to_owned()))
    }

    /// The URI that the client asked to return to, if it is this registered one: the same string,
    /// or on loopback the same but for the port (RFC 8252 section 7.3).
    pub(crate) fn admits(&self, requested: &str) -> Option<Self> {
        let same = self.0 == requested
            || loopback_parts(&self.0).is_some_and(|own| loopback_parts(requested) == Some(own));
        same.then(|| Self(requested.to_owned()))
    }

    /// The URI as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it leads, for the consent page and the log.
    pub(crate) fn destination(&self) -> Destination<'_> {
        let (scheme, rest) = self.0.split_once(':').unwrap_or((&self.0, ""));
        let place = authority(rest);
        match scheme {
            "http" => Destination::ThisComputer(place),
            "https" if Url::parse(&self.0).is_ok_and(|url| is_this_computer(&url)) => {
                Destination::ThisComputer(place)
            }
            "https" => Destination::Web(place),
            _ => Destination::App(scheme),
        }
    }

    /// Whether it is a page of this server.
    pub(crate) fn is_of(&self, public_url: &PublicUrl) -> bool {
        let Ok(url) = Url::parse(&self.0) else {
            return false;
        };
        let below = url.path().strip_prefix(public_url.base_path().as_str());
        url.origin().ascii_serialization() == public_url.origin()
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether it is the address of the page from which a user copies a code.
    pub(crate) fn is_code_page_of(&self, public_url: &PublicUrl) -> bool {
        self.0 == public_url.join(CODE_PAGE)
    }

    /// The place that it leads to, as an operator names it: the host of a web site, `localhost`, the scheme of an app.
    pub(crate) fn place(&self) -> &str {
        match self.destination() {
            Destination::Web(host) => host,
            Destination::ThisComputer(_) => "localhost",
            Destination::App(scheme) => scheme,
        }
    }

    /// The URI with these parameters added to its query, percent-encoded (RFC 6749 section 4.1.2:
    /// a query that is there already is kept).
    pub(crate) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut location = self.0.clone();
        let mut separator = match self.0.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        for (name, value) in parameters {
            location.push_str(separator);
            location.push_str(name);
            location.push('=');
            for piece in url::form_urlencoded::byte_serialize(value.as_bytes()) {
                // `%20` is read as a space by everybody, `+` only by those who expect a form.
                location.push_str(if piece == "+" { "%20" } else { piece });
            }
            separator = "&";
        }
        location
    }
}

impl std::fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Web(host) | Self::ThisComputer(host) => f.write_str(host),
            Self::App(scheme) => write!(f, "{scheme}:"),
        }
    }
}

/// Visible ASCII without what RFC 3986 leaves out, without a fragment, and without the star that
/// some take for a wildcard.
fn may_stand_in_a_uri(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' | b'*'
        )
}

fn is_private_use(scheme: &str) -> bool {
    let well_formed = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
    well_formed && (scheme.contains('.') || KNOWN_SCHEMES.contains(&scheme))
}

/// What stands between `//` and the path; empty if there is none.
fn authority(after_scheme: &str) -> &str {
    after_scheme
        .strip_prefix("//")
        .and_then(|rest| rest.split(['/', '?']).next())
        .unwrap_or_default()
}

/// Host and port of `//host:port…`; `None` with user information, or a port that is not one.
fn split_authority(after_scheme: &str) -> Option<(&str, Option<u16>)> {
    let authority = authority(after_scheme);
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    // The colons inside the brackets of an IPv6 address begin no port.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let Some(port) = port else {
        return Some((host, None));
    };
    let number: u16 = port.parse().ok()?;
    let canonical = number != 0 && number.to_string() == port;
    canonical.then_some((host, Some(number)))
}

/// Host and the rest of `http://host:port/rest`, if it is a loopback address.
fn loopback_parts(uri: &str) -> Option<(&str, &str)> {
    let after_scheme = uri.strip_prefix("http:")?;
    let (host, _) = split_authority(after_scheme)?;
    let rest = after_scheme
        .strip_prefix("//")?
        .strip_prefix(authority(after_scheme))?;
    LOOPBACK.contains(&host).then_some((host, rest))
}

/// Whether a host is this machine; names below `localhost` are too (RFC 6761 section 6.3).
fn is_this_computer(url: &Url) -> bool {
    url.host().is_some_and(|host| match host {
        url::Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        address => crate::config::is_loopback(&address),
    })
}

#[cfg(test)]
mod tests;
