//! GET /auth/callback: the browser returns from Entra, and is sent on to the client with a code of
//! ours (RFC 6749 section 4.1.2; Microsoft identity platform, authorization code flow).
//!
//! ```text
//! start --a code--> Admitting ----> AwaitingTokens --good ID token--> IssuingCode --> client
//!   |  |                  |             |   \--unknown key--> AwaitingKeys --/  |  |
//!   |  \--Entra said no---|--> client <-/--anything else                        |  \--another user--> consent page
//!   \--unknown sign-in----\--spent, or too many-------> page <--finished before-/
//! ```
//!
//! A sign-in is finished only in the browser in which it was approved (threats A2, D4), and once
//! (threat D1): its cookie goes with every answer, and the session is named after its `state`. What
//! Entra says of an error goes to the log as a number; the client gets a word of ours (threat D5).
//! Nothing is tried twice: Entra takes a code once, and a sign-in is admitted once on all replicas, so that a callback that
//! failed cannot be replayed (threat D14).

mod allowed_users;
mod asking_for_consent;
mod authorization_response;
mod browser;
mod code_redemption;
mod new_session;
mod tokens_received;
mod user_groups;

use ::http::{Request, header};
use bytes::Bytes;

use self::{
    asking_for_consent::AskingForConsent,
    authorization_response::AuthorizationResponse,
    browser::ReturningBrowser,
    code_redemption::{CodeRedemption, UnredeemedCode},
    new_session::new_session,
    tokens_received::{SignedIn, TokensReceived},
    user_groups::AskingForGroups,
};
use super::{
    browser_id::BrowserId,
    code_admission::{CodeAdmission, NotAdmitted},
    issuing_code::{Issued, IssuingCode},
    page_sign_in::{self, PageCallback},
    pending_sign_in::PendingSignIn,
    sign_in_failure::{Failure, busy, unknown},
};
use crate::{
    config::ClientAddress,
    entra::awaiting_metadata::{AwaitingMetadata, WithMetadata},
    event::Answer,
    http::form::Form,
    hub::RedemptionRefused,
    log_event::{Field, LogEvent, LogEventId},
    step::{Cx, Progress},
    throttle::whole_seconds,
};

#[derive(Debug)]
pub(crate) enum Callback {
    /// This server has just been started, and does not know where Entra's token endpoint is.
    AwaitingMetadata(Box<AwaitingMetadata<AuthorizationResponse>>),
    /// May the code be redeemed?
    Admitting(Box<UnredeemedCode>, CodeAdmission),
    /// Entra's code is being redeemed.
    AwaitingTokens(Box<CodeRedemption>),
    /// The ID token names a key that is not known: newer keys are being fetched.
    AwaitingKeys(Box<AwaitingMetadata<TokensReceived>>),
    /// The user is in more groups than the ID token names: Graph is asked.
    AskingForGroups(Box<AskingForGroups>),
    /// The consent is checked or remembered, and the session is written.
    IssuingCode(Option<BrowserId>, Box<IssuingCode>),
    /// The session is being written of a user who is asked for consent next.
    AskingForConsent(Box<AskingForConsent>),
    /// The sign-in is for a page of the server's own, and begins no session.
    ForPage(Box<PageCallback>),
}

