//! Where the hub's messages for one exchange arrive.

use async_channel::{Receiver, Sender, unbounded};
use entra_mcp_core::hub::FromHub;

/// The messages, as the exchange reads them.
pub(crate) type Mailbox = Receiver<FromHub>;

/// The mailbox, as the hub fills it.
#[derive(Debug)]
pub(crate) struct MailboxSender(Sender<FromHub>);

impl entra_mcp_runtime::Mailbox for MailboxSender {
    fn deliver(&self, message: FromHub) {
        // Only an exchange that is over reads no more.
        let _ = self.0.try_send(message);
    }
}

/// Makes a mailbox. The hub sends few messages unasked, so it needs no bound of its own: see
/// [`entra_mcp_runtime::Mailbox`].
pub(crate) fn mailbox() -> (MailboxSender, Mailbox) {
    let (sender, mailbox) = unbounded();
    (MailboxSender(sender), mailbox)
}
