//! Between a client of the revisions with sessions and a backend of 2026-07-28, and the other way round: what each of them is told in its
//! own way. Between ends of one era nothing is changed.

use std::borrow::Cow;

use serde_json::Map;

use super::{Forward, ForwardEnd, ForwardProgress, State, crossing::Eras};
use crate::{
    backend::BackendFault,
    catalog::LogLevel,
    gateway::{BackendList, Declared, Listed, RawMessage},
    hub::SettingChange,
    json_rpc::{Error, Response},
    mcp::{
        invocation::{InvocationCx, InvocationEnd},
        session_settings::{ChangingSetting, NotSet, SettingProgress},
    },
    step::Progress,
};

const NO_SUBSCRIPTIONS: &str = "The server behind this gateway tells of changes only as 2026-07-28 does, which does not pass to a client with a session.";
const NO_STATE: &str = "The `requestState` is not one of this request, or has ended: call anew.";
const TOO_LONG: &str = "The server behind this gateway says more of itself than is passed on.";

impl Forward {
    pub(super) fn eras(&self) -> Eras {
        let of_client = self.client.revision.features().stateless;
        let backend = self.session.as_ref();
        let of_backend = backend.map_or(of_client, |one| one.revision.features().stateless);
        match (of_client, of_backend) {
            (false, true) => Eras::ToStateless,
            (true, false) => Eras::ToSession,
            (true, true) | (false, false) => Eras::Same,
        }
    }

    /// A request as the backend reads it; `None` if it cannot be written so.
    pub(super) fn for_backend<'a>(&self, message: &'a RawMessage) -> Option<Cow<'a, RawMessage>> {
        match self.eras() {
            Eras::Same => Some(Cow::Borrowed(message)),
            Eras::ToStateless => {
                let session = self.session.as_ref()?;
                let declared = Declared::of_initialize(&session.params)?;
                let level = self.client.level.unwrap_or(LogLevel::Info).as_str();
                message.for_stateless(declared, Some(level)).map(Cow::Owned)
            }
            Eras::ToSession => message.for_session().map(Cow::Owned),
        }
    }

    /// A response as the client reads it.
    pub(super) fn for_client(&self, answer: RawMessage) -> RawMessage {
        match self.eras() {
            Eras::Same => answer,
            Eras::ToStateless => answer.of_stateless(),
            Eras::ToSession => {
                let list = BackendList::of_method(&self.method);
                let answer = match list {
                    Some(BackendList::Tools) => without_tasks(answer),
                    _ => answer,
                };
                answer.of_session(list.is_some() || self.method == "resources/read")
            }
        }
    }

    /// What of a request this server answers in the backend's place, or has to know first. The request comes back if it is to be sent.
    pub(super) fn in_place_of_backend(
        self: Box<Self>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> Result<Box<Self>, ForwardProgress> {
        match (self.eras(), self.method.as_str()) {
            (Eras::ToSession, "server/discover") => Err(self.discovered(icx)),
            // Nothing of it is a call that waits here.
            (Eras::ToSession, _) if self.message.param("requestState").is_some() => {
                Err(self.refuse_with(Error::invalid_params(NO_STATE), icx))
            }
            (Eras::ToStateless, "resources/subscribe" | "resources/unsubscribe") => {
                let error = Error::new(Error::METHOD_NOT_FOUND, NO_SUBSCRIPTIONS);
                Err(self.refuse_with(error, icx))
            }
            (Eras::ToStateless, "logging/setLevel") => Err(self.set_level(icx)),
            _ => Ok(self),
        }
    }

    fn discovered(self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        let said = self.session.as_ref().and_then(|one| one.said.clone());
        match said {
            Some(said) => Progress::Ready(Response::raw_result(self.id, &said).into()),
            None => self.refuse_with(Error::new(Error::INTERNAL, TOO_LONG), icx),
        }
    }

    /// The level is kept for the session, and goes with each of its requests.
    fn set_level(self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        let level = self.message.param("level");
        let Some(level) = level.and_then(|level| LogLevel::parse(&level)) else {
            let words = "The parameter `level` must be a level of RFC 5424, such as \"info\".";
            return self.refuse_with(Error::invalid_params(words), icx);
        };
        let (_, mcp_session) = self.owner(icx);
        let (change, client) = (SettingChange::Level(level), self.client);
        let progress = ChangingSetting::start(change, mcp_session, client, icx.caller, icx.cx);
        self.level_set(progress, icx)
    }

    pub(super) fn level_set(
        mut self: Box<Self>,
        progress: SettingProgress,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        match progress {
            Progress::Pending(setting) => {
                self.state = State::AwaitingSetting(Box::new(setting));
                Progress::Pending(self)
            }
            Progress::Ready(Ok(_)) => Progress::Ready(Response::result(self.id, Map::new()).into()),
            Progress::Ready(Err(NotSet::SessionOver)) => {
                Progress::Ready(ForwardEnd::OfUser(InvocationEnd::SessionOver(None)))
            }
            Progress::Ready(Err(not_set)) => self.refuse_with(not_set.to_error(), icx),
        }
    }

    /// Whether the client can hear of this before the answer: across eras of progress, and of lines of the log that it wants.
    pub(super) fn may_hear(&self, method: &str, notification: &RawMessage) -> bool {
        let wanted = match (self.eras(), method) {
            (Eras::Same, _) | (_, "notifications/progress") => return true,
            (Eras::ToStateless, "notifications/message") => return true,
            (Eras::ToSession, "notifications/message") => self.message.wanted_level(),
            _ => return false,
        };
        let level = |text: Option<Cow<'_, str>>| text.and_then(|text| LogLevel::parse(&text));
        match (level(wanted), level(notification.param("level"))) {
            (Some(wanted), Some(level)) => level >= wanted,
            _ => false,
        }
    }

    /// The message cannot be written as the backend reads it.
    pub(super) fn cannot_pass(self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        self.fail(BackendFault::NotUnderstood, icx)
    }
}

/// A page of tools as clients of 2026-07-28 know them.
fn without_tasks(answer: RawMessage) -> RawMessage {
    let result = answer.outcome().filter(|_| answer.error_code().is_none());
    let listed = result.and_then(|result| Listed::read(BackendList::Tools, result).ok());
    match listed.and_then(|listed| listed.without_tasks()) {
        Some(result) => answer.with_result(&result),
        None => answer,
    }
}
