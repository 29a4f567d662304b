//! The sessions of the backend: which of them belongs to which MCP session of ours.
//!
//! ```text
//! none --somebody needs it: they open it, others wait--> Opening --> Open --lost, or ours has ended--> none
//!                                                          \--it failed, or its exchange died: the next opens it
//! ```
//!
//! The key is the principal (tenant, user, client) and the MCP session, so a backend's session is never anybody else's
//! (threat R5). Its name at the backend is known to no client.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    HubOutput, Job, JobKind,
    asks::{FindBackendSession, Waiter},
    from_hub::{BackendSession, BackendSessionFound},
};
use crate::{
    gateway::Telling,
    id::{ExchangeId, McpSessionId, PrincipalId},
    limits,
    ticket::Ticket,
    time::Instant,
};

/// Whose session it is.
pub(crate) type BackendOwner = (PrincipalId, McpSessionId);

/// A message about a session of the backend.
#[derive(Debug)]
pub(crate) enum BackendSessionMessage {
    /// The sender needs it.
    Find(Ticket<FindBackendSession>, BackendOwner),
    /// The sender has opened it.
    Opened(BackendOwner, BackendSession),
    /// The sender could not open it.
    NotOpened(BackendOwner),
    /// The backend does not know this one any more: the sender needs another.
    Lost(Ticket<FindBackendSession>, BackendOwner, BackendSession),
}

