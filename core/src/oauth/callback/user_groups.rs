//! A user who is in more groups than the ID token names: Graph is asked, before anybody says whether they may sign in
//! (threat D21).

use super::tokens_received::SignedIn;
use crate::{
    catalog::Names,
    entra::groups::{GroupsRequest, GroupsUnknown},
    event::Answer,
    oauth::sign_in_failure::{CallbackError, Failure},
    session::allowed,
    step::{Cx, Progress},
};

/// A sign-in whose user's groups are asked for.
#[derive(Debug)]
pub(crate) struct AskingForGroups {
    signed_in: SignedIn,
    request: GroupsRequest,
}

/// How far it is: then the groups are known, or make no difference.
pub(super) type GroupsProgress = Progress<AskingForGroups, Result<SignedIn, Failure>>;

impl AskingForGroups {
    /// Begins, if the ID token does not name the groups and they matter.
    pub(super) fn start(signed_in: SignedIn, cx: &mut Cx<'_>) -> GroupsProgress {
        if !signed_in.identity.claims.has_more_groups {
            return Progress::Ready(Ok(signed_in));
        }
        let (user, client) = (
            signed_in.identity.to_user(),
            signed_in.sign_in.request.client,
        );
        let token = &signed_in.tokens.access_token;
        match GroupsRequest::start(&user, &client, token, cx) {
            None => Progress::Ready(Ok(signed_in)),
            Some(Ok(request)) => Progress::Pending(Self { signed_in, request }),
            Some(Err(unknown)) => Progress::Ready(known(signed_in, Err(unknown), cx)),
        }
    }

    /// Takes an answer.
    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Result<SignedIn, Failure> {
        let Self { signed_in, request } = self;
        let client = signed_in.sign_in.request.client;
        let groups = request.handle(&client, answer, cx);
        known(signed_in, groups, cx)
    }
}

/// Whoever may sign in by a group only must try again where nobody knows the groups; others are in none.
fn known(
    mut signed_in: SignedIn,
    groups: Result<Names, GroupsUnknown>,
    cx: &Cx<'_>,
) -> Result<SignedIn, Failure> {
    let is_unknown = groups.is_err();
    signed_in.identity.claims.profile.groups = groups.unwrap_or_default();
    let request = &signed_in.sign_in.request;
    let user = signed_in.identity.to_user();
    if is_unknown && allowed::check(&user, &request.client, cx.env).is_err() {
        let redirect_target = request.redirect_target.clone();
        return Err(Failure::new(redirect_target, CallbackError::Unavailable));
    }
    Ok(signed_in)
}
