//! GET /auth/callback: the browser returns from Entra, and is sent on to the client with a code of
//! ours (RFC 6749 section 4.1.2; Microsoft identity platform, authorization code flow).
//!
//! ```text
//! start --a code--> AwaitingHub --> AwaitingTokens --good ID token--> AwaitingStore --> client
//!   |  |                  |             |   \--unknown key--> AwaitingKeys --/  |
//!   |  \--Entra said no---|--> client <-/--anything else                        |
//!   \--unknown sign-in----\--spent, or too many-------> page <--finished before-/
//! ```
//!
//! A sign-in is finished only in the browser in which it was approved (threats A2, D4), and once
//! (threat D1): its cookie goes with every answer, and the session is named after its `state`. What
//! Entra says of an error goes to the log as a number; the client gets a word of ours (threat D5).
//! Nothing is tried twice: Entra takes a code once, and the hub admits a sign-in once, so that a callback that
//! failed cannot be replayed (threat D14).

mod authorization_response;
mod code_redemption;
mod error;
mod storing_session;
mod tokens_received;

use ::http::{Request, header};
use bytes::Bytes;

use self::{
    authorization_response::AuthorizationResponse,
    code_redemption::{CodeRedemption, UnredeemedCode},
    error::{Failure, busy, unknown},
    storing_session::StoringSession,
    tokens_received::{SignedIn, TokensReceived},
};
use super::pending_sign_in::PendingSignIn;
use crate::{
    entra::awaiting_metadata::{AwaitingMetadata, MetadataProgress},
    event::Event,
    http::form::Form,
    hub::{FromHub, FromHubKind, RedemptionRefused},
    log_event::{Field, LogEvent, LogEventId},
    step::{Cx, Progress},
    throttle::whole_seconds,
};

/// The states.
#[expect(clippy::enum_variant_names, reason = "a state says what is awaited")]
#[derive(Debug)]
pub(crate) enum Callback {
    /// This server has just been started, and does not know where Entra's token endpoint is.
    AwaitingMetadata(Box<AwaitingMetadata<AuthorizationResponse>>),
    /// The hub says whether the code may be redeemed.
    AwaitingHub(Box<UnredeemedCode>),
    /// Entra's code is being redeemed.
    AwaitingTokens(Box<CodeRedemption>),
    /// The ID token names a key that is not known: newer keys are being fetched.
    AwaitingKeys(Box<AwaitingMetadata<TokensReceived>>),
    /// The session is being written.
    AwaitingStore(Box<StoringSession>),
}

impl Callback {
    /// Begins.
    pub(crate) fn start(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        let form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let state = form.one("state").ok().flatten();
        let public_url = &cx.env.server.config.public_url;
        if let Some(clear) = state.and_then(|state| PendingSignIn::clear_cookie(state, public_url))
        {
            cx.standing().insert(header::SET_COOKIE, clear);
        }
        match AuthorizationResponse::of(&form, state, request.headers(), cx) {
            Some(response) => Self::redeem(AwaitingMetadata::known(response, cx), cx),
            None => {
                cx.log(LogEventId::SignInUnknown);
                cx.done(unknown(&cx.request_id()))
            }
        }
    }

    /// The next state after an event.
    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Self> {
        match (self, event) {
            (Self::AwaitingMetadata(awaiting), event) => {
                Self::redeem(awaiting.handle(&event, cx), cx)
            }
            (
                Self::AwaitingHub(code),
                Event::FromHub(FromHub(FromHubKind::CodeRedemption(verdict))),
            ) => match verdict {
                Ok(()) => match code.redeem(cx) {
                    Ok(redemption) => Progress::Pending(Self::AwaitingTokens(Box::new(redemption))),
                    Err(failure) => fail(failure, cx),
                },
                Err(refused) => refuse(refused, cx),
            },
            (Self::AwaitingTokens(redemption), Event::Fetched(answered)) => {
                match redemption.answered(answered, cx) {
                    Ok(received) => Self::verify(received, cx),
                    Err(failure) => fail(failure, cx),
                }
            }
            (Self::AwaitingKeys(awaiting), event) => match awaiting.handle(&event, cx) {
                Progress::Pending(awaiting) => {
                    Progress::Pending(Self::AwaitingKeys(Box::new(awaiting)))
                }
                Progress::Ready((received, newer)) => {
                    let verified = received.verify_again(newer.as_deref(), cx);
                    Self::store(verified, cx)
                }
            },
            (Self::AwaitingStore(storing), Event::Stored(answered)) => {
                match storing.answered(answered, cx) {
                    Ok(response) => cx.done(response),
                    Err(failure) => fail(failure, cx),
                }
            }
            (state, _) => Progress::Pending(state),
        }
    }

    /// Asks whether the code may be redeemed, once Entra's metadata is known.
    fn redeem(
        progress: MetadataProgress<AuthorizationResponse>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let (response, metadata) = match progress {
            Progress::Pending(awaiting) => {
                return Progress::Pending(Self::AwaitingMetadata(Box::new(awaiting)));
            }
            Progress::Ready(ready) => ready,
        };
        let code = response
            .into_code(metadata.as_deref(), cx)
            .and_then(|code| code.begin(cx));
        match code {
            Ok(code) => Progress::Pending(Self::AwaitingHub(Box::new(code))),
            Err(failure) => fail(failure, cx),
        }
    }

    /// Verifies the ID token.
    fn verify(received: TokensReceived, cx: &mut Cx<'_>) -> Progress<Self> {
        match received.verify(cx) {
            Progress::Pending(awaiting) => {
                Progress::Pending(Self::AwaitingKeys(Box::new(awaiting)))
            }
            Progress::Ready(verified) => Self::store(verified, cx),
        }
    }

    /// Writes the session.
    fn store(verified: Result<SignedIn, Failure>, cx: &mut Cx<'_>) -> Progress<Self> {
        match verified {
            Ok(signed_in) => {
                let storing = StoringSession::start(signed_in, cx);
                Progress::Pending(Self::AwaitingStore(Box::new(storing)))
            }
            Err(failure) => fail(failure, cx),
        }
    }
}

/// The code is not redeemed.
fn refuse<S>(refused: RedemptionRefused, cx: &mut Cx<'_>) -> Progress<S> {
    match refused {
        RedemptionRefused::Spent => {
            cx.log(LogEventId::SignInReplayed);
            cx.done(unknown(&cx.request_id()))
        }
        RedemptionRefused::Busy(wait) => {
            let seconds = whole_seconds(wait).to_string();
            cx.log(LogEvent::new(LogEventId::SignInLimited).with(Field::RetryAfter, seconds));
            // The page may be loaded again.
            cx.standing().remove(header::SET_COOKIE);
            cx.done(busy(wait, &cx.request_id()))
        }
    }
}

fn fail<S>(failure: Failure, cx: &mut Cx<'_>) -> Progress<S> {
    let response = failure.respond(cx);
    cx.done(response)
}

#[cfg(test)]
mod tests;
