//! GET /auth/callback: the browser returns from Entra, and is sent on to the client with a code of
//! ours (RFC 6749 section 4.1.2; Microsoft identity platform, authorization code flow).
//!
//! ```text
//! Redeem --known sign-in, good answer--> AwaitingTokens --good ID token--> AwaitingStore --> client
//!    |  |                                     |   \--unknown key--> AwaitingKeys --/  |
//!    |  \--Entra said no--> client            \--anything else--> client              |
//!    \--unknown sign-in--> page                         page <--it was finished before--/
//! ```
//!
//! A sign-in is finished only in the browser in which it was approved (threats A2, D4), and once
//! (threat D1): its cookie goes with every answer, and the session is named after its `state`. What
//! Entra says of an error goes to the log as a number; the client gets a word of ours (threat D5).
//! Nothing is tried twice: Entra takes a code once.

mod finish;

use ::http::{HeaderMap, Request, Response, StatusCode, header};
use bytes::Bytes;

use self::finish::{StoringSession, TokensReceived};
use super::{
    authorization_request::RedirectTarget, error::OAuthError, pending_sign_in::PendingSignIn,
};
use crate::{
    ask::{Awaiting, Fetch, Store},
    entra::{
        awaiting_metadata::{AwaitingMetadata, MetadataProgress},
        error::{EntraError, Step},
        token_endpoint,
    },
    event::Event,
    http::form::Form,
    log_event::LogEventId,
    pages,
    provider_metadata::ProviderMetadata,
    secret::Secret,
    step::{Cx, Progress},
    throttle::Throttled,
};

/// The states.
#[expect(clippy::enum_variant_names, reason = "a state says what is awaited")]
#[derive(Debug)]
pub(crate) enum Callback {
    /// This server has just been started, and does not know where Entra's token endpoint is.
    AwaitingMetadata(Box<AwaitingMetadata<AuthorizationResponse>>),
    /// Entra's code is being redeemed.
    AwaitingTokens(Box<PendingSignIn>, Awaiting<Fetch>),
    /// The ID token names a key that is not known: newer keys are being fetched.
    AwaitingKeys(Box<AwaitingMetadata<TokensReceived>>),
    /// The session is being written.
    AwaitingStore(Box<StoringSession>, Awaiting<Store>),
}

/// A browser that has come back to a sign-in that it began.
#[derive(Debug)]
pub(crate) struct AuthorizationResponse {
    sign_in: PendingSignIn,
    /// Who answers (RFC 9207), if it is said.
    iss: Option<String>,
    /// Entra's code.
    code: Result<Secret<String>, EntraError>,
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
            Some(response) => AuthorizationResponse::go(AwaitingMetadata::known(response, cx), cx),
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
                AuthorizationResponse::go(awaiting.handle(&event, cx), cx)
            }
            (Self::AwaitingTokens(sign_in, awaiting), Event::Fetched(answered)) => {
                finish::redeemed(*sign_in, awaiting.into_answer(answered), cx)
            }
            (Self::AwaitingKeys(awaiting), event) => match awaiting.handle(&event, cx) {
                Progress::Pending(awaiting) => {
                    Progress::Pending(Self::AwaitingKeys(Box::new(awaiting)))
                }
                Progress::Ready((received, newer)) => received.verify_again(newer.as_deref(), cx),
            },
            (Self::AwaitingStore(storing, awaiting), Event::Stored(answered)) => {
                storing.stored(&awaiting.into_answer(answered), cx)
            }
            (state, _) => Progress::Pending(state),
        }
    }
}

impl AuthorizationResponse {
    /// What came back; `None` if it belongs to no sign-in of this browser, or if something is given
    /// twice (threat D4).
    fn of(form: &Form, state: Option<&str>, headers: &HeaderMap, cx: &Cx<'_>) -> Option<Self> {
        if form.repeated(&[]).is_some() {
            return None;
        }
        let sign_in = PendingSignIn::from_cookie(headers, state?, cx.env)?;
        let code = match (form.one("error"), form.one("code")) {
            (Ok(None), Ok(Some(code))) => Ok(Secret::new(code.to_owned())),
            _ => Err(EntraError::of_redirect(form)),
        };
        let iss = form.one("iss").ok()?.map(str::to_owned);
        Some(Self { sign_in, iss, code })
    }

    /// Goes on, or waits until Entra's addresses are known.
    fn go(progress: MetadataProgress<Self>, cx: &mut Cx<'_>) -> Progress<Callback> {
        match progress {
            Progress::Pending(awaiting) => {
                Progress::Pending(Callback::AwaitingMetadata(Box::new(awaiting)))
            }
            Progress::Ready((response, Some(metadata))) => response.redeem(&metadata, cx),
            Progress::Ready((response, None)) => {
                cx.log(LogEventId::SignInUnavailable);
                let redirect_target = &response.sign_in.request.redirect_target;
                redirect_with_error(redirect_target, CallbackError::Unavailable, cx)
            }
        }
    }

