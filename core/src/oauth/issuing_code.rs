//! The end of a sign-in: the user is known and has approved the client, now or before. The approval is
//! remembered, the session is written, and the client is sent a code of ours (RFC 6749 section 4.1.2).
//!
//! ```text
//! approved now   --a web site--> AwaitingConsents --> AwaitingConsentsWritten --> AwaitingRoom
//!                --anything else------------------------------------------------/  \
//! approved before -------------> AwaitingConsents --by this user------------------/   AwaitingSession --> client
//!                                        \--not by this user--> not approved
//! ```
//!
//! The session is named after the sign-in's `state`, and is written only if there is none of that name or if it
//! is still the one that was read, so of two that end one sign-in one succeeds, on whichever replica (threat
//! D1). The record lasts as long as the code; redeeming the code makes it last.

use ::http::{HeaderValue, Response, header};
use bytes::Bytes;

use super::{
    authorization_request::{AuthorizationRequest, RedirectTarget},
    client_label::{ClientLabel, Voucher},
    device_cookie, opaque_token,
    pending_sign_in::Approval,
    remembered_consents::{self, RememberedConsents},
    sign_in_failure::{CallbackError, Failure, unknown},
    user_consents::{ReadingConsents, StoredConsents, WritingConsents},
};
use crate::{
    ask::{Ask, Awaiting, Guard, Store, StoreFault},
    config::ClientAddress,
    event::Answer,
    log_event::{Field, LogEvent, LogEventId},
    planted::Planted,
    secret::Secret,
    session::{
        record::{Code, Session},
        user_sessions::{AboutSession, ListedSession, UserSessions, VerifiedBy},
    },
    step::{Cx, Progress},
};

/// A user who has signed in, and what a client wants of them.
#[derive(Debug)]
pub(crate) struct SignedInRequest {
    pub(crate) session: Session,
    /// Whether a session of the sign-in is there already.
    pub(crate) guard: Guard,
    pub(crate) request: AuthorizationRequest,
    /// What the user is told about the client.
    pub(crate) client_label: ClientLabel,
    /// The approvals that the browser remembers.
    pub(crate) remembered: RememberedConsents,
    /// Where the browser is, if it is known.
    pub(crate) address: Option<ClientAddress>,
}

#[expect(clippy::enum_variant_names, reason = "a state says what is awaited")]
#[derive(Debug)]
pub(crate) enum IssuingCode {
    /// What the user has approved before is being read.
    AwaitingConsents(Box<SignedInRequest>, Approval, Box<ReadingConsents>),
    /// The approval is being written.
    AwaitingConsentsWritten(Box<SignedInRequest>, WritingConsents),
    /// The user may have too many sessions: room is made, and then this is written.
    AwaitingRoom(Box<UserSessions>, Box<CodeToSend>, Store),
    /// The session is being written.
    AwaitingSession(Box<CodeToSend>, Awaiting<Store>),
}

/// How it ends.
#[derive(Debug)]
pub(crate) enum Issued {
    /// The browser goes to the client with a code, or the sign-in was finished before.
    Response(Response<Bytes>),
    /// There is no code.
    Failed(Failure),
    /// Somebody has approved the client in this browser, but not this user: they are asked now (threat A4).
    NotApproved(Box<SignedInRequest>),
}

/// A code whose session is being written.
#[derive(Debug)]
pub(crate) struct CodeToSend {
    redirect_target: RedirectTarget,
    code: Secret<String>,
    /// One line of the log (threat O6).
    signed_in: LogEvent,
    /// The cookie that remembers the approval, if it was stored.
    remembered: Option<HeaderValue>,
}

