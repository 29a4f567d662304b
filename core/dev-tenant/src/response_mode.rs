//! RedirectTarget to the client: redirect URIs, and the three response modes.
//!
//! Source: Microsoft identity platform, "Redirect URI (reply URL) restrictions and limitations" and
//! "OAuth 2.0 authorization code flow"; "Breaking changes" (an empty fragment ends every redirect).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{DevTenant, authorization_request::RedirectTarget, client::Client, pages};

/// `response_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

impl ResponseMode {
    /// `None` if it is none of them; `query` if nothing was said.
    pub(super) fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("query") => Some(Self::Query),
            Some("fragment") => Some(Self::Fragment),
            Some("form_post") => Some(Self::FormPost),
            Some(_) => None,
        }
    }
}

impl DevTenant {
    /// Whether a redirect URI is one of the application's: exactly, but for the port on `localhost`.
    pub(super) fn is_registered(&self, client: Client, redirect_uri: &str) -> bool {
        // What runs on a user's machine listens on a port there.
        let is_own = matches!(
            without_port(redirect_uri).as_deref(),
            Some("http://localhost" | "http://localhost/")
        );
        if client == Client::CommandLine && is_own {
            return true;
        }
        let mut registered = self.config.redirect_uris.iter();
        registered.any(|registered| {
            registered == redirect_uri
                || matches!(
                    (without_port(registered), without_port(redirect_uri)),
                    (Some(one), Some(other)) if one == other
                )
        })
    }
}

/// `http://localhost:5000/path` without its port; `None` for other hosts.
fn without_port(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("http://localhost")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (port, path) = rest.split_at_checked(end)?;
    let digits = port.strip_prefix(':').unwrap_or(port);
    let is_port = digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_port && !path.contains('#')).then(|| format!("http://localhost{path}"))
}

/// The answer to the client, by way of the browser.
pub(super) fn answer(redirect: &RedirectTarget, parameters: &[(&str, String)]) -> Response<Bytes> {
    let mut target = redirect.redirect_uri.clone();
    // A redirect URI without a path is answered with a trailing slash.
    if Url::parse(&target).is_ok_and(|url| url.path() == "/")
        && target.matches('/').count() == 2
        && !target.contains('?')
    {
        target.push('/');
    }
    let encoded: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    let encoded = encoded.join("&");
    match redirect.mode {
        ResponseMode::Query => {
            let mark = if target.contains('?') { '&' } else { '?' };
            found(&format!("{target}{mark}{encoded}#"))
        }
        ResponseMode::Fragment => found(&format!("{target}#{encoded}")),
        ResponseMode::FormPost => pages::form_post(&target, parameters),
    }
}

/// A redirect of Entra's, which is a 302.
pub(super) fn found(location: &str) -> Response<Bytes> {
    let mut response = entra_mcp_wire::response::see_other(location);
    if response.status() == StatusCode::SEE_OTHER {
        *response.status_mut() = StatusCode::FOUND;
    }
    response
}

/// As .NET encodes a form: `+` for a space, lower-case percent escapes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => escaped.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02x}")),
        }
    }
    escaped
}
