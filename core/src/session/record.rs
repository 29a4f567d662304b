//! What the server remembers of a sign-in: who, which client, which scopes, the code and refresh
//! token that are good for it, and the Entra tokens.

mod binary;
mod known;
mod refresh;

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use entra_mcp_wire::text::hex;
use serde::{Deserialize, Serialize};

pub(crate) use self::known::KnownSession;
pub(crate) use self::refresh::{Generation, Predecessor, Refresh};
use super::{Share, ended_mcp_sessions::EndedMcpSessions, mcp_settings::McpSettings, sealed};
use crate::{
    ask::Key,
    catalog::{Names, VerifiedBy},
    config::Lifetimes,
    entropy::Entropy,
    env::Server,
    id::{PrincipalId, SessionId},
    keys::{KeyNumber, Keyring, Purpose, SealingKey},
    limits,
    secret::{Secret, exposed, exposed_if_any},
    step::Cx,
    time::UnixTime,
};

impl SessionId {
    /// The key of the session's record in the store.
    pub(crate) fn key(&self) -> Key {
        let mut name = [0; 22];
        let name = self.write_to(&mut name);
        let mut key = String::with_capacity(32);
        key.push_str("session/");
        key.push_str(name);
        Key(key)
    }
}

/// A session, opened.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(super) known: Arc<KnownSession>,
    /// The code, until it is redeemed.
    pub(crate) code: Option<Code>,
    /// The refresh token that is good now, and those before.
    pub(crate) refresh: Option<Refresh>,
    /// Which shares open the record.
    pub(super) openers: Vec<Opener>,
    /// Which master key the newest of these shares belongs to: the one that the client's code or refresh token was made with.
    pub(super) made_with: KeyNumber,
    /// What the Entra tokens and the session's tasks are sealed under, beside the master key.
    pub(crate) key: SealingKey,
    /// The sealed Entra tokens: they are opened only when one is needed.
    pub(super) entra: Bytes,
}

impl Deref for Session {
    type Target = KnownSession;

    fn deref(&self) -> &KnownSession {
        &self.known
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut KnownSession {
        Arc::make_mut(&mut self.known)
    }
}

/// What the master key alone opens of a session: as much as is needed to end the session, and to know
/// which MCP sessions were ended, for whom no token is at hand.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Outline {
    /// The SHA-256 of the `client_id` that asked.
    pub(crate) client: Hash,
    /// The pairwise subject that the client and the log see.
    pub(crate) subject: String,
    /// The code, once it was redeemed.
    pub(crate) spent_code: Option<SpentCode>,
    /// MCP sessions that were ended by DELETE.
    pub(crate) ended_mcp_sessions: EndedMcpSessions,
    /// What was set within MCP sessions.
    #[serde(skip)]
    pub(crate) mcp_settings: McpSettings,
}

/// A client as its user has approved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApprovedClient {
    /// What it was called.
    pub(crate) name: Option<String>,
    /// Who vouches for that.
    pub(crate) verified_by: VerifiedBy,
}

/// The key that follows from a share and the master key. It is stored so that the record can be sealed anew
/// for a share that is not at hand; the share does not follow from it.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    pub(super) key: SealingKey,
    /// Until when, once another share has taken its place.
    pub(super) until: Option<UnixTime>,
}

/// Who signed in, as Entra's ID token says. Keyed by `tid` and `oid`, never by names
/// (threat D7).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct User {
    /// The tenant, `tid`.
    pub(crate) tenant_id: String,
    /// The object id, `oid`.
    pub(crate) oid: String,
    /// The `sub` of Entra's ID tokens, which is another for every application.
    #[serde(default)]
    pub(crate) sub: Option<String>,
    /// What else Entra's ID token says of them.
    #[serde(default)]
    pub(crate) profile: Profile,
}

impl User {
    /// Says for the audit log who does something.
    pub(crate) fn audit(&self, cx: &mut Cx<'_>) {
        if let Some(audited) = cx.audited() {
            audited.tenant_id = Some(self.tenant_id.clone());
            audited.object_id = Some(self.oid.clone());
        }
    }

