//! What clients of 2026-07-28 listen for (`subscriptions/listen`) in a session of a backend that has sessions. Requests of one client with
//! the same capabilities share that session, so one stream of the backend is for all of them: one of them hears it (see
//! [`super::backend_listeners`]), and what it hears goes through here to each whose filter lets it through.
//!
//! ```text
//! resource: none --the first wants it--> Subscribing --accepted--> Subscribed --the last leaves--> none, and the backend is told
//!                                          |     ^  \--refused, or its exchange has died--> the next that waits asks
//!                                          \-----/
//! stream:   Joined --one hears the backend--> acknowledged --changed--> told, once, however often and however slowly it reads
//! ```
//!
//! Source: MCP specification 2026-07-28, basic/utilities/subscriptions; 2025-11-25, server/resources, subscriptions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    HubOutput, SubscriptionFilter,
    asks::{SubscribeAtBackend, Waiter},
    backend_sessions::{BackendOwner, BackendSessions},
    from_hub::SubscribeFirst,
    streams::Streams,
    tellings::Tellings,
};
use crate::{
    catalog::ChangeNotification,
    gateway::{BackendSetting, RawMessage, Telling},
    id::ExchangeId,
    limits,
    ticket::Ticket,
};

/// A message about these.
#[derive(Debug)]
pub(crate) enum BackendSubscriptionMessage {
    /// The sender wants this resource subscribed to.
    Subscribe(Ticket<SubscribeAtBackend>, BackendOwner, String),
    /// The backend has answered the sender: whether it tells of this resource from now on.
    Subscribed(BackendOwner, String, bool),
    /// The sender is a stream that listens for these.
    Join(BackendOwner, SubscriptionFilter),
    /// The sender hears what the backend sends of its own accord.
    Heard(BackendOwner, Hearing),
    /// The sender has heard that this has changed.
    Changed(BackendOwner, ChangeNotification),
    /// The sender listens no longer: what the backend is told if nobody else listens for these resources.
    Leave(BackendOwner, Vec<(String, Box<Telling>)>),
    /// The backend asks the sender something that is not for it, or takes that back.
    Asked(BackendOwner, Box<RawMessage>),
}

/// What is heard of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// From now on all.
    Begins,
    /// From now on all, and something may have been missed.
    GoesOn,
    /// Nothing: it sends nothing of its own accord.
    Nothing,
}

#[derive(Debug, Default)]
struct Resource {
    /// Who asks the backend to tell of it.
    subscribing: Option<ExchangeId>,
    /// Who waits for what comes of that.
    waiters: VecDeque<Waiter<SubscribeAtBackend>>,
    /// Who listens for it.
    listeners: BTreeSet<ExchangeId>,
}

#[derive(Debug)]
struct Stream {
    filter: SubscriptionFilter,
    is_acknowledged: bool,
}

/// Whether what the backend sends of its own accord is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Heard {
    #[default]
    NotYet,
    /// By this one, or by it until it left.
    By(ExchangeId),
    /// There is nothing to hear.
    Never,
}

/// What is listened for in one session of the backend.
#[derive(Debug, Default)]
struct OfSession {
    resources: BTreeMap<String, Resource>,
    streams: BTreeMap<ExchangeId, Stream>,
    heard: Heard,
}

/// The tables that this one acts on.
pub(super) struct Tables<'a> {
    pub(super) sessions: &'a mut BackendSessions,
    pub(super) streams: &'a mut Streams,
    pub(super) tellings: &'a mut Tellings,
    pub(super) out: &'a mut VecDeque<HubOutput>,
}

/// All of it. There are no more streams than the table of streams has, and each has a bounded filter.
#[derive(Debug, Default)]
pub(super) struct BackendSubscriptions {
    sessions: BTreeMap<BackendOwner, OfSession>,
    owners: BTreeMap<ExchangeId, BackendOwner>,
}

