//! The sessions of the backend: which of them belongs to which MCP session of ours.
//!
//! ```text
//! none --somebody needs it: they open it, others wait--> Opening --> Open --lost, or ours has ended--> none
//!                                                          |  \--nobody has used it for long--> Resting --needed--> Opening
//!                                                          \--it failed, or its exchange died: the next opens it
//! ```
//!
//! The key is the principal (tenant, user, client) and the MCP session, so a backend's session is never anybody else's
//! (threat R5). Its name at the backend is known to no client.

mod ending;
mod idle;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use self::idle::Users;
use super::{
    HubOutput,
    asks::{FindBackendSession, ListenToBackend, Waiter},
    from_hub::{BackendSession, BackendSessionFound, LostSession},
};
use crate::{
    catalog::HeaderParam,
    gateway::{BackendSetting, BackendSettings, Credentials, GivenCredentials, Telling},
    id::{ExchangeId, McpSessionId, PrincipalId, SessionId},
    ticket::Ticket,
    time::Instant,
};

/// Whose session it is.
pub(crate) type BackendOwner = (PrincipalId, McpSessionId);

/// A message about a session of the backend.
#[derive(Debug)]
pub(crate) enum BackendSessionMessage {
    /// The sender needs it, and gives the backend these.
    Find(Ticket<FindBackendSession>, BackendOwner, Credentials),
    /// The sender, of this sign-in, has opened it.
    Opened(BackendOwner, SessionId, BackendSession),
    /// The sender could not open it.
    NotOpened(BackendOwner),
    /// The backend does not know this one any more: the sender needs another.
    Lost(Ticket<FindBackendSession>, BackendOwner, BackendSession),
    /// One was given up for another, in which the sender got the same answer: the backend had not lost it.
    NotLost(BackendOwner, Box<GivenUp>),
    /// The sender wants it if there is one, and opens none.
    Look(Ticket<FindBackendSession>, BackendOwner),
    /// The sender listens to it, and waits until there is one, and another one than this.
    AwaitOther(
        Ticket<FindBackendSession>,
        BackendOwner,
        Option<BackendSession>,
    ),
    /// The backend has accepted this setting.
    Set(BackendOwner, BackendSetting),
    /// This tool of the backend wants these arguments repeated in headers, and that may be kept until then.
    WantsHeaderParams(BackendOwner, String, Vec<HeaderParam>, Instant),
    /// The sender is a stream of this session, and wants what the backend sends of its own accord.
    Listen(Ticket<ListenToBackend>, BackendOwner, SessionId),
    /// The sender is a call of this session, and listens unless another does.
    ListenForCall(Ticket<ListenToBackend>, BackendOwner),
    /// The backend has nothing to listen to in this session.
    HasNoStream(BackendOwner),
}

/// A session that was taken for lost, and the one that was opened in its place.
#[derive(Debug)]
pub(crate) struct GivenUp {
    pub(crate) before: BackendSession,
    pub(crate) instead: BackendSession,
}

#[derive(Debug)]
enum State {
    Opening {
        by: ExchangeId,
        waiters: VecDeque<Waiter<FindBackendSession>>,
    },
    Open(BackendSession),
    /// It was ended, for nobody has used it.
    Resting,
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// With what `initialize` was sent before, if it was.
    params: Option<Arc<str>>,
    settings: BackendSettings,
    used: Instant,
    /// The sign-in that has opened it.
    sign_in: Option<SessionId>,
    /// The backend has said that it sends nothing of its own accord.
    has_no_stream: bool,
    /// What the backend was given lately.
    given: GivenCredentials,
    /// One that others may use still, though it was given up.
    given_up: Option<BackendSession>,
}

impl Entry {
    /// What is known of it, if it was open before.
    fn lost(&self) -> Option<LostSession> {
        Some(LostSession {
            params: self.params.clone()?,
            settings: self.settings.clone(),
        })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct BackendSessions {
    entries: BTreeMap<BackendOwner, Entry>,
    /// Those that are being opened.
    opening: BTreeSet<BackendOwner>,
    /// What backends are to be told of those that are over.
    over: Vec<Telling>,
    users: Users,
    /// Those in which streams of clients listen, which make no room for others.
    listened: BTreeSet<BackendOwner>,
}

impl BackendSessions {
    /// Whether the backend may be listened to in this session.
    pub(super) fn has_stream(&self, owner: BackendOwner) -> bool {
        let entry = self.entries.get(&owner);
        entry.is_some_and(|entry| !entry.has_no_stream)
    }

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
            BackendSessionMessage::Find(ticket, owner, credentials) => {
                self.find(Waiter::new(from, ticket), owner, &credentials, now, out);
            }
            BackendSessionMessage::Opened(owner, by, session) => {
                self.opened(owner, by, session, now, out);
                self.used_by(from, owner);
            }
            BackendSessionMessage::NotOpened(owner) => self.not_opened(from, owner, out),
            BackendSessionMessage::Lost(ticket, owner, lost) => {
                let is_it =
                    |entry: &&mut Entry| matches!(&entry.state, State::Open(open) if *open == lost);
                let waiter = Waiter::new(from, ticket);
                // Another call may have opened one again already.
                let Some(entry) = self.entries.get_mut(&owner).filter(is_it) else {
                    return self.find(waiter, owner, &Credentials::default(), now, out);
                };
                let (by, waiters) = (from, VecDeque::new());
                entry.state = State::Opening { by, waiters };
                self.opening.insert(owner);
                let lost = entry.lost();
                self.used_by(from, owner);
                out.push_back(waiter.answer(BackendSessionFound::ToOpen(lost)));
            }
            BackendSessionMessage::NotLost(owner, given_up) => {
                self.not_lost(from, owner, *given_up);
            }
            BackendSessionMessage::Look(ticket, owner) => {
                let open = self.open_one(owner);
                self.used_by(from, owner);
                let found = open.map_or(BackendSessionFound::NotOpen, BackendSessionFound::Open);
                out.push_back(Waiter::new(from, ticket).answer(found));
            }
            BackendSessionMessage::Set(owner, setting) => self.set(owner, setting),
            BackendSessionMessage::WantsHeaderParams(owner, tool, declared, until) => {
                let entry = self.entries.get_mut(&owner);
                if let Some(State::Open(session)) = entry.map(|entry| &mut entry.state) {
                    session.header_params.add(tool, declared, until);
                }
            }
            // About streams: the hub knows of them.
            BackendSessionMessage::AwaitOther(..)
            | BackendSessionMessage::Listen(..)
            | BackendSessionMessage::ListenForCall(..) => {}
            BackendSessionMessage::HasNoStream(owner) => {
                if let Some(entry) = self.entries.get_mut(&owner) {
                    entry.has_no_stream = true;
                }
            }
        }
    }

