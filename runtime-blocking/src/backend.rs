//! Backends: the connections to them, which are kept for a moment, and the requests on them, each with a thread that
//! reads its answer.

mod answer;
mod asks;
mod connection;
mod pull;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use entra_mcp_core::{
    ask::{Pull, PullFault},
    config::{BackendHost, Endpoint},
};
use entra_mcp_runtime::BackendTls;

pub(crate) use self::asks::{BackendAsks, BackendMessage};
use self::{
    answer::Answer,
    connection::Connection,
    pull::{Control, RunningPull},
};
use crate::threads::Threads;

/// Connections that are kept for later, of each backend to each host.
const IDLE_CONNECTIONS: usize = 32;

/// Shorter than what any common server waits for the next request, so that a kept connection is seldom a closed one:
/// what was sent on such a one is not sent again.
const IDLE_AGE: Duration = Duration::from_secs(1);

/// A connection, and since when it waits for a request.
type Idle = (Connection, Instant);

/// The connections to backends, and the threads that read from them.
#[derive(Debug)]
pub(crate) struct Backends {
    tls: BackendTls,
    threads: Threads,
    idle: Mutex<BTreeMap<(Endpoint, BackendHost), Vec<Idle>>>,
}

/// Why there is no more of an answer.
#[derive(Debug)]
enum Stop {
    /// For a reason that the exchange is told.
    Fault(PullFault),
    /// Nobody wants it.
    Cancelled,
}

impl From<PullFault> for Stop {
    fn from(fault: PullFault) -> Self {
        Self::Fault(fault)
    }
}

impl Backends {
    /// No connections yet.
    pub(crate) fn new(tls: BackendTls, threads: Threads) -> Self {
        let idle = Mutex::default();
        Self { tls, threads, idle }
    }

    /// Sends a request, on a kept connection or a new one, and reads the head of its answer.
    fn send(
        &self,
        pull: &Pull,
        until: Option<Instant>,
        control: &Control,
    ) -> Result<(http::Response<()>, Answer), Stop> {
        while let Some(connection) = self.take(pull) {
            control.attach(&connection)?;
            match Answer::to(connection, pull, until) {
                Ok(answered) => return Ok(answered),
                Err(PullFault::Broken) if pull.method.is_safe() && !control.is_cancelled() => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        let connected_by = Instant::now().checked_add(pull.limits.connect);
        let connected_by = match (connected_by, until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let unreachable = |_| PullFault::Unreachable;
        let mut connection = Connection::dial(pull.backend.host(), connected_by, &self.threads)
            .map_err(unreachable)?;
        control.attach(&connection)?;
        let secured = connection.secure(pull, &self.tls);
        secured.map_err(unreachable)?;
        Ok(Answer::to(connection, pull, until)?)
    }

    fn take(&self, pull: &Pull) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = idle.get_mut(&place(pull))?;
        while let Some((connection, since)) = of_host.pop() {
            if since.elapsed() < IDLE_AGE && connection.is_silent() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, pull: &Pull, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = idle.entry(place(pull)).or_default();
        of_host.retain(|(_, since)| since.elapsed() < IDLE_AGE);
        if of_host.len() < IDLE_CONNECTIONS {
            of_host.push((connection, Instant::now()));
        }
    }
}

/// Where connections are kept: who one comes as is set for each backend.
fn place(pull: &Pull) -> (Endpoint, BackendHost) {
    (pull.endpoint, pull.backend.host().clone())
}
