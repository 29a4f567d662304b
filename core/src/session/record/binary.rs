//! The parts of a session as bytes. Whoever changes what is written here, so that a record of before would be read
//! wrongly, gives records another version.

use std::sync::Arc;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::{
    ApprovedClient, Code, Contexts, Hash, KnownSession, Opener, Outline, Profile, Refresh, Session,
    SpentCode, User, principal_of,
};
use crate::{
    catalog::{Names, VerifiedBy},
    claims_challenge::ClaimsChallenge,
    id::{PrincipalId, SessionId},
    keys::{KeyNumber, SealingKey},
    session::{
        codec::{Reader, Writer},
        ended_mcp_sessions::EndedMcpSessions,
        mcp_settings::McpSettings,
    },
    time::UnixTime,
};

/// The bit of settings of MCP sessions beside the one that says whether a code was spent. A record without them is as it was
/// before there were any.
const SETTINGS: u8 = 2;

/// The bit of a guest beside the one that says whether there is a name to sign in with.
const GUEST: u8 = 2;

/// The bit of authentication contexts, which stand behind the groups.
const CONTEXTS: u8 = 4;

/// The bit of claims that Entra wants, which stand behind these.
const REQUIRED_CLAIMS: u8 = 8;

/// The bit of what the user knows of the client, which stands behind these.
const CLIENT: u8 = 16;

/// The length of the tag at the end of what is sealed.
const TAG_BYTES: usize = 16;

impl Outline {
    pub(in crate::session) fn write(&self, to: &mut Writer) {
        to.array(&self.client.0);
        to.bytes(self.subject.as_bytes());
        let has_settings = !self.mcp_settings.is_empty();
        to.array(&[u8::from(self.spent_code.is_some()) | (u8::from(has_settings) * SETTINGS)]);
        if let Some(spent) = &self.spent_code {
            to.array(&spent.hash.0);
            to.challenge(spent.code_challenge.as_deref());
            to.number(spent.redeemed.0);
        }
        to.bytes(&self.ended_mcp_sessions.to_bytes());
        if has_settings {
            self.mcp_settings.write(to);
        }
    }

    pub(in crate::session) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let client = Hash(from.array()?);
        let subject = from.text()?.to_owned();
        let [flags] = from.array()?;
        let spent_code = match flags & !SETTINGS {
            0 => None,
            1 => Some(SpentCode {
                hash: Hash(from.array()?),
                code_challenge: from.challenge()?,
                redeemed: UnixTime(from.number()?),
            }),
            _ => return None,
        };
        Some(Self {
            client,
            subject,
            spent_code,
            ended_mcp_sessions: EndedMcpSessions::of_bytes(from.bytes()?)?,
            mcp_settings: match flags & SETTINGS {
                0 => McpSettings::default(),
                _ => McpSettings::read(from)?,
            },
        })
    }
}

impl Session {
    /// What only a share opens, but for Entra's tokens: of these no more than the tag, so that no others are put
    /// in their place.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut to = Writer::new();
        to.array(&principal_of(&self.user, &self.outline.client).0);
        self.user
            .write(self.required_claims.as_ref(), self.client.as_ref(), &mut to);
        to.bytes(self.scope.as_bytes());
        to.bytes(self.resource.as_bytes());
        to.number(self.created.0);
        to.array(self.key.expose());
        to.array(&tag_of(&self.entra));
        to.optional(self.code.as_ref(), |to, code| {
            to.array(&code.hash.0);
            to.challenge(code.code_challenge.as_deref());
            to.bytes(code.redirect_uri.as_bytes());
            to.number(code.expires.0);
        });
        to.optional(self.refresh.as_ref(), |to, refresh| {
            refresh.write(to);
        });
        for opener in &self.openers {
            to.array(opener.key.expose());
            to.optional(opener.until, |to, until| to.number(until.0));
        }
        to.finish()
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub(in crate::session) fn of_bytes(
        id: SessionId,
        outline: Outline,
        bytes: &[u8],
        entra: Bytes,
    ) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let principal = PrincipalId(from.array()?);
        let (user, required_claims, client) = User::read(&mut from)?;
        let scope = from.text()?.to_owned();
        let resource = from.text()?.to_owned();
        let created = UnixTime(from.number()?);
        let key = from.key()?;
        let tag = from.array()?;
        let code = from.optional(Code::read)?;
        let refresh = from.optional(Refresh::read)?;
        let mut openers = Vec::new();
        while !from.is_empty() {
            openers.push(Opener {
                key: from.key()?,
                until: from.optional(Reader::number)?.map(UnixTime),
            });
        }
        (tag == tag_of(&entra)).then(|| Self {
            known: Arc::new(KnownSession {
                id,
                outline,
                principal,
                user,
                client,
                scope,
                resource,
                created,
                required_claims,
            }),
            code,
            refresh,
            openers,
            made_with: KeyNumber::NEWEST,
            key,
            entra,
        })
    }
}

