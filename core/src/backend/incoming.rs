//! The answer to a request of Streamable HTTP: its messages, one by one as they come.

use std::{borrow::Cow, sync::Arc};

use ::http::{HeaderMap, StatusCode};

use super::{Arrived, BackendFault, request};
use crate::{
    ask::{Awaiting, Pull, PulledPart},
    claims_challenge::ClaimsChallenge,
    config::{BackendAddress, Gateway},
    event::Answer,
    gateway::{
        AnswerReader, BackendRequest, CredentialGuard, Credentials, MessageFault, RawMessage,
    },
    hub::{HeldBytesMessage, HoldBackendBytes, ToHub, ToHubKind},
    limits,
    planted::Planted,
    step::Cx,
    ticket::AskId,
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
    most_messages: usize,
    /// How many bytes that are of no message have come since the last message.
    idle_bytes: usize,
    /// How that began which was no message.
    excerpt: Option<String>,
    /// How many bytes may be held, of how many in all; and what more is asked for.
    granted: usize,
    most_held: usize,
    asking: Option<(usize, Awaiting<HoldBackendBytes>)>,
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
        let endpoint = cx.env.endpoint;
        let pull = cx.pull(request::pull(
            request,
            address,
            gateway,
            endpoint,
            credentials,
        ));
        cx.more(&pull);
        Self {
            pull,
            reader: AnswerReader::new(&HeaderMap::new(), gateway.answer_bytes),
            limit: gateway.answer_bytes,
            guard: match cx.env.server.has(Planted::CredentialsNotGuarded) {
                true => CredentialGuard::default(),
                false => credentials.guard(gateway),
            },
            head: None,
            messages: 0,
            most_messages: gateway.limits.messages,
            idle_bytes: 0,
            excerpt: None,
            granted: limits::BACKEND_FREE_BYTES,
            most_held: gateway.held_bytes,
            asking: None,
            owes_more: false,
        }
    }

    pub(crate) fn id(&self) -> AskId {
        self.pull.id()
    }

    /// Whether this is for it.
    pub(crate) fn awaits(&self, answer: &Answer) -> bool {
        let is_asked = |(_, asking): &(usize, Awaiting<_>)| asking.id() == answer.ask();
        self.pull.id() == answer.ask() || self.asking.as_ref().is_some_and(is_asked)
    }

    /// The status, once there is one.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.head.as_ref().map(|(status, _)| *status)
    }

    /// What the status says that is not success, whatever stands in the body.
    pub(crate) fn status_fault(&self) -> Option<BackendFault> {
        let (status, headers) = self.head.as_ref()?;
        let is_fault = !status.is_success();
        is_fault.then(|| BackendFault::of_end(Ok(()), *status, headers))
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

    /// The last event that had an id, and after how many milliseconds to come back, as far as the stream has said so.
    pub(crate) fn place(&self) -> (Option<&str>, Option<u64>) {
        self.reader.place()
    }

    /// How many messages have come.
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// So many have come before, which count.
    pub(crate) fn follow(&mut self, messages: usize) {
        self.messages = messages;
    }

    /// How that began which was no message, without what must not be in a log.
    pub(crate) fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }

    /// Lets the next piece come, if the one before has.
    pub(crate) fn more(&mut self, cx: &mut Cx<'_>) {
        if self.asking.is_none() && self.may_hold(cx) && std::mem::take(&mut self.owes_more) {
            cx.more(&self.pull);
        }
    }

    /// Whether what is held may be held (threat R9). If not, that is asked for first.
    fn may_hold(&mut self, cx: &mut Cx<'_>) -> bool {
        let held = self.reader.held();
        let free = limits::BACKEND_FREE_BYTES;
        if held <= free && self.granted > free {
            self.release(cx);
            self.granted = free;
        }
        if held <= self.granted {
            return true;
        }
        let wanted = held.saturating_mul(2).max(limits::BACKEND_HELD_STEP);
        let wanted = wanted.min(self.limit.max(held));
        let (endpoint, most) = (cx.env.endpoint, self.most_held);
        let answer = self.pull.id();
        let asking = cx.ask_hub(|ticket| {
            ToHubKind::HeldBytes(HeldBytesMessage::Hold {
                ticket,
                answer,
                endpoint,
                bytes: wanted,
                most,
            })
        });
        self.asking = Some((wanted, asking));
        false
    }

    /// Closes the connection.
    pub(crate) fn cancel(&self, cx: &mut Cx<'_>) {
        cx.cancel(&self.pull);
        self.release(cx);
    }

    /// Nothing of it is held any more.
    pub(crate) fn release(&self, cx: &mut Cx<'_>) {
        if self.granted > limits::BACKEND_FREE_BYTES {
            let release = HeldBytesMessage::Release(self.pull.id());
            cx.to_hub(ToHub(ToHubKind::HeldBytes(release)));
        }
    }

    /// Takes an event. After a piece the next one comes once there was [`Self::more`].
    pub(crate) fn handle(&mut self, answer: Answer) -> Arrived {
        let is_asked = |(_, asking): &mut (usize, Awaiting<_>)| asking.id() == answer.ask();
        if let Some((wanted, asking)) = self.asking.take_if(is_asked) {
            if !asking.into_answer(answer) {
                return Arrived::Fault(BackendFault::too_many_bytes());
            }
            self.granted = wanted;
            return Arrived::Messages(Vec::new());
        }
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
                    match self.pushed(&piece) {
                        Ok(messages) => Arrived::Messages(messages),
                        Err(fault) => Arrived::Fault(fault),
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

    /// Takes a piece, and gives the messages that end in it.
    fn pushed(&mut self, piece: &[u8]) -> Result<Vec<RawMessage>, BackendFault> {
        let before = self.reader.held();
        let texts = self
            .reader
            .push(piece)
            .map_err(|_| BackendFault::TooLarge)?;
        if texts.is_empty() {
            self.idle_bytes += (before + piece.len()).saturating_sub(self.reader.held());
            if self.idle_bytes > limits::BACKEND_IDLE_BYTES {
                return Err(BackendFault::TooMany);
            }
        } else {
            self.idle_bytes = 0;
        }
        self.read(texts)
    }

    /// Reads messages, and looks for credentials in them (threat R3).
    fn read(&mut self, texts: Vec<Vec<u8>>) -> Result<Vec<RawMessage>, BackendFault> {
        self.messages += texts.len();
        if self.messages > self.most_messages {
            return Err(BackendFault::TooMany);
        }
        let mut messages = Vec::with_capacity(texts.len());
        for text in texts {
            // Almost always it is text, and then it is seen to be so by many bytes at a time.
            let text = match std::str::from_utf8(&text) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(&text),
            };
            if self.guard.is_in(&text) {
                return Err(BackendFault::Leaked);
            }
            // Text in which something had to be replaced is a copy.
            let read = match &text {
                Cow::Borrowed(text) => RawMessage::read(text),
                Cow::Owned(_) => Err(MessageFault::NotAMessage),
            };
            if matches!(read, Err(MessageFault::NotAnswerable)) {
                continue;
            }
            let Ok(message) = read else {
                self.excerpt = Some(text.chars().take(limits::BACKEND_EXCERPT_CHARS).collect());
                return Err(BackendFault::NotUnderstood);
            };
            messages.push(message.without_null_params());
        }
        Ok(messages)
    }
}
