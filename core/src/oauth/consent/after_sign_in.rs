//! POST /consent of a user who has signed in already (threat A4): the session waits in the store, without a code. Approved, it
//! gets one; denied, it is deleted.
//!
//! A form counts once: once there is a code, what the form carries opens the session no more.

use ::http::Response;
use bytes::Bytes;

use super::denied;
use crate::{
    ask::{Ask, Awaiting, Guard, Store},
    event::Answer,
    id::SessionId,
    log_event::{LogEvent, LogEventId},
    oauth::{
        authorization_request::AuthorizationRequest,
        client_label::ClientLabel,
        consent_form::SessionToApprove,
        issuing_code::{Issued, IssuingCode, SignedInRequest},
        pending_sign_in::Approval,
        remembered_consents::RememberedConsents,
        sign_in_failure::{CallbackError, Failure, unknown},
    },
    session::record::Session,
    step::{Cx, Progress},
};

/// A button was pressed.
#[derive(Debug)]
pub(crate) struct Pressed {
    pub(super) is_approved: bool,
    pub(super) request: AuthorizationRequest,
    pub(super) client_label: ClientLabel,
    /// The approvals that the browser remembers.
    pub(super) remembered: RememberedConsents,
}

#[derive(Debug)]
pub(crate) enum AfterSignIn {
    /// The session is being read.
    AwaitingSession(Box<(Pressed, SessionToApprove)>, Awaiting<Store>),
    /// The approval is remembered and the session gets its code.
    IssuingCode(Box<IssuingCode>),
    /// The session is being deleted.
    AwaitingDeletion(Box<(AuthorizationRequest, LogEvent)>, Awaiting<Store>),
}

impl AfterSignIn {
    pub(super) fn start(
        pressed: Pressed,
        session: SessionToApprove,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let awaiting = cx.store(Store::Get(session.id.key()));
        Progress::Pending(Self::AwaitingSession(
            Box::new((pressed, session)),
            awaiting,
        ))
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::AwaitingSession(asked, awaiting) => {
                let (pressed, session) = *asked;
                Self::decide(pressed, &session, awaiting.into_answer(answer), cx)
            }
            Self::IssuingCode(issuing) => match issuing.handle(answer, cx) {
                Progress::Pending(issuing) => {
                    Progress::Pending(Self::IssuingCode(Box::new(issuing)))
                }
                Progress::Ready(issued) => {
                    let response = respond(issued, cx);
                    cx.done(response)
                }
            },
            Self::AwaitingDeletion(denial, awaiting) => {
                let (request, event) = *denial;
                match awaiting.into_answer(answer) {
                    Ok(_) => {
                        cx.log(event);
                        cx.done(denied(&request, cx))
                    }
                    Err(_) => unavailable(request, cx),
                }
            }
        }
    }

    fn decide(
        pressed: Pressed,
        asked: &SessionToApprove,
        answer: <Store as Ask>::Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let Ok(stored) = answer else {
            return unavailable(pressed.request, cx);
        };
        let opened =
            stored.and_then(|stored| Session::open(asked.id, &stored, &asked.share, cx.env.server));
        let Some((session, version)) = opened else {
            cx.log(LogEventId::SignInReplayed);
            return cx.done(unknown(&cx.request_id(), cx.env));
        };
        let is_approved = pressed.is_approved;
        let signed_in = SignedInRequest {
            session,
            guard: Guard::Version(version),
            request: pressed.request,
            client_label: pressed.client_label,
            remembered: pressed.remembered,
            // It is on the list already.
            address: None,
        };
        signed_in.session.audit(cx);
        if !is_approved {
            return Self::delete(asked.id, signed_in, cx);
        }
        let issuing = IssuingCode::start(signed_in, Approval::Pressed, cx);
        Progress::Pending(Self::IssuingCode(Box::new(issuing)))
    }

    fn delete(id: SessionId, signed_in: SignedInRequest, cx: &mut Cx<'_>) -> Progress<Self> {
        let event = signed_in.describe(LogEvent::new(LogEventId::ConsentDenied));
        let awaiting = cx.store(Store::Delete(id.key()));
        let denial = Box::new((signed_in.request, event));
        Progress::Pending(Self::AwaitingDeletion(denial, awaiting))
    }
}

fn respond(issued: Issued, cx: &Cx<'_>) -> Response<Bytes> {
    match issued {
        Issued::Response(response) => response,
        Issued::Failed(failure) => failure.respond(cx),
        // Not after the press of a button.
        Issued::NotApproved(_) => unknown(&cx.request_id(), cx.env),
    }
}

fn unavailable(request: AuthorizationRequest, cx: &mut Cx<'_>) -> Progress<AfterSignIn> {
    cx.log(LogEventId::SessionUnavailable);
    let failure = Failure::new(request.redirect_target, CallbackError::Unavailable);
    let response = failure.respond(cx);
    cx.done(response)
}
