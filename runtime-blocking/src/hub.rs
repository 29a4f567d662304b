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

use crate::perform::{CallNumber, FromCall};

/// Carries messages between the hub and the exchanges.
#[derive(Debug, Default)]
pub(crate) struct Switchboard {
    tables: Mutex<Tables>,
    known: RwLock<Arc<EntraSnapshot>>,
}

#[derive(Debug, Default)]
struct Tables {
    hub: Hub,
    mailboxes: BTreeMap<ExchangeId, Mailbox>,
}

impl Switchboard {
    /// An empty hub.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The newest snapshot of what is known.
    pub(crate) fn known(&self) -> Arc<EntraSnapshot> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands a message to the hub and does what it wants; the jobs to run come back.
    pub(crate) fn tell(&self, from: ExchangeId, message: ToHub, now: Now) -> Vec<Job> {
        let mut tables = self.tables();
        tables.hub.handle(from, message, now);
        self.drain(&mut tables)
    }

    /// From now on the hub's messages for this exchange arrive in this mailbox.
    pub(crate) fn enroll(&self, id: ExchangeId, mailbox: &Mailbox) {
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
                HubOutput::Publish(known) => {
                    *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
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
pub(crate) struct Mailbox(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    letters: Mutex<Letters>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Letters {
    told: VecDeque<FromHub>,
    overflow: Overflow,
    /// Each call waits until its letter was read, so there are few.
    called: VecDeque<(CallNumber, FromCall)>,
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
pub(crate) enum Mail {
    /// A message.
    Message(FromHub),
    /// A call went on.
    Called(CallNumber, FromCall),
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
        let mut letters = self.letters();
        if letters.told.len() >= limits::MAILBOX_MESSAGES {
            letters.overflow = Overflow::Happened;
        } else {
            letters.told.push_back(message);
        }
        self.0.arrived.notify_one();
        letters.overflow == Overflow::Never
    }

    /// A message of a call; comes back if nobody will read it.
    pub(crate) fn call(&self, number: CallNumber, message: FromCall) -> Result<(), FromCall> {
        let mut letters = self.letters();
        if letters.is_closed {
            return Err(message);
        }
        letters.called.push_back((number, message));
        self.0.arrived.notify_one();
        Ok(())
    }

    /// Nobody reads any more: whoever waits for an answer is told by what it sent being dropped.
    pub(crate) fn close(&self) {
        let mut letters = self.letters();
        letters.is_closed = true;
        let unread = std::mem::take(&mut letters.called);
        drop(letters);
        drop(unread);
    }

    /// Waits for a message, as long as this.
    pub(crate) fn wait(&self, duration: Duration) -> Mail {
        let end = Instant::now() + duration;
        let mut letters = self.letters();
        loop {
            if let Some(message) = letters.told.pop_front() {
                return Mail::Message(message);
            }
            if letters.overflow == Overflow::Happened {
                letters.overflow = Overflow::Told;
                return Mail::Overflowed;
            }
            if let Some((number, message)) = letters.called.pop_front() {
                return Mail::Called(number, message);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Mail::Nothing;
            }
            let waited = self.0.arrived.wait_timeout(letters, left);
            (letters, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        let letters = self.0.letters.lock();
        letters.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::catalog::CallError;

    use super::*;

    fn over() -> FromCall {
        FromCall::Over(Err(CallError::NotFound))
    }

    // M7. The hub's messages cannot be made here, so that there were too many is pretended.
    #[test]
    fn who_does_not_read_its_mailbox_loses_it_and_is_told_once() {
        let mailbox = Mailbox::new();
        assert!(matches!(mailbox.wait(Duration::ZERO), Mail::Nothing));
        mailbox.letters().overflow = Overflow::Happened;
        assert!(matches!(mailbox.wait(Duration::ZERO), Mail::Overflowed));
        assert!(matches!(mailbox.wait(Duration::ZERO), Mail::Nothing));
    }

    #[test]
    fn what_a_call_says_to_nobody_comes_back() {
        let mailbox = Mailbox::new();
        assert!(mailbox.call(1, over()).is_ok());
        assert!(matches!(mailbox.wait(Duration::ZERO), Mail::Called(1, _)));
        assert!(mailbox.call(1, over()).is_ok());
        mailbox.close();
        assert!(matches!(mailbox.wait(Duration::ZERO), Mail::Nothing));
        assert!(mailbox.call(1, over()).is_err());
    }
}