    /// The subject by which this client knows the user: another client knows them by another, and neither tells
    /// who they are (threat F12, OpenID Connect Core section 8.1).
    pub(crate) fn subject(&self, client: &Hash, keys: &Keyring) -> String {
        let client = URL_SAFE_NO_PAD.encode(client.0);
        let named = format!("{}|{}|{client}", self.tenant_id, self.oid);
        let mac = keys.mac(Purpose::Subject, named.as_bytes());
        // Half of it tells users apart, and stands in each of their tokens.
        URL_SAFE_NO_PAD.encode(mac.get(..16).unwrap_or_default())
    }

    /// Returns what identifies this user: `tid` and `oid`, never a name (threat D7).
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.tenant_id, self.oid)
    }
}

/// What Entra's ID token says of a user besides who they are, as of the last renewal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Profile {
    /// The name as it is shown.
    pub(crate) name: Option<String>,
    /// The name to sign in with.
    pub(crate) username: Option<String>,
    /// The app roles.
    pub(crate) roles: Names,
    /// The object ids of the groups, in small letters.
    pub(crate) groups: Names,
    /// Whether the account is another directory's, or nobody's, and was invited.
    pub(crate) is_guest: bool,
    /// The authentication contexts that were satisfied.
    pub(crate) contexts: Contexts,
}

/// The authentication contexts of Conditional Access that a sign-in has satisfied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Contexts {
    /// Their identifiers, such as `c1`.
    pub(crate) ids: Names,
    /// When Entra said so.
    pub(crate) since: UnixTime,
}

impl Contexts {
    /// Whether this one was satisfied, and lately enough.
    pub(crate) fn has(&self, id: &str, now: UnixTime) -> bool {
        let end = self.since.after(limits::AUTHENTICATION_CONTEXT);
        let is_past = self.since <= now.after(limits::CLOCK_LEEWAY);
        self.ids.contains(id) && is_past && now < end
    }
}

/// Tenant, user and client, each with its length, so that no two triples read the same.
pub(super) fn principal_of(user: &User, client: &Hash) -> PrincipalId {
    let mut text = Vec::new();
    for part in [&user.tenant_id, &user.oid] {
        text.extend(part.len().to_be_bytes());
        text.extend(part.as_bytes());
    }
    text.extend(client.0);
    PrincipalId(Hash::of(&text).0)
}

/// A SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hash(pub(crate) [u8; 32]);

impl Hash {
    /// Says for the audit log which client something is done by, if this is the hash of its id.
    pub(crate) fn audit(&self, cx: &mut Cx<'_>) {
        if let Some(audited) = cx.audited() {
            audited.client = Some(self.name());
        }
    }

    /// What logs call the client of this id: the first half of the hash, in hexadecimal digits.
    pub(crate) fn name(&self) -> String {
        let half: [u8; 16] = self.0.first_chunk().copied().unwrap_or_default();
        hex(&half)
    }

    /// The hash of some bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Self(hash)
    }
}

/// An authorization code that was sent to the client and may be redeemed once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Code {
    /// The hash of the code.
    pub(crate) hash: Hash,
    /// The `code_challenge`, S256; `None` of a client that left PKCE out, as it may.
    pub(crate) code_challenge: Option<String>,
    /// The `redirect_uri` it was sent to.
    pub(crate) redirect_uri: String,
    pub(crate) expires: UnixTime,
}

/// A code that was redeemed: seen again with its verifier, it ends the session (RFC 6749 section 4.1.2).
/// Its own share opens nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SpentCode {
    /// The hash of the code.
    pub(crate) hash: Hash,
    /// The `code_challenge`, S256; `None` of a client that left PKCE out, as it may.
    pub(crate) code_challenge: Option<String>,
    /// When it was redeemed.
    pub(crate) redeemed: UnixTime,
}

/// Entra's tokens of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EntraTokens {
    /// The refresh token, good for any resource with consent.
    #[serde(serialize_with = "exposed_if_any")]
    pub(crate) refresh_token: Option<Secret<String>>,
    /// The access token for Microsoft Graph.
    #[serde(serialize_with = "exposed")]
    pub(crate) access_token: Secret<String>,
    /// The scopes of the access token, as Entra named them.
    pub(crate) scope: String,
    /// When the access token ends.
    pub(crate) expires: UnixTime,
    /// When Entra was last asked, so that refreshes close together ask once.
    pub(crate) refreshed: UnixTime,
}

