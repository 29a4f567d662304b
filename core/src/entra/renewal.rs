//! Asking Entra for new tokens with the refresh token that we keep.
//!
//! Microsoft, refresh tokens: the old one stays valid, so a renewal whose answer is lost costs
//! nothing; the new one replaces it in the session.

use super::{
    error::EntraError,
    token_endpoint::{self, TokenAnswer},
};
use crate::{
    ask::{Ask, Awaiting, Fetch},
    event::Event,
    exchange::Cx,
    fault::Fault,
    hub::{FromHub, FromHubKind, ToHub, ToHubKind},
    oauth::scope::Scope,
    secret::Secret,
    session::record::{EntraTokens, Session},
    time::UnixTime,
};

/// A renewal under way.
#[derive(Debug)]
pub(crate) struct Renewal(State);

#[derive(Debug)]
enum State {
    /// Entra's addresses are being learned: this server has just been started.
    Learning {
        refresh_token: Secret<String>,
        scope: Scope,
    },
    /// Entra is asked.
    Asking(Awaiting<Fetch>),
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
    /// Begins; `None` if there is no refresh token to begin with. Entra is asked for what the session
    /// was granted, not for all that is offered: the person has not consented to more.
    pub(crate) fn start(session: &Session, tokens: &EntraTokens, cx: &mut Cx<'_>) -> Option<Self> {
        let refresh_token = tokens.refresh_token.as_ref()?;
        let scope = cx.env.server.scopes.held(&session.scope);
        if cx.env.known.entra.is_none() {
            let newer_than = cx.env.known.revision;
            cx.tell(ToHub(ToHubKind::WantEntra { newer_than }));
            return Some(Self(State::Learning {
                refresh_token: refresh_token.clone(),
                scope,
            }));
        }
        let fetch = token_endpoint::refresh(refresh_token, &scope, cx.env)?;
        Some(Self(State::Asking(cx.fetch(fetch))))
    }

    /// The next state after an event.
    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Renewed {
        match (self.0, event) {
            (
                State::Learning {
                    refresh_token,
                    scope,
                },
                Event::Told(FromHub(FromHubKind::EntraKnown(_))),
            ) => match token_endpoint::refresh(&refresh_token, &scope, cx.env) {
                Some(fetch) => Renewed::Waiting(Self(State::Asking(cx.fetch(fetch)))),
                None => Renewed::Fault(Fault::Entra),
            },
            (State::Asking(awaiting), Event::Fetched(answered)) => match awaiting.take(answered) {
                Some(answer) => answered_with(answer, cx),
                None => Renewed::Waiting(Self(State::Asking(awaiting))),
            },
            (state, _) => Renewed::Waiting(Self(state)),
        }
    }
}

fn answered_with(answer: <Fetch as Ask>::Answer, cx: &mut Cx<'_>) -> Renewed {
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
