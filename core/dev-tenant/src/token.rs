//! `POST /{tenant}/oauth2/v2.0/token`: codes, refresh tokens and client credentials become tokens.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow", "client credentials
//! flow", "Refresh tokens"; RFC 6749 sections 4.1.3, 4.4 and 6. The checks come in the order in
//! which Entra was seen to make them: the form of a code before the client's secret.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Response, StatusCode};
use ring::digest;
use serde_json::{Map, Value};

use super::{
    DevTenant, Reply,
    aadsts_error::{self, AadstsError},
    authorization_request::wanted,
    client::{self, Client},
    metadata::Tenant,
    request_context::RequestContext,
    sealed::{Challenge, Code, RefreshToken, Sealer, SignIn},
    users::{Account, AccountStatus},
};

/// How long a code is good for, in seconds.
const CODE_SECONDS: u64 = 600;

/// How long a refresh token is good for without use, in seconds.
const REFRESH_SECONDS: u64 = 90 * 86_400;

/// What a client shows for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrantType {
    Code,
    Refresh,
    ClientCredentials,
    /// RFC 7523 section 2.1.
    OnBehalfOf,
    /// RFC 8628 section 3.4.
    DeviceCode,
    Password,
    /// An agent acts as the user that it is itself.
    AgentUser,
}

impl GrantType {
    fn read(text: &str) -> Result<Self, AadstsError> {
        Ok(match text {
            "authorization_code" => Self::Code,
            "refresh_token" => Self::Refresh,
            "client_credentials" => Self::ClientCredentials,
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => Self::OnBehalfOf,
            // MSAL for Node.js writes it so.
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => Self::DeviceCode,
            "password" => Self::Password,
            "user_fic" => Self::AgentUser,
            other => return Err(unsupported(other)),
        })
    }

    /// The parameter without which it is nothing.
    const fn artifact(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Refresh => "refresh_token",
            Self::ClientCredentials => "scope",
            Self::OnBehalfOf => "assertion",
            Self::DeviceCode => "device_code",
            Self::Password => "username",
            Self::AgentUser => "user_federated_identity_credential",
        }
    }

    fn is_well_formed(self, artifact: &str) -> bool {
        match self {
            Self::Code => Sealer::is_well_formed::<Code>(artifact),
            Self::Refresh => Sealer::is_well_formed::<RefreshToken>(artifact),
            _ => true,
        }
    }
}

fn unsupported(grant_type: &str) -> AadstsError {
    let text = format!("The app requested an unsupported grant type '{grant_type}'.");
    AadstsError::new("unsupported_grant_type", 70_003, text)
}

/// What a grant amounts to, once it was found good.
pub(super) struct Grant {
    pub(super) client: Client,
    pub(super) sign_in: SignIn,
    /// The scopes that were authorized, for a request that names none.
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) wants_auth_time: bool,
    pub(super) takes_challenges: bool,
}

impl Grant {
    /// What a client gets for somebody who has signed in.
    pub(super) const fn of(client: Client, sign_in: SignIn) -> Self {
        Self {
            client,
            sign_in,
            scope: String::new(),
            nonce: None,
            wants_auth_time: false,
            takes_challenges: false,
        }
    }
}

impl DevTenant {
    /// The whole endpoint.
    pub(super) fn token(&mut self, tenant: &str, cx: &mut RequestContext<'_>) -> Reply {
        if let Some(fault) = self.faults.next_token_fault() {
            return Reply::Respond(fault.answer(cx, &self.config.origin));
        }
        let origin = self.config.origin.clone();
        self.redeem(tenant, cx)
            .unwrap_or_else(|error| Reply::Respond(error.json(cx, &origin)))
    }

