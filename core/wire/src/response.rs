//! Answers: every response of the server is made by one of these, so that none lacks the headers
//! that all must have.

use ::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

/// Headers of every answer: not cached, not sniffed (threats L14, C13).
const ALWAYS: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// An answer of this status, type and body.
pub fn of(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A line of text.
pub fn text(status: StatusCode, body: &'static str) -> Response<Bytes> {
    of(status, "text/plain; charset=utf-8", body)
}

/// JSON.
pub fn json(status: StatusCode, body: &impl serde::Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(body).expect("what we answer can be written as JSON");
    of(status, "application/json", body)
}

/// No body.
pub fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = of(status, "text/plain; charset=utf-8", Bytes::new());
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// The browser is sent on by GET, whatever it sent (303, never 307: threat B7), and the
/// next address learns nothing of this one.
pub fn see_other(location: &str) -> Response<Bytes> {
    let Ok(location) = HeaderValue::from_str(location) else {
        return text(
            StatusCode::BAD_REQUEST,
            "This address cannot be written in a header.\n",
        );
    };
    let mut response = empty(StatusCode::SEE_OTHER);
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// What stands behind this server does not work just now.
pub fn unavailable() -> Response<Bytes> {
    let mut response = text(
        StatusCode::SERVICE_UNAVAILABLE,
        "This does not work just now. Please try again in a moment.\n",
    );
    let seconds = HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// There is nothing here.
pub fn not_found() -> Response<Bytes> {
    text(StatusCode::NOT_FOUND, "There is nothing at this address.\n")
}

/// The exchange ran out of time.
pub fn gateway_timeout() -> Response<Bytes> {
    text(
        StatusCode::GATEWAY_TIMEOUT,
        "This took too long. Please try again.\n",
    )
}
