//! The hub behind its one mutex, a mailbox for each exchange that spoke to it, and what is known.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use entra_mcp_core::{
    env::EntraSnapshot,
    exchange::{ExchangeId, Job},
    hub::{FromHub, Hub, HubOutput, ToHub},
    limits,
    time::Now,
};

use crate::invoke::{CallNumber, HandlerMessage};

/// Carries messages between the hub and the exchanges.
#[derive(Debug, Default)]
pub(crate) struct SharedHub {
    tables: Mutex<Tables>,
    entra: RwLock<Arc<EntraSnapshot>>,
}

#[derive(Debug, Default)]
struct Tables {
    hub: Hub,
    mailboxes: BTreeMap<ExchangeId, Mailbox>,
}

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

    /// From now on the hub's messages for this exchange arrive in this mailbox.
    pub(crate) fn register(&self, id: ExchangeId, mailbox: &Mailbox) {
        self.tables().mailboxes.insert(id, mailbox.clone());
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
                    // not read: its owner hears of it (threat M7).
                    let sent = tables
                        .mailboxes
                        .get(&id)
                        .is_none_or(|mailbox| mailbox.tell(message));
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

/// Where messages for one exchange arrive: of the hub, and of the calls that it performs. Clones are
/// the same mailbox. The hub's part is bounded: who does not read loses it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mailbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Queues {
    told: VecDeque<FromHub>,
    overflow: Overflow,
    /// Each call waits until its letter was read, so there are few.
    called: VecDeque<(CallNumber, HandlerMessage)>,
    /// Whether nobody reads any more.
    is_closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Overflow {
    #[default]
    Never,
    Happened,
    Told,
}

/// What a look into the mailbox found.
pub(crate) enum MailboxMessage {
    /// A message.
    Message(FromHub),
    /// A call went on.
    Called(CallNumber, HandlerMessage),
    /// Nothing in that time.
    Nothing,
    /// It overflowed: there will be no more of the hub's. This is told once.
    Overflowed,
}

impl Mailbox {
    /// An empty mailbox.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A message of the hub's; `false` if there was no room, and never will be again.
    fn tell(&self, message: FromHub) -> bool {
        let mut queues = self.queues();
        if queues.told.len() >= limits::MAILBOX_MESSAGES {
            queues.overflow = Overflow::Happened;
        } else {
            queues.told.push_back(message);
        }
        self.0.arrived.notify_one();
        queues.overflow == Overflow::Never
    }

    /// A message of a call; comes back if nobody will read it.
    pub(crate) fn call(
        &self,
        number: CallNumber,
        message: HandlerMessage,
    ) -> Result<(), HandlerMessage> {
        let mut queues = self.queues();
        if queues.is_closed {
            return Err(message);
        }
        queues.called.push_back((number, message));
        self.0.arrived.notify_one();
        Ok(())
    }

    /// Nobody reads any more: whoever waits for an answer is told by what it sent being dropped.
    pub(crate) fn close(&self) {
        let mut queues = self.queues();
        queues.is_closed = true;
        let unread = std::mem::take(&mut queues.called);
        drop(queues);
        drop(unread);
    }

    /// Waits for a message, as long as this.
    pub(crate) fn wait(&self, duration: Duration) -> MailboxMessage {
        let end = Instant::now() + duration;
        let mut queues = self.queues();
        loop {
            if let Some(message) = queues.told.pop_front() {
                return MailboxMessage::Message(message);
            }
            if queues.overflow == Overflow::Happened {
                queues.overflow = Overflow::Told;
                return MailboxMessage::Overflowed;
            }
            if let Some((number, message)) = queues.called.pop_front() {
                return MailboxMessage::Called(number, message);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return MailboxMessage::Nothing;
            }
            let waited = self.0.arrived.wait_timeout(queues, left);
            (queues, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        let queues = self.0.queues.lock();
        queues.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::catalog::CallError;

    use super::*;

    fn over() -> HandlerMessage {
        HandlerMessage::Finished(Err(CallError::NotFound))
    }

    // M7. The hub's messages cannot be made here, so that there were too many is pretended.
    #[test]
    fn full_mailbox_disconnects_the_stream() {
        let mailbox = Mailbox::new();
        assert!(matches!(
            mailbox.wait(Duration::ZERO),
            MailboxMessage::Nothing
        ));
        mailbox.queues().overflow = Overflow::Happened;
        assert!(matches!(
            mailbox.wait(Duration::ZERO),
            MailboxMessage::Overflowed
        ));
        assert!(matches!(
            mailbox.wait(Duration::ZERO),
            MailboxMessage::Nothing
        ));
    }

    #[test]
    fn what_a_call_says_to_nobody_comes_back() {
        let mailbox = Mailbox::new();
        assert!(mailbox.call(1, over()).is_ok());
        assert!(matches!(
            mailbox.wait(Duration::ZERO),
            MailboxMessage::Called(1, _)
        ));
        assert!(mailbox.call(1, over()).is_ok());
        mailbox.close();
        assert!(matches!(
            mailbox.wait(Duration::ZERO),
            MailboxMessage::Nothing
        ));
        assert!(mailbox.call(1, over()).is_err());
    }
}
