//! Every message that the server of a test sends fits the schema of the revision in use.

use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use entra_mcp_schema::{ReceivedResponse, SchemaValidator, SentRequest};

use crate::id::ExchangeId;

/// Who looks on, and ends the test when a message does not fit.
#[derive(Default)]
pub(crate) struct Watched(SchemaValidator, bool);

impl Watched {
    /// What a backend sends is its own matter from now on.
    pub(crate) fn look_away(&mut self) {
        self.1 = true;
    }

    /// What a test asks may be wrong on purpose.
    pub(crate) fn asked(&mut self, id: ExchangeId, request: &Request<Bytes>) {
        let target = request.uri().path_and_query();
        let asked = SentRequest {
            target: target.map_or("", |target| target.as_str()),
            session: text(request.headers(), "mcp-session-id"),
            revision: text(request.headers(), "mcp-protocol-version"),
            body: request.body(),
        };
        let _forgiven = self.0.asked(id.0, &asked);
    }

    /// The server answers.
    pub(crate) fn answered<B>(&mut self, id: ExchangeId, head: &Response<B>, body: &[u8]) {
        let answered = ReceivedResponse {
            status: head.status().as_u16(),
            content_type: text(head.headers(), "content-type").unwrap_or_default(),
            session: text(head.headers(), "mcp-session-id"),
            body,
        };
        if self.1 {
            return;
        }
        let judged = self.0.answered(id.0, &answered);
        judged.unwrap_or_else(|what| panic!("exchange {} answers {what}", id.0));
    }

    /// The server writes on.
    pub(crate) fn wrote(&mut self, id: ExchangeId, bytes: &[u8]) {
        if self.1 {
            return;
        }
        let judged = self.0.wrote(id.0, bytes);
        judged.unwrap_or_else(|what| panic!("exchange {} writes {what}", id.0));
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[test]
#[should_panic(expected = "null")]
fn message_that_violates_the_schema_fails_the_test() {
    let mut watched = Watched::default();
    let body = r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}"#;
    let request = Request::post("/mcp").body(Bytes::from_static(body.as_bytes()));
    watched.asked(ExchangeId(1), &request.unwrap());
    let answer = br#"{"jsonrpc": "2.0", "id": 1, "result": {"tools": [], "extra": null}}"#;
    let head = Response::builder().header("content-type", "application/json");
    watched.answered(ExchangeId(1), &head.body(()).unwrap(), answer);
}
