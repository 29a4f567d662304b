//! What the list of a user says of a session: as much as the user needs to know it again. It was written at the
//! sign-in, when everything was known; the session's own record opens to its client alone.

use serde::{Deserialize, Serialize};

use crate::{id::SessionId, limits, time::UnixTime};

/// A session on the list of its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Entry")]
pub(crate) struct ListedSession {
    pub(crate) id: SessionId,
    /// What is known besides; nothing of a session that was listed by an earlier version.
    #[serde(flatten)]
    pub(crate) about: Option<AboutSession>,
}

impl ListedSession {
    /// Whether the record of this session, which is not there, may be written any moment: it is listed first.
    pub(super) fn may_still_be_written(&self, now: UnixTime) -> bool {
        let since = self.about.as_ref().map(|about| about.since);
        // Clocks of replicas differ, to either side.
        since
            .is_some_and(|since| now.0.abs_diff(since.0) <= limits::LISTED_BEFORE_WRITTEN.as_secs())
    }
}

/// What a user is told about a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AboutSession {
    /// What the client called itself.
    pub(crate) client_name: Option<String>,
    /// Who vouches for that name.
    pub(crate) verified_by: VerifiedBy,
    /// Where the client got its code.
    pub(crate) destination: String,
    /// What it may do, space separated.
    pub(crate) scope: String,
    /// When the user signed in.
    pub(crate) since: UnixTime,
    /// The address of the browser in which they did, if it is known.
    pub(crate) address: Option<String>,
}

/// Who vouches for the name of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VerifiedBy {
    /// Nobody: it registered itself.
    Nobody,
    /// The site of this host, which has its document.
    Site(String),
    /// The operator, who has registered it.
    Operator,
}

/// An entry as it is stored.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    /// As earlier versions wrote it: the name alone.
    Id(SessionId),
    Described {
        id: SessionId,
        #[serde(flatten)]
        about: Option<AboutSession>,
    },
}

impl From<Entry> for ListedSession {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Id(id) => Self { id, about: None },
            Entry::Described { id, about } => Self { id, about },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_with_and_without_a_description_is_read() {
        let id = SessionId::new([7; 16]);
        let about = AboutSession {
            client_name: Some("A client".to_owned()),
            verified_by: VerifiedBy::Site("vscode.dev".to_owned()),
            destination: "localhost:5000".to_owned(),
            scope: "user.read".to_owned(),
            since: UnixTime(1_800_000_000),
            address: None,
        };
        let (bare, described) = (
            ListedSession { id, about: None },
            ListedSession {
                id,
                about: Some(about),
            },
        );
        let list = vec![bare.clone(), described];
        let text = serde_json::to_string(&list).unwrap();
        let read: Vec<ListedSession> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, list);
        let old: Vec<ListedSession> = serde_json::from_str(&format!("[\"{id}\"]")).unwrap();
        assert_eq!(old, [bare]);
    }
}
