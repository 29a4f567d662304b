//! How a session stands in the store.
//!
//! ```text
//! version
//! outline                                 -- sealed under the master key
//! the data key once for each live share   -- each sealed under a key of the master key and that share
//! outline and session                     -- sealed under the data key, and bound to all that stands before
//! Entra's tokens                          -- sealed under a key that stands in the session
//! ```
//!
//! The outline is sealed under the master key that the client's newest code or refresh token was made with, so that it shows
//! whether the record still needs a former one.
//!
//! The data key is drawn anew at each writing. So the master key alone opens the [`Outline`]; a share that is over
//! opens no later writing; and tokens that were issued before a refresh go on, since their shares still open the
//! record (threat G3). Who has a share needs not open the outline by itself: it stands beside the session once more.
//! Entra's tokens are the largest part, and few requests need them: they are neither opened nor copied before they
//! are needed.

mod json;
mod locks_in_head;

use std::borrow::Cow;

use bytes::Bytes;

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
    keys::{KeyNumber, Keyring, Purpose, SEAL_BYTES, SealingKey},
    planted::Planted,
    time::UnixTime,
};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::{
    json::sealed_as as sealed_as_json, locks_in_head::sealed_as as sealed_with_locks_in_head,
};

/// The first byte of a record. A record of another version is none.
const VERSION: u8 = 2;

/// The length of a lock: the data key, sealed.
const LOCK_BYTES: usize = 32 + SEAL_BYTES;

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Present,
    LocksInHead,
    Json,
}

/// The outline, as far as it was opened.
enum Head<'a> {
    Sealed(&'a [u8]),
    Opened(Outline),
}

/// A record taken apart.
struct Parts<'a> {
    id: SessionId,
    version: Version,
    format: Format,
    head: Head<'a>,
    /// The data key, sealed under each opener, one after the other.
    locks: Cow<'a, [u8]>,
    /// What the body is bound to.
    before: &'a [u8],
    body: &'a [u8],
    entra: Bytes,
}

impl<'a> Parts<'a> {
    fn of(id: SessionId, stored: &'a Stored, keys: &Keyring) -> Option<Self> {
        let bytes = &stored.record.bytes;
        let (format, head, locks, before, body, entra) = match *bytes.first()? {
            VERSION => {
                let mut from = Reader::new(bytes.get(1..)?);
                let (head, locks) = (from.bytes()?, from.bytes()?);
                let (before, _) = bytes.split_at_checked(bytes.len() - from.rest().len())?;
                let body = from.bytes()?;
                let (head, locks) = (Head::Sealed(head), Cow::Borrowed(locks));
                (Format::Present, head, locks, before, body, from.rest())
            }
            locks_in_head::VERSION => {
                let old = locks_in_head::read(id, bytes, keys)?;
                let (head, locks) = (Head::Opened(old.outline), Cow::Owned(old.locks));
                (
                    Format::LocksInHead,
                    head,
                    locks,
                    &[][..],
                    old.body,
                    old.entra,
                )
            }
            json::FIRST_BYTE => {
                let (outline, locks, body) = json::read(id, bytes, keys)?;
                let (head, locks) = (Head::Opened(outline), Cow::Owned(locks));
                (Format::Json, head, locks, &[][..], body, &[][..])
            }
            _ => return None,
        };
        Some(Self {
            id,
            version: stored.version,
            format,
            head,
            locks,
            before,
            body,
            entra: bytes.slice_ref(entra),
        })
    }

    /// The outline, by the master key alone.
    fn outline(&self, keys: &Keyring) -> Option<Outline> {
        match &self.head {
            Head::Opened(outline) => Some(outline.clone()),
            Head::Sealed(head) => {
                let context = context(VERSION, self.id);
                let head = keys.open(Purpose::SessionOutline, &context, b"", head)?;
                let mut from = Reader::new(&head);
                let outline = Outline::read(&mut from)?;
                from.end(outline)
            }
        }
    }

    fn open(self, share: &Share, server: &Server) -> Option<(Session, Version)> {
        let share = in_use(share, server);
        let keys = &server.keys;
        let openers = keys.sealing_keys(Purpose::SessionShare, share.expose());
        self.open_by(openers, keys)
    }

    /// Which master key the newest share belongs to. What an earlier version wrote does not say it.
    fn made_with(&self, keys: &Keyring) -> Option<KeyNumber> {
        match &self.head {
            Head::Opened(_) => keys.numbers().last(),
            Head::Sealed(head) => {
                let context = context(VERSION, self.id);
                keys.sealed_with(Purpose::SessionOutline, &context, head)
            }
        }
    }

