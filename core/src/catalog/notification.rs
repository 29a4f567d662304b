//! Notifications of a call: how far it is, lines of the log for its client, and what has changed.
//!
//! Source: MCP specification 2025-11-25, basic/utilities/progress and server/utilities/logging.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::meta::{Meta, meta_method};
use crate::{json_rpc::Id, revision::Revision};

/// How far a call is, for a client that wants to know.
///
/// ```
/// use entra_mcp_core::catalog::ProgressNotification;
/// let half = ProgressNotification::new(1.0, 2.0).message("half way").meta("com.example/page", 1);
/// assert_eq!(half.progress(), 1.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ProgressNotification {
    progress: f64,
    total: Option<f64>,
    message: Option<String>,
    meta: Meta,
}

impl ProgressNotification {
    /// The call is so far. It grows; `total` is what it will be in the end, if that is known.
    #[must_use]
    pub fn new(progress: f64, total: impl Into<Option<f64>>) -> Self {
        Self {
            progress,
            total: total.into(),
            message: None,
            meta: Meta::default(),
        }
    }

    /// A text for people; since 2025-03-26. Of a task it is the status message, in which `_meta` has no place.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    meta_method!(meta, "since 2025-11-25");

    /// Returns how far the call is.
    #[must_use]
    pub fn progress(&self) -> f64 {
        self.progress
    }

    /// Returns how far it will be in the end.
    #[must_use]
    pub fn total(&self) -> Option<f64> {
        self.total
    }

    /// Returns the text for people.
    #[must_use]
    pub fn message_text(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the members of `_meta`.
    #[must_use]
    pub fn meta_members(&self) -> &Map<String, Value> {
        self.meta.members()
    }

    /// The parameters, with the members that a revision has.
    pub(crate) fn to_json(&self, token: &Id, revision: Revision) -> Map<String, Value> {
        let mut params = Map::new();
        params.insert("progressToken".to_owned(), json!(token));
        params.insert("progress".to_owned(), number(self.progress));
        if let Some(total) = self.total.filter(|total| total.is_finite()) {
            params.insert("total".to_owned(), number(total));
        }
        if let (Some(message), true) = (&self.message, revision.features().annotations) {
            params.insert("message".to_owned(), json!(message));
        }
        self.meta.put_into_params(&mut params, revision);
        params
    }
}

/// A number without a fraction is written as an integer, as clients write it.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is compared afterwards")]
    let whole = value as i64;
    #[expect(
        clippy::cast_precision_loss,
        reason = "it is compared with what it was made of"
    )]
    let same = whole as f64 == value;
    if same { json!(whole) } else { json!(value) }
}

/// A line of the log for the client. Never log a secret so.
///
/// ```
/// use entra_mcp_core::catalog::{LogLevel, LogNotification};
/// let line = LogNotification::new(LogLevel::Info, "begun").meta("com.example/span", "7");
/// assert_eq!(line.level(), LogLevel::Info);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogNotification {
    level: LogLevel,
    data: Value,
    meta: Meta,
}

impl LogNotification {
    /// A line of this level: text, or any JSON.
    #[must_use]
    pub fn new(level: LogLevel, data: impl Into<Value>) -> Self {
        Self {
            level,
            data: data.into(),
            meta: Meta::default(),
        }
    }

    meta_method!(meta, "since 2025-11-25");

    /// Returns how much it matters.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        self.level
    }

    /// Returns what it says.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// Returns the members of `_meta`.
    #[must_use]
    pub fn meta_members(&self) -> &Map<String, Value> {
        self.meta.members()
    }

    /// The parameters, with the members that a revision has.
    pub(crate) fn into_json(self, logger: &str, revision: Revision) -> Map<String, Value> {
        let mut params = Map::new();
        params.insert("level".to_owned(), json!(self.level.as_str()));
        params.insert("logger".to_owned(), json!(logger));
        params.insert("data".to_owned(), self.data);
        self.meta.put_into_params(&mut params, revision);
        params
    }
}

/// What changed.
///
/// It has no `_meta`: changes of one thing are joined, those that other replicas announce among them, and what one of them said would be
/// lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangeNotification {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources.
    Resources,
    /// The resource of this URI.
    Resource(String),
}

/// How much a line of the log matters (RFC 5424 section 6.2.1), the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of RFC 5424")]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl LogLevel {
    const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// As records have it.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The level of this number.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
