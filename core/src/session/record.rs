//! What the server remembers of a sign-in: who, which client, which scopes, the code and refresh
//! token that are good for it, and the Entra tokens.

use serde::{Deserialize, Serialize};

use super::SessionSecret;
use crate::id::SessionId;
use crate::{
    ask::{Guard, Key, Record, Store, Stored, Version},
    entropy::Entropy,
    keys::{Keyring, Purpose},
    limits,
    secret::Secret,
    time::UnixTime,
};

impl SessionId {
    /// The key of the session's record in the store.
    pub(crate) fn key(&self) -> Key {
        Key(format!("session/{self}"))
    }
}

/// A session, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Its name.
    pub(crate) id: SessionId,
    /// Who signed in.
    pub(crate) user: User,
    /// The SHA-256 of the `client_id` that asked.
    pub(crate) client: Hash,
    /// What was granted, as our own scopes, space separated.
    pub(crate) scope: String,
    /// The resource that the tokens are for.
    pub(crate) resource: String,
    /// When the user signed in.
    pub(crate) created: UnixTime,
    /// The code that was not redeemed yet, or that was.
    pub(crate) code: Code,
    /// The refresh token that is good now, and the one before.
    pub(crate) refresh: Option<Refresh>,
    /// The Entra tokens, sealed under the session secret.
    #[serde(with = "base64url")]
    pub(crate) entra: Vec<u8>,
    /// MCP sessions that were ended by DELETE, and the time before which all are ended.
    pub(crate) ended_mcp_sessions: Vec<[u8; 16]>,
    /// MCP sessions begun before this are over.
    pub(crate) mcp_sessions_since: UnixTime,
}

/// Who signed in, as Entra's ID token says. Keyed by `tid` and `oid`, never by names
/// (threat D7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// The tenant, `tid`.
    pub(crate) tenant_id: String,
    /// The object id, `oid`.
    pub(crate) oid: String,
    /// The pairwise subject that clients see as `sub`.
    pub(crate) subject: String,
    /// What else Entra told of them.
    #[serde(default)]
    pub(crate) profile: Profile,
}

/// What Entra told of a user besides who they are, as of the last renewal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Profile {
    /// The name as it is shown.
    pub(crate) name: Option<String>,
    /// The name to sign in with.
    pub(crate) username: Option<String>,
    /// The app roles.
    pub(crate) roles: Vec<String>,
    /// The object ids of the groups, in small letters.
    pub(crate) groups: Vec<String>,
}

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hash(pub(crate) [u8; 32]);

impl Hash {
    /// The hash of some bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Self(hash)
    }
}

/// The authorization code of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Code {
    /// It was sent to the client and may be redeemed once.
    Open {
        /// The hash of the code.
        hash: Hash,
        /// The `code_challenge`, S256.
        code_challenge: String,
        /// The `redirect_uri` it was sent to.
        redirect_uri: String,
        /// Until when.
        expires: UnixTime,
    },
    /// It was redeemed: seen again, it ends the session (RFC 6749 section 4.1.2).
    Spent {
        /// The hash of the code.
        hash: Hash,
    },
}

/// The refresh tokens of a session, as hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refresh {
    /// The one that is good.
    pub(crate) current: Hash,
    /// The one before it, which a client that lost the answer may repeat for a while.
    pub(crate) previous: Option<Hash>,
    /// When `current` was made.
    pub(crate) rotated: UnixTime,
}

/// Entra's tokens of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EntraTokens {
    /// The refresh token, good for any resource with consent.
    pub(crate) refresh_token: Option<Secret<String>>,
    /// The access token for Microsoft Graph.
    pub(crate) access_token: Secret<String>,
    /// The scopes of the access token, as Entra told them.
    pub(crate) scope: String,
    /// When the access token ends.
    pub(crate) expires: UnixTime,
    /// When Entra was last asked, so that refreshes close together ask once.
    pub(crate) refreshed: UnixTime,
}

impl Session {
    /// Content a record of the store.
    pub(crate) fn open(id: SessionId, stored: &Stored, keys: &Keyring) -> Option<(Self, Version)> {
        let bytes = keys.open(
            Purpose::SessionRecord,
            id.bytes(),
            b"",
            &stored.record.bytes,
        )?;
        let session: Self = serde_json::from_slice(&bytes).ok()?;
        (session.id == id).then_some((session, stored.version))
    }

    /// When the session ends unless it is refreshed.
    pub(crate) fn expires(&self, now: UnixTime) -> UnixTime {
        now.after(limits::SESSION_IDLE)
            .min(self.created.after(limits::SESSION_ABSOLUTE))
    }

    /// The store operation that writes the session, to last until `expires`.
    pub(crate) fn put(
        &self,
        guard: Guard,
        expires: UnixTime,
        keys: &Keyring,
        entropy: &mut Entropy,
    ) -> Store {
        let text = serde_json::to_vec(self).expect("a session is plain data");
        let bytes = keys.seal(Purpose::SessionRecord, self.id.bytes(), b"", &text, entropy);
        Store::Put(self.id.key(), Record { bytes, expires }, guard)
    }

    /// Content the Entra tokens with the secret that the client's token carried.
    pub(crate) fn entra_tokens(
        &self,
        secret: &SessionSecret,
        keys: &Keyring,
    ) -> Option<EntraTokens> {
        let share = secret.expose();
        let bytes = keys.open(Purpose::EntraTokens, self.id.bytes(), share, &self.entra)?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Seals the Entra tokens into the session.
    pub(crate) fn set_entra_tokens(
        &mut self,
        tokens: &EntraTokens,
        secret: &SessionSecret,
        keys: &Keyring,
        entropy: &mut Entropy,
    ) {
        let text = zeroize::Zeroizing::new(
            serde_json::to_vec(tokens).expect("the Entra tokens are plain data"),
        );
        let share = secret.expose();
        self.entra = keys.seal(Purpose::EntraTokens, self.id.bytes(), share, &text, entropy);
    }
}

/// Bytes as base64url, so that a record is not a list of numbers.
mod base64url {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)
    }
}
