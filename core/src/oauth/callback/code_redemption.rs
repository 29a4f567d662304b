//! Entra's code is redeemed (Microsoft identity platform, authorization code flow, "Redeem a code"). Never
//! twice: Entra takes a code once.

use super::{browser::ReturningBrowser, tokens_received::TokensReceived};
use crate::{
    entra::{
        error::{EntraError, Step},
        token_endpoint::{Grant, TokenResponse},
        token_request::TokenRequest,
    },
    event::Answer,
    hub::{ToHub, ToHubKind},
    oauth::{
        code_admission::{self, CodeAdmission},
        pending_sign_in::PendingSignIn,
        sign_in_failure::{CallbackError, Failure},
    },
    secret::Secret,
    step::{Cx, Progress},
    throttle::Throttled,
};

/// A code of Entra's, and the sign-in that it is for.
#[derive(Debug)]
pub(crate) struct UnredeemedCode {
    pub(super) sign_in: PendingSignIn,
    pub(super) code: Secret<String>,
    pub(super) browser: ReturningBrowser,
}

impl UnredeemedCode {
    /// Asks whether the code may be redeemed (threat D14).
    pub(super) fn begin(self, cx: &mut Cx<'_>) -> Result<(Self, CodeAdmission), Failure> {
        let throttle = &cx.env.entra.throttle;
        let wait = throttle.wait(&Throttled::CodeRedemption, cx.env.now.instant);
        if wait.is_some() {
            return Err(self.unavailable());
        }
        let sign_in = self.sign_in.session_id(&cx.env.server.keys);
        let state = &self.sign_in.state;
        let admission = CodeAdmission::start(state, sign_in, self.browser.browser, cx);
        Ok((self, admission))
    }

    /// It cannot be redeemed just now.
    pub(super) fn unavailable(self) -> Failure {
        let redirect_target = self.sign_in.request.redirect_target;
        Failure::new(redirect_target, CallbackError::Unavailable)
    }

    /// Sends the code to Entra's token endpoint.
    pub(super) fn redeem(self, cx: &mut Cx<'_>) -> Result<CodeRedemption, Failure> {
        let Self {
            sign_in,
            code,
            browser,
        } = self;
        let entra = &cx.env.server.config.entra;
        let scope = sign_in.request.scope.to_entra_scope(entra);
        let grant = Grant::code(&code, &sign_in.code_verifier, scope, cx.env);
        match TokenRequest::start(grant, cx) {
            Some(request) => Ok(CodeRedemption {
                sign_in,
                browser,
                request,
            }),
            None => {
                let redirect_target = sign_in.request.redirect_target;
                Err(Failure::new(redirect_target, CallbackError::ServerError))
            }
        }
    }
}

/// A code that is being redeemed.
#[derive(Debug)]
pub(crate) struct CodeRedemption {
    sign_in: PendingSignIn,
    browser: ReturningBrowser,
    request: TokenRequest,
}

impl CodeRedemption {
    /// Takes an event.
    pub(super) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<TokensReceived, Failure>> {
        let Self {
            sign_in,
            browser,
            request,
        } = self;
        match request.handle(answer, cx) {
            Progress::Pending(request) => Progress::Pending(Self {
                sign_in,
                browser,
                request,
            }),
            Progress::Ready(tokens) => Progress::Ready(received(sign_in, browser, tokens, cx)),
        }
    }
}

/// Entra's token endpoint has answered.
fn received(
    sign_in: PendingSignIn,
    browser: ReturningBrowser,
    tokens: Result<TokenResponse, EntraError>,
    cx: &mut Cx<'_>,
) -> Result<TokensReceived, Failure> {
    code_admission::answered(tokens.is_ok(), browser.browser, cx);
    match tokens {
        Ok(tokens) => Ok(TokensReceived {
            sign_in,
            browser,
            tokens,
        }),
        Err(error) => {
            cx.log(error.log_event(Step::CodeRedemption));
            // A request loop is that of one browser, and must not hold up the sign-ins of all others.
            if let EntraError::Throttled(_, wait) = &error
                && !error.is_request_loop()
            {
                let (requests, until) =
                    (Throttled::CodeRedemption, cx.env.now.instant.after(*wait));
                cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
            }
            let redirect_target = sign_in.request.redirect_target;
            Err(Failure::of_entra(redirect_target, &error, cx.env))
        }
    }
}
