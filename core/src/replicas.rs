//! What replicas that share a store tell each other, so that what happens on one reaches the streams, calls and tasks on
//! all of them at once.
//!
//! A message is one that its sender has given its own hub already. It is sealed under the master key and bound to its
//! time, for whoever can write to the store's server could make one up or repeat it (threat Q9). It may be lost: then
//! others find out when they next look at the store, after [`limits::KEEP_ALIVE`] at the latest, or a second more
//! ([`limits::ANNOUNCEMENTS_LOOK_INTERVAL`]) where a list or a resource has changed; what was counted they do not find out.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    catalog::ChangeNotification,
    entropy::{Entropy, Seed},
    env::Server,
    hub::{Announcement, Browser, ChangesMessage, DeviceMessage, Subscriptions, ToHub, ToHubKind},
    id::{DeviceId, McpSessionId, PrincipalId, ServerRequestId, SessionId, UserId},
    json_rpc::Id,
    keys::{Keyring, Purpose},
    limits,
    rate_limit::{CountedElsewhere, Untold},
    time::UnixTime,
};

/// What the seal is bound to: the form of the messages to hubs.
const FORM: &[u8] = b"1";

/// The same of what was counted under the limits of rate.
const RATES_FORM: &[u8] = b"rates 1";

/// The same of the announcements that are kept in the store.
const ANNOUNCEMENTS_FORM: &[u8] = b"announcements 1";

/// What another replica has said.
#[derive(Debug)]
pub enum FromReplica {
    /// It is for the hub.
    Hub(ToHub),
    /// It is for [`crate::rate_limit::RateTable::count_elsewhere`].
    Rates(CountedElsewhere),
}

#[cfg(test)]
impl FromReplica {
    /// What it says to the hub, if it is for that.
    pub(crate) fn for_hub(self) -> Option<ToHub> {
        match self {
            Self::Hub(message) => Some(message),
            Self::Rates(_) => None,
        }
    }
}

/// A message to the hubs of all replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ReplicaMessage {
    /// See [`ToHubKind::EndSession`].
    EndSession(SessionId),
    /// See [`ToHubKind::EndMcpSession`].
    EndMcpSession {
        mcp_session: McpSessionId,
        principal: PrincipalId,
    },
    /// See [`ToHubKind::ClientResponse`].
    ClientResponse {
        principal: PrincipalId,
        mcp_session: McpSessionId,
        request: ServerRequestId,
        result: Result<Box<Value>, String>,
    },
    /// See [`ToHubKind::CancelRequest`].
    CancelRequest {
        principal: PrincipalId,
        mcp_session: McpSessionId,
        request: Id,
    },
    /// See [`ToHubKind::Subscribed`].
    Subscribed(SessionId, McpSessionId, Subscriptions),
    /// See [`ChangesMessage::Heard`].
    Announced(Announcement),
    /// See [`DeviceMessage::TypedWrongElsewhere`].
    WrongUserCode(Whose),
    /// See [`ToHubKind::CodeRefusedElsewhere`].
    RefusedCode(Whose),
}

/// Which browser something counts for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Whose {
    device: Option<DeviceId>,
    address: Option<String>,
}

impl Whose {
    pub(crate) fn of(browser: Browser) -> Self {
        Self {
            device: browser.device,
            address: browser.address.map(|address| address.to_string()),
        }
    }

    fn into_browser(self) -> Browser {
        Browser {
            device: self.device,
            address: self.address.and_then(|address| address.parse().ok()),
        }
    }
}

/// A message with the time at which it was sent.
#[derive(Serialize, Deserialize)]
struct Dated<M> {
    sent: u64,
    message: M,
}

impl ReplicaMessage {
    /// The message for the other replicas; `None` if there are none.
    pub(crate) fn seal(
        &self,
        server: &Server,
        now: UnixTime,
        entropy: &mut Entropy,
    ) -> Option<Bytes> {
        let sealed = || self.seal_by(&server.keys, now, entropy);
        server.has_replicas().then(sealed).flatten()
    }

    fn seal_by(&self, keys: &Keyring, now: UnixTime, entropy: &mut Entropy) -> Option<Bytes> {
        seal(FORM, self, keys, now, entropy)
    }

    /// The message that was sealed; `None` if it is not one of these days, or was made up.
    pub(crate) fn open(sealed: &[u8], server: &Server, now: UnixTime) -> Option<Self> {
        open(FORM, sealed, &server.keys, now)
    }

