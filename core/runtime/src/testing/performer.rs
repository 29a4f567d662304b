//! What performs the effects of a scripted call, and what is seen of them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entra_mcp_core::{
    catalog::{
        ChangeNotification, Effect, EffectResult, GraphError, GraphRequest, GraphResponse,
        InputRequest, InputResponse, InputResult, LogLevel, LogNotification, ProgressNotification,
    },
    secret::Secret,
};
use http::Method;
use serde_json::Value;

/// What Graph answers.
pub(super) type GraphOutcome = Result<GraphResponse, GraphError>;

/// What comes of effects.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcomes {
    pub(super) answers: BTreeMap<String, InputResult>,
    /// By path and query; several are given one after the other, the last one for ever.
    pub(super) graph: BTreeMap<(Method, String), VecDeque<GraphOutcome>>,
    pub(super) tokens: BTreeMap<String, Result<Secret<String>, String>>,
}

/// What performs the effects of a scripted call.
#[derive(Clone, Debug)]
pub(crate) struct Performer(Arc<Mutex<Performed>>);

#[derive(Debug)]
struct Performed {
    outcomes: Outcomes,
    effects: Vec<SeenEffect>,
}

/// An effect that a function had.
#[derive(Clone, Debug, PartialEq)]
enum SeenEffect {
    Progress(ProgressNotification),
    Log(LogNotification),
    Question(String, InputRequest),
    Graph(GraphRequest),
    Token(String),
    Changed(ChangeNotification),
    Other,
}

impl Performer {
    pub(super) fn new(outcomes: Outcomes) -> Self {
        Self(Arc::new(Mutex::new(Performed {
            outcomes,
            effects: Vec::new(),
        })))
    }

    fn performed(&self) -> MutexGuard<'_, Performed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn perform(&self, effect: Effect) -> EffectResult {
        let mut performed = self.performed();
        let Performed { outcomes, effects } = &mut *performed;
        match effect {
            Effect::Progress(notification) => {
                effects.push(SeenEffect::Progress(notification));
                EffectResult::Done
            }
            Effect::Log(notification) => {
                effects.push(SeenEffect::Log(notification));
                EffectResult::Done
            }
            Effect::RequestInput(requests) => {
                let mut answers = BTreeMap::new();
                for (key, request) in requests {
                    let scripted = outcomes.answers.get(&key).cloned();
                    let answer = scripted.unwrap_or(InputResponse::Cancelled.into());
                    answers.insert(key.clone(), answer);
                    effects.push(SeenEffect::Question(key, request));
                }
                EffectResult::Input(answers)
            }
            // A script has the whole answer: the context reads it piece by piece.
            Effect::Graph(request) | Effect::GraphStream(request) => {
                let outcome = request.check().and_then(|()| outcomes.graph(&request));
                effects.push(SeenEffect::Graph(*request));
                EffectResult::Graph(outcome)
            }
            Effect::Token(scopes) => {
                let none = || Err(format!("The script has no token for `{scopes}`."));
                let token = outcomes.tokens.get(&scopes).cloned().unwrap_or_else(none);
                effects.push(SeenEffect::Token(scopes));
                EffectResult::Token(token)
            }
            Effect::NotifyChanged(change) => {
                effects.push(SeenEffect::Changed(change));
                EffectResult::Done
            }
            _ => {
                effects.push(SeenEffect::Other);
                EffectResult::Done
            }
        }
    }
}

impl Outcomes {
    fn graph(&mut self, request: &GraphRequest) -> GraphOutcome {
        let (method, path) = (request.method(), request.path());
        let none = || {
            let words = format!("The script has no answer of Graph to `{method} {path}`.");
            Err(GraphError::no_answer(words))
        };
        let key = (method.clone(), path.to_owned());
        let Some(outcomes) = self.graph.get_mut(&key) else {
            return none();
        };
        match outcomes.len() {
            0 => none(),
            1 => outcomes[0].clone(),
            _ => outcomes.pop_front().unwrap_or_else(none),
        }
    }
}

/// What a function did, in order.
#[derive(Clone, Debug)]
pub struct Seen(pub(super) Performer);

impl Seen {
    fn all<T>(&self, pick: impl Fn(&SeenEffect) -> Option<T>) -> Vec<T> {
        self.0.performed().effects.iter().filter_map(pick).collect()
    }

    /// The reports of progress: how far, of how much, with which message.
    #[must_use]
    pub fn progress(&self) -> Vec<(f64, Option<f64>, Option<String>)> {
        let told = self.progress_notifications().into_iter();
        told.map(|one| {
            let message = one.message_text().map(str::to_owned);
            (one.progress(), one.total(), message)
        })
        .collect()
    }

    /// The same as the function gave them, with their `_meta`.
    #[must_use]
    pub fn progress_notifications(&self) -> Vec<ProgressNotification> {
        self.all(|effect| match effect {
            SeenEffect::Progress(notification) => Some(notification.clone()),
            _ => None,
        })
    }

    /// The lines for the client's log.
    #[must_use]
    pub fn log(&self) -> Vec<(LogLevel, Value)> {
        let told = self.log_notifications().into_iter();
        told.map(|one| (one.level(), one.data().clone())).collect()
    }

    /// The same as the function gave them, with their `_meta`.
    #[must_use]
    pub fn log_notifications(&self) -> Vec<LogNotification> {
        self.all(|effect| match effect {
            SeenEffect::Log(notification) => Some(notification.clone()),
            _ => None,
        })
    }

    /// The questions, by their keys.
    #[must_use]
    pub fn questions(&self) -> Vec<(String, InputRequest)> {
        self.all(|effect| match effect {
            SeenEffect::Question(key, request) => Some((key.clone(), request.clone())),
            _ => None,
        })
    }

    /// The paths and queries that Graph was asked for.
    #[must_use]
    pub fn graph(&self) -> Vec<String> {
        let requests = self.graph_requests().into_iter();
        requests.map(|request| request.path().to_owned()).collect()
    }

    /// The requests to Graph.
    #[must_use]
    pub fn graph_requests(&self) -> Vec<GraphRequest> {
        self.all(|effect| match effect {
            SeenEffect::Graph(request) => Some(request.clone()),
            _ => None,
        })
    }

    /// The scopes for which a token was asked for.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.all(|effect| match effect {
            SeenEffect::Token(scopes) => Some(scopes.clone()),
            _ => None,
        })
    }

    /// The changes that clients were notified of.
    #[must_use]
    pub fn changes(&self) -> Vec<ChangeNotification> {
        self.all(|effect| match effect {
            SeenEffect::Changed(change) => Some(change.clone()),
            _ => None,
        })
    }
}