    fn redeem(&mut self, tenant: &str, cx: &mut RequestContext<'_>) -> Result<Reply, AadstsError> {
        let known = Tenant::parse(tenant)
            .ok_or_else(|| AadstsError::no_tenant("invalid_request", tenant))?;
        if let Some(repeated) = cx.form.repeated(&["resource"]) {
            return Err(AadstsError::repeated(&repeated.0));
        }
        let one = |name: &str| cx.form.one(name).ok().flatten().map(str::to_owned);
        let needed = |name: &str| one(name).ok_or_else(|| AadstsError::missing(name));
        let named = needed("grant_type")?;
        let grant_type = GrantType::read(&named)?;
        let client = Client::of(cx)?;
        if !client.may_use(grant_type) {
            return Err(unsupported(&named));
        }
        let artifact = needed(grant_type.artifact())?;
        if !grant_type.is_well_formed(&artifact) {
            let text = "Invalid request. Request is malformed or invalid.";
            return Err(AadstsError::new("invalid_grant", 9_002_313, text));
        }
        client::not_from_a_page(cx)?;
        self.authenticate(client, cx)?;
        self.check_authority(known)?;
        if grant_type == GrantType::ClientCredentials {
            self.check_resource(&cx.form, None)?;
            let Tenant::One(organization) = known else {
                return Err(AadstsError::no_tenant_named());
            };
            return self.for_application(client, organization.id, &artifact, cx);
        }
        let scope = one("scope").or_else(|| self.scope_in(grant_type, &artifact));
        let scopes = scope.and_then(|scope| self.scopes_for(client, &scope).ok());
        self.check_resource(&cx.form, scopes.as_ref())?;
        let grant = match grant_type {
            GrantType::Code => self.redeem_code(client, &artifact, known, cx)?,
            GrantType::Refresh => self.redeem_refresh_token(client, &artifact, cx)?,
            GrantType::OnBehalfOf => self.on_behalf_of(client, &artifact, cx)?,
            GrantType::DeviceCode => self.redeem_device_code(client, &artifact, cx)?,
            GrantType::Password => self.redeem_password(client, &artifact, known, cx)?,
            GrantType::AgentUser => self.as_agent_user(&artifact, cx)?,
            GrantType::ClientCredentials => return Err(unsupported(&named)),
        };
        self.for_user(grant, known, cx)
    }

    /// The scopes that were authorized, which count for a request that names none.
    fn scope_in(&self, grant_type: GrantType, artifact: &str) -> Option<String> {
        match grant_type {
            GrantType::Code => Some(self.sealer.open::<Code>(artifact)?.scope),
            GrantType::Refresh => Some(self.sealer.open::<RefreshToken>(artifact)?.scope),
            _ => None,
        }
    }

    fn redeem_code(
        &mut self,
        client: Client,
        code: &str,
        authority: Tenant,
        cx: &RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let code = self.sealer.open::<Code>(code);
        let Some(code) = code.filter(|code| code.client == client) else {
            return Err(AadstsError::not_ours("code"));
        };
        if cx.now > code.issued.saturating_add(CODE_SECONDS) {
            return Err(AadstsError::expired());
        }
        if code.authority != authority.segment() {
            return Err(AadstsError::another_authority());
        }
        if self.used.contains(&code.id) {
            if self.settings.revokes_on_replay {
                self.revoke(&code.sign_in.oid, cx.now);
            }
            let text = "OAuth2 Authorization code was already redeemed, please retry with a new \
                        valid code or use an existing refresh token.";
            return Err(AadstsError::new("invalid_grant", 54_005, text));
        }
        let one = |name| cx.form.one(name).ok().flatten();
        if !verifies(code.challenge.as_ref(), one("code_verifier")) {
            let text = "The Code_Verifier does not match the code_challenge supplied in the \
                        authorization request.";
            return Err(AadstsError::new("invalid_grant", 501_481, text));
        }
        let redirect_uri =
            one("redirect_uri").ok_or_else(|| AadstsError::missing("redirect_uri"))?;
        if redirect_uri != code.redirect_uri {
            let text = format!(
                "The reply address '{redirect_uri}' does not match the reply address '{}' provided \
                 when requesting Authorization code.",
                code.redirect_uri
            );
            return Err(AadstsError::new("invalid_client", 500_112, text).bad_request());
        }
        let until = code.issued.saturating_add(CODE_SECONDS);
        self.used.is_first(&code.id, until, cx.now);
        Ok(Grant {
            client,
            sign_in: code.sign_in,
            scope: code.scope,
            nonce: code.nonce,
            wants_auth_time: code.wants_auth_time,
            takes_challenges: code.takes_challenges,
        })
    }

