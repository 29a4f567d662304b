//! What has to hold for an argument of a call.

use serde_json::Value;

/// What has to hold for one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentRule {
    /// Its name.
    pub argument: String,
    /// What has to hold.
    pub check: ArgumentCheck,
}

/// What has to hold for the value of an argument. But for the last two, it has to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentCheck {
    /// It is one of these.
    OneOf(Vec<Value>),
    /// It is a text that begins with this, and goes up no folder after it.
    StartsWith(String),
    /// It is a text of so many characters at most, or not given.
    MaxLength(usize),
    /// It is not given.
    Absent,
}

impl ArgumentRule {
    /// Whether this holds for the value that is given, or for none.
    pub(crate) fn admits(&self, value: Option<&Value>) -> bool {
        match (&self.check, value) {
            (ArgumentCheck::OneOf(allowed), Some(value)) => allowed.contains(value),
            (ArgumentCheck::StartsWith(start), Some(Value::String(text))) => text
                .strip_prefix(start.as_str())
                .is_some_and(|_| !goes_up(text)),
            (ArgumentCheck::MaxLength(most), Some(Value::String(text))) => {
                text.chars().count() <= *most
            }
            (ArgumentCheck::MaxLength(_) | ArgumentCheck::Absent, None) => true,
            _ => false,
        }
    }

    /// What has to hold, in words.
    pub(crate) fn words(&self) -> String {
        let name = &self.argument;
        match &self.check {
            ArgumentCheck::OneOf(allowed) => {
                let allowed: Vec<_> = allowed.iter().map(Value::to_string).collect();
                format!("`{name}` has to be one of: {}.", allowed.join(", "))
            }
            ArgumentCheck::StartsWith(start) => {
                format!("`{name}` has to begin with {start:?} and to go up no folder.")
            }
            ArgumentCheck::MaxLength(most) => {
                format!("`{name}` has to be a text of {most} characters at most.")
            }
            ArgumentCheck::Absent => format!("`{name}` must not be given."),
        }
    }
}

/// Whether a path leaves a folder that it is in.
fn goes_up(path: &str) -> bool {
    path.split(['/', '\\']).any(|segment| segment == "..")
}
