//! The answer of the backend to one request, by whichever transport: its messages, one by one as they come.

use ::http::StatusCode;

use super::{BackendFault, incoming::HttpMessages, stdio_messages::StdioMessages};
use crate::{
    claims_challenge::ClaimsChallenge,
    config::{Backend, Gateway},
    event::Answer,
    gateway::{BackendRequest, Credentials, RawMessage},
    step::Cx,
    ticket::AskId,
};

/// A request that was sent.
#[derive(Debug)]
pub(crate) enum IncomingMessages {
    Http(Box<HttpMessages>),
    Stdio(StdioMessages),
}

/// What an event was.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// Messages, none perhaps; there may be more.
    Messages(Vec<RawMessage>),
    /// The last of them, and what it means if none was the answer.
    End(Vec<RawMessage>, BackendFault),
    /// It cannot go on.
    Fault(BackendFault),
}

impl IncomingMessages {
    /// Sends a request, and lets the first of its answer come.
    pub(crate) fn send(
        request: BackendRequest,
        gateway: &Gateway,
        credentials: &Credentials,
        cx: &mut Cx<'_>,
    ) -> Self {
        match &gateway.backend {
            Backend::Http(address) => {
                let messages = HttpMessages::send(request, address, gateway, credentials, cx);
                Self::Http(Box::new(messages))
            }
            Backend::Stdio(command) => Self::Stdio(StdioMessages::send(
                request,
                command,
                gateway,
                credentials,
                cx,
            )),
        }
    }

    /// By which ask it was sent.
    pub(crate) fn id(&self) -> AskId {
        match self {
            Self::Http(messages) => messages.id(),
            Self::Stdio(messages) => messages.id(),
        }
    }

    /// Whether this is for it.
    pub(crate) fn awaits(&self, answer: &Answer) -> bool {
        match self {
            Self::Http(messages) => messages.awaits(answer),
            Self::Stdio(messages) => messages.awaits(answer),
        }
    }

    /// The status, once there is one; of a process what it would have been.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Http(messages) => messages.status(),
            Self::Stdio(messages) => messages.status(),
        }
    }

    /// What the status says that is not success, whatever stands in the body; of a process nothing.
    pub(crate) fn status_fault(&self) -> Option<BackendFault> {
        match self {
            Self::Http(messages) => messages.status_fault(),
            Self::Stdio(_) => None,
        }
    }

    /// What the status says of the request before anybody has read it, whatever else the body says: the sign-in is not accepted,
    /// or there is too much to do.
    pub(crate) fn turned_away(&self) -> Option<BackendFault> {
        let fault = self.status_fault();
        fault.filter(|fault| matches!(fault, BackendFault::Refused(_) | BackendFault::Busy(_)))
    }

    /// What the backend wants of the user's access token before it takes it.
    pub(crate) fn claims(&self) -> Option<ClaimsChallenge> {
        match self {
            Self::Http(messages) => messages.claims(),
            Self::Stdio(_) => None,
        }
    }

    /// Whether the status says that it went well.
    pub(crate) fn is_success(&self) -> bool {
        self.status().is_some_and(|status| status.is_success())
    }

    /// The name of the session that was opened, if it has one.
    pub(crate) fn session(&self) -> Option<&str> {
        match self {
            Self::Http(messages) => messages.session(),
            Self::Stdio(messages) => messages.process(),
        }
    }

    /// The process that it was sent to, if it is one of a session.
    pub(crate) fn process(&self) -> Option<&str> {
        match self {
            Self::Http(_) => None,
            Self::Stdio(messages) => messages.process(),
        }
    }

    /// The last event that had an id, and after how many milliseconds to come back, as far as a stream has said so.
    pub(crate) fn place(&self) -> (Option<&str>, Option<u64>) {
        match self {
            Self::Http(messages) => messages.place(),
            Self::Stdio(_) => (None, None),
        }
    }

    /// How many messages have come.
    pub(crate) fn messages(&self) -> usize {
        match self {
            Self::Http(messages) => messages.messages(),
            Self::Stdio(_) => 0,
        }
    }

    /// So many have come before on other streams, which count.
    pub(crate) fn follow(&mut self, messages: usize) {
        if let Self::Http(this) = self {
            this.follow(messages);
        }
    }

    /// How that began which was no message.
    pub(crate) fn excerpt(&self) -> Option<&str> {
        match self {
            Self::Http(messages) => messages.excerpt(),
            Self::Stdio(_) => None,
        }
    }

    /// Lets more come, if what was let come before has.
    pub(crate) fn more(&mut self, cx: &mut Cx<'_>) {
        match self {
            Self::Http(messages) => messages.more(cx),
            Self::Stdio(messages) => messages.more(cx),
        }
    }

    /// Waits for it no longer.
    pub(crate) fn cancel(&self, cx: &mut Cx<'_>) {
        match self {
            Self::Http(messages) => messages.cancel(cx),
            Self::Stdio(messages) => messages.cancel(cx),
        }
    }

    /// It has ended, and nothing of it is held any more.
    pub(crate) fn release(&self, cx: &mut Cx<'_>) {
        match self {
            Self::Http(messages) => messages.release(cx),
            Self::Stdio(_) => {}
        }
    }

    /// Takes an event. After messages the next ones come once there was [`Self::more`].
    pub(crate) fn handle(&mut self, answer: Answer) -> Arrived {
        match self {
            Self::Http(messages) => messages.handle(answer),
            Self::Stdio(messages) => messages.handle(answer),
        }
    }
}