    /// The same for the hub of this replica.
    pub(crate) fn into_hub(self) -> ToHub {
        ToHub(match self {
            Self::EndSession(session) => ToHubKind::EndSession(session),
            Self::EndMcpSession {
                mcp_session,
                principal,
            } => ToHubKind::EndMcpSession {
                mcp_session,
                principal,
            },
            Self::ClientResponse {
                principal,
                mcp_session,
                request,
                result,
            } => ToHubKind::ClientResponse {
                principal,
                mcp_session,
                request,
                result,
            },
            Self::CancelRequest {
                principal,
                mcp_session,
                request,
            } => ToHubKind::CancelRequest {
                principal,
                mcp_session,
                request,
            },
            Self::Subscribed(session, mcp_session, subscriptions) => {
                ToHubKind::Subscribed((session, mcp_session), subscriptions)
            }
            Self::Announced(one) => ToHubKind::Changes(ChangesMessage::Heard(one)),
            Self::RefusedCode(whose) => ToHubKind::CodeRefusedElsewhere(whose.into_browser()),
            Self::WrongUserCode(whose) => {
                ToHubKind::Device(DeviceMessage::TypedWrongElsewhere(whose.into_browser()))
            }
        })
    }
}

fn seal(
    form: &[u8],
    message: &impl Serialize,
    keys: &Keyring,
    now: UnixTime,
    entropy: &mut Entropy,
) -> Option<Bytes> {
    let sent = now.0;
    let text = serde_json::to_vec(&Dated { sent, message }).ok()?;
    let sealed = keys.seal(Purpose::ReplicaMessage, form, b"", &text, entropy);
    Some(sealed.into())
}

fn open<M: DeserializeOwned>(
    form: &[u8],
    sealed: &[u8],
    keys: &Keyring,
    now: UnixTime,
) -> Option<M> {
    let text = keys.open(Purpose::ReplicaMessage, form, b"", sealed)?;
    let dated: Dated<M> = serde_json::from_slice(&text).ok()?;
    let sent = UnixTime(dated.sent);
    let leeway = limits::REPLICA_MESSAGE_LEEWAY;
    let is_timely = sent <= now.after(leeway) && now <= sent.after(leeway);
    is_timely.then_some(dated.message)
}

/// The message of another replica, as it was handed to the runtime in [`crate::action::Action::Publish`], or made by
/// one of the functions below; `None` if it is not one of these days, or was made up.
#[must_use]
pub fn open_message(sealed: &[u8], server: &Server, now: UnixTime) -> Option<FromReplica> {
    let for_hub = ReplicaMessage::open(sealed, server, now);
    let for_hub = for_hub.map(|message| FromReplica::Hub(message.into_hub()));
    for_hub.or_else(|| open(RATES_FORM, sealed, &server.keys, now).map(FromReplica::Rates))
}

/// What tells the other replicas what this one has counted under the limits of rate; `None` if there are none, or there is
/// nothing to tell.
#[must_use]
pub fn seal_rates(counted: Untold, server: &Server, now: UnixTime, seed: &Seed) -> Option<Bytes> {
    let counted = counted.for_others().filter(|_| server.has_replicas())?;
    let entropy = &mut Entropy::new(seed);
    seal(RATES_FORM, &counted, &server.keys, now, entropy)
}

/// What tells the hub of this replica that something changed, to the streams of one user (tenant and object id) or of all;
/// and what tells the others, nothing if there are none.
#[must_use]
pub fn announce(
    change: ChangeNotification,
    user: Option<(&str, &str)>,
    server: &Server,
    now: UnixTime,
    seed: &Seed,
) -> (ToHub, Option<Bytes>) {
    let of = user.map(|(tenant_id, oid)| UserId::of(tenant_id, oid));
    announced((change, of), server, now, &mut Entropy::new(seed))
}

/// The same from an exchange.
pub(crate) fn announced(
    (change, of): (ChangeNotification, Option<UserId>),
    server: &Server,
    now: UnixTime,
    entropy: &mut Entropy,
) -> (ToHub, Option<Bytes>) {
    if !server.has_replicas() {
        return (ToHub(ToHubKind::NotifyChanged(change, of)), None);
    }
    let number = u64::from_be_bytes(entropy.bytes());
    let made = Announcement { number, change, of };
    let sealed = ReplicaMessage::Announced(made.clone()).seal(server, now, entropy);
    let made = ToHubKind::Changes(ChangesMessage::Made(made));
    (ToHub(made), sealed)
}

/// The announcements that are kept in the store for the other replicas.
pub(crate) fn seal_announcements(
    kept: &impl Serialize,
    server: &Server,
    now: UnixTime,
    entropy: &mut Entropy,
) -> Option<Bytes> {
    seal(ANNOUNCEMENTS_FORM, kept, &server.keys, now, entropy)
}

/// Those that are there; `None` if they are old, or were made up.
pub(crate) fn open_announcements<K: DeserializeOwned>(
    sealed: &[u8],
    server: &Server,
    now: UnixTime,
) -> Option<K> {
    open(ANNOUNCEMENTS_FORM, sealed, &server.keys, now)
}

/// What tells all replicas that share a store that the session of this name has ended, whose record was deleted there by
/// somebody who is none of them; `None` if it is no name of a session.
#[must_use]
pub fn seal_end(session: &str, keys: &Keyring, now: UnixTime, seed: &Seed) -> Option<Bytes> {
    let ended = ReplicaMessage::EndSession(SessionId::parse(session)?);
    ended.seal_by(keys, now, &mut Entropy::new(seed))
}

#[cfg(test)]
mod tests;
