//! Which web pages may read our answers (the Fetch standard's CORS protocol).
//!
//! Never with credentials. Public documents, and endpoints that prove who asks by what they are
//! sent, are open to every page; the MCP endpoints to the server's own origin and to configured
//! ones; the authorization endpoint to none (RFC 9700 section 2.6). Threats C12, H10, J2, J4.
//! Refusals carry these headers too, or a page could not read its 401.

use ::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use super::response;
use crate::{env::Server, route::Route};

/// The headers that a page may send.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Accept, MCP-Protocol-Version, \
                               Mcp-Session-Id, Last-Event-ID, Mcp-Method, Mcp-Name";

/// The headers that a page may read.
const EXPOSED_HEADERS: &str = "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, \
                               X-Request-ID";

/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: &str = "600";

/// Whether pages of this origin may use the MCP endpoints.
pub(crate) fn is_allowed(origin: &HeaderValue, server: &Server) -> bool {
    let config = &server.config;
    let own = config.public_url.origin();
    let mut allowed = std::iter::once(own).chain(config.allowed_origins.iter().map(String::as_str));
    allowed.any(|allowed| origin.as_bytes() == allowed.as_bytes())
}

/// Adds the headers that depend on who asks and on how the server is reached. For every answer,
/// refusals too.
pub(crate) fn decorate(
    route: Route,
    origin: Option<&HeaderValue>,
    server: &Server,
    mut insert: impl FnMut(HeaderName, HeaderValue),
) {
    // A host that is shared is not ours to pin to https.
    let url = &server.config.public_url;
    if url.is_secure() && url.base_path().as_str().is_empty() {
        let always = HeaderValue::from_static("max-age=31536000");
        insert(header::STRICT_TRANSPORT_SECURITY, always);
    }
    if let Some(allowed) = allowed_origin(route, origin, server) {
        insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        let exposed = HeaderValue::from_static(EXPOSED_HEADERS);
        insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    if route.is_protected() {
        insert(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// The answer to a preflight, but for what [`decorate`] adds.
pub(crate) fn preflight(
    route: Route,
    origin: Option<&HeaderValue>,
    server: &Server,
) -> Response<Bytes> {
    let mut response = response::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    let mut methods: Vec<_> = route.methods().iter().map(::http::Method::as_str).collect();
    methods.push("OPTIONS");
    let methods = HeaderValue::from_str(&methods.join(", ")).expect("methods are visible ASCII");
    if allowed_origin(route, origin, server).is_some() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
        let allowed = HeaderValue::from_static(ALLOWED_HEADERS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        let max_age = HeaderValue::from_static(MAX_AGE);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, max_age);
    }
    headers.insert(header::ALLOW, methods);
    response
}

fn allowed_origin(
    route: Route,
    origin: Option<&HeaderValue>,
    server: &Server,
) -> Option<HeaderValue> {
    if route.is_open_to_pages() {
        return Some(HeaderValue::from_static("*"));
    }
    let origin = origin?;
    (route.is_protected() && is_allowed(origin, server)).then(|| origin.clone())
}

#[cfg(test)]
mod tests {
    use crate::testing::{TestServer, header};

    const OPEN: [&str; 6] = [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/sse",
        "/.well-known/oauth-authorization-server",
        "/register",
        "/token",
        "/revoke",
    ];
    const MCP: [&str; 3] = ["/mcp", "/sse", "/message"];
    const CLOSED: [&str; 4] = ["/authorize", "/consent", "/auth/callback", "/me"];

    fn preflight(path: &str, origin: &str) -> http::Response<bytes::Bytes> {
        let server = TestServer::dev();
        let request = server
            .request("OPTIONS", path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,mcp-name")
            .body(bytes::Bytes::new())
            .unwrap();
        server.response(request)
    }

    // J4
    #[test]
    fn public_endpoints_allow_every_origin_without_credentials() {
        for path in OPEN {
            let response = preflight(path, "https://page.example");
            assert!(response.status().is_success(), "{path}");
            assert_eq!(header(&response, "access-control-allow-origin"), "*");
            let allowed = header(&response, "access-control-allow-headers");
            for name in ["Authorization", "Content-Type", "MCP-Protocol-Version"] {
                assert!(allowed.contains(name), "{name} at {path}");
            }
            assert_eq!(header(&response, "access-control-allow-credentials"), "");
        }
    }

    // J4
    #[test]
    fn mcp_endpoints_allow_configured_origins_only() {
        for path in MCP {
            for origin in ["http://localhost:6274", "http://localhost:3001"] {
                let response = preflight(path, origin);
                assert_eq!(header(&response, "access-control-allow-origin"), origin);
                assert_eq!(header(&response, "vary"), "Origin");
                let allowed = header(&response, "access-control-allow-headers");
                for name in ["Mcp-Method", "Mcp-Name", "Last-Event-ID", "Mcp-Session-Id"] {
                    assert!(allowed.contains(name), "{name} at {path}");
                }
                let exposed = header(&response, "access-control-expose-headers");
                assert!(exposed.contains("WWW-Authenticate"));
                assert_eq!(header(&response, "access-control-allow-credentials"), "");
            }
            for origin in ["https://page.example", "null", "http://localhost:62740"] {
                let response = preflight(path, origin);
                assert_eq!(header(&response, "access-control-allow-origin"), "");
                assert_eq!(header(&response, "access-control-allow-methods"), "");
            }
        }
        let methods = preflight("/mcp", "http://localhost:6274");
        let methods = header(&methods, "access-control-allow-methods");
        assert!(methods.contains("DELETE"), "{methods}");
    }

    // C12
    #[test]
    fn authorization_endpoint_allows_no_origin() {
        for path in CLOSED {
            for origin in ["https://page.example", "http://localhost:6274", "null"] {
                let response = preflight(path, origin);
                assert_eq!(
                    header(&response, "access-control-allow-origin"),
                    "",
                    "{path}"
                );
                assert_eq!(
                    header(&response, "access-control-allow-methods"),
                    "",
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn refusal_has_the_cors_headers_of_a_response() {
        let server = TestServer::https();
        let post = |path: &str| {
            let request = server
                .request("POST", path)
                .header("origin", "https://page.example")
                .header("content-type", "application/json")
                .body(bytes::Bytes::from_static(b"{}"));
            server.response(request.unwrap())
        };
        let refused = post("/register");
        assert_eq!(refused.status(), 400);
        assert_eq!(header(&refused, "access-control-allow-origin"), "*");
        // N4: HSTS
        assert!(header(&refused, "strict-transport-security").starts_with("max-age="));
        let plain = TestServer::dev().get("/");
        assert_eq!(header(&plain, "strict-transport-security"), "");
    }
}
