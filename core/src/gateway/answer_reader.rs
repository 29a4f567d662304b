//! The body of a backend's answer: one message, several, or a stream of them.

use ::http::{HeaderMap, header};

use super::raw_json;
use crate::event_source::EventReader;

/// A message is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// A body that is being read.
#[derive(Debug)]
pub(crate) enum AnswerReader {
    /// JSON: it is read once it is whole.
    Json { body: Vec<u8>, limit: usize },
    /// A stream of events.
    Events(Box<Events>),
}

/// A stream of events, and those that were read.
#[derive(Debug)]
pub(crate) struct Events(EventReader);

impl AnswerReader {
    /// Reads what this head announces; what is neither is read as JSON, for what else could be said of it.
    pub(crate) fn new(headers: &HeaderMap, limit: usize) -> Self {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        match essence.eq_ignore_ascii_case("text/event-stream") {
            true => Self::Events(Box::new(Events(EventReader::new(limit)))),
            false => Self::Json {
                body: Vec::new(),
                limit,
            },
        }
    }

    /// Takes a piece, and gives the messages that end in it, as bytes.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<Vec<u8>>, TooLarge> {
        let mut events = Vec::new();
        match self {
            Self::Events(stream) => {
                let mut rest = piece;
                while let Some(event) = stream.0.next(&mut rest).map_err(|_| TooLarge)? {
                    // One without data only says where to go on, or wakes who waits; one of another type is nothing that clients of
                    // MCP listen for.
                    if event.kind == "message" && !event.data.is_empty() {
                        events.push(Vec::from(event.data));
                    }
                }
            }
            Self::Json { body, limit } => {
                if body.len() + piece.len() > *limit {
                    return Err(TooLarge);
                }
                body.extend_from_slice(piece);
            }
        }
        Ok(events)
    }

    /// The last event that had an id, and after how many milliseconds to come back, as far as it was said.
    pub(crate) fn place(&self) -> (Option<&str>, Option<u64>) {
        match self {
            Self::Events(events) => {
                let id = std::str::from_utf8(events.0.last_event_id()).ok();
                (id.filter(|id| !id.is_empty()), events.0.retry())
            }
            Self::Json { .. } => (None, None),
        }
    }

    /// How many bytes wait for the end of their message.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Events(events) => events.0.held(),
            Self::Json { body, .. } => body.len(),
        }
    }

    /// The body is at its end: the messages of one that is JSON. One that is not JSON is as it came.
    pub(crate) fn finish(&mut self) -> Vec<Vec<u8>> {
        let Self::Json { body, .. } = self else {
            return Vec::new();
        };
        let body = std::mem::take(body);
        if body.is_empty() {
            return Vec::new();
        }
        // Messages are read once, by who takes them.
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'[') {
            return vec![body];
        }
        let several = std::str::from_utf8(&body).ok().and_then(|text| {
            let elements = raw_json::elements_of_whole(text).ok()?;
            let bytes = |at| text.as_bytes().get::<std::ops::Range<usize>>(at);
            elements
                .into_iter()
                .map(|at| Some(bytes(at)?.to_vec()))
                .collect()
        });
        several.unwrap_or_else(|| vec![body])
    }
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;
    use crate::gateway::testing::parsed_by;

    fn reader(kind: &'static str) -> AnswerReader {
        let kind = HeaderValue::from_static(kind);
        AnswerReader::new(&HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]), 64)
    }

    #[test]
    fn json_is_given_when_it_is_whole() {
        let mut json = reader("application/json; charset=utf-8");
        assert!(json.push(b"{\"a\":").unwrap().is_empty());
        assert!(json.push(b"1}").unwrap().is_empty());
        assert_eq!(json.finish(), [b"{\"a\":1}"]);
        assert!(json.finish().is_empty());
        assert_eq!(json.push(&[b' '; 65]), Err(TooLarge));
    }

    #[test]
    fn messages_of_an_array_are_given_one_by_one() {
        let mut json = reader("application/json");
        json.push(b"[{\"a\":1}, {\"b\":[2]}]").unwrap();
        let (messages, parsed) = parsed_by(|| json.finish());
        assert_eq!(messages, [&b"{\"a\":1}"[..], b"{\"b\":[2]}"]);
        assert_eq!(parsed, 0, "who takes them parses them");
    }

    #[test]
    fn events_are_given_as_they_end() {
        let mut events = reader("Text/Event-Stream; charset=utf-8");
        assert_eq!(
            events.push(b"data: 1\n\ndata: 2\n\nda").unwrap(),
            [b"1", b"2"]
        );
        assert!(events.finish().is_empty());
    }

    #[test]
    fn event_without_data_is_no_message() {
        let mut events = reader("text/event-stream");
        let stream = b": comment\nid: 7\ndata: \n\nevent: message\r\ndata: b\r\ndata:  c\r\n\r\n";
        assert_eq!(events.push(stream).unwrap(), [b"b\n c"]);
    }

    #[test]
    fn event_of_another_type_is_no_message() {
        let mut events = reader("text/event-stream");
        let stream = b"event: ping\nid: 7\ndata: 2026\n\ndata: b\n\n";
        assert_eq!(events.push(stream).unwrap(), [b"b"]);
        assert_eq!(events.place().0, Some("7"));
    }

    // R9
    #[test]
    fn event_that_is_too_long_is_refused() {
        let mut events = reader("text/event-stream");
        assert_eq!(events.push(&[b'x'; 65]), Err(TooLarge));
        let mut events = reader("text/event-stream");
        let pushed: Vec<_> = (0..10).map(|_| events.push(b"data: 12345\n")).collect();
        assert!(pushed.iter().any(Result::is_err), "lines add up");
    }

    #[test]
    fn page_of_another_kind_is_given_as_it_came() {
        let mut page = reader("text/html");
        page.push(b"<html>").unwrap();
        assert_eq!(page.finish(), [b"<html>"]);
    }
}