impl IssuingCode {
    pub(crate) fn start(signed_in: SignedInRequest, approval: Approval, cx: &mut Cx<'_>) -> Self {
        signed_in.session.audit(cx);
        if approval == Approval::Pressed {
            cx.log(signed_in.describe(LogEvent::new(LogEventId::ConsentApproved)));
        }
        let is_remembered = remembered_consents::may_be_remembered(
            &signed_in.request,
            &cx.env.server.config.public_url,
        );
        if approval == Approval::Pressed && !is_remembered {
            return Self::write_session(signed_in, false, cx);
        }
        let reading = ReadingConsents::start(&signed_in.session.user, cx);
        Self::AwaitingConsents(Box::new(signed_in), approval, Box::new(reading))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self, Issued> {
        match self {
            Self::AwaitingConsents(signed_in, approval, reading) => {
                match reading.handle(answer, &signed_in.session.user, cx) {
                    Progress::Pending(reading) => {
                        let reading = Box::new(reading);
                        Progress::Pending(Self::AwaitingConsents(signed_in, approval, reading))
                    }
                    Progress::Ready(read) if approval == Approval::Pressed => {
                        Progress::Pending(Self::remember(*signed_in, read, cx))
                    }
                    Progress::Ready(read) => Self::check_consent(signed_in, read, cx),
                }
            }
            Self::AwaitingConsentsWritten(signed_in, writing) => match writing.handle(answer, cx) {
                Progress::Pending(writing) => {
                    Progress::Pending(Self::AwaitingConsentsWritten(signed_in, writing))
                }
                // An approval that could not be written is not remembered: the user is asked again next time.
                Progress::Ready(written) => {
                    Progress::Pending(Self::write_session(*signed_in, written.is_ok(), cx))
                }
            },
            Self::AwaitingRoom(room, code, put) => match room.handle(answer, cx) {
                Progress::Pending(room) => {
                    Progress::Pending(Self::AwaitingRoom(Box::new(room), code, put))
                }
                Progress::Ready(Ok(())) => {
                    let awaiting = cx.store(put);
                    Progress::Pending(Self::AwaitingSession(code, awaiting))
                }
                Progress::Ready(Err(_)) => Progress::Ready(code.not_stored(cx)),
            },
            Self::AwaitingSession(code, awaiting) => {
                let answer = awaiting.into_answer(answer);
                Progress::Ready(code.written(&answer, cx))
            }
        }
    }

    /// Whether the user who has signed in is the one who approved.
    fn check_consent(
        signed_in: Box<SignedInRequest>,
        read: Result<StoredConsents, StoreFault>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Issued> {
        let Ok(stored) = read else {
            cx.log(LogEventId::SessionUnavailable);
            let target = signed_in.request.redirect_target.clone();
            return Progress::Ready(Issued::Failed(Failure::new(
                target,
                CallbackError::Unavailable,
            )));
        };
        let now = cx.env.now.unix;
        let is_covered = stored.consents.cover(&signed_in.request, now);
        let is_planted = |bug| cx.env.server.has(bug);
        if !is_covered
            && !is_planted(Planted::ConsentDropped)
            && !is_planted(Planted::ConsentShared)
        {
            return Progress::Ready(Issued::NotApproved(signed_in));
        }
        let event = LogEvent::new(LogEventId::ConsentRemembered);
        cx.log(signed_in.describe(event));
        Progress::Pending(Self::write_session(*signed_in, false, cx))
    }

    /// Writes the approval into the user's record.
    fn remember(
        signed_in: SignedInRequest,
        read: Result<StoredConsents, StoreFault>,
        cx: &mut Cx<'_>,
    ) -> Self {
        let Ok(stored) = read else {
            return Self::write_session(signed_in, false, cx);
        };
        let mut consents = stored.consents.clone();
        let name = signed_in.client_label.name.clone();
        consents.add(&signed_in.request, name, cx.env.now.unix);
        let operations = stored.replaced_by(&consents, &signed_in.session.user, cx);
        match operations.and_then(|operations| WritingConsents::start(operations, cx)) {
            Some(writing) => Self::AwaitingConsentsWritten(Box::new(signed_in), writing),
            None => Self::write_session(signed_in, false, cx),
        }
    }

    /// Writes the session with a code.
    fn write_session(signed_in: SignedInRequest, is_remembered: bool, cx: &mut Cx<'_>) -> Self {
        let listed = signed_in.listed();
        let SignedInRequest {
            mut session,
            guard,
            request,
            remembered,
            client_label,
            ..
        } = signed_in;
        let (keys, now) = (&cx.env.server.keys, cx.env.now.unix);
        let code = opaque_token::new_code(session.id, cx.entropy, keys);
        let redirect_uri = &request.redirect_target.redirect_uri;
        let expires = now.after(cx.env.server.config.code_lifetime(redirect_uri));
        session.code = Some(Code {
            hash: code.hash,
            code_challenge: request.code_challenge.clone(),
            redirect_uri: redirect_uri.as_str().to_owned(),
            expires,
        });
        session.open_only_to(&code.share(), cx.env.server);
        let put = session.put(guard, expires, keys, cx.entropy);
        let destination = redirect_uri.destination();
        let code = CodeToSend {
            signed_in: client_label
                .vouch(LogEvent::new(LogEventId::SignInCompleted))
                .with(Field::Subject, &session.outline.subject)
                .with(Field::Destination, destination.to_string())
                .with(Field::Scope, &session.scope),
            code: code.text,
            remembered: is_remembered
                .then(|| remembered.remember(&request, cx.env))
                .flatten(),
            redirect_target: request.redirect_target,
        };
        let room = UserSessions::make_room(&session.user, listed, cx);
        Self::AwaitingRoom(Box::new(room), Box::new(code), put)
    }
}

impl SignedInRequest {
    /// The entry on the list of the user's sessions.
    pub(crate) fn listed(&self) -> ListedSession {
        let destination = self.request.redirect_target.redirect_uri.destination();
        ListedSession {
            id: self.session.id,
            about: Some(AboutSession {
                client_name: self.client_label.name.clone(),
                verified_by: match &self.client_label.voucher {
                    Voucher::Nobody => VerifiedBy::Nobody,
                    Voucher::Site { host, .. } => VerifiedBy::Site(host.clone()),
                    Voucher::Operator => VerifiedBy::Operator,
                },
                destination: destination.to_string(),
                scope: self.request.at_endpoint(&self.session.scope),
                since: self.session.created,
                address: self.address.map(|address| address.to_string()),
            }),
        }
    }

    /// Adds which client it is to a line of the log.
    pub(crate) fn describe(&self, event: LogEvent) -> LogEvent {
        let destination = self.request.redirect_target.redirect_uri.destination();
        let event = self.client_label.describe(event);
        event
            .with(Field::Destination, destination.to_string())
            .with(Field::Scope, self.request.scope.to_string())
    }
}

impl CodeToSend {
    /// The store has answered.
    fn written(self, answer: &<Store as Ask>::Answer, cx: &mut Cx<'_>) -> Issued {
        match answer {
            Ok(_) => {
                cx.log(self.signed_in);
                let mut response = self.redirect_target.code(&self.code, cx.env);
                let device = device_cookie::set(cx.env, cx.entropy);
                for cookie in device.into_iter().chain(self.remembered) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                Issued::Response(response)
            }
            Err(StoreFault::Conflict) => {
                cx.log(LogEventId::SignInReplayed);
                Issued::Response(unknown(&cx.request_id(), cx.env))
            }
            Err(StoreFault::Unavailable) => self.not_stored(cx),
        }
    }

    fn not_stored(self, cx: &mut Cx<'_>) -> Issued {
        cx.log(LogEventId::SessionNotStored);
        let target = self.redirect_target;
        Issued::Failed(Failure::new(target, CallbackError::Unavailable))
    }
}
