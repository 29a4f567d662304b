//! Jobs: what the server does without being asked.

use crate::{
    client_id_url::ClientIdUrl,
    endpoint::Endpoint,
    gateway::{RunProcess, Telling, TellingName},
    hub::Announcement,
};

/// What a job is for.
#[derive(Debug)]
pub struct Job(pub(crate) JobKind);

impl Job {
    /// Tries whether Entra accepts the credential of this server, and says in the log what it found. A runtime runs it once,
    /// when it starts.
    #[must_use]
    pub fn check_credential() -> Self {
        Self(JobKind::CheckCredential)
    }

    /// Tries whether the backend of this endpoint answers and is an MCP server, and says in the log if not. A runtime runs it once for each,
    /// when it starts.
    #[must_use]
    pub fn check_backend(endpoint: Endpoint) -> Self {
        Self(JobKind::CheckBackend(endpoint))
    }
}

impl Job {
    /// Which MCP endpoint it is about.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match &self.0 {
            JobKind::TellBackend(_, telling) => telling.endpoint,
            JobKind::ProbeBackend(endpoint) | JobKind::CheckBackend(endpoint) => *endpoint,
            JobKind::RunServer(run) => run.owner.endpoint,
            JobKind::RefreshEntraMetadata
            | JobKind::FetchIdentityToken
            | JobKind::CheckCredential
            | JobKind::ReadSigningKeys
            | JobKind::KeepAnnouncements(_)
            | JobKind::FetchClientDocument(_)
            | JobKind::FetchClientKeys(_) => Endpoint::MAIN,
        }
    }
}

/// The kinds of job.
#[derive(Debug)]
pub(crate) enum JobKind {
    /// Fetch Entra's metadata and signing keys and hand them to the hub.
    RefreshEntraMetadata,
    /// Fetch a token of the managed identity and hand it to the hub.
    FetchIdentityToken,
    /// Try whether Entra accepts the credential of this server.
    CheckCredential,
    /// Read the keys that assertions are signed with, or make them, and hand them to the hub.
    ReadSigningKeys,
    /// Keep in the store what was announced here, and hand the hub what was announced elsewhere.
    KeepAnnouncements(Vec<Announcement>),
    /// Tell the backend something that needs no answer.
    TellBackend(TellingName, Box<Telling>),
    /// Find out whether the backend of this endpoint is there.
    ProbeBackend(Endpoint),
    /// Try whether the backend of this endpoint answers as an MCP server.
    CheckBackend(Endpoint),
    /// Run a process that is a server.
    RunServer(Box<RunProcess>),
    /// Fetch the document of a client and hand it to the hub.
    FetchClientDocument(ClientIdUrl),
    /// Fetch the keys of a client and hand them to the hub.
    FetchClientKeys(ClientIdUrl),
}
