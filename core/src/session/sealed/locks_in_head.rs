//! Records as version 0.1 wrote them next: each look-up had to open the head, for the locks stood in it. Each is read
//! once more, and is of the present format from its next writing on.
//!
//! ```text
//! version
//! outline, and the data key once for each live share  -- sealed under the master key
//! the session                                         -- sealed under the data key
//! Entra's tokens                                      -- sealed under a key that stands in the session
//! ```

use super::context;
use crate::{
    id::SessionId,
    keys::{Keyring, Purpose},
    session::{codec::Reader, record::Outline},
};

/// The first byte of such a record.
pub(super) const VERSION: u8 = 1;

/// What such a record holds.
pub(super) struct Parts<'a> {
    pub(super) outline: Outline,
    /// One after the other.
    pub(super) locks: Vec<u8>,
    /// The session, sealed.
    pub(super) body: &'a [u8],
    /// Entra's tokens, sealed.
    pub(super) entra: &'a [u8],
}

pub(super) fn read<'a>(id: SessionId, bytes: &'a [u8], keys: &Keyring) -> Option<Parts<'a>> {
    let mut from = Reader::new(bytes.strip_prefix(&[VERSION])?);
    let (head, body) = (from.bytes()?, from.bytes()?);
    let head = keys.open(Purpose::SessionOutline, &context(VERSION, id), b"", head)?;
    let mut head = Reader::new(&head);
    let outline = Outline::read(&mut head)?;
    let locks = head.bytes()?.to_vec();
    head.end(Parts {
        outline,
        locks,
        body,
        entra: from.rest(),
    })
}

/// A record as it was written then, with these bytes for what only a share opens.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn sealed_as(
    session: &crate::session::record::Session,
    body: &[u8],
    keys: &Keyring,
    entropy: &mut crate::entropy::Entropy,
) -> Vec<u8> {
    use crate::{keys::SealingKey, session::codec::Writer};

    let context = context(VERSION, session.id);
    let data_key = SealingKey::draw(entropy);
    let openers = session.openers.iter();
    let locks = openers.flat_map(|opener| opener.key.seal(&context, data_key.expose(), entropy));
    let locks: Vec<u8> = locks.collect();
    let mut head = Writer::new();
    session.outline.write(&mut head);
    head.bytes(&locks);
    let head = keys.seal(
        Purpose::SessionOutline,
        &context,
        b"",
        &head.finish(),
        entropy,
    );
    let mut record = Writer::new();
    record.array(&[VERSION]);
    record.bytes(&head);
    record.bytes(&data_key.seal(&context, body, entropy));
    record.rest(&session.entra);
    record.finish().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ask::{Guard, Record, Store, Stored, Version},
        session::{Share, record::Session, sealed::SealedSession},
        testing::{TestServer, entropy, session_of},
        time::UnixTime,
    };

    #[test]
    fn record_with_its_locks_in_the_head_is_read_and_written_anew() {
        let server = TestServer::dev();
        let server = &server.server;
        let (mut session, share) = session_of("alice", "a client");
        session.open_only_to(&share, server);
        let bytes = sealed_as(&session, &session.to_bytes(), &server.keys, &mut entropy(1));
        let stored = |bytes: Vec<u8>| Stored {
            record: Record {
                bytes: bytes.into(),
                expires: UnixTime(u64::MAX),
            },
            version: Version(1),
        };
        let old = stored(bytes);
        let id = session.id;
        let (read, _) = Session::open(id, &old, &share, server).unwrap();
        assert_eq!(format!("{read:?}"), format!("{session:?}"));
        let sealed = SealedSession::read(id, &old, &server.keys).unwrap();
        assert_eq!(sealed.outline().subject, session.outline.subject);
        assert!(sealed.open(&Share::new([9; 16]), server).is_none());
        assert!(Session::open(SessionId::new([7; 16]), &old, &share, server).is_none());

        let put = read.put(Guard::Any, UnixTime(9), &server.keys, &mut entropy(1));
        let Store::Put(_, record, _) = put else {
            panic!("it is written");
        };
        assert_eq!(record.bytes.first(), Some(&super::super::VERSION));
        let new = stored(record.bytes.to_vec());
        let (again, _) = Session::open(id, &new, &share, server).unwrap();
        assert_eq!(format!("{again:?}"), format!("{session:?}"));
    }
}
