//! A token of a session's user for another permission than those of the token that the session holds.
//!
//! ```text
//! Asking --kept, or another exchange has got it--> the token
//!    \--nobody has it--> Acquiring --from Entra--> the token, which the hub keeps for this session and this permission
//! ```
//!
//! It is kept in memory until it ends, an hour at most; never in the store. Another session never gets it (threat P9), and once its
//! session has ended nobody reaches it.

use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::{
    access_token::{AccessToken, AccessTokenError, AcquireToken, PERMISSION_DENIED},
    on_behalf_of::{Reason, Slot},
    permission::Permission,
};
use crate::{
    ask::{Awaiting, Version},
    claims_challenge::ClaimsChallenge,
    event::Answer,
    fault::Fault,
    hub::{
        GetOnBehalfOf, OnBehalfOfAnswer, OnBehalfOfFailure, PresentedTokenMessage, ToHub, ToHubKind,
    },
    id::SessionId,
    limits,
    planted::Planted,
    session::record::Session,
    step::{Cx, Progress},
};

/// A token that is being got.
#[derive(Debug)]
pub(crate) struct SessionToken {
    slot: Slot,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Does the hub keep one, or does another exchange ask Entra?
    Asking(Awaiting<GetOnBehalfOf>, Box<Wanted>),
    /// Entra is asked.
    Acquiring(Box<AcquireToken>),
}

#[derive(Debug)]
struct Wanted {
    permission: Permission,
    claims: Option<ClaimsChallenge>,
    session: Session,
    version: Version,
}

/// How far it is, and what it results in.
pub(crate) type SessionTokenProgress =
    Progress<SessionToken, Result<AccessToken, AccessTokenError>>;

impl SessionToken {
    pub(super) fn start(
        permission: Permission,
        reason: Reason,
        session: &Session,
        version: Version,
        cx: &mut Cx<'_>,
    ) -> SessionTokenProgress {
        let kept_by = key(session.id, &permission, cx);
        let mut claims = None;
        if let Reason::Refused(wanted) = reason {
            claims = wanted;
            let forget = PresentedTokenMessage::ForgetOnBehalfOf(kept_by);
            cx.to_hub(ToHub(ToHubKind::PresentedTokens(forget)));
        }
        let slot = Slot::new(kept_by, claims.as_ref());
        let key = slot.key;
        let asking = cx.ask_hub(|ticket| {
            ToHubKind::PresentedTokens(PresentedTokenMessage::GetOnBehalfOf { ticket, key })
        });
        let wanted = Box::new(Wanted {
            permission,
            claims,
            session: session.clone(),
            version,
        });
        Progress::Pending(Self {
            slot,
            state: State::Asking(asking, wanted),
        })
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> SessionTokenProgress {
        let Self { slot, state } = self;
        let acquiring = match state {
            State::Asking(asking, wanted) => match asking.into_answer(answer) {
                OnBehalfOfAnswer::Token(token) => {
                    let secret = (*token).clone();
                    let expires = cx.env.now.unix.after(limits::ACCESS_TOKEN_RENEWAL);
                    return Progress::Ready(Ok(AccessToken { secret, expires }));
                }
                OnBehalfOfAnswer::Failed(failure) => return Progress::Ready(Err(error(failure))),
                OnBehalfOfAnswer::AskEntra => {
                    let Wanted {
                        permission,
                        claims,
                        session,
                        version,
                    } = *wanted;
                    AcquireToken::for_permission(&permission, claims, &session, version, cx)
                }
            },
            State::Acquiring(acquiring) => acquiring.handle(answer, cx),
        };
        match acquiring {
            Progress::Pending(acquiring) => Progress::Pending(Self {
                slot,
                state: State::Acquiring(acquiring),
            }),
            Progress::Ready(result) => {
                tell(slot, &result, cx);
                Progress::Ready(result)
            }
        }
    }
}

/// Tells those who wait for the same.
fn tell(slot: Slot, result: &Result<AccessToken, AccessTokenError>, cx: &mut Cx<'_>) {
    let now = cx.env.now;
    let result = match result {
        Ok(token) => {
            let lasts = token.expires.until(now.unix);
            let lasts = lasts.saturating_sub(limits::ACCESS_TOKEN_RENEWAL);
            let until = match cx.env.server.has(Planted::BackendTokensNotKept) {
                true => now.instant,
                false => now.instant.after(lasts.min(limits::SESSION_TOKEN_KEPT)),
            };
            Ok((Arc::new(token.secret.clone()), until))
        }
        Err(AccessTokenError::SessionEnded) => Err(OnBehalfOfFailure::Revoked),
        Err(AccessTokenError::Denied(_)) => Err(OnBehalfOfFailure::Denied),
        Err(AccessTokenError::ClaimsRequired(claims)) => {
            Err(OnBehalfOfFailure::ClaimsRequired(claims.clone()))
        }
        Err(AccessTokenError::Unavailable(fault)) => Err(OnBehalfOfFailure::Unavailable(*fault)),
    };
    let message = PresentedTokenMessage::GotOnBehalfOf {
        key: slot.key,
        kept_by: slot.kept_by,
        result,
    };
    cx.to_hub(ToHub(ToHubKind::PresentedTokens(message)));
}

/// Another exchange of this session has asked Entra in vain.
fn error(failure: OnBehalfOfFailure) -> AccessTokenError {
    match failure {
        OnBehalfOfFailure::Denied | OnBehalfOfFailure::MoreRequired => {
            AccessTokenError::Denied(PERMISSION_DENIED.into())
        }
        OnBehalfOfFailure::ClaimsRequired(claims) => AccessTokenError::ClaimsRequired(claims),
        // That exchange ends the session; this one sees it with its next look at it.
        OnBehalfOfFailure::Revoked => AccessTokenError::Unavailable(Fault::Entra),
        OnBehalfOfFailure::Unavailable(fault) => AccessTokenError::Unavailable(fault),
    }
}

/// What the hub knows the token by: the session, and what the token is for.
fn key(session: SessionId, permission: &Permission, cx: &Cx<'_>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"session\n");
    if !cx.env.server.has(Planted::BackendTokensShared) {
        context.update(session.bytes());
    }
    context.update(permission.to_resource_scope().as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}
