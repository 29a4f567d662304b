//! The MCP server behind the gateway, in worlds that have one: a pure machine that is sent requests or lines, and what goes wrong
//! with it. It notes what it was asked, by whom, and in which session, and a run fails if that is not as it must be.

mod children;
mod framing;
mod identity;
pub(crate) mod policy;
mod requests;
mod server;
mod several;
mod talks;
mod token;
mod weather;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use entra_mcp_core::{
    ask::AskId,
    config::{
        Backend as Address, BackendAddress, BackendCommand, BackendIdentity, BackendLimits,
        BackendName, BackendShare, Gateway,
    },
    exchange::ExchangeId,
    limits,
};

pub use self::several::Place;
pub(crate) use self::{
    server::Says,
    several::{Backends, gateways},
    talks::Said,
    token::{GUARDED, is_asked_for, name_of_token},
};
use self::{server::Server, talks::Source, weather::Weather};
use crate::{choice::Choice, client::Dialect, ids::Process};

/// Which backend a world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendKind {
    /// Who has one process together, if it is run by its command line; `None`: it is asked over HTTP.
    pub share: Option<BackendShare>,
    /// Whether it speaks 2026-07-28; older revisions otherwise.
    pub is_stateless: bool,
    /// How it is told who calls.
    pub proof: Proof,
}

/// How a backend is told who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By an assertion of the server's.
    Assertion,
    /// By an access token of Entra's for the application that the backend is.
    Token,
    /// By both.
    Both,
}

impl BackendKind {
    /// Those that worlds have, with the names that `examples/simulate.rs` takes.
    pub const ALL: [(&'static str, Self); 8] = [
        ("entra", Self::of(None, false).with(Proof::Both)),
        ("stateless-entra", Self::of(None, true).with(Proof::Token)),
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
            proof: Proof::Assertion,
        }
    }

    const fn with(mut self, proof: Proof) -> Self {
        self.proof = proof;
        self
    }

    /// Whether it takes access tokens of Entra's.
    #[must_use]
    pub fn takes_tokens(self) -> bool {
        self.proof != Proof::Assertion
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
        let gateway = self.gateway(Place::default());
        gateway.call_timeout + gateway.limits.opening
    }

    /// What the server is told of it, in this place.
    pub(crate) fn gateway(self, place: Place) -> Gateway {
        let backend = match self.share {
            None => Address::Http(Arc::new(
                BackendAddress::parse(&place.address()).expect("a good address"),
            )),
            Some(share) => Address::Stdio(Arc::new(BackendCommand {
                program: place.program().to_owned(),
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
            name: place.name.and_then(BackendName::parse),
            backend,
            identity: match self.proof {
                Proof::Assertion => BackendIdentity::ASSERTION,
                Proof::Token => token::identity(BackendIdentity::NONE),
                Proof::Both => token::identity(BackendIdentity::ASSERTION),
            },
            audience: place.address(),
            header: place.header(),
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

/// How long a call may take: shorter than what clients of this world wait for.
const CALL: Duration = Duration::from_secs(60);

/// How long a process lives that nobody asks anything.
const IDLE: Duration = Duration::from_secs(120);

/// Which request to a backend, or which of its processes: by the ask of an exchange, and the number of the backend.
pub(crate) type Key = (Process, ExchangeId, AskId, usize);

/// A backend of a world.
#[derive(Debug)]
pub(crate) struct Backend {
    kind: BackendKind,
    place: Place,
    weather: Weather,
    server: Server,
    /// The answers that it gives, and its processes.
    sources: BTreeMap<Key, Source>,
    /// Until when it is not there.
    away_until: crate::clock::SimInstant,
    /// Since when a user's tokens have to be, by their `oid`: seconds since 1970.
    not_before: BTreeMap<String, u64>,
}

impl Backend {
    fn new(kind: BackendKind, place: Place, choice: &mut Choice) -> Self {
        Self {
            kind,
            place,
            weather: Weather::draw(choice),
            server: Server::new(kind, place),
            sources: BTreeMap::new(),
            away_until: crate::clock::SimInstant::default(),
            not_before: BTreeMap::new(),
        }
    }

    /// Nothing goes wrong with it any more.
    fn calm(&mut self) {
        self.weather = self.weather.calm();
        self.away_until = crate::clock::SimInstant::default();
    }
}
