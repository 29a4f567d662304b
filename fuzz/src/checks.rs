//! What must hold at every step, one small type each. A check sees everything that happens and
//! what the [`Ledger`] knows of it; it says what is wrong, or nothing.

mod answers;
mod identifiers;
mod isolation;
mod ledger;
mod redirects;
mod schema;
mod secrets;
mod sessions;
mod tokens;

use bytes::Bytes;
use entra_mcp_core::{
    ask::{Key, Record},
    exchange::{ExchangeId, Outcome},
    hub::HubStats,
    log_event::LogEvent,
    time::{Instant, Now},
};
use http::{Request, Response};

pub(crate) use self::ledger::claims;
pub use self::{
    ledger::{ExchangeRecord, Ledger},
    secrets::{Label, Secrets, Sort},
};
use crate::{
    clock::SimInstant,
    net::{ConnId, Role},
    world::Process,
};

/// Which exchange: unique in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExchangeRef {
    /// The replica.
    pub replica: usize,
    /// Which process of it.
    pub generation: u32,
    /// The exchange's number in that process.
    pub number: u64,
}

impl ExchangeRef {
    pub(crate) fn new(process: Process, id: ExchangeId) -> Self {
        Self {
            replica: process.replica,
            generation: process.generation,
            number: id.0,
        }
    }
}

impl std::fmt::Display for ExchangeRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "r{}.{}#{}", self.replica, self.generation, self.number)
    }
}

/// Something that happened.
#[derive(Debug)]
pub enum Observation<'a> {
    /// A request was let in, and its exchange began.
    RequestAdmitted {
        /// The exchange.
        who: ExchangeRef,
        /// The connection.
        conn: ConnId,
        /// The kind of peer.
        role: Role,
        /// The peer's name.
        name: &'a str,
        /// The request.
        request: &'a Request<Bytes>,
        /// What the replica's clocks say.
        now: Now,
    },
    /// A request was refused by its head.
    RequestRefused {
        /// The answer.
        response: &'a Response<Bytes>,
    },
    /// An exchange answers, whole or by opening a stream.
    ResponseStarted {
        /// The exchange.
        who: ExchangeRef,
        /// The head.
        head: &'a Response<()>,
        /// The body, as far as there is one now.
        body: &'a [u8],
        /// Whether more may follow.
        open: bool,
    },
    /// An exchange writes to its open answer.
    BodyWritten {
        /// The exchange.
        who: ExchangeRef,
        /// What it writes.
        bytes: &'a [u8],
    },
    /// An exchange ends its open answer.
    ResponseEnded {
        /// The exchange.
        who: ExchangeRef,
    },
    /// The peer left.
    PeerDisconnected {
        /// Its connection.
        conn: ConnId,
    },
    /// An exchange has nothing to do until then.
    Idle {
        /// The exchange.
        who: ExchangeRef,
        /// What its clock says.
        now: Instant,
        /// When it wants to be woken.
        until: Instant,
    },
    /// An exchange is over.
    ExchangeEnded {
        /// The exchange.
        who: ExchangeRef,
        /// How.
        outcome: Outcome,
    },
    /// A line was logged.
    Logged {
        /// The line.
        audit: &'a LogEvent,
    },
    /// An exchange wants a record to be written.
    RecordWritten {
        /// The exchange.
        who: ExchangeRef,
        /// Its key.
        key: &'a Key,
        /// The record.
        record: &'a Record,
    },
    /// An exchange sends a request out.
    FetchSent {
        /// The exchange.
        who: ExchangeRef,
        /// The request.
        request: &'a Request<Bytes>,
    },
    /// Entra or Graph answers, an exchange or a browser.
    UpstreamReplied {
        /// The exchange that asked, if it was one.
        who: Option<ExchangeRef>,
        /// What was asked.
        request: &'a Request<Bytes>,
        /// The answer.
        response: &'a Response<Bytes>,
        /// The ID token in it must not be believed.
        is_spoiled: bool,
    },
    /// How full a hub's tables are after a message.
    HubLoad {
        /// The replica.
        replica: usize,
        /// The tables.
        load: HubStats,
        /// How many exchanges are under way.
        exchanges: usize,
    },
    /// What the code prints of its own values when it is debugged.
    Printed {
        /// The text.
        text: &'a str,
    },
}

/// A check that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which check.
    pub check: &'static str,
    /// What was seen.
    pub what: String,
}

impl Failure {
    pub(crate) fn new(check: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            what: what.into(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// One property.
pub(crate) trait Check: std::fmt::Debug {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Whether it still holds.
    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String>;
}

/// All checks, and what they know.
#[derive(Debug)]
pub struct Checks {
    list: Vec<Box<dyn Check>>,
    ledger: Ledger,
}

impl Checks {
    pub(crate) fn new() -> Self {
        Self {
            list: vec![
                Box::new(answers::AnsweredOnce::default()),
                Box::new(answers::WaitsAhead),
                Box::new(answers::NoErrors),
                Box::new(answers::TablesBounded::default()),
                Box::new(secrets::NothingLeaks::default()),
                Box::new(isolation::UserIsolation),
                Box::new(isolation::NothingUnauthenticated),
                Box::new(isolation::GoodIdTokensOnly::default()),
                Box::new(sessions::OwnSessionsOnly::default()),
                Box::new(identifiers::OwnNamesOnly::default()),
                Box::new(tokens::BearerNeeded::default()),
                Box::new(tokens::SpentOnce::default()),
                Box::new(tokens::EndedStaysEnded::default()),
                Box::new(redirects::OnlyWhereAllowed::default()),
                Box::new(schema::FitsItsSchema::default()),
            ],
            ledger: Ledger::default(),
        }
    }

    /// What is known.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    pub(crate) fn see(
        &mut self,
        seen: &Observation<'_>,
        moment: SimInstant,
    ) -> Result<(), Failure> {
        self.ledger.learn(seen, moment);
        for check in &mut self.list {
            check
                .see(seen, &self.ledger)
                .map_err(|what| Failure::new(check.name(), what))?;
        }
        self.ledger.forget(seen);
        Ok(())
    }
}
