//! What the numbers of Entra's errors mean: for the user, for the client and for the operator (Microsoft identity platform,
//! "Microsoft Entra authentication and authorization error codes").
//!
//! Nothing is decided by a number: what this server does, and which OAuth error the client gets, follows from Entra's `error`
//! and `suberror`, for numbers come and go. They choose the words, which are this server's own (threat D5).

mod table;
#[cfg(test)]
mod tests;

use self::table::KNOWN_ERRORS;

/// An error that people meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownError {
    /// The number behind `AADSTS`.
    pub(crate) number: u64,
    pub(crate) concerns: Concerns,
    /// What has happened: ASCII without quotation marks, so that it may stand in an `error_description` (RFC 6749
    /// section 5.2).
    pub(crate) cause: &'static str,
    /// What the operator can do, for the log: often a command, in which CAPITALS stand for what is the operator's own.
    pub(crate) fix: &'static str,
}

impl KnownError {
    /// What the user is told to do. Where any organization may come in, its administrator lets this server in at that
    /// address.
    pub(crate) fn advice(&self, admin_consent: Option<&str>) -> String {
        let advice = self.concerns.advice();
        match admin_consent.filter(|_| CONSENT_IS_MISSING.contains(&self.number)) {
            Some(address) => {
                format!(
                    "Ask an administrator of your organization to let this server in at {address}."
                )
            }
            None => advice.to_owned(),
        }
    }
}

/// The errors that an administrator of another organization ends by letting the application in.
const CONSENT_IS_MISSING: [u64; 5] = [65_001, 90_094, 90_095, 650_052, 700_016];

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concerns {
    /// The user, by this.
    User(&'static str),
    /// Whoever administers the tenant.
    Administrator,
    /// Whoever runs this server: its registration, its credential or its settings are wrong.
    Operator,
    /// Nobody: it passes.
    Passing,
}

impl Concerns {
    /// What the user is told to do, in the same characters as the cause.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::User(advice) => advice,
            Self::Administrator => "Ask the administrator of your organization.",
            Self::Operator => "Tell whoever runs this server: the log says what to do.",
            Self::Passing => "Try again in a moment.",
        }
    }
}

/// Returns what an `AADSTS` number means, if it is one that people meet.
pub(crate) fn known(number: u64) -> Option<&'static KnownError> {
    KNOWN_ERRORS.iter().find(|error| error.number == number)
}
