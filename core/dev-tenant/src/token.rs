//! `POST /{tenant}/oauth2/v2.0/token`: codes, refresh tokens and client credentials become tokens.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow", "client credentials
//! flow", "Refresh tokens"; RFC 6749 sections 4.1.3, 4.4 and 6. The checks come in the order in
//! which Entra was seen to make them: the form of a code before the client's secret.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Response, StatusCode};
use ring::digest;
use serde_json::{Map, Value, json};

use super::{
    CLIENT_ID, DevTenant, Reply, TENANT_ID,
    aadsts_error::{self, AadstsError},
    api::Caller,
    authorization_request::{declares_cp1, wanted},
    client,
    id_token::IdTokenParams,
    metadata::Tenant,
    request_context::RequestContext,
    scope::{self, Granted, Scopes},
    sealed::{AccessToken, Challenge, Code, RefreshToken, Sealer, SignIn},
    users::{Account, AccountStatus},
};

/// RFC 7523 section 2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How long a code is good for, in seconds.
const CODE_SECONDS: u64 = 600;

/// How long a refresh token is good for without use, in seconds.
const REFRESH_SECONDS: u64 = 90 * 86_400;

/// How long an access token is good for if its client takes claims challenges, in seconds.
const CHALLENGED_SECONDS: u64 = 86_399;

/// What a grant amounts to, once it was found good.
pub(super) struct Grant {
    sign_in: SignIn,
    /// The scopes that were authorized, for a request that names none.
    scope: String,
    nonce: Option<String>,
    wants_auth_time: bool,
    takes_challenges: bool,
}

impl Grant {
    /// The application acts for somebody whose token it was shown.
    pub(super) fn on_behalf_of(sign_in: SignIn) -> Self {
        Self {
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
        let grant_type = needed("grant_type")?;
        let caller = one("client_id").and_then(|client_id| Caller::find(&client_id));
        if let (Some(caller), Tenant::One(_)) = (caller, known) {
            return self.for_caller(caller, known, &grant_type, cx);
        }
        let artifact = match grant_type.as_str() {
            "authorization_code" => "code",
            "refresh_token" => "refresh_token",
            "client_credentials" => "scope",
            JWT_BEARER => "assertion",
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                return Err(AadstsError::new("unsupported_grant_type", 70_003, text));
            }
        };
        client::known(cx)?;
        let artifact = needed(artifact)?;
        let is_well_formed = match grant_type.as_str() {
            "authorization_code" => Sealer::is_well_formed::<Code>(&artifact),
            "refresh_token" => Sealer::is_well_formed::<RefreshToken>(&artifact),
            _ => true,
        };
        if !is_well_formed {
            let text = "Invalid request. Request is malformed or invalid.";
            return Err(AadstsError::new("invalid_grant", 9_002_313, text));
        }
        client::not_from_a_page(cx)?;
        match one("client_assertion") {
            Some(assertion) => {
                let kind = one("client_assertion_type");
                self.check_assertion(kind.as_deref(), &assertion, cx.now)?;
            }
            None => client::authenticate_by_secret(cx, self.settings.is_secret_expired)?,
        }
        self.check_authority(known)?;
        if cx.form.all("resource").next().is_some() {
            self.check_resource()?;
        }
        if grant_type == "client_credentials" {
            if !matches!(known, Tenant::One(_)) {
                return Err(AadstsError::no_tenant_named());
            }
            return self.for_application(&artifact, cx);
        }
        let grant = match grant_type.as_str() {
            "authorization_code" => self.redeem_code(&artifact, known, cx)?,
            JWT_BEARER => self.on_behalf_of(&artifact, cx)?,
            _ => self.redeem_refresh_token(&artifact, cx)?,
        };
        self.for_user(grant, known, cx)
    }