/// The tag of sealed bytes; of none it is zeros.
fn tag_of(sealed: &[u8]) -> [u8; TAG_BYTES] {
    sealed.last_chunk().copied().unwrap_or_default()
}

impl Writer {
    fn challenge(&mut self, challenge: Option<&str>) {
        self.bytes(challenge.unwrap_or_default().as_bytes());
    }
}

impl Reader<'_> {
    /// An empty one is none.
    fn challenge(&mut self) -> Option<Option<String>> {
        Some(Some(self.string()?).filter(|challenge| !challenge.is_empty()))
    }

    fn key(&mut self) -> Option<SealingKey> {
        Some(SealingKey::new(*Zeroizing::new(self.array()?)))
    }

    fn string(&mut self) -> Option<String> {
        Some(self.text()?.to_owned())
    }
}

impl User {
    fn write(
        &self,
        required_claims: Option<&ClaimsChallenge>,
        client: Option<&ApprovedClient>,
        to: &mut Writer,
    ) {
        let text = |to: &mut Writer, text: &String| to.bytes(text.as_bytes());
        to.bytes(self.tenant_id.as_bytes());
        to.bytes(self.oid.as_bytes());
        to.optional(self.sub.as_ref(), text);
        let profile = &self.profile;
        to.optional(profile.name.as_ref(), text);
        let has_contexts = !profile.contexts.ids.is_empty();
        to.array(&[u8::from(profile.username.is_some())
            | (u8::from(profile.is_guest) * GUEST)
            | (u8::from(has_contexts) * CONTEXTS)
            | (u8::from(required_claims.is_some()) * REQUIRED_CLAIMS)
            | (u8::from(client.is_some()) * CLIENT)]);
        if let Some(username) = &profile.username {
            to.bytes(username.as_bytes());
        }
        to.bytes(profile.roles.as_text().as_bytes());
        to.bytes(profile.groups.as_text().as_bytes());
        if has_contexts {
            to.bytes(profile.contexts.ids.as_text().as_bytes());
            to.number(profile.contexts.since.0);
        }
        if let Some(claims) = required_claims {
            to.bytes(claims.to_text().as_bytes());
        }
        if let Some(client) = client {
            client.write(to);
        }
    }

    fn read(
        from: &mut Reader<'_>,
    ) -> Option<(Self, Option<ClaimsChallenge>, Option<ApprovedClient>)> {
        let [tenant_id, oid] = [from.string()?, from.string()?];
        let sub = from.optional(Reader::string)?;
        let name = from.optional(Reader::string)?;
        let [flags] = from.array()?;
        let username = match flags & !(GUEST | CONTEXTS | REQUIRED_CLAIMS | CLIENT) {
            0 => None,
            1 => Some(from.string()?),
            _ => return None,
        };
        let mut profile = Profile {
            name,
            username,
            roles: Names::of_text(from.text()?),
            groups: Names::of_text(from.text()?),
            is_guest: flags & GUEST != 0,
            contexts: Contexts::default(),
        };
        if flags & CONTEXTS != 0 {
            profile.contexts.ids = Names::of_text(from.text()?);
            profile.contexts.since = UnixTime(from.number()?);
        }
        let required_claims = match flags & REQUIRED_CLAIMS {
            0 => None,
            _ => Some(ClaimsChallenge::of_text(from.text()?)?),
        };
        let client = match flags & CLIENT {
            0 => None,
            _ => Some(ApprovedClient::read(from)?),
        };
        let user = Self {
            tenant_id,
            oid,
            sub,
            profile,
        };
        Some((user, required_claims, client))
    }
}

impl ApprovedClient {
    fn write(&self, to: &mut Writer) {
        let (kind, host) = match &self.verified_by {
            VerifiedBy::Site(host) => (1, host.as_str()),
            VerifiedBy::Operator => (2, ""),
            VerifiedBy::Nobody | VerifiedBy::Entra => (0, ""),
        };
        let name = self.name.as_deref().unwrap_or_default();
        to.bytes(name.as_bytes());
        to.array(&[kind]);
        to.bytes(host.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let name = Some(from.string()?).filter(|name| !name.is_empty());
        let [kind] = from.array()?;
        let host = from.string()?;
        let verified_by = match kind {
            0 => VerifiedBy::Nobody,
            1 => VerifiedBy::Site(host),
            2 => VerifiedBy::Operator,
            _ => return None,
        };
        Some(Self { name, verified_by })
    }
}

impl Code {
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            hash: Hash(from.array()?),
            code_challenge: from.challenge()?,
            redirect_uri: from.string()?,
            expires: UnixTime(from.number()?),
        })
    }
}
