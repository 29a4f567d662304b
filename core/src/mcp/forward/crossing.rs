//! What is remembered of a request between a client and a backend: of different eras, that asks on its own stream, that seems to have lost
//! its session, or that closes streams.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    backend::IncomingMessages, catalog::ClientCapabilities, event::Answer, gateway::quoted,
    hub::BackendSession, id::ServerRequestId, json_rpc::Id, time::Instant,
};

/// What the state of a call that waits begins with; those of rounds do not.
pub(super) const PARKED: &str = "entra-mcp-call.";

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eras {
    Same,
    /// From a session to a backend of 2026-07-28.
    ToStateless,
    /// From a client of 2026-07-28 to a backend with sessions.
    ToSession,
}

/// What was asked, and what was answered so far.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// What the client has not answered yet, by what it knows it as.
    pub(super) asked: BTreeMap<ServerRequestId, (String, bool)>,
    /// The answers, by the keys of the backend.
    pub(super) responses: Vec<(String, String)>,
    /// As it is written.
    pub(super) state: Option<String>,
    pub(super) rounds: usize,
}

impl Input {
    pub(super) fn asked(&self) -> impl Iterator<Item = ServerRequestId> {
        self.asked.keys().copied()
    }

    pub(super) fn is_asked(&self, request: ServerRequestId) -> bool {
        self.asked.contains_key(&request)
    }

    pub(super) fn take_asked(&mut self) -> impl Iterator<Item = ServerRequestId> {
        std::mem::take(&mut self.asked).into_keys()
    }
}

/// The stream of the backend that a call has opened.
#[derive(Debug, Default)]
pub(super) struct OwnAccord {
    /// Whether it was looked whether one is to be opened.
    pub(super) was_looked: bool,
    pub(super) incoming: Option<IncomingMessages>,
}

impl OwnAccord {
    /// Whether this is for it.
    pub(super) fn awaits(&self, answer: &Answer) -> bool {
        let incoming = self.incoming.as_ref();
        incoming.is_some_and(|incoming| incoming.awaits(answer))
    }
}

/// Whether a session was opened in place of one that seemed to be lost.
#[derive(Debug, Default)]
pub(super) struct Reopened {
    pub(super) was: bool,
    /// In place of this one, in which the backend has answered 400: what that means is not certain.
    pub(super) after_400: Option<BackendSession>,
}

/// How the call that was sent last is polled.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// When the call was sent.
    pub(super) sent: Instant,
    /// The last event that had an id.
    pub(super) last_event: Option<String>,
    /// How many messages have come before the present stream.
    pub(super) messages: usize,
    /// How often it was polled since a message came.
    pub(super) in_vain: usize,
    /// Whether the present stream answers a GET.
    pub(super) is_under_way: bool,
}

impl Polling {
    /// A call is sent now.
    pub(super) fn of_call(now: Instant) -> Self {
        let sent = now;
        Self {
            sent,
            ..Self::default()
        }
    }

    /// Whether the call was taken before: what a GET is answered says nothing of it, and it may have done its work.
    pub(super) fn is_under_way(&self) -> bool {
        self.is_under_way
    }
}

/// What the backend has asked, and until when the call waits for the answers.
#[derive(Debug, Default)]
pub(super) struct Questions {
    pub(super) asked: BTreeMap<String, (Id, String)>,
    count: usize,
    pub(super) until: Option<Instant>,
}

impl Questions {
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    /// The backend asks this: a request without an id.
    pub(super) fn ask(&mut self, id: Id, method: &str, params: Option<&str>) {
        self.count += 1;
        let params = params.map(|params| format!(r#","params":{params}"#));
        let request = format!(
            r#"{{"method":{}{}}}"#,
            quoted(method),
            params.unwrap_or_default()
        );
        self.asked.insert(self.count.to_string(), (id, request));
    }

    /// The backend waits for the answer no longer.
    pub(super) fn withdraw(&mut self, id: Option<&Id>) {
        self.asked.retain(|_, (asked, _)| Some(&*asked) != id);
    }
}

/// Whether a client can be asked this.
pub(super) fn can_be_asked(method: &str, params: Option<&str>, client: ClientCapabilities) -> bool {
    let mode = || {
        let params: Value = serde_json::from_str(params?).ok()?;
        params.get("mode")?.as_str().map(str::to_owned)
    };
    match method {
        "elicitation/create" if mode().as_deref() == Some("url") => client.elicitation_url,
        "elicitation/create" => client.elicitation_form,
        "sampling/createMessage" => client.sampling,
        "roots/list" => client.roots,
        _ => false,
    }
}
