//! What goes wrong with a backend, and what the client is told of it. It is never the client's sign-in: a 401 of the backend
//! is a matter of its configuration (threat R8).

use ::http::{HeaderMap, StatusCode, header};

use crate::ask::PullFault;

/// Why there is no answer of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackendFault {
    /// No connection to it.
    Unreachable,
    /// It has not answered in time.
    TimedOut,
    /// The connection broke, or its answer ended without one.
    Broken,
    /// What it sent is longer than it may be.
    TooLarge,
    /// It sent what is no message.
    NotUnderstood,
    /// It sent more messages before its answer than one call may have.
    TooMany,
    /// It does not accept the sign-in.
    Refused(StatusCode),
    /// It has too much to do; and when to come again, in seconds.
    Busy(u64),
    /// This server has no room for it: when to come again, in seconds, and for what.
    Full(u64, &'static str),
    /// It answered with this status.
    Status(StatusCode),
    /// It sent back a credential that it was given.
    Leaked,
    /// Nothing can be signed that says who calls.
    NoAssertion,
}

/// In how many seconds to come again, where the backend has not said it.
const RETRY_AFTER: u64 = 5;

impl BackendFault {
    /// What the end of a request without an answer means.
    pub(crate) fn of_end(
        end: Result<(), PullFault>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Self {
        match end {
            Err(PullFault::Unreachable) => Self::Unreachable,
            Err(PullFault::TimedOut) => Self::TimedOut,
            Err(PullFault::Broken) => Self::Broken,
            Ok(()) if status.is_success() => Self::Broken,
            Ok(()) => match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Refused(status),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    let seconds = headers.get(header::RETRY_AFTER);
                    let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
                    Self::Busy(seconds.unwrap_or(RETRY_AFTER))
                }
                _ => Self::Status(status),
            },
        }
    }

    /// There is no room for what it sends.
    pub(crate) fn too_many_bytes() -> Self {
        Self::Full(RETRY_AFTER, "there is no room for what it sends")
    }

    /// There is no room for another call.
    pub(crate) fn too_many_calls() -> Self {
        Self::Full(RETRY_AFTER, "there are too many calls")
    }

    /// In words, for the client.
    pub(crate) fn message(self) -> String {
        let message = match self {
            Self::Unreachable => {
                "The server behind this gateway cannot be reached. Try again in a minute."
            }
            Self::TimedOut => "The server behind this gateway did not answer in time.",
            Self::Broken => {
                "The server behind this gateway ended before it answered; it may have done its work."
            }
            Self::TooLarge => {
                "The answer of the server behind this gateway is too large to be passed on."
            }
            Self::NotUnderstood => {
                "The server behind this gateway sent something that is no MCP message."
            }
            Self::TooMany => {
                "The server behind this gateway sent too many messages before its answer."
            }
            Self::Refused(_) => {
                "The server behind this gateway does not accept this sign-in. Its operator has to see to that: \
                 signing in again does not help."
            }
            Self::Busy(seconds) | Self::Full(seconds, _) => {
                return format!(
                    "The server behind this gateway is busy. Try again in {seconds} seconds."
                );
            }
            Self::Status(status) => {
                return format!(
                    "The server behind this gateway answered with the HTTP status {}.",
                    status.as_u16()
                );
            }
            Self::Leaked => {
                "The answer of the server behind this gateway held a credential, and was not passed on."
            }
            Self::NoAssertion => {
                "This gateway cannot tell the server behind it who calls. Try again in a minute."
            }
        };
        message.to_owned()
    }

    /// In how many seconds to come again, where that may help.
    pub(crate) fn retry_after(self) -> Option<u64> {
        match self {
            Self::Busy(seconds) | Self::Full(seconds, _) => Some(seconds),
            Self::Unreachable | Self::NoAssertion => Some(RETRY_AFTER),
            _ => None,
        }
    }

    /// In words, for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "it cannot be reached",
            Self::TimedOut => "it did not answer in time",
            Self::Broken => "it ended before it answered",
            Self::TooLarge => "its answer is too large",
            Self::NotUnderstood => "it sent what is no MCP message",
            Self::TooMany => "it sent too many messages before its answer",
            Self::Refused(_) => "it does not accept the sign-in",
            Self::Busy(_) => "it is busy",
            Self::Full(_, what) => what,
            Self::Status(_) => "it answered with an HTTP status that is no answer",
            Self::Leaked => "it sent back a credential that it was given",
            Self::NoAssertion => "nothing can be signed that says who calls",
        }
    }
}
