//! Requests to the backend. Each is built from nothing: no header of a client is copied (threat R2).

use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use crate::{
    ask::{Pull, PullLimits},
    config::{AssertionPlace, BackendAddress, Endpoint, Gateway},
    gateway::{BackendRequest, Credentials, assertion},
};

/// A request as the runtime sends it.
pub(super) fn pull(
    request: BackendRequest,
    address: &Arc<BackendAddress>,
    gateway: &Gateway,
    endpoint: Endpoint,
    credentials: &Credentials,
) -> Pull {
    let mut headers = HeaderMap::new();
    let mut say = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if let Some(header) = &gateway.header {
        say(header.name().clone(), header.value().expose());
    }
    if request.method == Method::POST {
        say(header::CONTENT_TYPE, "application/json");
    }
    say(
        header::ACCEPT,
        match request.method {
            Method::GET => "text/event-stream",
            _ => "application/json, text/event-stream",
        },
    );
    if let Some(session) = &request.session {
        say(HeaderName::from_static("mcp-session-id"), session);
    }
    if let Some(revision) = request.revision {
        let name = HeaderName::from_static("mcp-protocol-version");
        say(name, revision.name());
    }
    if let Some(event) = &request.after {
        say(HeaderName::from_static("last-event-id"), event);
    }
    if let Some((method, name)) = &request.routed_by {
        say(HeaderName::from_static("mcp-method"), &encoded(method));
        if let Some(name) = name {
            say(HeaderName::from_static("mcp-name"), &encoded(name));
        }
    }
    let repeated = request.header_params.iter();
    for (name, value) in repeated.filter(|_| request.routed_by.is_some()) {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            say(name, &encoded(value));
        }
    }
    say_who_calls(&mut headers, gateway, credentials);
    for value in headers.values_mut() {
        value.set_sensitive(true);
    }
    Pull {
        backend: Arc::clone(address),
        endpoint,
        method: request.method,
        headers,
        body: Bytes::from(request.body),
        limits: PullLimits {
            connect: gateway.limits.connect,
            whole: Some(request.within.unwrap_or(gateway.call_timeout)),
            idle: (!request.listens).then_some(gateway.limits.silence),
        },
    }
}

/// The headers that prove who calls, or only say it.
fn say_who_calls(headers: &mut HeaderMap, gateway: &Gateway, credentials: &Credentials) {
    let mut say = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let identity = &gateway.identity;
    if let Some(assertion) = credentials.assertion() {
        match identity.assertion {
            Some(AssertionPlace::Own) => {
                say(
                    HeaderName::from_static(assertion::HEADER),
                    assertion.expose(),
                );
            }
            Some(AssertionPlace::Bearer) => {
                let bearer = format!("Bearer {}", assertion.expose());
                say(header::AUTHORIZATION, &bearer);
            }
            None => {}
        }
        if identity.easy_auth {
            // In the place of Entra's ID token, which nobody gets.
            let name = HeaderName::from_static("x-ms-token-aad-id-token");
            say(name, assertion.expose());
        }
    }
    if let Some(token) = credentials.token() {
        say(header::AUTHORIZATION, &format!("Bearer {}", token.expose()));
        if identity.easy_auth {
            let name = HeaderName::from_static("x-ms-token-aad-access-token");
            say(name, token.expose());
        }
        if identity.forwarded {
            let name = HeaderName::from_static("x-forwarded-access-token");
            say(name, token.expose());
        }
    }
    if let Some(described) = credentials.headers() {
        let described = described.iter();
        headers.extend(described.map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// What a header can hold of a text (MCP 2026-07-28, transports, value encoding).
fn encoded(text: &str) -> String {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let is_trimmed = text.trim() == text && !text.starts_with("=?base64?");
    match is_plain && is_trimmed && !text.is_empty() {
        true => text.to_owned(),
        false => format!("=?base64?{}?=", STANDARD.encode(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::tests::gateway,
        config::{BackendHeader, BackendIdentity},
        revision::Revision,
        secret::Secret,
    };

    fn headers_of(identity: BackendIdentity) -> HeaderMap {
        let mut gateway = gateway(identity);
        gateway.header = BackendHeader::parse("x-api-key: key of a service");
        let assertion = Arc::new(Secret::new("header.claims.signature".to_owned()));
        let credentials = Credentials::default().with_assertion(assertion);
        let session = Some(Arc::from("theirs"));
        let request = BackendRequest {
            routed_by: Some(("tools/call".to_owned(), Some("caf\u{e9}".to_owned()))),
            header_params: vec![("mcp-param-region".to_owned(), " eu".to_owned())],
            ..BackendRequest::post(session, Revision::V2026_07_28, "{}".to_owned())
        };
        let address = Arc::new(BackendAddress::parse("http://127.0.0.1:8000/mcp").unwrap());
        let pull = pull(request, &address, &gateway, Endpoint::MAIN, &credentials);
        assert!(!format!("{pull:?}").contains("signature"));
        assert!(credentials.guard(&gateway).is_in("it is: key of a service"));
        assert!(
            credentials
                .guard(&gateway)
                .is_in("\"header.claims.signature\"")
        );
        pull.headers
    }

    #[test]
    fn request_has_these_headers_and_no_others() {
        let headers = headers_of(BackendIdentity::ASSERTION);
        let mut named: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        named.sort();
        assert_eq!(
            named,
            [
                "accept: application/json, text/event-stream",
                "content-type: application/json",
                "entra-mcp-assertion: header.claims.signature",
                "mcp-method: tools/call",
                "mcp-name: =?base64?Y2Fmw6k=?=",
                "mcp-param-region: =?base64?IGV1?=",
                "mcp-protocol-version: 2026-07-28",
                "mcp-session-id: theirs",
                "x-api-key: key of a service",
            ]
        );
    }

    #[test]
    fn assertion_goes_where_it_is_set_to_go() {
        let bearer = headers_of(BackendIdentity::BEARER);
        assert_eq!(bearer["authorization"], "Bearer header.claims.signature");
        assert!(!bearer.contains_key(assertion::HEADER));
        let none = headers_of(BackendIdentity::NONE);
        assert!(!none.contains_key("authorization") && !none.contains_key(assertion::HEADER));
    }
}
