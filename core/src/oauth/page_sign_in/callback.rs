//! GET /auth/callback of a sign-in that is for a page of the server's own.
//!
//! ```text
//! start --a code--> Admitting ----> AwaitingTokens --good ID token--> cookie, and the page of connections
//!   \--Entra said no--|--> page        \--unknown key--> AwaitingKeys --/ \--step-up--> Saving --> page
//! ```
//!
//! For the page of connections Entra is asked who the user is, and what else it sends is dropped.

use ::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;

use super::{
    PageSignIn, PageTarget,
    saving::{self, SavingStepUp},
};
use crate::{
    entra::{
        awaiting_metadata::{AwaitingMetadata, WithMetadata},
        error::{EntraError, Step},
        id_token::{self, IdTokenError, Identity},
        token_endpoint::{Grant, TokenResponse},
        token_request::TokenRequest,
    },
    event::Answer,
    http::form::Form,
    hub::{Browser, RedemptionRefused, ToHub, ToHubKind},
    log_event::{Field, LogEvent, LogEventId},
    oauth::{
        code_admission::{self, CodeAdmission, NotAdmitted},
        connections,
        sign_in_failure::{busy, unknown},
    },
    pages,
    provider_metadata::ProviderMetadata,
    secret::Secret,
    step::{Cx, Progress},
    throttle::{Throttled, whole_seconds},
};

/// A browser that has come back with a code.
#[derive(Debug)]
pub(crate) struct Returned {
    sign_in: PageSignIn,
    iss: Option<String>,
    code: Secret<String>,
    browser: Browser,
}

#[derive(Debug)]
pub(crate) enum PageCallback {
    AwaitingMetadata(AwaitingMetadata<Returned>),
    Admitting(Returned, CodeAdmission),
    AwaitingTokens(PageSignIn, Browser, TokenRequest),
    AwaitingKeys(AwaitingMetadata<(PageSignIn, TokenResponse)>),
    /// The tokens of a step-up are put into its session.
    Saving(Box<SavingStepUp>),
}

impl PageCallback {
    pub(crate) fn start(
        sign_in: PageSignIn,
        form: &Form,
        browser: Browser,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        if form.repeated(&[]).is_some() {
            cx.log(LogEventId::SignInUnknown);
            return cx.done(unknown(&cx.request_id(), cx.env));
        }
        let iss = form.one("iss").ok().flatten().map(str::to_owned);
        let (Ok(None), Ok(Some(code))) = (form.one("error"), form.one("code")) else {
            let error = EntraError::of_redirect(form);
            return refused(&error, Step::SignIn, &sign_in.target, cx);
        };
        let returned = Returned {
            sign_in,
            iss,
            code: Secret::new(code.to_owned()),
            browser,
        };
        match AwaitingMetadata::known(returned, cx) {
            Progress::Pending(awaiting) => Progress::Pending(Self::AwaitingMetadata(awaiting)),
            Progress::Ready(ready) => Self::begin(ready, cx),
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::AwaitingMetadata(awaiting) => Self::begin(awaiting.handle(answer, cx), cx),
            Self::Admitting(returned, admission) => match admission.handle(answer, cx) {
                Progress::Pending(admission) => {
                    Progress::Pending(Self::Admitting(returned, admission))
                }
                Progress::Ready(Ok(())) => Self::redeem(returned, cx),
                Progress::Ready(Err(not_admitted)) => {
                    not_redeemed(not_admitted, &returned.sign_in.target, cx)
                }
            },
            Self::AwaitingTokens(sign_in, browser, request) => match request.handle(answer, cx) {
                Progress::Pending(request) => {
                    Progress::Pending(Self::AwaitingTokens(sign_in, browser, request))
                }
                Progress::Ready(tokens) => Self::received(sign_in, browser, tokens, cx),
            },
            Self::AwaitingKeys(awaiting) => {
                let ((sign_in, tokens), newer) = awaiting.handle(answer, cx);
                let verified = match newer.as_deref() {
                    Some(_) => verify(&sign_in, &tokens, newer.as_deref(), cx),
                    None => Err(IdTokenError::UnknownKey),
                };
                finish(verified, sign_in, tokens, cx)
            }
            Self::Saving(saving) => match saving.handle(answer, cx) {
                Progress::Pending(saving) => Progress::Pending(Self::Saving(Box::new(saving))),
                Progress::Ready(response) => cx.done(response),
            },
        }
    }

    /// Asks whether the code may be redeemed (threat D14).
    fn begin((returned, metadata): WithMetadata<Returned>, cx: &mut Cx<'_>) -> Progress<Self> {
        let throttle = &cx.env.entra.throttle;
        let wait = throttle.wait(&Throttled::CodeRedemption, cx.env.now.instant);
        let (Some(metadata), None) = (metadata, wait) else {
            cx.log(LogEventId::SignInUnavailable);
            return cx.done(returned.sign_in.target.unavailable(cx));
        };
        // Mix-up: RFC 9207 section 2.4.
        if returned
            .iss
            .as_ref()
            .is_some_and(|iss| !metadata.is_issuer(iss))
        {
            cx.log(LogEventId::SignInWrongIssuer);
            return cx.done(returned.sign_in.target.failed(None, cx));
        }
        let sign_in = returned.sign_in.id(&cx.env.server.keys);
        let state = returned.sign_in.state();
        let admission = CodeAdmission::start(state, sign_in, returned.browser, cx);
        Progress::Pending(Self::Admitting(returned, admission))
    }

