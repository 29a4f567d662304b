//! The page with a code to copy, for a program that no browser can return to: on a machine without one, in a container,
//! behind SSH. Its client registers the address of this page as a redirect URI (RFC 6749 section 3.1.2; what RFC 8252
//! calls out-of-band), and its user pastes the code into the program.
//!
//! Nothing is ever at that address. The page is the response to the request that would redirect there: what it shows
//! was made just then, and no link can make it show a code of somebody else's.
//!
//! Whoever is told a code can use it, if the sign-in was theirs: as with a device (RFC 8628 section 5.4), an attacker may
//! begin one and ask for its code. So it is off unless the operator turns it on, the user is asked each time, and both
//! pages say what the code is worth (threat A16).

use std::time::Duration;

use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::error::OAuthError;
use crate::{
    env::Env,
    pages::{
        self, Kind,
        html::{Html, Slot},
    },
    secret::Secret,
};

const TITLE: &str = "Copy the code";

const CODE: &str = r#"<h1>Copy this code</h1>
<p>Paste it into the program in which you began to sign in. It works once, within {minutes} minutes.</p>
<pre class="copy"><code>{code}</code></pre>
<div class="warn" role="note">Give it to <strong>nobody</strong>, whoever asks: if they began this sign-in, they would get
access in your name. You can close this page.</div>"#;

/// Shows a code.
pub(super) fn code(code: &Secret<String>, lifetime: Duration, env: Env<'_>) -> Response<Bytes> {
    let minutes = (lifetime.as_secs() / 60).to_string();
    let slots = [
        ("code", Slot::Text(code.expose())),
        ("minutes", Slot::Text(&minutes)),
    ];
    let body = Html::fill(CODE, &slots);
    pages::page(StatusCode::OK, TITLE, &body, Kind::Plain, env)
}

/// Says why there is none.
pub(super) fn error(error: OAuthError, description: &str, env: Env<'_>) -> Response<Bytes> {
    let status = match error {
        OAuthError::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        OAuthError::AccessDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let slots = [
        ("description", Slot::Text(description)),
        ("error", Slot::Text(error.as_str())),
    ];
    let body = Html::fill(
        "<h1>There is no code</h1>\n<p>{description}</p>\n\
         <p>Start again from your program. If it asks for the error, it is <code>{error}</code>.</p>",
        &slots,
    );
    pages::page(status, "There is no code", &body, Kind::Plain, env)
}
