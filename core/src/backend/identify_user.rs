//! What proves to the backend who calls: an assertion, an access token of Entra's for the backend's own application, headers; each if it
//! is set, and no request goes without what is set.
//!
//! ```text
//! Asserting --signed--> Acquiring --from Entra, or kept--> Ready
//!     \--no keys--\         \--no consent, more is wanted, not now--> NotIdentified
//!                  \--> NotIdentified
//! ```

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{AssertUser, BackendFault};
use crate::{
    admit::caller::Caller,
    claims_challenge::ClaimsChallenge,
    config::{BackendShare, Endpoint, Gateway},
    entra::{
        access_token::AccessTokenError,
        caller_token::{self, CallerToken, CallerTokenProgress},
    },
    event::Answer,
    gateway::{Credentials, ProcessOwner, ProcessShare, UserHeaders},
    step::{Cx, Progress},
};

/// What is waited for.
#[derive(Debug)]
pub(crate) struct IdentifyUser {
    credentials: Credentials,
    state: State,
}

#[derive(Debug)]
enum State {
    /// What the backend has wanted of the token before is kept meanwhile.
    Asserting(AssertUser, Option<ClaimsChallenge>),
    Acquiring(Box<CallerToken>),
}

/// Why nothing proves it.
#[derive(Debug)]
pub(crate) enum NotIdentified {
    /// It is as if the backend had failed.
    Fault(BackendFault),
    /// Entra gives no token; why, for the model and the user.
    Denied(Cow<'static, str>),
    /// The user must satisfy these claims first.
    ClaimsRequired(ClaimsChallenge),
    /// The user must sign in again.
    SessionEnded,
}

/// How far it is, and what it results in.
pub(crate) type Identified = Progress<Box<IdentifyUser>, Result<Credentials, NotIdentified>>;

/// For the model and the user, after why there is no token.
const CONSENT: &str = "This is about the server behind this gateway: its operator sees to the consent, and then sign in again.";

impl IdentifyUser {
    /// Begins. `wanted`: what the backend wants of another token of Entra's than the one that it was sent.
    pub(crate) fn start(
        caller: &Caller,
        wanted: Option<ClaimsChallenge>,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Identified {
        let credentials = match owner_of_process(caller, gateway, cx.env.endpoint) {
            Some(owner) => Credentials::of_owner(owner),
            None => Credentials::default(),
        };
        if gateway.signs() {
            let state = State::Asserting(AssertUser::start(caller, gateway, cx), wanted);
            return Progress::Pending(Box::new(Self { credentials, state }));
        }
        acquire(credentials, wanted, caller, gateway, cx)
    }

    pub(crate) fn handle(
        self,
        answer: Answer,
        caller: &Caller,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Identified {
        let Self { credentials, state } = self;
        match state {
            State::Asserting(assert, wanted) => match assert.handle(answer, cx) {
                Progress::Pending(assert) => {
                    let state = State::Asserting(assert, wanted);
                    Progress::Pending(Box::new(Self { credentials, state }))
                }
                Progress::Ready(Ok((assertion, claims))) => {
                    let credentials = credentials.with_assertion(assertion).with_claims(claims);
                    acquire(credentials, wanted, caller, gateway, cx)
                }
                Progress::Ready(Err(_)) => {
                    Progress::Ready(Err(NotIdentified::Fault(BackendFault::NoAssertion)))
                }
            },
            State::Acquiring(token) => {
                let progress = token.handle(answer, cx);
                acquired(credentials, progress, caller, gateway, cx)
            }
        }
    }
}

fn acquire(
    credentials: Credentials,
    wanted: Option<ClaimsChallenge>,
    caller: &Caller,
    gateway: &Gateway,
    cx: &mut Cx<'_>,
) -> Identified {
    let Some(scopes) = &gateway.identity.entra else {
        return Progress::Ready(Ok(described(credentials, caller, gateway, cx)));
    };
    let progress = CallerToken::for_backend(scopes, wanted, caller, cx);
    acquired(credentials, progress, caller, gateway, cx)
}

fn acquired(
    credentials: Credentials,
    progress: CallerTokenProgress,
    caller: &Caller,
    gateway: &Gateway,
    cx: &Cx<'_>,
) -> Identified {
    let result = match progress {
        Progress::Pending(token) => {
            let state = State::Acquiring(Box::new(token));
            return Progress::Pending(Box::new(IdentifyUser { credentials, state }));
        }
        Progress::Ready(result) => result,
    };
    Progress::Ready(match result {
        Ok(token) => {
            let credentials = credentials.with_token(Arc::new(token));
            Ok(described(credentials, caller, gateway, cx))
        }
        Err(AccessTokenError::Denied(reason)) => {
            Err(NotIdentified::Denied(format!("{reason} {CONSENT}").into()))
        }
        Err(AccessTokenError::ClaimsRequired(claims)) => Err(NotIdentified::ClaimsRequired(claims)),
        Err(AccessTokenError::SessionEnded) => Err(NotIdentified::SessionEnded),
        Err(AccessTokenError::Unavailable(fault)) => {
            Err(NotIdentified::Denied(caller_token::no_token(fault)))
        }
    })
}

/// With the headers that describe the user, if they are wanted.
fn described(
    credentials: Credentials,
    caller: &Caller,
    gateway: &Gateway,
    cx: &Cx<'_>,
) -> Credentials {
    let (user, keys) = (&caller.principal, &cx.env.server.keys);
    match UserHeaders::new(&gateway.identity, user, &gateway.audience, keys) {
        Some(headers) => credentials.with_headers(headers),
        None => credentials,
    }
}

/// Whose a process is that serves this caller, if the backend is one, and what it is told of them.
fn owner_of_process(
    caller: &Caller,
    gateway: &Gateway,
    endpoint: Endpoint,
) -> Option<ProcessOwner> {
    let command = gateway.command()?;
    let user = &caller.principal;
    // One of all is nobody's.
    let environment = match gateway.identity.tells() && command.share != BackendShare::All {
        false => BTreeMap::new(),
        true => ProcessOwner::environment(user),
    };
    Some(ProcessOwner {
        endpoint,
        principal: caller.principal_id,
        session: caller.session.id,
        share: match command.share {
            BackendShare::Session => None,
            BackendShare::User => {
                Some(ProcessShare::User(user.tenant_id.clone(), user.oid.clone()))
            }
            BackendShare::All => Some(ProcessShare::All),
        },
        subject: caller.session.outline.subject.clone(),
        environment,
    })
}