#[derive(Debug)]
enum State {
    Opening {
        by: ExchangeId,
        waiters: VecDeque<Waiter<FindBackendSession>>,
    },
    Open(BackendSession),
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// With what `initialize` was sent before, if it was.
    params: Option<Arc<str>>,
    used: Instant,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct BackendSessions {
    entries: BTreeMap<BackendOwner, Entry>,
    /// Those that are being opened.
    opening: BTreeSet<BackendOwner>,
}

impl BackendSessions {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: BackendSessionMessage,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            BackendSessionMessage::Find(ticket, owner) => {
                self.find(Waiter::new(from, ticket), owner, now, out);
            }
            BackendSessionMessage::Opened(owner, session) => self.opened(owner, session, now, out),
            BackendSessionMessage::NotOpened(owner) => self.not_opened(from, owner, out),
            BackendSessionMessage::Lost(ticket, owner, lost) => {
                let is_it =
                    |entry: &&mut Entry| matches!(&entry.state, State::Open(open) if *open == lost);
                let waiter = Waiter::new(from, ticket);
                // Another call may have opened one again already.
                let Some(entry) = self.entries.get_mut(&owner).filter(is_it) else {
                    return self.find(waiter, owner, now, out);
                };
                let (by, waiters) = (from, VecDeque::new());
                entry.state = State::Opening { by, waiters };
                self.opening.insert(owner);
                out.push_back(waiter.answer(BackendSessionFound::ToOpen(Some(lost.params))));
            }
        }
    }

    fn find(
        &mut self,
        waiter: Waiter<FindBackendSession>,
        owner: BackendOwner,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        if !self.entries.contains_key(&owner) {
            self.make_room(owner.0, out);
        }
        let from = waiter.exchange;
        let answer = match self.entries.get_mut(&owner) {
            Some(entry) => {
                entry.used = now;
                match &mut entry.state {
                    State::Open(session) => BackendSessionFound::Open(session.clone()),
                    State::Opening { waiters, .. } => {
                        waiters.push_back(waiter);
                        return;
                    }
                }
            }
            None => {
                let state = State::Opening {
                    by: from,
                    waiters: VecDeque::new(),
                };
                let entry = Entry {
                    state,
                    params: None,
                    used: now,
                };
                self.entries.insert(owner, entry);
                self.opening.insert(owner);
                BackendSessionFound::ToOpen(None)
            }
        };
        out.push_back(waiter.answer(answer));
    }

    fn opened(
        &mut self,
        owner: BackendOwner,
        session: BackendSession,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        if !self.entries.contains_key(&owner) {
            self.make_room(owner.0, out);
        }
        let entry = Entry {
            params: Some(Arc::clone(&session.params)),
            state: State::Open(session.clone()),
            used: now,
        };
        self.opening.remove(&owner);
        let before = self.entries.insert(owner, entry);
        if let Some(State::Opening { waiters, .. }) = before.map(|entry| entry.state) {
            for waiter in waiters {
                let found = BackendSessionFound::Open(session.clone());
                out.push_back(waiter.answer(found));
            }
        }
    }

    /// Whoever waits next opens it; nobody does, if nobody waits.
    fn not_opened(&mut self, from: ExchangeId, owner: BackendOwner, out: &mut VecDeque<HubOutput>) {
        let Some(entry) = self.entries.get_mut(&owner) else {
            return;
        };
        let State::Opening { by, waiters } = &mut entry.state else {
            return;
        };
        if *by != from {
            return;
        }
        match waiters.pop_front() {
            Some(next) => {
                *by = next.exchange;
                let params = entry.params.clone();
                out.push_back(next.answer(BackendSessionFound::ToOpen(params)));
            }
            None => {
                self.entries.remove(&owner);
                self.opening.remove(&owner);
            }
        }
    }

    /// The one that was used longest ago makes room: of this user with this client, or else of all.
    fn make_room(&mut self, principal: PrincipalId, out: &mut VecDeque<HubOutput>) {
        let first = (principal, McpSessionId([0; 16]));
        let last = (principal, McpSessionId([0xff; 16]));
        let of_principal = self.entries.range(first..=last).count();
        let is_full = of_principal >= limits::BACKEND_SESSIONS_OF_PRINCIPAL;
        if !is_full && self.entries.len() < limits::BACKEND_SESSIONS {
            return;
        }
        let open = self.entries.iter().filter(|((owner, _), entry)| {
            let is_open = matches!(entry.state, State::Open(_));
            is_open && (!is_full || *owner == principal)
        });
        let oldest = open.min_by_key(|(_, entry)| entry.used);
        if let Some(owner) = oldest.map(|(owner, _)| *owner) {
            self.end(owner, out);
        }
    }

    /// Ours has ended, or makes room: the backend is told, if its session has a name there.
    pub(super) fn end(&mut self, owner: BackendOwner, out: &mut VecDeque<HubOutput>) {
        let entry = self.entries.get(&owner);
        let Some(State::Open(session)) = entry.map(|entry| &entry.state) else {
            return;
        };
        if session.id.is_some() {
            let telling = Telling::session_over(session.id.clone(), session.revision);
            out.push_back(HubOutput::Spawn(Job(JobKind::TellBackend(Box::new(
                telling,
            )))));
        }
        self.entries.remove(&owner);
    }

    /// An exchange has ended, however it did.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        for owner in self.opening.clone() {
            let entry = self.entries.get_mut(&owner);
            if let Some(State::Opening { waiters, .. }) = entry.map(|entry| &mut entry.state) {
                waiters.retain(|waiter| waiter.exchange != id);
            }
            self.not_opened(id, owner, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hub::{FromHub, FromHubKind, HubAnswer},
        revision::Revision,
        ticket::AskId,
    };

    const ALICE: PrincipalId = PrincipalId([1; 32]);

    fn owner(number: u8) -> BackendOwner {
        (ALICE, McpSessionId([number; 16]))
    }

    fn session(name: &str) -> BackendSession {
        BackendSession {
            id: Some(name.into()),
            revision: Revision::V2025_11_25,
            params: "{}".into(),
        }
    }

    /// What each exchange is told that is answered.
    fn tell(
        table: &mut BackendSessions,
        from: u64,
        message: BackendSessionMessage,
    ) -> Vec<(u64, String)> {
        let mut out = VecDeque::new();
        table.handle(ExchangeId(from), message, Instant(from), &mut out);
        told(out)
    }

    fn told(out: VecDeque<HubOutput>) -> Vec<(u64, String)> {
        let told = |output| match output {
            HubOutput::Deliver(
                to,
                FromHub(FromHubKind::Answer(HubAnswer::FindBackendSession(answered))),
            ) => match answered.answer {
                BackendSessionFound::Open(session) => (to.0, session.id.unwrap().to_string()),
                BackendSessionFound::ToOpen(None) => (to.0, "open it".to_owned()),
                BackendSessionFound::ToOpen(Some(_)) => (to.0, "open it again".to_owned()),
            },
            HubOutput::Spawn(_) => (0, "told".to_owned()),
            other => panic!("an answer, not {other:?}"),
        };
        out.into_iter().map(told).collect()
    }

    fn find(table: &mut BackendSessions, from: u64, whose: BackendOwner) -> Vec<(u64, String)> {
        let ticket = Ticket::new(AskId(0));
        tell(table, from, BackendSessionMessage::Find(ticket, whose))
    }

    fn opened(table: &mut BackendSessions, by: u64, whose: BackendOwner) -> Vec<(u64, String)> {
        let session = session(&format!("by {by}"));
        tell(table, by, BackendSessionMessage::Opened(whose, session))
    }

    fn is(number: u64, told: &str) -> Vec<(u64, String)> {
        vec![(number, told.to_owned())]
    }

    #[test]
    fn session_is_opened_once_however_many_need_it() {
        let mut table = BackendSessions::default();
        assert_eq!(find(&mut table, 1, owner(1)), is(1, "open it"));
        assert!(find(&mut table, 2, owner(1)).is_empty());
        assert_eq!(opened(&mut table, 1, owner(1)), is(2, "by 1"));
        assert_eq!(find(&mut table, 3, owner(1)), is(3, "by 1"));
        assert!(table.opening.is_empty());
    }

    // R5
    #[test]
    fn session_of_one_owner_is_not_found_by_another() {
        let mut table = BackendSessions::default();
        opened(&mut table, 1, owner(1));
        let bob = (PrincipalId([2; 32]), owner(1).1);
        assert_eq!(find(&mut table, 2, bob), is(2, "open it"));
        assert_eq!(find(&mut table, 3, owner(2)), is(3, "open it"));
    }

    #[test]
    fn next_opens_it_if_the_first_fails_or_dies() {
        let mut table = BackendSessions::default();
        find(&mut table, 1, owner(1));
        for waiting in [2, 3, 4] {
            find(&mut table, waiting, owner(1));
        }
        let failed = BackendSessionMessage::NotOpened(owner(1));
        assert_eq!(tell(&mut table, 1, failed), is(2, "open it"));
        let mut out = VecDeque::new();
        table.forget(ExchangeId(3), &mut out);
        assert!(out.is_empty());
        table.forget(ExchangeId(2), &mut out);
        assert_eq!(told(out), is(4, "open it"));
        let mut out = VecDeque::new();
        table.forget(ExchangeId(4), &mut out);
        assert!(out.is_empty() && table.entries.is_empty() && table.opening.is_empty());
    }

    #[test]
    fn lost_session_is_opened_again_by_one_of_those_who_lost_it() {
        let mut table = BackendSessions::default();
        opened(&mut table, 1, owner(1));
        let mut lost = |from| {
            let ticket = Ticket::new(AskId(0));
            let lost = BackendSessionMessage::Lost(ticket, owner(1), session("by 1"));
            tell(&mut table, from, lost)
        };
        assert_eq!(lost(2), is(2, "open it again"));
        assert!(lost(3).is_empty());
        assert_eq!(opened(&mut table, 2, owner(1)), is(3, "by 2"));
        let ticket = Ticket::new(AskId(0));
        let late = BackendSessionMessage::Lost(ticket, owner(1), session("by 1"));
        assert_eq!(tell(&mut table, 4, late), is(4, "by 2"));
    }

    #[test]
    fn ended_session_is_forgotten_and_the_backend_told() {
        let mut table = BackendSessions::default();
        opened(&mut table, 1, owner(1));
        let mut out = VecDeque::new();
        table.end(owner(1), &mut out);
        table.end(owner(2), &mut out);
        assert_eq!(told(out), is(0, "told"));
        assert_eq!(find(&mut table, 2, owner(1)), is(2, "open it"));
    }

    // M5
    #[test]
    fn session_that_was_used_longest_ago_makes_room() {
        let mut table = BackendSessions::default();
        let most = u8::try_from(limits::BACKEND_SESSIONS_OF_PRINCIPAL).unwrap();
        for number in 0..most {
            opened(&mut table, u64::from(number) + 1, owner(number));
        }
        find(&mut table, 50, owner(0));
        assert_eq!(opened(&mut table, 51, owner(most)), is(0, "told"));
        assert_eq!(table.entries.len(), usize::from(most));
        assert!(table.entries.contains_key(&owner(0)) && !table.entries.contains_key(&owner(1)));
    }
}
