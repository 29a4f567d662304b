//! The user is asked here, before Entra is involved (threat A1): the consent page of
//! GET /authorize, and POST /consent, which takes the answer.
//!
//! What was asked travels in the form's hidden field, sealed, for ten minutes. Only an approval sets
//! the cookie of the sign-in, and then the browser goes to Entra (threats A2, A3). The form is
//! taken only from our own page (threat A5): its `Origin` is ours or, where a browser sends none,
//! its cookie is the one that the form names.

mod page;

use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use super::{
    authorization_request::AuthorizationRequest,
    authorize::{self, AuthorizeError, ValidatedRequest},
    browser_id::BrowserId,
    error::OAuthError,
    length_prefixed,
    pending_sign_in::PendingSignIn,
    remembered_consents::RememberedConsents,
};
use crate::{
    entra::awaiting_metadata::{AwaitingMetadata, MetadataProgress},
    entropy::Entropy,
    env::Env,
    event::Event,
    http::{form::Form, response},
    keys::Purpose,
    limits,
    log_event::{Field, LogEvent, LogEventId},
    pages,
    planted::Planted,
    provider_metadata::ProviderMetadata,
    step::{Cx, Progress},
    time::UnixTime,
};

/// The states.
#[derive(Debug)]
pub(crate) enum Consent {
    /// The user has approved; this server has just been started, and does not know where Entra is.
    AwaitingMetadata(AwaitingMetadata<RedirectToEntra>),
}

/// A browser on its way to Entra.
#[derive(Debug)]
pub(crate) struct RedirectToEntra {
    request: AuthorizationRequest,
    /// The cookie that remembers the approval, if it is to be remembered, and those that make room for the
    /// one of this sign-in.
    cookies: Vec<HeaderValue>,
}

impl Consent {
    /// GET /authorize.
    pub(crate) fn authorize(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        let env = cx.env;
        match authorize::read(request.uri(), env) {
            Err(AuthorizeError::Page(page)) => {
                cx.log(
                    LogEvent::new(LogEventId::AuthorizationRefused)
                        .with(Field::Reason, page.as_str()),
                );
                cx.done(page.respond(&cx.request_id(), env))
            }
            Err(AuthorizeError::Client(error)) => {
                let destination = error.redirect_target.redirect_uri.destination();
                cx.log(
                    LogEvent::new(LogEventId::AuthorizationRefused)
                        .with(Field::Reason, error.refusal.description)
                        .with(Field::Destination, destination.to_string()),
                );
                cx.done(error.respond(&cx.request_id(), request.headers(), env))
            }
            Ok(validated) if is_approved(&validated, request.headers(), env) => {
                let name = validated.client.metadata().client_name.as_deref();
                log_decision(LogEventId::ConsentRemembered, &validated.request, name, cx);
                let public_url = &env.server.config.public_url;
                let redirect = RedirectToEntra {
                    request: validated.request,
                    cookies: PendingSignIn::make_room(request.headers(), public_url),
                };
                RedirectToEntra::go(AwaitingMetadata::known(redirect, cx), cx)
            }
            Ok(validated) => {
                let response = ask(validated, request.headers(), cx);
                cx.done(response)
            }
        }
    }

    /// POST /consent.
    pub(crate) fn decide(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        let env = cx.env;
        let form = Form::parse(request.body());
        let Some(consent_form) = ConsentForm::read(&form, env) else {
            cx.log(LogEventId::ConsentStale);
            return cx.done(stale(&cx.request_id()));
        };
        if !is_from_our_page(request.headers(), &consent_form.browser, env) {
            cx.log(LogEventId::ConsentForeign);
            return cx.done(foreign(&cx.request_id()));
        }
        let name = consent_form.client_name.as_deref();
        match form.one("decision") {
            Ok(Some("approve")) => {
                log_decision(LogEventId::ConsentApproved, &consent_form.request, name, cx);
                let approvals = RememberedConsents::of(request.headers(), env);
                let public_url = &env.server.config.public_url;
                let mut cookies = PendingSignIn::make_room(request.headers(), public_url);
                cookies.extend(approvals.remember(&consent_form.request, env));
                let redirect = RedirectToEntra {
                    request: consent_form.request,
                    cookies,
                };
                RedirectToEntra::go(AwaitingMetadata::known(redirect, cx), cx)
            }
            Ok(Some("deny")) => {
                log_decision(LogEventId::ConsentDenied, &consent_form.request, name, cx);
                let redirect_target = &consent_form.request.redirect_target;
                cx.done(redirect_target.error(
                    OAuthError::AccessDenied,
                    "The user said no.",
                    &env.server.config.public_url,
                ))
            }
            _ => {
                cx.log(LogEventId::ConsentStale);
                cx.done(stale(&cx.request_id()))
            }
        }
    }

    /// The next state after an event.
    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self::AwaitingMetadata(awaiting) = self;
        RedirectToEntra::go(awaiting.handle(&event, cx), cx)
    }
}

impl RedirectToEntra {
    /// Goes to Entra, or waits until it is known where that is.
    fn go(progress: MetadataProgress<Self>, cx: &mut Cx<'_>) -> Progress<Consent> {
        match progress {
            Progress::Pending(awaiting) => Progress::Pending(Consent::AwaitingMetadata(awaiting)),
            Progress::Ready((redirect, Some(metadata))) => {
                let response = redirect.respond(&metadata, cx);
                cx.done(response)
            }
            Progress::Ready((_, None)) => {
                cx.log(LogEventId::SignInUnavailable);
                cx.done(unavailable(&cx.request_id()))
            }
        }
    }

