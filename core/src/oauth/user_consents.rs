//! What one user has approved (threat A4): a record of the store for each user, which lists the clients that need
//! not ask again. It can be shown to the user, and an approval is withdrawn by taking it out.
//!
//! The record is sealed under the master key and the user's own ids, and named by neither. It is written when a
//! user who has approved has signed in, so that nothing is stored for others.

mod stored;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

pub(crate) use self::stored::{ReadingConsents, StoredConsents, WritingConsents};
use super::authorization_request::AuthorizationRequest;
use crate::{
    ask::{Guard, Key, Record, Store, Stored},
    entropy::Entropy,
    keys::{Keyring, MAC_BYTES, Purpose},
    limits,
    session::record::{Hash, User},
    time::UnixTime,
};

/// The approvals of one user, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserConsents {
    consents: Vec<UserConsent>,
    /// How long each holds, as it is set now.
    #[serde(skip)]
    lifetime: Duration,
}

/// One approval, with what a user needs to recognize it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserConsent {
    /// The SHA-256 of the `client_id`.
    pub(crate) client: Hash,
    /// What the client called itself.
    pub(crate) client_name: Option<String>,
    /// Where it returns to.
    pub(crate) redirect_uri: String,
    /// What it may do.
    pub(crate) scope: String,
    /// At which MCP endpoint, if that has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// When it was approved.
    pub(crate) given: UnixTime,
}

impl UserConsents {
    /// Returns the key of the user's record.
    pub(crate) fn key(user: &User, keys: &Keyring) -> Key {
        named(keys.mac(Purpose::ConsentsKey, user.key().as_bytes()))
    }

    /// Returns the keys under which the record was before the master key was changed.
    fn former_keys(user: &User, keys: &Keyring) -> Vec<Key> {
        let user = user.key();
        let macs = keys.macs(Purpose::ConsentsKey, user.as_bytes());
        macs.skip(1).map(named).collect()
    }

    /// Nothing is approved yet.
    pub(crate) fn none(lifetime: Duration) -> Self {
        Self {
            consents: Vec::new(),
            lifetime,
        }
    }

    /// Opens the user's record; there is nothing in one that does not open.
    pub(crate) fn open(user: &User, stored: &Stored, lifetime: Duration, keys: &Keyring) -> Self {
        let bytes = &stored.record.bytes;
        let opened = keys
            .open(Purpose::Consents, b"", user.key().as_bytes(), bytes)
            .and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        Self {
            consents: opened.unwrap_or_default().consents,
            lifetime,
        }
    }

    /// Returns the store operation that writes the record, or deletes it if nothing is approved any more.
    pub(crate) fn put(
        &self,
        user: &User,
        guard: Guard,
        keys: &Keyring,
        entropy: &mut Entropy,
    ) -> Option<Store> {
        let Some(newest) = self.consents.last() else {
            return Some(Store::Delete(Self::key(user, keys)));
        };
        let json = serde_json::to_vec(self).ok()?;
        let share = user.key();
        let sealed = keys.seal(Purpose::Consents, b"", share.as_bytes(), &json, entropy);
        let record = Record {
            bytes: sealed.into(),
            expires: newest.given.after(self.lifetime),
        };
        Some(Store::Put(Self::key(user, keys), record, guard))
    }

    /// Whether the user has approved this request, and not too long ago.
    pub(crate) fn cover(&self, request: &AuthorizationRequest, now: UnixTime) -> bool {
        self.consents
            .iter()
            .any(|consent| consent.is_of(request) && consent.holds(self.lifetime, now))
    }

    /// Returns the approvals that hold, the newest first.
    pub(crate) fn list(&self, now: UnixTime) -> impl Iterator<Item = &UserConsent> {
        let consents = self.consents.iter().rev();
        consents.filter(move |consent| consent.holds(self.lifetime, now))
    }

    /// Takes out what was approved for a client that returns there, whatever the scopes. Returns whether there was
    /// anything. What the browser remembers alone lets nobody in.
    pub(crate) fn withdraw(&mut self, client: &Hash, redirect_uri: &str) -> bool {
        let before = self.consents.len();
        let is_meant =
            |one: &UserConsent| one.client == *client && one.redirect_uri == redirect_uri;
        self.consents.retain(|consent| !is_meant(consent));
        self.consents.len() < before
    }