    /// The session of this owner, if it is open.
    pub(super) fn open_one(&self, owner: BackendOwner) -> Option<BackendSession> {
        let entry = self.entries.get(&owner)?;
        match &entry.state {
            State::Open(session) => {
                let (given, session) = (entry.given.clone(), session.clone());
                Some(BackendSession { given, ..session })
            }
            State::Opening { .. } | State::Resting => None,
        }
    }

    /// The backend has accepted this setting.
    pub(super) fn set(&mut self, owner: BackendOwner, setting: BackendSetting) {
        if let Some(entry) = self.entries.get_mut(&owner) {
            entry.settings.set(setting);
        }
    }

    fn find(
        &mut self,
        waiter: Waiter<FindBackendSession>,
        owner: BackendOwner,
        credentials: &Credentials,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        if !self.entries.contains_key(&owner) {
            self.make_room(owner.0);
        }
        let from = waiter.exchange;
        let answer = match self.entries.get_mut(&owner) {
            Some(entry) => {
                entry.used = now;
                entry.given.add(credentials);
                match &mut entry.state {
                    State::Open(session) => {
                        let (given, session) = (entry.given.clone(), session.clone());
                        BackendSessionFound::Open(BackendSession { given, ..session })
                    }
                    State::Opening { waiters, .. } => {
                        waiters.push_back(waiter);
                        return self.used_by(from, owner);
                    }
                    State::Resting => {
                        let (by, waiters) = (from, VecDeque::new());
                        entry.state = State::Opening { by, waiters };
                        self.opening.insert(owner);
                        BackendSessionFound::ToOpen(entry.lost())
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
                    settings: BackendSettings::default(),
                    used: now,
                    sign_in: None,
                    has_no_stream: false,
                    given: GivenCredentials::of(credentials),
                    given_up: None,
                };
                self.entries.insert(owner, entry);
                self.opening.insert(owner);
                BackendSessionFound::ToOpen(None)
            }
        };
        self.used_by(from, owner);
        out.push_back(waiter.answer(answer));
    }

    fn opened(
        &mut self,
        owner: BackendOwner,
        sign_in: SessionId,
        session: BackendSession,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        if !self.entries.contains_key(&owner) {
            self.make_room(owner.0);
        }
        let before = self.entries.remove(&owner);
        let (before, settings, mut given, given_up) = match before {
            Some(entry) => (
                Some(entry.state),
                entry.settings,
                entry.given,
                entry.given_up,
            ),
            None => (
                None,
                BackendSettings::default(),
                GivenCredentials::default(),
                None,
            ),
        };
        given.merge(&session.given);
        let session = BackendSession {
            given: given.clone(),
            ..session
        };
        if let Some(idle) = session.idle {
            self.look_again(now.after(idle));
        }
        let entry = Entry {
            settings,
            params: Some(Arc::clone(&session.params)),
            state: State::Open(session.clone()),
            used: now,
            sign_in: Some(sign_in),
            has_no_stream: false,
            given,
            given_up,
        };
        self.opening.remove(&owner);
        self.entries.insert(owner, entry);
        if let Some(State::Opening { waiters, .. }) = before {
            for waiter in waiters {
                let found = BackendSessionFound::Open(session.clone());
                out.push_back(waiter.answer(found));
            }
        }
    }

    /// Whoever waits next opens it; nobody does, if nobody waits. What was open before is remembered.
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
                let found = BackendSessionFound::ToOpen(entry.lost());
                out.push_back(next.answer(found));
            }
            None => {
                self.opening.remove(&owner);
                match entry.params {
                    Some(_) => entry.state = State::Resting,
                    None => drop(self.entries.remove(&owner)),
                }
            }
        }
    }

    /// An exchange has ended, however it did.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        self.left_by(id);
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
mod tests;
