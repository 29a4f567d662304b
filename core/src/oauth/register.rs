//! POST /register: stateless dynamic client registration (RFC 7591).
//!
//! Nothing is stored: the metadata that counts comes back inside the `client_id`, and the same
//! metadata of a public client gives the same id (threat H1). A redirect URI that may not be
//! registered is dropped as long as a good one is left, because clients register several and mean
//! one. What is registered is echoed (RFC 7591 section 3.2.1), so
//! that no client has to guess; unknown members are ignored (threat H3).

use ::http::{HeaderMap, Request, Response, StatusCode, header};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    client::{AuthMethod, Client, ClientMetadata, shown_name},
    error::{OAuthError, Refusal},
};
use crate::{
    catalog::scope::{Scope, Scopes},
    entropy::{Entropy, Seed},
    http::{json_object, response},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    planted::Planted,
    redirect_uri::RedirectUri,
    session::record::Hash,
    step::{Cx, Progress},
};

/// What is read of a request. A member given twice is refused by serde (threat H3); lists are
/// checked one by one below.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RegistrationRequest {
    redirect_uris: Value,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    tos_uri: Option<String>,
    policy_uri: Option<String>,
    jwks_uri: Option<String>,
}

/// What was registered (RFC 7591 section 3.2.1).
#[derive(Serialize)]
struct Registered<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    /// It never expires: it is derived from the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u64>,
    #[serde(flatten)]
    metadata: &'a ClientMetadata,
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    scope: String,
}

