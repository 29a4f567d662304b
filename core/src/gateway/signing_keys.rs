//! The keys that assertions are signed with: made once, kept sealed in the store, so that all replicas have the same.
//!
//! ```text
//! made --a day, but the first at once--> signs --90 days--> verifies still, a day
//!         its public key is published all the time
//! ```
//!
//! The next one is made a day before it is to sign, so that every backend has fetched it by then.
//!
//! Source: RFC 7517 section 4 and 5; RFC 7518 section 6.2; RFC 7638.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    entropy::Entropy,
    keys::{Keyring, Purpose},
    limits,
    secret::{Secret, exposed},
    time::UnixTime,
};

const CONTEXT: &[u8] = b"assertion keys";

/// One key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SigningKey {
    /// The private key, PKCS #8.
    #[serde(serialize_with = "exposed")]
    pub(crate) private: Secret<Vec<u8>>,
    /// The public key, an uncompressed point.
    public: Vec<u8>,
    /// From when it signs.
    from: UnixTime,
}

impl SigningKey {
    /// Its coordinates, Base64url.
    fn point(&self) -> [String; 2] {
        let half = |at: std::ops::Range<usize>| {
            URL_SAFE_NO_PAD.encode(self.public.get(at).unwrap_or_default())
        };
        [half(1..33), half(33..65)]
    }

    /// Its name: the thumbprint (RFC 7638).
    pub(crate) fn kid(&self) -> String {
        let [x, y] = self.point();
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
    }

    fn jwk(&self) -> Value {
        let [x, y] = self.point();
        json!({
            "kty": "EC", "crv": "P-256", "x": x, "y": y,
            "use": "sig", "alg": "ES256", "kid": self.kid(),
        })
    }
}

/// The keys, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SigningKeys {
    keys: Vec<SigningKey>,
}

impl SigningKeys {
    /// Opens what [`Self::seal`] sealed.
    pub(crate) fn open(sealed: &[u8], keys: &Keyring) -> Option<Self> {
        let text = keys.open(Purpose::AssertionKeys, CONTEXT, b"", sealed)?;
        serde_json::from_slice(&text).ok()
    }

    /// As it is stored.
    pub(crate) fn seal(&self, keys: &Keyring, entropy: &mut Entropy) -> Vec<u8> {
        let text = serde_json::to_vec(self).expect("keys can be written as JSON");
        let text = zeroize::Zeroizing::new(text);
        keys.seal(Purpose::AssertionKeys, CONTEXT, b"", &text, entropy)
    }

    /// Whether a key must be made: there is none, or the newest has nearly signed long enough.
    pub(crate) fn lacks_next(&self, now: UnixTime) -> bool {
        self.keys.last().is_none_or(|newest| {
            let until = newest.from.after(limits::ASSERTION_KEY_LIFETIME);
            now.after(limits::ASSERTION_KEY_OVERLAP) >= until
        })
    }

    /// Adds a key that was made now, and drops those that nothing is verified with any more.
    pub(crate) fn add(&mut self, private: Secret<Vec<u8>>, public: Vec<u8>, now: UnixTime) {
        let from = match self.keys.is_empty() {
            true => now,
            false => now.after(limits::ASSERTION_KEY_OVERLAP),
        };
        let published = self.published(now);
        self.keys = published.cloned().collect();
        self.keys.push(SigningKey {
            private,
            public,
            from,
        });
    }

    /// The key that signs now: the newest whose time has come, or else the oldest.
    pub(crate) fn signing(&self, now: UnixTime) -> Option<&SigningKey> {
        let mut newest_first = self.keys.iter().rev();
        let signs = newest_first.find(|key| key.from <= now);
        signs.or_else(|| self.keys.first())
    }

    /// The keys that something is verified with, or soon will be.
    fn published(&self, now: UnixTime) -> impl Iterator<Item = &SigningKey> {
        let is_over = move |next: Option<&SigningKey>| {
            next.is_some_and(|next| next.from.after(limits::ASSERTION_KEY_OVERLAP) <= now)
        };
        let next = self.keys.iter().skip(1).map(Some).chain([None]);
        let keys = self.keys.iter().zip(next);
        keys.filter(move |(_, next)| !is_over(*next))
            .map(|(key, _)| key)
    }

