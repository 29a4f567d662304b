//! What the log is told: one line an event worth knowing, with nothing secret in it.
//!
//! An [`LogEvent`] is data; a runtime prints it. Values that came from outside are cut and their
//! control characters escaped here, so that no line can be forged and none is endless.

pub use entra_mcp_wire::text::is_invisible;

use crate::limits::LOG_VALUE_CHARS;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody must look: the server itself is wrong.
    Error,
    /// The environment is wrong: Entra unreachable, the store down, a setting that Entra refuses.
    Warn,
    /// Something worth knowing happened: a sign-in, a revocation, a token used twice.
    Info,
    /// A peer was refused.
    Debug,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// How loud.
    pub level: Level,
    /// What happened, as a fixed sentence.
    pub event: &'static str,
    /// Names and values that say more.
    pub fields: Vec<(&'static str, String)>,
}

impl LogEvent {
    /// A line without fields.
    #[must_use]
    pub fn new(level: Level, event: &'static str) -> Self {
        Self {
            level,
            event,
            fields: Vec::new(),
        }
    }

    /// Adds a field; its value is cut and made sanitize.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.fields
            .push((name, sanitize(value.as_ref(), LOG_VALUE_CHARS)));
        self
    }
}

/// The first `limit` characters of a text, with control, invisible and direction-changing
/// characters written as escapes.
#[must_use]
pub fn sanitize(text: &str, limit: usize) -> String {
    let mut sanitize = String::new();
    for character in text.chars().take(limit) {
        if character.is_control() || is_invisible(character) {
            sanitize.extend(character.escape_unicode());
        } else {
            sanitize.push(character);
        }
    }
    if text.chars().nth(limit).is_some() {
        sanitize.push('…');
    }
    sanitize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_forge_a_line_or_be_endless() {
        let audit = LogEvent::new(Level::Info, "client registered")
            .with("client_name", "Claude\r\nERROR forged \u{1b}[31m\u{202e}")
            .with("redirect_uri", "x".repeat(100_000));
        let name = &audit.fields[0].1;
        assert!(!name.contains(['\r', '\n', '\u{1b}', '\u{202e}']), "{name}");
        assert!(audit.fields[1].1.chars().count() <= LOG_VALUE_CHARS + 1);
    }
}
