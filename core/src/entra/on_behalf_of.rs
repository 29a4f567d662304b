//! A token on behalf of a caller, for the access token that they present (Microsoft identity platform, "OAuth 2.0
//! On-Behalf-Of flow"; RFC 7523 section 2.1; threat D17).
//!
//! ```text
//! Asking --known, or another exchange has got it--> the token
//!    \--nobody has it--> Requesting --tokens--> the token, which the hub keeps for the same assertion
//! ```
//!
//! The presented token goes to Entra and to nobody else. A token that was got for one assertion serves that one only, so
//! none is ever another user's, or another application's.

use std::{sync::Arc, time::Duration};

use ring::digest::{Context, SHA256};

use super::{
    access_token::AccessTokenError,
    caller_token::Assertion,
    error::{EntraError, Step},
    token_endpoint::Grant,
    token_refresh,
    token_request::TokenRequest,
};
use crate::{
    ask::Awaiting,
    claims_challenge::ClaimsChallenge,
    event::Answer,
    fault::Fault,
    hub::{
        GetOnBehalfOf, OnBehalfOfAnswer, OnBehalfOfFailure, PresentedTokenMessage, ToHub, ToHubKind,
    },
    limits,
    planted::Planted,
    secret::Secret,
    step::{Cx, Progress},
    throttle::{Throttled, whole_seconds},
};

/// For the model and the user.
const DENIED: &str = "Microsoft Entra ID does not give this server the permission that is needed on behalf of who calls: \
                      an administrator has not consented to it, or a policy of the organization forbids it.";

/// For the model and the user.
const MORE_REQUIRED: &str = "Microsoft Entra ID wants more of the user, such as a second factor, and the application that \
                             calls does not take claims challenges: sign in there again.";

/// A token that is being got.
#[derive(Debug)]
pub(crate) struct OnBehalfOf {
    wanted: Wanted,
    state: State,
}

/// Whose token is wanted, and what for.
#[derive(Debug)]
struct Wanted {
    assertion: Assertion,
    scope: String,
    claims: Option<ClaimsChallenge>,
    slot: Slot,
}

/// What the hub knows a token by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Where it is kept.
    pub(super) kept_by: [u8; 32],
    /// By what it is waited for: two challenges are not satisfied by one token, and no challenge by one that was asked for
    /// without it (threat D19).
    pub(super) key: [u8; 32],
}

impl Slot {
    /// That of a token that satisfies these claims.
    pub(super) fn new(kept_by: [u8; 32], claims: Option<&ClaimsChallenge>) -> Self {
        let Some(claims) = claims else {
            return Self {
                kept_by,
                key: kept_by,
            };
        };
        let mut context = Context::new(&SHA256);
        context.update(&kept_by);
        context.update(claims.to_text().as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        Self { kept_by, key }
    }
}

/// Why a token is asked for.
#[derive(Debug)]
pub(super) enum Reason {
    /// It is needed; one that is known will do.
    Needed,
    /// The one that is known was refused, so that another is needed, which satisfies these claims.
    Refused(Option<ClaimsChallenge>),
}

#[derive(Debug)]
enum State {
    /// Does the hub know one, or does another exchange ask Entra?
    Asking(Awaiting<GetOnBehalfOf>),
    /// Entra is asked.
    Requesting(TokenRequest),
}

/// How far it is, and what it results in.
pub(crate) type OnBehalfOfProgress = Progress<OnBehalfOf, Result<Secret<String>, AccessTokenError>>;

impl OnBehalfOf {
    /// A token for these scopes, as Entra names them.
    pub(super) fn start(
        assertion: &Assertion,
        scope: String,
        reason: Reason,
        cx: &mut Cx<'_>,
    ) -> OnBehalfOfProgress {
        if let Some(fault) = token_refresh::throttled(&assertion.user, cx) {
            return Progress::Ready(Err(AccessTokenError::Unavailable(fault)));
        }
        let kept_by = key(assertion, &scope, cx);
        let mut claims = None;
        if let Reason::Refused(wanted) = reason {
            claims = wanted;
            let message = PresentedTokenMessage::ForgetOnBehalfOf(kept_by);
            cx.to_hub(ToHub(ToHubKind::PresentedTokens(message)));
        }
        let slot = Slot::new(kept_by, claims.as_ref());
        let key = slot.key;
        let asking = cx.ask_hub(|ticket| {
            ToHubKind::PresentedTokens(PresentedTokenMessage::GetOnBehalfOf { ticket, key })
        });
        let assertion = assertion.clone();
        Progress::Pending(Self {
            wanted: Wanted {
                assertion,
                scope,
                claims,
                slot,
            },
            state: State::Asking(asking),
        })
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> OnBehalfOfProgress {
        let Self { wanted, state } = self;
        match state {
            State::Asking(asking) => match asking.into_answer(answer) {
                OnBehalfOfAnswer::Token(token) => Progress::Ready(Ok((*token).clone())),
                OnBehalfOfAnswer::Failed(failure) => failed(failure),
                OnBehalfOfAnswer::AskEntra => Self::request(wanted, cx),
            },
            State::Requesting(request) => match request.handle(answer, cx) {
                Progress::Pending(request) => Progress::Pending(Self {
                    wanted,
                    state: State::Requesting(request),
                }),
                Progress::Ready(Ok(response)) => {
                    let token = Arc::new(response.access_token);
                    let lasts = wanted.lasts(response.expires_in, cx);
                    let result = Ok((Arc::clone(&token), cx.env.now.instant.after(lasts)));
                    wanted.tell(result, cx);
                    Progress::Ready(Ok((*token).clone()))
                }
                Progress::Ready(Err(error)) => {
                    let failure = wanted.refused(&error, cx);
                    wanted.tell(Err(failure.clone()), cx);
                    failed(failure)
                }
            },
        }
    }

    fn request(wanted: Wanted, cx: &mut Cx<'_>) -> OnBehalfOfProgress {
        let grant = Grant::on_behalf_of(wanted.assertion.token.clone(), wanted.scope.clone())
            .at_tenant(&wanted.assertion.user.tenant_id)
            .satisfying(wanted.claims.clone());
        match TokenRequest::start(grant, cx) {
            Some(request) => Progress::Pending(Self {
                wanted,
                state: State::Requesting(request),
            }),
            // The token was verified by what is known of Entra, so this does not happen.
            None => {
                let failure = OnBehalfOfFailure::Unavailable(Fault::Entra);
                wanted.tell(Err(failure.clone()), cx);
                failed(failure)
            }
        }
    }
}

impl Wanted {
    /// For how long the token is kept: no longer than the assertion lasts.
    fn lasts(&self, expires_in: Duration, cx: &Cx<'_>) -> Duration {
        let of_token = expires_in.saturating_sub(limits::ACCESS_TOKEN_RENEWAL);
        let of_assertion = self.assertion.caller.expires.until(cx.env.now.unix);
        of_token.min(of_assertion)
    }