    fn redeem_code(
        &mut self,
        code: &str,
        authority: Tenant,
        cx: &RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let Some(code) = self.sealer.open::<Code>(code) else {
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
            sign_in: code.sign_in,
            scope: code.scope,
            nonce: code.nonce,
            wants_auth_time: code.wants_auth_time,
            takes_challenges: code.takes_challenges,
        })
    }

    fn redeem_refresh_token(
        &mut self,
        token: &str,
        cx: &RequestContext<'_>,
    ) -> Result<Grant, AadstsError> {
        let Some(token) = self.sealer.open::<RefreshToken>(token) else {
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
            sign_in: token.sign_in,
            scope: token.scope,
            nonce: None,
            wants_auth_time: false,
            takes_challenges: token.takes_challenges,
        })
    }

    fn for_user(
        &mut self,
        grant: Grant,
        authority: Tenant,
        cx: &mut RequestContext<'_>,
    ) -> Result<Reply, AadstsError> {
        let origin = &self.config.origin;
        let account = self
            .directory
            .by_oid(&grant.sign_in.oid)
            .ok_or_else(|| AadstsError::not_ours("code"))?;
        check_account(account, &grant.sign_in)?;
        if !authority.admits(account.user) {
            return Err(AadstsError::no_guest(account.user, authority.segment()));
        }
        let one = |name| cx.form.one(name).ok().flatten();
        let text = one("scope").unwrap_or(&grant.scope);
        if scope::has_several_resources(text, origin) {
            let text = format!(
                "Provided value for the input parameter scope '{text}' isn't valid because it \
                 contains more than one resource."
            );
            return Err(AadstsError::new("invalid_request", 28_000, text));
        }
        let scopes = Scopes::parse(text, origin)?;
        if !scopes.unconsented(account).is_empty() {
            return Err(AadstsError::no_consent("invalid_grant"));
        }
        let granted = scopes.granted(account);
        let takes_challenges = grant.takes_challenges || one("claims").is_some_and(declares_cp1);
        let with_client_info = one("client_info") == Some("1");
        let is_offline = granted.names.iter().any(|name| name == "offline_access");
        let mut body = self.access_token(Some(&grant.sign_in), &granted, takes_challenges, cx);
        body.insert("scope".to_owned(), json!(granted.scope));
        if is_offline {
            let token = RefreshToken {
                id: cx.entropy.token::<16>(),
                sign_in: grant.sign_in.clone(),
                issued: cx.now,
                scope: grant.scope,
                takes_challenges,
            };
            let token = self.sealer.seal(&token, &mut cx.entropy);
            body.insert("refresh_token".to_owned(), json!(token));
        }
        if with_client_info {
            let info = self.client_info(&grant.sign_in.oid);
            body.insert("client_info".to_owned(), json!(info));
        }
        if !scopes.has_openid("openid") {
            return Ok(Reply::Respond(done(body)));
        }
        let wanted = IdTokenParams {
            user: account.user,
            sign_in: grant.sign_in,
            scopes: granted.names,
            nonce: grant.nonce,
            wants_auth_time: grant.wants_auth_time,
        };
        Ok(self.with_id_token(&wanted, body, cx))
    }

    /// The client credentials flow: the application acts as itself.
    fn for_application(
        &self,
        scope: &str,
        cx: &mut RequestContext<'_>,
    ) -> Result<Reply, AadstsError> {
        if !scope::is_graph_default(scope, &self.config.origin) {
            if scope.ends_with("/.default") && !scope.contains(' ') {
                return Err(scope::unknown_resource(scope));
            }
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier \
                 (application ID URI)."
            );
            return Err(AadstsError::new("invalid_scope", 1_002_012, text));
        }
        let granted = Granted {
            scope: String::new(),
            names: Vec::new(),
        };
        let body = self.access_token(None, &granted, false, cx);
        Ok(Reply::Respond(done(body)))
    }

    /// The members that every answer has.
    fn access_token(
        &self,
        user: Option<&SignIn>,
        granted: &Granted,
        takes_challenges: bool,
        cx: &mut RequestContext<'_>,
    ) -> Map<String, Value> {
        let seconds = match (self.settings.expires_in, takes_challenges) {
            (Some(seconds), _) => seconds,
            (None, true) => CHALLENGED_SECONDS,
            (None, false) => super::EXPIRES_IN,
        };
        let token = AccessToken {
            user: user.cloned(),
            scopes: granted.names.clone(),
            issued: cx.now,
            expires: cx.now.saturating_add(seconds),
            takes_challenges,
        };
        let token = self.sealer.seal(&token, &mut cx.entropy);
        let mut body = Map::new();
        body.insert("token_type".to_owned(), json!("Bearer"));
        body.insert("expires_in".to_owned(), json!(seconds));
        body.insert("ext_expires_in".to_owned(), json!(seconds));
        body.insert("access_token".to_owned(), json!(token));
        body
    }

    /// `client_info`: the user in their home tenant, for MSAL's cache.
    pub(super) fn client_info(&self, oid: &str) -> String {
        let account = self.directory.by_oid(oid);
        let home = account.map(|account| account.user.home.unwrap_or(account.user.tenant));
        URL_SAFE_NO_PAD.encode(json!({"uid": oid, "utid": home.unwrap_or(TENANT_ID)}).to_string())
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

/// The pairwise subject of a user for the application: 43 characters.
pub(super) fn subject(oid: &str) -> String {
    let text = format!("dev tenant subject|{oid}|{CLIENT_ID}");
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
