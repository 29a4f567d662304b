//! The hub behind its one mutex, a mailbox for each exchange that spoke to it, and what is known of Entra.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entra_mcp_core::{
    config::Capacity,
    env::EntraSnapshot,
    exchange::{ExchangeId, Job},
    hub::{FromHub, Hub, HubOutput, HubStats, ToHub},
    time::{Instant, Now},
};

use crate::published::{Held, Published};

/// Where a runtime puts the hub's messages for one exchange.
pub trait Mailbox: Send {
    /// Delivers a message without waiting, for this is under the hub's lock. A mailbox takes every message: what
    /// is many waits inside the hub, which gives an exchange the next part when it asks for it. Besides, a call
    /// gets one message for each of its requests that is cancelled or answered (threat M7).
    fn deliver(&self, message: FromHub);
}

/// Carries messages between the hub and the exchanges.
#[derive(Debug)]
pub struct SharedHub<M> {
    tables: Mutex<Tables<M>>,
    entra: Published<EntraSnapshot>,
}

#[derive(Debug)]
struct Tables<M> {
    hub: Hub,
    mailboxes: BTreeMap<ExchangeId, M>,
}

impl<M: Mailbox> SharedHub<M> {
    /// Nobody is there yet.
    pub(crate) fn new(capacity: Capacity) -> Self {
        let tables = Tables {
            hub: Hub::with_capacity(capacity),
            mailboxes: BTreeMap::new(),
        };
        Self {
            tables: Mutex::new(tables),
            entra: Published::default(),
        }
    }

    /// Returns the newest snapshot of what is known of Entra.
    pub(crate) fn entra(&self) -> Held<EntraSnapshot> {
        self.entra.current()
    }

    /// Makes what was read the newest.
    pub(crate) fn renew_entra(&self, held: &mut Held<EntraSnapshot>) {
        self.entra.renew(held);
    }

    /// Hands a message to the hub and does what it wants. Returns the jobs to run. With a mailbox, the hub's messages for this
    /// exchange are delivered to it from now on.
    #[must_use]
    pub fn send(&self, from: ExchangeId, mailbox: Option<M>, message: ToHub, now: Now) -> Vec<Job> {
        let mut tables = self.tables();
        if let Some(mailbox) = mailbox {
            tables.mailboxes.insert(from, mailbox);
        }
        tables.hub.handle(from, message, now);
        self.drain(&mut tables)
    }

    /// Drops what the hub has kept long enough. Returns the jobs to run.
    #[must_use]
    pub fn expire(&self, now: Instant) -> Vec<Job> {
        let mut tables = self.tables();
        tables.hub.expire(now);
        self.drain(&mut tables)
    }

    /// Whether any stream is open.
    pub fn has_streams(&self) -> bool {
        self.tables().hub.has_streams()
    }

    /// Returns how full the tables are.
    pub fn stats(&self) -> HubStats {
        self.tables().hub.stats()
    }

    /// Forgets an exchange that ended. Returns the jobs to run.
    #[must_use]
    pub fn forget(&self, id: ExchangeId) -> Vec<Job> {
        let mut tables = self.tables();
        tables.mailboxes.remove(&id);
        tables.hub.forget(id);
        self.drain(&mut tables)
    }

    fn drain(&self, tables: &mut Tables<M>) -> Vec<Job> {
        let mut jobs = Vec::new();
        loop {
            match tables.hub.poll() {
                HubOutput::Deliver(id, message) => {
                    if let Some(mailbox) = tables.mailboxes.get(&id) {
                        mailbox.deliver(message);
                    }
                }
                HubOutput::Publish(entra) => self.entra.replace(entra),
                HubOutput::Spawn(job) => jobs.push(job),
                HubOutput::Idle => return jobs,
            }
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables<M>> {
        // The hub does table operations only; if one panicked, the others' tables are whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
