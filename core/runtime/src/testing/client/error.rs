//! Why a client has no result.

use std::{error::Error, fmt, io};

use serde_json::Value;

/// Why a client has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientError {
    /// The status, where HTTP says no: 401 if the session has ended, 403 if the session lacks a scope.
    pub status: Option<u16>,
    /// The code of an error of JSON-RPC.
    pub code: Option<i64>,
    /// What was said.
    pub message: String,
    /// The scopes for which the client is to have its user sign in.
    pub needs_scope: Option<String>,
}

impl ClientError {
    pub(super) fn new(message: &str) -> Self {
        Self {
            status: None,
            code: None,
            message: message.to_owned(),
            needs_scope: None,
        }
    }

    pub(super) fn of_status(status: u16, body: &str) -> Self {
        Self {
            status: Some(status),
            ..Self::new(body)
        }
    }

    pub(super) fn of_json_rpc(error: &Value) -> Self {
        let message = error.get("message").and_then(Value::as_str);
        Self {
            code: error.get("code").and_then(Value::as_i64),
            ..Self::new(message.unwrap_or_default())
        }
    }

    /// Reads which scopes a challenge wants (RFC 6750 section 3).
    pub(super) fn with_challenge(mut self, challenge: &str) -> Self {
        if challenge.contains("insufficient_scope") {
            let scope = challenge.split("scope=\"").nth(1);
            let scope = scope.and_then(|rest| rest.split('"').next());
            self.needs_scope = scope.map(str::to_owned);
        }
        self
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::new(&error.to_string())
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, "status {status}: ")?;
        }
        if let Some(code) = self.code {
            write!(f, "error {code}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Error for ClientError {}
