//! Every MCP message that comes from the server fits the schema of the revision in use, and so does
//! every message that the server takes. The case that sees another one fails with its message.

use std::sync::{Arc, Mutex, PoisonError};

use entra_mcp_schema::{ReceivedResponse, SchemaValidator, SentRequest};

use crate::raw_http::Response;

/// Who looks on, as long as a server lives.
#[derive(Clone, Debug, Default)]
pub struct CheckedTraffic(Arc<Mutex<(u64, SchemaValidator)>>);

/// A request and what comes back.
#[derive(Debug)]
pub struct Exchange {
    watched: CheckedTraffic,
    number: u64,
    /// What is wrong with the request: many are, on purpose.
    wrong: Option<String>,
}

impl CheckedTraffic {
    /// A request is sent.
    #[must_use]
    pub fn asked(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Exchange {
        let header = |name: &str| {
            let mut found = headers.iter();
            found.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(*value))
        };
        let asked = SentRequest {
            target,
            session: header("mcp-session-id"),
            revision: header("mcp-protocol-version"),
            body: body.as_bytes(),
        };
        self.with(|number, watcher| {
            *number += 1;
            Exchange {
                watched: self.clone(),
                number: *number,
                wrong: watcher.asked(*number, &asked).err(),
            }
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut u64, &mut SchemaValidator) -> T) -> T {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, watcher) = &mut *both;
        look(number, watcher)
    }
}

impl Exchange {
    /// The answer, or its head.
    pub fn answered(&self, response: &Response) {
        let session = response.header("mcp-session-id");
        let answered = ReceivedResponse {
            status: response.status,
            content_type: response.header("content-type"),
            session: Some(session).filter(|session| !session.is_empty()),
            body: response.body.as_bytes(),
        };
        let number = self.number;
        let judged = self
            .watched
            .with(|_, watcher| watcher.answered(number, &answered));
        fits(judged);
        if response.status < 300 && !response.body.contains("\"error\"") {
            fits(self.wrong.clone().map_or(Ok(()), Err));
        }
    }

    /// An event of a stream.
    pub fn event(&self, name: &str, data: &str) {
        let name = if name.is_empty() { "message" } else { name };
        let number = self.number;
        let judged = self
            .watched
            .with(|_, watcher| watcher.event(number, name, data));
        fits(judged);
    }
}

fn fits(judged: Result<(), String>) {
    judged.unwrap_or_else(|what| panic!("a message does not fit its schema: {what}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}"#;

    fn json(body: &str) -> Response {
        Response {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_owned(),
        }
    }

    #[test]
    #[should_panic(expected = "a message does not fit its schema")]
    fn invalid_response_fails_the_case() {
        let exchange = CheckedTraffic::default().asked("/mcp", &[], LIST);
        exchange.answered(&json(
            r#"{"jsonrpc": "2.0", "id": 1, "result": {"tools": 1}}"#,
        ));
    }

    #[test]
    #[should_panic(expected = "a message does not fit its schema")]
    fn accepted_invalid_message_fails_the_case() {
        let wrong = r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "also": 1}"#;
        let exchange = CheckedTraffic::default().asked("/mcp", &[], wrong);
        exchange.answered(&json(
            r#"{"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}"#,
        ));
    }

    #[test]
    #[should_panic(expected = "a message does not fit its schema")]
    fn invalid_event_fails_the_case() {
        let exchange = CheckedTraffic::default().asked("/sse", &[], "");
        exchange.answered(&Response::default());
        exchange.event(
            "",
            r#"{"jsonrpc": "2.0", "method": "notifications/unknown"}"#,
        );
    }
}
