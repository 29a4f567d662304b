//! The session token as it comes in, and the challenge that goes out (RFC 6750, RFC 9728 section
//! 5.1).
//!
//! A token comes in the `Authorization` header, once, whatever the case of the scheme; never in a
//! query, a form or a cookie (threat F10). A challenge names `invalid_token` only where a token
//! was sent, and never repeats it (threat F11).

use ::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::response;
use crate::{
    catalog::scope::Scope,
    claims_challenge::ClaimsChallenge,
    config::AuthorizationServers,
    env::{Env, Server},
    limits,
    route::Route,
    secret::Secret,
    session::token::{self, Verified},
    time::UnixTime,
    token_beginning::HEADER,
};

/// What a request carries to prove who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presented<'a> {
    /// No `Authorization`, or one of another scheme.
    Nothing,
    /// More than one, or one that is no text.
    Malformed,
    /// What may be a token: only one that was issued here is.
    Token(&'a str),
}

impl<'a> Presented<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (value, more) = (values.next(), values.next());
        let Some(value) = value else {
            return Self::Nothing;
        };
        let (Ok(value), None) = (value.to_str(), more) else {
            return Self::Malformed;
        };
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Self::Nothing;
        }
        Self::Token(token.trim_matches(' '))
    }
}

/// Who a request says it is of.
#[derive(Debug)]
pub(crate) enum Credential {
    /// The session of a session token that was verified.
    Session(Verified),
    /// A token that was not issued here, and that the exchange verifies: Entra's, if it is any good.
    Entra(Box<Secret<String>>),
}

/// Verifies the session token of a request, without a look-up. `Err` is the answer to give. What does not have the header
/// of a session token is none, whatever else it says; and what has it is nothing else.
pub(crate) fn verify(
    route: Route,
    headers: &HeaderMap,
    server: &Server,
    now: UnixTime,
) -> Result<Credential, Box<Response<Bytes>>> {
    let error = match Presented::of(headers) {
        Presented::Nothing => None,
        Presented::Malformed => Some(INVALID_TOKEN),
        Presented::Token(presented)
            if server.config.entra_tokens.is_some() && is_of_another_issuer(presented) =>
        {
            let token = Secret::new(presented.to_owned());
            return Ok(Credential::Entra(Box::new(token)));
        }
        Presented::Token(presented) => match token::verify(presented, server, now) {
            Some(verified) if is_for(&verified, route, server) => {
                return Ok(Credential::Session(verified));
            }
            Some(_) => Some(OTHER_ENDPOINT),
            None => Some(INVALID_TOKEN),
        },
    };
    Err(Box::new(unauthorized(route, error, server)))
}

/// Whether a token is a JWT with another header than session tokens have.
fn is_of_another_issuer(token: &str) -> bool {
    let mut parts = token.splitn(4, '.');
    let header = parts.next().unwrap_or_default();
    let has_header = header.starts_with("eyJ") && header != HEADER;
    has_header && parts.count() == 2 && token.len() <= limits::ENTRA_TOKEN_BYTES
}

/// Whether a token is for this endpoint, or for the whole server (RFC 8707; threat C9).
fn is_for(verified: &Verified, route: Route, server: &Server) -> bool {
    let url = &server.config.public_url;
    let [streamable, sse] = url.resources();
    let endpoint = match route {
        Route::Sse | Route::Message => sse,
        _ => streamable,
    };
    url.covers(&verified.resource, endpoint)
}

/// The name of the MCP endpoint that a route belongs to.
fn endpoint(route: Route) -> &'static str {
    match route {
        Route::Sse | Route::Message => "sse",
        _ => "mcp",
    }
}

const INVALID_TOKEN: &str =
    "error=\"invalid_token\", error_description=\"The session token is no longer good.\"";

const ENTRA_TOKEN_REFUSED: &str = "error=\"invalid_token\", error_description=\"The access token is not one that this server takes.\"";

const INSUFFICIENT_SCOPE: &str =
    "error=\"insufficient_scope\", error_description=\"This needs more than was granted.\"";

