//! Who calls is proved to the backend, and what is to be done where that takes the user.
//!
//! A backend that takes access tokens of Entra's may want more of one (a claims challenge in a 401). Then Entra is asked once for a token
//! that satisfies it, and the request is sent again: the backend has not taken it. What was answered before is not asked for again; of a
//! look at a list only that. Where Entra wants the user for that, the call ends
//! with a link, and goes on when it is repeated.

use std::collections::BTreeMap;

use serde_json::Map;

use super::{Forward, ForwardEnd, ForwardProgress, State, called, gateway, rounds};
use crate::{
    backend::{BackendFault, Identified, IdentifyUser, NotIdentified},
    catalog::ToolResult,
    claims_challenge::ClaimsChallenge,
    json_rpc::{Error, Response},
    mcp::{
        invocation::{InvocationCx, InvocationEnd},
        step_up::{self, StoppedCall},
    },
    step::Progress,
};

/// The backend does not take the token.
const REFUSED: BackendFault = BackendFault::Refused(::http::StatusCode::UNAUTHORIZED);

impl Forward {
    pub(super) fn identify(self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        let gateway = gateway(icx.cx);
        let progress = IdentifyUser::start(icx.caller, None, gateway, icx.cx);
        self.identified(progress, icx)
    }

    pub(super) fn identified(
        mut self: Box<Self>,
        progress: Identified,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let reason = match progress {
            Progress::Pending(identify) => {
                self.state = State::Identifying(identify);
                return Progress::Pending(self);
            }
            Progress::Ready(Ok(credentials)) => {
                self.credentials = credentials;
                return match self.look_up.take() {
                    Some(look_up) if look_up.follows_an_answer() => self.look_again(*look_up, icx),
                    _ => self.find_session(icx),
                };
            }
            // The user has nothing to do about what was answered already.
            Progress::Ready(Err(_)) if self.was_answered() => return self.fail(REFUSED, icx),
            Progress::Ready(Err(reason)) => reason,
        };
        match reason {
            NotIdentified::Fault(fault) => self.fail(fault, icx),
            NotIdentified::Denied(words) => self.fail_in_words(&words, icx),
            NotIdentified::ClaimsRequired(claims) => self.step_up(claims, icx),
            NotIdentified::SessionEnded => {
                called::refused(&self, icx);
                Progress::Ready(ForwardEnd::OfUser(InvocationEnd::SessionOver(None)))
            }
        }
    }

    /// The backend wants these claims of the user's token. It is asked again once, if it gets such a token at all.
    pub(super) fn challenged(
        mut self: Box<Self>,
        claims: ClaimsChallenge,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let gateway = gateway(icx.cx);
        let is_over = self.was_challenged && self.was_answered();
        if gateway.identity.entra.is_none() || is_over {
            return self.fail(REFUSED, icx);
        }
        if std::mem::replace(&mut self.was_challenged, true) {
            return self.step_up(claims, icx);
        }
        let progress = IdentifyUser::start(icx.caller, Some(claims), gateway, icx.cx);
        self.identified(progress, icx)
    }

    /// The user must satisfy these claims before the call is repeated.
    fn step_up(
        self: Box<Self>,
        claims: ClaimsChallenge,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let carried = match self.is_confirmed {
            true => rounds::confirmed(),
            false => BTreeMap::new(),
        };
        let call = StoppedCall {
            was_asked: self.is_back,
            ..self.client.stopped(carried, &Map::new())
        };
        let end = step_up::end(claims, call, icx.caller, icx.cx).into();
        // What else it may be is told with the answer that it becomes.
        if matches!(end, InvocationEnd::SessionOver(_)) {
            called::refused(&self, icx);
        }
        Progress::Ready(ForwardEnd::OfUser(end))
    }

    /// The backend is not asked, for a reason that is not its own.
    fn fail_in_words(
        self: Box<Self>,
        words: &str,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        called::refused(&self, icx);
        if self.method == "tools/call" {
            let result = self.result(ToolResult::error(words), icx);
            return Progress::Ready(result.into());
        }
        let error = Error::with_message(Error::INTERNAL, words.to_owned());
        Progress::Ready(Response::error(Some(self.id), error).into())
    }
}
