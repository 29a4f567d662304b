//! The sessions of the backend: each is of one user with one client.

use std::collections::BTreeSet;

use entra_mcp_core::config::BackendShare;
use serde_json::{Value, json};

use super::{Reply, Says, Sent, Server, error};
use crate::{backend::identity::Caller, checks::Failure};

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    owner: Caller,
    pub(super) has_forms: bool,
    /// What was called within it.
    pub(super) nonces: BTreeSet<String>,
    /// How many questions were asked.
    pub(super) questions: u64,
}

/// The revisions that have sessions.
const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

impl Server {
    /// Begins a session: with a name, or that of the process.
    pub(super) fn initialize(&mut self, sent: &Sent<'_>, caller: &Caller) -> Reply {
        let message = sent.message;
        let id = message.get("id").unwrap_or(&Value::Null);
        if self.kind.is_stateless {
            return error(id, 400, -32022, "Unsupported protocol version");
        }
        let requested = message.pointer("/params/protocolVersion");
        let requested = requested.and_then(Value::as_str).unwrap_or_default();
        // What several share is of one revision for all of them.
        let is_shared = self.kind.is_shared();
        let known = REVISIONS
            .iter()
            .find(|known| **known == requested && !is_shared);
        self.count += 1;
        let begun = format!("{} {}", self.sessions_are_called(), self.count);
        let session = Session {
            owner: caller.clone(),
            has_forms: message
                .pointer("/params/capabilities/elicitation")
                .is_some(),
            nonces: BTreeSet::new(),
            questions: 0,
        };
        let name = sent.session.filter(|_| self.kind.share.is_some());
        let name = name.map_or(begun, str::to_owned);
        self.sessions.insert(name.clone(), session);
        let result = json!({
            "protocolVersion": known.copied().unwrap_or("2025-11-25"),
            "capabilities": {"tools": {"listChanged": true}, "logging": {}},
            "serverInfo": {"name": "orders", "version": "1"},
        });
        let Reply::Says(said) = super::of(id, &result) else {
            return Reply::Status(500);
        };
        Reply::Says(Says {
            session: Some(name),
            ..said
        })
    }

    fn sessions_are_called(&self) -> String {
        format!("session of the backend {}", self.place.program())
    }

    /// It is asked for sessions of its own only.
    pub(super) fn check_name(&self, sent: &Sent<'_>) -> Result<(), Failure> {
        let own = self.sessions_are_called();
        match sent.session.filter(|_| self.kind.share.is_none()) {
            Some(name) if !name.starts_with(&own) => {
                let what = format!("{name} is asked for where a {own} is");
                Err(Failure::new("backends apart", what))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn is_known(&self, session: Option<&str>) -> bool {
        session.is_some_and(|session| self.sessions.contains_key(session))
    }

    /// Who calls is whose session it is.
    pub(super) fn check_session(&self, sent: &Sent<'_>) -> Result<(), Failure> {
        let session = sent.session.and_then(|name| self.sessions.get(name));
        let (Some(session), Some(caller)) = (session, &sent.caller) else {
            return Ok(());
        };
        let owner = &session.owner;
        let is_own = match self.kind.share {
            Some(BackendShare::All) => true,
            Some(BackendShare::User) => owner.oid == caller.oid,
            Some(BackendShare::Session) | None => owner.is(caller),
        };
        match is_own {
            true => Ok(()),
            false => Err(Failure::new(
                "sessions of the backend apart",
                format!("{caller:?} calls in a session of {owner:?}"),
            )),
        }
    }

    /// Whether a session is open in which this call was made.
    pub(in crate::backend) fn has_session_of(&self, nonce: &str) -> bool {
        let mut sessions = self.sessions.values();
        sessions.any(|session| session.nonces.contains(nonce))
    }

    /// A session has ended; whether there was one.
    pub(in crate::backend) fn end(&mut self, session: &str) -> bool {
        self.questions.retain(|(of, _), _| of != session);
        self.waiting.retain(|(of, _), _| of != session);
        self.sessions.remove(session).is_some()
    }

    /// It has been started anew: what was, is forgotten.
    pub(in crate::backend) fn restart(&mut self) {
        self.sessions.clear();
        self.questions.clear();
        self.waiting.clear();
    }
}