    /// Redeems the code, if Entra sent one.
    fn redeem(self, metadata: &ProviderMetadata, cx: &mut Cx<'_>) -> Progress<Callback> {
        let Self { sign_in, iss, code } = self;
        let redirect_target = &sign_in.request.redirect_target;
        // Mix-up: RFC 9207 section 2.4. Entra sends none today.
        if iss.is_some_and(|iss| !metadata.is_issuer(&iss)) {
            cx.log(LogEventId::SignInWrongIssuer);
            return redirect_with_error(redirect_target, CallbackError::ServerError, cx);
        }
        let code = match code {
            Ok(code) => code,
            Err(error) => {
                cx.log(error.log_event(Step::SignIn));
                return redirect_with_entra_error(redirect_target, &error, cx);
            }
        };
        let throttle = &cx.env.entra.throttle;
        let wait = throttle.wait(&Throttled::CodeRedemption, cx.env.now.instant);
        if wait.is_some() {
            return redirect_with_error(redirect_target, CallbackError::Unavailable, cx);
        }
        let scope = &sign_in.request.scope;
        match token_endpoint::redeem_code(&code, &sign_in.code_verifier, scope, cx.env) {
            Some(fetch) => {
                let awaiting = cx.fetch(fetch);
                Progress::Pending(Callback::AwaitingTokens(Box::new(sign_in), awaiting))
            }
            None => redirect_with_error(redirect_target, CallbackError::ServerError, cx),
        }
    }
}

/// Why the client gets no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallbackError {
    /// The user or a policy said no.
    Denied,
    /// The account is of another tenant.
    OtherTenant,
    /// The user did not grant what the tools need.
    NotGranted,
    /// Entra, or the store, is out of reach.
    Unavailable,
    /// Entra refuses this server, or does not answer as it should.
    ServerError,
}

impl CallbackError {
    fn of(error: &EntraError) -> Self {
        match error {
            EntraError::SignInAgain(_) => Self::Denied,
            EntraError::Configuration(_) => Self::ServerError,
            EntraError::Throttled(..) | EntraError::Unavailable(_) => Self::Unavailable,
        }
    }

    /// For the client, and for the user if it shows it.
    fn parameters(self) -> (OAuthError, &'static str) {
        match self {
            Self::Denied => (
                OAuthError::AccessDenied,
                "Microsoft Entra ID did not let the user in, or the user said no there.",
            ),
            Self::OtherTenant => (
                OAuthError::AccessDenied,
                "The account belongs to another organization. Sign in with a work account of the \
                 organization that runs this server.",
            ),
            Self::NotGranted => (
                OAuthError::AccessDenied,
                "Microsoft Entra ID did not grant the permission that was asked for.",
            ),
            Self::Unavailable => (
                OAuthError::TemporarilyUnavailable,
                "The sign-in could not be finished just now. Please try again in a moment.",
            ),
            Self::ServerError => (
                OAuthError::ServerError,
                "The sign-in could not be finished. The operator of this server finds the reason \
                 in the log.",
            ),
        }
    }
}

/// Sends the browser back to the client without a code, because Entra said no: a known reason is
/// told, with the number that Microsoft's documentation explains.
fn redirect_with_entra_error(
    redirect_target: &RedirectTarget,
    error: &EntraError,
    cx: &mut Cx<'_>,
) -> Progress<Callback> {
    let (code, words) = CallbackError::of(error).parameters();
    match error.meaning() {
        Some((number, meaning)) => {
            let words = format!("{words} {meaning} (Entra ID error {number}.)");
            redirect_in_words(redirect_target, code, &words, cx)
        }
        None => redirect_in_words(redirect_target, code, words, cx),
    }
}

/// Sends the browser back to the client without a code.
fn redirect_with_error(
    redirect_target: &RedirectTarget,
    error: CallbackError,
    cx: &mut Cx<'_>,
) -> Progress<Callback> {
    let (error, words) = error.parameters();
    redirect_in_words(redirect_target, error, words, cx)
}

fn redirect_in_words(
    redirect_target: &RedirectTarget,
    error: OAuthError,
    words: &str,
    cx: &mut Cx<'_>,
) -> Progress<Callback> {
    let description = &format!("{words} Reference: {}.", cx.request_id());
    let public_url = &cx.env.server.config.public_url;
    cx.done(redirect_target.error(error, description, public_url))
}

/// It is not known whose sign-in this is, so there is nowhere to send the browser (threat B4).
fn unknown(request_id: &str) -> Response<Bytes> {
    pages::error(
        StatusCode::BAD_REQUEST,
        "This sign-in is not known here",
        "It was finished already, took longer than ten minutes, or began in another browser or \
         without cookies. Nothing was approved. Close this page and start again from your client.",
        request_id,
    )
}

#[cfg(test)]
mod tests;
