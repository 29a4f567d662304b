//! Server-sent events (WHATWG HTML, section 9.2): how an event is written.
//!
//! JSON as we write it holds no line break, so a message is one `data:` line, and no text of a
//! client's can end it and begin an event of its own. Nothing of a client's goes into `event:`
//! (threat K9).

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use super::event_id::EventId;

/// A comment: keeps the connection and the proxies on its way awake.
pub(crate) const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// An event of a type and one line of data. Line breaks in the data, which JSON never has, become
/// spaces.
pub(crate) fn event(kind: &'static str, data: &str) -> Bytes {
    let data = data.replace(['\r', '\n'], " ");
    Bytes::from(format!("event: {kind}\ndata: {data}\n\n"))
}

/// An event with an id, from which a client that lost the connection goes on.
pub(crate) fn event_of(id: EventId, data: &str) -> Bytes {
    let data = data.replace(['\r', '\n'], " ");
    Bytes::from(format!("id: {id}\nevent: message\ndata: {data}\n\n"))
}

/// The first event of a stream that may be gone on with: an id, and no data (2025-11-25).
pub(crate) fn priming(id: EventId) -> Bytes {
    Bytes::from(format!("id: {id}\ndata: \n\n"))
}

/// After how many milliseconds a client is to come back for the rest.
pub(crate) fn retry(milliseconds: u64) -> Bytes {
    Bytes::from(format!("retry: {milliseconds}\n\n"))
}

/// The head of a stream. `X-Accel-Buffering` asks nginx and its like to hand on each event at once.
pub(crate) fn head() -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (::http::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    // K9
    #[test]
    fn sse_data_cannot_begin_another_event() {
        let event = event("message", "a\n\nevent: endpoint\rdata: b");
        let text = std::str::from_utf8(&event).unwrap();
        assert_eq!(text, "event: message\ndata: a  event: endpoint data: b\n\n");
    }
}