impl Session {
    /// A session that no share opens yet, with neither code nor tokens.
    pub(crate) fn new(
        id: SessionId,
        outline: Outline,
        user: User,
        granted: (String, String),
        created: UnixTime,
        entropy: &mut Entropy,
    ) -> Self {
        let (scope, resource) = granted;
        Self {
            known: Arc::new(KnownSession {
                id,
                principal: principal_of(&user, &outline.client),
                outline,
                user,
                client: None,
                scope,
                resource,
                created,
                required_claims: None,
            }),
            code: None,
            refresh: None,
            openers: Vec::new(),
            made_with: KeyNumber::NEWEST,
            key: SealingKey::draw(entropy),
            entra: Bytes::new(),
        }
    }

    /// What it says of itself.
    pub(crate) fn known(&self) -> &Arc<KnownSession> {
        &self.known
    }

    /// When the session ends unless it is refreshed.
    pub(crate) fn expires(&self, now: UnixTime, lifetimes: &Lifetimes) -> UnixTime {
        now.after(lifetimes.session_idle)
            .min(self.created.after(lifetimes.session_absolute))
    }

    /// From its next writing on, the record opens with this share and no other.
    pub(crate) fn open_only_to(&mut self, share: &Share, server: &Server) {
        self.openers = vec![Opener::of(share, server)];
        self.made_with = KeyNumber::NEWEST;
    }

    /// Whether the client still has a code or a refresh token of a former master key.
    pub(crate) fn needs_former_key(&self) -> bool {
        self.made_with != KeyNumber::NEWEST
    }

    /// From its next writing on, the record opens with this share too. Those before it go on for as long
    /// as a session token that carries them may, and the last but one for as long as its refresh token may be
    /// repeated, whose successor is used now. The last one's may be for longer, if this share is not used.
    pub(crate) fn open_also_to(&mut self, share: &Share, server: &Server, now: UnixTime) {
        let lifetimes = &server.config.lifetimes;
        let (lifetime, reuse) = (lifetimes.session_token, lifetimes.refresh_reuse);
        let leeway = limits::CLOCK_LEEWAY;
        for opener in &mut self.openers {
            opener.until = opener.until.or(Some(now.after(lifetime)));
        }
        if let [.., before, _] = self.openers.as_mut_slice() {
            before.until = before.until.max(Some(now.after(reuse)));
        }
        self.openers.retain(|opener| {
            let until = opener.until;
            until.is_some_and(|until| until.is_ahead(lifetime.max(reuse), now, leeway))
        });
        let too_many = (self.openers.len() + 1).saturating_sub(limits::SESSION_SHARES);
        self.openers.drain(..too_many);
        self.openers.push(Opener::of(share, server));
        self.made_with = KeyNumber::NEWEST;
    }

    /// Opens the Entra tokens.
    pub(crate) fn entra_tokens(&self, keys: &Keyring) -> Option<EntraTokens> {
        let share = self.key.expose();
        let bytes = keys.open(Purpose::EntraTokens, self.id.bytes(), share, &self.entra)?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Seals the Entra tokens into the session.
    pub(crate) fn set_entra_tokens(
        &mut self,
        tokens: &EntraTokens,
        keys: &Keyring,
        entropy: &mut Entropy,
    ) {
        let text = super::secret_json(tokens);
        let share = self.key.expose();
        let id = self.id.bytes();
        let sealed = keys.seal(Purpose::EntraTokens, id, share, &text, entropy);
        self.entra = sealed.into();
    }

    /// Seals the Entra tokens under the newest master key, if the session may have been written under a former one.
    pub(crate) fn seal_tokens_anew(&mut self, keys: &Keyring, entropy: &mut Entropy) {
        if self.needs_former_key()
            && let Some(tokens) = self.entra_tokens(keys)
        {
            self.set_entra_tokens(&tokens, keys, entropy);
        }
    }

    /// Takes another key, so that who knew the one before opens neither later tokens nor later tasks.
    /// `None` if the Entra tokens do not open.
    pub(crate) fn change_key(&mut self, keys: &Keyring, entropy: &mut Entropy) -> Option<()> {
        let tokens = self.entra_tokens(keys)?;
        self.key = SealingKey::draw(entropy);
        self.set_entra_tokens(&tokens, keys, entropy);
        Some(())
    }
}

impl Opener {
    fn of(share: &Share, server: &Server) -> Self {
        let share = sealed::in_use(share, server);
        Self {
            key: server
                .keys
                .sealing_key(Purpose::SessionShare, share.expose()),
            until: None,
        }
    }
}
