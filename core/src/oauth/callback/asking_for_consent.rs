//! A user has signed in who has not approved the client: somebody else has, in this browser. So the user is asked
//! now, before there is a code (threat A4).
//!
//! The session is stored meanwhile, without a code, for as long as a consent page is good. What opens it is in the
//! page's sealed form and nowhere else; Entra's tokens do not leave the server. It is one of its user's sessions,
//! of which there are only so many (threat M5).

use ::http::{Response, header};
use bytes::Bytes;

use crate::{
    ask::{Ask, Awaiting, Store, StoreFault},
    event::Answer,
    limits,
    log_event::{LogEvent, LogEventId},
    oauth::{
        authorization_request::RedirectTarget,
        browser_id::BrowserId,
        consent_form::{ConsentForm, SessionToApprove},
        consent_page,
        issuing_code::SignedInRequest,
        sign_in_failure::{CallbackError, Failure, unknown},
    },
    session::{Share, user_sessions::UserSessions},
    step::{Cx, Progress},
};

/// A session that waits for consent and is being written.
#[derive(Debug)]
pub(crate) struct AskingForConsent {
    form: ConsentForm,
    /// What the user is called.
    username: Option<String>,
    asked: LogEvent,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The user may have too many sessions: room is made, and then this is written.
    AwaitingRoom(Box<UserSessions>, Store),
    AwaitingSession(Awaiting<Store>),
}

impl AskingForConsent {
    /// Writes the session.
    pub(super) fn start(
        signed_in: SignedInRequest,
        browser: Option<BrowserId>,
        cx: &mut Cx<'_>,
    ) -> Self {
        let listed = signed_in.listed();
        let asked = signed_in.describe(LogEvent::new(LogEventId::ConsentMissing));
        let SignedInRequest {
            mut session,
            guard,
            request,
            client_label,
            ..
        } = signed_in;
        let share = Share::new(cx.entropy.bytes());
        session.open_only_to(&share, cx.env.server);
        let profile = &session.user.profile;
        let username = profile.username.clone().or(profile.name.clone());
        let expires = cx.env.now.unix.after(limits::SIGN_IN_TIMEOUT);
        let put = session.put(guard, expires, &cx.env.server.keys, cx.entropy);
        let room = UserSessions::make_room(&session.user, listed, cx);
        Self {
            form: ConsentForm {
                request,
                client_label,
                browser: browser.unwrap_or_else(|| BrowserId::new(cx.entropy)),
                session: Some(SessionToApprove {
                    id: session.id,
                    share,
                }),
            },
            username,
            asked,
            state: State::AwaitingRoom(Box::new(room), put),
        }
    }

    /// Takes an answer. Ready with the page, once the session is written.
    pub(super) fn handle(
        mut self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<Response<Bytes>, Failure>> {
        match self.state {
            State::AwaitingRoom(room, put) => match room.handle(answer, cx) {
                Progress::Pending(room) => {
                    self.state = State::AwaitingRoom(Box::new(room), put);
                    Progress::Pending(self)
                }
                Progress::Ready(Ok(())) => {
                    self.state = State::AwaitingSession(cx.store(put));
                    Progress::Pending(self)
                }
                Progress::Ready(Err(_)) => {
                    Progress::Ready(Err(not_stored(self.form.request.redirect_target, cx)))
                }
            },
            State::AwaitingSession(awaiting) => {
                let answer = awaiting.into_answer(answer);
                let user = self.username.as_deref();
                Progress::Ready(written(answer, (self.form, user), self.asked, cx))
            }
        }
    }
}

/// The store has answered.
fn written(
    answer: <Store as Ask>::Answer,
    (form, username): (ConsentForm, Option<&str>),
    asked: LogEvent,
    cx: &mut Cx<'_>,
) -> Result<Response<Bytes>, Failure> {
    match answer {
        Ok(_) => {
            cx.log(asked);
            let mut response = consent_page::respond(&form, username, cx.env, cx.entropy);
            if let Some(cookie) = form.browser.set_cookie(cx.env) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(StoreFault::Conflict) => {
            cx.log(LogEventId::SignInReplayed);
            Ok(unknown(&cx.request_id(), cx.env))
        }
        Err(StoreFault::Unavailable) => Err(not_stored(form.request.redirect_target, cx)),
    }
}

fn not_stored(target: RedirectTarget, cx: &mut Cx<'_>) -> Failure {
    cx.log(LogEventId::SessionNotStored);
    Failure::new(target, CallbackError::Unavailable)
}
