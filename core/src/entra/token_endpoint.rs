//! Entra's token endpoint: what we send as the confidential client, and what it answers.
//!
//! Microsoft identity platform, authorization code flow, "Redeem a code" and "Refresh the access
//! token". `resource` is never sent, since Entra refuses it beside `scope` (AADSTS9010010), nor is
//! anything of a client's (threat D3).

use std::time::Duration;

use ::http::{Request, StatusCode, header};
use bytes::Bytes;
use serde::Deserialize;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::error::EntraError;
use crate::{
    ask::{Ask, Fetch, FetchTarget},
    claims_challenge::{self, ClaimsChallenge},
    env::Env,
    limits,
    planted::Planted,
    secret::Secret,
    session::record::EntraTokens,
    time::UnixTime,
};

/// More than a grant usually is: the longest part is Entra's refresh token.
pub(super) const FORM_BYTES: usize = 16 * 1024;

/// RFC 7523 section 2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// RFC 7523 section 2.2.
pub(super) const CLIENT_ASSERTION_TYPE: &str =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What Entra answers to a good grant.
#[derive(Debug)]
pub(crate) struct TokenResponse {
    /// The access token for Microsoft Graph: opaque, never parsed.
    pub(crate) access_token: Secret<String>,
    /// The refresh token, if there is one.
    pub(crate) refresh_token: Option<Secret<String>>,
    /// The ID token, if there is one.
    pub(crate) id_token: Option<Secret<String>>,
    /// What the access token is good for.
    pub(crate) scope: String,
    /// How long the access token is good for.
    pub(crate) expires_in: Duration,
}

impl TokenResponse {
    /// Returns what a session keeps of the response.
    pub(crate) fn into_tokens(self, now: UnixTime) -> EntraTokens {
        EntraTokens {
            refresh_token: self.refresh_token,
            access_token: self.access_token,
            scope: self.scope,
            expires: now.after(self.expires_in),
            refreshed: now,
        }
    }
}

/// What Entra is asked for, and with what.
#[derive(Debug)]
pub(crate) struct Grant {
    parameters: Vec<(&'static str, Secret<String>)>,
    /// As Entra names the scopes.
    scope: String,
    /// What the tokens must satisfy.
    claims: Option<ClaimsChallenge>,
    /// The tenant whose endpoint it is sent to, where there are several: a code is redeemed where it was asked for.
    tenant: Option<String>,
}

impl Grant {
    /// The code that Entra sent the browser back with, for these scopes, as Entra names them. Never sent twice: Entra takes a code once.
    pub(crate) fn code(
        code: &Secret<String>,
        code_verifier: &Secret<String>,
        scope: String,
        env: Env<'_>,
    ) -> Self {
        let config = &env.server.config;
        let plain = |text: &str| Secret::new(text.to_owned());
        Self {
            parameters: vec![
                ("grant_type", plain("authorization_code")),
                ("code", code.clone()),
                ("code_verifier", code_verifier.clone()),
                (
                    "redirect_uri",
                    Secret::new(config.public_url.join("/auth/callback")),
                ),
            ],
            scope,
            claims: None,
            tenant: None,
        }
    }

    /// The credential alone, for the application's own permissions on one resource.
    pub(crate) fn client_credentials(scope: String) -> Self {
        let grant_type = Secret::new("client_credentials".to_owned());
        Self {
            parameters: vec![("grant_type", grant_type)],
            scope,
            claims: None,
            tenant: None,
        }
    }

    /// The access token that a caller has presented, for these scopes, as Entra names them (Microsoft identity platform,
    /// "OAuth 2.0 On-Behalf-Of flow").
    pub(crate) fn on_behalf_of(assertion: Secret<String>, scope: String) -> Self {
        let plain = |text: &str| Secret::new(text.to_owned());
        Self {
            parameters: vec![
                ("grant_type", plain(JWT_BEARER)),
                ("requested_token_use", plain("on_behalf_of")),
                ("assertion", assertion),
            ],
            scope,
            claims: None,
            tenant: None,
        }
    }

    /// The same at the endpoint of this tenant, where there are several (Microsoft identity platform, "Convert single-tenant
    /// app to multitenant").
    pub(crate) fn at_tenant(self, tenant: &str) -> Self {
        let tenant = Some(tenant.to_owned());
        Self { tenant, ..self }
    }

    /// The same, for tokens that satisfy a challenge.
    pub(crate) fn satisfying(self, claims: Option<ClaimsChallenge>) -> Self {
        Self { claims, ..self }
    }