    fn open_by(
        self,
        mut openers: impl Iterator<Item = SealingKey>,
        keys: &Keyring,
    ) -> Option<(Session, Version)> {
        let id = self.id;
        let made_with = match keys.has_others() {
            true => self.made_with(keys)?,
            false => KeyNumber::NEWEST,
        };
        let (present, before) = (context(VERSION, id), context(locks_in_head::VERSION, id));
        // What a lock is bound to, and the body.
        let (of_lock, of_body) = match self.format {
            Format::Present => (&present[..], self.before),
            Format::LocksInHead => (&before[..], &before[..]),
            Format::Json => (&id.bytes()[..], &id.bytes()[..]),
        };
        let (locks, _) = self.locks.as_chunks::<LOCK_BYTES>();
        // The last lock is the newest share's.
        let data_key = openers.find_map(|opener| {
            let mut newest_first = locks.iter().rev();
            newest_first.find_map(|lock| opener.open(of_lock, lock))
        })?;
        let data_key = SealingKey::new((&data_key[..]).try_into().ok()?);
        let body = data_key.open(of_body, self.body)?;
        let mut session = match (self.format, self.head) {
            (Format::Json, Head::Opened(outline)) => json::session(id, outline, &body)?,
            (_, Head::Opened(outline)) => Session::of_bytes(id, outline, &body, self.entra)?,
            (_, Head::Sealed(_)) => {
                let mut from = Reader::new(&body);
                let outline = Outline::read(&mut from)?;
                Session::of_bytes(id, outline, from.rest(), self.entra)?
            }
        };
        session.made_with = made_with;
        Some((session, self.version))
    }
}

/// Which master key this record of a session needs; `None` if no key opens it.
pub(crate) fn key_of(id: SessionId, stored: &Stored, keys: &Keyring) -> Option<KeyNumber> {
    Parts::of(id, stored, keys)?.made_with(keys)
}

/// A record of which the master key has opened the outline.
pub(crate) struct SealedSession<'a> {
    outline: Outline,
    parts: Parts<'a>,
}

impl std::fmt::Debug for SealedSession<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = &self.parts.id;
        f.debug_tuple("SealedSession").field(id).finish()
    }
}

impl<'a> SealedSession<'a> {
    /// Reads a record of the store; `None` if it is not this session's, or of another server.
    pub(crate) fn read(id: SessionId, stored: &'a Stored, keys: &Keyring) -> Option<Self> {
        let parts = Parts::of(id, stored, keys)?;
        let outline = parts.outline(keys)?;
        Some(Self { outline, parts })
    }

    /// What is known without a share.
    pub(crate) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Opens the session with the share that a code or a token carries.
    pub(crate) fn open(self, share: &Share, server: &Server) -> Option<(Session, Version)> {
        self.parts.open(share, server)
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
        Parts::of(id, stored, &server.keys)?.open(share, server)
    }

    /// Opens this session as another exchange has written it meanwhile: the shares outlast every exchange.
    pub(crate) fn open_again(&self, stored: &Stored, keys: &Keyring) -> Option<(Self, Version)> {
        let openers = self.openers.iter().map(|opener| opener.key.clone());
        Parts::of(self.id, stored, keys)?.open_by(openers, keys)
    }

    /// Opens a record of the store with the key that follows from a share.
    pub(super) fn open_by(
        id: SessionId,
        stored: &Stored,
        opener: SealingKey,
        keys: &Keyring,
    ) -> Option<(Self, Version)> {
        Parts::of(id, stored, keys)?.open_by(std::iter::once(opener), keys)
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
        let context = context(VERSION, self.id);
        let data_key = SealingKey::draw(entropy);
        let openers = self.openers.iter();
        let locks =
            openers.flat_map(|opener| opener.key.seal(&context, data_key.expose(), entropy));
        let locks: Vec<u8> = locks.collect();
        let mut whole = Writer::new();
        self.outline.write(&mut whole);
        let outline = whole.written();
        let (made_with, purpose) = (self.made_with, Purpose::SessionOutline);
        let head = keys.seal_with(made_with, purpose, &context, outline, entropy);
        whole.rest(body);
        let mut record = Writer::new();
        record.array(&[VERSION]);
        record.bytes(&head);
        record.bytes(&locks);
        let body = data_key.seal(record.written(), whole.written(), entropy);
        record.bytes(&body);
        record.rest(&self.entra);
        record.finish().to_vec()
    }
}

/// What outline and locks are bound to: their session, and how they are written.
fn context(version: u8, id: SessionId) -> [u8; 17] {
    let mut context = [version; 17];
    if let Some(name) = context.last_chunk_mut() {
        *name = *id.bytes();
    }
    context
}

/// The record of a session whose head holds these bytes, and which has no body.
#[cfg(feature = "fuzzing")]
pub(crate) fn of_head(
    id: SessionId,
    head: &[u8],
    keys: &Keyring,
    entropy: &mut Entropy,
) -> Vec<u8> {
    let context = context(VERSION, id);
    let head = keys.seal(Purpose::SessionOutline, &context, b"", head, entropy);
    let mut record = Writer::new();
    record.array(&[VERSION]);
    record.bytes(&head);
    record.bytes(&[]);
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