const OTHER_ENDPOINT: &str = "error=\"invalid_token\", \
     error_description=\"The session token is for another endpoint of this server.\"";

/// 401: the session that the token stands for is over. The client refreshes or signs in again.
pub(crate) fn session_over(route: Route, env: Env<'_>) -> Response<Bytes> {
    unauthorized(route, Some(INVALID_TOKEN), env.server)
}

/// 401: an access token of Entra's is not taken.
pub(crate) fn entra_token_refused(route: Route, env: Env<'_>) -> Response<Bytes> {
    unauthorized(route, Some(ENTRA_TOKEN_REFUSED), env.server)
}

/// 401: the user must satisfy these claims in a new sign-in at Entra, whose access token the caller then presents
/// (Microsoft identity platform, "Claims challenges, claims requests, and client capabilities").
pub(crate) fn insufficient_claims(
    route: Route,
    claims: &ClaimsChallenge,
    env: Env<'_>,
) -> Response<Bytes> {
    let error = format!(
        "error=\"insufficient_claims\", claims=\"{}\", client_id=\"{}\", \
         error_description=\"Sign in again with these claims.\"",
        STANDARD.encode(claims.to_text()),
        env.server.config.entra.client_id
    );
    unauthorized(route, Some(&error), env.server)
}

/// 401: the scope that it names is the least that there is. What needs more says so by
/// [`insufficient_scope`] once somebody wants it.
fn unauthorized(route: Route, error: Option<&str>, server: &Server) -> Response<Bytes> {
    let scope = server.scopes.default();
    challenge(StatusCode::UNAUTHORIZED, route, error, &scope, server)
}

/// 403: what is asked for needs these scopes (RFC 6750 section 3.1; MCP, authorization, scope
/// challenge). Those that the token has are named beside them, so that the client that asks for what
/// is named loses nothing.
pub(crate) fn insufficient_scope(
    route: Route,
    needed: &[String],
    held: &str,
    env: Env<'_>,
) -> Response<Bytes> {
    let scope = &env.server.scopes.widened(held, needed);
    let error = Some(INSUFFICIENT_SCOPE);
    challenge(StatusCode::FORBIDDEN, route, error, scope, env.server)
}

/// 403: what is asked for acts as a user, and none calls. No other scope would do.
pub(crate) fn needs_user() -> Response<Bytes> {
    let text = "This acts as a user, and the access token is of an application without one.\n";
    response::text(StatusCode::FORBIDDEN, text)
}

/// The challenge of [`insufficient_scope`] at `/mcp` by itself.
pub(crate) fn insufficient_scope_challenge(
    needed: &[String],
    held: &str,
    server: &Server,
) -> String {
    let scope = server.scopes.widened(held, needed);
    challenge_text(Route::Mcp, Some(INSUFFICIENT_SCOPE), &scope, server)
}

/// The value of `WWW-Authenticate`.
fn challenge_text(route: Route, error: Option<&str>, scope: &Scope, server: &Server) -> String {
    let path = format!("/.well-known/oauth-protected-resource/{}", endpoint(route));
    let metadata = server.config.public_url.join(&path);
    let error = error.map(|error| format!("{error}, ")).unwrap_or_default();
    let scope = match server.config.authorization_servers {
        AuthorizationServers::Own | AuthorizationServers::Both => scope.to_string(),
        // Clients ask for what is named where they are sent.
        AuthorizationServers::Entra => server.config.scope_at_entra(&scope.to_string()),
    };
    format!("Bearer {error}resource_metadata=\"{metadata}\", scope=\"{scope}\"")
}

