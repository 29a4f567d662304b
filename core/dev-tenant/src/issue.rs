//! What a token request is answered with, once its grant was found good.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow" and "OAuth 2.0 client credentials flow"; RFC 6749
//! section 5.1.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{
    DevTenant, Reply, TENANT_ID,
    aadsts_error::AadstsError,
    api::{Issued, Whose},
    authorization_request::declares_cp1,
    client::Client,
    client_assertion::TOKEN_EXCHANGE,
    id_token::IdTokenParams,
    metadata::Tenant,
    request_context::RequestContext,
    resource::Resource,
    scope::{self, Granted, Scopes},
    sealed::{AccessToken, RefreshToken, SignIn},
    token::{Grant, check_account},
    unsigned_response::{self, UnsignedToken},
    users::Account,
};

/// How long an access token is good for if its client takes claims challenges, in seconds.
const CHALLENGED_SECONDS: u64 = 86_399;

impl DevTenant {
    /// The answer for somebody who has signed in.
    pub(super) fn for_user(
        &mut self,
        grant: Grant,
        authority: Tenant,
        cx: &mut RequestContext<'_>,
    ) -> Result<Reply, AadstsError> {
        let account = self
            .directory
            .by_oid(&grant.sign_in.oid)
            .cloned()
            .ok_or_else(|| AadstsError::not_ours("code"))?;
        check_account(&account, &grant.sign_in)?;
        if !authority.admits(account.user) {
            return Err(AadstsError::no_guest(account.user, authority.segment()));
        }
        let one = |name| cx.form.one(name).ok().flatten();
        let text = one("scope").unwrap_or(&grant.scope);
        if scope::has_several_resources(text, self.resource_names()) {
            let text = format!(
                "Provided value for the input parameter scope '{text}' isn't valid because it \
                 contains more than one resource."
            );
            return Err(AadstsError::new("invalid_request", 28_000, text));
        }
        let scopes = self.scopes_for(grant.client, text)?;
        if !unconsented(grant.client, &scopes, &account).is_empty() {
            return Err(AadstsError::no_consent("invalid_grant"));
        }
        let takes_challenges = grant.takes_challenges || one("claims").is_some_and(declares_cp1);
        let with_client_info = one("client_info") == Some("1");
        let granted = scopes.granted(&account);
        let (token, mut body) =
            self.access_token(&grant, &account, (&scopes, &granted), takes_challenges, cx);
        if granted.names.iter().any(|name| name == "offline_access") {
            let token = RefreshToken {
                id: cx.entropy.token::<16>(),
                client: grant.client,
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
            return Ok(unsigned_response::reply(token.into_iter().collect(), body));
        }
        let wanted = IdTokenParams {
            client: grant.client,
            user: account.user,
            sign_in: grant.sign_in,
            scopes: granted.names,
            nonce: grant.nonce,
            wants_auth_time: grant.wants_auth_time,
        };
        let id_token = self.id_token(&wanted, &mut body, cx);
        let tokens = token.into_iter().chain(id_token).collect();
        Ok(unsigned_response::reply(tokens, body))
    }

    /// The access token of a user: Graph's is opaque, one for an API wants a signature.
    fn access_token(
        &mut self,
        grant: &Grant,
        account: &Account,
        (scopes, granted): (&Scopes, &Granted),
        takes_challenges: bool,
        cx: &mut RequestContext<'_>,
    ) -> (Option<UnsignedToken>, Map<String, Value>) {
        let (token, mut body, scope) = match scopes.resource() {
            None | Some(Resource::Graph) => {
                let names = granted.names.clone();
                let body = self.graph_token(Some(&grant.sign_in), names, takes_challenges, cx);
                (None, body, granted.scope.clone())
            }
            Some(resource) => {
                let (names, spellings) = scopes.of_api();
                let issued = Issued {
                    to: grant.client,
                    resource,
                    takes_challenges,
                    whose: Whose::User(account, &grant.sign_in, names.join(" ")),
                };
                let (token, body) = self.api_token(&issued, cx);
                (token, body, spellings.join(" "))
            }
        };
        body.insert("scope".to_owned(), json!(scope));
        (token, body)
    }

    /// The client credentials flow: an application acts as itself.
    pub(super) fn for_application(
        &mut self,
        client: Client,
        tenant: &'static str,
        scope: &str,
        cx: &mut RequestContext<'_>,
    ) -> Result<Reply, AadstsError> {
        let is_exchange = scope.strip_suffix("/.default") == Some(TOKEN_EXCHANGE);
        let resource = scope::only_default(scope, self.resource_names());
        match (client, resource) {
            (Client::Application, Some(Resource::Graph)) => {
                let body = self.graph_token(None, Vec::new(), false, cx);
                Ok(unsigned_response::reply(Vec::new(), body))
            }
            (Client::Blueprint | Client::Agent, None) if is_exchange => {
                self.for_agents(client, tenant, cx)
            }
            (Client::Daemon | Client::Agent, Some(resource @ Resource::Api)) => {
                let claims = cx.form.one("claims").ok().flatten();
                let issued = Issued {
                    to: client,
                    resource,
                    takes_challenges: claims.is_some_and(declares_cp1),
                    whose: Whose::Application(tenant),
                };
                let (token, body) = self.api_token(&issued, cx);
                Ok(unsigned_response::reply(token.into_iter().collect(), body))
            }
            (Client::Blueprint, _) => {
                let text = "Agent blueprints get tokens by which their agents prove who they are, and no others.";
                Err(AadstsError::new("invalid_request", 82_001, text))
            }
            (Client::Application, _) if scope.ends_with("/.default") && !scope.contains(' ') => {
                Err(scope::unknown_resource(scope))
            }
            _ => {
                let text = format!(
                    "The provided value for scope {scope} is not valid. Client credential flows must \
                     have a scope value with /.default suffixed to the resource identifier \
                     (application ID URI)."
                );
                Err(AadstsError::new("invalid_scope", 1_002_012, text))
            }
        }
    }

    /// The members that every answer with a token for Graph has.
    fn graph_token(
        &self,
        user: Option<&SignIn>,
        scopes: Vec<String>,
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
            scopes,
            issued: cx.now,
            expires: cx.now.saturating_add(seconds),
            takes_challenges,
        };
        let token = self.sealer.seal(&token, &mut cx.entropy);
        let mut body = bearer(seconds);
        body.insert("access_token".to_owned(), json!(token));
        body
    }

    /// `client_info`: the user in their home tenant, for MSAL's cache.
    pub(super) fn client_info(&self, oid: &str) -> String {
        let account = self.directory.by_oid(oid);
        let home = account.map(|account| account.user.home.unwrap_or(account.user.tenant));
        URL_SAFE_NO_PAD.encode(json!({"uid": oid, "utid": home.unwrap_or(TENANT_ID)}).to_string())
    }
}

/// The members that every answer has, besides the token.
pub(super) fn bearer(seconds: u64) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("token_type".to_owned(), json!("Bearer"));
    body.insert("expires_in".to_owned(), json!(seconds));
    body.insert("ext_expires_in".to_owned(), json!(seconds));
    body
}

/// What a user has not consented to yet. The other applications are preauthorized.
pub(super) fn unconsented(
    client: Client,
    scopes: &Scopes,
    account: &Account,
) -> Vec<&'static scope::Permission> {
    match client {
        Client::Application => scopes.unconsented(account),
        _ => Vec::new(),
    }
}
