//! The answer to a request that comes too soon after many others (threat M17): 429 (RFC 6585 section 4) in the form of
//! the protocol that the request speaks, with `Retry-After`.

use ::http::{Response, StatusCode, header};
use bytes::Bytes;

use crate::{
    mcp,
    oauth::error::{OAuthError, Refusal},
    pages,
    rate_limit::RateLimited,
    route::{RateClass, Route},
    step::{Cx, Progress},
};

/// Answers it, and tells the operator.
pub(super) fn respond<S>(route: Route, limited: &RateLimited, cx: &mut Cx<'_>) -> Progress<S> {
    cx.log(limited.log_event());
    let seconds = limited.retry_after();
    let mut response = match route.rate_class() {
        Some(RateClass::Tools) => mcp::too_many_requests(seconds),
        Some(RateClass::SignIn) | None => page(seconds, cx),
        Some(RateClass::Registration | RateClass::Token) => Refusal::new(
            OAuthError::TemporarilyUnavailable,
            "Too many requests come from this address or client. Wait as long as Retry-After says.",
        )
        .response(),
    };
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, seconds.into());
    cx.done(response)
}

fn page(seconds: u64, cx: &Cx<'_>) -> Response<Bytes> {
    let text = format!(
        "Too many sign-ins are under way from your network, or with the same app. Load this page again in {seconds} \
         seconds: nothing is lost."
    );
    pages::error(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many requests",
        &text,
        &cx.request_id(),
        cx.env,
    )
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use ::http::Request;

    use crate::{
        admit::admit,
        config::{ClientAddress, Rate, RateLimits},
        exchange::{Exchange, ExchangeId},
        log_event::{Field, LogEventId},
        rate_limit::{RateLimited, RateTable},
        request_id::RequestId,
        testing::{Sent, TestServer, header, session_token, text},
    };

    /// The verdict on the second of two requests where one is allowed.
    fn send_second(method: &str, target: &str, fields: &[(&str, &str)]) -> Sent {
        let server = TestServer::dev();
        let one = Rate::new(1, Duration::from_secs(7));
        let limits = RateLimits {
            registration: one,
            sign_in: one,
            token: one,
            tools: one,
        };
        let mut request = Request::builder().method(method).uri(target);
        request = request.header("host", "localhost:3001");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let admission = admit(head, &server.server, server.now, RequestId::own(1)).unwrap();
        let mut table = RateTable::default();
        let address = Some(ClientAddress::from(IpAddr::from([192, 0, 2, 1])));
        let mut count = || -> Option<RateLimited> {
            let now = server.now.instant;
            match (admission.subject(), admission.rate_request(b"")) {
                (Some(subject), None) => table.count_user(subject, &limits, || now).err(),
                (None, Some(request)) => table.count_request(request, address, &limits, now).err(),
                other => panic!("one or the other: {other:?}"),
            }
        };
        assert_eq!(count(), None);
        let limited = count().unwrap();
        let seed = crate::entropy::Seed::new([7; 32]);
        let body = bytes::Bytes::new();
        let admission = admission.limited(limited);
        let exchange: Exchange = admission.begin(ExchangeId(1), &seed, body, server.env());
        Sent::of(exchange)
    }

    // M17
    #[test]
    fn request_over_the_rate_gets_429_in_the_form_of_its_protocol() {
        let bearer = format!("Bearer {}", session_token(&TestServer::dev()));
        let token: (&str, &str) = ("authorization", &bearer);
        let json = ("content-type", "application/json");
        let oauth = ("application/json", "temporarily_unavailable");
        let page = ("text/html; charset=utf-8", "in 7 seconds");
        let json_rpc = ("application/json", r#""jsonrpc":"2.0","id":null,"error""#);
        for (method, target, fields, (content_type, part)) in [
            ("POST", "/register", &[json][..], oauth),
            ("POST", "/token", &[], oauth),
            ("POST", "/device_authorization", &[], oauth),
            ("GET", "/authorize", &[], page),
            ("GET", "/auth/callback?code=x", &[], page),
            ("POST", "/consent", &[], page),
            ("POST", "/mcp", &[token, json], json_rpc),
            ("GET", "/sse", &[token], json_rpc),
        ] {
            let sent = send_second(method, target, fields);
            let response = sent.response.unwrap();
            assert_eq!(response.status(), 429, "{target}");
            assert_eq!(header(&response, "retry-after"), "7", "{target}");
            assert_eq!(header(&response, "content-type"), content_type, "{target}");
            assert!(
                text(&response).contains(part),
                "{target}: {}",
                text(&response)
            );
            let [line] = sent.logged.as_slice() else {
                panic!("one line: {:?}", sent.logged);
            };
            assert_eq!(line.id(), LogEventId::RateLimited);
            assert_eq!(line.field(Field::RetryAfter), Some("7"));
        }
    }

    #[test]
    fn page_of_another_origin_can_read_that_it_asks_too_often() {
        let origin = ("origin", "https://inspector.example");
        let response = send_second("POST", "/token", &[origin]).response.unwrap();
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
    }
}
