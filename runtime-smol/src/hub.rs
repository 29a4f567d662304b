//! The hub behind its one mutex, a mailbox for each exchange that spoke to it, and what is known.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use async_channel::{Receiver, Sender, bounded};
use entra_mcp_core::{
    env::EntraSnapshot,
    exchange::{ExchangeId, Job},
    hub::{FromHub, Hub, HubOutput, ToHub},
    limits,
    time::Now,
};

/// Carries messages between the hub and the exchanges.
#[derive(Debug, Default)]
pub(crate) struct SharedHub {
    tables: Mutex<Tables>,
    entra: RwLock<Arc<EntraSnapshot>>,
}

#[derive(Debug, Default)]
struct Tables {
    hub: Hub,
    mailboxes: BTreeMap<ExchangeId, Sender<FromHub>>,
}

/// Where the hub's messages for one exchange arrive. It ends when it overflowed.
pub(crate) type Mailbox = Receiver<FromHub>;

impl SharedHub {
    /// An empty hub.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The newest snapshot of what is known.
    pub(crate) fn entra(&self) -> Arc<EntraSnapshot> {
        Arc::clone(&self.entra.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands a message to the hub and does what it wants; the jobs to run come back.
    pub(crate) fn send(&self, from: ExchangeId, message: ToHub, now: Now) -> Vec<Job> {
        let mut tables = self.tables();
        tables.hub.handle(from, message, now);
        self.drain(&mut tables)
    }

    /// A mailbox for this exchange. Bounded: whoever does not read loses it.
    pub(crate) fn register(&self, id: ExchangeId) -> Mailbox {
        let (sender, mailbox) = bounded(limits::MAILBOX_MESSAGES);
        self.tables().mailboxes.insert(id, sender);
        mailbox
    }

    /// Forgets an exchange that ended.
    pub(crate) fn forget(&self, id: ExchangeId) -> Vec<Job> {
        let mut tables = self.tables();
        tables.mailboxes.remove(&id);
        tables.hub.forget(id);
        self.drain(&mut tables)
    }

    fn drain(&self, tables: &mut Tables) -> Vec<Job> {
        let mut jobs = Vec::new();
        loop {
            match tables.hub.poll() {
                HubOutput::Deliver(id, message) => {
                    // Never waits, for this is under the lock. A full mailbox is a stream that is
                    // not read: without its sender it says so (threat M7).
                    let sent = tables
                        .mailboxes
                        .get(&id)
                        .is_none_or(|mailbox| mailbox.try_send(message).is_ok());
                    if !sent {
                        tables.mailboxes.remove(&id);
                    }
                }
                HubOutput::Publish(entra) => {
                    *self.entra.write().unwrap_or_else(PoisonError::into_inner) = entra;
                }
                HubOutput::Spawn(job) => jobs.push(job),
                HubOutput::Idle => return jobs,
            }
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // The hub does table operations only; if one panicked, the others' tables are whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use async_channel::TryRecvError;

    use super::*;

    // M7
    #[test]
    fn full_mailbox_disconnects_the_stream() {
        let board = SharedHub::new();
        let id = ExchangeId(1);
        let mailbox = board.register(id);
        assert!(matches!(mailbox.try_recv(), Err(TryRecvError::Empty)));
        board.forget(id);
        assert!(matches!(mailbox.try_recv(), Err(TryRecvError::Closed)));
    }
}
