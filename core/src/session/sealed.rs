//! How a session stands in the store.
//!
//! ```text
//! outline, and the data key once for each live share  -- sealed under the master key
//! the session                                         -- sealed under the data key
//! ```
//!
//! The data key is drawn anew at each writing, and sealed under a key of the master key and a share
//! together. So the master key alone opens the [`Outline`]; a share that is over opens no later
//! writing; and tokens that were issued before a refresh go on, since their shares still open the record
//! (threat G3).

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    Share,
    record::{Outline, Session},
};
use crate::{
    ask::{Guard, Record, Store, Stored, Version},
    entropy::Entropy,
    env::Server,
    id::SessionId,
    keys::{Keyring, Purpose, SealingKey},
    planted::Planted,
    time::UnixTime,
};

/// More than a session, or its Entra tokens, usually are.
const JSON_BYTES: usize = 16 * 1024;

/// What the server reads without a share.
#[derive(Serialize, Deserialize)]
struct Head {
    outline: Outline,
    /// The data key, sealed under each opener.
    locks: Vec<Lock>,
}

#[derive(Serialize, Deserialize)]
struct Lock(#[serde(with = "base64url")] Vec<u8>);

/// A record of which the master key has opened the outline.
#[derive(Debug)]
pub(crate) struct SealedSession<'a> {
    id: SessionId,
    version: Version,
    outline: Outline,
    locks: Vec<Lock>,
    body: &'a [u8],
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock(..)")
    }
}

impl<'a> SealedSession<'a> {
    /// Reads a record of the store; `None` if it is not this session's, or of another server.
    pub(crate) fn read(id: SessionId, stored: &'a Stored, keys: &Keyring) -> Option<Self> {
        let (length, rest) = stored.record.bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (head, body) = rest.split_at_checked(length)?;
        let head = keys.open(Purpose::SessionOutline, id.bytes(), b"", head)?;
        let Head { outline, locks } = serde_json::from_slice(&head).ok()?;
        Some(Self {
            id,
            version: stored.version,
            outline,
            locks,
            body,
        })
    }

    /// What is known without a share.
    pub(crate) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Opens the session with the share that a code or a token carries.
    pub(crate) fn open(self, share: &Share, server: &Server) -> Option<(Session, Version)> {
        let share = in_use(share, server);
        let keys = &server.keys;
        self.open_by(keys.sealing_keys(Purpose::SessionShare, share.expose()))
    }

    /// Opens the session as another exchange has written it, for who holds an earlier writing: the shares
    /// outlast every exchange.
    pub(crate) fn open_again(self, earlier: &Session) -> Option<(Session, Version)> {
        self.open_by(earlier.openers().iter().map(|opener| opener.key.clone()))
    }

    fn open_by(self, mut openers: impl Iterator<Item = SealingKey>) -> Option<(Session, Version)> {
        let id = self.id.bytes();
        // The last lock is the newest share's.
        let locks = || self.locks.iter().rev();
        let data_key =
            openers.find_map(|opener| locks().find_map(|lock| opener.open(id, &lock.0)))?;
        let data_key = SealingKey::new(data_key.as_slice().try_into().ok()?);
        let body = data_key.open(id, self.body)?;
        let mut session: Session = serde_json::from_slice(&body).ok()?;
        session.outline = self.outline;
        (session.id == self.id).then_some((session, self.version))
    }
}

impl Session {
    /// Opens a record of the store with the share that a code or a token carries.
    pub(crate) fn open(
        id: SessionId,
        stored: &Stored,
        share: &Share,
        server: &Server,
    ) -> Option<(Self, Version)> {
        SealedSession::read(id, stored, &server.keys)?.open(share, server)
    }

    /// Opens this session as another exchange has written it meanwhile.
    pub(crate) fn open_again(&self, stored: &Stored, keys: &Keyring) -> Option<(Self, Version)> {
        SealedSession::read(self.id, stored, keys)?.open_again(self)
    }

    /// The store operation that writes the session, to last until `expires`.
    pub(crate) fn put(
        &self,
        guard: Guard,
        expires: UnixTime,
        keys: &Keyring,
        entropy: &mut Entropy,
    ) -> Store {
        let bytes = self.sealed_as(&secret_json(self), keys, entropy);
        Store::Put(self.id.key(), Record { bytes, expires }, guard)
    }

    /// The record, with this text for what only a share opens.
    pub(crate) fn sealed_as(&self, text: &[u8], keys: &Keyring, entropy: &mut Entropy) -> Vec<u8> {
        let id = self.id.bytes();
        let data_key = SealingKey::draw(entropy);
        let openers = self.openers().iter();
        let locks = openers.map(|opener| Lock(opener.key.seal(id, data_key.expose(), entropy)));
        let head = Head {
            locks: locks.collect(),
            outline: self.outline.clone(),
        };
        let head = keys.seal(
            Purpose::SessionOutline,
            id,
            b"",
            &secret_json(&head),
            entropy,
        );
        let mut bytes = joined(&head);
        bytes.extend(data_key.seal(id, text, entropy));
        bytes
    }
}

/// A sealed head with its length, before the sealed session.
pub(crate) fn joined(head: &[u8]) -> Vec<u8> {
    let length = u32::try_from(head.len()).expect("an outline is bounded by crate::limits");
    [&length.to_be_bytes(), head].concat()
}

/// The share that counts: the presented one.
pub(super) fn in_use(share: &Share, server: &Server) -> Share {
    match server.has(Planted::ShareIgnored) {
        true => Share::new([0; 16]),
        false => share.clone(),
    }
}

/// JSON that is wiped once it is sealed.
pub(super) fn secret_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Room for all that a session usually is: a vector that grows would leave some of it behind.
    let mut text = Zeroizing::new(Vec::with_capacity(JSON_BYTES));
    serde_json::to_writer(&mut *text, value).expect("a session is plain data");
    text
}

/// Bytes as base64url, so that a record is not a list of numbers.
pub(super) mod base64url {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)
    }
}

/// A key as base64url, wiped on the way.
pub(super) mod key {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use zeroize::Zeroizing;

    use crate::{keys::SealingKey, secret::Secret};

    pub(crate) fn serialize<S: Serializer>(
        key: &SealingKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Secret::new(URL_SAFE_NO_PAD.encode(key.expose())).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SealingKey, D::Error> {
        let text = Secret::<String>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.expose());
        let bytes = Zeroizing::new(bytes.map_err(D::Error::custom)?);
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(
            bytes
                .as_slice()
                .try_into()
                .map_err(|_| D::Error::custom("a key has 32 bytes"))?,
        );
        Ok(SealingKey::new(*bytes))
    }
}

#[cfg(test)]
mod tests;
