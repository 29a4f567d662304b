//! The session token as it comes in, and the challenge that goes out (RFC 6750, RFC 9728 section
//! 5.1).
//!
//! A token comes in the `Authorization` header, once, whatever the case of the scheme; never in a
//! query, a form or a cookie (threat F10). A challenge names `invalid_token` only where a token
//! was sent, and never repeats it (threat F11).

use ::http::{HeaderValue, Response, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use entra_mcp_http1::Fields;

use super::response;
use crate::{
    catalog::scope::Scope,
    claims_challenge::ClaimsChallenge,
    config::{AuthorizationServers, Endpoint},
    env::{Env, Server},
    limits,
    planted::Planted,
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
    fn of(headers: &'a Fields) -> Self {
        let mut values = headers.get_all(&header::AUTHORIZATION);
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
    place: (Route, Endpoint),
    headers: &Fields,
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
            Some(verified) if is_for(&verified, place, server) => {
                return Ok(Credential::Session(verified));
            }
            Some(_) => Some(OTHER_ENDPOINT),
            None => Some(INVALID_TOKEN),
        },
    };
    Err(Box::new(unauthorized(place, error, server)))
}

/// Whether a token is a JWT with another header than session tokens have.
fn is_of_another_issuer(token: &str) -> bool {
    let mut parts = token.splitn(4, '.');
    let header = parts.next().unwrap_or_default();
    let has_header = header.starts_with("eyJ") && header != HEADER;
    has_header && parts.count() == 2 && token.len() <= limits::ENTRA_TOKEN_BYTES
}

/// Whether a token is for this endpoint, or for the whole server (RFC 8707; threat C9).
fn is_for(verified: &Verified, place: (Route, Endpoint), server: &Server) -> bool {
    let resource = resource(place, server);
    let covers = server
        .config
        .public_url
        .covers(&verified.resource, resource);
    covers || server.has(Planted::EndpointsOfTokensIgnored)
}

/// The resource that a place belongs to.
fn resource((route, endpoint): (Route, Endpoint), server: &Server) -> &str {
    let [streamable, sse] = server.config.public_url.resources_of(endpoint);
    match route {
        Route::Sse | Route::Message => sse,
        _ => streamable,
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
    unauthorized((route, env.endpoint), Some(INVALID_TOKEN), env.server)
}

/// 401: an access token of Entra's is not taken.
pub(crate) fn entra_token_refused(route: Route, env: Env<'_>) -> Response<Bytes> {
    unauthorized((route, env.endpoint), Some(ENTRA_TOKEN_REFUSED), env.server)
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
    unauthorized((route, env.endpoint), Some(&error), env.server)
}

/// 401: the scope that it names is the least that there is. What needs more says so by
/// [`insufficient_scope`] once somebody wants it.
fn unauthorized(place: (Route, Endpoint), error: Option<&str>, server: &Server) -> Response<Bytes> {
    let scope = server.scopes.default();
    challenge(StatusCode::UNAUTHORIZED, place, error, &scope, server)
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
    let needed = match env.server.has(Planted::ScopesNotNamed) {
        true => &[],
        false => needed,
    };
    let scope = &env.server.scopes.widened(held, needed);
    let error = Some(INSUFFICIENT_SCOPE);
    let place = (route, env.endpoint);
    challenge(StatusCode::FORBIDDEN, place, error, scope, env.server)
}

/// 403: what is asked for acts as a user, and none calls. No other scope would do.
pub(crate) fn needs_user() -> Response<Bytes> {
    let text = "This acts as a user, and the access token is of an application without one.\n";
    response::text(StatusCode::FORBIDDEN, text)
}

/// The challenge of [`insufficient_scope`] at the endpoint by itself.
pub(crate) fn insufficient_scope_challenge(needed: &[String], held: &str, env: Env<'_>) -> String {
    let scope = env.server.scopes.widened(held, needed);
    let place = (Route::Mcp, env.endpoint);
    challenge_text(place, Some(INSUFFICIENT_SCOPE), &scope, env.server)
}

/// The value of `WWW-Authenticate`.
fn challenge_text(
    place: (Route, Endpoint),
    error: Option<&str>,
    scope: &Scope,
    server: &Server,
) -> String {
    let url = &server.config.public_url;
    let resource = resource(place, server);
    let path = resource.strip_prefix(url.issuer()).unwrap_or_default();
    let metadata = url.join(&format!("/.well-known/oauth-protected-resource{path}"));
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
    place: (Route, Endpoint),
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
    let challenge = challenge_text(place, error, scope, server);
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
            let headers = Fields::from_iter([(
                header::AUTHORIZATION,
                HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
            )]);
            let Err(refused) = verify(
                (route, Endpoint::MAIN),
                &headers,
                &server.server,
                server.now.unix,
            ) else {
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
        let mut headers = Fields::default();
        for value in values {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(header::AUTHORIZATION, value);
        }
        let refused = verify(
            (Route::Mcp, Endpoint::MAIN),
            &headers,
            &server.server,
            server.now.unix,
        )
        .err()?;
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