    fn redeem_refresh_token(
        &mut self,
        client: Client,
        token: &str,
        cx: &RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let token = self.sealer.open::<RefreshToken>(token);
        let Some(token) = token.filter(|token| token.client == client) else {
            return Err(AadstsError::not_ours("refresh_token").suberror("bad_token"));
        };
        let until = token.issued.saturating_add(REFRESH_SECONDS);
        if cx.now > until {
            let text = format!(
                "The refresh token has expired due to inactivity. The token was issued on {} and \
                 was inactive for 90.00:00:00.",
                super::formats::long(token.issued)
            );
            return Err(AadstsError::new("invalid_grant", 700_082, text));
        }
        // Entra itself lets an old refresh token live on.
        if self.settings.revokes_on_replay && !self.used.is_first(&token.id, until, cx.now) {
            self.revoke(&token.sign_in.oid, cx.now);
            return Err(AadstsError::not_ours("refresh_token").suberror("bad_token"));
        }
        let account = self.directory.by_oid(&token.sign_in.oid);
        if account.is_some_and(|account| account.needs_second_factor) && !token.sign_in.strong {
            return Err(AadstsError::second_factor());
        }
        check_claims(&token.sign_in, cx)?;
        Ok(Grant {
            scope: token.scope,
            takes_challenges: token.takes_challenges,
            ..Grant::of(client, token.sign_in)
        })
    }

    /// A name, and any password (Microsoft identity platform, "OAuth 2.0 Resource Owner Password Credentials").
    fn redeem_password(
        &self,
        client: Client,
        username: &str,
        authority: Tenant,
        cx: &mut RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let one = |name: &str| cx.form.one(name).ok().flatten();
        let needed = |name: &str| one(name).ok_or_else(|| AadstsError::missing(name));
        let (_, scope) = (needed("password")?, needed("scope")?.to_owned());
        let account = self.directory.by_username(username).ok_or_else(|| {
            let text = "The user account does not exist in the directory.";
            AadstsError::new("invalid_grant", 50_034, text)
        })?;
        if !authority.admits(account.user) {
            return Err(AadstsError::no_guest(account.user, authority.segment()));
        }
        let wanted = one("claims").map(wanted).unwrap_or_default();
        let sign_in = SignIn::now(account, wanted, cx);
        Ok(Grant {
            scope,
            ..Grant::of(client, sign_in)
        })
    }

    /// Voids everything of a user.
    pub(super) fn revoke(&mut self, oid: &str, now: u64) {
        if let Some(account) = self.directory.by_oid_mut(oid) {
            account.revoke(now);
        }
    }
}

/// An account may be gone, disabled or out of favour since it was signed in.
pub(super) fn check_account(account: &Account, sign_in: &SignIn) -> Result<(), AadstsError> {
    match account.status {
        AccountStatus::Disabled => return Err(AadstsError::disabled()),
        AccountStatus::Unassigned => return Err(AadstsError::unassigned()),
        AccountStatus::Blocked => return Err(AadstsError::blocked()),
        AccountStatus::Active => {}
    }
    if sign_in.epoch < account.epoch {
        return Err(AadstsError::revoked(sign_in.at, account.valid_from));
    }
    Ok(())
}

/// What the `claims` of a request want, who has signed in must have satisfied.
pub(super) fn check_claims(sign_in: &SignIn, cx: &RequestContext<'_>) -> Result<(), AadstsError> {
    let claims = cx.form.one("claims").ok().flatten();
    match claims {
        Some(claims) if !sign_in.satisfies(&wanted(claims)) => {
            Err(AadstsError::second_factor().claims(claims))
        }
        _ => Ok(()),
    }
}

/// The answer to a token request that went well.
pub(super) fn done(body: Map<String, Value>) -> Response<Bytes> {
    let mut response = aadsts_error::json_response(StatusCode::OK, &Value::Object(body));
    let telemetry = http::HeaderValue::from_static("1,0,0,,");
    response.headers_mut().insert("x-ms-clitelem", telemetry);
    response
}

/// The pairwise subject of a user for an application: 43 characters.
pub(super) fn subject(oid: &str, client_id: &str) -> String {
    let text = format!("dev tenant subject|{oid}|{client_id}");
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn verifies(challenge: Option<&Challenge>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(Challenge::Plain(challenge)), Some(verifier)) => challenge == verifier,
        (Some(Challenge::S256(challenge)), Some(verifier)) => {
            let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
            *challenge == URL_SAFE_NO_PAD.encode(hash)
        }
    }
}
