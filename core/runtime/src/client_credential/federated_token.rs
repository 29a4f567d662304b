//! The token of another issuer, as a cluster writes it to a file and replaces it before it expires (Microsoft,
//! "Workload identity federation"; Kubernetes, "ServiceAccount token volume projection").

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_core::{
    log_event::{Field, LogEvent, LogEventId},
    secret::Secret,
    time::UnixTime,
};
use serde::Deserialize;

use super::error::{CredentialProblem, read_file};
use crate::log::log;

/// The token, of which Entra judges everything; here only its end is looked at.
pub(super) struct FederatedToken {
    pub(super) text: Secret<String>,
    expires: Option<UnixTime>,
}

impl FederatedToken {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, CredentialProblem> {
        let bytes = read_file(path)?;
        let text = std::str::from_utf8(&bytes).map_or("", str::trim);
        let parts: Vec<&str> = text.split('.').collect();
        let is_base64url = |part: &&str| {
            let mut bytes = part.bytes();
            !part.is_empty()
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let [_, claims, _] = parts.as_slice() else {
            return Err(CredentialProblem::NoToken);
        };
        if !parts.iter().all(is_base64url) {
            return Err(CredentialProblem::NoToken);
        }
        Ok(Self {
            text: Secret::new(text.to_owned()),
            expires: expires(claims),
        })
    }

    /// Says in the log that the token has expired: whoever writes the file does so no more.
    pub(super) fn warn(&self, path: &Path, now: UnixTime) {
        if let Some(expires) = self.expires.filter(|expires| *expires <= now) {
            log(&LogEvent::new(LogEventId::EntraFederatedTokenExpired)
                .with(Field::Path, path.display().to_string())
                .with(Field::Expires, expires.0.to_string()));
        }
    }
}

fn expires(claims: &str) -> Option<UnixTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: u64,
    }
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(UnixTime(claims.exp))
}
