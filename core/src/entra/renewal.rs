//! Asking Entra for new tokens with the refresh token that we keep.
//!
//! Microsoft, refresh tokens: the old one stays valid, so a renewal whose answer is lost costs
//! nothing; the new one replaces it in the session.

use super::{
    error::EntraError,
    token_endpoint::{self, TokenAnswer},
};
use crate::{
    ask::{Awaiting, Fetch},
    event::Event,
    exchange::Cx,
    fault::Fault,
    session::record::EntraTokens,
    time::UnixTime,
};

/// A renewal under way.
#[derive(Debug)]
pub(crate) struct Renewal {
    awaiting: Awaiting<Fetch>,
}

/// How far a renewal is.
#[derive(Debug)]
pub(crate) enum Renewed {
    /// It goes on.
    Waiting(Renewal),
    /// New tokens. `refresh_token` is `None` if Entra sent none: the old one goes on.
    Tokens(Box<EntraTokens>),
    /// Entra wants the person to sign in: the session is over (threats.md D10).
    SignInAgain,
    /// Not now.
    Fault(Fault),
}

impl Renewal {
    /// Begins; `None` if there is no refresh token to begin with.
    pub(crate) fn start(tokens: &EntraTokens, cx: &mut Cx<'_>) -> Option<Self> {
        let refresh_token = tokens.refresh_token.as_ref()?;
        let fetch = token_endpoint::refresh(refresh_token, cx.env)?;
        Some(Self {
            awaiting: cx.fetch(fetch),
        })
    }

    /// The next state after an event.
    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Renewed {
        let Event::Fetched(answered) = event else {
            return Renewed::Waiting(self);
        };
        let Some(answer) = self.awaiting.take(answered) else {
            return Renewed::Waiting(self);
        };
        match token_endpoint::read(answer) {
            Ok(answer) => Renewed::Tokens(Box::new(tokens(answer, cx.env.now.unix))),
            Err(error) => {
                cx.audit(error.audit("Entra ID did not renew tokens"));
                match error {
                    EntraError::SignInAgain(_) => Renewed::SignInAgain,
                    EntraError::Configuration(_) => Renewed::Fault(Fault::Configuration),
                    EntraError::Unavailable(_) => Renewed::Fault(Fault::Entra),
                }
            }
        }
    }
}

/// What the session keeps of an answer of Entra's token endpoint.
pub(crate) fn tokens(answer: TokenAnswer, now: UnixTime) -> EntraTokens {
    EntraTokens {
        refresh_token: answer.refresh_token,
        access_token: answer.access_token,
        scope: answer.scope,
        expires: now.after(answer.expires_in),
        refreshed: now,
    }
}
