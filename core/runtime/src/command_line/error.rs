//! What is wrong with a setting, in words that say what to change.

/// A wrong or missing setting. Never shows the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    wrong: String,
    right: String,
}

impl ConfigError {
    pub(super) fn new(setting: &str, wrong: &str, right: impl Into<String>) -> Self {
        Self {
            setting: setting.to_owned(),
            wrong: wrong.to_owned(),
            right: right.into(),
        }
    }

    /// The setting, as its flag or variable is written.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}. {}", self.setting, self.wrong, self.right)
    }
}

impl std::error::Error for ConfigError {}