    fn respond(self, metadata: &ProviderMetadata, cx: &mut Cx<'_>) -> Response<Bytes> {
        let env = cx.env;
        let sign_in = PendingSignIn::begin(self.request, env.now.unix, cx.entropy);
        let cookie = sign_in.set_cookie(env, cx.entropy);
        let mut response = response::see_other(&sign_in.entra_address(metadata, env));
        for cookie in cookie.into_iter().chain(self.cookies) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Whether this was approved in this browser before.
fn is_approved(validated: &ValidatedRequest, headers: &HeaderMap, env: Env<'_>) -> bool {
    let approvals = RememberedConsents::of(headers, env);
    approvals.cover(&validated.request)
        || (env.server.has(Planted::ConsentDropped) && !approvals.is_empty())
}

/// The consent page.
fn ask(validated: ValidatedRequest, headers: &HeaderMap, cx: &mut Cx<'_>) -> Response<Bytes> {
    let env = cx.env;
    let browser = BrowserId::of(headers, env).unwrap_or_else(|| BrowserId::new(cx.entropy));
    let set_cookie = browser.set_cookie(env);
    let name = validated.client.metadata().client_name.clone();
    let consent_form = ConsentForm {
        request: validated.request,
        client_name: name,
        browser,
    };
    let sealed = consent_form.seal(env, cx.entropy);
    let mut response = page::respond(
        consent_form.client_name.as_deref(),
        consent_form
            .request
            .redirect_target
            .redirect_uri
            .destination(),
        &consent_form.request.scope,
        &sealed,
    );
    if let Some(cookie) = set_cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// What the form's hidden field holds.
struct ConsentForm {
    request: AuthorizationRequest,
    client_name: Option<String>,
    /// The browser that the page was made for.
    browser: BrowserId,
}

impl ConsentForm {
    fn seal(&self, env: Env<'_>, entropy: &mut Entropy) -> String {
        let expires = env.now.unix.after(limits::SIGN_IN_TIMEOUT);
        let fields = length_prefixed::pack(&[
            &self.request.pack(),
            self.client_name.as_deref().unwrap_or_default().as_bytes(),
            self.browser.id().as_bytes(),
            &expires.0.to_be_bytes(),
        ]);
        let keys = &env.server.keys;
        URL_SAFE_NO_PAD.encode(keys.seal(Purpose::ConsentForm, b"", b"", &fields, entropy))
    }

    fn read(form: &Form, env: Env<'_>) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(form.one("request").ok()??).ok()?;
        let fields = env
            .server
            .keys
            .open(Purpose::ConsentForm, b"", b"", &sealed)?;
        let [request, client_name, browser, expires] = length_prefixed::unpack(&fields)?;
        let expires = UnixTime(u64::from_be_bytes(expires.try_into().ok()?));
        let client_name = length_prefixed::text(client_name)?;
        expires
            .is_ahead(limits::SIGN_IN_TIMEOUT, env.now.unix, limits::CLOCK_LEEWAY)
            .then_some(Self {
                request: AuthorizationRequest::unpack(request, &env.server.scopes)?,
                client_name: (!client_name.is_empty()).then_some(client_name),
                browser: BrowserId::named(length_prefixed::text(browser)?),
            })
    }
}

/// Whether the form was sent by our own page, as the browser says (threat A5).
fn is_from_our_page(headers: &HeaderMap, browser: &BrowserId, env: Env<'_>) -> bool {
    if env.server.has(Planted::OriginIgnored) {
        return true;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => {
            origin.as_bytes() == env.server.config.public_url.issuer().as_bytes()
        }
        (None, _) => BrowserId::of(headers, env).as_ref() == Some(browser),
        (Some(_), Some(_)) => false,
    }
}

/// One line of the log: who, and where the answer goes (threat A10).
fn log_decision(
    event: LogEventId,
    request: &AuthorizationRequest,
    client_name: Option<&str>,
    cx: &mut Cx<'_>,
) {
    let destination = request.redirect_target.redirect_uri.destination();
    cx.log(
        LogEvent::new(event)
            .with(Field::ClientName, client_name.unwrap_or("-"))
            .with(Field::Destination, destination.to_string())
            .with(Field::Scope, request.scope.to_string()),
    );
}

fn unavailable(request_id: &str) -> Response<Bytes> {
    pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Microsoft Entra ID cannot be reached",
        "Your approval was taken, but the sign-in page cannot be found right now. Wait a moment, then \
         start again from your client.",
        request_id,
    )
}

fn stale(request_id: &str) -> Response<Bytes> {
    pages::error(
        StatusCode::BAD_REQUEST,
        "This page is too old",
        "You were asked more than ten minutes ago, or the page was changed on its way. Nothing was \
         approved. Start again from your client.",
        request_id,
    )
}

fn foreign(request_id: &str) -> Response<Bytes> {
    pages::error(
        StatusCode::FORBIDDEN,
        "This answer did not come from the page that asked",
        "Another page, or another browser, sent it. Nothing was approved. Start again from your \
         client, and allow cookies of this site.",
        request_id,
    )
}

#[cfg(test)]
mod tests;