    /// A refresh token, for these scopes, as Entra names them.
    pub(crate) fn refresh_token(refresh_token: Secret<String>, scope: String) -> Self {
        Self {
            parameters: vec![
                ("grant_type", Secret::new("refresh_token".to_owned())),
                ("refresh_token", refresh_token),
            ],
            scope,
            claims: None,
            tenant: None,
        }
    }
}

/// How this server proves that it is its application.
#[derive(Clone, Copy, Debug)]
pub(super) enum Authentication<'a> {
    /// `client_secret_post` (RFC 6749 section 2.3.1).
    Secret(&'a Secret<String>),
    /// `private_key_jwt`, or the token of another issuer (RFC 7523 section 2.2).
    Assertion(&'a Secret<String>),
}

/// Where a grant is sent. `None` if Entra's metadata is not known.
pub(super) fn address(grant: &Grant, env: Env<'_>) -> Option<Url> {
    let entra = &env.server.config.entra;
    let mut address = env.entra.metadata.as_ref()?.token_endpoint.clone();
    if let (true, Some(tenant)) = (entra.has_several_tenants(), &grant.tenant) {
        let of_all = |segment: &str| segment.eq_ignore_ascii_case(&entra.tenant);
        let segments = address
            .path_segments()?
            .map(|segment| match of_all(segment) {
                true => tenant.clone(),
                false => segment.to_owned(),
            });
        let segments: Vec<_> = segments.collect();
        address.path_segments_mut().ok()?.clear().extend(segments);
    }
    Some(address)
}

/// The request that sends a grant. `None` if Entra's metadata is not known.
pub(super) fn post(
    grant: &Grant,
    authentication: Authentication<'_>,
    env: Env<'_>,
) -> Option<Fetch> {
    let entra = &env.server.config.entra;
    // Room for all that is usually sent: a text that grows would leave secrets behind.
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(FORM_BYTES));
    for (name, value) in &grant.parameters {
        form.append_pair(name, value.expose());
    }
    form.append_pair("client_id", &entra.client_id);
    match authentication {
        Authentication::Secret(secret) => {
            form.append_pair("client_secret", secret.expose());
        }
        Authentication::Assertion(assertion) => {
            form.append_pair("client_assertion_type", CLIENT_ASSERTION_TYPE);
            form.append_pair("client_assertion", assertion.expose());
        }
    }
    let claims = grant.claims.as_ref();
    let claims = claims.filter(|_| !env.server.has(Planted::ClaimsDropped));
    form.append_pair("claims", &claims_challenge::parameter(claims));
    form.append_pair("scope", &grant.scope);
    let body = Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()));
    let request = Request::post(address(grant, env)?.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(body)
        .ok()?;
    Some(Fetch {
        target: FetchTarget::Configured(request),
        body_limit: limits::FETCH_BODY_BYTES,
        within: limits::FETCH_TIMEOUT,
        kept_open: None,
    })
}

/// Reads the answer.
pub(crate) fn read(answer: <Fetch as Ask>::Answer) -> Result<TokenResponse, EntraError> {
    #[derive(Deserialize)]
    struct Body {
        access_token: String,
        refresh_token: Option<String>,
        id_token: Option<String>,
        #[serde(default)]
        scope: String,
        expires_in: Seconds,
    }
    let response = answer.map_err(EntraError::of_fault)?;
    if response.status() != StatusCode::OK {
        let (head, body) = response.into_parts();
        return Err(EntraError::of_response(head.status, &head.headers, &body));
    }
    let body: Body =
        serde_json::from_slice(response.body()).map_err(|_| EntraError::unreadable())?;
    Ok(TokenResponse {
        access_token: Secret::new(body.access_token),
        refresh_token: body.refresh_token.map(Secret::new),
        id_token: body.id_token.map(Secret::new),
        scope: body.scope,
        expires_in: body
            .expires_in
            .duration()
            .ok_or_else(EntraError::unreadable)?,
    })
}