    /// The key set (RFC 7517 section 5): no private member, ever.
    pub(crate) fn key_set(&self, now: UnixTime) -> Value {
        let keys: Vec<Value> = self.published(now).map(SigningKey::jwk).collect();
        json!({ "keys": keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entropy::Seed, keys::MasterKey};

    const DAY: u64 = 24 * 60 * 60;

    fn add(keys: &mut SigningKeys, number: u8, now: u64) {
        let private = Secret::new(vec![number; 138]);
        keys.add(private, vec![number; 65], UnixTime(now));
    }

    fn names(keys: &SigningKeys, now: u64) -> Vec<u8> {
        let set = keys.key_set(UnixTime(now));
        let of = |key: &Value| URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap()[0];
        set["keys"].as_array().unwrap().iter().map(of).collect()
    }

    fn signs(keys: &SigningKeys, now: u64) -> u8 {
        keys.signing(UnixTime(now)).unwrap().public[0]
    }

    // R14: whoever fetches keys once a day never meets one that they do not know.
    #[test]
    fn next_key_is_published_a_day_before_it_signs() {
        let mut keys = SigningKeys::default();
        assert!(keys.lacks_next(UnixTime(1000)) && keys.signing(UnixTime(1000)).is_none());
        add(&mut keys, 1, 1000);
        assert_eq!((signs(&keys, 1000), names(&keys, 1000)), (1, vec![1]));
        let last_day = 1000 + 89 * DAY;
        assert!(!keys.lacks_next(UnixTime(last_day - 1)));
        assert!(keys.lacks_next(UnixTime(last_day)));
        add(&mut keys, 2, last_day);
        assert!(!keys.lacks_next(UnixTime(last_day)));
        assert_eq!(
            (signs(&keys, last_day), names(&keys, last_day)),
            (1, vec![1, 2])
        );
        let next = last_day + DAY;
        assert_eq!((signs(&keys, next - 1), signs(&keys, next)), (1, 2));
        assert_eq!(names(&keys, next + DAY - 1), [1, 2]);
        assert_eq!(names(&keys, next + DAY), [2]);
    }

    #[test]
    fn key_that_is_over_is_dropped_when_another_is_made() {
        let mut keys = SigningKeys::default();
        for (number, day) in [(1, 0), (2, 89), (3, 179)] {
            add(&mut keys, number, day * DAY);
        }
        assert_eq!(keys.keys.len(), 2);
    }

    #[test]
    fn key_set_has_public_members_only() {
        let mut keys = SigningKeys::default();
        add(&mut keys, 1, 0);
        let set = keys.key_set(UnixTime(0));
        let names: Vec<_> = set["keys"][0].as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }

    #[test]
    fn keys_are_sealed_under_the_master_key() {
        let mut keys = SigningKeys::default();
        add(&mut keys, 1, 7);
        let ring = |byte| Keyring::new(MasterKey::new([byte; 32]), Vec::new());
        let sealed = keys.seal(&ring(1), &mut Entropy::new(&Seed::new([0; 32])));
        let opened = SigningKeys::open(&sealed, &ring(1)).unwrap();
        assert_eq!(opened.keys[0].private.expose(), &vec![1; 138]);
        assert_eq!(opened.keys[0].from, UnixTime(7));
        assert!(SigningKeys::open(&sealed, &ring(2)).is_none());
    }

    // RFC 7638: the members that a key needs, in order.
    #[test]
    fn name_of_a_key_is_its_thumbprint() {
        let mut keys = SigningKeys::default();
        add(&mut keys, 1, 0);
        let key = &keys.keys[0];
        let x = URL_SAFE_NO_PAD.encode([1; 32]);
        let text = json!({"crv": "P-256", "kty": "EC", "x": x, "y": x}).to_string();
        let expected = URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()));
        assert_eq!(key.kid(), expected);
    }
}
