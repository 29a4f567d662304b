//! What a request is counted as by the limits of rate (threat M17).

use ::http::{Method, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_mcp_http1::Fields;
use ring::digest::{SHA256, digest};

use super::Admission;
use crate::{
    http::form::Form,
    rate_limit::{RateLimited, RateRequest, StatedClient, Subject},
    route::{RateClass, Route},
};

impl Admission {
    /// The user whose good token the request bears; `None` if it is a stranger's.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let verified = self.verified()?;
        Some(verified.subject)
    }

    /// What a request of a stranger is counted as, now that its body is there; `None` if it is not counted. Who it says it is
    /// is not looked at yet: that is up to the exchange.
    #[must_use]
    pub fn rate_request(&self, body: &[u8]) -> Option<RateRequest> {
        if self.0.credential.is_some() || self.0.head.method == Method::OPTIONS {
            return None;
        }
        let class = self.0.route.rate_class()?;
        let client = match (self.0.route, class) {
            (Route::Authorize, _) => {
                of_form(self.0.head.uri.query().unwrap_or_default().as_bytes())
            }
            (_, RateClass::Token) => of_basic(&self.0.head.headers).or_else(|| of_form(body)),
            _ => None,
        };
        Some(RateRequest { class, client })
    }

    /// The same request, which is to be told that it comes too soon.
    #[must_use]
    pub fn limited(mut self, limited: RateLimited) -> Self {
        self.0.limited = Some(limited);
        self
    }
}

/// The `client_id` of a query or form; of several the first.
fn of_form(text: &[u8]) -> Option<StatedClient> {
    let form = Form::parse(text);
    form.all("client_id").next().map(named)
}

/// The user name of HTTP Basic (RFC 6749 section 2.3.1).
fn of_basic(headers: &Fields) -> Option<StatedClient> {
    let value = headers.get(&header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(encoded.trim()).ok()?;
    let id = pair.split(|byte| *byte == b':').next()?;
    // As a form it is one name without a value.
    let form = Form::parse(id);
    let (id, _) = form.iter().next()?;
    Some(named(id))
}

fn named(client_id: &str) -> StatedClient {
    let digest = digest(&SHA256, client_id.as_bytes());
    StatedClient(digest.as_ref().first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ::http::Request;

    use super::*;
    use crate::{
        admit::admit,
        request_id::RequestId,
        testing::{TestServer, session_of, session_token},
    };

    fn request(method: &str, target: &str, basic: Option<&str>, body: &str) -> Option<RateRequest> {
        let server = TestServer::dev();
        let mut request = Request::builder().method(method).uri(target);
        request = request.header("host", "localhost:3001");
        if let Some(pair) = basic {
            let value = format!("Basic {}", STANDARD.encode(pair));
            request = request.header("authorization", value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let admission = admit(head, &server.server, server.now, RequestId::own(1)).unwrap();
        admission.rate_request(body.as_bytes())
    }

    // M17
    #[test]
    fn client_is_the_one_that_the_request_names_wherever_it_does() {
        let expected = named("a client");
        for (method, target, basic, body) in [
            ("GET", "/authorize?a=b&client_id=a+client", None, ""),
            ("POST", "/token", None, "client_id=a%20client&x=y"),
            (
                "POST",
                "/token",
                Some("a+client:secret"),
                "client_id=another",
            ),
            ("POST", "/revoke", Some("a%20client:"), ""),
        ] {
            let request = request(method, target, basic, body).unwrap();
            assert_eq!(request.client, Some(expected), "{target}");
        }
        for (method, target) in [
            ("POST", "/register"),
            ("POST", "/consent"),
            ("POST", "/token"),
        ] {
            assert_eq!(request(method, target, None, "").unwrap().client, None);
        }
    }

    #[test]
    fn documents_preflights_and_users_are_not_counted_as_strangers() {
        for (method, target) in [
            ("GET", "/"),
            ("GET", "/healthz"),
            ("GET", "/.well-known/oauth-authorization-server"),
            ("OPTIONS", "/token"),
        ] {
            assert!(request(method, target, None, "").is_none(), "{target}");
        }
        let server = TestServer::dev();
        let bearer = format!("Bearer {}", session_token(&server));
        let request = Request::builder()
            .uri("/mcp")
            .header("host", "localhost:3001");
        let request = request.header("authorization", bearer).body(()).unwrap();
        let admission = admit(
            request.into_parts().0,
            &server.server,
            server.now,
            RequestId::own(1),
        )
        .unwrap();
        assert!(admission.rate_request(b"").is_none());
        let subject = admission.subject().unwrap().to_string();
        let (session, _) = session_of("alice", "a client");
        assert_eq!(subject, session.outline.subject);
    }
}
