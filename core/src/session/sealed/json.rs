//! Records as version 0.1 wrote them at first: JSON. Each is read once more, and is of the present format from its
//! next writing on.
//!
//! ```text
//! length of the head -- its first byte is 0, which is no version
//! head: outline and locks, sealed under the master key
//! the session, with Entra's tokens, sealed under the data key
//! ```

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};
use zeroize::Zeroizing;

use super::LOCK_BYTES;
use crate::{
    id::SessionId,
    keys::{KeyNumber, Keyring, Purpose, SealingKey},
    secret::Secret,
    session::record::{
        Code, Hash, KnownSession, Opener, Outline, Predecessor, Refresh, Session, User,
        principal_of,
    },
    time::UnixTime,
};

/// The first byte of such a record: a head is shorter than 16 MiB.
pub(super) const FIRST_BYTE: u8 = 0;

#[derive(Deserialize)]
struct Head {
    outline: Outline,
    locks: Vec<Binary>,
}

#[derive(Deserialize)]
struct Body {
    user: User,
    scope: String,
    resource: String,
    created: UnixTime,
    code: Option<Code>,
    refresh: Option<JsonRefresh>,
    openers: Vec<JsonOpener>,
    key: Key,
    entra: Binary,
}

#[derive(Deserialize)]
struct JsonRefresh {
    current: Hash,
    previous: Option<JsonPredecessor>,
    rotated: UnixTime,
}

#[derive(Deserialize)]
struct JsonPredecessor {
    hash: Hash,
    successor: Binary,
}

#[derive(Deserialize)]
struct JsonOpener {
    key: Key,
    until: Option<UnixTime>,
}

/// Bytes in base64url.
struct Binary(Vec<u8>);

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// A key in base64url, wiped on the way.
struct Key(SealingKey);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::<String>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.expose());
        let bytes = Zeroizing::new(bytes.map_err(D::Error::custom)?);
        let bytes: Result<[u8; 32], _> = bytes.as_slice().try_into();
        let bytes = bytes.map_err(|_| D::Error::custom("a key has 32 bytes"))?;
        Ok(Self(SealingKey::new(*Zeroizing::new(bytes))))
    }
}

/// The outline, the locks one after the other, and the sealed session.
pub(super) fn read<'a>(
    id: SessionId,
    bytes: &'a [u8],
    keys: &Keyring,
) -> Option<(Outline, Vec<u8>, &'a [u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (head, body) = rest.split_at_checked(length)?;
    let head = keys.open(Purpose::SessionOutline, id.bytes(), b"", head)?;
    let Head { outline, locks } = serde_json::from_slice(&head).ok()?;
    let of_one_length = locks.iter().all(|lock| lock.0.len() == LOCK_BYTES);
    let locks: Vec<u8> = locks.into_iter().flat_map(|lock| lock.0).collect();
    of_one_length.then_some((outline, locks, body))
}

/// The session in what a share has opened.
pub(super) fn session(id: SessionId, outline: Outline, text: &[u8]) -> Option<Session> {
    let body: Body = serde_json::from_slice(text).ok()?;
    let openers = body.openers.into_iter();
    let refresh = body.refresh.map(|refresh| Refresh {
        current: refresh.current,
        earlier: Vec::from_iter(refresh.previous.map(|previous| Predecessor {
            hash: previous.hash,
            successor: previous.successor.0,
            replaced: refresh.rotated,
        })),
        rotated: refresh.rotated,
    });
    Some(Session {
        known: Arc::new(KnownSession {
            id,
            principal: principal_of(&body.user, &outline.client),
            outline,
            user: body.user,
            client: None,
            scope: body.scope,
            resource: body.resource,
            created: body.created,
            required_claims: None,
        }),
        code: body.code,
        refresh,
        openers: openers
            .map(|opener| Opener {
                key: opener.key.0,
                until: opener.until,
            })
            .collect(),
        made_with: KeyNumber::NEWEST,
        key: body.key.0,
        entra: body.entra.0.into(),
    })
}

/// A record as it was written then, with this text for what only a share opens.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn sealed_as(
    session: &Session,
    text: &[u8],
    keys: &Keyring,
    entropy: &mut crate::entropy::Entropy,
) -> Vec<u8> {
    let id = session.id.bytes();
    let data_key = SealingKey::draw(entropy);
    let openers = session.openers.iter();
    let locks: Vec<String> = openers
        .map(|opener| opener.key.seal(id, data_key.expose(), entropy))
        .map(|lock| URL_SAFE_NO_PAD.encode(lock))
        .collect();
    let outline = serde_json::json!({
        "client": session.outline.client.0, "subject": session.outline.subject,
        "spent_code": null, "ended_mcp_sessions": "",
    });
    let head = serde_json::json!({"outline": outline, "locks": locks}).to_string();
    let head = keys.seal(Purpose::SessionOutline, id, b"", head.as_bytes(), entropy);
    let length = u32::try_from(head.len()).expect("it is short");
    let body = data_key.seal(id, text, entropy);
    [&length.to_be_bytes()[..], &head, &body].concat()
}

#[cfg(test)]
mod tests;