/// Registers a client.
pub(crate) fn respond<S>(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<S> {
    let scopes = &cx.env.server.scopes;
    let read = read(request.headers(), request.body(), scopes);
    let registered = read.and_then(|(mut metadata, scope)| {
        let config = &cx.env.server.config;
        if !config.registration.is_possible() {
            return Err(Refusal::new(
                OAuthError::AccessDenied,
                "This server lets in only clients that its operator has registered. Ask for a client_id, and type it \
                 into the client.",
            ));
        }
        metadata.redirect_uris.retain(|uri| config.admits(uri, None));
        if metadata.redirect_uris.is_empty() {
            return Err(bad_uri(
                "The operator of this server lets in clients that return to known places, and none of these redirect \
                 URIs does. Ask for --allow-client with the host or scheme.",
            ));
        }
        let mut constant = Entropy::new(&Seed::new([0; 32]));
        let entropy = match cx.env.server.has(Planted::SecretsPredictable) {
            true => &mut constant,
            false => &mut *cx.entropy,
        };
        let client = Client::register(metadata, &cx.env.server.keys, entropy)
            .ok_or_else(|| bad_uri("The redirect URIs are too long together."))?;
        Ok((client, scope))
    });
    match registered {
        Ok((client, scope)) => {
            Hash::of(client.id().as_bytes()).audit(cx);
            cx.log(registration_event(&client));
            let response = registration(&client, &scope, cx);
            cx.done(response)
        }
        Err(refusal) => {
            cx.log(
                LogEvent::new(LogEventId::RegistrationRefused)
                    .with(Field::Reason, refusal.description),
            );
            cx.done(refusal.response())
        }
    }
}

fn registration(client: &Client, scope: &Scope, cx: &Cx<'_>) -> Response<Bytes> {
    let secret = client.secret(&cx.env.server.keys);
    let registered = Registered {
        client_id: client.id(),
        client_secret: secret.as_ref().map(|secret| secret.expose().as_str()),
        client_secret_expires_at: secret.as_ref().map(|_| 0),
        metadata: client.metadata(),
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        scope: scope.to_string(),
    };
    response::json(StatusCode::CREATED, &registered)
}

/// The log line: who, and where it returns to (threat A10).
fn registration_event(client: &Client) -> LogEvent {
    let metadata = client.metadata();
    let uris = metadata.redirect_uris.iter();
    let hosts: Vec<_> = uris.map(|uri| uri.destination().to_string()).collect();
    LogEvent::new(LogEventId::ClientRegistered)
        .with(
            Field::ClientName,
            metadata.client_name.as_deref().unwrap_or("-"),
        )
        .with(Field::Destination, hosts.join(" "))
}

fn read(
    headers: &HeaderMap,
    body: &[u8],
    scopes: &Scopes,
) -> Result<(ClientMetadata, Scope), Refusal> {
    if !is_json(headers) {
        return Err(bad("A registration is application/json."));
    }
    if body.len() > limits::UNAUTHENTICATED_BODY_BYTES {
        return Err(bad("The registration is too long."));
    }
    let requested: RegistrationRequest = json_object::read(body).ok_or_else(|| {
        bad("The registration is not a JSON object of the members of RFC 7591, each at most once.")
    })?;
    requested.check_addresses()?;
    requested.check_grants()?;
    let metadata = ClientMetadata {
        redirect_uris: redirect_uris(&requested.redirect_uris)?,
        token_endpoint_auth_method: auth_method(requested.token_endpoint_auth_method.as_deref())?,
        client_name: requested.client_name.as_deref().and_then(shown_name),
    };
    // The response says what it may ask for; what cannot be granted is not worth refusing a registration for
    // (RFC 7591 section 2).
    let requested = requested.scope.as_deref().unwrap_or_default();
    let scope = match scopes.grant(Some(requested)) {
        Ok(scope) if !requested.is_empty() => scope,
        _ => scopes.all(),
    };
    Ok((metadata, scope))
}

impl RegistrationRequest {
    /// The other addresses are not stored, shown or fetched; but a client that sends one that runs script or
    /// reads files is refused (threats H4, H8).
    fn check_addresses(&self) -> Result<(), Refusal> {
        let addresses = [
            &self.client_uri,
            &self.logo_uri,
            &self.tos_uri,
            &self.policy_uri,
            &self.jwks_uri,
        ];
        let is_web = |address: &&String| {
            let address = address.to_ascii_lowercase();
            address.is_empty() || address.starts_with("https://") || address.starts_with("http://")
        };
        if addresses
            .into_iter()
            .flatten()
            .all(|address| is_web(&address))
        {
            Ok(())
        } else {
            Err(bad("An address of the client is neither https nor http."))
        }
    }

    /// Codes and refresh tokens are all there is; what else is asked for is not registered
    /// (threat C5). VS Code asks for the device grant too and does without.
    fn check_grants(&self) -> Result<(), Refusal> {
        let lacks = |list: &Option<Vec<String>>, needed: &str| {
            list.as_ref()
                .is_some_and(|list| !list.is_empty() && !list.iter().any(|item| item == needed))
        };
        if lacks(&self.grant_types, "authorization_code") {
            return Err(bad("The grant type authorization_code is needed."));
        }
        if lacks(&self.response_types, "code") {
            return Err(bad("The response type code is needed."));
        }
        Ok(())
    }
}

/// The redirect URIs that may be registered: at least one.
fn redirect_uris(requested: &Value) -> Result<Vec<RedirectUri>, Refusal> {
    let texts = requested.as_array().and_then(|list| {
        let texts = list.iter().map(Value::as_str);
        texts.collect::<Option<Vec<_>>>()
    });
    let Some(texts) = texts else {
        return Err(bad_uri("redirect_uris is a list of absolute URIs."));
    };
    let mut uris = Vec::new();
    for uri in texts.into_iter().filter_map(RedirectUri::parse) {
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    match uris.len() {
        0 => Err(bad_uri(
            "No redirect URI may be registered: use https, http on localhost, 127.0.0.1 or [::1], \
             or a private-use scheme; without fragment, user and wildcard.",
        )),
        1..=limits::REDIRECT_URIS => Ok(uris),
        _ => Err(bad_uri("There are too many redirect URIs.")),
    }
}

/// Without a method it is `client_secret_basic` (RFC 7591 section 2): clients that say nothing expect a secret, and
/// those of Microsoft 365 do without none.
fn auth_method(requested: Option<&str>) -> Result<AuthMethod, Refusal> {
    match requested {
        Some("none") => Ok(AuthMethod::None),
        Some("client_secret_post") => Ok(AuthMethod::Post),
        None | Some("client_secret_basic") => Ok(AuthMethod::Basic),
        Some(_) => Err(bad(
            "The token endpoint knows none, client_secret_post and client_secret_basic.",
        )),
    }
}

/// A page can send other types without asking by preflight (threat H10).
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

fn bad(description: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidClientMetadata, description)
}

fn bad_uri(description: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidRedirectUri, description)
}

#[cfg(test)]
mod tests;
