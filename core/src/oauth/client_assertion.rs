//! The assertion by which a client with a metadata document proves who it is: `private_key_jwt` (RFC 7523 sections 2.2
//! and 3, OpenID Connect Core section 9).
//!
//! Its claims are read first, which costs nobody anything; the keys that it must be signed with are looked up only when
//! there is something to redeem.

use ::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use super::error::{OAuthError, Refusal};
use crate::{
    client_id_url::ClientIdUrl,
    client_keys::{Algorithm, ClientKeys},
    config::PublicUrl,
    env::Env,
    http::form::Form,
    id::AssertionId,
    limits,
    session::record::Hash,
    time::UnixTime,
};

/// What `client_assertion_type` must be (RFC 7523 section 2.2).
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion whose claims are good; who has signed it is not known yet. It is a credential for as long as it was
/// not used, so its `Debug` shows the client only.
pub(crate) struct ClientAssertion {
    /// The client that it is of.
    pub(crate) url: ClientIdUrl,
    /// By which it is known that it was used.
    pub(crate) id: AssertionId,
    /// Until when it must be known.
    pub(crate) expires: UnixTime,
    algorithm: Algorithm,
    key_id: Option<String>,
    signed: String,
    signature: Vec<u8>,
}

impl std::fmt::Debug for ClientAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientAssertion({})", self.url.as_str())
    }
}

/// The members of the header that count.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood: there are none (RFC 7515 section 4.1.11).
    crit: Option<IgnoredAny>,
}

/// The claims that are read.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
    nbf: Option<u64>,
    iat: Option<u64>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl ClientAssertion {
    /// The assertion of a request, if it has one.
    pub(crate) fn of(
        form: &Form,
        headers: &HeaderMap,
        env: Env<'_>,
    ) -> Result<Option<Self>, Refusal> {
        let Some(assertion) = form.one("client_assertion")? else {
            return Ok(None);
        };
        if form.one("client_assertion_type")? != Some(TYPE) {
            return Err(bad("client_assertion_type is not that of a JWT."));
        }
        if form.one("client_secret")?.is_some() || headers.contains_key(header::AUTHORIZATION) {
            let description = "Use one method of client authentication, not two.";
            return Err(Refusal::new(OAuthError::InvalidRequest, description));
        }
        let assertion = Self::read(assertion, env)?;
        match form.one("client_id")? {
            Some(id) if id != assertion.url.as_str() => {
                Err(bad("The client assertion is of another client."))
            }
            Some(_) | None => Ok(Some(assertion)),
        }
    }

    fn read(assertion: &str, env: Env<'_>) -> Result<Self, Refusal> {
        let no_jwt = || bad("The client assertion is no JWT with the claims that are needed.");
        if assertion.len() > limits::CLIENT_ASSERTION_BYTES {
            return Err(no_jwt());
        }
        let (signed, signature) = assertion.rsplit_once('.').ok_or_else(no_jwt)?;
        let (header, payload) = signed.split_once('.').ok_or_else(no_jwt)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header = decoded(header).and_then(|header| serde_json::from_slice(&header).ok());
        let header: Header = header.ok_or_else(no_jwt)?;
        let claims = decoded(payload).and_then(|payload| serde_json::from_slice(&payload).ok());
        let claims: Claims = claims.ok_or_else(no_jwt)?;
        let algorithm = Algorithm::of_name(&header.alg).filter(|_| header.crit.is_none());
        let algorithm = algorithm.ok_or_else(|| {
            bad("The client assertion must be signed by RS256, PS256 or ES256, without extensions.")
        })?;
        let url = ClientIdUrl::parse(&claims.sub).filter(|_| claims.iss == claims.sub);
        let url = url.ok_or_else(|| {
            bad("iss and sub of the client assertion must both be the client_id, a URL of a document.")
        })?;
        claims.check(env)?;
        Ok(Self {
            id: AssertionId {
                client: Hash::of(url.as_str().as_bytes()).0,
                jti: Hash::of(claims.jti.as_bytes()).0,
            },
            expires: UnixTime(claims.exp).after(limits::CLOCK_LEEWAY),
            url,
            algorithm,
            key_id: header.kid,
            signed: signed.to_owned(),
            signature: decoded(signature).ok_or_else(no_jwt)?,
        })
    }

    /// Whether one of these keys has signed it.
    pub(crate) fn is_signed_by(&self, keys: &ClientKeys) -> bool {
        let id = self.key_id.as_deref();
        keys.have_signed(&self.signed, &self.signature, self.algorithm, id)
    }
}

impl Claims {
    /// Whom it is for, and when (RFC 7523 section 3).
    fn check(&self, env: Env<'_>) -> Result<(), Refusal> {
        let public_url = &env.server.config.public_url;
        let is_ours = match &self.aud {
            Audience::One(one) => is_audience(one, public_url),
            Audience::Several(all) => all.iter().any(|one| is_audience(one, public_url)),
        };
        if !is_ours {
            return Err(bad(
                "aud of the client assertion is neither the issuer nor the endpoint.",
            ));
        }
        if self.jti.is_empty() {
            return Err(bad("jti of the client assertion is empty."));
        }
        let now = env.now.unix;
        let soon = now.after(limits::CLOCK_LEEWAY);
        let begins = self.nbf.into_iter().chain(self.iat);
        let lasts = UnixTime(self.exp).after(limits::CLOCK_LEEWAY).is_ahead(
            limits::SIGNED_CLIENT_ASSERTION_LIFETIME,
            now,
            2 * limits::CLOCK_LEEWAY,
        );
        if !lasts || !begins.into_iter().all(|begin| UnixTime(begin) <= soon) {
            return Err(bad(
                "The client assertion is over, not valid yet, or valid for more than ten minutes.",
            ));
        }
        Ok(())
    }
}

/// The issuer or an endpoint at which clients sign. Some clients derive the endpoint from an issuer with a slash at its end.
fn is_audience(audience: &str, public_url: &PublicUrl) -> bool {
    let issuer = public_url.issuer();
    let rest = audience.strip_prefix(issuer);
    matches!(
        rest,
        Some("" | "/" | "/token" | "//token" | "/revoke" | "/device_authorization")
    )
}

/// The client did not prove who it is (RFC 6749 section 5.2).
pub(crate) fn bad(description: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidClient, description)
}
