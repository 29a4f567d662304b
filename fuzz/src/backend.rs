//! The MCP server behind the gateway, in worlds that have one: a pure machine that is sent requests or lines, and what goes wrong
//! with it. It notes what it was asked, by whom, and in which session, and a run fails if that is not as it must be.

mod children;
mod framing;
mod identity;
pub(crate) mod policy;
mod requests;
mod server;
mod talks;
mod weather;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use entra_mcp_core::{
    ask::{AskId, Sign, Signed},
    config::{
        Backend as Address, BackendAddress, BackendCommand, BackendIdentity, BackendLimits,
        BackendShare, Gateway,
    },
    exchange::ExchangeId,
    limits,
};

pub(crate) use self::{server::Says, talks::Said};
use self::{server::Server, talks::Source, weather::Weather};
use crate::{choice::Choice, client::Dialect, ids::Process};

/// Which backend a world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendKind {
    /// Who has one process together, if it is run by its command line; `None`: it is asked over HTTP.
    pub share: Option<BackendShare>,
    /// Whether it speaks 2026-07-28; older revisions otherwise.
    pub is_stateless: bool,
}

impl BackendKind {
    /// Those that worlds have, with the names that `examples/simulate.rs` takes.
    pub const ALL: [(&'static str, Self); 6] = [
        ("http", Self::of(None, false)),
        ("stateless", Self::of(None, true)),
        ("process", Self::of(Some(BackendShare::Session), false)),
        (
            "stateless-process",
            Self::of(Some(BackendShare::Session), true),
        ),
        ("user-process", Self::of(Some(BackendShare::User), false)),
        ("shared-process", Self::of(Some(BackendShare::All), false)),
    ];

    const fn of(share: Option<BackendShare>, is_stateless: bool) -> Self {
        Self {
            share,
            is_stateless,
        }
    }

    /// Whether several sessions have one process together.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(self.share, Some(BackendShare::User | BackendShare::All))
    }

    /// The clients that can use it: a process that several share is of one revision.
    #[must_use]
    pub fn dialects(self) -> &'static [Dialect] {
        match self.is_shared() {
            true => &[Dialect::Modern, Dialect::Streamable("2025-11-25")],
            false => &Dialect::ALL,
        }
    }

    /// How long a call takes at most.
    pub(crate) fn longest_call(self) -> Duration {
        let gateway = self.gateway();
        gateway.call_timeout + gateway.limits.opening
    }

    /// What the server is told of it.
    ///
    /// # Panics
    ///
    /// Never: its address is one.
    #[must_use]
    pub fn gateway(self) -> Gateway {
        let backend = match self.share {
            None => Address::Http(Arc::new(
                BackendAddress::parse(ADDRESS).expect("a good address"),
            )),
            Some(share) => Address::Stdio(Arc::new(BackendCommand {
                program: "orders".to_owned(),
                arguments: Vec::new(),
                environment: BTreeMap::new(),
                folder: None,
                user: None,
                share,
                processes: limits::PROCESSES,
                idle: IDLE,
            })),
        };
        Gateway {
            name: None,
            backend,
            identity: BackendIdentity::ASSERTION,
            audience: ADDRESS.to_owned(),
            header: None,
            call_timeout: CALL,
            answer_bytes: limits::BACKEND_MESSAGE_BYTES,
            held_bytes: limits::BACKEND_HELD_BYTES,
            limits: match self.share {
                None => BackendLimits::of_address(),
                Some(_) => BackendLimits::of_process(),
            },
            authorities: None,
            certificate: None,
            policy: None,
        }
    }
}

const ADDRESS: &str = "http://127.0.0.1:8000/mcp";

/// How long a call may take: shorter than what clients of this world wait for.
const CALL: Duration = Duration::from_secs(60);

/// How long a process lives that nobody asks anything.
const IDLE: Duration = Duration::from_secs(120);

/// Which request to it, or which of its processes: by the ask of an exchange.
pub(crate) type Key = (Process, ExchangeId, AskId);

/// The backend of a world.
#[derive(Debug)]
pub(crate) struct Backend {
    weather: Weather,
    server: Server,
    keys: identity::Keys,
    /// The answers that it gives, and its processes.
    sources: BTreeMap<Key, Source>,
    /// Until when it is not there.
    away_until: crate::clock::SimInstant,
}

impl Backend {
    pub(crate) fn new(kind: BackendKind, choice: &mut Choice) -> Self {
        Self {
            weather: Weather::draw(choice),
            server: Server::new(kind),
            keys: identity::Keys::default(),
            sources: BTreeMap::new(),
            away_until: crate::clock::SimInstant::default(),
        }
    }

    /// Nothing goes wrong with it any more.
    pub(crate) fn calm(&mut self) {
        self.weather = Weather::default();
        self.away_until = crate::clock::SimInstant::default();
    }

    /// Makes a key or a signature, as a runtime does.
    pub(crate) fn sign(&mut self, sign: Sign, material: [u8; 32]) -> Signed {
        self.keys.sign(sign, material)
    }

    /// A user has said whether a call may be made, in time or not.
    pub(crate) fn user_says(&mut self, nonce: &str, is_yes: bool) {
        self.server.user_says(nonce, is_yes);
    }

    /// Whether a call was made.
    pub(crate) fn was_called(&self, nonce: &str) -> bool {
        self.server.was_called(nonce)
    }

    /// Whether a session is open in which this call was made.
    pub(crate) fn has_session_of(&self, nonce: &str) -> bool {
        self.server.has_session_of(nonce)
    }
}
