//! Who calls: a look-up, and where an access token of Entra's leaves out the groups that matter here, Graph on behalf of its
//! user (Microsoft identity platform, "Groups overage claim" and "OAuth 2.0 On-Behalf-Of flow"; threat D21).
//!
//! ```text
//! LookingUp --known--> the caller
//!    \--the token leaves the groups out--> AskingForToken --> AskingForGroups --> LookingUp
//! ```

use ::http::Response;
use bytes::Bytes;

use crate::{
    admit::{
        bearer::Credential,
        caller::{Caller, CallerLookup, GroupsLeftOut, LookedUp, LookupProgress},
    },
    entra::{
        access_token::AccessTokenError,
        caller_token::{CallerToken, CallerTokenProgress, Credentials},
        groups::{self, GroupsRequest},
    },
    event::Answer,
    opened_session::OpenedSession,
    route::Route,
    step::{Cx, Progress},
};

/// A look-up under way.
#[derive(Debug)]
pub(crate) enum Authenticate {
    LookingUp(CallerLookup),
    /// For Graph, on behalf of the user.
    AskingForToken(Box<GroupsLeftOut>, Box<CallerToken>),
    AskingForGroups(Box<GroupsLeftOut>, GroupsRequest),
}

/// How far it is. An error is the response to give if the caller is refused, or cannot be known now.
pub(crate) type AuthenticateProgress =
    Progress<Authenticate, Result<Box<Caller>, Box<Response<Bytes>>>>;

impl Authenticate {
    /// Looks up whose a token is.
    pub(crate) fn start(
        route: Route,
        credential: Credential,
        opened: Option<OpenedSession>,
        cx: &mut Cx<'_>,
    ) -> Self {
        Self::LookingUp(CallerLookup::start(route, credential, opened, cx))
    }

    /// Takes the answer that was waited for.
    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> AuthenticateProgress {
        match self {
            Self::LookingUp(lookup) => looked_up(lookup.handle(answer, cx), cx),
            Self::AskingForToken(caller, token) => {
                let progress = token.handle(answer, cx);
                got_token(caller, progress, cx)
            }
            Self::AskingForGroups(caller, request) => {
                let next = match request.handle(caller.client(), answer, cx) {
                    Ok(groups) => caller.in_groups(groups, cx),
                    Err(_) => caller.unknown_now(cx),
                };
                looked_up(next, cx)
            }
        }
    }
}

fn looked_up(progress: LookupProgress, cx: &mut Cx<'_>) -> AuthenticateProgress {
    match progress {
        Progress::Pending(lookup) => Progress::Pending(Authenticate::LookingUp(lookup)),
        Progress::Ready(Ok(LookedUp::Caller(caller))) => Progress::Ready(Ok(caller)),
        Progress::Ready(Ok(LookedUp::GroupsLeftOut(caller))) => ask_for_groups(caller, cx),
        Progress::Ready(Err(response)) => Progress::Ready(Err(response)),
    }
}

/// Asks Graph, by the token that tools act by, too.
fn ask_for_groups(caller: Box<GroupsLeftOut>, cx: &mut Cx<'_>) -> AuthenticateProgress {
    if !groups::matter(caller.client(), cx.env) {
        return looked_up(caller.in_none(cx), cx);
    }
    let credentials = Credentials::of_presented(caller.caller(), caller.token(), caller.user());
    let progress = CallerToken::for_graph(&credentials, cx);
    got_token(caller, progress, cx)
}

fn got_token(
    caller: Box<GroupsLeftOut>,
    progress: CallerTokenProgress,
    cx: &mut Cx<'_>,
) -> AuthenticateProgress {
    let token = match progress {
        Progress::Pending(token) => {
            return Progress::Pending(Authenticate::AskingForToken(caller, Box::new(token)));
        }
        Progress::Ready(Ok(token)) => token,
        Progress::Ready(Err(error)) => return looked_up(no_token(*caller, error, cx), cx),
    };
    match GroupsRequest::start(caller.user(), caller.client(), &token, cx) {
        Some(Ok(request)) => Progress::Pending(Authenticate::AskingForGroups(caller, request)),
        Some(Err(_)) => looked_up(caller.unknown_now(cx), cx),
        None => looked_up(caller.in_none(cx), cx),
    }
}

/// Without a token nobody knows the groups.
fn no_token(caller: GroupsLeftOut, error: AccessTokenError, cx: &mut Cx<'_>) -> LookupProgress {
    groups::unknown(
        "Entra ID gives no token for Graph on behalf of the caller",
        cx,
    );
    match error {
        AccessTokenError::SessionEnded => caller.revoked(cx),
        AccessTokenError::ClaimsRequired(claims) => caller.needs_claims(&claims, cx),
        AccessTokenError::Denied(_) => caller.in_none(cx),
        AccessTokenError::Unavailable(_) => caller.unknown_now(cx),
    }
}
