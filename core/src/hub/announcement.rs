//! What changed, as replicas tell each other.

use serde::{Deserialize, Serialize};

use crate::{catalog::ChangeNotification, id::UserId};

/// Something that changed, with the number by which a replica knows that it has announced it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) number: u64,
    pub(crate) change: ChangeNotification,
    /// Whose clients are told; `None`: everybody's.
    pub(crate) of: Option<UserId>,
}

impl Announcement {
    /// Whether whoever hears this one need not hear the other.
    pub(crate) fn is_repeated_by(&self, later: &Self) -> bool {
        (&self.change, self.of) == (&later.change, later.of)
    }
}
