//! The names of things that go on: they say which one is meant and prove nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Sixteen bytes in base64url, decoded without an allocation.
fn sixteen_bytes(text: &str) -> Option<[u8; 16]> {
    // A little more than fits, as the decoder wants it.
    let mut bytes = [0; 20];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    bytes.get(..length)?.try_into().ok()
}

/// The runtime's number of an exchange, unique in its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

/// The name of an assertion that a client has signed: the SHA-256 of the `client_id`, and of its `jti`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AssertionId {
    pub(crate) client: [u8; 32],
    pub(crate) jti: [u8; 32],
}

/// The name of a session: random-looking, sent to the client as `sid`. A name, not a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId([u8; 16]);

impl SessionId {
    /// Takes sixteen bytes that nobody can guess.
    pub(crate) const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Writes what `Display` writes, without an allocation.
    pub(crate) fn write_to<'a>(&self, text: &'a mut [u8; 22]) -> &'a str {
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, text);
        debug_assert_eq!(written, Ok(text.len()));
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        sixteen_bytes(text).map(Self)
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a session id has 16 bytes"))
    }
}

/// Tenant and user as one value, over all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct UserId(pub(crate) [u8; 32]);

impl UserId {
    /// The user of this tenant (`tid`) and object id (`oid`), however their letters are written.
    pub(crate) fn of(tenant_id: &str, oid: &str) -> Self {
        let named = format!("{}/{}", tenant_id, oid).to_ascii_lowercase();
        let mut hash = [0; 32];
        hash.copy_from_slice(
            ring::digest::digest(&ring::digest::SHA256, named.as_bytes()).as_ref(),
        );
        Self(hash)
    }
}

/// Declares a name of sixteen random bytes, written as base64url.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        pub(crate) struct $name(pub(crate) [u8; 16]);

        impl $name {
            /// Reads what `Display` wrote: compared whole, one spelling only.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                sixteen_bytes(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }
    };
}

random_id! {
    /// An MCP session: what an `Mcp-Session-Id` holds, or the `sessionId` of an HTTP+SSE stream.
    McpSessionId
}

random_id! {
    /// A stream whose events are buffered, so that a client can resume it.
    StreamId
}

random_id! {
    /// A request of the server to the client, such as an elicitation: its JSON-RPC id.
    ServerRequestId
}

random_id! {
    /// A task (2026-07-28).
    TaskId
}

random_id! {
    /// A browser in which a user has signed in.
    DeviceId
}

/// Who owns a session, stream or task: the SHA-256 of tenant, user and client, never of a token's bytes
/// (threat I9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct PrincipalId(pub(crate) [u8; 32]);

/// A resource, as subscriptions name it: the first half of the SHA-256 of its URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ResourceId(pub(crate) [u8; 16]);

impl ResourceId {
    pub(crate) fn of(uri: &str) -> Self {
        let hash = ring::digest::digest(&ring::digest::SHA256, uri.as_bytes());
        let half = hash.as_ref().first_chunk();
        Self(half.copied().unwrap_or_default())
    }
}
