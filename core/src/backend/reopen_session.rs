//! A session of the backend is opened for a client that has one of ours already: again, if the backend has lost it, and then what was
//! set in it is set again, the level of the log and subscriptions.
//!
//! ```text
//! Opening --opened--> Restoring (one setting after the other) --> as it was
//!     \--not opened-->
//! ```

use std::{collections::VecDeque, sync::Arc};

use super::{Arrived, IncomingMessages, NotOpened, OpenSession, Opened};
use crate::{
    config::Gateway,
    event::Answer,
    gateway::{BackendRequest, Credentials, MessageKind},
    hub::LostSession,
    limits,
    revision::Revision,
    step::{Cx, Progress},
};

/// A session that is being opened.
#[derive(Debug)]
pub(crate) struct ReopenSession {
    credentials: Credentials,
    params: Arc<str>,
    /// The requests that set what was set before.
    settings: VecDeque<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    Opening(OpenSession),
    Restoring(Opened, IncomingMessages),
}

/// How far it is, and what it results in: the session, and with what parameters it was opened.
pub(crate) type Reopened = Progress<Box<ReopenSession>, Result<(Opened, Arc<str>), NotOpened>>;

impl ReopenSession {
    /// Opens it as it was, for a client of this revision.
    pub(crate) fn start(
        lost: LostSession,
        revision: Revision,
        credentials: Credentials,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Box<Self> {
        let LostSession { params, settings } = lost;
        let opening = OpenSession::start(&params, revision, credentials.clone(), gateway, cx);
        Box::new(Self {
            credentials,
            params,
            settings: settings.requests(1).into(),
            state: State::Opening(opening),
        })
    }

    pub(crate) fn handle(mut self, answer: Answer, gateway: &Gateway, cx: &mut Cx<'_>) -> Reopened {
        match self.state {
            State::Opening(opening) => match opening.handle(answer, gateway, cx) {
                Progress::Pending(opening) => {
                    self.state = State::Opening(opening);
                    Progress::Pending(Box::new(self))
                }
                Progress::Ready(Ok(opened)) => {
                    let Self {
                        credentials,
                        params,
                        settings,
                        ..
                    } = self;
                    restore(opened, (credentials, params, settings), gateway, cx)
                }
                Progress::Ready(Err(reason)) => Progress::Ready(Err(reason)),
            },
            State::Restoring(opened, mut incoming) => {
                let is_answered = match incoming.handle(answer) {
                    Arrived::Messages(messages) => messages
                        .iter()
                        .any(|message| matches!(message.kind(), MessageKind::Response { .. })),
                    // What the backend does not set now it would not have set for the client either.
                    Arrived::End(..) => {
                        let rest = (self.credentials, self.params, self.settings);
                        return restore(opened, rest, gateway, cx);
                    }
                    Arrived::Fault(_) => true,
                };
                if is_answered {
                    incoming.cancel(cx);
                    let rest = (self.credentials, self.params, self.settings);
                    return restore(opened, rest, gateway, cx);
                }
                incoming.more(cx);
                self.state = State::Restoring(opened, incoming);
                Progress::Pending(Box::new(self))
            }
        }
    }
}

/// Sets what is to be set next.
fn restore(
    opened: Opened,
    (credentials, params, mut settings): (Credentials, Arc<str>, VecDeque<String>),
    gateway: &Gateway,
    cx: &mut Cx<'_>,
) -> Reopened {
    // A backend of 2026-07-28 keeps no settings.
    let has_settings = !opened.revision.features().stateless;
    let Some(body) = settings.pop_front().filter(|_| has_settings) else {
        return Progress::Ready(Ok((opened, params)));
    };
    let request = BackendRequest {
        within: Some(limits::BACKEND_OPENING),
        ..BackendRequest::post(opened.session.clone(), opened.revision, body)
    };
    let incoming = IncomingMessages::send(request, gateway, &credentials, cx);
    Progress::Pending(Box::new(ReopenSession {
        credentials,
        params,
        settings,
        state: State::Restoring(opened, incoming),
    }))
}
