//! A user whose access token leaves the groups out, because they are too many: Graph must say in which they are, before anybody
//! says whether they may use this server (Microsoft identity platform, "Groups overage claim"; threat D21).
//!
//! What Graph said is known as long as the token is, and with it alone.

use std::sync::Arc;

use super::{EntraLookup, Owner, REVOKED, Route, bearer, hash_of, refuse, response};
use crate::{
    admit::{
        caller::{CallerLookup, LookupProgress},
        entra_token::EntraTokenError,
    },
    catalog::Names,
    claims_challenge::ClaimsChallenge,
    entra_token::EntraCaller,
    hub::{PresentedTokenMessage, ToHub, ToHubKind},
    secret::Secret,
    session::{
        allowed,
        record::{Hash, User},
    },
    step::{Cx, Progress},
};

/// A caller whose groups are to be asked for.
#[derive(Debug)]
pub(crate) struct GroupsLeftOut {
    route: Route,
    token: Secret<String>,
    owner: Box<Owner>,
}

impl GroupsLeftOut {
    pub(super) fn new(route: Route, token: Secret<String>, owner: Box<Owner>) -> Self {
        Self {
            route,
            token,
            owner,
        }
    }

    /// What the token says.
    pub(crate) fn caller(&self) -> &Arc<EntraCaller> {
        &self.owner.caller
    }

    /// The token itself, for Entra alone.
    pub(crate) fn token(&self) -> &Secret<String> {
        &self.token
    }

    /// The user whose groups they are.
    pub(crate) fn user(&self) -> &User {
        &self.owner.user
    }

    /// The client, as the settings name it.
    pub(crate) fn client(&self) -> &Hash {
        &self.owner.client
    }

    /// Goes on: the user is in these groups of those that are named here.
    pub(crate) fn in_groups(self, groups: Names, cx: &mut Cx<'_>) -> LookupProgress {
        let caller = Arc::new(EntraCaller {
            groups,
            has_more_groups: false,
            ..(**self.caller()).clone()
        });
        let known = PresentedTokenMessage::GroupsKnown {
            token: hash_of(&self.token),
            caller: Arc::clone(&caller),
        };
        cx.to_hub(ToHub(ToHubKind::PresentedTokens(known)));
        CallerLookup::of_entra(EntraLookup::read(self.route, self.token, caller, cx))
    }

    /// Goes on: the user is in none of those that are named here, or nobody will say.
    pub(crate) fn in_none(self, cx: &mut Cx<'_>) -> LookupProgress {
        CallerLookup::of_entra(EntraLookup::read_record(
            self.route, self.token, self.owner, cx,
        ))
    }

    /// Nobody says it now. Whoever may use this server by a group only must try again; others are in none.
    pub(crate) fn unknown_now(self, cx: &mut Cx<'_>) -> LookupProgress {
        match self.may_come_in(cx) {
            true => self.in_none(cx),
            false => Progress::Ready(Err(Box::new(response::unavailable()))),
        }
    }

    /// Entra wants these claims of the user first, and their client takes challenges.
    pub(crate) fn needs_claims(self, claims: &ClaimsChallenge, cx: &mut Cx<'_>) -> LookupProgress {
        match self.may_come_in(cx) {
            true => self.in_none(cx),
            false => {
                let challenge = bearer::insufficient_claims(self.route, claims, cx.env);
                Progress::Ready(Err(Box::new(challenge)))
            }
        }
    }

    /// Entra takes the token no more.
    pub(crate) fn revoked(self, cx: &mut Cx<'_>) -> LookupProgress {
        let error = EntraTokenError::Invalid(REVOKED);
        CallerLookup::of_entra(refuse(self.route, error, cx))
    }

    /// Whether the user may use this server without any group.
    fn may_come_in(&self, cx: &Cx<'_>) -> bool {
        allowed::check(self.user(), self.client(), cx.env).is_ok()
    }
}
