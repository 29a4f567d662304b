//! A server behind the gateway that is a process: which of them is meant, whose it is, and what passes to and from it.
//!
//! Source: MCP specification 2025-11-25, basic/transports, stdio.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::RawMessage;
use crate::{
    catalog::Principal,
    endpoint::Endpoint,
    id::{ExchangeId, PrincipalId, SessionId},
    secret::Secret,
    ticket::AskId,
};

/// The name of a process: guessed by nobody, and known to no client.
pub(crate) type ProcessName = Arc<str>;

/// Who has a process together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProcessShare {
    /// The user of this tenant and object id, with all clients.
    User(String, String),
    /// All users.
    All,
}

/// Whose a process is.
#[derive(Debug)]
pub(crate) struct ProcessOwner {
    /// At which endpoint its backend is.
    pub(crate) endpoint: Endpoint,
    /// The user with this client.
    pub(crate) principal: PrincipalId,
    /// The session in which they have signed in: the process ends with it.
    pub(crate) session: SessionId,
    /// With whom else it is; `None` if it is of one session.
    pub(crate) share: Option<ProcessShare>,
    /// What the log knows the user as.
    pub(crate) subject: String,
    /// What its environment says of the user.
    pub(crate) environment: BTreeMap<String, String>,
}

impl ProcessOwner {
    /// What the environment says of this user: `tid` and `oid` name them; names and addresses only describe them.
    pub(crate) fn environment(user: &Principal) -> BTreeMap<String, String> {
        let roles: Vec<&str> = user.roles.iter().collect();
        let said = [
            ("TID", Some(user.tenant_id.clone())),
            ("OID", Some(user.oid.clone())),
            ("NAME", user.name.clone()),
            ("USERNAME", user.username.clone()),
            ("ROLES", Some(roles.join(","))),
        ];
        // No value of a variable holds a NUL, and none of these anything else that is no text.
        let printable = |text: String| text.chars().filter(|c| !c.is_control()).collect();
        let said = said.into_iter();
        said.filter_map(|(name, value)| Some((format!("ENTRA_MCP_USER_{name}"), printable(value?))))
            .collect()
    }
}

/// The process that a message is for.
#[derive(Clone, Debug)]
pub(crate) enum OfProcess {
    /// One that is begun for it, for a session.
    New(ProcessName),
    /// That of a session.
    Session(ProcessName),
    /// The owner's one for requests without a session (2026-07-28); if there is none, it is begun by this name.
    Stateless(ProcessName),
}

/// A request to a process: the exchange that makes it, and its first ask of the hub.
pub(crate) type ProcessCall = (ExchangeId, AskId);

/// A message for a process.
#[derive(Debug)]
pub(crate) struct ToServer {
    /// The request that it is; none if it wants no answer.
    pub(crate) call: Option<ProcessCall>,
    pub(crate) message: RawMessage,
    /// What stands in it that proves who calls.
    pub(crate) assertion: Option<Arc<Secret<String>>>,
    /// Whether it is a request that lasts, and keeps no process from its idle end.
    pub(crate) listens: bool,
    /// How long the answer may take.
    pub(crate) within: Duration,
}

/// Why a process has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessFault {
    /// It could not be started.
    NotStarted,
    /// It has ended, or is ended. It may have done what it was asked.
    Ended,
    /// A line that is longer than it may be, which must have been the answer.
    TooLarge,
    /// It has not answered in time.
    TimedOut,
    /// It sent back a secret that it was given.
    Leaked,
    /// It has answered with what is no message.
    NotUnderstood,
}

/// What comes of a message for a process.
#[derive(Debug)]
pub(crate) enum ProcessOutput {
    /// It was passed on, and has no answer.
    Sent,
    /// There is no such process any more, and nothing was sent.
    Gone,
    /// It is not begun yet, and nothing was sent. In how many seconds to come again.
    Busy(u64),
    /// There is no room for another, or for this message, and nothing was sent: the same, and for what.
    Full(u64, &'static str),
    /// What was said on the way; there is more.
    Messages(Vec<RawMessage>),
    /// The same, and the answer as the last. There is no more.
    Answered(Vec<RawMessage>),
    /// The same, and there will be no answer.
    Failed(Vec<RawMessage>, ProcessFault),
}

/// A process that is to run.
#[derive(Debug)]
pub(crate) struct RunProcess {
    pub(crate) name: ProcessName,
    pub(crate) owner: Arc<ProcessOwner>,
}
