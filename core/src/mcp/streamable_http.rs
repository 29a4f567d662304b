//! POST and DELETE /mcp: Streamable HTTP.
//!
//! ```text
//! Authenticate --session--> Working --answers--> 200: JSON, or a stream
//!    |        |          +--> 401: the user must sign in again
//!    |        +-- subscriptions/listen --> Listening
//!    |        +-- tools/call that becomes a task --> Task
//!    +-- DELETE --> Ending --stored--> 204
//!                      +--> conflict: read again, end again
//! ```
//!
//! A request's own shape selects the era: of 2026-07-28 each stands for itself, of the older
//! revisions each but `initialize` names its MCP session.
//!
//! Source: MCP specification 2025-03-26 to 2026-07-28, basic/transports, Streamable HTTP.

mod delete;
mod post;
mod post_response;
#[cfg(test)]
mod tests;

use ::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use bytes::Bytes;

use self::{delete::Ending, post::Working};
use super::{
    Caller, Revision,
    caller::Authenticate,
    headers::{self, Malformed},
    json_rpc::{self, Error, Refused},
    session::{self, McpSession},
    sse_stream::Stream,
    tasks::TaskRunner,
};
use crate::{
    event::Event,
    http::response,
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum Streamable {
    Authenticating(Box<Waiting>),
    Working(Box<Working>),
    Ending(Box<Ending>),
    Listening(Box<Stream>),
    Task(Box<TaskRunner>),
}

/// The caller is looked up; the request waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    lookup: Authenticate,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Streamable {
    pub(crate) fn start(lookup: Authenticate, request: &Request<Bytes>) -> Progress<Self> {
        Progress::Pending(Self::Authenticating(Box::new(Waiting {
            lookup,
            method: request.method().clone(),
            headers: headers::relevant(request.headers()),
            body: request.body().clone(),
        })))
    }

    /// Whether it has something to do when the peer has left: the end of an MCP session is written, a
    /// call is cancelled, or goes on for a client that comes back.
    pub(crate) fn outlives_its_peer(&self) -> bool {
        !matches!(self, Self::Authenticating(_))
    }

    /// Whether it wants its ticks.
    pub(crate) fn takes_ticks(&self) -> bool {
        matches!(self, Self::Working(_) | Self::Listening(_) | Self::Task(_))
    }

    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Authenticating(waiting) => waiting.handle(event, cx),
            Self::Working(working) => working.handle(event, cx),
            Self::Ending(ending) => ending.handle(event, cx),
            Self::Task(task) => task
                .handle(event, cx)
                .map_pending(|task| Self::Task(Box::new(task))),
            Self::Listening(stream) => {
                let next = stream.handle(event, cx);
                next.map_pending(|stream| Self::Listening(Box::new(stream)))
            }
        }
    }
}

impl Waiting {
    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Streamable> {
        match self.lookup.handle(event, cx) {
            Progress::Pending(lookup) => {
                Progress::Pending(Streamable::Authenticating(Box::new(Self {
                    lookup,
                    ..self
                })))
            }
            Progress::Ready(Err(refusal)) => cx.done(*refusal),
            Progress::Ready(Ok(caller)) if self.method == Method::DELETE => {
                Ending::start(&self.headers, *caller, cx)
            }
            Progress::Ready(Ok(caller)) => Working::start(&self.headers, &self.body, caller, cx),
        }
    }
}

/// JSON-RPC as the body of an answer.
pub(in crate::mcp) fn json(status: StatusCode, text: String) -> Response<Bytes> {
    response::of(status, "application/json", text)
}

/// A refusal as JSON-RPC.
pub(super) fn refused(status: StatusCode, refused: Refused) -> Response<Bytes> {
    json(
        status,
        json_rpc::Response::error(refused.id, refused.error).to_json(),
    )
}

fn refusal(status: StatusCode, error: Error) -> Response<Bytes> {
    refused(status, Refused { id: None, error })
}

/// The code with which the SDKs tell that a session is not there.
const SESSION_NOT_FOUND: i32 = -32001;

/// The MCP session that a request of an older revision names: missing or given twice is 400, not
/// there is 404, whereupon a client begins a new one (transports, session management 3 and 4).
pub(super) fn named_session(
    headers: &HeaderMap,
    caller: &Caller,
    cx: &Cx<'_>,
) -> Result<McpSession, Box<Response<Bytes>>> {
    let error = match headers::one(headers, headers::PROTOCOL_VERSION) {
        Ok(None) => None,
        Ok(Some(version)) if is_older(version) => None,
        Ok(Some(_)) | Err(Malformed) => {
            Some("The header MCP-Protocol-Version is not supported here.")
        }
    };
    if let Some(words) = error {
        let refusal = refusal(StatusCode::BAD_REQUEST, Error::invalid_request(words));
        return Err(Box::new(refusal));
    }
    match headers::one(headers, session::HEADER) {
        Ok(Some(id)) => McpSession::open(id, caller, cx.env).ok_or_else(|| {
            let words = "Session not found: begin a new one with `initialize`.";
            let error = Error::new(SESSION_NOT_FOUND, words);
            Box::new(refusal(StatusCode::NOT_FOUND, error))
        }),
        Ok(None) | Err(Malformed) => {
            let words = "Name the session, once, in the header Mcp-Session-Id.";
            let refusal = refusal(StatusCode::BAD_REQUEST, Error::invalid_request(words));
            Err(Box::new(refusal))
        }
    }
}

fn is_older(version: &str) -> bool {
    Revision::parse(version).is_some_and(|known| !known.features().stateless)
}

/// Revision 2026-07-28 has POST only: whoever names it gets 405 for GET and DELETE.
pub(super) fn only_post(headers: &HeaderMap) -> Option<Response<Bytes>> {
    let version = headers::one(headers, headers::PROTOCOL_VERSION);
    if version != Ok(Some(Revision::V2026_07_28.name())) {
        return None;
    }
    let mut response = response::text(
        StatusCode::METHOD_NOT_ALLOWED,
        "This revision of MCP knows POST only.\n",
    );
    let allowed = ::http::HeaderValue::from_static("POST, OPTIONS");
    response.headers_mut().insert(header::ALLOW, allowed);
    Some(response)
}
