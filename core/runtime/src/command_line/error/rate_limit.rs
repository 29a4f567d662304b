//! What is wrong with a limit of rate.

/// A limit of rate is not one that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateLimitError {
    /// Nothing of that name is limited.
    UnknownName,
    /// It is no count within a time, or out of its bounds.
    InvalidRate,
}

impl RateLimitError {
    pub(super) fn wrong(self) -> &'static str {
        match self {
            Self::UnknownName => "it names nothing that is limited",
            Self::InvalidRate => "it is not a count from 1 to 1000000 within a time from 1s to 1h",
        }
    }

    pub(super) const RIGHT: &'static str = "Write registration, sign-in, token or tools, and how many within what time, such as \
         token=1200/1m, or token=off.";
}