impl BackendSubscriptions {
    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: BackendSubscriptionMessage,
        mut tables: Tables<'_>,
    ) {
        match message {
            BackendSubscriptionMessage::Subscribe(ticket, owner, uri) => {
                let waiter = Waiter::new(from, ticket);
                self.of_session(from, owner, &mut tables)
                    .subscribe(waiter, uri, &mut tables);
            }
            BackendSubscriptionMessage::Subscribed(owner, uri, is_accepted) => {
                if let Some(session) = self.sessions.get_mut(&owner) {
                    session.subscribed(from, owner, (uri, is_accepted), &mut tables);
                }
            }
            BackendSubscriptionMessage::Join(owner, filter) => {
                self.of_session(from, owner, &mut tables)
                    .join(from, filter, &mut tables);
            }
            BackendSubscriptionMessage::Heard(owner, hearing) => {
                if let Some(session) = self.sessions.get_mut(&owner) {
                    session.heard(from, hearing, &mut tables);
                }
            }
            BackendSubscriptionMessage::Changed(owner, change) => {
                if let Some(session) = self.sessions.get(&owner) {
                    session.changed(Some(&change), &mut tables);
                }
            }
            BackendSubscriptionMessage::Leave(owner, tellings) => {
                let over = self.forget(from, &mut tables);
                let of_over = tellings.into_iter().filter(|(uri, _)| over.contains(uri));
                for (_, telling) in of_over {
                    unsubscribe(from, owner, telling, &mut tables);
                }
            }
            // The hub knows the calls that it may be for.
            BackendSubscriptionMessage::Asked(..) => {}
        }
    }

    fn of_session(
        &mut self,
        from: ExchangeId,
        owner: BackendOwner,
        tables: &mut Tables<'_>,
    ) -> &mut OfSession {
        self.owners.insert(from, owner);
        tables.sessions.set_listened(owner, true);
        self.sessions.entry(owner).or_default()
    }

    /// An exchange listens no longer, however it ended. The resources come back that nobody listens for any more.
    pub(super) fn forget(&mut self, id: ExchangeId, tables: &mut Tables<'_>) -> BTreeSet<String> {
        let owner = self.owners.remove(&id);
        let found = owner.and_then(|owner| Some((owner, self.sessions.get_mut(&owner)?)));
        let Some((owner, session)) = found else {
            return BTreeSet::new();
        };
        session.streams.remove(&id);
        let over = session.leave(id, tables.out);
        for uri in &over {
            let setting = BackendSetting::Unsubscribed(uri.clone());
            tables.sessions.set(owner, setting);
        }
        if session.streams.is_empty() && session.resources.is_empty() {
            self.sessions.remove(&owner);
            tables.sessions.set_listened(owner, false);
        }
        over
    }
}

impl OfSession {
    fn subscribe(
        &mut self,
        waiter: Waiter<SubscribeAtBackend>,
        uri: String,
        tables: &mut Tables<'_>,
    ) {
        let is_full = || {
            let bytes: usize = self.resources.keys().map(String::len).sum();
            // What is beyond these would not be subscribed to again in the next session.
            self.resources.len() >= limits::SUBSCRIPTIONS
                || bytes + uri.len() > limits::BACKEND_SETTINGS_BYTES
        };
        let answer = match self.resources.contains_key(&uri) {
            false if is_full() => SubscribeFirst::TooMany,
            _ => {
                let resource = self.resources.entry(uri).or_default();
                if resource.subscribing.is_some() {
                    return resource.waiters.push_back(waiter);
                }
                match resource.listeners.is_empty() {
                    true => {
                        resource.subscribing = Some(waiter.exchange);
                        SubscribeFirst::ToSubscribe
                    }
                    false => {
                        resource.listeners.insert(waiter.exchange);
                        SubscribeFirst::IsSubscribed
                    }
                }
            }
        };
        tables.out.push_back(waiter.answer(answer));
    }

