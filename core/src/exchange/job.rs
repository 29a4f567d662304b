//! Jobs: what the server does without being asked.

/// What an job is for.
#[derive(Debug)]
pub struct Job(pub(crate) JobKind);

/// The kinds of job.
#[derive(Debug)]
pub(crate) enum JobKind {
    /// Fetch Entra's metadata and signing keys and hand them to the hub.
    RefreshEntraMetadata,
}