fn challenge(
    status: StatusCode,
    route: Route,
    error: Option<&str>,
    scope: &Scope,
    server: &Server,
) -> Response<Bytes> {
    let body = match (status, error) {
        (StatusCode::FORBIDDEN, _) => "The session token does not allow this.\n",
        (_, Some(OTHER_ENDPOINT)) => {
            "The session token is for another endpoint of this server: sign in for this one.\n"
        }
        (_, Some(ENTRA_TOKEN_REFUSED)) => "This server does not take the access token.\n",
        _ => "Sign in first: this needs a session token.\n",
    };
    let mut response = response::text(status, body);
    let challenge = challenge_text(route, error, scope, server);
    let challenge = HeaderValue::from_str(&challenge).expect("a URL and scopes are visible ASCII");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestServer, session_token_for};

    // P1, C11; MCP, authorization: scope selection strategy and scope challenge
    #[test]
    fn challenge_names_minimal_scopes_and_step_up_names_held_and_required() {
        let server = TestServer::dev().with_mail();
        let over = session_over(Route::Mcp, server.env());
        let challenge = crate::testing::header(&over, "www-authenticate");
        assert!(challenge.ends_with("scope=\"user.read\""), "{challenge}");
        let needed = ["mail.read".to_owned()];
        for (route, metadata) in [(Route::Mcp, "/mcp\""), (Route::Message, "/sse\"")] {
            let refused = insufficient_scope(route, &needed, "user.read", server.env());
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            let challenge = crate::testing::header(&refused, "www-authenticate");
            for part in [
                "Bearer error=\"insufficient_scope\"",
                "scope=\"user.read mail.read\"",
                metadata,
            ] {
                assert!(challenge.contains(part), "{challenge}");
            }
        }
    }

    // C9
    #[test]
    fn token_of_another_endpoint_is_401_with_the_metadata_of_this_one() {
        let server = TestServer::dev();
        let [mcp, sse] = server.server.config.public_url.resources().clone();
        let whole = server.server.config.public_url.issuer().to_owned();
        let status = |resource: &str, route, metadata: &str| {
            let token = session_token_for(&server, resource);
            let headers = HeaderMap::from_iter([(
                header::AUTHORIZATION,
                HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
            )]);
            let Err(refused) = verify(route, &headers, &server.server, server.now.unix) else {
                return 200;
            };
            let challenge = crate::testing::header(&refused, "www-authenticate");
            assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
            assert!(challenge.contains("another endpoint"), "{challenge}");
            assert!(challenge.contains(metadata), "{challenge}");
            assert!(crate::testing::text(&refused).contains("another endpoint"));
            refused.status().as_u16()
        };
        for (resource, for_mcp, for_sse) in [(&mcp, 200, 401), (&sse, 401, 200), (&whole, 200, 200)]
        {
            let found = [
                status(resource, Route::Mcp, "oauth-protected-resource/mcp\""),
                status(resource, Route::Sse, "oauth-protected-resource/sse\""),
                status(resource, Route::Message, "oauth-protected-resource/sse\""),
            ];
            assert_eq!(found, [for_mcp, for_sse, for_sse], "{resource}");
        }
    }

    /// Whether a request with these headers is told that its token is invalid; `None` if it is let in.
    fn refused(server: &TestServer, values: &[&str]) -> Option<bool> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(header::AUTHORIZATION, value);
        }
        let refused = verify(Route::Mcp, &headers, &server.server, server.now.unix).err()?;
        let challenge = crate::testing::header(&refused, "www-authenticate");
        Some(challenge.contains("invalid_token"))
    }

    // F10
    #[test]
    fn bearer_token_comes_from_one_well_formed_header() {
        let server = TestServer::dev();
        let token = session_token_for(&server, server.server.config.public_url.issuer());
        let bearer = format!("Bearer {token}");
        for good in [
            bearer.clone(),
            format!("bearer {token}"),
            format!("BEARER  {token} "),
        ] {
            assert_eq!(refused(&server, &[&good]), None, "{good}");
        }
        for odd in [
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            "Bearer ====".to_owned(),
            format!("Bearer {token} b"),
            format!("Bearer {token}, {bearer}"),
            format!("Bearer \"{token}\""),
            format!("Bearer {token}\tb"),
        ] {
            assert_eq!(refused(&server, &[&odd]), Some(true), "{odd}");
        }
        for other in ["Basic YTpi", &token, "", &format!("BearerToken {token}")] {
            assert_eq!(refused(&server, &[other]), Some(false), "{other}");
        }
        for first in [bearer.as_str(), "Basic a"] {
            assert_eq!(refused(&server, &[first, &bearer]), Some(true));
        }
    }
}
