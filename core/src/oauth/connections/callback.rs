//! GET /auth/callback of a sign-in that is for the page of connections.
//!
//! ```text
//! start --a code--> Admitting ----> AwaitingTokens --good ID token--> cookie, and the page
//!   \--Entra said no--|--> page        \--unknown key--> AwaitingKeys --/
//! ```
//!
//! Entra is asked who the user is, and what else it sends is dropped.

use ::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;

use super::{
    sign_in::{ConnectionsSignIn, SCOPE},
    user::ConnectionsUser,
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
    http::{form::Form, response},
    hub::{Browser, RedemptionRefused, ToHub, ToHubKind},
    log_event::{Field, LogEvent, LogEventId},
    oauth::{
        code_admission::{self, CodeAdmission, NotAdmitted},
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
    sign_in: ConnectionsSignIn,
    iss: Option<String>,
    code: Secret<String>,
    browser: Browser,
}

#[derive(Debug)]
pub(crate) enum ConnectionsCallback {
    AwaitingMetadata(AwaitingMetadata<Returned>),
    Admitting(Returned, CodeAdmission),
    AwaitingTokens(ConnectionsSignIn, Browser, TokenRequest),
    AwaitingKeys(AwaitingMetadata<(ConnectionsSignIn, TokenResponse)>),
}

impl ConnectionsCallback {
    pub(crate) fn start(
        sign_in: ConnectionsSignIn,
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
            return refused(&EntraError::of_redirect(form), Step::SignIn, cx);
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
                Progress::Ready(Err(not_admitted)) => not_redeemed(not_admitted, cx),
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
                finish(verified, cx)
            }
        }
    }

    /// Asks whether the code may be redeemed (threat D14).
    fn begin((returned, metadata): WithMetadata<Returned>, cx: &mut Cx<'_>) -> Progress<Self> {
        let throttle = &cx.env.entra.throttle;
        let wait = throttle.wait(&Throttled::CodeRedemption, cx.env.now.instant);
        let (Some(metadata), None) = (metadata, wait) else {
            cx.log(LogEventId::SignInUnavailable);
            return cx.done(unavailable(cx));
        };
        // Mix-up: RFC 9207 section 2.4.
        if returned
            .iss
            .as_ref()
            .is_some_and(|iss| !metadata.is_issuer(iss))
        {
            cx.log(LogEventId::SignInWrongIssuer);
            return cx.done(failed(None, cx));
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
        let grant = Grant::code(&code, &sign_in.code_verifier, SCOPE.to_owned(), cx.env);
        match TokenRequest::start(grant, cx) {
            Some(request) => Progress::Pending(Self::AwaitingTokens(sign_in, browser, request)),
            None => cx.done(unavailable(cx)),
        }
    }

    fn received(
        sign_in: ConnectionsSignIn,
        browser: Browser,
        tokens: Result<TokenResponse, EntraError>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        code_admission::answered(tokens.is_ok(), browser, cx);
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err(error) => return refused(&error, Step::CodeRedemption, cx),
        };
        match verify(&sign_in, &tokens, cx.env.entra.metadata.as_deref(), cx) {
            Err(IdTokenError::UnknownKey) => {
                let awaiting = AwaitingMetadata::newer((sign_in, tokens), cx);
                Progress::Pending(Self::AwaitingKeys(awaiting))
            }
            verified => finish(verified, cx),
        }
    }
}

/// The code is not redeemed.
fn not_redeemed(not_admitted: NotAdmitted, cx: &mut Cx<'_>) -> Progress<ConnectionsCallback> {
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
            cx.done(unavailable(cx))
        }
    }
}

fn verify(
    sign_in: &ConnectionsSignIn,
    tokens: &TokenResponse,
    metadata: Option<&ProviderMetadata>,
    cx: &Cx<'_>,
) -> Result<Identity, IdTokenError> {
    let metadata = metadata.ok_or(IdTokenError::Wrong("no metadata is known"))?;
    let id_token = tokens.id_token.as_ref();
    let id_token = id_token.ok_or(IdTokenError::Wrong("there is none"))?;
    id_token::verify(id_token.expose(), sign_in.nonce.expose(), metadata, cx.env)
}

/// The user is known: the browser may show their connections for a while.
fn finish(
    verified: Result<Identity, IdTokenError>,
    cx: &mut Cx<'_>,
) -> Progress<ConnectionsCallback> {
    let identity = match verified {
        Ok(identity) => identity,
        Err(error) => {
            let event = match error {
                IdTokenError::OtherTenant => LogEventId::IdTokenOtherTenant,
                IdTokenError::UnknownKey | IdTokenError::Wrong(_) => LogEventId::IdTokenRejected,
            };
            cx.log(LogEvent::new(event).with(Field::Reason, error.as_str()));
            return cx.done(failed(None, cx));
        }
    };
    let mut response = response::see_other(&cx.env.server.config.public_url.join("/me"));
    if let Some(cookie) = ConnectionsUser::set_cookie(&identity, cx.env, cx.entropy) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    identity.audit(cx);
    let signed_in = LogEvent::new(LogEventId::ConnectionsSignedIn);
    let subject = super::user::subject(&identity.tenant_id, &identity.oid, cx.env.server);
    cx.log(signed_in.with(Field::Subject, &subject));
    cx.done(response)
}

/// Entra said no.
fn refused(error: &EntraError, step: Step, cx: &mut Cx<'_>) -> Progress<ConnectionsCallback> {
    cx.log(error.log_event(step));
    if let EntraError::Throttled(_, wait) = error
        && !error.is_request_loop()
    {
        let (requests, until) = (Throttled::CodeRedemption, cx.env.now.instant.after(*wait));
        cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
    }
    let response = match error {
        EntraError::Throttled(..) | EntraError::Unavailable(_) => unavailable(cx),
        _ => failed(error.page(cx.env.server.config.contact()), cx),
    };
    cx.done(response)
}

/// What is at the callback of these headers, if it is such a sign-in's.
pub(crate) fn sign_in_of(
    state: Option<&str>,
    headers: &HeaderMap,
    cx: &Cx<'_>,
) -> Option<ConnectionsSignIn> {
    ConnectionsSignIn::from_cookie(headers, state?, cx.env)
}

pub(super) fn unavailable(cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Your connections cannot be shown just now",
        "Microsoft Entra ID or the sessions of this server cannot be reached. Nothing was changed. Wait a \
         moment, then open the page again.",
        &cx.request_id(),
        cx.env,
    )
}

/// `reason`: what Entra's error means, if that is known.
fn failed(reason: Option<String>, cx: &Cx<'_>) -> Response<Bytes> {
    let reason = reason.unwrap_or_else(|| {
        "Microsoft Entra ID did not let you in, or not with an account of the organization that runs this server."
            .to_owned()
    });
    let again = "Nothing was changed. Open the page of your connections again to try once more.";
    pages::error(
        StatusCode::FORBIDDEN,
        "You are not signed in",
        &format!("{reason} {again}"),
        &cx.request_id(),
        cx.env,
    )
}
