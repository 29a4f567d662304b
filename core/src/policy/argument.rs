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
    /// It is a text that begins with this, and goes up no folder after it, however that is written.
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

/// Whether a path leaves a folder that it is in, or may for who decodes it or reads it up to a zero.
fn goes_up(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    // Whoever decodes twice finds these in what was encoded twice.
    let path = path.replace("%25", "%").replace("%25", "%");
    let path = path
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%5c", "\\");
    path.split(['/', '\\']).any(|segment| segment == "..")
        || path.contains('\0')
        || path.contains("%00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_that_begins_right_and_goes_up_in_any_writing_is_refused() {
        let rule = ArgumentRule {
            argument: "path".to_owned(),
            check: ArgumentCheck::StartsWith("/pub/".to_owned()),
        };
        let admits = |path: &str| rule.admits(Some(&Value::from(path)));
        for path in ["/pub/a", "/pub/a..b", "/pub/...", "/pub/50%25", "/pub/%2e"] {
            assert!(admits(path), "{path}");
        }
        for path in [
            "/pub/../etc",
            "/pub/..",
            "/pub/a\\..\\b",
            "/pub/%2e%2E/etc",
            "/pub/.%2e%2fetc",
            "/pub/a%5C..",
            "/pub/%252e%252e/etc",
            "/pub/%25252e./etc",
            "/pub/a\0.txt",
            "/pub/a%00",
            "/etc",
        ] {
            assert!(!admits(path), "{path}");
        }
    }
}
