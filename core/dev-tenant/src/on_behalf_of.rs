//! The application, or an agent, gets tokens on behalf of whom an access token for it is of.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 On-Behalf-Of flow"; RFC 7523 section 2.1.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::{
    API_URI, BLUEPRINT_ID, BLUEPRINT_URI, CLIENT_ID, DevTenant,
    aadsts_error::AadstsError,
    api::OpaqueSignIn,
    client::Client,
    request_context::RequestContext,
    token::{Grant, check_claims},
};

/// The claims of an assertion that count here.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AssertionClaims {
    pub(super) aud: String,
    pub(super) sub: String,
    pub(super) exp: u64,
    pub(super) azp: Option<String>,
    appid: Option<String>,
    idtyp: Option<String>,
    aio: String,
}

impl DevTenant {
    /// What an assertion amounts to: the client acts on behalf of whom it is of.
    pub(super) fn on_behalf_of(
        &self,
        client: Client,
        assertion: &str,
        cx: &RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let refuse = |number, text: String| Err(AadstsError::new("invalid_grant", number, text));
        let one = |name| cx.form.one(name).ok().flatten();
        if one("requested_token_use") != Some("on_behalf_of") {
            return Err(AadstsError::missing("requested_token_use"));
        }
        let Some(claims) = self.claims_of(assertion) else {
            let text = "Assertion failed signature validation.";
            return refuse(50_013, text.to_owned());
        };
        // An agent is shown the tokens that are for its blueprint.
        let (id, uri) = match client {
            Client::Agent => (BLUEPRINT_ID, BLUEPRINT_URI),
            _ => (CLIENT_ID, API_URI),
        };
        let audience = claims.aud.trim_end_matches('/');
        let is_own = self.settings.app_id_uris.iter().any(|own| own == audience);
        if claims.aud != id && audience != uri && !(is_own && client == Client::Application) {
            let text = format!(
                "Assertion audience does not match the Client app presenting the assertion. The audience in the \
                 assertion was '{}' and the expected audience is '{id}'.",
                claims.aud
            );
            return refuse(500_131, text);
        }
        if cx.now >= claims.exp {
            let text = "Assertion is not within its valid time range.";
            return refuse(500_133, text.to_owned());
        }
        if claims.azp.is_none() && claims.appid.is_none() {
            let text = "Input id_token cannot be used as 'urn:ietf:params:oauth:grant-type:jwt-bearer' grant.";
            return refuse(240_002, text.to_owned());
        }
        let sign_in = self.sealer.open::<OpaqueSignIn>(&claims.aio);
        let (Some(OpaqueSignIn(sign_in)), Some("user")) = (sign_in, claims.idtyp.as_deref()) else {
            let text = "The assertion is not of a user.";
            return refuse(50_013, text.to_owned());
        };
        let account = self.directory.by_oid(&sign_in.oid);
        if account.is_some_and(|account| account.needs_second_factor) && !sign_in.strong {
            return Err(AadstsError::second_factor());
        }
        check_claims(&sign_in, cx)?;
        Ok(Grant::of(client, sign_in))
    }

    /// The claims of a token that this tenant has signed.
    pub(super) fn claims_of(&self, token: &str) -> Option<AssertionClaims> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
        let key = self.signing.published_key(header.get("kid")?.as_str()?)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key())
            .verify(message.as_bytes(), &decode(signature)?)
            .ok()?;
        serde_json::from_slice(&decode(claims)?).ok()
    }
}
