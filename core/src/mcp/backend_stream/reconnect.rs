//! The stream of a backend has ended: whether it is opened again, and when.

use std::time::Duration;

use ::http::{Method, StatusCode};
use serde_json::json;

use super::{BackendStream, Heard, State, Wanted, gateway};
use crate::{
    admit::caller::Caller,
    backend::{Arrived, BackendFault, IncomingMessages},
    event::Answer,
    gateway::{BackendRequest, Declared, RawMessage, Replaced},
    hub::{BackendOwner, BackendSession, BackendSessionMessage, ToHubKind},
    limits,
    mcp::forward::fault_of_backend,
    step::{Cx, Progress},
};

impl BackendStream {
    /// The request that opens it; `None` if it cannot be written.
    pub(super) fn request(&self) -> Option<BackendRequest> {
        let routed_by = Some(("subscriptions/listen".to_owned(), None));
        let request = match &self.wanted {
            Wanted::Session(_) | Wanted::HttpSse(_) | Wanted::Shared(_)
                if let Some(id) = &self.listens_as =>
            {
                let declared = Declared::of_initialize(&self.session.as_ref()?.params)?;
                let message = RawMessage::listening_to_lists(declared, id)?;
                BackendRequest {
                    routed_by,
                    ..self.post(message.text().to_owned())
                }
            }
            Wanted::Session(_) | Wanted::HttpSse(_) | Wanted::Shared(_) => BackendRequest {
                method: Method::GET,
                after: self.last_event.clone(),
                ..self.post(String::new())
            },
            Wanted::Request(request) => {
                let body = request.message.with_ids(Replaced {
                    id: Some(&request.backend_id),
                    token: Some(&request.backend_id),
                    cancelled: None,
                });
                BackendRequest {
                    routed_by,
                    ..self.post(body)
                }
            }
        };
        Some(BackendRequest {
            listens: true,
            within: Some(limits::BACKEND_LISTENING),
            ..request
        })
    }

    /// Remembers where the stream goes on, and when.
    pub(super) fn note_place(&mut self, incoming: &IncomingMessages) {
        let (id, retry) = incoming.place();
        if let Some(id) = id {
            let fits = !id.is_empty() && id.len() <= limits::BACKEND_EVENT_ID_BYTES;
            self.last_event = fits.then(|| id.to_owned());
        }
        if let Some(retry) = retry {
            let longest = limits::BACKEND_LISTEN_AGAIN_LONGEST;
            self.retry = Duration::from_millis(retry).min(longest);
        }
    }

    pub(super) fn ended(
        mut self: Box<Self>,
        status: Option<StatusCode>,
        fault: BackendFault,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        let has_name = self.session.as_ref().is_some_and(|one| one.id.is_some());
        let of_session = self.wanted.is_session();
        // It has said that it cannot be listened to.
        if self.is_refused {
            return self.silent(cx);
        }
        match status {
            // There is no such stream.
            Some(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) if of_session => {
                return self.silent(cx);
            }
            Some(StatusCode::NOT_FOUND) if has_name => {
                return self.not_found(caller, cx);
            }
            Some(StatusCode::NOT_FOUND) if of_session => return self.silent(cx),
            // It cannot go on from there.
            Some(status) if !status.is_success() => self.last_event = None,
            _ => {}
        }
        match fault {
            // It went on for as long as it may.
            BackendFault::TimedOut => self.identify(caller, cx),
            // It has ended as streams do.
            BackendFault::Broken => Progress::Pending(self.rest(cx)),
            fault => self.fail(fault, cx),
        }
    }

    /// Either there is no such stream, or the session is lost. A process is begun again by who needs its answers.
    fn not_found(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        let is_process = gateway(cx).command().is_some();
        let owner = self.owner(caller);
        if let (true, Some(lost)) = (is_process, self.session.clone()) {
            if self.wanted.is_unanswered() && !self.was_reopened {
                return Progress::Pending(self.lost(owner, lost, cx));
            }
            if !self.wanted.is_session() {
                return Progress::Pending(self.rest(cx));
            }
            let other = cx.ask_hub(|ticket| {
                let other = BackendSessionMessage::AwaitOther(ticket, owner, Some(lost));
                ToHubKind::BackendSession(other)
            });
            self.state = State::AwaitingSession(other);
            return Progress::Pending(self);
        }
        if self.was_reopened {
            return self.silent(cx);
        }
        let ping = json!({"jsonrpc": "2.0", "id": 0, "method": "ping"});
        let request = BackendRequest {
            within: Some(limits::BACKEND_OPENING),
            ..self.post(ping.to_string())
        };
        let incoming = IncomingMessages::send(request, gateway(cx), &self.credentials, cx);
        self.state = State::Checking(incoming);
        Progress::Pending(self)
    }

    pub(super) fn checked(
        mut self: Box<Self>,
        mut incoming: IncomingMessages,
        answer: Answer,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        let is_answered = match incoming.handle(answer) {
            Arrived::Messages(messages) if messages.is_empty() => {
                incoming.more(cx);
                self.state = State::Checking(incoming);
                return Progress::Pending(self);
            }
            Arrived::End(..) => incoming.is_success(),
            Arrived::Messages(_) => {
                incoming.cancel(cx);
                incoming.is_success()
            }
            Arrived::Fault(_) => {
                incoming.cancel(cx);
                return Progress::Pending(self.rest(cx));
            }
        };
        let is_lost = matches!(
            incoming.status(),
            Some(StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST)
        );
        match self.session.clone() {
            // The session lives: it has no such stream.
            _ if is_answered => self.silent(cx),
            Some(lost) if is_lost => {
                let owner = self.owner(caller);
                Progress::Pending(self.lost(owner, lost, cx))
            }
            _ => Progress::Pending(self.rest(cx)),
        }
    }

    /// There is nothing to listen to.
    fn silent(self: Box<Self>, cx: &mut Cx<'_>) -> Heard {
        self.note_silent(cx);
        Progress::Pending(self)
    }

    /// The backend does not know the session any more: another is opened.
    pub(super) fn lost(
        mut self: Box<Self>,
        owner: BackendOwner,
        lost: BackendSession,
        cx: &mut Cx<'_>,
    ) -> Box<Self> {
        (self.was_reopened, self.last_event) = (true, None);
        self.questions.clear();
        let find = cx.ask_hub(|ticket| {
            let lost = BackendSessionMessage::Lost(ticket, owner, lost);
            ToHubKind::BackendSession(lost)
        });
        self.state = State::AwaitingSession(find);
        self
    }

    /// It went wrong. A client that was not told yet that it is listened for is told so instead.
    pub(super) fn fail(mut self: Box<Self>, fault: BackendFault, cx: &mut Cx<'_>) -> Heard {
        if self.failures == 0 {
            fault_of_backend(fault, None, cx);
        }
        if self.wanted.is_unanswered() {
            self.refuse_request(fault, cx);
            self.leave_shared(None, cx);
            return Progress::Ready(());
        }
        Progress::Pending(self.rest(cx))
    }

    /// Tries again later.
    pub(super) fn rest(mut self: Box<Self>, cx: &Cx<'_>) -> Box<Self> {
        let doubled = limits::BACKEND_LISTEN_AGAIN * 2_u32.saturating_pow(self.failures.min(10));
        let wait = doubled.min(limits::BACKEND_LISTEN_AGAIN_LONGEST);
        self.failures = self.failures.saturating_add(1);
        let until = cx.env.now.instant.after(wait.max(self.retry));
        self.state = State::Resting(until);
        self
    }
}
