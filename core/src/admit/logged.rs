//! Refusals of `Host` and `Origin` that an operator must see: most are a proxy or a setting.

use ::http::{Response, StatusCode, header};
use bytes::Bytes;
use entra_mcp_http1::RequestHead;

use crate::{
    env::Server,
    http::response,
    log_event::{Field, LogEvent, LogEventId, sanitize},
    request_id::RequestId,
};

/// The longest `Host` that is repeated in an answer, in characters.
const HOST_CHARS: usize = 100;

/// Returns the line to log about a refusal, if an operator is to see it.
#[must_use]
pub fn log_event_of(refusal: &Response<Bytes>) -> Option<&LogEvent> {
    refusal.extensions().get()
}

/// Returns the answer to a `Host` that is none of this server's, with a message for whoever set up the proxy.
pub(super) fn wrong_host(host: &str, server: &Server, id: &RequestId) -> Response<Bytes> {
    let expected = server.config.public_url.host();
    let message = format!(
        "The request is for the host {}, but this server is {expected}.\n\n\
         Behind a proxy: let it pass the Host of the client on (nginx: proxy_set_header Host $host;).\n\
         If the address is right, the operator sets it with --public-url, or adds it with --allow-host.\n\n\
         Reference: {id}\n",
        sanitize(host, HOST_CHARS)
    );
    let event = LogEvent::new(LogEventId::HostRefused)
        .with(Field::Host, host)
        .with(Field::ExpectedHost, expected);
    refusal(StatusCode::MISDIRECTED_REQUEST, message, event, id)
}

/// Returns the answer to a page of an origin that may not use this server.
pub(super) fn wrong_origin(origin: &[u8], id: &RequestId) -> Response<Bytes> {
    let message = format!(
        "Pages of that origin may not use this server. Its operator may allow it by name, with \
         --allow-origin.\n\nReference: {id}\n"
    );
    let event = LogEvent::new(LogEventId::OriginRefused);
    let event = event.with(Field::Origin, String::from_utf8_lossy(origin));
    refusal(StatusCode::FORBIDDEN, message, event, id)
}

/// Marks the answer to a token that is no good, for the audit log. Who has none is told to sign in, which is no event.
pub(super) fn bad_token(
    mut refusal: Box<Response<Bytes>>,
    head: &RequestHead,
    server: &Server,
    id: &RequestId,
) -> Box<Response<Bytes>> {
    if server.config.audit_log.is_some() && head.headers.contains(&header::AUTHORIZATION) {
        let event = LogEvent::new(LogEventId::SessionTokenRefused);
        let event = event.with(Field::RequestId, id.to_string());
        refusal.extensions_mut().insert(event);
    }
    refusal
}

fn refusal(
    status: StatusCode,
    message: String,
    event: LogEvent,
    id: &RequestId,
) -> Response<Bytes> {
    let mut response = response::of(status, "text/plain; charset=utf-8", message.into_bytes());
    let event = event.with(Field::RequestId, id.to_string());
    response.extensions_mut().insert(event);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestServer, text};

    #[test]
    fn wrong_host_gets_the_expected_one_and_is_logged_with_its_reference() {
        let server = TestServer::https();
        let host = "internal:8080\u{202e}";
        let refused = wrong_host(host, &server.server, &RequestId::own(1));
        let line = log_event_of(&refused).unwrap();
        assert_eq!(line.id(), LogEventId::HostRefused);
        assert_eq!(line.field(Field::ExpectedHost), Some("mcp.example"));
        let message = text(&refused);
        for part in [
            "internal:8080",
            "mcp.example",
            "proxy_set_header",
            line.field(Field::RequestId).unwrap(),
        ] {
            assert!(message.contains(part), "{part} in {message}");
        }
        assert!(!message.contains('\u{202e}'));
    }

    #[test]
    fn wrong_origin_is_logged_with_the_reference_that_is_shown() {
        let refused = wrong_origin(b"https://evil.example", &RequestId::own(1));
        let line = log_event_of(&refused).unwrap();
        assert_eq!(line.field(Field::Origin), Some("https://evil.example"));
        assert!(text(&refused).contains(line.field(Field::RequestId).unwrap()));
    }
}
