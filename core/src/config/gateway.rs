//! What is set of the gateway: which MCP server stands behind this one, and what it is told of users.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};

use super::{BackendAddress, BackendCommand, BackendIdentity, BackendLimits};
use crate::{endpoint::BackendName, secret::Secret};

/// The server behind this one.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its name, if it is one of several: a part of its path, `/mcp/NAME`.
    pub name: Option<BackendName>,
    /// Where it is.
    pub backend: Backend,
    /// How it is told who calls.
    pub identity: BackendIdentity,
    /// The `aud` of assertions.
    pub audience: String,
    /// A header that goes with every request, such as the key of a service.
    pub header: Option<BackendHeader>,
    /// How long a call may take in all.
    pub call_timeout: Duration,
    /// The most bytes of one message of the backend.
    pub answer_bytes: usize,
    /// The most bytes of messages that are not whole yet, of all calls.
    pub held_bytes: usize,
    /// What else it may take.
    pub limits: BackendLimits,
    /// The PEM file of authorities that are believed besides the public ones. The runtime reads it.
    pub authorities: Option<PathBuf>,
    /// The PEM file of the certificate that the backend is shown, and its key. The runtime reads it.
    pub certificate: Option<PathBuf>,
    /// The file of the policy. The runtime reads it.
    pub policy: Option<PathBuf>,
}

/// Where the server behind this one is.
#[derive(Clone, Debug)]
pub enum Backend {
    /// At the address of an MCP endpoint (Streamable HTTP).
    Http(Arc<BackendAddress>),
    /// It is a process for each session (stdio).
    Stdio(Arc<BackendCommand>),
}

impl Gateway {
    /// The backend as it is shown, to users too: its name, and of its address or command nothing that may be a key.
    #[must_use]
    pub fn shown(&self) -> String {
        let place = self.shown_place();
        match &self.name {
            Some(name) => format!("{} ({place})", name.as_str()),
            None => place,
        }
    }

    /// What its endpoint is called, if it is one of several.
    pub(crate) fn title(&self) -> Option<&str> {
        self.name.as_ref().map(BackendName::as_str)
    }

    /// The same without the name.
    #[must_use]
    pub fn shown_place(&self) -> String {
        match &self.backend {
            Backend::Http(address) => {
                let address = address.to_string();
                let shown = address.split('?').next();
                shown.unwrap_or_default().to_owned()
            }
            Backend::Stdio(command) => command.shown(),
        }
    }

    /// Whether assertions are signed, so that there are keys to publish.
    #[must_use]
    pub fn signs(&self) -> bool {
        let identity = &self.identity;
        identity.assertion.is_some() || identity.easy_auth
    }

    /// How long a session of it lasts that nobody uses; a process has a time of its own.
    pub(crate) fn session_idle(&self) -> Option<Duration> {
        matches!(self.backend, Backend::Http(_)).then_some(self.limits.session_idle)
    }

    /// What is run, if it is a process.
    #[must_use]
    pub fn command(&self) -> Option<&Arc<BackendCommand>> {
        match &self.backend {
            Backend::Stdio(command) => Some(command),
            Backend::Http(_) => None,
        }
    }
}

/// A fixed header, whose value is a secret.
#[derive(Clone, Debug)]
pub struct BackendHeader {
    name: HeaderName,
    value: Secret<String>,
}

/// Headers that say what the gateway itself says of a request.
const OWN: [&str; 9] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "entra-mcp-assertion",
    "host",
    "mcp-session-id",
    "transfer-encoding",
    "user-agent",
];

impl BackendHeader {
    /// Reads `NAME: VALUE`; `None` if it is no header, or one that the gateway writes itself.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(':')?;
        let name = HeaderName::try_from(name.trim()).ok()?;
        let value = value.trim();
        HeaderValue::try_from(value).ok()?;
        let is_own = OWN.contains(&name.as_str()) || value.is_empty();
        let value = Secret::new(value.to_owned());
        (!is_own).then_some(Self { name, value })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &Secret<String> {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_read_and_its_value_is_not_shown() {
        let header = BackendHeader::parse("X-Api-Key:  s3cret key ").unwrap();
        assert_eq!(header.name(), "x-api-key");
        assert_eq!(header.value().expose(), "s3cret key");
        assert!(!format!("{header:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_header_or_the_gateways_own_is_refused() {
        for text in [
            "",
            "a",
            "a:",
            "a b: c",
            "a: b\nc: d",
            "Host: x",
            "entra-mcp-assertion: x",
        ] {
            assert!(BackendHeader::parse(text).is_none(), "{text}");
        }
    }
}