    /// Takes these over, too: the later of two that cover the same, and the latest ones if there are too many.
    fn merge(&mut self, others: Self) {
        for other in others.consents {
            let known = self.consents.iter_mut().find(|one| one.covers_what(&other));
            match known {
                Some(known) if known.given < other.given => *known = other,
                Some(_) => {}
                None => self.consents.push(other),
            }
        }
        self.consents.sort_by_key(|consent| consent.given);
        let too_many = self
            .consents
            .len()
            .saturating_sub(limits::CONSENTS_PER_USER);
        self.consents.drain(..too_many);
    }

    /// Adds an approval; the oldest goes if there are too many.
    pub(crate) fn add(
        &mut self,
        request: &AuthorizationRequest,
        client_name: Option<String>,
        now: UnixTime,
    ) {
        self.consents
            .retain(|consent| !consent.is_of(request) && consent.holds(self.lifetime, now));
        let too_many = (self.consents.len() + 1).saturating_sub(limits::CONSENTS_PER_USER);
        self.consents.drain(..too_many);
        self.consents.push(UserConsent {
            client: request.client,
            client_name,
            redirect_uri: request.redirect_target.redirect_uri.as_str().to_owned(),
            scope: request.scope.to_string(),
            endpoint: request.endpoint_name().map(str::to_owned),
            given: now,
        });
    }
}

impl UserConsent {
    /// Whether the other one is of the same client, place, scopes and endpoint.
    fn covers_what(&self, other: &Self) -> bool {
        (self.client, &self.redirect_uri, &self.scope, &self.endpoint)
            == (
                other.client,
                &other.redirect_uri,
                &other.scope,
                &other.endpoint,
            )
    }

    fn is_of(&self, request: &AuthorizationRequest) -> bool {
        self.client == request.client
            && self.redirect_uri == request.redirect_target.redirect_uri.as_str()
            && self.scope == request.scope.to_string()
            && self.endpoint.as_deref() == request.endpoint_name()
    }

    fn holds(&self, lifetime: Duration, now: UnixTime) -> bool {
        self.given.lasts(lifetime, now, limits::CLOCK_LEEWAY)
    }
}

