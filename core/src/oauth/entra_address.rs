//! Entra's authorization endpoint with our parameters (Microsoft identity platform, authorization code flow).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{env::Env, provider_metadata::ProviderMetadata, secret::Secret, session::record::Hash};

/// Returns where a browser goes to sign in: for these scopes, as Entra names them, with our own `state`, `nonce` and
/// `code_verifier`. Nothing in it is a client's but scopes that were chosen from our own table (threat D3).
pub(super) fn of(
    scope: &str,
    [state, nonce, code_verifier]: [&Secret<String>; 3],
    metadata: &ProviderMetadata,
    env: Env<'_>,
) -> String {
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
        .append_pair("prompt", "select_account");
    address.into()
}
