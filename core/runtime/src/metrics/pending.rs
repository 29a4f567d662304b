//! What an exchange has asked and was not answered yet, so that the answer can be counted as what it answers.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use entra_mcp_core::{
    action::Action,
    ask::{AskId, Fetch, FetchTarget, Store},
    config::Config,
    event::{AskOutcome, Event},
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

#[derive(Clone, Debug)]
enum Asked {
    Fetch {
        destination: Destination,
        what: What,
        is_retry: bool,
    },
    Store(&'static str),
}

/// What a request is for: a hash of its method and address, in which there may be what is nobody's business.
type What = u64;

/// The most failures that are remembered of one exchange: it gives up long before.
const MOST_FAILED: usize = 16;

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct PendingAsks {
    asked: Vec<(AskId, Asked)>,
    /// Requests that have failed: who makes one of them once more repeats it.
    failed: Vec<What>,
}

impl PendingAsks {
    /// Notes what an action asks.
    pub(crate) fn ask(&mut self, action: &Action, config: &Config) {
        match action {
            Action::Fetch(ticket, fetch) => {
                let what = what(fetch);
                let asked = Asked::Fetch {
                    destination: Destination::of(fetch, config),
                    is_retry: self.failed.contains(&what),
                    what,
                };
                self.asked.push((ticket.id(), asked));
            }
            Action::Store(ticket, store) => {
                self.asked
                    .push((ticket.id(), Asked::Store(operation(store))));
            }
            Action::Cancel(id) => self.asked.retain(|(asked, _)| asked != id),
            _ => {}
        }
    }

    /// Counts an answer.
    pub(crate) fn answer(&mut self, event: &Event, metrics: &Metrics) {
        let Some((id, outcome)) = event.outcome() else {
            return;
        };
        let Some(place) = self.asked.iter().position(|(asked, _)| *asked == id) else {
            return;
        };
        match self.asked.swap_remove(place).1 {
            Asked::Fetch {
                destination,
                what,
                is_retry,
            } => {
                let is_failure = match outcome {
                    AskOutcome::Status(status) => !status.is_success(),
                    AskOutcome::Failed(_) => true,
                    AskOutcome::Done => false,
                };
                if is_failure && self.failed.len() < MOST_FAILED {
                    self.failed.push(what);
                }
                metrics.fetched(destination, is_retry, outcome);
            }
            Asked::Store(operation) => metrics.stored(operation, outcome),
        }
    }
}

fn what(fetch: &Fetch) -> What {
    let (request, mut hasher) = (fetch.request(), DefaultHasher::new());
    (request.method(), request.uri()).hash(&mut hasher);
    hasher.finish()
}

fn operation(store: &Store) -> &'static str {
    match store {
        Store::Get(_) => "get",
        Store::Take(_) => "take",
        Store::Put(..) => "put",
        Store::Delete(_) => "delete",
    }
}
