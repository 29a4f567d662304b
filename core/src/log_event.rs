//! The lines of the log: one for each event worth knowing, with nothing secret in it.
//!
//! A [`LogEvent`] is data; a runtime prints it. Its id, level and sentence come from one table,
//! [`LogEventId`]; its fields say what is particular. Values that came from outside are cut and their
//! control characters escaped here, so that no line can be forged and none is endless.

mod audit;
mod events;
mod field;
mod gateway_table;
mod sanitize;
mod table;
#[cfg(test)]
mod tests;
mod throttle;

use self::events::events;
pub use self::{
    audit::{AuditOutcome, Audited},
    field::Field,
    sanitize::sanitize,
    table::LogEventId,
    throttle::Throttle,
};
pub use entra_mcp_wire::text::is_invisible;

use std::borrow::Cow;

use self::sanitize::is_plain;
use crate::limits::{LOG_TEXT_CHARS, LOG_VALUE_CHARS};

/// A line seldom has more.
const USUAL_FIELDS: usize = 8;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody must look: the server itself is wrong.
    Error,
    /// The environment is wrong: Entra unreachable, the store down, a setting that Entra refuses.
    Warn,
    /// Something worth knowing happened: a sign-in, a revocation, a token used twice.
    Info,
    /// Something expected happened: a peer was refused, a token was renewed.
    Debug,
}

/// One line of the log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogEvent {
    id: LogEventId,
    fields: Vec<(Field, String)>,
    audited: Option<Box<Audited>>,
}

impl LogEvent {
    /// Creates a line without fields.
    #[must_use]
    pub fn new(id: LogEventId) -> Self {
        Self {
            id,
            fields: Vec::with_capacity(USUAL_FIELDS),
            audited: None,
        }
    }

    /// Adds a field. Its value may come from outside: it is cut and made harmless.
    #[must_use]
    pub fn with(self, field: Field, value: impl AsRef<str>) -> Self {
        self.add(field, Cow::Borrowed(value.as_ref()), LOG_VALUE_CHARS)
    }

    /// The same, of a text that is the line's own already.
    #[must_use]
    pub fn with_owned(self, field: Field, value: String) -> Self {
        self.add(field, Cow::Owned(value), LOG_VALUE_CHARS)
    }

    /// Adds a field that holds sentences of this server or of its environment, which may be longer
    /// than a value that a peer chooses.
    #[must_use]
    pub fn with_text(self, field: Field, text: impl AsRef<str>) -> Self {
        self.add(field, Cow::Borrowed(text.as_ref()), LOG_TEXT_CHARS)
    }

    fn add(mut self, field: Field, value: Cow<'_, str>, limit: usize) -> Self {
        debug_assert!(
            field == Field::RequestId || self.id.fields().contains(&field),
            "{field:?} is not documented for {:?}",
            self.id
        );
        let value = match is_plain(&value, limit) {
            true => value.into_owned(),
            false => sanitize(&value, limit),
        };
        self.fields.push((field, value));
        self
    }

    /// Returns what happened.
    #[must_use]
    pub fn id(&self) -> LogEventId {
        self.id
    }

    /// Returns how loud the line is.
    #[must_use]
    pub fn level(&self) -> Level {
        self.id.level()
    }

    /// Returns the fields in the order in which they are written.
    #[must_use]
    pub fn fields(&self) -> &[(Field, String)] {
        &self.fields
    }

    /// Returns the value of a field, if the line has it.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find_map(|(name, value)| (*name == field).then_some(value.as_str()))
    }
}

impl From<LogEventId> for LogEvent {
    fn from(id: LogEventId) -> Self {
        Self::new(id)
    }
}

/// The line for people: `[sign_in.completed] a user signed in subject="…"`, without time and level.
impl std::fmt::Display for LogEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}] {}", self.id.as_str(), self.id.sentence())?;
        for (field, value) in &self.fields {
            write!(f, " {}={value:?}", field.as_str())?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for LogEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {self}", self.level())
    }
}
