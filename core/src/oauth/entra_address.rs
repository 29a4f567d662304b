//! Entra's authorization endpoint with our parameters (Microsoft identity platform, authorization code flow).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;

use crate::{
    claims_challenge::{self, ClaimsChallenge},
    env::Env,
    planted::Planted,
    provider_metadata::ProviderMetadata,
    secret::Secret,
    session::record::Hash,
};

/// Returns where a browser goes to sign in: for these scopes, as Entra names them, with our own `state`, `nonce` and
/// `code_verifier`. Nothing in it is a client's but scopes that were chosen from our own table (threat D3).
pub(super) fn of(
    scope: &str,
    own: [&Secret<String>; 3],
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> String {
    let mut address = base(scope, own, None, metadata, env);
    address
        .query_pairs_mut()
        .append_pair("prompt", "select_account");
    address.into()
}

/// The same for the user of a session, who is known by a name, and has to satisfy these claims.
pub(super) fn of_step_up(
    scope: &str,
    own: [&Secret<String>; 3],
    (claims, username): (&ClaimsChallenge, Option<&str>),
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> String {
    let claims = Some(claims).filter(|_| !env.server.has(Planted::ClaimsDropped));
    let mut address = base(scope, own, claims, metadata, env);
    if let Some(username) = username {
        address
            .query_pairs_mut()
            .append_pair("login_hint", username);
    }
    address.into()
}

fn base(
    scope: &str,
    [state, nonce, code_verifier]: [&Secret<String>; 3],
    claims: Option<&ClaimsChallenge>,
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> Url {
    let config = &env.server.config;
    let challenge = URL_SAFE_NO_PAD.encode(Hash::of(code_verifier.expose().as_bytes()).0);
    let mut address = metadata.authorization_endpoint.clone();
    address
        .query_pairs_mut()
        .append_pair("client_id", &config.entra.client_id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &config.public_url.join("/auth/callback"))
        .append_pair("response_mode", "query")
        .append_pair("scope", scope)
        .append_pair("state", state.expose())
        .append_pair("nonce", nonce.expose())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("claims", &claims_challenge::parameter(claims));
    address
}
