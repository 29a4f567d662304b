//! The user is asked here, before Entra is involved (threat A1): the consent page of
//! GET /authorize, and POST /consent, which takes the answer.
//!
//! Only an approval sets the cookie of the sign-in, and then the browser goes to Entra (threats A2, A3). The page is
//! left out where the browser remembers an approval; whether it was the user's own is seen after the sign-in,
//! and who has not approved is asked then, before there is a code (threat A4).

mod after_sign_in;

use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;

use self::after_sign_in::{AfterSignIn, Pressed};
use super::{
    authorization_request::AuthorizationRequest,
    authorize::{self, AuthorizeError, ErrorPage, NamedClient, ValidatedRequest},
    browser_id::BrowserId,
    client::Client,
    client_label::ClientLabel,
    consent_form::ConsentForm,
    consent_page, device_cookie,
    error::OAuthError,
    pending_sign_in::{Approval, PendingSignIn},
    remembered_consents::RememberedConsents,
};
use crate::{
    ask::Awaiting,
    client_id_url::ClientIdUrl,
    config::ClientAddress,
    entra::awaiting_metadata::AwaitingMetadata,
    env::Env,
    event::Answer,
    http::{form::Form, response},
    hub::{Browser, NeedClientDocument, ToHubKind},
    log_event::{Field, LogEvent, LogEventId},
    pages,
    planted::Planted,
    provider_metadata::ProviderMetadata,
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum Consent {
    /// What the client says of itself is being fetched.
    AwaitingDocument(
        Box<(ClientIdUrl, Form, HeaderMap)>,
        Awaiting<NeedClientDocument>,
    ),
    /// The user has approved; this server has just been started, and does not know where Entra is.
    AwaitingMetadata(Box<AwaitingMetadata<RedirectToEntra>>),
    /// The user had signed in before they were asked.
    AfterSignIn(AfterSignIn),
}

/// A browser on its way to Entra.
#[derive(Debug)]
pub(crate) struct RedirectToEntra {
    request: AuthorizationRequest,
    client_label: ClientLabel,
    approval: Approval,
    /// Those that make room for the cookie of this sign-in.
    cookies: Vec<HeaderValue>,
}

impl Consent {
    /// GET /authorize.
    pub(crate) fn authorize(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let headers = request.headers();
        match authorize::client_of(&form, cx.env) {
            Err(page) => refuse(page, cx),
            Ok(NamedClient::Known(client)) => Self::answer(&form, client, headers, cx),
            Ok(NamedClient::OfDocument(url)) => {
                let browser = Browser {
                    device: device_cookie::read(headers, cx.env),
                    address,
                };
                let asked = Box::new((url.clone(), form, headers.clone()));
                let awaiting = cx.ask_hub(|ticket| ToHubKind::NeedClientDocument {
                    ticket,
                    url,
                    browser,
                });
                Progress::Pending(Self::AwaitingDocument(asked, awaiting))
            }
        }
    }

    /// Answers GET /authorize of this client.
    fn answer(form: &Form, client: Client, headers: &HeaderMap, cx: &mut Cx<'_>) -> Progress<Self> {
        let env = cx.env;
        match authorize::read(form, client, env) {
            Err(AuthorizeError::Page(page)) => refuse(page, cx),
            Err(AuthorizeError::Client(error)) => {
                let destination = error.redirect_target.redirect_uri.destination();
                cx.log(
                    LogEvent::new(LogEventId::AuthorizationRefused)
                        .with(Field::Reason, error.refusal.description)
                        .with(Field::Destination, destination.to_string()),
                );
                cx.done(error.respond(&cx.request_id(), headers, env))
            }
            Ok(validated) if is_approved(&validated, headers, env) => {
                let public_url = &env.server.config.public_url;
                let redirect = RedirectToEntra {
                    client_label: validated.client.label(),
                    request: validated.request,
                    approval: Approval::Remembered,
                    cookies: PendingSignIn::make_room(headers, public_url),
                };
                redirect.start(cx)
            }
            Ok(validated) => {
                let response = ask(validated, headers, cx);
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
            return cx.done(stale(&cx.request_id(), cx.env));
        };
        if !consent_form.is_from_our_page(request.headers(), env) {
            cx.log(LogEventId::ConsentForeign);
            return cx.done(foreign(&cx.request_id(), cx.env));
        }
        let is_approved = match form.one("decision") {
            Ok(Some("approve")) => true,
            Ok(Some("deny")) => false,
            _ => {
                cx.log(LogEventId::ConsentStale);
                return cx.done(stale(&cx.request_id(), cx.env));
            }
        };
        if let Some(session) = consent_form.session {
            let pressed = Pressed {
                is_approved,
                request: consent_form.request,
                client_label: consent_form.client_label,
                remembered: RememberedConsents::of(request.headers(), env),
            };
            return AfterSignIn::start(pressed, session, cx).map_pending(Self::AfterSignIn);
        }
        if !is_approved {
            log_denial(&consent_form, cx);
            return cx.done(denied(&consent_form.request, cx));
        }
        // It is logged once it is known who has approved: whoever presses the button may be anybody.
        let public_url = &env.server.config.public_url;
        let redirect = RedirectToEntra {
            request: consent_form.request,
            client_label: consent_form.client_label,
            approval: Approval::Pressed,
            cookies: PendingSignIn::make_room(request.headers(), public_url),
        };
        redirect.start(cx)
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::AwaitingDocument(asked, awaiting) => {
                let (url, form, headers) = *asked;
                match awaiting.into_answer(answer) {
                    Ok(document) => {
                        let client = Client::of_document(&url, &document, None);
                        Self::answer(&form, client, &headers, cx)
                    }
                    Err(error) => refuse(ErrorPage::Document(error), cx),
                }
            }
            Self::AwaitingMetadata(awaiting) => {
                let (redirect, metadata) = awaiting.handle(answer, cx);
                redirect.finish(metadata.as_deref(), cx)
            }
            Self::AfterSignIn(state) => state.handle(answer, cx).map_pending(Self::AfterSignIn),
        }
    }

    /// Whether nothing is worth finishing when the browser has left.
    pub(crate) fn cancels_on_disconnect(&self) -> bool {
        matches!(self, Self::AwaitingMetadata(_) | Self::AwaitingDocument(..))
    }
}

impl RedirectToEntra {
    /// Redirects to Entra, or waits until it is known where that is.
    fn start(self, cx: &mut Cx<'_>) -> Progress<Consent> {
        match AwaitingMetadata::known(self, cx) {
            Progress::Pending(awaiting) => {
                Progress::Pending(Consent::AwaitingMetadata(Box::new(awaiting)))
            }
            Progress::Ready((redirect, metadata)) => redirect.finish(metadata.as_deref(), cx),
        }
    }

    fn finish(self, metadata: Option<&ProviderMetadata>, cx: &mut Cx<'_>) -> Progress<Consent> {
        match metadata {
            Some(metadata) => {
                let response = self.respond(metadata, cx);
                cx.done(response)
            }
            None => {
                cx.log(LogEventId::SignInUnavailable);
                cx.done(unavailable(&cx.request_id(), cx.env))
            }
        }
    }

    fn respond(self, metadata: &ProviderMetadata, cx: &mut Cx<'_>) -> Response<Bytes> {
        let env = cx.env;
        let sign_in = PendingSignIn::begin(
            self.request,
            self.client_label,
            self.approval,
            env.now.unix,
            cx.entropy,
        );
        let cookie = sign_in.set_cookie(env, cx.entropy);
        let mut response = response::see_other(&sign_in.entra_address(metadata, env));
        for cookie in cookie.into_iter().chain(self.cookies) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Shows why a request is not served.
fn refuse(page: ErrorPage, cx: &mut Cx<'_>) -> Progress<Consent> {
    let mut refused =
        LogEvent::new(LogEventId::AuthorizationRefused).with(Field::Reason, page.as_str());
    if let ErrorPage::NotListed(asked) = &page {
        let (client, redirect_uri) = &**asked;
        refused = refused
            .with(Field::ClientId, client)
            .with_text(Field::RedirectUri, redirect_uri.as_str());
    }
    if let ErrorPage::NotAdmitted(Some(place)) = &page {
        refused = refused.with(Field::Destination, place);
    }
    cx.log(refused);
    cx.done(page.respond(&cx.request_id(), cx.env))
}

/// Whether this was approved in this browser before, and the client does not want the user to be asked again.
fn is_approved(validated: &ValidatedRequest, headers: &HeaderMap, env: Env<'_>) -> bool {
    if validated.must_ask {
        return false;
    }
    let approvals = RememberedConsents::of(headers, env);
    approvals.cover(&validated.request)
        || (env.server.has(Planted::ConsentDropped) && !approvals.is_empty())
}

/// The consent page.
fn ask(validated: ValidatedRequest, headers: &HeaderMap, cx: &mut Cx<'_>) -> Response<Bytes> {
    let env = cx.env;
    let browser = BrowserId::of(headers, env).unwrap_or_else(|| BrowserId::new(cx.entropy));
    let set_cookie = browser.set_cookie(env);
    let client_label = validated.client.label();
    let consent_form = ConsentForm {
        request: validated.request,
        client_label,
        browser,
        session: None,
    };
    let mut response = consent_page::respond(&consent_form, None, env, cx.entropy);
    if let Some(cookie) = set_cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// One line of the log: who, and where the answer goes (threat A10).
fn log_denial(form: &ConsentForm, cx: &mut Cx<'_>) {
    form.request.client.audit(cx);
    let destination = form.request.redirect_target.redirect_uri.destination();
    let denied = LogEvent::new(LogEventId::ConsentDenied);
    let event = form.client_label.describe(denied);
    cx.log(
        event
            .with(Field::Destination, destination.to_string())
            .with(Field::Scope, form.request.scope.to_string()),
    );
}

/// The user has pressed the other button.
fn denied(request: &AuthorizationRequest, cx: &Cx<'_>) -> Response<Bytes> {
    request
        .redirect_target
        .error(OAuthError::AccessDenied, "The user said no.", cx.env)
}

fn unavailable(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Microsoft Entra ID cannot be reached",
        "Your approval was taken, but the sign-in page cannot be found right now. Wait a moment, then \
         start again from your client.",
        request_id,
        env,
    )
}

fn stale(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::BAD_REQUEST,
        "This page is too old",
        "You were asked more than ten minutes ago, or the page was changed on its way. Nothing was \
         approved. Start again from your client.",
        request_id,
        env,
    )
}

fn foreign(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::FORBIDDEN,
        "This answer did not come from the page that asked",
        "Another page, or another browser, sent it. Nothing was approved. Start again from your \
         client, and allow cookies of this site.",
        request_id,
        env,
    )
}

#[cfg(test)]
mod tests;