fn named(mac: [u8; MAC_BYTES]) -> Key {
    Key(format!("consents/{}", URL_SAFE_NO_PAD.encode(mac)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ask::Version,
        keys::MasterKey,
        session::record::Profile,
        testing::{authorization_request, entropy},
    };

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn user(oid: &str) -> User {
        User {
            tenant_id: "a tenant".to_owned(),
            oid: oid.to_owned(),
            sub: None,
            profile: Profile::default(),
        }
    }

    fn keys() -> Keyring {
        Keyring::new(MasterKey::new([42; 32]), Vec::new())
    }

    fn stored(consents: &UserConsents, user: &User) -> (Key, Stored) {
        let put = consents.put(user, Guard::Absent, &keys(), &mut entropy(1));
        let Some(Store::Put(key, record, Guard::Absent)) = put else {
            panic!("it is written");
        };
        let version = Version(1);
        (key, Stored { record, version })
    }

    // A4, G3
    #[test]
    fn record_of_consents_opens_for_its_user_only() {
        let (alice, bob) = (user("alice"), user("bob"));
        let request = authorization_request("state");
        let mut consents = UserConsents::none(limits::CONSENT_LIFETIME);
        consents.add(&request, Some("Test client".to_owned()), NOW);
        let (key, stored) = stored(&consents, &alice);
        assert_eq!(
            UserConsents::open(&alice, &stored, limits::CONSENT_LIFETIME, &keys()),
            consents
        );
        assert_eq!(
            UserConsents::open(&bob, &stored, limits::CONSENT_LIFETIME, &keys()),
            UserConsents::none(limits::CONSENT_LIFETIME)
        );
        assert_ne!(UserConsents::key(&bob, &keys()), key);
        let text = format!("{key:?}{}", String::from_utf8_lossy(&stored.record.bytes));
        for part in [
            "alice",
            "tenant",
            "Test client",
            "client.example",
            "user.read",
        ] {
            assert!(!text.contains(part), "{part}");
        }
        let expires = NOW.after(limits::CONSENT_LIFETIME);
        assert_eq!(stored.record.expires, expires);
    }

    // A4, Q3
    #[test]
    fn consent_covers_its_request_until_it_expires() {
        let request = authorization_request("state");
        let mut consents = UserConsents::none(limits::CONSENT_LIFETIME);
        assert!(!consents.cover(&request, NOW));
        consents.add(&request, None, NOW);
        let mut other = authorization_request("other state");
        assert!(consents.cover(&other, NOW), "the state is no part of it");
        other.client = Hash::of(b"another client");
        assert!(!consents.cover(&other, NOW));
        assert!(!consents.cover(&request, NOW.after(limits::CONSENT_LIFETIME)));
        assert!(!consents.cover(&request, UnixTime(NOW.0 - 24 * 3600)));
    }

    // A4
    #[test]
    fn listed_consents_are_those_that_hold_the_newest_first() {
        let later = NOW.after(limits::CONSENT_LIFETIME / 2);
        let mut consents = UserConsents::none(limits::CONSENT_LIFETIME);
        let first = authorization_request("state");
        consents.add(&first, Some("First".to_owned()), NOW);
        let mut second = authorization_request("state");
        second.client = Hash::of(b"another client");
        consents.add(&second, Some("Second".to_owned()), later);
        let names = |now| {
            let names = consents.list(now).map(|one| one.client_name.clone());
            names.map(Option::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(names(later), ["Second", "First"]);
        assert_eq!(names(NOW.after(limits::CONSENT_LIFETIME)), ["Second"]);
        let listed = consents.list(later).next().unwrap();
        let redirect_uri = first.redirect_target.redirect_uri.as_str();
        assert_eq!(listed.redirect_uri, redirect_uri);
        assert_eq!(
            (&listed.scope, listed.given),
            (&first.scope.to_string(), later)
        );
    }

    // A4
    #[test]
    fn withdrawn_consent_covers_nothing_and_the_last_one_takes_the_record_along() {
        let request = authorization_request("state");
        let redirect_uri = request.redirect_target.redirect_uri.as_str();
        let mut other = authorization_request("state");
        other.client = Hash::of(b"another client");
        let mut consents = UserConsents::none(limits::CONSENT_LIFETIME);
        consents.add(&request, None, NOW);
        consents.add(&other, None, NOW);
        assert!(!consents.withdraw(&request.client, "https://elsewhere.example/cb"));
        assert!(!consents.withdraw(&Hash::of(b"unknown"), redirect_uri));
        assert!(consents.withdraw(&request.client, redirect_uri));
        assert!(!consents.withdraw(&request.client, redirect_uri));
        assert!(!consents.cover(&request, NOW));
        assert!(consents.cover(&other, NOW));
        let alice = user("alice");
        let (key, _) = stored(&consents, &alice);
        assert!(consents.withdraw(&other.client, redirect_uri));
        let put = consents.put(&alice, Guard::Version(Version(1)), &keys(), &mut entropy(1));
        assert!(matches!(put, Some(Store::Delete(deleted)) if deleted == key));
    }

    // A4
    #[test]
    fn consent_of_before_holds_no_longer_than_is_set_now() {
        let (alice, request) = (user("alice"), authorization_request("state"));
        let mut consents = UserConsents::none(limits::CONSENT_LIFETIME);
        consents.add(&request, None, NOW);
        let (_, stored) = stored(&consents, &alice);
        let hour = Duration::from_secs(3600);
        let shorter = UserConsents::open(&alice, &stored, hour, &keys());
        assert!(shorter.cover(&request, NOW.after(hour / 2)));
        assert!(!shorter.cover(&request, NOW.after(hour)));
        assert!(consents.cover(&request, NOW.after(hour)));
    }

    // A4, M5
    #[test]
    fn consents_of_a_user_are_bounded_and_the_oldest_goes() {
        let mut consents = UserConsents::none(limits::CONSENT_LIFETIME);
        let request_of = |number: usize| {
            let mut request = authorization_request("state");
            request.client = Hash::of(&number.to_be_bytes());
            request
        };
        for number in 0..=limits::CONSENTS_PER_USER {
            consents.add(&request_of(number), None, NOW);
            consents.add(&request_of(number), None, NOW);
        }
        assert_eq!(consents.consents.len(), limits::CONSENTS_PER_USER);
        assert!(!consents.cover(&request_of(0), NOW));
        assert!(consents.cover(&request_of(1), NOW));
    }
}
