//! POST and DELETE /mcp: Streamable HTTP.
//!
//! ```text
//! Authenticate --session--> Working --answers--> 200: JSON, or a stream
//!    |        |          +--> 401: the user must sign in again
//!    |        +-- subscriptions/listen --> Listening
//!    |        +-- tools/call that becomes a task --> Task
//!    |        +-- an answer or a cancellation, with replicas --> Keeping --stored--> 202
//!    +-- DELETE --> Ending --stored--> 204
//!                      +--> conflict: read again, end again
//! ```
//!
//! A request's own shape selects the era: of 2026-07-28 each stands for itself, of the older
//! revisions each but `initialize` names its MCP session.
//!
//! Source: MCP specification 2025-03-26 to 2026-07-28, basic/transports, Streamable HTTP.

mod delete;
mod keeping;
mod post;
mod post_response;
#[cfg(test)]
mod tests;

use ::http::Method;
use bytes::Bytes;
use entra_mcp_http1::RequestHead;

pub(crate) use self::post_response::PostResponse;
use self::{delete::Ending, keeping::Keeping};
use super::{
    authenticate::Authenticate, execution::Execution, forward::Initializing, headers,
    sse_stream::Stream,
};
use crate::{
    event::{Answer, Input},
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum Streamable {
    Authenticating(Box<Waiting>),
    Executing(Box<Execution>),
    Ending(Box<Ending>),
    Keeping(Keeping),
    /// The backend opens a session (a gateway only).
    Initializing(Box<Initializing>),
    Listening(Box<Stream>),
    /// The backend is told something (a gateway only).
    Notifying(Box<post::Notifying>),
}

/// The caller is looked up; the request waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    lookup: Authenticate,
    method: Method,
    headers: headers::McpHeaders,
    body: Bytes,
}

impl Streamable {
    pub(crate) fn start(lookup: Authenticate, head: RequestHead, body: Bytes) -> Progress<Self> {
        Progress::Pending(Self::Authenticating(Box::new(Waiting {
            lookup,
            method: head.method,
            headers: headers::McpHeaders::of(&head.headers),
            body,
        })))
    }

    /// Whether it has something to do when the peer has left: the end of an MCP session is written, a
    /// call is cancelled, or goes on for a client that comes back.
    pub(crate) fn survives_disconnect(&self) -> bool {
        !matches!(
            self,
            Self::Authenticating(_) | Self::Initializing(_) | Self::Keeping(_) | Self::Notifying(_)
        )
    }

    /// Whether it wants its ticks.
    pub(crate) fn wants_ticks(&self) -> bool {
        matches!(self, Self::Executing(_) | Self::Listening(_))
    }

    pub(crate) fn handle(self, input: Input, cx: &mut Cx<'_>) -> Progress<Self> {
        match (self, input) {
            (Self::Executing(execution), input) => {
                execution.handle(input, cx).map_pending(Self::Executing)
            }
            (Self::Listening(stream), input) => {
                let next = stream.handle(input, cx);
                next.map_pending(|stream| Self::Listening(Box::new(stream)))
            }
            (Self::Authenticating(waiting), Input::Answer(answer)) => waiting.handle(answer, cx),
            (Self::Ending(ending), Input::Answer(answer)) => ending.handle(answer, cx),
            (Self::Keeping(keeping), Input::Answer(answer)) => keeping.handle(answer, cx),
            (Self::Notifying(state), Input::Answer(answer)) => state.handle(answer, cx),
            (Self::Initializing(state), Input::Answer(answer)) => {
                let next = state.handle(answer, cx);
                next.map_pending(|state| Self::Initializing(Box::new(state)))
            }
            // The end of an MCP session is written though its client has left. Neither is a call.
            (
                state @ (Self::Authenticating(_)
                | Self::Ending(_)
                | Self::Keeping(_)
                | Self::Notifying(_)
                | Self::Initializing(_)),
                Input::Tick
                | Input::Disconnected
                | Input::Call(_)
                | Input::Task(_)
                | Input::Process(_)
                | Input::ReplayTakenOver,
            ) => Progress::Pending(state),
        }
    }
}

impl Waiting {
    fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let found = match self.lookup.handle(answer, cx) {
            Progress::Pending(lookup) => {
                let waiting = Box::new(Self { lookup, ..self });
                return Progress::Pending(Streamable::Authenticating(waiting));
            }
            Progress::Ready(found) => found,
        };
        match found {
            Err(refusal) => cx.done(*refusal),
            Ok(caller) if self.method == Method::DELETE => {
                Ending::start(&self.headers, *caller, cx)
            }
            Ok(caller) => post::start(&self.headers, &self.body, caller, cx),
        }
    }
}
