//! What can go wrong for a client, and what it does then.

use bytes::Bytes;
use http::{Response, header};
use serde_json::Value;

use crate::net::Broken;

/// Why a client did not get what it wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The connection broke.
    Broken,
    /// The server refused or could not: the status, the OAuth error if there is one, what scope it
    /// takes, and how many seconds to wait if it said.
    Status {
        /// The status.
        status: u16,
        /// `error` of the body, or of the challenge.
        error: Option<String>,
        /// `scope` of the challenge.
        scope: Option<String>,
        /// `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The browser came back with an error.
    Returned {
        /// `error`.
        error: String,
        /// `error_description`.
        description: String,
    },
    /// The user got stuck on a page with this status and text.
    Page {
        /// The status.
        status: u16,
        /// The HTML.
        body: String,
    },
    /// A JSON-RPC error.
    Rpc {
        /// The code.
        code: i64,
        /// The message.
        message: String,
    },
    /// The tool itself says that it failed (`isError`).
    Tool(String),
    /// The server does not keep to the protocol.
    ProtocolViolation(String),
}

impl ClientError {
    /// The error that an answer other than 2xx is.
    #[must_use]
    pub fn of(response: &Response<Bytes>) -> Self {
        let header = |name| response.headers().get(name)?.to_str().ok();
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let error = body.get("error").and_then(Value::as_str).map(str::to_owned);
        let challenged = |name: &str| {
            let (_, rest) = header(header::WWW_AUTHENTICATE)?.split_once(name)?;
            Some(rest.split('"').next()?.to_owned())
        };
        Self::Status {
            status: response.status().as_u16(),
            error: error.or_else(|| challenged("error=\"")),
            scope: challenged("scope=\""),
            retry_after: header(header::RETRY_AFTER).and_then(|seconds| seconds.parse().ok()),
        }
    }

    /// The server does not keep to the protocol.
    #[must_use]
    pub fn violation(what: &str) -> Self {
        Self::ProtocolViolation(what.to_owned())
    }

    /// The status, if that is what it is.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } | Self::Page { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The same without the texts that came with it.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Page { status, .. } => format!("a page with {status}"),
            other => other.to_string(),
        }
    }

    /// The OAuth error, if there is one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Status { error, .. } => error.as_deref(),
            Self::Returned { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<Broken> for ClientError {
    fn from(Broken: Broken) -> Self {
        Self::Broken
    }
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for ClientError {}
