//! What a user is told about who asks. It goes with a sign-in, sealed, because what it was made from is not looked
//! at again.

use super::length_prefixed;
use crate::log_event::{Field, LogEvent};

/// What a user is told about a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientLabel {
    /// The name that it gave itself.
    pub(crate) name: Option<String>,
    /// The host of the document in which it did; `None` for a client that registered itself: nobody vouches for its
    /// name.
    pub(crate) host: Option<String>,
    /// When this server's own copy of that document was seen; `None` if it was fetched. Empty for one that the operator
    /// wrote.
    pub(crate) pinned: Option<String>,
}

impl ClientLabel {
    /// Packs the label, to be sealed.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
        let is_pinned = [u8::from(self.pinned.is_some())];
        length_prefixed::pack(&[
            &text(&self.name),
            &text(&self.host),
            &is_pinned,
            &text(&self.pinned),
        ])
    }

    /// Unpacks a label that was sealed.
    pub(crate) fn unpack(bytes: &[u8]) -> Option<Self> {
        let [name, host, is_pinned, pinned] = length_prefixed::unpack(bytes)?;
        let present = |field| {
            length_prefixed::text(field).map(|text| Some(text).filter(|text| !text.is_empty()))
        };
        Some(Self {
            name: present(name)?,
            host: present(host)?,
            pinned: match is_pinned {
                [0] => None,
                [1] => Some(length_prefixed::text(pinned)?),
                _ => return None,
            },
        })
    }

    /// Adds who it is to a line of the log: the name, and apart from it, for a name may say anything, the site that
    /// vouches for it.
    pub(crate) fn describe(&self, event: LogEvent) -> LogEvent {
        let event = event.with(Field::ClientName, self.name.as_deref().unwrap_or("-"));
        match &self.host {
            Some(host) => event.with(Field::VerifiedBy, host),
            None => event,
        }
    }
}
