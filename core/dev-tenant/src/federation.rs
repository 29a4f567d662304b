//! Federated credentials of the application, and an issuer of tokens for them besides the tenant itself: what a cluster or
//! GitHub would be.
//!
//! Source: Microsoft identity platform, "Workload identity federation"; Microsoft Graph, "federatedIdentityCredential";
//! GitHub, "OpenID Connect reference", for how a token is asked for.

use entra_mcp_wire::response;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    DevTenant, MANAGED_IDENTITY_ID, Reply, TENANT_ID,
    aadsts_error::AadstsError,
    client_assertion::TOKEN_EXCHANGE,
    request_context::RequestContext,
    signing::SigningKey,
    unsigned_response::{self, UnsignedToken},
};

/// Under which number the issuer's key is named: no rotation of the tenant's keys comes there.
const GENERATION: u32 = 1_000_000;

/// How long a token of the issuer is good for, in seconds.
const LIFETIME: u64 = 600;

/// What the application trusts a token for that is not Entra's own secret or certificate. All three match exactly.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederatedCredential {
    /// `iss` of the token; that of the issuer at `/federation` if left out.
    pub issuer: Option<String>,
    /// `sub` of the token.
    pub subject: String,
    /// `aud` of the token; `api://AzureADTokenExchange` if left out.
    pub audience: Option<String>,
    /// For how many seconds Entra does not know of it yet (AADSTS70021).
    #[serde(default)]
    pub delay_seconds: u64,
}

/// One that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    issuer: String,
    subject: String,
    audience: String,
    known_from: u64,
}

impl DevTenant {
    /// The issuer besides the tenant.
    fn federation(&self) -> String {
        format!("{}/federation", self.config.origin)
    }

    fn federation_key() -> SigningKey {
        SigningKey::of(GENERATION)
    }

    /// The tenant's own managed identity is trusted from the beginning.
    fn of_managed_identity(&self) -> Registered {
        Registered {
            issuer: format!("{}/{TENANT_ID}/v2.0", self.config.origin),
            subject: MANAGED_IDENTITY_ID.to_owned(),
            audience: TOKEN_EXCHANGE.to_owned(),
            known_from: 0,
        }
    }

    /// Registers a federated credential with the application.
    pub(super) fn federate(&mut self, credential: FederatedCredential, now: u64) {
        let audience = credential.audience;
        let registered = Registered {
            issuer: credential.issuer.unwrap_or_else(|| self.federation()),
            subject: credential.subject,
            audience: audience.unwrap_or_else(|| TOKEN_EXCHANGE.to_owned()),
            known_from: now.saturating_add(credential.delay_seconds),
        };
        self.settings.federated.push(registered);
    }

    /// Whether the application trusts a token for what it says: issuer, then subject, then audience.
    pub(super) fn check_federation(
        &self,
        (issuer, subject, audience): (&str, &str, &str),
        now: u64,
    ) -> Result<(), AadstsError> {
        let own = self.of_managed_identity();
        let all = || self.settings.federated.iter().chain([&own]);
        let of_issuer = || all().filter(|known| known.issuer == issuer);
        let of_subject = || of_issuer().filter(|known| known.subject == subject);
        let refuse = |what: &str, number, value: &str| {
            let text = format!(
                "No matching federated identity record found for presented assertion {what} '{value}'."
            );
            Err(AadstsError::new("invalid_client", number, text))
        };
        if of_issuer().next().is_none() {
            return refuse("issuer", 700_211, issuer);
        }
        if of_subject().next().is_none() {
            return refuse("subject", 700_213, subject);
        }
        let of_audience = of_subject().filter(|known| known.audience == audience);
        match of_audience.map(|known| known.known_from).min() {
            None => refuse("audience", 700_212, audience),
            Some(known_from) if now < known_from => {
                let text = "No matching federated identity record found for presented assertion. It may have been \
                            created a moment ago: try again later.";
                Err(AadstsError::new("invalid_client", 70_021, text))
            }
            Some(_) => Ok(()),
        }
    }

    /// The key of this name of an issuer.
    pub(super) fn key_of_issuer(&self, issuer: &str, kid: &str) -> Option<SigningKey> {
        if issuer == self.federation() {
            return Some(Self::federation_key()).filter(|key| key.kid == kid);
        }
        self.signing.published_key(kid)
    }

    /// `GET /federation/...`: metadata, keys, and tokens for whoever asks, as GitHub gives them to a job.
    pub(super) fn federation_issuer(&self, path: &str, cx: &RequestContext<'_>) -> Option<Reply> {
        let issuer = self.federation();
        let body = match path {
            ".well-known/openid-configuration" => json!({
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/keys"),
                "subject_types_supported": ["public"],
                "response_types_supported": ["id_token"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
            "keys" => json!({"keys": [Self::federation_key().jwk(&issuer)]}),
            "token" => return Some(self.federated_token(cx)),
            _ => return None,
        };
        let response: Response<_> = response::json(StatusCode::OK, &body);
        Some(Reply::Respond(response))
    }

    fn federated_token(&self, cx: &RequestContext<'_>) -> Reply {
        let one = |name| cx.query.one(name).ok().flatten();
        let claims = json!({
            "iss": self.federation(),
            "sub": one("subject").unwrap_or("repo:contoso/mcp:ref:refs/heads/main"),
            "aud": one("audience").unwrap_or(TOKEN_EXCHANGE),
            "iat": cx.now,
            "nbf": cx.now,
            "exp": cx.now.saturating_add(LIFETIME),
        });
        let Value::Object(claims) = claims else {
            return Reply::Respond(response::not_found());
        };
        let key = Self::federation_key();
        let header = Map::from_iter([
            ("typ".to_owned(), json!("JWT")),
            ("alg".to_owned(), json!("RS256")),
            ("kid".to_owned(), json!(key.kid)),
        ]);
        let token = UnsignedToken::new(key.pkcs8, header, claims, "value");
        unsigned_response::reply(vec![token], Map::new())
    }
}