    /// Tells those who wait for the same.
    fn tell(
        &self,
        result: Result<(Arc<Secret<String>>, crate::time::Instant), OnBehalfOfFailure>,
        cx: &mut Cx<'_>,
    ) {
        let message = PresentedTokenMessage::GotOnBehalfOf {
            key: self.slot.key,
            kept_by: self.slot.kept_by,
            result,
        };
        cx.to_hub(ToHub(ToHubKind::PresentedTokens(message)));
    }

    /// What follows from Entra's refusal.
    fn refused(&self, error: &EntraError, cx: &mut Cx<'_>) -> OnBehalfOfFailure {
        cx.log(error.log_event(Step::OnBehalfOf));
        if let (EntraError::SignInAgain(_), Some(claims)) = (error, error.claims()) {
            return match self.assertion.caller.takes_challenges {
                true => OnBehalfOfFailure::ClaimsRequired(claims.clone()),
                false => OnBehalfOfFailure::MoreRequired,
            };
        }
        match error {
            EntraError::SignInAgain(_) if error.is_consent_required() => OnBehalfOfFailure::Denied,
            EntraError::SignInAgain(_) => {
                let token = token_hash(self.assertion.token.expose());
                let message = PresentedTokenMessage::Revoked(token);
                cx.to_hub(ToHub(ToHubKind::PresentedTokens(message)));
                OnBehalfOfFailure::Revoked
            }
            EntraError::Configuration(_) => OnBehalfOfFailure::Unavailable(Fault::Configuration),
            EntraError::Throttled(_, wait) => {
                let until = cx.env.now.instant.after(*wait);
                let requests = Throttled::TokenRefresh(self.assertion.user.key());
                cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
                OnBehalfOfFailure::Unavailable(Fault::Throttled(whole_seconds(*wait)))
            }
            EntraError::Unavailable(_) => OnBehalfOfFailure::Unavailable(Fault::Entra),
        }
    }
}

fn failed(failure: OnBehalfOfFailure) -> OnBehalfOfProgress {
    Progress::Ready(Err(match failure {
        OnBehalfOfFailure::Denied => AccessTokenError::Denied(DENIED.into()),
        OnBehalfOfFailure::MoreRequired => AccessTokenError::Denied(MORE_REQUIRED.into()),
        OnBehalfOfFailure::ClaimsRequired(claims) => AccessTokenError::ClaimsRequired(claims),
        OnBehalfOfFailure::Revoked => AccessTokenError::SessionEnded,
        OnBehalfOfFailure::Unavailable(fault) => AccessTokenError::Unavailable(fault),
    }))
}

fn token_hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// What the hub knows the token by: the assertion, whom it is of, and what the token is for.
fn key(assertion: &Assertion, scope: &str, cx: &Cx<'_>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    if !cx.env.server.has(Planted::OnBehalfOfCrossed) {
        context.update(&token_hash(assertion.token.expose()));
        let caller = &assertion.caller;
        for part in [&caller.tenant_id, &caller.oid, &caller.application] {
            context.update(part.as_bytes());
            context.update(b"\n");
        }
    }
    context.update(scope.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    // D19
    #[test]
    fn token_is_waited_for_by_the_claims_that_it_must_satisfy() {
        let kept_by = [1; 32];
        let of = |id: Option<&str>| {
            let claims = id.map(ClaimsChallenge::of_access_context);
            Slot::new(kept_by, claims.as_ref())
        };
        let slots = [of(None), of(Some("c1")), of(Some("c2"))];
        for (number, slot) in slots.iter().enumerate() {
            assert_eq!(slot.kept_by, kept_by);
            let same = slots.iter().filter(|other| other.key == slot.key);
            assert_eq!(same.count(), 1, "{number}");
        }
        assert_eq!(of(Some("c1")).key, of(Some("c1")).key);
        assert_eq!(of(None).key, kept_by);
    }
}
