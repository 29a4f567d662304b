//! Short texts that are shared rather than copied.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// Names, such as those of a user's app roles and groups. A copy costs nothing, however many there are.
///
/// ```
/// use entra_mcp_core::catalog::Names;
/// let roles = Names::from_iter(["Reports.Read", "Reports.Write"]);
/// assert!(roles.contains("Reports.Write"));
/// assert_eq!(roles.iter().count(), 2);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Names(Arc<str>);

/// What stands between two names.
const SEPARATOR: char = '\n';

impl Names {
    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(SEPARATOR)
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|one| one == name)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in one text, one a line.
    pub(crate) fn as_text(&self) -> &str {
        &self.0
    }

    /// Reads what [`Self::as_text`] gave.
    pub(crate) fn of_text(text: &str) -> Self {
        match text {
            "" => Self::default(),
            text => Self(text.into()),
        }
    }
}

/// A text that is empty, or has more than one line, is no name and is left out.
impl<T: AsRef<str>> FromIterator<T> for Names {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut text = String::new();
        for name in names {
            let name = name.as_ref();
            if name.is_empty() || name.contains(SEPARATOR) {
                continue;
            }
            if !text.is_empty() {
                text.push(SEPARATOR);
            }
            text.push_str(name);
        }
        Self::of_text(&text)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_were_collected_but_for_what_is_none() {
        let names = Names::from_iter(["a", "", "b c", "d\ne", "f"]);
        assert!(names.iter().eq(["a", "b c", "f"]));
        assert_eq!(Names::of_text(names.as_text()), names);
        assert!(names.contains("b c") && !names.contains("b") && !names.contains(""));
        for none in [Names::default(), Names::from_iter([""])] {
            assert!(none.is_empty() && none.iter().next().is_none() && !none.contains(""));
        }
    }
}
