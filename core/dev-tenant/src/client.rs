//! Who the client of a token request is, and its secret.
//!
//! Source: Microsoft identity platform, "Application authentication"; RFC 6749 section 2.3.1.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_mcp_wire::secret::constant_time_equal;
use http::header;

use super::{CLIENT_ID, CLIENT_SECRET, aadsts_error::AadstsError, request_context::RequestContext};

/// The id and secret of `Authorization: Basic`, each form-encoded.
fn basic(cx: &RequestContext<'_>) -> Option<(String, String)> {
    let value = cx.header(header::AUTHORIZATION.as_str());
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id), decode(secret)))
}

fn decode(text: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// The client is named, and is ours.
pub(super) fn known(cx: &RequestContext<'_>) -> Result<(), AadstsError> {
    let in_form = cx.form.one("client_id").ok().flatten().map(str::to_owned);
    let client_id = in_form
        .or_else(|| basic(cx).map(|(id, _)| id))
        .ok_or_else(|| AadstsError::missing("client_id"))?;
    if client_id.eq_ignore_ascii_case(CLIENT_ID) {
        Ok(())
    } else {
        Err(AadstsError::unknown_client(&client_id))
    }
}

/// Only single-page applications redeem from a web page.
pub(super) fn not_from_a_page(cx: &RequestContext<'_>) -> Result<(), AadstsError> {
    let origin = cx.header(header::ORIGIN.as_str());
    if !origin.is_empty() {
        let text = format!(
            "Cross-origin token redemption is permitted only for the 'Single-Page Application' \
             client-type. Request origin: '{origin}'."
        );
        return Err(AadstsError::new("invalid_request", 9_002_326, text));
    }
    Ok(())
}

/// The client proves who it is, by its secret.
pub(super) fn authenticate_by_secret(
    cx: &RequestContext<'_>,
    is_secret_expired: bool,
) -> Result<(), AadstsError> {
    let one = |name| cx.form.one(name).ok().flatten();
    let presented = one("client_secret")
        .map(str::to_owned)
        .or_else(|| basic(cx).map(|(_, secret)| secret));
    let Some(presented) = presented else {
        let text = "The request body must contain the following parameter: 'client_assertion' or \
                    'client_secret'.";
        return Err(AadstsError::new("invalid_client", 7_000_218, text));
    };
    if !constant_time_equal(presented.as_bytes(), CLIENT_SECRET.as_bytes()) {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the \
             client secret value, not the client secret ID, for a secret added to app \
             '{CLIENT_ID}'."
        );
        return Err(AadstsError::new("invalid_client", 7_000_215, text));
    }
    if is_secret_expired {
        let text = format!(
            "The provided client secret keys for app '{CLIENT_ID}' are expired. Visit the Azure \
             portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider \
             using certificate credentials for added security: https://aka.ms/certCreds."
        );
        return Err(AadstsError::new("invalid_client", 7_000_222, text));
    }
    Ok(())
}
