//! Entra's tokens are there: the ID token says who has signed in (OpenID Connect Core section 3.1.3.7).

use super::browser::ReturningBrowser;
use crate::{
    entra::{
        awaiting_metadata::AwaitingMetadata,
        id_token::{self, IdTokenError, Identity},
        token_endpoint::TokenResponse,
    },
    log_event::{Field, LogEvent, LogEventId},
    oauth::{
        pending_sign_in::PendingSignIn,
        sign_in_failure::{CallbackError, Failure},
    },
    provider_metadata::ProviderMetadata,
    step::{Cx, Progress},
};

/// A sign-in with Entra's tokens.
#[derive(Debug)]
pub(crate) struct TokensReceived {
    pub(super) sign_in: PendingSignIn,
    pub(super) browser: ReturningBrowser,
    pub(super) tokens: TokenResponse,
}

/// A sign-in whose user is known.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(super) sign_in: PendingSignIn,
    pub(super) browser: ReturningBrowser,
    pub(super) tokens: TokenResponse,
    pub(super) identity: Identity,
}

impl TokensReceived {
    /// Verifies the ID token; if its key is not known, newer keys are fetched once.
    pub(super) fn verify(
        self,
        cx: &mut Cx<'_>,
    ) -> Progress<AwaitingMetadata<Self>, Result<SignedIn, Failure>> {
        match self.verify_id_token(cx.env.entra.metadata.as_deref(), cx) {
            Err(IdTokenError::UnknownKey) => Progress::Pending(AwaitingMetadata::newer(self, cx)),
            verified => Progress::Ready(self.check_scope(verified, cx)),
        }
    }

    /// The same with newer keys, if there are any.
    pub(super) fn verify_again(
        self,
        newer: Option<&ProviderMetadata>,
        cx: &mut Cx<'_>,
    ) -> Result<SignedIn, Failure> {
        let verified = match newer {
            Some(_) => self.verify_id_token(newer, cx),
            None => Err(IdTokenError::UnknownKey),
        };
        self.check_scope(verified, cx)
    }

    fn verify_id_token(
        &self,
        metadata: Option<&ProviderMetadata>,
        cx: &Cx<'_>,
    ) -> Result<Identity, IdTokenError> {
        let metadata = metadata.ok_or(IdTokenError::Wrong("no metadata is known"))?;
        let id_token = self.tokens.id_token.as_ref();
        let id_token = id_token.ok_or(IdTokenError::Wrong("there is none"))?;
        id_token::verify(
            id_token.expose(),
            self.sign_in.nonce.expose(),
            metadata,
            cx.env,
        )
    }

    /// The user is known: was granted what was asked for?
    fn check_scope(
        self,
        verified: Result<Identity, IdTokenError>,
        cx: &mut Cx<'_>,
    ) -> Result<SignedIn, Failure> {
        let Self {
            sign_in,
            browser,
            tokens,
        } = self;
        let request = &sign_in.request;
        let identity = verified.map_err(|error| {
            let (event, reason) = match error {
                IdTokenError::OtherTenant => {
                    (LogEventId::IdTokenOtherTenant, CallbackError::OtherTenant)
                }
                IdTokenError::UnknownKey | IdTokenError::Wrong(_) => {
                    (LogEventId::IdTokenRejected, CallbackError::ServerError)
                }
            };
            cx.log(LogEvent::new(event).with(Field::Reason, error.as_str()));
            let redirect_target = request.redirect_target.clone();
            let is_of_several = cx.env.server.config.entra.has_several_tenants();
            match reason {
                CallbackError::OtherTenant if is_of_several => {
                    Failure::of_organization(redirect_target, cx.env)
                }
                _ => Failure::new(redirect_target, reason),
            }
        })?;
        identity.audit(cx);
        request.client.audit(cx);
        // Entra may grant less than was asked for (Microsoft identity platform, "Scopes and
        // permissions"). It sends no scope only where it is the one that was asked for (RFC 6749
        // section 5.1).
        if !tokens.scope.is_empty() && !request.scope.is_granted_by(&tokens.scope) {
            let event = LogEvent::new(LogEventId::EntraScopeNotGranted);
            cx.log(event.with(Field::Scope, &tokens.scope));
            let redirect_target = sign_in.request.redirect_target;
            return Err(Failure::new(redirect_target, CallbackError::NotGranted));
        }
        Ok(SignedIn {
            sign_in,
            browser,
            tokens,
            identity,
        })
    }
}
