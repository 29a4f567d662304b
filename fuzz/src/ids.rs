//! Names of what there is in a world: connections, processes, exchanges, actors.

use entra_mcp_core::exchange::ExchangeId;

/// Where the simulated Entra ID and Graph are served.
pub const ENTRA_ORIGIN: &str = "http://localhost:3002";

/// A connection's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// What a peer is, for the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An MCP client.
    Client,
    /// A user's browser.
    Browser,
    /// Somebody who plays no fair part.
    Attacker,
    /// Somebody of whom nothing is known.
    Stranger,
}

/// A process of a replica: a restarted replica is another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) replica: usize,
    pub(crate) generation: u32,
}

/// An actor's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId(pub(crate) u64);

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
