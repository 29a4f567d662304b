//! The ends of sessions of backends: with those of clients, with a sign-in, or to make room.

use super::{BackendOwner, BackendSessions, GivenUp, State};
use crate::{
    gateway::Telling,
    hub::from_hub::{BackendSession, RefusesWithin},
    id::{ExchangeId, McpSessionId, PrincipalId, SessionId},
    limits,
};

impl BackendSessions {
    /// Whether streams of clients listen in this session.
    pub(in crate::hub) fn set_listened(&mut self, owner: BackendOwner, is_listened: bool) {
        match is_listened {
            true => drop(self.listened.insert(owner)),
            false => drop(self.listened.remove(&owner)),
        }
    }

    /// The one that was used longest ago makes room: of this user with this client, or else of all.
    pub(super) fn make_room(&mut self, principal: PrincipalId) {
        let first = (principal, McpSessionId([0; 16]));
        let last = (principal, McpSessionId([0xff; 16]));
        let of_principal = self.entries.range(first..=last).count();
        let is_full = of_principal >= limits::BACKEND_SESSIONS_OF_PRINCIPAL;
        if !is_full && self.entries.len() < limits::BACKEND_SESSIONS {
            return;
        }
        let open = self.entries.iter().filter(|((owner, _), entry)| {
            let is_open = matches!(entry.state, State::Open(_) | State::Resting);
            is_open && (!is_full || *owner == principal)
        });
        // There are no more of these than streams, each of which is counted.
        let open = open.filter(|(owner, _)| !self.listened.contains(owner));
        let oldest = open.min_by_key(|(_, entry)| entry.used);
        if let Some(owner) = oldest.map(|(owner, _)| *owner) {
            self.end(owner);
        }
    }

    /// Gives what backends are to be told of those that are over.
    pub(in crate::hub) fn take_over(&mut self) -> Vec<Telling> {
        std::mem::take(&mut self.over)
    }

    /// Ours has ended, or makes room: the backend is told, if its session has a name there.
    pub(in crate::hub) fn end(&mut self, owner: BackendOwner) {
        match self.entries.get(&owner).map(|entry| &entry.state) {
            None | Some(State::Opening { .. }) => return,
            Some(State::Resting) => {}
            Some(State::Open(session)) => {
                let session = session.clone();
                self.over(&session);
            }
        }
        let entry = self.entries.remove(&owner);
        if let Some(given_up) = entry.and_then(|entry| entry.given_up) {
            self.over(&given_up);
        }
    }

    /// One was given up for another that is no better: the backend is told that it is over, now, or with the other if somebody else may
    /// use it still. What the backend answers 400 in the other is an answer from now on.
    pub(super) fn not_lost(&mut self, by: ExchangeId, owner: BackendOwner, given_up: GivenUp) {
        let GivenUp { before, instead } = given_up;
        let is_shared = self.is_used_by_others(by, owner);
        let Some(entry) = self.entries.get_mut(&owner) else {
            return;
        };
        let State::Open(open) = &mut entry.state else {
            return;
        };
        if *open != instead || open.refuses.0 {
            return;
        }
        open.refuses = RefusesWithin(true);
        let over = match is_shared {
            true => entry.given_up.replace(before),
            false => Some(before),
        };
        if let Some(over) = over {
            self.over(&over);
        }
    }

    pub(super) fn over(&mut self, session: &BackendSession) {
        if session.id.is_some() {
            let (name, revision) = (session.id.clone(), session.revision);
            let telling = Telling::session_over(session.endpoint, name, revision);
            self.over.push(telling);
        }
    }

    /// A sign-in was revoked: what was opened by it ends. Others of its user with this client open it again.
    pub(in crate::hub) fn end_sign_in(&mut self, sign_in: SessionId) {
        let entries = self.entries.iter();
        let theirs = entries.filter(|(_, entry)| entry.sign_in == Some(sign_in));
        let theirs: Vec<BackendOwner> = theirs.map(|(owner, _)| *owner).collect();
        for owner in theirs {
            // What others of the same user and client listen for is subscribed to again in the next.
            match self.listened.contains(&owner) {
                true => self.rest(owner),
                false => self.end(owner),
            }
        }
    }
}
