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
pub(crate) use entra_mcp_wire::text::is_plain;

use crate::limits::{LOG_TEXT_CHARS, LOG_VALUE_CHARS};

/// A line seldom has more.
const USUAL_FIELDS: usize = 8;

/// Nor values of more bytes together.
const USUAL_BYTES: usize = 200;

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
    /// Each with the place in the text where its value ends; it begins where that of the one before it ends.
    fields: Vec<(Field, usize)>,
    /// All values, one after the other: every call of a tool is a line.
    text: String,
    audited: Option<Box<Audited>>,
}

impl LogEvent {
    /// Creates a line without fields.
    #[must_use]
    pub fn new(id: LogEventId) -> Self {
        Self {
            id,
            fields: Vec::with_capacity(USUAL_FIELDS),
            text: String::with_capacity(USUAL_BYTES),
            audited: None,
        }
    }

    /// Adds a field. Its value may come from outside: it is cut and made harmless.
    #[must_use]
    pub fn with(self, field: Field, value: impl AsRef<str>) -> Self {
        self.add(field, value.as_ref(), LOG_VALUE_CHARS)
    }

    /// Adds a field that holds sentences of this server or of its environment, which may be longer
    /// than a value that a peer chooses.
    #[must_use]
    pub fn with_text(self, field: Field, text: impl AsRef<str>) -> Self {
        self.add(field, text.as_ref(), LOG_TEXT_CHARS)
    }

    fn add(mut self, field: Field, value: &str, limit: usize) -> Self {
        debug_assert!(
            field == Field::RequestId || self.id.fields().contains(&field),
            "{field:?} is not documented for {:?}",
            self.id
        );
        match value.len() <= limit && is_plain(value) {
            true => self.text.push_str(value),
            false => self.text.push_str(&sanitize(value, limit)),
        }
        self.fields.push((field, self.text.len()));
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

    /// Returns the fields and their values in the order in which they are written.
    pub fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        let mut begin = 0;
        self.fields.iter().map(move |(field, end)| {
            let value = self.text.get(begin..*end).unwrap_or_default();
            begin = *end;
            (*field, value)
        })
    }

    /// Returns the value of a field, if the line has it.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<&str> {
        let mut fields = self.fields();
        fields.find_map(|(name, value)| (name == field).then_some(value))
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
        for (field, value) in self.fields() {
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
