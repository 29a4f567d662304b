//! Where messages for one exchange arrive: of the hub, of the calls that it performs, and of the
//! backends that it asks.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use entra_mcp_core::{ask::AskId, hub::FromHub};

use crate::{
    backend::BackendMessage,
    invoke::{CallNumber, HandlerMessage},
};

/// Where messages for one exchange arrive. Clones are the same mailbox. The hub sends few messages unasked, so its part needs no bound of its own: see
/// [`entra_mcp_runtime::Mailbox`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Mailbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Queues {
    from_hub: VecDeque<FromHub>,
    /// Each call waits until its message was read, so there are few.
    from_calls: VecDeque<(CallNumber, HandlerMessage)>,
    /// The exchange lets each come, so there are few.
    from_backends: VecDeque<(AskId, BackendMessage)>,
    /// Whether nobody reads any more.
    is_closed: bool,
    /// Whether somebody waits. To notify costs a system call, under the lock of the hub, and mostly nobody does.
    is_awaited: bool,
}

impl Queues {
    fn next(&mut self) -> Option<MailboxMessage> {
        if let Some(message) = self.from_hub.pop_front() {
            return Some(MailboxMessage::Message(message));
        }
        if let Some((number, message)) = self.from_calls.pop_front() {
            return Some(MailboxMessage::Called(number, message));
        }
        let (ask, message) = self.from_backends.pop_front()?;
        Some(MailboxMessage::Backend(ask, message))
    }
}

/// What a look into the mailbox found.
pub(crate) enum MailboxMessage {
    /// A message.
    Message(FromHub),
    /// A call went on.
    Called(CallNumber, HandlerMessage),
    /// Something came of what a backend was asked.
    Backend(AskId, BackendMessage),
    /// Nothing in that time.
    Nothing,
}

impl Mailbox {
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
        queues.from_calls.push_back((number, message));
        self.notify(&queues);
        Ok(())
    }

    /// A message of who asks a backend; says whether somebody will read it.
    pub(crate) fn backend(&self, ask: AskId, message: BackendMessage) -> bool {
        let mut queues = self.queues();
        if !queues.is_closed {
            queues.from_backends.push_back((ask, message));
            self.notify(&queues);
        }
        !queues.is_closed
    }

    /// Nobody reads any more: whoever waits for an answer learns it because what it sent is dropped.
    pub(crate) fn close(&self) {
        let mut queues = self.queues();
        queues.is_closed = true;
        let calls = std::mem::take(&mut queues.from_calls);
        let backends = std::mem::take(&mut queues.from_backends);
        drop(queues);
        drop((calls, backends));
    }

    /// The message that is there already.
    pub(crate) fn next_now(&self) -> MailboxMessage {
        self.queues().next().unwrap_or(MailboxMessage::Nothing)
    }

    /// The message of the hub that is there already.
    pub(crate) fn next_of_hub(&self) -> Option<FromHub> {
        self.queues().from_hub.pop_front()
    }

    /// Waits for a message, as long as this.
    pub(crate) fn wait(&self, duration: Duration) -> MailboxMessage {
        let end = Instant::now() + duration;
        let mut queues = self.queues();
        loop {
            if let Some(message) = queues.next() {
                return message;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return MailboxMessage::Nothing;
            }
            queues.is_awaited = true;
            let waited = self.0.arrived.wait_timeout(queues, left);
            (queues, _) = waited.unwrap_or_else(PoisonError::into_inner);
            queues.is_awaited = false;
        }
    }

    /// One reads at most.
    fn notify(&self, queues: &Queues) {
        if queues.is_awaited {
            self.0.arrived.notify_one();
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        let queues = self.0.queues.lock();
        queues.unwrap_or_else(PoisonError::into_inner)
    }
}

impl entra_mcp_runtime::Mailbox for Mailbox {
    fn deliver(&self, message: FromHub) {
        let mut queues = self.queues();
        queues.from_hub.push_back(message);
        self.notify(&queues);
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::catalog::CallError;

    use super::*;

    fn not_found() -> HandlerMessage {
        HandlerMessage::Finished(Err(CallError::NotFound))
    }

    #[test]
    fn message_of_a_call_without_receiver_is_returned() {
        let mailbox = Mailbox::default();
        assert!(mailbox.call(1, not_found()).is_ok());
        assert!(matches!(
            mailbox.wait(Duration::ZERO),
            MailboxMessage::Called(1, _)
        ));
        assert!(mailbox.call(1, not_found()).is_ok());
        mailbox.close();
        assert!(matches!(
            mailbox.wait(Duration::ZERO),
            MailboxMessage::Nothing
        ));
        assert!(mailbox.call(1, not_found()).is_err());
    }
}
