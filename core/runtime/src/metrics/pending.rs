//! What an exchange has asked and was not answered yet, so that the answer can be counted as what it answers.

use entra_mcp_core::{
    action::Action,
    ask::{AskId, Fetch, FetchTarget, Store},
    config::Config,
    event::Event,
};

use super::Metrics;

/// Whom a request of this server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Entra,
    Graph,
    /// A host that a client named.
    Client,
}

impl Destination {
    fn of(fetch: &Fetch, config: &Config) -> Self {
        match &fetch.target {
            FetchTarget::PublicOnly(_) => Self::Client,
            FetchTarget::Configured(request) => {
                // The development tenant serves both at one address: Graph's paths begin with its version.
                let graph = config.entra.graph.as_str().trim_end_matches('/');
                let uri = request.uri().to_string();
                let path = uri.strip_prefix(graph).unwrap_or_default();
                match path.starts_with("/v1.0/") || path.starts_with("/beta/") {
                    true => Self::Graph,
                    false => Self::Entra,
                }
            }
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Graph => "graph",
            Self::Client => "client",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Fetch(Destination),
    Store(&'static str),
}

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct PendingAsks(Vec<(AskId, Asked)>);

impl PendingAsks {
    /// Notes what an action asks.
    pub(crate) fn ask(&mut self, action: &Action, config: &Config) {
        match action {
            Action::Fetch(ticket, fetch) => {
                let destination = Destination::of(fetch, config);
                self.0.push((ticket.id(), Asked::Fetch(destination)));
            }
            Action::Store(ticket, store) => {
                self.0.push((ticket.id(), Asked::Store(operation(store))));
            }
            Action::Cancel(id) => self.0.retain(|(asked, _)| asked != id),
            _ => {}
        }
    }

    /// Counts an answer.
    pub(crate) fn answer(&mut self, event: &Event, metrics: &Metrics) {
        let Some((id, outcome)) = event.outcome() else {
            return;
        };
        let Some(place) = self.0.iter().position(|(asked, _)| *asked == id) else {
            return;
        };
        match self.0.swap_remove(place).1 {
            Asked::Fetch(destination) => metrics.fetched(destination, outcome),
            Asked::Store(operation) => metrics.stored(operation, outcome),
        }
    }
}

fn operation(store: &Store) -> &'static str {
    match store {
        Store::Get(_) => "get",
        Store::Take(_) => "take",
        Store::Put(..) => "put",
        Store::Delete(_) => "delete",
    }
}
