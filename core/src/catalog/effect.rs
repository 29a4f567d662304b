//! Effects: what a call may have the server do, and what comes of that.

use std::{collections::BTreeMap, time::Duration};

use super::{
    ChangeNotification, GraphError, GraphRequest, GraphResponse, InputRequest, InputResult,
    LogLevel, LogNotification, ProgressNotification,
};
use crate::{secret::Secret, ticket::AskId};

/// What a call may have the server do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Report progress to the client, if it asked for that with a progress token.
    Progress(ProgressNotification),
    /// Send the client a log message, if it wants messages of that level.
    Log(LogNotification),
    /// Request input of the client. Keys are the tool's own; a key that has its response is not asked for again.
    RequestInput(BTreeMap<String, InputRequest>),
    /// Wait a while.
    Sleep(Duration),
    /// Ask Microsoft Graph as the user.
    Graph(Box<GraphRequest>),
    /// Ask Microsoft Graph as the user, for an answer that is read piece by piece. A step function has nothing to read it with, so
    /// that for one this is an error.
    GraphStream(Box<GraphRequest>),
    /// An Entra token of the user for these scopes of one resource, such as
    /// `https://graph.microsoft.com/Mail.Read` or `api://<application>/Orders.Read`. Graph's name, or
    /// none, means the Graph that is configured, so that it works in every cloud.
    Token(String),
    /// Notify everybody who listens that something changed.
    NotifyChanged(ChangeNotification),
    /// End the answer's connection here and let the client come back for the rest after this long; since
    /// 2025-11-25, elsewhere nothing happens.
    CloseStream(Duration),
}

impl Effect {
    /// Returns a progress report without a message.
    #[must_use]
    pub fn progress(progress: f64, total: Option<f64>) -> Self {
        Self::Progress(ProgressNotification::new(progress, total))
    }

    /// Returns a log message.
    #[must_use]
    pub fn log(level: LogLevel, text: &str) -> Self {
        Self::Log(LogNotification::new(level, text))
    }

    /// Returns a GET of this path and query of Microsoft Graph, such as `v1.0/me`.
    #[must_use]
    pub fn graph(path: impl Into<String>) -> Self {
        Self::Graph(Box::new(GraphRequest::get_path(path)))
    }

    /// Returns one input request.
    #[must_use]
    pub fn request_input(key: &str, input_request: InputRequest) -> Self {
        Self::RequestInput(BTreeMap::from([(key.to_owned(), input_request)]))
    }
}

/// What came of an effect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EffectResult {
    /// It was performed, or the client does not want it.
    Done,
    /// The responses of the client; [`Call::answer`](super::Call::answer) gives them too.
    Input(BTreeMap<String, InputResult>),
    /// Graph's answer.
    Graph(Result<GraphResponse, GraphError>),
    /// The head of Graph's answer. Its body is what the runtime keeps open of this ask ([`Fetch::kept_open`](crate::ask::Fetch)).
    GraphStream(GraphResponse, AskId),
    /// The token; or why there is none, for the model and the user.
    Token(Result<Secret<String>, String>),
}
