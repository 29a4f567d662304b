//! What this server proves its identity to Entra ID with. Besides a client secret that is a certificate with its private
//! key, the federated token of another issuer, or the managed identity of a machine that Azure Arc manages. All of them are
//! files, and each is read when it is needed: one that was replaced is used without a restart.

mod arc_key;
mod certificate;
mod error;
mod federated_token;
#[cfg(feature = "pfx")]
mod pfx;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use entra_mcp_core::{
    ask::{Ask, AssertionClaims, AssertionFault, ClientAssertion},
    config::{CertificateFile, ClientCredential},
    log_event::{Field, LogEvent, LogEventId},
    time::UnixTime,
};

use self::{certificate::Certificate, error::CredentialProblem, federated_token::FederatedToken};
use crate::{config::AssertionSource, log::log};

pub use self::error::ClientCredentialError;

/// The longest file that is read.
const FILE_BYTES: u64 = 64 * 1024;

/// How long before the end of a secret or certificate that is announced in the log.
const ANNOUNCED_BEFORE: Duration = Duration::from_secs(30 * 86_400);

/// How often the log says so.
const ANNOUNCED_EVERY: Duration = Duration::from_secs(86_400);

/// The maker of client assertions.
#[derive(Debug)]
pub struct ClientAssertions {
    source: Source,
    /// When the log last said that it ends; 0 for never.
    announced: AtomicU64,
}

#[derive(Debug)]
enum Source {
    /// A client secret, which is sent itself, and when it ends, if that is known.
    Secret(Option<UnixTime>),
    /// The agent of Azure Arc names files of this folder.
    Arc(PathBuf),
    Certificate(CertificateFile),
    FederatedToken(PathBuf),
    /// A function of the program gives them.
    Program(AssertionSource),
}

impl Source {
    fn of(credential: &ClientCredential) -> Self {
        match credential {
            ClientCredential::Secret(secret) => Self::Secret(secret.expires),
            ClientCredential::Certificate(file) => Self::Certificate(file.clone()),
            ClientCredential::FederatedToken(path) => Self::FederatedToken(path.clone()),
            ClientCredential::ManagedIdentity(_) => Self::Arc(arc_key::folder()),
        }
    }
}

impl ClientAssertions {
    /// Reads the credential once, so that a wrong setting is known at the start.
    ///
    /// # Errors
    ///
    /// Why the credential cannot be used.
    pub(crate) fn open(
        credential: &ClientCredential,
        own: Option<AssertionSource>,
        now: UnixTime,
    ) -> Result<Self, ClientCredentialError> {
        let source = match (credential, own) {
            (ClientCredential::FederatedToken(_), Some(own)) => Source::Program(own),
            (credential, _) => Source::of(credential),
        };
        let assertions = Self {
            source,
            announced: AtomicU64::new(0),
        };
        match &assertions.source {
            // A function may be slow, and what it waits for not there yet.
            Source::Arc(_) | Source::Program(_) => {}
            Source::Secret(_) => assertions.remind(now),
            Source::Certificate(file) => {
                let path = &file.path;
                let certificate = Certificate::read(file)
                    .map_err(|problem| at(path, "AZURE_CLIENT_CERTIFICATE_PATH", problem))?;
                assertions.announce_end(path, certificate.expires, now);
            }
            Source::FederatedToken(path) => FederatedToken::read(path)
                .map_err(|problem| at(path, "AZURE_FEDERATED_TOKEN_FILE", problem))?
                .warn(path, now),
        }
        Ok(assertions)
    }

    /// Makes a client assertion. It reads a file, and may sign: do it where waiting is allowed.
    pub fn answer(
        &self,
        assertion: &ClientAssertion,
        now: UnixTime,
    ) -> <ClientAssertion as Ask>::Answer {
        match (&self.source, assertion) {
            (Source::Certificate(file), ClientAssertion::Signed(claims)) => {
                let path = &file.path;
                let made = Certificate::read(file).and_then(|certificate| {
                    self.announce_end(path, certificate.expires, now);
                    let input = claims.signing_input(&certificate.header());
                    let signature = certificate.sign(input.as_bytes())?;
                    Ok(AssertionClaims::jwt(&input, &signature))
                });
                made.map_err(|problem| {
                    complain(LogEventId::EntraCertificateUnusable, path, &problem);
                    AssertionFault::Certificate
                })
            }
            (Source::FederatedToken(path), ClientAssertion::FederatedToken) => {
                let read = FederatedToken::read(path).map_err(|problem| {
                    complain(LogEventId::EntraFederatedTokenUnusable, path, &problem);
                    AssertionFault::FederatedToken
                })?;
                read.warn(path, now);
                Ok(read.text)
            }
            (Source::Program(source), ClientAssertion::FederatedToken) => {
                source.assertion().map_err(|error| {
                    log(&LogEvent::new(LogEventId::EntraFederatedTokenUnusable)
                        .with_text(Field::Error, error.to_string()));
                    AssertionFault::FederatedToken
                })
            }
            (Source::Arc(folder), ClientAssertion::ArcKey(path)) => {
                let path = Path::new(path);
                arc_key::read(path, folder).map_err(|problem| {
                    complain(LogEventId::EntraArcKeyUnusable, path, &problem);
                    AssertionFault::ArcKey
                })
            }
            // Another credential was configured than the core asks for: there is one configuration, so never.
            (_, ClientAssertion::Signed(_)) => Err(AssertionFault::Certificate),
            (_, ClientAssertion::FederatedToken) => Err(AssertionFault::FederatedToken),
            (_, ClientAssertion::ArcKey(_)) => Err(AssertionFault::ArcKey),
        }
    }

    /// Says once a day that the client secret ends, or has ended. A certificate is looked at whenever it is used.
    pub(crate) fn remind(&self, now: UnixTime) {
        if let Source::Secret(Some(expires)) = self.source
            && self.is_to_announce(expires, now)
        {
            log(&LogEvent::new(LogEventId::EntraSecretExpires)
                .with(Field::Expires, expires.0.to_string()));
        }
    }

    /// Says once a day that the certificate ends, or has ended.
    fn announce_end(&self, path: &Path, expires: UnixTime, now: UnixTime) {
        if self.is_to_announce(expires, now) {
            log(&LogEvent::new(LogEventId::EntraCertificateExpires)
                .with(Field::Path, path.display().to_string())
                .with(Field::Expires, expires.0.to_string()));
        }
    }

    /// Whether the log is to say that something ends then. It has said so afterwards.
    fn is_to_announce(&self, expires: UnixTime, now: UnixTime) -> bool {
        if now.after(ANNOUNCED_BEFORE) < expires {
            return false;
        }
        let last = self.announced.load(Ordering::Relaxed);
        let is_due = last == 0 || now.0.abs_diff(last) >= ANNOUNCED_EVERY.as_secs();
        if is_due {
            self.announced.store(now.0, Ordering::Relaxed);
        }
        is_due
    }
}

fn at(path: &Path, variable: &'static str, problem: CredentialProblem) -> ClientCredentialError {
    ClientCredentialError {
        variable,
        path: path.to_owned(),
        problem,
    }
}

fn complain(id: LogEventId, path: &Path, problem: &CredentialProblem) {
    log(&LogEvent::new(id)
        .with(Field::Path, path.display().to_string())
        .with(Field::Error, problem.to_string()));
}
