//! The answer to a request of Streamable HTTP: its messages, one by one as they come.

use std::sync::Arc;

use ::http::{HeaderMap, StatusCode};

use super::{Arrived, BackendFault, request};
use crate::{
    ask::{Awaiting, Pull, PulledPart},
    claims_challenge::ClaimsChallenge,
    config::{BackendAddress, Gateway},
    event::Answer,
    gateway::{AnswerReader, BackendRequest, CredentialGuard, Credentials, RawMessage},
    limits,
    step::Cx,
};

/// A request that was sent.
#[derive(Debug)]
pub(crate) struct HttpMessages {
    pull: Awaiting<Pull>,
    reader: AnswerReader,
    limit: usize,
    guard: CredentialGuard,
    head: Option<(StatusCode, HeaderMap)>,
    messages: usize,
    /// Whether a piece has come since more were let come.
    owes_more: bool,
}

impl HttpMessages {
    /// Sends a request, and lets the first piece of its answer come.
    pub(crate) fn send(
        request: BackendRequest,
        address: &Arc<BackendAddress>,
        gateway: &Gateway,
        credentials: &Credentials,
        cx: &mut Cx<'_>,
    ) -> Self {
        let pull = cx.pull(request::pull(request, address, gateway, credentials));
        cx.more(&pull);
        Self {
            pull,
            reader: AnswerReader::new(&HeaderMap::new(), gateway.answer_bytes),
            limit: gateway.answer_bytes,
            guard: credentials.guard(gateway),
            head: None,
            messages: 0,
            owes_more: false,
        }
    }

    /// The status, once there is one.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.head.as_ref().map(|(status, _)| *status)
    }

    /// What the backend wants of the user's token before it takes it.
    pub(crate) fn claims(&self) -> Option<ClaimsChallenge> {
        let (status, headers) = self.head.as_ref()?;
        let is_refused = *status == StatusCode::UNAUTHORIZED;
        is_refused.then(|| ClaimsChallenge::of_headers(headers))?
    }

    /// The name that the backend has given a session.
    pub(crate) fn session(&self) -> Option<&str> {
        let (_, headers) = self.head.as_ref()?;
        headers.get("mcp-session-id")?.to_str().ok()
    }

    /// Lets the next piece come, if the one before has.
    pub(crate) fn more(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.owes_more) {
            cx.more(&self.pull);
        }
    }

    /// Closes the connection.
    pub(crate) fn cancel(&self, cx: &mut Cx<'_>) {
        cx.cancel(&self.pull);
    }

    /// Takes an event. After a piece the next one comes once there was [`Self::more`].
    pub(crate) fn handle(&mut self, answer: Answer) -> Arrived {
        match answer {
            Answer::Pulled(pulled) => match pulled.part {
                PulledPart::Head(head) => {
                    let (head, ()) = head.into_parts();
                    self.reader = AnswerReader::new(&head.headers, self.limit);
                    self.head = Some((head.status, head.headers));
                    Arrived::Messages(Vec::new())
                }
                PulledPart::Piece(piece) => {
                    self.owes_more = true;
                    match self.reader.push(&piece) {
                        Ok(texts) => match self.read(texts) {
                            Ok(messages) => Arrived::Messages(messages),
                            Err(fault) => Arrived::Fault(fault),
                        },
                        Err(_) => Arrived::Fault(BackendFault::TooLarge),
                    }
                }
            },
            Answer::PullEnded(ended) => {
                let no_headers = HeaderMap::new();
                let (status, headers) = match &self.head {
                    Some((status, headers)) => (*status, headers),
                    None => (StatusCode::OK, &no_headers),
                };
                let fault = BackendFault::of_end(ended.answer, status, headers);
                let texts = match ended.answer {
                    Ok(()) => self.reader.finish(),
                    Err(_) => Vec::new(),
                };
                match self.read(texts) {
                    Ok(messages) => Arrived::End(messages, fault),
                    // A page of words beside a status that says more.
                    Err(BackendFault::NotUnderstood) if !status.is_success() => {
                        Arrived::End(Vec::new(), fault)
                    }
                    Err(fault) => Arrived::Fault(fault),
                }
            }
            _ => Arrived::Messages(Vec::new()),
        }
    }

    /// Reads messages, and looks for credentials in them (threat R3).
    fn read(&mut self, texts: Vec<Vec<u8>>) -> Result<Vec<RawMessage>, BackendFault> {
        self.messages += texts.len();
        if self.messages > limits::BACKEND_MESSAGES {
            return Err(BackendFault::TooMany);
        }
        let read = |text: Vec<u8>| {
            let text = std::str::from_utf8(&text).map_err(|_| BackendFault::NotUnderstood)?;
            if self.guard.is_in(text) {
                return Err(BackendFault::Leaked);
            }
            RawMessage::read(text).map_err(|_| BackendFault::NotUnderstood)
        };
        texts.into_iter().map(read).collect()
    }
}
