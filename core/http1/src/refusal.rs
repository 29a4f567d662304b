//! What a connection answers by itself, to what is no request or does not arrive.

use bytes::Bytes;
use entra_mcp_wire::response::text;
use http::{Response, StatusCode};

use crate::{body::BodyError, head::HeadError};

/// Why a request is refused before anybody sees it. The connection is closed after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not HTTP/1.1 as RFC 9112 has it, or can be read in two ways.
    Malformed,
    /// It did not arrive in time.
    TimedOut,
    /// Its target is longer than [`crate::limits::TARGET_BYTES`].
    TargetTooLong,
    /// Its head is longer than [`crate::limits::HEAD_BYTES`] or has more fields than
    /// [`crate::limits::HEAD_FIELDS`] (RFC 6585 section 5).
    HeadTooLarge,
    /// It expects something other than `100-continue` (RFC 9110 section 10.1.1).
    Expectation,
    /// Its body is longer than was accepted.
    BodyTooLarge,
}

impl Refusal {
    /// Returns the answer.
    #[must_use]
    pub fn response(self) -> Response<Bytes> {
        let (status, sentence) = match self {
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                "This is not a request that this server reads (RFC 9112).\n",
            ),
            Self::TimedOut => (
                StatusCode::REQUEST_TIMEOUT,
                "The request did not arrive in time.\n",
            ),
            Self::TargetTooLong => (StatusCode::URI_TOO_LONG, "The address is too long.\n"),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The request has too many or too long header fields.\n",
            ),
            Self::Expectation => (
                StatusCode::EXPECTATION_FAILED,
                "This server does not do what the request expects.\n",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request body is too large.\n",
            ),
        };
        text(status, sentence)
    }
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Malformed => Self::Malformed,
            HeadError::TooLarge => Self::HeadTooLarge,
            HeadError::TargetTooLong => Self::TargetTooLong,
            HeadError::Expectation => Self::Expectation,
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::BodyTooLarge,
            BodyError::Malformed => Self::Malformed,
        }
    }
}
