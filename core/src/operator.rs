//! The sessions of all users, as the operator of the server sees and ends them.
//!
//! What is known of a session without the share that its client carries is what its user sees on their own page: the
//! list of a user, which the master key opens, and the outline of the session. Who the user is does not stand there,
//! but in the name of the list, as a MAC: whoever knows the object id finds the list, and nobody reads it off.

mod record_keys;

pub use self::record_keys::{SESSIONS, TASKS, key_of};
use crate::{
    ask::{Key, Stored},
    hub::{ToHub, ToHubKind},
    id::SessionId,
    keys::Keyring,
    session::{
        record::{Profile, User},
        sealed::SealedSession,
        user_sessions::{self, ListedSession, VerifiedBy},
    },
    time::UnixTime,
};

/// What the keys of the lists of users begin with.
pub const LISTS: &str = "user/";

/// A session on the list of a user, which may have ended since.
#[derive(Debug)]
pub struct ListedEntry {
    user: String,
    listed: ListedSession,
}

/// A session that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEntry {
    /// Its name.
    pub session: String,
    /// The name of its user here, from which nobody finds out who that is; empty if it stands on no list that opens.
    pub user: String,
    /// The user, as the client and the log know them; empty if no key opens the session.
    pub subject: String,
    /// What the client calls itself; `None` if it does not, or the session is of an earlier version.
    pub client: Option<String>,
    /// Who vouches for that name: a site, or the operator.
    pub verified_by: Option<String>,
    /// Where the client got its code; empty if that is not known.
    pub destination: String,
    /// What it may do, space separated.
    pub scope: String,
    /// When the user signed in.
    pub since: Option<UnixTime>,
    /// The address of the browser in which they did, if it is known.
    pub address: Option<String>,
    /// When it ends unless it is used.
    pub expires: UnixTime,
}

/// Returns the sessions on the list that is stored under this key.
#[must_use]
pub fn listed(key: &Key, stored: Stored, keys: &Keyring) -> Vec<ListedEntry> {
    let user = key.0.strip_prefix(LISTS).unwrap_or_default();
    let sessions = user_sessions::listed_under(key, &stored, keys);
    sessions
        .into_iter()
        .map(|listed| ListedEntry {
            user: user.to_owned(),
            listed,
        })
        .collect()
}

/// Returns the names of a user here: the present one first, and those from before the master key was changed.
#[must_use]
pub fn user_names(tenant_id: &str, oid: &str, keys: &Keyring) -> Vec<String> {
    let user = User {
        tenant_id: tenant_id.to_owned(),
        oid: oid.to_owned(),
        sub: None,
        profile: Profile::default(),
    };
    let lists = user_sessions::keys_of(&user, keys).into_iter();
    lists
        .filter_map(|key| key.0.strip_prefix(LISTS).map(str::to_owned))
        .collect()
}

/// Returns the session of this record by itself, for one that stands on no list, whether a key opens it or not; `None` if
/// it is no session.
#[must_use]
pub fn unlisted(record: &Key, stored: &Stored, keys: &Keyring) -> Option<LiveEntry> {
    let id = SessionId::parse(record.0.strip_prefix(SESSIONS)?)?;
    let sealed = SealedSession::read(id, stored, keys);
    let subject = sealed.map(|sealed| sealed.outline().subject.clone());
    let subject = subject.unwrap_or_default();
    let listed = ListedSession { id, about: None };
    Some(LiveEntry::of(listed, String::new(), subject, stored))
}

impl ListedEntry {
    /// Where its record is.
    #[must_use]
    pub fn record(&self) -> Key {
        self.listed.id.key()
    }

    /// What is known of it, if this is its record.
    #[must_use]
    pub fn live(self, stored: &Stored, keys: &Keyring) -> Option<LiveEntry> {
        let sealed = SealedSession::read(self.listed.id, stored, keys)?;
        let subject = sealed.outline().subject.clone();
        Some(LiveEntry::of(self.listed, self.user, subject, stored))
    }
}

