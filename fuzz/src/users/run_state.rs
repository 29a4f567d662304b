//! What all actors of a run share.

use std::{cell::RefCell, rc::Rc};

use url::Url;

use crate::client::{LeakedName, Registration};

/// What may come into an attacker's hands: browser histories, leaked session ids, tokens that
/// were spent. Live tokens are not lost in this world.
#[derive(Debug, Default)]
pub struct RunState {
    /// Addresses that victims' browsers opened: callbacks of Entra and of clients.
    pub history: Vec<Url>,
    /// `Mcp-Session-Id`s and message addresses.
    pub sessions: Vec<String>,
    /// Refresh tokens that were spent, with the identifier of their client.
    pub spent: Vec<(String, String)>,
    /// Session tokens of sessions that may be over by now.
    pub old: Vec<String>,
    /// The registered clients of well-behaved users: identifier and redirect URI.
    pub clients: Vec<(String, String)>,
    /// The user codes of devices, with the client of each and where that returns to: they are shown to whoever is near.
    pub devices: Vec<(String, Option<Registration>, String)>,
    /// How many users got through in the liveness phase.
    pub finished: u64,
    /// How many users there are that must.
    pub expected: u64,
    /// Names that leaked: of tasks, events, questions, requests; and states of requests.
    pub leaked_names: Rc<RefCell<Vec<LeakedName>>>,
    /// Tool calls that were answered.
    pub calls: u64,
    /// Other things of MCP that were used from end to end.
    pub uses: u64,
    /// The faults have stopped.
    pub faults_stopped: bool,
}

impl RunState {
    /// Whether everybody who must get through did.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.faults_stopped && self.finished >= self.expected
    }
}

/// What all actors of a run share.
pub type Shared = Rc<RefCell<RunState>>;