    fn redeem(returned: Returned, cx: &mut Cx<'_>) -> Progress<Self> {
        let Returned {
            sign_in,
            code,
            browser,
            ..
        } = returned;
        let scope = sign_in.scope(cx.env);
        let grant = Grant::code(&code, &sign_in.code_verifier, scope, cx.env)
            .satisfying(sign_in.claims().cloned());
        match TokenRequest::start(grant, cx) {
            Some(request) => Progress::Pending(Self::AwaitingTokens(sign_in, browser, request)),
            None => cx.done(sign_in.target.unavailable(cx)),
        }
    }

    fn received(
        sign_in: PageSignIn,
        browser: Browser,
        tokens: Result<TokenResponse, EntraError>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        code_admission::answered(tokens.is_ok(), browser, cx);
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err(error) => return refused(&error, Step::CodeRedemption, &sign_in.target, cx),
        };
        match verify(&sign_in, &tokens, cx.env.entra.metadata.as_deref(), cx) {
            Err(IdTokenError::UnknownKey) => {
                let awaiting = AwaitingMetadata::newer((sign_in, tokens), cx);
                Progress::Pending(Self::AwaitingKeys(awaiting))
            }
            verified => finish(verified, sign_in, tokens, cx),
        }
    }
}

/// The code is not redeemed.
fn not_redeemed(
    not_admitted: NotAdmitted,
    target: &PageTarget,
    cx: &mut Cx<'_>,
) -> Progress<PageCallback> {
    match not_admitted {
        NotAdmitted::Refused(RedemptionRefused::Spent) => {
            cx.log(LogEventId::SignInReplayed);
            cx.done(unknown(&cx.request_id(), cx.env))
        }
        NotAdmitted::Refused(RedemptionRefused::Busy(wait)) => {
            let limited = LogEvent::new(LogEventId::SignInLimited);
            cx.log(limited.with(Field::RetryAfter, whole_seconds(wait).to_string()));
            // The page may be loaded again.
            cx.response_headers().remove(&header::SET_COOKIE);
            cx.done(busy(wait, &cx.request_id(), cx.env))
        }
        NotAdmitted::StoreUnavailable => {
            cx.log(LogEventId::SessionUnavailable);
            cx.done(target.unavailable(cx))
        }
    }
}

fn verify(
    sign_in: &PageSignIn,
    tokens: &TokenResponse,
    metadata: Option<&ProviderMetadata>,
    cx: &Cx<'_>,
) -> Result<Identity, IdTokenError> {
    let metadata = metadata.ok_or(IdTokenError::Wrong("no metadata is known"))?;
    let id_token = tokens.id_token.as_ref();
    let id_token = id_token.ok_or(IdTokenError::Wrong("there is none"))?;
    id_token::verify(id_token.expose(), sign_in.nonce.expose(), metadata, cx.env)
}

/// The user is known: the browser may show their connections for a while, or their session has what it needs.
fn finish(
    verified: Result<Identity, IdTokenError>,
    sign_in: PageSignIn,
    tokens: TokenResponse,
    cx: &mut Cx<'_>,
) -> Progress<PageCallback> {
    let identity = match verified {
        Ok(identity) => identity,
        Err(error) => {
            let event = match error {
                IdTokenError::OtherTenant => LogEventId::IdTokenOtherTenant,
                IdTokenError::UnknownKey | IdTokenError::Wrong(_) => LogEventId::IdTokenRejected,
            };
            cx.log(LogEvent::new(event).with(Field::Reason, error.as_str()));
            return cx.done(sign_in.target.failed(None, cx));
        }
    };
    identity.audit(cx);
    match sign_in.target {
        PageTarget::Connections => {
            let response = connections::signed_in(&identity, cx);
            cx.done(response)
        }
        PageTarget::StepUp(step_up) => {
            let saving = SavingStepUp::start(*step_up, identity, tokens, cx);
            Progress::Pending(PageCallback::Saving(Box::new(saving)))
        }
    }
}

/// Entra said no.
fn refused(
    error: &EntraError,
    step: Step,
    target: &PageTarget,
    cx: &mut Cx<'_>,
) -> Progress<PageCallback> {
    cx.log(error.log_event(step));
    if let EntraError::Throttled(_, wait) = error
        && !error.is_request_loop()
    {
        let (requests, until) = (Throttled::CodeRedemption, cx.env.now.instant.after(*wait));
        cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
    }
    let response = match error {
        EntraError::Throttled(..) | EntraError::Unavailable(_) => target.unavailable(cx),
        _ => target.failed(error.page(&cx.env.server.config), cx),
    };
    cx.done(response)
}

/// What is at the callback of these headers, if it is such a sign-in's.
pub(crate) fn sign_in_of(
    state: Option<&str>,
    headers: &HeaderMap,
    cx: &Cx<'_>,
) -> Option<PageSignIn> {
    PageSignIn::from_cookie(headers, state?, cx.env)
}

impl PageTarget {
    /// Entra, or the store, is out of reach.
    fn unavailable(&self, cx: &Cx<'_>) -> Response<Bytes> {
        match self {
            Self::Connections => connections::unavailable(cx),
            Self::StepUp(_) => saving::unavailable(cx),
        }
    }

    /// Nobody has signed in. `reason`: what Entra's error means, if that is known.
    fn failed(&self, reason: Option<String>, cx: &Cx<'_>) -> Response<Bytes> {
        let reason = reason.unwrap_or_else(|| {
            "Microsoft Entra ID did not let you in, or not with an account of the organization that runs this server."
                .to_owned()
        });
        let (title, again) = match self {
            Self::Connections => (
                "You are not signed in",
                "Nothing was changed. Open the page of your connections again to try once more.",
            ),
            Self::StepUp(_) => (
                "Your sign-in was not confirmed",
                "Nothing was changed. Ask your program again to try once more.",
            ),
        };
        let text = format!("{reason} {again}");
        pages::error(
            StatusCode::FORBIDDEN,
            title,
            &text,
            &cx.request_id(),
            cx.env,
        )
    }
}