impl Callback {
    pub(crate) fn start(
        request: &Request<Bytes>,
        client: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let state = form.one("state").ok().flatten();
        let public_url = &cx.env.server.config.public_url;
        if let Some(clear) = state.and_then(|state| PendingSignIn::clear_cookie(state, public_url))
        {
            cx.response_headers().insert(header::SET_COOKIE, clear);
        }
        let browser = ReturningBrowser::of(request.headers(), client, cx.env);
        if let Some(sign_in) = page_sign_in::sign_in_of(state, request.headers(), cx) {
            let started = PageCallback::start(sign_in, &form, browser.browser, cx);
            return started.map_pending(|state| Self::ForPage(Box::new(state)));
        }
        match AuthorizationResponse::of(&form, state, request.headers(), browser, cx) {
            Some(response) => match AwaitingMetadata::known(response, cx) {
                Progress::Pending(awaiting) => {
                    Progress::Pending(Self::AwaitingMetadata(Box::new(awaiting)))
                }
                Progress::Ready(ready) => Self::redeem(ready, cx),
            },
            None => {
                cx.log(LogEventId::SignInUnknown);
                cx.done(unknown(&cx.request_id(), cx.env))
            }
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::ForPage(state) => state
                .handle(answer, cx)
                .map_pending(|state| Self::ForPage(Box::new(state))),
            Self::AwaitingMetadata(awaiting) => Self::redeem(awaiting.handle(answer, cx), cx),
            Self::Admitting(code, admission) => match admission.handle(answer, cx) {
                Progress::Pending(admission) => Progress::Pending(Self::Admitting(code, admission)),
                Progress::Ready(Ok(())) => match code.redeem(cx) {
                    Ok(redemption) => Progress::Pending(Self::AwaitingTokens(Box::new(redemption))),
                    Err(failure) => fail(failure, cx),
                },
                Progress::Ready(Err(NotAdmitted::Refused(refused))) => refuse(refused, cx),
                Progress::Ready(Err(NotAdmitted::StoreUnavailable)) => {
                    cx.log(LogEventId::SessionUnavailable);
                    fail(code.unavailable(), cx)
                }
            },
            Self::AwaitingTokens(redemption) => match redemption.handle(answer, cx) {
                Progress::Pending(redemption) => {
                    Progress::Pending(Self::AwaitingTokens(Box::new(redemption)))
                }
                Progress::Ready(Ok(received)) => Self::verify(received, cx),
                Progress::Ready(Err(failure)) => fail(failure, cx),
            },
            Self::AwaitingKeys(awaiting) => {
                let (received, newer) = awaiting.handle(answer, cx);
                let verified = received.verify_again(newer.as_deref(), cx);
                Self::verified(verified, cx)
            }
            Self::AskingForGroups(asking) => match asking.handle(answer, cx) {
                Ok(signed_in) => Self::issue(signed_in, cx),
                Err(failure) => fail(failure, cx),
            },
            Self::IssuingCode(browser, issuing) => match issuing.handle(answer, cx) {
                Progress::Pending(issuing) => {
                    Progress::Pending(Self::IssuingCode(browser, Box::new(issuing)))
                }
                Progress::Ready(Issued::Response(response)) => cx.done(response),
                Progress::Ready(Issued::Failed(failure)) => fail(failure, cx),
                Progress::Ready(Issued::NotApproved(signed_in)) => {
                    let asking = AskingForConsent::start(*signed_in, browser, cx);
                    Progress::Pending(Self::AskingForConsent(Box::new(asking)))
                }
            },
            Self::AskingForConsent(asking) => match asking.handle(answer, cx) {
                Progress::Pending(asking) => {
                    Progress::Pending(Self::AskingForConsent(Box::new(asking)))
                }
                Progress::Ready(Ok(response)) => cx.done(response),
                Progress::Ready(Err(failure)) => fail(failure, cx),
            },
        }
    }

    /// Asks whether the code may be redeemed: Entra's metadata is known, or cannot be.
    fn redeem(
        (response, metadata): WithMetadata<AuthorizationResponse>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let code = response
            .into_code(metadata.as_deref(), cx)
            .and_then(|code| code.begin(cx));
        match code {
            Ok((code, admission)) => Progress::Pending(Self::Admitting(Box::new(code), admission)),
            Err(failure) => fail(failure, cx),
        }
    }

    /// Verifies the ID token.
    fn verify(received: TokensReceived, cx: &mut Cx<'_>) -> Progress<Self> {
        match received.verify(cx) {
            Progress::Pending(awaiting) => {
                Progress::Pending(Self::AwaitingKeys(Box::new(awaiting)))
            }
            Progress::Ready(verified) => Self::verified(verified, cx),
        }
    }

    /// The user is known, but perhaps not their groups.
    fn verified(verified: Result<SignedIn, Failure>, cx: &mut Cx<'_>) -> Progress<Self> {
        let signed_in = match verified {
            Ok(signed_in) => AskingForGroups::start(signed_in, cx),
            Err(failure) => return fail(failure, cx),
        };
        match signed_in {
            Progress::Pending(asking) => Progress::Pending(Self::AskingForGroups(Box::new(asking))),
            Progress::Ready(Ok(signed_in)) => Self::issue(signed_in, cx),
            Progress::Ready(Err(failure)) => fail(failure, cx),
        }
    }

    /// Makes a session and a code.
    fn issue(mut signed_in: SignedIn, cx: &mut Cx<'_>) -> Progress<Self> {
        if let Some(page) = allowed_users::refuse(&signed_in, cx) {
            return cx.done(page);
        }
        let browser = signed_in.browser.id.take();
        let approval = signed_in.sign_in.approval;
        let signed_in = new_session(signed_in, cx);
        let issuing = IssuingCode::start(signed_in, approval, cx);
        Progress::Pending(Self::IssuingCode(browser, Box::new(issuing)))
    }
}

/// The code is not redeemed.
fn refuse<S>(refused: RedemptionRefused, cx: &mut Cx<'_>) -> Progress<S> {
    match refused {
        RedemptionRefused::Spent => {
            cx.log(LogEventId::SignInReplayed);
            cx.done(unknown(&cx.request_id(), cx.env))
        }
        RedemptionRefused::Busy(wait) => {
            let seconds = whole_seconds(wait).to_string();
            cx.log(LogEvent::new(LogEventId::SignInLimited).with(Field::RetryAfter, seconds));
            // The page may be loaded again.
            cx.response_headers().remove(&header::SET_COOKIE);
            cx.done(busy(wait, &cx.request_id(), cx.env))
        }
    }
}

fn fail<S>(failure: Failure, cx: &mut Cx<'_>) -> Progress<S> {
    let response = failure.respond(cx);
    cx.done(response)
}

#[cfg(test)]
mod tests;
