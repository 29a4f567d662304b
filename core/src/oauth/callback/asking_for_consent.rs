//! A user has signed in who has not approved the client: somebody else has, in this browser. So the user is asked
//! now, before there is a code (threat A4).
//!
//! The session is stored meanwhile, without a code, for as long as a consent page is good. What opens it is in the
//! page's sealed form and nowhere else; Entra's tokens do not leave the server.

use ::http::{Response, header};
use bytes::Bytes;

use crate::{
    ask::{Awaiting, Store, StoreFault},
    event::Answer,
    limits,
    log_event::{LogEvent, LogEventId},
    oauth::{
        browser_id::BrowserId,
        consent_form::{ConsentForm, SessionToApprove},
        consent_page,
        issuing_code::SignedInRequest,
        sign_in_failure::{CallbackError, Failure, unknown},
    },
    session::Share,
    step::Cx,
};

/// A session that waits for consent and is being written.
#[derive(Debug)]
pub(crate) struct AskingForConsent {
    form: ConsentForm,
    /// What the user is called.
    username: Option<String>,
    asked: LogEvent,
    awaiting: Awaiting<Store>,
}

impl AskingForConsent {
    /// Writes the session.
    pub(super) fn start(
        signed_in: SignedInRequest,
        browser: Option<BrowserId>,
        cx: &mut Cx<'_>,
    ) -> Self {
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
            awaiting: cx.store(put),
        }
    }

    /// The store has answered.
    pub(super) fn answered(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Result<Response<Bytes>, Failure> {
        match self.awaiting.into_answer(answer) {
            Ok(_) => {
                cx.log(self.asked);
                let mut response =
                    consent_page::respond(&self.form, self.username.as_deref(), cx.env, cx.entropy);
                if let Some(cookie) = self.form.browser.set_cookie(cx.env) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                Ok(response)
            }
            Err(StoreFault::Conflict) => {
                cx.log(LogEventId::SignInReplayed);
                Ok(unknown(&cx.request_id()))
            }
            Err(StoreFault::Unavailable) => {
                cx.log(LogEventId::SessionNotStored);
                let target = self.form.request.redirect_target;
                Err(Failure::new(target, CallbackError::Unavailable))
            }
        }
    }
}
