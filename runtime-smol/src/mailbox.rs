//! Where the hub's messages for one exchange arrive.

use entra_mcp_core::hub::FromHub;

use crate::queue::{Receiver, Sender, queue};

/// The messages, as the exchange reads them.
pub(crate) type Mailbox = Receiver<FromHub>;

/// The mailbox, as the hub fills it.
#[derive(Debug)]
pub(crate) struct MailboxSender(Sender<FromHub>);

impl entra_mcp_runtime::Mailbox for MailboxSender {
    fn deliver(&self, message: FromHub) {
        // Only an exchange that is over reads no more.
        self.0.send(message);
    }
}

/// Makes a mailbox. The hub sends few messages unasked, so it needs no bound of its own: see
/// [`entra_mcp_runtime::Mailbox`].
pub(crate) fn mailbox() -> (MailboxSender, Mailbox) {
    let (sender, mailbox) = queue();
    (MailboxSender(sender), mailbox)
}
