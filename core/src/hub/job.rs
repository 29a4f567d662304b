//! Jobs: what the server does without being asked.

use crate::client_id_url::ClientIdUrl;

/// What a job is for.
#[derive(Debug)]
pub struct Job(pub(crate) JobKind);

/// The kinds of job.
#[derive(Debug)]
pub(crate) enum JobKind {
    /// Fetch Entra's metadata and signing keys and hand them to the hub.
    RefreshEntraMetadata,
    /// Fetch the document of a client and hand it to the hub.
    FetchClientDocument(ClientIdUrl),
    /// Fetch the keys of a client and hand them to the hub.
    FetchClientKeys(ClientIdUrl),
}
