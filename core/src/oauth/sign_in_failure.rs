//! Why a sign-in gives the client no code, and how it learns that (RFC 6749 section 4.1.2.1).

use std::time::Duration;

use ::http::{Response, StatusCode, header};
use bytes::Bytes;

use super::{authorization_request::RedirectTarget, error::OAuthError};
use crate::{entra::error::EntraError, env::Env, pages, step::Cx, throttle::whole_seconds};

/// Why the client gets no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackError {
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

/// A sign-in that gives no code, and where the client learns that.
#[derive(Debug)]
pub(crate) struct Failure {
    redirect_target: RedirectTarget,
    error: OAuthError,
    description: String,
    /// Whether the user reads it on a page, and the client nothing.
    is_page: bool,
}

impl Failure {
    pub(crate) fn new(redirect_target: RedirectTarget, error: CallbackError) -> Self {
        let (error, description) = error.parameters();
        Self {
            redirect_target,
            error,
            description: description.to_owned(),
            is_page: false,
        }
    }

    /// Entra said no. Where its reason is known, it is said, with what the user can do and how Microsoft finds the error.
    pub(crate) fn of_entra(
        redirect_target: RedirectTarget,
        error: &EntraError,
        env: Env<'_>,
    ) -> Self {
        let (error, description) = Self::told(error, env);
        Self {
            redirect_target,
            error,
            description,
            is_page: false,
        }
    }

    /// The account is of an organization whose users may not come in, of the several that there are: the user is told whom
    /// to ask.
    pub(crate) fn of_organization(redirect_target: RedirectTarget, env: Env<'_>) -> Self {
        let contact = env.server.config.contact();
        Self {
            redirect_target,
            error: OAuthError::AccessDenied,
            description: format!(
                "The operator of this server lets in users of some organizations only, and yours is not one of them. Nothing \
                 was given to your account. Ask {contact}, or sign in with another account."
            ),
            is_page: true,
        }
    }

    /// What the client is told of an error of Entra's, and the user if it shows it.
    pub(crate) fn told(error: &EntraError, env: Env<'_>) -> (OAuthError, String) {
        let (code, general) = CallbackError::of(error).parameters();
        let description = match (error.known(), error.reference()) {
            (Some(known), Some(reference)) => {
                let admin_consent = env.server.config.admin_consent_address();
                let advice = known.advice(admin_consent.as_deref());
                format!("{} {advice} {reference}", known.cause)
            }
            _ => general.to_owned(),
        };
        (code, description)
    }

    /// Sends the browser back to the client, with the reference of the line in the log.
    pub(crate) fn respond(self, cx: &Cx<'_>) -> Response<Bytes> {
        if self.is_page {
            let (title, id) = ("You may not sign in here", cx.request_id());
            return pages::error(StatusCode::FORBIDDEN, title, &self.description, &id, cx.env);
        }
        let description = format!("{} Reference: {}.", self.description, cx.request_id());
        self.redirect_target.error(self.error, &description, cx.env)
    }
}

/// Too many codes are being redeemed, or were refused by Entra. Nothing is lost: the page may be loaded again.
pub(crate) fn busy(wait: Duration, request_id: &str, env: Env<'_>) -> Response<Bytes> {
    let seconds = whole_seconds(wait);
    let text = format!(
        "Too many sign-ins are under way or have failed. Nothing is lost: wait {seconds} seconds, then reload \
         this page.",
    );
    let mut response = pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Signing in takes a little longer",
        &text,
        request_id,
        env,
    );
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, seconds.into());
    response
}

/// It is not known whose sign-in this is, so there is nowhere to send the browser (threat B4).
pub(crate) fn unknown(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::BAD_REQUEST,
        "This sign-in is not known here",
        "It was finished already, took longer than ten minutes, or began in another browser or \
         without cookies. Nothing was approved. Close this page and start again from your client.",
        request_id,
        env,
    )
}