    fn subscribed(
        &mut self,
        from: ExchangeId,
        owner: BackendOwner,
        (uri, is_accepted): (String, bool),
        tables: &mut Tables<'_>,
    ) {
        let resource = self.resources.get_mut(&uri);
        let Some(resource) = resource.filter(|one| one.subscribing == Some(from)) else {
            return;
        };
        if !is_accepted {
            if resource.is_nobodys_after(from, tables.out) {
                self.resources.remove(&uri);
            }
            return;
        }
        resource.subscribing = None;
        resource.listeners.insert(from);
        for waiter in std::mem::take(&mut resource.waiters) {
            resource.listeners.insert(waiter.exchange);
            let answer = waiter.answer(SubscribeFirst::IsSubscribed);
            tables.out.push_back(answer);
        }
        tables.sessions.set(owner, BackendSetting::Subscribed(uri));
    }

    fn join(&mut self, from: ExchangeId, filter: SubscriptionFilter, tables: &mut Tables<'_>) {
        let mut stream = Stream {
            filter,
            is_acknowledged: false,
        };
        let is_empty = stream.filter == SubscriptionFilter::default();
        if is_empty || self.heard != Heard::NotYet {
            stream.acknowledge(from, self.heard, tables);
        }
        self.streams.insert(from, stream);
    }

    /// Of what has changed between two that heard, nobody knows: whoever was acknowledged hears that it may have.
    fn heard(&mut self, from: ExchangeId, hearing: Hearing, tables: &mut Tables<'_>) {
        let now = match hearing {
            Hearing::Begins | Hearing::GoesOn => Heard::By(from),
            Hearing::Nothing => Heard::Never,
        };
        let before = std::mem::replace(&mut self.heard, now);
        let was_others = matches!(before, Heard::By(other) if other != from);
        if now != Heard::Never && (was_others || hearing == Hearing::GoesOn) {
            self.changed(None, tables);
        }
        for (id, stream) in &mut self.streams {
            stream.acknowledge(*id, now, tables);
        }
    }

    fn changed(&self, change: Option<&ChangeNotification>, tables: &mut Tables<'_>) {
        for (id, stream) in &self.streams {
            if !stream.is_acknowledged {
                continue;
            }
            let changes = match change {
                Some(change) if stream.filter.wants(change) => vec![change.clone()],
                Some(_) => Vec::new(),
                None => stream.filter.all(),
            };
            tables
                .streams
                .tell_subscription(*id, None, changes, tables.out);
        }
    }

    /// One listens for no resource any more. Those come back that nobody listens for.
    fn leave(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) -> BTreeSet<String> {
        let over = self.resources.extract_if(.., |_, resource| {
            resource.waiters.retain(|waiter| waiter.exchange != id);
            let was_its = resource.listeners.remove(&id) || resource.subscribing == Some(id);
            was_its && resource.listeners.is_empty() && resource.is_nobodys_after(id, out)
        });
        over.map(|(uri, _)| uri).collect()
    }
}

impl Resource {
    /// This one does not subscribe to it: the next does that waits. Whether nobody wants it.
    fn is_nobodys_after(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) -> bool {
        if self.subscribing == Some(id) {
            let next = self.waiters.pop_front();
            self.subscribing = next.as_ref().map(|next| next.exchange);
            out.extend(next.map(|next| next.answer(SubscribeFirst::ToSubscribe)));
        }
        self.subscribing.is_none() && self.listeners.is_empty()
    }
}

impl Stream {
    fn acknowledge(&mut self, id: ExchangeId, heard: Heard, tables: &mut Tables<'_>) {
        if std::mem::replace(&mut self.is_acknowledged, true) {
            return;
        }
        if heard == Heard::Never {
            self.filter = SubscriptionFilter::default();
        }
        let filter = Some(self.filter.clone());
        let streams = &mut tables.streams;
        streams.tell_subscription(id, filter, Vec::new(), tables.out);
    }
}

/// The backend is told in the session that there is now, which may be another than when this was written.
fn unsubscribe(
    from: ExchangeId,
    owner: BackendOwner,
    mut telling: Box<Telling>,
    tables: &mut Tables<'_>,
) {
    if let Some(session) = tables.sessions.open_one(owner) {
        telling.request.session = session.id;
        telling.request.revision = Some(session.revision);
        tables.tellings.tell(from, telling, tables.out);
    }
}

#[cfg(test)]
mod tests;
