//! What a user is told about who asks. It goes with a sign-in, sealed, because what it was made from is not looked
//! at again.

use super::length_prefixed;
use crate::{
    catalog::VerifiedBy,
    log_event::{Field, LogEvent},
};

/// What a user is told about a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientLabel {
    /// What it is called.
    pub(crate) name: Option<String>,
    /// Who says so.
    pub(crate) voucher: Voucher,
}

/// Who vouches for the name of a client, and for where it returns to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Voucher {
    /// Nobody: it registered itself.
    #[default]
    Nobody,
    /// The site that has its document.
    Site {
        host: String,
        /// When this server's own copy of that document was seen; `None` if it was fetched. Empty for one that the
        /// operator wrote.
        pinned: Option<String>,
    },
    /// The operator, who has registered it.
    Operator,
}

impl ClientLabel {
    /// Packs the label, to be sealed.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let (kind, host, seen) = match &self.voucher {
            Voucher::Nobody => (0, "", ""),
            Voucher::Site { host, pinned: None } => (1, host.as_str(), ""),
            Voucher::Site {
                host,
                pinned: Some(seen),
            } => (2, host.as_str(), seen.as_str()),
            Voucher::Operator => (3, "", ""),
        };
        let name = self.name.as_deref().unwrap_or_default();
        length_prefixed::pack(&[name.as_bytes(), &[kind], host.as_bytes(), seen.as_bytes()])
    }

    /// Unpacks a label that was sealed.
    pub(crate) fn unpack(bytes: &[u8]) -> Option<Self> {
        let [name, kind, host, seen] = length_prefixed::unpack(bytes)?;
        let (host, seen) = (length_prefixed::text(host)?, length_prefixed::text(seen)?);
        let voucher = match kind {
            [0] => Voucher::Nobody,
            [1] => Voucher::Site { host, pinned: None },
            [2] => Voucher::Site {
                host,
                pinned: Some(seen),
            },
            [3] => Voucher::Operator,
            _ => return None,
        };
        let name = Some(length_prefixed::text(name)?);
        Some(Self {
            name: name.filter(|name| !name.is_empty()),
            voucher,
        })
    }

    /// Who vouches for it, as tools see it.
    pub(crate) fn verified_by(&self) -> VerifiedBy {
        match &self.voucher {
            Voucher::Nobody => VerifiedBy::Nobody,
            Voucher::Site { host, .. } => VerifiedBy::Site(host.clone()),
            Voucher::Operator => VerifiedBy::Operator,
        }
    }

    /// Adds who it is to a line of the log: the name, and apart from it, for a name may say anything, the site that
    /// vouches for it.
    pub(crate) fn describe(&self, event: LogEvent) -> LogEvent {
        self.vouch(event.with(Field::ClientName, self.name.as_deref().unwrap_or("-")))
    }

    /// Adds who vouches for it.
    pub(crate) fn vouch(&self, event: LogEvent) -> LogEvent {
        match &self.voucher {
            Voucher::Nobody => event,
            Voucher::Site { host, .. } => event.with(Field::VerifiedBy, host),
            // No host has spaces.
            Voucher::Operator => event.with(Field::VerifiedBy, "the operator of this server"),
        }
    }
}
