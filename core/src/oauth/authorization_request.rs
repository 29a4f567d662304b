//! An authorization request that was found good, and the answer that goes back to the client
//! (RFC 6749 section 4.1, RFC 9207).

use ::http::Response;
use bytes::Bytes;

use super::{code_page, error::OAuthError, length_prefixed};
use crate::{
    catalog::scope::{Scope, Scopes},
    config::Config,
    env::Env,
    http::response,
    redirect_uri::RedirectUri,
    secret::Secret,
    session::record::Hash,
};

/// What a client asked for. Every part of it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthorizationRequest {
    /// The SHA-256 of the `client_id`.
    pub(crate) client: Hash,
    /// Where the answer goes.
    pub(crate) redirect_target: RedirectTarget,
    /// The `code_challenge`, S256: 43 characters of base64url. `None` of a client that may leave PKCE out.
    pub(crate) code_challenge: Option<String>,
    /// The canonical resource.
    pub(crate) resource: String,
    /// What is granted if the user says yes.
    pub(crate) scope: Scope,
}

/// Where an answer goes, and the `state` that goes with it: a redirect URI that is known to be the
/// client's.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RedirectTarget {
    /// The redirect URI.
    pub(crate) redirect_uri: RedirectUri,
    /// The client's `state`, which is returned unchanged and never interpreted (threat C7).
    pub(crate) state: Option<String>,
}

impl std::fmt::Debug for RedirectTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The state is the client's secret.
        write!(f, "RedirectTarget({})", self.redirect_uri.destination())
    }
}

impl RedirectTarget {
    /// Sends the browser back to the client with a code, or shows it where the user is to copy it.
    pub(crate) fn code(&self, code: &Secret<String>, env: Env<'_>) -> Response<Bytes> {
        let config = &env.server.config;
        if config.has_code_page_at(&self.redirect_uri) {
            let lifetime = config.code_lifetime(&self.redirect_uri);
            return code_page::code(code, lifetime, env);
        }
        response::see_other(&self.address(&[("code", code.expose())], config))
    }

    /// Sends the browser back to the client with an error (RFC 6749 section 4.1.2.1), or shows it.
    pub(crate) fn error(
        &self,
        error: OAuthError,
        description: &str,
        env: Env<'_>,
    ) -> Response<Bytes> {
        let config = &env.server.config;
        if config.has_code_page_at(&self.redirect_uri) {
            return code_page::error(error, description, env);
        }
        response::see_other(&self.error_address(error, description, config))
    }

    /// Returns the address at which the client learns of an error.
    pub(crate) fn error_address(
        &self,
        error: OAuthError,
        description: &str,
        config: &Config,
    ) -> String {
        let parameters = [
            ("error", error.as_str()),
            ("error_description", description),
        ];
        self.address(&parameters, config)
    }

    fn address(&self, parameters: &[(&str, &str)], config: &Config) -> String {
        let mut parameters = parameters.to_vec();
        if let Some(state) = &self.state {
            parameters.push(("state", state));
        }
        if config.authorization_response_iss {
            parameters.push(("iss", config.public_url.issuer()));
        }
        self.redirect_uri.with(&parameters)
    }
}

impl AuthorizationRequest {
    /// The name of the MCP endpoint that it is about, if that has one: `orders` of `https://mcp.example/mcp/orders`.
    pub(crate) fn endpoint_name(&self) -> Option<&str> {
        let (above, name) = self.resource.rsplit_once('/')?;
        let is_named = above.ends_with("/mcp") || above.ends_with("/sse");
        is_named.then_some(name)
    }

    /// What a user consents to: these scopes, at this endpoint. What was allowed at one is not allowed at another (threat R26).
    pub(crate) fn consented(&self) -> String {
        self.at_endpoint(&self.scope.to_string())
    }

    /// Scopes, and at which endpoint, if that has a name.
    pub(crate) fn at_endpoint(&self, scope: &str) -> String {
        match self.endpoint_name() {
            Some(name) => format!("{scope} at {name}"),
            None => scope.to_owned(),
        }
    }

    /// Packs the request, to be sealed.
    pub(crate) fn pack(&self) -> Vec<u8> {
        // An empty state is one that was not sent (RFC 6749 section 3.1).
        length_prefixed::pack(&[
            &self.client.0,
            self.redirect_target.redirect_uri.as_str().as_bytes(),
            self.redirect_target
                .state
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
            self.code_challenge
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
            self.resource.as_bytes(),
            self.scope.to_string().as_bytes(),
        ])
    }

    /// Unpacks a request that was sealed.
    pub(crate) fn unpack(bytes: &[u8], scopes: &Scopes) -> Option<Self> {
        let [client, redirect_uri, state, code_challenge, resource, scope] =
            length_prefixed::unpack(bytes)?;
        let state = length_prefixed::text(state)?;
        Some(Self {
            client: Hash(client.try_into().ok()?),
            redirect_target: RedirectTarget {
                redirect_uri: RedirectUri::parse(&length_prefixed::text(redirect_uri)?)?,
                state: (!state.is_empty()).then_some(state),
            },
            code_challenge: Some(length_prefixed::text(code_challenge)?)
                .filter(|challenge| !challenge.is_empty()),
            resource: length_prefixed::text(resource)?,
            scope: scopes.parse(&length_prefixed::text(scope)?)?,
        })
    }
}
