//! The MCP sessions that a client has ended: each is remembered until it would have expired by itself, and no
//! longer (threat M3).
//!
//! Nothing is stored for an MCP session that lives, so a full list can end none: it takes no more, and says so.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{id::McpSessionId, limits, time::UnixTime};

/// The list, which stands in the session's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndedMcpSessions(Vec<(McpSessionId, UnixTime)>);

/// As many are remembered as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyEnded;

impl EndedMcpSessions {
    /// Whether this one was ended.
    pub(crate) fn contains(&self, id: McpSessionId) -> bool {
        self.0.iter().any(|(ended, _)| *ended == id)
    }

    /// Remembers that this one was ended, until it would have expired; forgets those that would have by now.
    pub(crate) fn insert(
        &mut self,
        id: McpSessionId,
        expires: UnixTime,
        now: UnixTime,
    ) -> Result<(), TooManyEnded> {
        self.0.retain(|(_, expires)| now < *expires);
        if self.contains(id) {
            return Ok(());
        }
        if self.0.len() >= limits::ENDED_MCP_SESSIONS {
            return Err(TooManyEnded);
        }
        self.0.push((id, expires));
        Ok(())
    }

    /// All ids and ends.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * BYTES);
        for (id, expires) in &self.0 {
            bytes.extend(id.0);
            bytes.extend(expires.0.to_be_bytes());
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, []) = bytes.as_chunks::<BYTES>() else {
            return None;
        };
        let ended = entries.iter().filter_map(|entry| {
            let (id, expires) = entry.split_first_chunk::<ID_BYTES>()?;
            let expires = u64::from_be_bytes(expires.try_into().ok()?);
            Some((McpSessionId(*id), UnixTime(expires)))
        });
        Some(Self(ended.collect()))
    }
}

const ID_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + 8;

/// As JSON it was base64url of the same bytes.
impl<'de> Deserialize<'de> for EndedMcpSessions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(&*text).map_err(D::Error::custom)?;
        Self::of_bytes(&bytes)
            .ok_or_else(|| D::Error::custom("an ended MCP session has an id and an end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> McpSessionId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        McpSessionId(id)
    }

    // M3
    #[test]
    fn ended_session_is_forgotten_once_it_would_have_expired_and_not_before() {
        let mut ended = EndedMcpSessions::default();
        let now = UnixTime(1_000);
        for number in 0..limits::ENDED_MCP_SESSIONS {
            let expires = UnixTime(2_000 + u64::try_from(number).unwrap());
            assert_eq!(ended.insert(id(number), expires, now), Ok(()));
        }
        let full = ended.clone();
        let late = id(limits::ENDED_MCP_SESSIONS);
        assert_eq!(ended.insert(late, UnixTime(9_000), now), Err(TooManyEnded));
        assert_eq!(ended.insert(id(7), UnixTime(2_007), now), Ok(()));
        assert_eq!(ended, full, "nothing was lost, and nothing is there twice");
        let later = UnixTime(2_000);
        assert_eq!(ended.insert(late, UnixTime(9_000), later), Ok(()));
        assert!(!ended.contains(id(0)) && ended.contains(late));
        assert!((1..limits::ENDED_MCP_SESSIONS).all(|number| ended.contains(id(number))));
    }

    #[test]
    fn written_list_of_ended_sessions_is_read_back() {
        let mut ended = EndedMcpSessions::default();
        for number in 0..3 {
            let bytes = ended.to_bytes();
            assert_eq!(EndedMcpSessions::of_bytes(&bytes).as_ref(), Some(&ended));
            let text = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&bytes));
            assert_eq!(
                serde_json::from_str::<EndedMcpSessions>(&text).unwrap(),
                ended
            );
            let expires = UnixTime(u64::MAX);
            ended.insert(id(number), expires, UnixTime(0)).unwrap();
        }
        assert_eq!(EndedMcpSessions::of_bytes(b"AAAA"), None);
    }
}
