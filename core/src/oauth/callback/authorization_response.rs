//! What Entra sent the browser back with: a code or an error (RFC 6749 section 4.1.2).

use ::http::HeaderMap;

use super::{browser::ReturningBrowser, code_redemption::UnredeemedCode};
use crate::{
    entra::error::{EntraError, Step},
    http::form::Form,
    log_event::LogEventId,
    oauth::{
        pending_sign_in::PendingSignIn,
        sign_in_failure::{CallbackError, Failure},
    },
    provider_metadata::ProviderMetadata,
    secret::Secret,
    step::Cx,
};

/// A browser that has come back to a sign-in that it began.
#[derive(Debug)]
pub(crate) struct AuthorizationResponse {
    sign_in: PendingSignIn,
    /// Who answers (RFC 9207), if it is said.
    iss: Option<String>,
    /// Entra's code.
    code: Result<Secret<String>, EntraError>,
    browser: ReturningBrowser,
}

impl AuthorizationResponse {
    /// What came back; `None` if it belongs to no sign-in of this browser, or if something is given
    /// twice (threat D4).
    pub(super) fn of(
        form: &Form,
        state: Option<&str>,
        headers: &HeaderMap,
        browser: ReturningBrowser,
        cx: &Cx<'_>,
    ) -> Option<Self> {
        if form.repeated(&[]).is_some() {
            return None;
        }
        let sign_in = PendingSignIn::from_cookie(headers, state?, cx.env)?;
        let code = match (form.one("error"), form.one("code")) {
            (Ok(None), Ok(Some(code))) => Ok(Secret::new(code.to_owned())),
            _ => Err(EntraError::of_redirect(form)),
        };
        let iss = form.one("iss").ok()?.map(str::to_owned);
        Some(Self {
            sign_in,
            iss,
            code,
            browser,
        })
    }

    /// Returns what is to be redeemed, if Entra sent a code.
    pub(super) fn into_code(
        self,
        metadata: Option<&ProviderMetadata>,
        cx: &mut Cx<'_>,
    ) -> Result<UnredeemedCode, Failure> {
        let Self {
            sign_in,
            iss,
            code,
            browser,
        } = self;
        let redirect_target = sign_in.request.redirect_target.clone();
        let Some(metadata) = metadata else {
            cx.log(LogEventId::SignInUnavailable);
            return Err(Failure::new(redirect_target, CallbackError::Unavailable));
        };
        // Mix-up: RFC 9207 section 2.4. Entra sends none today.
        if iss.is_some_and(|iss| !metadata.is_issuer(&iss)) {
            cx.log(LogEventId::SignInWrongIssuer);
            return Err(Failure::new(redirect_target, CallbackError::ServerError));
        }
        match code {
            Ok(code) => Ok(UnredeemedCode {
                sign_in,
                code,
                browser,
            }),
            Err(error) => {
                cx.log(error.log_event(Step::SignIn));
                Err(Failure::of_entra(redirect_target, &error, cx.env))
            }
        }
    }
}