impl LiveEntry {
    fn of(listed: ListedSession, user: String, subject: String, stored: &Stored) -> Self {
        let mut entry = Self {
            session: listed.id.to_string(),
            user,
            subject,
            client: None,
            verified_by: None,
            destination: String::new(),
            scope: String::new(),
            since: None,
            address: None,
            expires: stored.record.expires,
        };
        if let Some(about) = listed.about {
            entry.client = about.client_name;
            entry.verified_by = match about.verified_by {
                VerifiedBy::Nobody => None,
                VerifiedBy::Site(host) => Some(host),
                VerifiedBy::Operator => Some("the operator".to_owned()),
            };
            entry.destination = about.destination;
            entry.scope = about.scope;
            entry.since = Some(about.since);
            entry.address = about.address;
        }
        entry
    }
}

/// Returns where the record of the session of this name is, and what ends what is under way for it once that is deleted;
/// `None` if it is no name of a session.
#[must_use]
pub fn ending(session: &str) -> Option<(Key, ToHub)> {
    let id = SessionId::parse(session)?;
    Some((id.key(), ToHub(ToHubKind::EndSession(id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ask::{Guard, Store, Version},
        testing::{TestServer, entropy, session_of},
    };

    fn stored(put: Store) -> (Key, Stored) {
        let Store::Put(key, record, _) = put else {
            panic!("a record is put: {put:?}");
        };
        let version = Version(1);
        (key, Stored { record, version })
    }

    #[test]
    fn session_is_described_by_its_own_record_and_ended_by_its_name() {
        let server = TestServer::dev();
        let keys = &server.server.keys;
        let (session, _) = session_of("alice", "a client");
        let until = UnixTime(1_900_000_000);
        let put = session.put(Guard::Absent, until, keys, &mut entropy(3));
        let (key, record) = stored(put);
        let entry = || ListedEntry {
            user: "x".to_owned(),
            listed: ListedSession {
                id: session.id,
                about: None,
            },
        };
        assert_eq!(entry().record(), key);
        let live = entry().live(&record, keys).unwrap();
        assert_eq!(live.subject, session.outline.subject);
        assert_eq!((live.expires, live.client), (until, None));
        let (ended, _) = ending(&live.session).unwrap();
        assert_eq!(ended, key);
        assert!(ending("user/x").is_none());
        let foreign = Keyring::new(crate::keys::MasterKey::new([1; 32]), Vec::new());
        assert!(entry().live(&record, &foreign).is_none());
        // A4: what stands on no list is shown and ended all the same, whether a key opens it or not.
        let by_itself = unlisted(&key, &record, keys).unwrap();
        assert_eq!(
            (&by_itself.session, &by_itself.subject),
            (&live.session, &live.subject)
        );
        let unopened = unlisted(&key, &record, &foreign).unwrap();
        assert_eq!(
            (&unopened.session, unopened.subject.as_str()),
            (&live.session, "")
        );
    }

    #[test]
    fn user_is_found_by_object_id_and_the_name_tells_nothing() {
        let server = TestServer::dev();
        let keys = &server.server.keys;
        let (session, _) = session_of("alice", "a client");
        let (tenant, oid) = (&session.user.tenant_id, &session.user.oid);
        let names = user_names(tenant, oid, keys);
        let key = user_sessions::key(&session.user, keys);
        assert_eq!(vec![key.0], [format!("{LISTS}{}", names[0])]);
        assert!(!names[0].contains(oid.as_str()));
        assert_ne!(user_names(tenant, "another", keys), names);
        // F15: lists from before the key was changed are still this user's.
        let (new, old) = ([7; 32], [42; 32]);
        let both = Keyring::new(
            crate::keys::MasterKey::new(new),
            vec![crate::keys::MasterKey::new(old)],
        );
        let after = user_names(tenant, oid, &both);
        assert_eq!((after.len(), &after[1]), (2, &names[0]));
    }
}
