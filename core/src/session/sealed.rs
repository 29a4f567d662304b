//! How a session stands in the store.
//!
//! ```text
//! version
//! outline, and the data key once for each live share  -- sealed under the master key
//! the session                                         -- sealed under the data key
//! Entra's tokens                                      -- sealed under a key that stands in the session
//! ```
//!
//! The data key is drawn anew at each writing, and sealed under a key of the master key and a share
//! together. So the master key alone opens the [`Outline`]; a share that is over opens no later
//! writing; and tokens that were issued before a refresh go on, since their shares still open the record
//! (threat G3). Entra's tokens are the largest part, and few requests need them: they are neither opened nor
//! copied before they are needed.

mod json;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::{
    Share,
    codec::{Reader, Writer},
    record::{Outline, Session},
};
use crate::{
    ask::{Guard, Record, Store, Stored, Version},
    entropy::Entropy,
    env::Server,
    id::SessionId,
    keys::{Keyring, Purpose, SEAL_BYTES, SealingKey},
    planted::Planted,
    time::UnixTime,
};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::json::sealed_as as sealed_as_json;

/// The first byte of a record. A record of another version is none.
const VERSION: u8 = 1;

/// The length of a lock: the data key, sealed.
const LOCK_BYTES: usize = 32 + SEAL_BYTES;

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Binary,
    Json,
}

/// A record of which the master key has opened the outline.
pub(crate) struct SealedSession<'a> {
    id: SessionId,
    version: Version,
    outline: Outline,
    /// The data key, sealed under each opener, one after the other.
    locks: Vec<u8>,
    format: Format,
    body: &'a [u8],
    entra: Bytes,
}

impl std::fmt::Debug for SealedSession<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SealedSession").field(&self.id).finish()
    }
}

impl<'a> SealedSession<'a> {
    /// Reads a record of the store; `None` if it is not this session's, or of another server.
    pub(crate) fn read(id: SessionId, stored: &'a Stored, keys: &Keyring) -> Option<Self> {
        let bytes = &stored.record.bytes;
        let (format, (outline, locks), body, entra) = match *bytes.first()? {
            VERSION => {
                let mut from = Reader::new(bytes.get(1..)?);
                let (head, body) = (from.bytes()?, from.bytes()?);
                let head = keys.open(Purpose::SessionOutline, &context(id), b"", head)?;
                let entra = bytes.slice_ref(from.rest());
                (Format::Binary, read_head(&head)?, body, entra)
            }
            json::FIRST_BYTE => {
                let (outline, locks, body) = json::read(id, bytes, keys)?;
                (Format::Json, (outline, locks), body, Bytes::new())
            }
            _ => return None,
        };
        Some(Self {
            id,
            version: stored.version,
            outline,
            locks,
            format,
            body,
            entra,
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
        self.open_by(earlier.openers.iter().map(|opener| opener.key.clone()))
    }

    fn open_by(self, mut openers: impl Iterator<Item = SealingKey>) -> Option<(Session, Version)> {
        let id = self.id;
        let context = context(id);
        let context = match self.format {
            Format::Binary => &context[..],
            Format::Json => id.bytes(),
        };
        let (locks, _) = self.locks.as_chunks::<LOCK_BYTES>();
        // The last lock is the newest share's.
        let data_key = openers.find_map(|opener| {
            locks
                .iter()
                .rev()
                .find_map(|lock| opener.open(context, lock))
        })?;
        let data_key = SealingKey::new((&data_key[..]).try_into().ok()?);
        let body = data_key.open(context, self.body)?;
        let session = match self.format {
            Format::Binary => Session::of_bytes(id, self.outline, &body, self.entra)?,
            Format::Json => json::session(id, self.outline, &body)?,
        };
        Some((session, self.version))
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
        let bytes = self.sealed_as(&self.to_bytes(), keys, entropy).into();
        Store::Put(self.id.key(), Record { bytes, expires }, guard)
    }

    /// The record, with these bytes for what only a share opens.
    pub(crate) fn sealed_as(&self, body: &[u8], keys: &Keyring, entropy: &mut Entropy) -> Vec<u8> {
        let context = context(self.id);
        let data_key = SealingKey::draw(entropy);
        let openers = self.openers.iter();
        let locks =
            openers.flat_map(|opener| opener.key.seal(&context, data_key.expose(), entropy));
        let head = head_of(&self.outline, &locks.collect::<Vec<u8>>());
        let head = keys.seal(Purpose::SessionOutline, &context, b"", &head, entropy);
        let mut record = Writer::new();
        record.array(&[VERSION]);
        record.bytes(&head);
        record.bytes(&data_key.seal(&context, body, entropy));
        record.rest(&self.entra);
        record.finish().to_vec()
    }
}

/// What the parts of a record are bound to: its session and how it is written.
fn context(id: SessionId) -> [u8; 17] {
    let mut context = [VERSION; 17];
    if let Some(name) = context.last_chunk_mut() {
        *name = *id.bytes();
    }
    context
}

fn head_of(outline: &Outline, locks: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut head = Writer::new();
    outline.write(&mut head);
    head.bytes(locks);
    head.finish()
}

fn read_head(head: &[u8]) -> Option<(Outline, Vec<u8>)> {
    let mut from = Reader::new(head);
    let outline = Outline::read(&mut from)?;
    let locks = from.bytes()?.to_vec();
    from.end((outline, locks))
}

/// The record of a session whose head holds these bytes, and which has no body.
#[cfg(feature = "fuzzing")]
pub(crate) fn of_head(
    id: SessionId,
    head: &[u8],
    keys: &Keyring,
    entropy: &mut Entropy,
) -> Vec<u8> {
    let head = keys.seal(Purpose::SessionOutline, &context(id), b"", head, entropy);
    let mut record = Writer::new();
    record.array(&[VERSION]);
    record.bytes(&head);
    record.bytes(&[]);
    record.finish().to_vec()
}

/// The share that counts: the presented one.
pub(super) fn in_use(share: &Share, server: &Server) -> Share {
    match server.has(Planted::ShareIgnored) {
        true => Share::new([0; 16]),
        false => share.clone(),
    }
}

#[cfg(test)]
mod tests;
