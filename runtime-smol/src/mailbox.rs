//! Where the hub's messages for one exchange arrive.

use async_channel::{Receiver, Sender, bounded};
use entra_mcp_core::{hub::FromHub, limits};

/// The messages, as the exchange reads them. They end when there were too many unread ones.
pub(crate) type Mailbox = Receiver<FromHub>;

/// The mailbox, as the hub fills it.
#[derive(Debug)]
pub(crate) struct MailboxSender(Sender<FromHub>);

impl entra_mcp_runtime::Mailbox for MailboxSender {
    fn deliver(&self, message: FromHub) -> bool {
        self.0.try_send(message).is_ok()
    }
}

/// Makes a mailbox.
pub(crate) fn mailbox() -> (MailboxSender, Mailbox) {
    let (sender, mailbox) = bounded(limits::MAILBOX_MESSAGES);
    (MailboxSender(sender), mailbox)
}

#[cfg(test)]
mod tests {
    use async_channel::TryRecvError;

    use super::*;

    // M7
    #[test]
    fn full_mailbox_disconnects_the_stream() {
        let (sender, mailbox) = mailbox();
        assert!(matches!(mailbox.try_recv(), Err(TryRecvError::Empty)));
        drop(sender);
        assert!(matches!(mailbox.try_recv(), Err(TryRecvError::Closed)));
    }
}