/// A number, which older endpoints write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Seconds {
    fn duration(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.parse().ok()?,
        };
        Some(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestServer;

    fn form_of(fetch: &Fetch) -> Vec<(String, String)> {
        form_urlencoded::parse(fetch.request().body())
            .into_owned()
            .collect()
    }

    // D2, D3: our own values, and never a resource.
    #[test]
    fn grant_is_sent_as_the_confidential_client_without_resource() {
        let server = TestServer::dev();
        let secret = |text: &str| Secret::new(text.to_owned());
        let (code, verifier) = (secret("the code"), secret("the verifier"));
        let scope = server.server.scopes.default();
        let to_entra_scope = scope.to_entra_scope(&server.server.config.entra);
        let refresh_token = secret("a refresh token");
        let grants = [
            Grant::code(
                &code,
                &verifier,
                scope.to_entra_scope(&server.server.config.entra),
                server.env(),
            ),
            Grant::refresh_token(refresh_token, to_entra_scope),
        ];
        let client_secret = secret("entra client secret");
        for grant in grants {
            let authentication = Authentication::Secret(&client_secret);
            let fetch = post(&grant, authentication, server.env()).unwrap();
            assert!(!format!("{grant:?}").contains("the code"), "O3: {grant:?}");
            let form = form_of(&fetch);
            let value = |name: &str| {
                let mut found = form.iter().filter(|(key, _)| key == name);
                found.next().map(|(_, value)| value.as_str())
            };
            assert_eq!(value("client_secret"), Some("entra client secret"));
            assert!(value("scope").unwrap().contains("offline_access"));
            assert!(value("scope").unwrap().ends_with("/User.Read"));
            assert_eq!(value("resource"), None);
            assert!(fetch.request().uri().query().is_none());
            assert!(!format!("{fetch:?}").contains("secret"), "O3: {fetch:?}");
        }
    }

    // D22: a resource sends a challenge only where each of these was asked for so.
    #[test]
    fn every_grant_says_that_claims_challenges_are_taken() {
        let server = TestServer::dev();
        let secret = |text: &str| Secret::new(text.to_owned());
        let challenge = ClaimsChallenge::of_access_context("c1");
        let grants = || {
            let scope = || "User.Read".to_owned();
            [
                Grant::code(&secret("a"), &secret("b"), scope(), server.env()),
                Grant::refresh_token(secret("c"), scope()),
                Grant::on_behalf_of(secret("d"), scope()),
                Grant::client_credentials(scope()),
            ]
        };
        let of_challenge = grants().map(|grant| grant.satisfying(Some(challenge.clone())));
        for (number, grant) in grants().into_iter().chain(of_challenge).enumerate() {
            let secret = secret("entra client secret");
            let fetch = post(&grant, Authentication::Secret(&secret), server.env()).unwrap();
            let form = form_of(&fetch);
            let claims: Vec<_> = form.iter().filter(|(name, _)| name == "claims").collect();
            let [(_, claims)] = claims.as_slice() else {
                panic!("claims are sent once: {form:?}");
            };
            let claims: serde_json::Value = serde_json::from_str(claims).unwrap();
            assert_eq!(claims["access_token"]["xms_cc"]["values"][0], "cp1");
            assert_eq!(claims["access_token"]["acrs"].is_object(), number >= 4);
        }
    }

    // D24
    #[test]
    fn refresh_is_sent_to_the_tenant_of_its_user_where_there_are_several() {
        let tenant = "fab41ca0-5d2e-4b8f-a1c6-d3e7e4a7000a";
        let sent = |server: &TestServer| {
            let token = Secret::new("a refresh token".to_owned());
            let grant = Grant::refresh_token(token, "User.Read".to_owned()).at_tenant(tenant);
            address(&grant, server.env()).unwrap().path().to_owned()
        };
        let mut server = TestServer::dev();
        assert_eq!(sent(&server), "/tenant/oauth2/v2.0/token");
        let entra = &mut server.server.config.entra;
        entra.tenant = "tenant".to_owned();
        entra.tenants = crate::config::Tenants::AnyOrganization;
        assert_eq!(sent(&server), format!("/{tenant}/oauth2/v2.0/token"));
    }

    #[test]
    fn token_response_with_numbers_as_text_is_read() {
        let of = |body: &str| {
            read(Ok(::http::Response::new(Bytes::copy_from_slice(
                body.as_bytes(),
            ))))
        };
        let good =
            of(r#"{"access_token":"a","expires_in":3599,"scope":"User.Read","x":1}"#).unwrap();
        assert_eq!(good.expires_in, Duration::from_secs(3599));
        assert!(good.refresh_token.is_none());
        let text = of(r#"{"access_token":"a","expires_in":"3599","refresh_token":"r"}"#).unwrap();
        assert_eq!(text.expires_in, Duration::from_secs(3599));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"access_token":"a","expires_in":"soon"}"#,
        ] {
            assert!(matches!(of(bad), Err(EntraError::Unavailable(_))), "{bad}");
        }
    }
}
